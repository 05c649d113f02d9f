import type { AwsState, Home, Peering } from './aws-state.js';

/** What DescribeVpcPeeringConnections calls the status code. */
export type PeeringStatus =
  | 'initiating-request'
  | 'pending-acceptance'
  | 'provisioning'
  | 'active'
  | 'deleting'
  | 'deleted'
  | 'rejected'
  | 'expired'
  | 'failed';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A request that nobody answers expires after a week (VPC Peering Guide, lifecycle). */
export const REQUEST_LIFETIME_MS = 7 * DAY_MS;

/** Everybody has lost sight of a peering this long after its end. */
export const LONGEST_VISIBILITY_MS = 2 * DAY_MS;

const FORGET_PEERING = 'forget a peering';

/** The status at a moment. */
export function statusAt(peering: Peering, now: number): PeeringStatus {
  const { failedAt, rejectedAt, deletingAt, deletedAt, acceptedAt, activeAt } = peering;
  if (failedAt !== undefined) return 'failed';
  if (deletingAt !== undefined) return now < (deletedAt ?? deletingAt) ? 'deleting' : 'deleted';
  if (rejectedAt !== undefined) return 'rejected';
  if (acceptedAt !== undefined) return now < (activeAt ?? acceptedAt) ? 'provisioning' : 'active';
  if (now >= peering.expiresAt) return 'expired';
  return now < peering.pendingAt ? 'initiating-request' : 'pending-acceptance';
}

/** The text beside the status code. */
export function statusMessage(peering: Peering, status: PeeringStatus): string {
  switch (status) {
    case 'initiating-request':
      return `Initiating Request to ${peering.accepter.accountId}`;
    case 'pending-acceptance':
      return `Pending Acceptance by ${peering.accepter.accountId}`;
    case 'provisioning':
      return 'Provisioning';
    case 'active':
      return 'Active';
    case 'deleting':
      return `Deleting by ${peering.deletedBy ?? peering.requester.accountId}`;
    case 'deleted':
      return `Deleted by ${peering.deletedBy ?? peering.requester.accountId}`;
    case 'rejected':
      return `Rejected by ${peering.accepter.accountId}`;
    case 'expired':
      return 'Expired';
    case 'failed':
      return 'Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range';
  }
}

/** Which side of a peering an account is in a region; undefined for neither. Of a peering with itself, the requester. */
export function sideOf(peering: Peering, home: Home): 'requester' | 'accepter' | undefined {
  for (const side of ['requester', 'accepter'] as const) {
    if (peering[side].accountId === home.accountId && peering[side].region === home.region) return side;
  }
  return undefined;
}

/**
 * Whether an account sees a peering from a region (VPC Peering Guide, lifecycle): a failed one 2 hours and only
 * as its requester; an expired one 2 days; a rejected one 2 days as its requester, 2 hours as its accepter; a
 * deleted one 2 hours as who deleted it, 2 days as the other. Within one account both are 2 hours.
 */
export function isVisible(peering: Peering, home: Home, now: number): boolean {
  const side = sideOf(peering, home);
  if (side === undefined) return false;
  const isOneAccount = peering.requester.accountId === peering.accepter.accountId;
  const status = statusAt(peering, now);
  switch (status) {
    case 'initiating-request':
      return side === 'requester';
    case 'pending-acceptance':
    case 'provisioning':
    case 'active':
    case 'deleting':
      return true;
    case 'failed':
      return side === 'requester' && now < (peering.failedAt ?? 0) + 2 * HOUR_MS;
    case 'expired':
      return now < peering.expiresAt + 2 * DAY_MS;
    case 'rejected': {
      const isShort = side === 'accepter' || isOneAccount;
      return now < (peering.rejectedAt ?? 0) + (isShort ? 2 * HOUR_MS : 2 * DAY_MS);
    }
    case 'deleted': {
      const isShort = peering.deletedBy === home.accountId;
      return now < (peering.deletedAt ?? 0) + (isShort ? 2 * HOUR_MS : 2 * DAY_MS);
    }
  }
}

/** Whether traffic can pass, or will in a moment. */
export function isConnected(peering: Peering, now: number): boolean {
  const status = statusAt(peering, now);
  return status === 'active' || status === 'provisioning';
}

/** Whether a request waits for its accepter. */
export function isPending(peering: Peering, now: number): boolean {
  const status = statusAt(peering, now);
  return status === 'pending-acceptance' || status === 'initiating-request';
}

/** Has the record, and everybody's tags on it, removed once nobody can see it any more. */
export function forgetAfter(state: AwsState, id: string, endedAt: number): void {
  state.store.agenda.plan(endedAt + LONGEST_VISIBILITY_MS, FORGET_PEERING, id);
}

/** Teaches the agenda what {@link forgetAfter} plans. */
export function forgetPeeringsWhenPlanned(state: AwsState): void {
  state.store.agenda.on(FORGET_PEERING, (id, at) => {
    const peering = state.peerings.get(id);
    // An acceptance or a move of the clock may have given it a new end.
    if (peering === undefined || endOf(peering, state.clock.now()) !== at - LONGEST_VISIBILITY_MS) return;
    state.peerings.remove(id);
    for (const side of [peering.requester, peering.accepter]) {
      for (const tag of state.tags.by('resource', `${side.accountId}/${side.region}/${id}`)) {
        state.tags.remove(`${tag.accountId}/${tag.region}/${id}/${tag.key}`);
      }
    }
  });
}

/** Ends a peering on an owner's behalf, without any check. */
export function deletePeering(state: AwsState, peering: Peering, accountId: string): void {
  const deletingAt = state.clock.now();
  const deletedAt = deletingAt + state.settings.peeringDeletingSeconds * 1000;
  state.peerings.update(peering.id, { deletedBy: accountId, deletingAt, deletedAt });
  forgetAfter(state, peering.id, deletedAt);
}

/** When the peering reached a state that it cannot leave; undefined while it has not. */
function endOf(peering: Peering, now: number): number | undefined {
  switch (statusAt(peering, now)) {
    case 'failed':
      return peering.failedAt;
    case 'rejected':
      return peering.rejectedAt;
    case 'deleted':
      return peering.deletedAt;
    case 'expired':
      return peering.expiresAt;
    default:
      return undefined;
  }
}
