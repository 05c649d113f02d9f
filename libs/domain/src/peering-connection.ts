/** A connection as the engine sees it: what is wanted, what was last seen, and what has been done about it. */
import type { CloudId, CloudErrorInfo, ObservedPeering, ProviderPhase } from './cloud-port.js';
import type { CloudSpec } from './cloud-spec.js';
import { isRetryable, type PeeringState } from './peering-state.js';
import type { Reason } from './reason.js';

/** The platform side of a deployment. */
export interface PlatformNetwork {
  readonly deploymentId: string;
  readonly cloud: CloudId;
  readonly region: string;
  /** The platform's account number in the cloud. */
  readonly accountId: string;
  readonly vpcId: string;
  readonly cidrs: readonly string[];
  /** The route tables to program; null means every table of the VPC. */
  readonly routeTableIds: readonly string[] | null;
  readonly driftPolicy: DriftPolicy;
}

/**
 * What happens when a route of ours is missing or leads nowhere: it is put back, it is told, or it is told and put back
 * once the customer says yes.
 */
export type DriftPolicy = 'repair' | 'report' | 'ask';

export type ConditionType = 'Verified' | 'Accepted' | 'RoutesProgrammed' | 'Fresh';

export interface Condition {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  /** A reason code or, for True, a word that says how it became so. */
  readonly reason: string;
  /** Epoch milliseconds. */
  readonly lastTransitionAt: number;
}

/** A route that the broker has added, or is about to add: written down before the cloud is asked. */
export interface RecordedRoute {
  readonly routeTableId: string;
  readonly destination: string;
}

/** A limited time that somebody has. */
export interface Deadline {
  readonly kind: 'customer_approval' | 'provider_expiry';
  /** Epoch milliseconds. */
  readonly at: number;
}

/** A change of the cloud that the engine has decided on. */
export type CloudAction =
  | { readonly kind: 'accept'; readonly providerId: string }
  | { readonly kind: 'reject'; readonly providerId: string }
  | { readonly kind: 'delete'; readonly providerId: string }
  | { readonly kind: 'request_attachment'; readonly providerId: string; readonly ownerAccountId: string }
  | { readonly kind: 'withdraw_attachment'; readonly providerId: string; readonly ownerAccountId: string }
  | { readonly kind: 'mark'; readonly providerId: string }
  | {
      readonly kind: 'ensure_route';
      readonly providerId: string;
      readonly routeTableId: string;
      readonly destination: string;
    }
  | {
      readonly kind: 'remove_route';
      readonly providerId: string;
      readonly routeTableId: string;
      readonly destination: string;
    };

/** An action that was stored before it was carried out, with how it has fared. */
export interface Intent {
  readonly action: CloudAction;
  /** The same for all attempts of one intended change. */
  readonly token: string;
  /** When the first attempt was decided, in epoch milliseconds. */
  readonly firstAt: number;
  /** When the latest attempt was decided, in epoch milliseconds. */
  readonly lastAt: number;
  readonly attempts: number;
  /** How the latest attempt ended; null while unknown (not yet carried out, or the worker died). */
  readonly outcome:
    | { readonly ok: true; readonly at: number }
    | { readonly ok: false; readonly at: number; readonly error: CloudErrorInfo }
    | null;
}

/** What was last seen of the connection in the cloud. */
export interface LastSeen {
  readonly peering: ObservedPeering;
  /** Since when the cloud shows exactly this, in epoch milliseconds. */
  readonly since: number;
}

/**
 * What the customer declared before they declared something else in its place. It may still be in the cloud, and is taken
 * back as a deletion would take it back.
 */
export interface EarlierRequest {
  readonly cloud: CloudSpec;
  /** The cloud's id of it, as far as it was declared or found. */
  readonly providerId: string | null;
  /** When something else was declared, in epoch milliseconds. */
  readonly since: number;
  /** Since when no look has shown it, in epoch milliseconds; null: the latest one did, or there was none yet. */
  readonly missingSince: number | null;
}

/** Everything that the engine writes. */
export interface PeeringStatus {
  readonly state: PeeringState;
  /** When the connection entered its state, in epoch milliseconds. */
  readonly stateSince: number;
  readonly reason: Reason;
  readonly conditions: readonly Condition[];
  readonly deadline: Deadline | null;
  /** The cloud's id, once the request was found or made. */
  readonly providerId: string | null;
  /** The latest sighting; kept after the cloud forgets, so that the cause is never lost. */
  readonly lastSeen: LastSeen | null;
  /** Since when the cloud has not shown what it showed before, in epoch milliseconds. */
  readonly missingSince: number | null;
  /** Whether the request was once found to match everything that was declared. */
  readonly verified: boolean;
  /** Whether the connection was ever established; after that its end is a deletion, not a refusal. */
  readonly established: boolean;
  /** The blocks that the connection may carry: checked, claimed in the database, and routed. */
  readonly admittedCidrs: readonly string[];
  readonly routes: readonly RecordedRoute[];
  readonly marked: boolean;
  readonly intent: Intent | null;
  /**
   * Set when the engine has decided to end the connection and is taking back what it did: the state that follows.
   * A late approval finds it and is undone.
   */
  readonly ending: Ending | null;
  /** Whether the customer has said yes to a repair of the routes that is yet to be done; absent: they have not. */
  readonly repairGranted?: boolean;
  /** Earlier requests that may still be in the cloud, oldest first; absent: there are none. */
  readonly earlier?: readonly EarlierRequest[];
  /**
   * Deletion began when the connection had ended and was taken back: another one may have come to its blocks and its
   * place in the meantime, and keeps them.
   */
  readonly released: boolean;
}

/**
 * Whether a connection holds, or may come to hold, something in the cloud, and with it its blocks and its place: all but
 * the deleted ones, those that have ended and are fully taken back, and those that are deleted after that.
 */
export function isLive({ state, ending, released }: PeeringStatus): boolean {
  if (released || state === 'deleted') return false;
  return !(isRetryable(state) && ending === null);
}

/** How a connection will have ended once nothing of it is left. */
export interface Ending {
  readonly state: 'failed' | 'rejected' | 'expired';
  readonly reason: Omit<Reason, 'since'>;
}

/** What is wanted of a connection, written by the API only. */
export interface PeeringIntent {
  readonly desired: 'present' | 'absent';
  readonly spec: { readonly cloud: CloudSpec; readonly cidrs: readonly string[] };
  /** An operator's lock: the engine observes but changes nothing. */
  readonly locked: boolean;
}

export interface PeeringConnection extends PeeringIntent {
  readonly id: string;
  readonly tenantId: string;
  readonly deploymentId: string;
  readonly cloud: CloudId;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly status: PeeringStatus;
}

/** The status of a connection at birth and at every retry: nothing seen, nothing done. */
export function freshStatus(
  state: 'awaiting_request' | 'verifying' | 'requesting',
  reason: Reason,
  providerId: string | null,
  claimed: readonly string[],
  earlier: readonly EarlierRequest[] = [],
): PeeringStatus {
  return {
    state,
    stateSince: reason.since,
    reason,
    conditions: [],
    deadline: null,
    providerId,
    lastSeen: null,
    missingSince: null,
    verified: false,
    established: false,
    admittedCidrs: claimed,
    routes: [],
    marked: false,
    intent: null,
    ending: null,
    ...(earlier.length > 0 ? { earlier } : {}),
    released: false,
  };
}

/** Phases in which the cloud still holds something that takes part in, or could still join, the network. */
export const LIVE_PHASES: readonly ProviderPhase[] = [
  'pending_platform',
  'pending_customer',
  'in_progress',
  'active',
  'deleting',
];
