/**
 * What customers do to connections. Each writes what is wanted, in one transaction, and leaves the rest to the engine:
 * `due_at` is now, and the deployment is woken once that is committed.
 */
import {
  boundResources,
  peerings,
  type BoundResourceRecord,
  type PeeringChanges,
  type PeeringRecord,
} from '#database';
import {
  hasWork,
  isRetryable,
  judgeRepair,
  mayComplete,
  mayDeclare,
  mayRetry,
  Problem,
  startDeletion,
} from '#domain';
import { newId } from '#runtime';

import { audit, type TenantAct } from '../audit/act.js';
import { seesProject, type CustomerPrincipal } from '../auth/principal.js';
import { inOrder } from '../http/in-order.js';
import { notFound } from '../http/problem-body.js';
import { RequestProblem } from '../http/request-problem.js';
import { judge, type Verdict } from './peering-admission.js';
import type { SpecRequest } from './declared-spec.js';

/** @throws Problem `not_found` when this caller sees no such connection */
export async function findPeering(
  { scope, caller }: Pick<TenantAct, 'scope' | 'caller'>,
  id: string,
): Promise<PeeringRecord> {
  return seenBy(caller, await peerings.get(scope, id));
}

/** As {@link findPeering}; nobody else changes it until the transaction ends. */
export async function findPeeringForUpdate({ scope, caller }: TenantAct, id: string): Promise<PeeringRecord> {
  return seenBy(caller, await peerings.getForUpdate(scope, id));
}

function seenBy(caller: CustomerPrincipal, record: PeeringRecord | null): PeeringRecord {
  if (record === null || !seesProject(caller, record.projectId)) throw notFound('peering');
  return record;
}

/** What a new connection is made of. */
export interface NewConnection {
  readonly deploymentId: string;
  readonly displayName: string;
  readonly spec: SpecRequest;
}

/** Makes a connection: a draft while anything is missing. @throws Problem for everything that speaks against it */
export async function createPeering(act: TenantAct, wanted: NewConnection): Promise<PeeringRecord> {
  const verdict = await judge(act.scope, act.caller, { ...wanted, existing: null, at: act.at });
  refuse(verdict);
  return insert(act, wanted, verdict);
}

function refuse({ problems: [first] }: Verdict): void {
  if (first !== undefined) throw first;
}

/** Writes what a verdict allows. */
export async function insert(
  act: TenantAct,
  { displayName }: NewConnection,
  { deployment, spec, status }: Verdict,
): Promise<PeeringRecord> {
  const { scope, caller, at } = act;
  const id = newId('peer', at);
  const draft = status.state === 'awaiting_request';
  const [record] = await inOrder(
    peerings.insert(scope, {
      id,
      deployment,
      displayName,
      spec,
      status,
      dueAt: draft ? null : at,
      events: [{ type: 'peering.created', actor: caller.keyId, data: { state: status.state, spec } }],
      now: at,
    }),
    audit(act, { action: 'peering.create', target: id, data: { deploymentId: deployment.id } }),
  );
  return record;
}

/** What is to be different. */
export interface ConnectionChange {
  readonly displayName?: string | undefined;
  readonly spec?: SpecRequest | undefined;
}

/** Renames a connection, completes a draft, or corrects one that has ended and starts another attempt. */
export async function changePeering(
  act: TenantAct,
  before: PeeringRecord,
  change: ConnectionChange,
): Promise<PeeringRecord> {
  if (before.status.state === 'deleted' || before.desired === 'absent') throw stateConflict(before);
  const changes: PeeringChanges[] = [];
  if (change.displayName !== undefined) changes.push({ displayName: change.displayName });
  if (change.spec !== undefined)
    changes.push(await anotherAttempt(act, before, change.spec, 'peering.completed'));
  if (changes.length === 0) return before;
  const [record] = await inOrder(
    peerings.change(act.scope, before, Object.assign({}, ...changes) as PeeringChanges, act.at),
    audit(act, { action: 'peering.change', target: before.id, data: { ...change } }),
  );
  return record;
}

/** Starts another attempt with what was declared. @throws Problem when the last one has not ended */
export async function retryPeering(act: TenantAct, before: PeeringRecord): Promise<PeeringRecord> {
  if (!mayRetry(before.status) || before.desired === 'absent') throw stateConflict(before);
  const changes = await anotherAttempt(act, before, {}, 'peering.retried');
  const [record] = await inOrder(
    peerings.change(act.scope, before, changes, act.at),
    audit(act, { action: 'peering.retry', target: before.id }),
  );
  return record;
}

/**
 * Says yes to putting back the routes that somebody took away, where the deployment asks before it does; where nothing
 * is broken, or the broker is at it already, that changes nothing.
 * @throws Problem when no route can be put back
 */
