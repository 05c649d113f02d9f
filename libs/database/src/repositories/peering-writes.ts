/** The two writes that every change of a connection goes through, for the API and for the worker. */
import { newId } from '#runtime';

import type { NewEvent, NewPeering, PeeringRecord } from '../records.js';
import { holding } from '../refusal.js';
import { statement } from '../statement.js';
import type { RunStatement } from './address-plan.js';
import { movedDueAt } from './due-again.js';
import { claimsOf, derive, holdingOf } from './peering-rows.js';
import { toDateOrNull } from './time.js';

const INSERT = statement(
  'peerings.insert',
  `WITH connection AS (
     INSERT INTO peering_connections (id, tenant_id, project_id, deployment_id, cloud, region, display_name, spec, state,
       reason_code, status, provider_id, peer_key, sole, live, due_at, deadline_at, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $18)
   ), claims AS (
     INSERT INTO address_claims (deployment_id, tenant_id, connection_id, block, created_at)
     SELECT $4, $2, $1, block, $18 FROM unnest($19::inet[]) AS block
   )
   INSERT INTO connection_events (id, tenant_id, connection_id, type, actor, data, created_at)
   SELECT id, $2, $1, type, actor, data::json, $18
   FROM unnest($20::text[], $21::text[], $22::text[], $23::text[]) AS event (id, type, actor, data)`,
);

/** A connection at birth, with its claims and events, in one statement. */
export async function insertPeering(run: RunStatement, peering: NewPeering): Promise<PeeringRecord> {
  const { deployment, status, spec, now } = peering;
  const record: PeeringRecord = {
    id: peering.id ?? newId('peer', now),
    tenantId: deployment.tenantId,
    projectId: deployment.projectId,
    deploymentId: deployment.id,
    cloud: deployment.cloud,
    region: deployment.region,
    displayName: peering.displayName,
    desired: 'present',
    spec,
    locked: false,
    lockedNote: null,
    status,
    dueAt: peering.dueAt,
    lastObservedAt: null,
    version: 1,
    createdAt: now,
    updatedAt: now,
    deletedAt: null,
    network: deployment.network,
  };
  const columns = derive(record.cloud, spec, status);
  const values = [
    record.id,
    record.tenantId,
    record.projectId,
    record.deploymentId,
    record.cloud,
    record.region,
    record.displayName,
    JSON.stringify(spec),
    status.state,
    status.reason.code,
    JSON.stringify(status),
    columns.providerId,
    columns.peerKey,
    columns.sole,
    columns.live,
    toDateOrNull(record.dueAt),
    columns.deadlineAt,
    new Date(now),
    sorted(claimsOf(status)),
    ...eventColumns(peering.events, now),
  ];
  await holding(holdingOf(record), run(INSERT, values));
  return record;
}

const UPDATE = statement<{ id: string }>(
  'peerings.update',
  `UPDATE peering_connections SET display_name = $3, desired = $4, spec = $5, locked_note = $6, state = $7,
     reason_code = $8, status = $9, provider_id = $10, peer_key = $11, sole = $12, live = $13,
     due_at = ${movedDueAt('due_at', '$19::timestamptz', '$14::timestamptz')}, deadline_at = $15,
     last_observed_at = $16, deleted_at = $17, updated_at = $18, version = version + 1
   WHERE id = $1 AND version = $2 RETURNING id`,
);

const UNCLAIM = statement(
  'peerings.unclaim',
  'DELETE FROM address_claims WHERE connection_id = $1 AND block = ANY ($2::inet[])',
);

const CLAIM = statement(
  'peerings.claim',
  `INSERT INTO address_claims (deployment_id, tenant_id, connection_id, block, created_at)
   SELECT $1, $2, $3, block, $4 FROM unnest($5::inet[]) AS block`,
);

const TELL = statement(
  'peerings.tell',
  `INSERT INTO connection_events (id, tenant_id, connection_id, type, actor, data, created_at)
   SELECT id, $1, $2, type, actor, data::json, $3
   FROM unnest($4::text[], $5::text[], $6::text[], $7::text[]) AS event (id, type, actor, data)`,
);

/**
 * Replaces what `before` was by `after` (same id), moves its claims along, and tells what happened. Claims that stay
 * are not touched, so that a reserved range that came later does not hit them.
 * @returns `after` with its new version; null when the row is no longer what `before` says: roll back
 */
export async function replacePeering(
  run: RunStatement,
  before: PeeringRecord,
  after: PeeringRecord,
  events: readonly NewEvent[],
  now: number,
): Promise<PeeringRecord | null> {
  const { status } = after;
  const columns = derive(after.cloud, after.spec, status);
  const deletedAt = status.state === 'deleted' ? (before.deletedAt ?? now) : null;
  const values = [
    before.id,
    before.version,
    after.displayName,
    after.desired,
    JSON.stringify(after.spec),
    after.lockedNote,
    status.state,
    status.reason.code,
    JSON.stringify(status),
    columns.providerId,
    columns.peerKey,
    columns.sole,
    columns.live,
    toDateOrNull(after.dueAt),
    columns.deadlineAt,
    toDateOrNull(after.lastObservedAt),
    toDateOrNull(deletedAt),
    new Date(now),
    toDateOrNull(before.dueAt),
  ];
  const held = new Set(claimsOf(before.status));
  const wanted = new Set(claimsOf(status));
  const dropped = [...held].filter((block) => !wanted.has(block));
  const added = [...wanted].filter((block) => !held.has(block));
  const wants = holdingOf(after);
  const writes: Promise<unknown>[] = [];
  const updated = holding(wants, run(UPDATE, values));
  if (dropped.length > 0) writes.push(run(UNCLAIM, [before.id, dropped]));
  if (added.length > 0) {
    const claim = [before.deploymentId, before.tenantId, before.id, new Date(now), sorted(added)];
    writes.push(holding(wants, run(CLAIM, claim)));
  }
  if (events.length > 0) {
    writes.push(run(TELL, [before.tenantId, before.id, new Date(now), ...eventColumns(events, now)]));
  }
  const [row, ...rest] = await Promise.allSettled([updated, ...writes]);
  if (row.status === 'rejected') throw row.reason;
  if (row.value.length === 0) return null;
  for (const each of rest) if (each.status === 'rejected') throw each.reason;
  return { ...after, version: before.version + 1, updatedAt: now, deletedAt };
}

/** Only tells what happened. */
export async function tellEvents(
  run: RunStatement,
  connection: Pick<PeeringRecord, 'id' | 'tenantId'>,
  events: readonly NewEvent[],
  now: number,
): Promise<void> {
  if (events.length === 0) return;
  await run(TELL, [connection.tenantId, connection.id, new Date(now), ...eventColumns(events, now)]);
}

/** Ids, types, actors and data of events, as the columns of unnest. */
function eventColumns(events: readonly NewEvent[], now: number): [string[], string[], string[], string[]] {
  return [
    events.map(() => newId('evt', now)),
    events.map((event) => event.type),
    events.map((event) => event.actor),
    events.map((event) => JSON.stringify(event.data)),
  ];
}

/** In one order for everybody, so that two writers of the same blocks wait for each other instead of locking up. */
function sorted(blocks: readonly string[]): string[] {
  return [...new Set(blocks)].sort();
}
