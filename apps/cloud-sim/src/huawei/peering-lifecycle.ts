import type { HuaweiState, Peering } from './huawei-state.js';

/** What the API calls the status. */
export type PeeringStatus = 'PENDING_ACCEPTANCE' | 'ACTIVE' | 'REJECTED' | 'EXPIRED' | 'DELETED';

/** The status at a moment. */
export function statusAt(peering: Peering, now: number): PeeringStatus {
  if (peering.deletedAt !== undefined) return 'DELETED';
  if (peering.rejectedAt !== undefined) return 'REJECTED';
  if (peering.acceptedAt !== undefined) return 'ACTIVE';
  return now < peering.expiresAt ? 'PENDING_ACCEPTANCE' : 'EXPIRED';
}

/** Whether a project is one of the sides: nobody else sees the peering. */
export function isVisible({ requester, accepter }: Peering, projectId: string): boolean {
  return requester.projectId === projectId || accepter.projectId === projectId;
}

const FORGET_PEERING = 'forget a peering';

/** Has the record of a deleted peering removed at a moment, in milliseconds of simulated time. */
export function forgetPeering(state: HuaweiState, id: string, at: number): void {
  state.store.agenda.plan(at, FORGET_PEERING, id);
}

/** Teaches the agenda what {@link forgetPeering} plans. */
export function forgetPeeringsWhenPlanned(state: HuaweiState): void {
  state.store.agenda.on(FORGET_PEERING, (id) => {
    if (state.peerings.get(id)?.deletedAt !== undefined) state.peerings.remove(id);
  });
}
