/**
 * The port through which the worker speaks to a cloud, in the domain's language. Five adapters implement it, one
 * contract suite holds them to it. What a cloud can do differently is data ({@link Capabilities}), never a branch on
 * its name.
 */
import type { ReasonCode } from './reason.js';

/** The clouds that the platform has accounts in. */
export const CLOUD_IDS = ['aws', 'alibaba', 'huawei', 'tencent', 'outscale'] as const;
export type CloudId = (typeof CLOUD_IDS)[number];

/** What a cloud's own state means to us; see {@link ObservedPeering.providerState} for its own word. */
export type ProviderPhase =
  | 'pending_platform' // the customer asked; we have not accepted
  | 'pending_customer' // we asked; the customer has not approved
  | 'in_progress'
  | 'active'
  | 'rejected'
  | 'expired'
  | 'failed'
  | 'deleting'
  | 'gone';

/** How a cloud differs from the others; the core decides by these and by nothing else. */
export interface Capabilities {
  /** Who creates the request. */
  readonly initiator: 'customer' | 'platform';
  /** Whether the platform itself gives the customer a limited time to approve. */
  readonly approvalWindow: boolean;
  /** Whether the customer's CIDRs are certain to be visible before acceptance. */
  readonly cidrVisibleWhilePending: boolean;
  /** Whether the cloud ever reports the customer's CIDRs; where it does not, the declared ones count. */
  readonly cidrObservable: boolean;
  /** `platform`: the broker writes route-table entries. `cloud`: the cloud spreads routes by itself. */
  readonly routing: 'platform' | 'cloud';
  /** At most this many live connections per platform VPC; null when only the cloud's quota limits them. */
  readonly maxLivePerNetwork: number | null;
  /** How to take back a request that is still pending: the accepter rejects, or the requester withdraws. */
  readonly takeBackPending: 'reject' | 'withdraw';
  /** Phases in which the platform can and must remove the connection itself. */
  readonly removableIn: readonly ProviderPhase[];
  /** How long after a change a read may still show the state before it, in milliseconds. */
  readonly consistencyMs: number;
  /**
   * Which changes the cloud wants one after the other: those of one route table, or all of an account. One that comes
   * while another is under way is refused with `conflict`.
   */
  readonly writesExclude: 'route_table' | 'account';
  /** How long the cloud keeps an unanswered request, in milliseconds; null when the vendor does not say. */
  readonly requestExpiryMs: number | null;
}

/** One side of a connection as the cloud reports it. Absent fields are fields that the cloud does not report. */
export interface PeerSide {
  /** The cloud's account number (Huawei: none; see projectId). Always text: some have 18 digits. */
  readonly accountId?: string;
  /** Huawei's project id. */
  readonly projectId?: string;
  /** VPC, Net, or CCN id. */
  readonly vpcId?: string;
  readonly region?: string;
  readonly cidrs: readonly string[];
}

/** A peering connection or attachment as the cloud reports it now. */
export interface ObservedPeering {
  /** The cloud's id (`pcx-…`, `pcc-…`, a UUID; for CCN attachments the CCN's id). */
  readonly providerId: string;
  readonly phase: ProviderPhase;
  /** The cloud's own word for its state. */
  readonly providerState: string;
  /** The cloud's own explanation, where it gives one. */
  readonly providerMessage?: string;
  readonly requester: PeerSide;
  readonly accepter: PeerSide;
  /** When the cloud drops an unanswered request, in epoch milliseconds. */
  readonly expiresAt?: number;
  /** When the cloud took the request, in epoch milliseconds, where it says so. */
  readonly requestedAt?: number;
  /** Tells this one from others that come to the same id after it, where the cloud gives ids anew. */
  readonly incarnation?: string;
  /** The mark that the broker left (tag, name, description): the id of the connection that owns this. */
  readonly mark?: string;
}

/** One entry of a platform route table (or, where the cloud routes by itself, of what it has learned). */
export interface ObservedRoute {
  readonly destination: string;
  /** The id of what the route leads to. */
  readonly target: string;
  readonly state: 'active' | 'pending' | 'blackhole' | 'disabled';
  /** The cloud's handle for the entry, where entries have one. */
  readonly routeId?: string;
  /** The mark that the broker left on the entry, where entries can carry one. */
  readonly mark?: string;
}

export interface ObservedRouteTable {
  readonly routeTableId: string;
  readonly main: boolean;
  readonly routes: readonly ObservedRoute[];
}

/** The platform VPC of a deployment. */
export interface NetworkRef {
  readonly vpcId: string;
  readonly region: string;
}

/** A platform VPC as the cloud reports it. */
export interface ObservedNetwork {
  readonly vpcId: string;
  readonly accountId?: string;
  readonly cidrs: readonly string[];
  readonly routeTableIds: readonly string[];
}

/** What the broker asks a platform-initiated cloud to attach to. */
export interface AttachmentRequest {
  /** The CCN. */
  readonly providerId: string;
  /** The account that owns it. */
  readonly ownerAccountId: string;
}

/** Passed with each change: what makes it recognisable and repeatable. */
export interface ChangeContext {
  /** Id of the connection, left on what is created wherever the cloud has a place for it. */
  readonly mark: string;
  /** The same for every repetition of one intended change: the client token where the cloud takes one. */
  readonly token: string;
}

/** What a cloud answered to a change. */
export interface ChangeReceipt {
  /** The cloud's request id. */
  readonly requestId?: string;
}

