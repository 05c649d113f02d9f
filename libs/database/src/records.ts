/** What the repositories give and take. Times are epoch milliseconds; absent values are null. */
import type {
  CloudId,
  DriftPolicy,
  PeeringConnection,
  PeeringIntent,
  PeeringState,
  PeeringStatus,
  PlatformNetwork,
  ReservedRange,
} from '#domain';

/** What a key may do. */
export const ROLES = [
  'operator',
  'administrator',
  'project_admin',
  'project_user',
  'accountant',
  'auditor',
] as const;
export type Role = (typeof ROLES)[number];

export interface TenantRecord {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface ProjectRecord {
  readonly id: string;
  readonly tenantId: string;
  readonly name: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** An API key without its secret. */
export interface ApiKeyRecord {
  readonly id: string;
  /** Null for operators. */
  readonly tenantId: string | null;
  readonly role: Role;
  /** The projects that the key is limited to; null: all of the tenant. */
  readonly projectIds: readonly string[] | null;
  readonly displayName: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
}

/** What authentication needs of a key. */
export interface ApiKeyCredential extends ApiKeyRecord {
  /** SHA-256 of the secret. */
  readonly secretHash: Buffer;
}

export type PlatformAccountStatus = 'active' | 'refused';

/** A platform account without its credentials. */
export interface PlatformAccountRecord {
  readonly id: string;
  readonly cloud: CloudId;
  /** The account number in the cloud. */
  readonly accountId: string;
  readonly displayName: string;
  /** `static`, `assume_role`, …: the kind of the credentials that are stored. */
  readonly credentialsKind: string;
  readonly endpoints: Readonly<Record<string, string>>;
  /** `refused`: the cloud rejected the credentials; nothing is asked of it until an operator changes them. */
  readonly status: PlatformAccountStatus;
  readonly statusDetail: string;
  readonly statusAt: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export type DeploymentStatus = 'creating' | 'active' | 'stopped';

export interface DeploymentRecord {
  readonly id: string;
  readonly tenantId: string;
  readonly projectId: string;
  readonly name: string;
  readonly cloud: CloudId;
  readonly region: string;
  readonly edition: string;
  readonly status: DeploymentStatus;
  /** The row of the platform account; its number in the cloud is `network.accountId`. */
  readonly platformAccountId: string;
  /** The platform side as the domain knows it: VPC, account number, blocks, route tables, drift policy. */
  readonly network: PlatformNetwork;
  /** When the declared VPC was last compared with the cloud; null: never. */
  readonly vpcCheckedAt: number | null;
  /** What that comparison found wrong; null: nothing. */
  readonly vpcProblem: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface NewDeployment {
  readonly tenantId: string;
  readonly projectId: string;
  readonly name: string;
  readonly cloud: CloudId;
  readonly region: string;
  readonly edition: string;
  readonly status?: DeploymentStatus;
  readonly platformAccountId: string;
  readonly vpcId: string;
  /** Canonical blocks of the platform VPC; they are claimed. */
  readonly cidrs: readonly string[];
  /** Null: every route table of the VPC. */
  readonly routeTableIds?: readonly string[] | null;
  readonly driftPolicy?: DriftPolicy;
}

/** What an operator may change of a deployment; absent fields stay. A change of `cidrs` has the VPC compared anew. */
export interface DeploymentChanges {
  readonly name?: string;
  readonly edition?: string;
  readonly status?: DeploymentStatus;
  readonly cidrs?: readonly string[];
  readonly routeTableIds?: readonly string[] | null;
  readonly driftPolicy?: DriftPolicy;
}

/** A connection with everything that is stored of it, and the network that it belongs to. */
export interface PeeringRecord extends PeeringConnection {
  readonly projectId: string;
  readonly region: string;
  readonly displayName: string;
  /** An operator's reason for the lock; null: not locked. */
  readonly lockedNote: string | null;
  /** When the engine looks again; null: not until somebody changes something. */
  readonly dueAt: number | null;
  readonly lastObservedAt: number | null;
  /** Grows by one with every write that a reader can see. */
  readonly version: number;
  readonly updatedAt: number;
  readonly deletedAt: number | null;
  readonly network: PlatformNetwork;
}

export interface NewPeering {
  /** Made when absent. */
  readonly id?: string;
  readonly deployment: DeploymentRecord;
  readonly displayName: string;
  readonly spec: PeeringIntent['spec'];
  /** Its admitted blocks are claimed. */
  readonly status: PeeringStatus;
  /** Null for a draft. */
  readonly dueAt: number | null;
  readonly events: readonly NewEvent[];
  readonly now: number;
}

/** What is to be different; absent fields stay. Claims follow `status.admittedCidrs`, and go when nothing is live. */
export interface PeeringChanges {
  readonly displayName?: string;
  readonly desired?: PeeringIntent['desired'];
  readonly spec?: PeeringIntent['spec'];
  readonly lockedNote?: string | null;
  readonly status?: PeeringStatus;
  readonly dueAt?: number | null;
  readonly events?: readonly NewEvent[];
}

export interface PeeringFilters {
  readonly deploymentIds?: readonly string[];
  readonly projectIds?: readonly string[];
  readonly states?: readonly string[];
  readonly clouds?: readonly string[];
  /** Operators only; a tenant's scope sees its own in any case. */
  readonly tenantIds?: readonly string[];
}

/** What happened to a connection. */
export interface NewEvent {
  /** `peering.created`, `peering.state_changed`, … */
  readonly type: string;
  /** A key's id, `worker`, or `operator:<keyId>`. */
  readonly actor: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface EventRecord extends NewEvent {
  readonly id: string;
  readonly connectionId: string;
  readonly createdAt: number;
}

export interface NewAuditEvent {
  /** Null for what concerns no tenant. */
  readonly tenantId: string | null;
  readonly actorKeyId: string;
  /** `peering.delete`, `api_key.create`, … */
  readonly action: string;
  /** The id of what was acted on. */
  readonly target: string;
  readonly outcome: string;
  readonly requestId: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

export interface AuditRecord extends Required<NewAuditEvent> {
  readonly id: string;
  readonly createdAt: number;
}

/** A reserved range with the time for which it counts. */
export interface ReservedRangeRecord extends ReservedRange {
  /** Null: every cloud. */
  readonly cloud: CloudId | null;
  readonly note: string;
  readonly effectiveFrom: number;
  /** Null: without end. */
  readonly effectiveUntil: number | null;
  readonly createdAt: number;
}

/** A live connection that has blocks in a reserved range: it was made before the range counted, and keeps them. */
export interface AffectedPeeringRecord {
  readonly id: string;
  readonly tenantId: string;
  readonly deploymentId: string;
  readonly cloud: CloudId;
  readonly displayName: string;
  readonly state: PeeringState;
  /** Those of its blocks that touch the range, lowest first. */
  readonly cidrs: readonly string[];
}

export interface QuotaRecord {
  readonly tenantId: string;
  readonly name: string;
  readonly value: number;
  readonly updatedAt: number;
}

/** A connector or action that needs a connection. */
export interface BoundResourceRecord {
  readonly id: string;
  readonly tenantId: string;
  readonly deploymentId: string;
  readonly connectionId: string;
  readonly kind: string;
  readonly name: string;
  readonly createdAt: number;
}

/** A cloud that an operator has paused. */
export interface CloudPauseRecord {
  readonly cloud: CloudId;
  /** Null: in all regions. */
  readonly region: string | null;
  readonly note: string;
  readonly pausedAt: number;
}

/** An answer that was given under an idempotency key. */
export interface StoredAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface PageRequest {
  /** 1 to 200; 50 when absent. */
  readonly limit?: number;
  /** From `nextCursor` of the page before. */
  readonly cursor?: string | null;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  /** Null on the last page. */
  readonly nextCursor: string | null;
}
