/**
 * What the worker writes of many connections, of one deployment or of many, in one statement. Each write counts only
 * while its lease is held, which is locked until the statement ends, and while its connection is the one that was read.
 * Such a statement waits for no row: what somebody else holds locked is written by itself, in a statement that may wait.
 */
import { newId } from '#runtime';

import { Coalescer, Later } from './coalescer.js';
import type { Database } from './database.js';
import { BATCHES_AT_ONCE, leaseColumns, TOGETHER } from './lease-batches.js';
import type { NewEvent, PeeringRecord } from './records.js';
import type { Lease, SaveResult, Touch } from './reconcile-store.js';
import { isOutage } from './refusal.js';
import { movedDueAt } from './repositories/due-again.js';
import { claimsOf, derive } from './repositories/peering-rows.js';
import { toDateOrNull } from './repositories/time.js';
import { statement } from './statement.js';

/** A status that differs from the one before; it takes no block that the connection did not hold. */
export interface StatusSave {
  readonly lease: Lease;
  readonly before: PeeringRecord;
  readonly after: PeeringRecord;
  readonly events: readonly NewEvent[];
  readonly now: number;
}

export interface TouchAll {
  readonly lease: Lease;
  readonly touches: readonly Touch[];
}

interface WrittenRow {
  /** A lease that is held, as {@link keyOf} names it. */
  readonly held: string | null;
  /** A connection that was written. */
  readonly written: string | null;
}

/**
 * Connections as they were read, then leases that are held, both locked in the order of their ids. Connections come
 * first: a lease that is locked while something is waited for could not be renewed. What is to be written of a
 * connection comes along in its row, so that many need not be joined with many again.
 * @param read rows with `deployment_id`, `fence`, `id`, `version` and what is to be written
 * @param whatIsLocked what becomes of rows that somebody else holds locked
 */
const locks = (read: string, whatIsLocked: 'SKIP LOCKED' | ''): string => `locked AS MATERIALIZED (
     SELECT read.* FROM ${read} JOIN peering_connections p ON p.id = read.id AND p.version = read.version
     ORDER BY p.id FOR NO KEY UPDATE OF p ${whatIsLocked}
   ), held AS MATERIALIZED (
     SELECT d.id, d.fence FROM unnest($1::text[], $2::text[], $3::bigint[]) AS lease (id, owner, fence)
       JOIN deployments d ON d.id = lease.id AND d.lease_owner = lease.owner AND d.fence = lease.fence
     WHERE (SELECT count(*) FROM locked) >= 0
     ORDER BY d.id FOR SHARE OF d ${whatIsLocked}
   )`;

const STATUSES = `unnest($4::text[], $5::bigint[], $6::text[], $7::bigint[], $8::text[], $9::text[], $10::text[],
       $11::text[], $12::boolean[], $13::timestamptz[], $14::timestamptz[], $15::timestamptz[], $16::timestamptz[],
       $17::timestamptz[], $18::timestamptz[]) AS read (deployment_id, fence, id, version, state, reason_code, status,
       provider_id, live, was_due_at, due_at, deadline_at, observed_at, deleted_at, at)`;