/** The taxonomy to which every provider error maps. */
export type CloudErrorCategory =
  | 'not_found'
  | 'auth'
  | 'throttled'
  | 'conflict'
  | 'quota'
  | 'invalid_state'
  | 'precondition'
  | 'transient'
  | 'unknown';

/** What is known of a failed call. */
export interface CloudErrorInfo {
  readonly category: CloudErrorCategory;
  /** The cloud's own error code, or a network error code. */
  readonly code: string;
  readonly message: string;
  readonly operation: string;
  readonly requestId?: string;
  /** Where the error says exactly why the connection cannot go on. */
  readonly reason?: ReasonCode;
}

/** Thrown by every method of {@link CloudPort}. The message never holds a credential. */
export class CloudError extends Error {
  constructor(
    readonly info: CloudErrorInfo,
    options?: { readonly cause?: unknown },
  ) {
    super(`${info.operation}: ${info.code}: ${info.message}`, options);
    this.name = 'CloudError';
  }
}

/** A route in a platform route table. */
export interface RouteRef {
  readonly routeTableId: string;
  readonly destination: string;
  /** What the route leads to: the connection's provider id. */
  readonly target: string;
}

/**
 * One platform account in one region. Every method may throw {@link CloudError}; each has a deadline of its own.
 * Observing never changes anything. Changes may be repeated: removing what is gone succeeds, ensuring what is there
 * succeeds, and what cannot be repeated (accepting twice) fails with `invalid_state` and changes nothing.
 */
export interface CloudPort {
  readonly cloud: CloudId;
  /** The platform VPC itself. @throws CloudError `not_found` when the account has no such VPC */
  describeNetwork(network: NetworkRef): Promise<ObservedNetwork>;
  /** Every connection of a platform VPC that the cloud still shows, in as few calls as its paging allows. */
  observePeerings(network: NetworkRef): Promise<ObservedPeering[]>;
  /** One connection by the cloud's id, wherever it leads; null when the cloud shows none. */
  observePeering(network: NetworkRef, providerId: string): Promise<ObservedPeering | null>;
  /** The route tables of a platform VPC with all their entries. */
  observeRoutes(network: NetworkRef): Promise<ObservedRouteTable[]>;
  /** Customer-initiated clouds: accept the request. */
  acceptPeering(network: NetworkRef, providerId: string, context: ChangeContext): Promise<ChangeReceipt>;
  /** Customer-initiated clouds: refuse a pending request. */
  rejectPeering(network: NetworkRef, providerId: string, context: ChangeContext): Promise<ChangeReceipt>;
  /** Remove an established connection. */
  deletePeering(network: NetworkRef, providerId: string, context: ChangeContext): Promise<ChangeReceipt>;
  /** Platform-initiated clouds: ask to attach the platform VPC; again after an expiry. */
  requestAttachment(
    network: NetworkRef,
    request: AttachmentRequest,
    context: ChangeContext,
  ): Promise<ChangeReceipt>;
  /** Platform-initiated clouds: take the request or the attachment back. */
  withdrawAttachment(
    network: NetworkRef,
    request: AttachmentRequest,
    context: ChangeContext,
  ): Promise<ChangeReceipt>;
  /** Leave the mark on a connection (tag, name, description). */
  markPeering(network: NetworkRef, providerId: string, context: ChangeContext): Promise<ChangeReceipt>;
  /**
   * Make the route exist. An entry of the same destination that leads elsewhere is never touched.
   * @throws CloudError `conflict` in that case
   */
  ensureRoute(network: NetworkRef, route: RouteRef, context: ChangeContext): Promise<ChangeReceipt>;
  /** Make the route not exist. An entry of the same destination that leads elsewhere is left alone. */
  removeRoute(network: NetworkRef, route: RouteRef, context: ChangeContext): Promise<ChangeReceipt>;
  /** Give back sockets and timers. */
  close(): void;
}

/** How the platform proves who it is to a cloud; decrypted only in the worker. */
export type CloudCredentials =
  | {
      readonly kind: 'static';
      readonly accessKeyId: string;
      readonly secretAccessKey: string;
      readonly sessionToken?: string;
    }
  | {
      readonly kind: 'assume_role';
      readonly accessKeyId: string;
      readonly secretAccessKey: string;
      /** ARN of the role to assume. */
      readonly roleArn: string;
      readonly externalId?: string;
      readonly sessionName?: string;
      /** Lifetime of the temporary credentials, in seconds. */
      readonly durationSeconds?: number;
    };

/** What an adapter needs to speak for one platform account in one region. */
export interface CloudConnectionOptions {
  readonly region: string;
  /** The platform's own account number there. */
  readonly accountId: string;
  readonly credentials: CloudCredentials;
  /** Endpoint overrides by service (`ec2`, `sts`, `vpc`, …), for private endpoints and simulators. */
  readonly endpoints: Readonly<Record<string, string>>;
  /** Deadline of one call, in milliseconds; it begins when the call was admitted. */
  readonly timeoutMs: number;
  /**
   * Awaited before every call of the API (a page is a call) but those that renew temporary credentials, which are few
   * and counted apart. What it throws ends the operation as it is. Absent: every call is made at once.
   *
   * @param operation the call's name in the API
   */
  readonly admit?: (operation: string) => Promise<void>;
}

/** Opens a port; one per cloud in the registry of adapters. */
export type CloudConnector = (options: CloudConnectionOptions) => CloudPort;
