/** The states of a connection and the moves between them, as data: the API publishes this table as it stands. */

/** Every state, in the order in which a connection usually meets them. */
export const PEERING_STATES = [
  'awaiting_request',
  'verifying',
  'accepting',
  'requesting',
  'awaiting_approval',
  'provisioning',
  'running',
  'degraded',
  'failed',
  'rejected',
  'expired',
  'deleting',
  'deleted',
] as const;

export type PeeringState = (typeof PEERING_STATES)[number];

/** Who has to move next for the connection to leave a state. */
export type Actor = 'customer' | 'platform' | 'nobody';

interface StateDescription {
  /** The states that may follow. */
  readonly to: readonly PeeringState[];
  readonly actor: Actor;
  /** Nothing happens in this state until somebody asks for it. */
  readonly resting: boolean;
  /** What customers may do in it, besides reading. */
  readonly verbs: readonly ('complete' | 'retry' | 'repair' | 'delete' | 'refresh')[];
}

/** The transition table. A move that is not in it is a defect, and {@link assertTransition} throws. */
export const STATE_MACHINE = {
  awaiting_request: {
    to: ['verifying', 'requesting', 'deleting'],
    actor: 'customer',
    resting: true,
    verbs: ['complete', 'delete'],
  },
  verifying: {
    to: ['awaiting_request', 'accepting', 'provisioning', 'failed', 'rejected', 'expired', 'deleting'],
    actor: 'platform',
    resting: false,
    verbs: ['complete', 'refresh', 'delete'],
  },
  accepting: {
    to: ['provisioning', 'failed', 'rejected', 'expired', 'deleting'],
    actor: 'platform',
    resting: false,
    verbs: ['refresh', 'delete'],
  },
  requesting: {
    to: ['awaiting_approval', 'provisioning', 'failed', 'rejected', 'expired', 'deleting'],
    actor: 'platform',
    resting: false,
    verbs: ['refresh', 'delete'],
  },
  awaiting_approval: {
    to: ['provisioning', 'failed', 'rejected', 'expired', 'deleting'],
    actor: 'customer',
    resting: false,
    verbs: ['refresh', 'delete'],
  },
  provisioning: {
    to: ['running', 'degraded', 'failed', 'rejected', 'expired', 'deleting'],
    actor: 'platform',
    resting: false,
    verbs: ['refresh', 'delete'],
  },
  running: {
    to: ['degraded', 'failed', 'deleting'],
    actor: 'nobody',
    resting: false,
    verbs: ['refresh', 'delete'],
  },
  degraded: {
    to: ['running', 'failed', 'deleting'],
    actor: 'platform',
    resting: false,
    verbs: ['repair', 'refresh', 'delete'],
  },
  failed: {
    to: ['awaiting_request', 'verifying', 'requesting', 'deleting'],
    actor: 'customer',
    resting: true,
    verbs: ['complete', 'retry', 'delete'],
  },
  rejected: {
    to: ['awaiting_request', 'verifying', 'requesting', 'deleting'],
    actor: 'customer',
    resting: true,
    verbs: ['complete', 'retry', 'delete'],
  },
  expired: {
    to: ['awaiting_request', 'verifying', 'requesting', 'deleting'],
    actor: 'customer',
    resting: true,
    verbs: ['complete', 'retry', 'delete'],
  },
  deleting: { to: ['deleted'], actor: 'platform', resting: false, verbs: ['refresh', 'delete'] },
  deleted: { to: [], actor: 'nobody', resting: true, verbs: [] },
} as const satisfies Record<PeeringState, StateDescription>;

/** Whether `to` may follow `from`; staying is always allowed. */
export function canMove(from: PeeringState, to: PeeringState): boolean {
  return from === to || (STATE_MACHINE[from].to as readonly PeeringState[]).includes(to);
}

/** @throws Error when the table has no such move: the caller has a defect */
export function assertTransition(from: PeeringState, to: PeeringState): void {
  if (!canMove(from, to)) throw new Error(`There is no transition from ${from} to ${to}.`);
}

/** States in which a connection has ended without success and may be retried in place. */
export const RETRYABLE_STATES = ['failed', 'rejected', 'expired'] as const satisfies readonly PeeringState[];

/** Whether the customer may ask for another attempt from this state. */
export function isRetryable(state: PeeringState): boolean {
  return (RETRYABLE_STATES as readonly PeeringState[]).includes(state);
}