export async function repairPeering(act: TenantAct, before: PeeringRecord): Promise<PeeringRecord> {
  if (before.desired === 'absent') throw stateConflict(before);
  const verdict = judgeRepair(before.status, before.network.driftPolicy);
  if (verdict === 'operators') throw new Problem('drift_only_reported');
  if (verdict === 'refused') throw stateConflict(before);
  if (verdict === 'needless') return before;
  if (before.lockedNote !== null) throw new Problem('locked', { note: before.lockedNote });
  const { code, params } = before.status.reason;
  const [record] = await inOrder(
    peerings.change(
      act.scope,
      before,
      {
        status: { ...before.status, repairGranted: true },
        dueAt: act.at,
        events: [{ type: 'peering.repair_granted', actor: act.caller.keyId, data: { reason: code, params } }],
      },
      act.at,
    ),
    audit(act, { action: 'peering.repair', target: before.id }),
  );
  return record;
}

async function anotherAttempt(
  act: TenantAct,
  before: PeeringRecord,
  spec: SpecRequest,
  type: 'peering.completed' | 'peering.retried',
): Promise<PeeringChanges> {
  if (!mayComplete(before.status)) throw stateConflict(before);
  if (before.lockedNote !== null) throw new Problem('locked', { note: before.lockedNote });
  const { deploymentId } = before;
  const verdict = await judge(act.scope, act.caller, { deploymentId, spec, existing: before, at: act.at });
  refuse(verdict);
  const { profile, status } = verdict;
  if (!mayDeclare(profile, before.status, verdict.spec.cloud)) throw stillCleaningUp();
  return {
    spec: verdict.spec,
    status,
    dueAt: hasWork(status) ? act.at : null,
    events: [
      {
        type,
        actor: act.caller.keyId,
        data: { from: before.status.state, to: status.state, spec: verdict.spec },
      },
    ],
  };
}

/** Why a connection in this state does not take what was asked. */
export function stateConflict({ status }: PeeringRecord): Problem {
  return isRetryable(status.state) && status.ending !== null
    ? stillCleaningUp()
    : new Problem('state_conflict', { state: status.state });
}

function stillCleaningUp(): Problem {
  return new RequestProblem('still_cleaning_up', {}, { retryAfterSeconds: 2 });
}

/** How a deletion is asked for. */
export interface DeletionRequest {
  readonly force: boolean;
  readonly confirm: string | null;
}

/**
 * Asks for a connection to be deleted; what is being or has been deleted stays as it is.
 * @throws Problem `resources_bound`, or `validation_failed` when force is not confirmed by name
 */
export async function deletePeering(
  act: TenantAct,
  before: PeeringRecord,
  { force, confirm }: DeletionRequest,
): Promise<PeeringRecord> {
  if (before.desired === 'absent') return before;
  const bound = await boundResources.ofConnection(act.scope, before.id);
  if (bound.length > 0) {
    if (!force) throw new RequestProblem('resources_bound', {}, { conflicts: bound.map(resourceConflict) });
    requireConfirmation(before, confirm);
    await boundResources.unbindAll(act.scope, before.id);
  }
  const unbound = bound.map(({ id, kind, name }) => ({ id, kind, name }));
  const data = { force, ...(unbound.length > 0 ? { unbound } : {}) };
  const [record] = await inOrder(
    peerings.change(
      act.scope,
      before,
      {
        desired: 'absent',
        status: startDeletion(before.status, act.at),
        dueAt: act.at,
        events: [{ type: 'peering.deletion_requested', actor: act.caller.keyId, data }],
      },
      act.at,
    ),
    audit(act, { action: force ? 'peering.delete_by_force' : 'peering.delete', target: before.id, data }),
  );
  return record;
}

/** A bound resource that stands in the way. */
export function resourceConflict({ id, kind, name }: BoundResourceRecord): {
  readonly kind: string;
  readonly id: string;
  readonly detail: string;
} {
  return { kind: 'resource', id, detail: `${kind} ${name}` };
}

/** What confirms that a connection is meant: its id, or its name where it has one. */
export function confirmations({ id, displayName }: Pick<PeeringRecord, 'id' | 'displayName'>): string[] {
  return displayName === '' ? [id] : [displayName, id];
}

/** @throws RequestProblem `validation_failed` at the query parameter `confirm` */
export function requireConfirmation(
  record: Pick<PeeringRecord, 'id' | 'displayName'>,
  confirm: string | null,
  pointer = '?confirm',
): void {
  const allowed = confirmations(record);
  if (confirm !== null && allowed.includes(confirm)) return;
  const params = { allowed: allowed.join(' / ') };
  throw new RequestProblem('validation_failed', {}, { issues: [{ pointer, code: 'not_confirmed', params }] });
}