const SAVE = statement<WrittenRow>(
  'reconcile.save',
  `WITH ${locks(STATUSES, 'SKIP LOCKED')}, written AS (
     UPDATE peering_connections p SET state = now.state, reason_code = now.reason_code, status = now.status::json,
       provider_id = now.provider_id, live = now.live,
       due_at = ${movedDueAt('p.due_at', 'now.was_due_at', 'now.due_at')}, deadline_at = now.deadline_at,
       last_observed_at = now.observed_at, deleted_at = now.deleted_at, updated_at = now.at, version = p.version + 1
     FROM locked AS now JOIN held ON held.id = now.deployment_id AND held.fence = now.fence
     WHERE p.id = now.id AND p.deployment_id = held.id
     RETURNING p.id, p.tenant_id
   ), unclaimed AS (
     DELETE FROM address_claims c
     USING unnest($19::text[], $20::inet[]) AS dropped (connection_id, block), written
     WHERE c.connection_id = dropped.connection_id AND c.block = dropped.block AND written.id = dropped.connection_id
   ), told AS (
     INSERT INTO connection_events (id, tenant_id, connection_id, type, actor, data, created_at)
     SELECT event.id, written.tenant_id, written.id, event.type, event.actor, event.data::json, event.at
     FROM unnest($21::text[], $22::text[], $23::text[], $24::text[], $25::text[], $26::timestamptz[])
       WITH ORDINALITY AS event (connection_id, id, type, actor, data, at, place)
       JOIN written ON written.id = event.connection_id
     ORDER BY event.place
   )
   SELECT id || ' ' || fence AS held, NULL AS written FROM held UNION ALL SELECT NULL, id FROM written`,
);

const TIMES = `unnest($4::text[], $5::bigint[], $6::text[], $7::bigint[], $8::timestamptz[], $9::timestamptz[],
       $10::timestamptz[]) AS read (deployment_id, fence, id, version, was_due_at, due_at, observed_at)`;

const touchStatement = (name: string, whatIsLocked: 'SKIP LOCKED' | '') =>
  statement<WrittenRow>(
    name,
    `WITH ${locks(TIMES, whatIsLocked)}, written AS (
     UPDATE peering_connections p SET due_at = ${movedDueAt('p.due_at', 'seen.was_due_at', 'seen.due_at')},
       last_observed_at = seen.observed_at
     FROM locked AS seen JOIN held ON held.id = seen.deployment_id AND held.fence = seen.fence
     WHERE p.id = seen.id AND p.deployment_id = held.id
     RETURNING p.id
   )
   SELECT id || ' ' || fence AS held, NULL AS written FROM held UNION ALL SELECT NULL, id FROM written`,
  );

const TOUCH = touchStatement('reconcile.touch_all', 'SKIP LOCKED');

const TOUCH_ALONE = touchStatement('reconcile.touch_alone', '');

/**
 * Saves of statuses.
 * @param alone saves one in a transaction of its own, which can tell what has refused it
 */
export function saveBatches(
  database: Database,
  alone: (save: StatusSave) => Promise<SaveResult>,
): Coalescer<StatusSave, SaveResult> {
  const together = async (saves: readonly StatusSave[]): Promise<(SaveResult | Later<SaveResult>)[]> => {
    const outcome = outcomesOf(await database.single(SAVE, saveColumns(saves)));
    return saves.map((save) => {
      const { before, after, now } = save;
      // The lease is lost, or the connection is another by now, or somebody holds one of them locked.
      if (!outcome.written.has(before.id)) return new Later(() => alone(save));
      const deletedAt = deletedAtOf(before, after, now);
      return {
        outcome: 'saved',
        connection: { ...after, version: before.version + 1, updatedAt: now, deletedAt },
      };
    });
  };
  return new Coalescer({ together, alone, failsAll: isOutage, most: TOGETHER, atOnce: BATCHES_AT_ONCE });
}

type Touched = ReadonlySet<string> | null;

