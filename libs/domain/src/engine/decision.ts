/** What goes into a decision, what comes out of it, and the times that it reckons with. */
import type { AddressPlan } from '../address-plan.js';
import type { ObservedPeering, ObservedRouteTable } from '../cloud-port.js';
import type { CloudProfile } from '../cloud-profile.js';
import type {
  CloudAction,
  PeeringConnection,
  PeeringStatus,
  PlatformNetwork,
} from '../peering-connection.js';
import type { PeeringState } from '../peering-state.js';

/** Times that the rules use, all in milliseconds. */
export interface EngineSettings {
  /** How long a customer has to approve where the platform asks. */
  readonly approvalWindowMs: number;
  /** How long a declared request may stay invisible before the connection fails. */
  readonly requestVisibleWithinMs: number;
  /** How long something that was there must be missing before it counts as gone. */
  readonly missingConfirmMs: number;
  /** Interval of looks while a customer's approval is awaited. */
  readonly approvalPollMs: number;
  /** Longest interval between looks while anything is in flight. */
  readonly inFlightMs: number;
  /** Interval between looks when all is well. */
  readonly steadyMs: number;
  /** Longest wait between attempts of a change that the cloud refuses. */
  readonly retryMaxMs: number;
  /** After this long without a successful look, a connection is marked stale. */
  readonly staleAfterMs: number;
}

export const DEFAULT_ENGINE_SETTINGS: EngineSettings = {
  approvalWindowMs: 600_000,
  requestVisibleWithinMs: 600_000,
  missingConfirmMs: 5_000,
  approvalPollMs: 2_000,
  inFlightMs: 60_000,
  steadyMs: 300_000,
  retryMaxMs: 300_000,
  staleAfterMs: 900_000,
};

/** What one look at the cloud showed of one connection. */
export interface Sighting {
  /** When the look began, in epoch milliseconds. */
  readonly at: number;
  readonly peering: ObservedPeering | null;
  /** Null when the route tables were not read (see {@link needsRoutes}). */
  readonly routeTables: readonly ObservedRouteTable[] | null;
  /** What it showed of each of the status' `earlier` requests, in their order; absent where there are none. */
  readonly earlier?: readonly (ObservedPeering | null)[];
}

export interface DecisionInput {
  readonly connection: PeeringConnection;
  readonly network: PlatformNetwork;
  readonly profile: CloudProfile;
  /** What is taken around the deployment, without this connection's own blocks. */
  readonly plan: AddressPlan;
  readonly sighting: Sighting;
  /** Which live connection of the deployment holds what, by the cloud's id: whatever another one holds is theirs. */
  readonly holders?: ReadonlyMap<string, string>;
  readonly settings: EngineSettings;
  /** Epoch milliseconds. */
  readonly now: number;
}

export interface Decision {
  /** To be stored before the action is carried out; `intent` in it names the action. */
  readonly status: PeeringStatus;
  readonly action: CloudAction | null;
  /** When to look again without being asked; null: not until somebody changes something. */
  readonly recheckInMs: number | null;
}

/** A status on its way to a decision. */
export interface Draft {
  readonly status: PeeringStatus;
  readonly action: CloudAction | null;
  readonly recheckInMs: number | null;
}

export const MIN_POLL_MS = 200;

/** States before the connection is up: from them the way to `running` and `degraded` leads through `provisioning`. */
export const EARLY_STATES: readonly PeeringState[] = [
  'verifying',
  'accepting',
  'requesting',
  'awaiting_approval',
];
