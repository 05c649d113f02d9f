import { AlibabaError } from './alibaba-error.js';
import type { AlibabaState, Home, Peering } from './alibaba-state.js';

/** What the VpcPeer API calls the status. */
export type PeeringStatus =
  'Creating' | 'Accepting' | 'Updating' | 'Activated' | 'Rejected' | 'Expired' | 'Deleting' | 'Deleted';

/** A request that nobody answers expires after a week (VPC documentation, "VPC peering connection overview"). */
export const REQUEST_LIFETIME_MS = 7 * 86_400_000;

const FORGET_PEERING = 'forget a peering';

/** The status at a moment. */
export function statusAt(peering: Peering, now: number): PeeringStatus {
  const { deletingAt, deletedAt, rejectedAt, acceptedAt, activeAt, requester, accepter } = peering;
  if (deletingAt !== undefined) return now < (deletedAt ?? deletingAt) ? 'Deleting' : 'Deleted';
  if (rejectedAt !== undefined) return 'Rejected';
  if (acceptedAt !== undefined) return now < (activeAt ?? acceptedAt) ? 'Updating' : 'Activated';
  if (now < peering.readyAt) return 'Creating';
  if (requester.accountId === accepter.accountId) return 'Activated';
  return now < peering.expiresAt ? 'Accepting' : 'Expired';
}

/** When the peering last changed, by a call or by itself. */
export function modifiedAt(peering: Peering, now: number): number {
  const { readyAt, activeAt, deletedAt, expiresAt } = peering;
  const expiredAt = statusAt(peering, now) === 'Expired' ? expiresAt : undefined;
  const events = [peering.modifiedAt, readyAt, activeAt, deletedAt, expiredAt];
  return Math.max(...events.filter((at) => at !== undefined && at <= now).map(Number));
}

/** Which side of a peering an account is; undefined for neither. Of a peering with itself, the requester. */
export function sideOf(peering: Peering, accountId: string): 'requester' | 'accepter' | undefined {
  if (peering.requester.accountId === accountId) return 'requester';
  return peering.accepter.accountId === accountId ? 'accepter' : undefined;
}

/** Whether an account has a side of the peering in a region. */
export function isPartyIn(peering: Peering, home: Home): boolean {
  return [peering.requester, peering.accepter].some(
    (side) => side.accountId === home.accountId && side.region === home.region,
  );
}

/** Throws IncorrectStatus.VpcPeer unless the status is one of those allowed. */
export function requireStatus(peering: Peering, now: number, ...allowed: readonly PeeringStatus[]): void {
  if (!allowed.includes(statusAt(peering, now))) throw incorrectStatus(peering.id);
}

/** The error for a peering whose status forbids what was asked. */
export function incorrectStatus(id: string): AlibabaError {
  return new AlibabaError('IncorrectStatus.VpcPeer', `The status of VpcPeer [${id}] is incorrect.`);
}

/**
 * Claims both VPCs of a peering for a change until `until`. Throws Conflict.Operation while another change of either is
 * under way.
 */
export function occupyVpcs(state: AlibabaState, peering: Peering, until: number): void {
  const now = state.clock.now();
  const vpcIds = new Set([peering.requester.vpcId, peering.accepter.vpcId]);
  for (const vpcId of vpcIds) {
    const task = state.vpcTasks.get(vpcId);
    if (task !== undefined && now < task.until) {
      throw new AlibabaError(
        'Conflict.Operation',
        'There are other peering operations on the requester VPC or accepter VPC, try again later.',
      );
    }
  }
  if (until <= now) return;
  for (const vpcId of vpcIds) state.vpcTasks.put({ vpcId, peeringId: peering.id, until });
}

/** Has the record, and everybody's tags on it, removed at the time from which a deleted peering is no longer shown. */
export function forgetDeleted(state: AlibabaState, id: string, at: number): void {
  state.store.agenda.plan(at, FORGET_PEERING, id);
}

/** Teaches the agenda what {@link forgetDeleted} plans. */
export function forgetPeeringsWhenPlanned(state: AlibabaState): void {
  state.store.agenda.on(FORGET_PEERING, (id) => {
    // It may have been put back into another state since.
    if (state.peerings.get(id)?.deletedAt === undefined) return;
    state.peerings.remove(id);
    for (const tag of state.tags.by('resource', id)) {
      state.tags.remove(`${tag.accountId}/${tag.resourceId}/${tag.key}`);
    }
  });
}