/** Answers with the ids that were moved; null when the lease is lost. */
export function touchBatches(database: Database): Coalescer<TouchAll, Touched> {
  const run = async (sql: typeof TOUCH, all: readonly TouchAll[]) => {
    const touches = all.flatMap(({ lease, touches: own }) => own.map((touch) => ({ lease, ...touch })));
    return outcomesOf(
      await database.single(sql, [
        ...leaseColumns(distinct(all)),
        touches.map(({ lease }) => lease.deploymentId),
        touches.map(({ lease }) => lease.fence),
        touches.map(({ connection }) => connection.id),
        touches.map(({ connection }) => connection.version),
        touches.map(({ connection }) => toDateOrNull(connection.dueAt)),
        touches.map(({ dueAt }) => toDateOrNull(dueAt)),
        touches.map(({ observedAt }) => toDateOrNull(observedAt)),
      ]),
    );
  };
  const alone = async (each: TouchAll): Promise<Touched> => {
    const { held, written } = await run(TOUCH_ALONE, [each]);
    return held.has(keyOf(each.lease)) ? written : null;
  };
  const together = async (all: readonly TouchAll[]): Promise<(Touched | Later<Touched>)[]> => {
    const { written } = await run(TOUCH, all);
    return all.map(({ lease, touches }) => {
      const moved = touches.map(({ connection }) => connection.id).filter((id) => written.has(id));
      const left = touches.filter(({ connection }) => !written.has(connection.id));
      if (left.length === 0) return new Set(moved);
      return new Later(async () => {
        const rest = await alone({ lease, touches: left });
        return rest && new Set([...moved, ...rest]);
      });
    });
  };
  return new Coalescer({ together, alone, failsAll: isOutage, most: TOGETHER, atOnce: BATCHES_AT_ONCE });
}

/** Whether a save takes no block that the connection does not hold: then nobody can stand in its way. */
export function takesNothing({ before, after }: Pick<StatusSave, 'before' | 'after'>): boolean {
  const held = new Set(claimsOf(before.status));
  return claimsOf(after.status).every((block) => held.has(block));
}

function saveColumns(saves: readonly StatusSave[]): unknown[] {
  const columns = saves.map(({ after }) => derive(after.cloud, after.spec, after.status));
  const dropped = saves.flatMap(({ before, after }) => {
    const kept = new Set(claimsOf(after.status));
    return claimsOf(before.status)
      .filter((block) => !kept.has(block))
      .map((block) => [before.id, block] as const);
  });
  const events = saves.flatMap(({ before, events: told, now }) =>
    told.map((event) => ({ ...event, connectionId: before.id, now })),
  );
  return [
    ...leaseColumns(distinct(saves)),
    saves.map(({ lease }) => lease.deploymentId),
    saves.map(({ lease }) => lease.fence),
    saves.map(({ before }) => before.id),
    saves.map(({ before }) => before.version),
    saves.map(({ after }) => after.status.state),
    saves.map(({ after }) => after.status.reason.code),
    saves.map(({ after }) => JSON.stringify(after.status)),
    columns.map(({ providerId }) => providerId),
    columns.map(({ live }) => live),
    saves.map(({ before }) => toDateOrNull(before.dueAt)),
    saves.map(({ after }) => toDateOrNull(after.dueAt)),
    columns.map(({ deadlineAt }) => deadlineAt),
    saves.map(({ after }) => toDateOrNull(after.lastObservedAt)),
    saves.map(({ before, after, now }) => toDateOrNull(deletedAtOf(before, after, now))),
    saves.map(({ now }) => new Date(now)),
    dropped.map(([id]) => id),
    dropped.map(([, block]) => block),
    events.map(({ connectionId }) => connectionId),
    events.map(({ now }) => newId('evt', now)),
    events.map(({ type }) => type),
    events.map(({ actor }) => actor),
    events.map(({ data }) => JSON.stringify(data)),
    events.map(({ now }) => new Date(now)),
  ];
}

function deletedAtOf(before: PeeringRecord, after: PeeringRecord, now: number): number | null {
  return after.status.state === 'deleted' ? (before.deletedAt ?? now) : null;
}

/** Every lease once: many connections of one deployment are written under the same. */
function distinct(held: readonly { readonly lease: Lease }[]): Lease[] {
  return [...new Map(held.map(({ lease }) => [keyOf(lease), lease])).values()];
}

function keyOf({ deploymentId, fence }: Lease): string {
  return `${deploymentId} ${fence}`;
}

function outcomesOf(rows: readonly WrittenRow[]): {
  readonly held: ReadonlySet<string>;
  readonly written: ReadonlySet<string>;
} {
  return {
    held: new Set(rows.flatMap(({ held }) => held ?? [])),
    written: new Set(rows.flatMap(({ written }) => written ?? [])),
  };
}
