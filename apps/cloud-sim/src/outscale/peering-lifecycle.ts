import { homeKey, type Home, type NetPeering, type OutscaleState } from './outscale-state.js';

/** The state of a Net peering, in the words of ReadNetPeerings. */
export const PEERING_STATES = [
  'pending-acceptance',
  'active',
  'rejected',
  'failed',
  'expired',
  'deleted',
] as const;
export type PeeringState = (typeof PEERING_STATES)[number];

const HOUR_MS = 3_600_000;

/** A request that nobody answers expires after a week (API reference, CreateNetPeering). */
export const REQUEST_LIFETIME_MS = 7 * 24 * HOUR_MS;

/**
 * How long a peering that is over stays visible (user guide, "Getting Information About Your Net Peerings" and
 * "Rejecting a Net Peering").
 */
export const VISIBILITY_MS = HOUR_MS;

const FORGET_PEERING = 'forget a Net peering';

/** The state at a moment. */
export function stateAt(peering: NetPeering, now: number): PeeringState {
  if (peering.failedAt !== undefined) return 'failed';
  if (peering.deletedAt !== undefined) return 'deleted';
  if (peering.rejectedAt !== undefined) return 'rejected';
  if (peering.acceptedAt !== undefined) return 'active';
  return now >= peering.expiresAt ? 'expired' : 'pending-acceptance';
}

/** The text beside the state. */
export function stateMessage(peering: NetPeering, state: PeeringState): string {
  switch (state) {
    case 'pending-acceptance':
      return `Pending acceptance by ${peering.accepter.accountId}`;
    case 'active':
      return 'Active';
    case 'rejected':
      return `Rejected by ${peering.accepter.accountId}`;
    case 'failed':
      return 'Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range';
    case 'expired':
      return 'Expired';
    case 'deleted':
      return `Deleted by ${peering.deletedBy ?? peering.source.accountId}`;
  }
}

/** Whether an account is at one end in this region and the peering has not been over for too long. */
export function isVisible(peering: NetPeering, home: Home, now: number): boolean {
  const isSource = homeKey(peering.source) === homeKey(home);
  const isAccepter = peering.isAddressed && homeKey(peering.accepter) === homeKey(home);
  const endedAt = endOf(peering, now);
  return (isSource || isAccepter) && (endedAt === undefined || now < endedAt + VISIBILITY_MS);
}

/** Has the record, and everybody's tags on it, removed once nobody can see it any more. */
function forgetAfter(state: OutscaleState, id: string, endedAt: number): void {
  state.store.agenda.plan(endedAt + VISIBILITY_MS, FORGET_PEERING, id);
}

/** Teaches the agenda what {@link forgetAfter} plans. */
export function forgetPeeringsWhenPlanned(state: OutscaleState): void {
  state.store.agenda.on(FORGET_PEERING, (id, at) => {
    const peering = state.peerings.get(id);
    // An acceptance or a move of the clock may have given it a new end.
    if (peering === undefined || endOf(peering, state.clock.now()) !== at - VISIBILITY_MS) return;
    state.peerings.remove(id);
    for (const end of [peering.source, peering.accepter]) {
      for (const tag of state.tags.by('resource', `${homeKey(end)}/${id}`))
        state.tags.remove(`${homeKey(tag)}/${id}/${tag.key}`);
    }
  });
}

/**
 * Puts a peering into a state as of now, without any check.
 *
 * @param by the account that deletes it; the source when absent
 */
export function enter(
  state: OutscaleState,
  peering: NetPeering,
  next: PeeringState,
  by?: string,
): NetPeering {
  const now = state.clock.now();
  const { id, source, accepter, createdAt, isAddressed } = peering;
  const made = state.peerings.put({
    id,
    source,
    accepter,
    createdAt,
    isAddressed,
    expiresAt: expiryIn(next, peering.expiresAt, now),
    ...(next === 'failed' && { failedAt: now }),
    ...(next === 'rejected' && { rejectedAt: now }),
    ...(next === 'active' && { acceptedAt: now }),
    ...(next === 'deleted' && { deletedAt: now, deletedBy: by ?? source.accountId }),
  });
  const endsAt = next === 'pending-acceptance' ? made.expiresAt : endOf(made, now);
  if (endsAt !== undefined) forgetAfter(state, id, endsAt);
  return made;
}

function expiryIn(next: PeeringState, expiresAt: number, now: number): number {
  if (next === 'expired') return Math.min(expiresAt, now);
  return next === 'pending-acceptance' && expiresAt <= now ? now + REQUEST_LIFETIME_MS : expiresAt;
}

/** When the peering reached a state that it cannot leave; undefined while it has not. */
function endOf(peering: NetPeering, now: number): number | undefined {
  switch (stateAt(peering, now)) {
    case 'failed':
      return peering.failedAt;
    case 'rejected':
      return peering.rejectedAt;
    case 'deleted':
      return peering.deletedAt;
    case 'expired':
      return peering.expiresAt;
    case 'pending-acceptance':
    case 'active':
      return undefined;
  }
}
