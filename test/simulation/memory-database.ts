/**
 * The rows of the broker in memory, with what PostgreSQL guarantees of them: versions, leases with a fence, disjoint
 * claims, unique indexes. Each method is one transaction. Rows are values: nothing of them is ever changed in place.
 */
import {
  closedCircuit,
  isLive,
  overlaps,
  parseCidr,
  profileOf,
  reservedInterval,
  type CidrBlock,
  type Circuit,
  type CircuitKind,
  type Pace,
  type PeeringStatus,
  type PlatformNetwork,
  type ReservedRange,
} from '#domain';
import type {
  CloudPauseRecord,
  Lease,
  NetworkAccount,
  NetworkSnapshot,
  NewEvent,
  PeeringRecord,
  WriteTurn,
} from '#database';

export interface DeploymentRow {
  readonly network: PlatformNetwork;
  readonly accountId: string;
  leaseOwner: string | null;
  leaseUntil: number | null;
  fence: number;
  vpcCheck: NetworkSnapshot['vpcCheck'];
}

export interface Claim {
  readonly deploymentId: string;
  /** Null: the deployment's own. */
  readonly connectionId: string | null;
  readonly block: CidrBlock;
}

/** A constraint that refused a write. */
export class ConstraintRefused extends Error {
  constructor(readonly constraint: 'pair' | 'provider' | 'sole' | 'claims') {
    super(`the constraint ${constraint} refused a write`);
  }
}

/** Who writes: a worker under its lease, or the API. */
export type Writer = { readonly kind: 'worker'; readonly lease: Lease } | { readonly kind: 'api' };

export interface Commit {
  /** Null: the row is new. */
  readonly before: PeeringRecord | null;
  readonly after: PeeringRecord;
  readonly events: readonly NewEvent[];
  readonly writer: Writer;
}

/** Told of every commit of a connection, at the moment of it. */
export type CommitListener = (commit: Commit) => void;

export const RESERVED: readonly ReservedRange[] = [
  { id: 'rsv_1', from: '10.10.0.0', to: '10.64.255.255', version: 1 },
];
const RESERVED_INTERVALS = RESERVED.map(reservedInterval);

const blocks = new Map<string, CidrBlock>();

/** A block, read once for all histories. */
export function blockOf(text: string): CidrBlock {
  let block = blocks.get(text);
  if (block === undefined) {
    block = parseCidr(text);
    blocks.set(text, block);
  }
  return block;
}

export class MemoryDatabase {
  readonly deployments = new Map<string, DeploymentRow>();
  readonly connections = new Map<string, PeeringRecord>();
  readonly accounts = new Map<string, NetworkAccount>();
  /** By account and kind: there is one region. */
  readonly circuits = new Map<string, Circuit>();
  /** By key. */
  readonly writeTurns = new Map<string, WriteTurn>();
  /** By account and what a cloud counts together. */
  readonly paces = new Map<string, Pace>();
  claims: readonly Claim[] = [];
  pause: CloudPauseRecord | null = null;
  /** What a connection claims; a planted defect may claim less. */
  claimsOf = (record: PeeringRecord): readonly string[] =>
    isLive(record.status) ? record.status.admittedCidrs : [];

  constructor(
    private readonly onCommit: CommitListener,
    /** Something is due at this time: whoever sweeps may want to know. */
    private readonly onDue: (at: number) => void,
  ) {}

  connectionsOf(deploymentId: string): PeeringRecord[] {
    return [...this.connections.values()].filter((each) => each.deploymentId === deploymentId);
  }

  insert(record: PeeringRecord, events: readonly NewEvent[]): void {
    this.#check(record);
    this.#claim(null, record);
    this.connections.set(record.id, record);
    this.onCommit({ before: null, after: record, events, writer: { kind: 'api' } });
    this.#due(record.dueAt);
  }

  /**
   * Replaces what was read as `before` (its version decides).
   * @returns the row as it is now; null when it is not what `before` says @throws ConstraintRefused
   */
  replace(
    before: PeeringRecord,
    after: PeeringRecord,
    events: readonly NewEvent[],
    now: number,
    writer: Writer,
  ): PeeringRecord | null {
    const current = this.connections.get(before.id);
    if (current?.version !== before.version) return null;
    const status = JSON.parse(JSON.stringify(after.status)) as PeeringStatus;
    const deletedAt = status.state === 'deleted' ? (before.deletedAt ?? now) : null;
    const dueAt = movedDueAt(current.dueAt, before.dueAt, after.dueAt);
    const row = { ...after, status, version: before.version + 1, updatedAt: now, deletedAt, dueAt };
    this.#check(row);
    this.#claim(current, row);
    this.connections.set(row.id, row);
    this.onCommit({ before: current, after: row, events, writer });
    this.#due(dueAt);
    return { ...row, dueAt: after.dueAt };
  }

  /** Moves the times of a row whose version is still this one, and tells what happened. @returns whether it is */
  move(
    before: PeeringRecord,
    { dueAt, observedAt }: { readonly dueAt: number | null; readonly observedAt: number | null },
    events: readonly NewEvent[],
    writer: Writer,
  ): boolean {
    const current = this.connections.get(before.id);
    if (current?.version !== before.version) return false;
    const moved = movedDueAt(current.dueAt, before.dueAt, dueAt);
    const row = { ...current, dueAt: moved, lastObservedAt: observedAt };
    this.connections.set(before.id, row);
    this.onCommit({ before: current, after: row, events, writer });
    this.#due(moved);
    return true;
  }

  /** The circuit breakers before an account. */
  circuitsOf(accountId: string): Record<CircuitKind, Circuit> {
    const of = (kind: CircuitKind): Circuit => this.circuits.get(`${accountId} ${kind}`) ?? closedCircuit(0);
    return { outage: of('outage'), credentials: of('credentials') };
  }

  /** An operator has given an account other credentials, which work. */
  mendAccount(account: NetworkAccount, now: number): void {
    const mended = { ...account, status: 'active', statusDetail: '', statusAt: now, updatedAt: now } as const;
    this.accounts.set(account.id, mended);
    this.circuits.clear();
    this.lookAgain(now, () => true);
  }

  /** Has the engine look at what it has put off. */
  lookAgain(now: number, which: (record: PeeringRecord) => boolean): void {
    for (const record of this.connections.values()) {
      if (record.dueAt === null || record.dueAt <= now || !which(record)) continue;
      this.connections.set(record.id, { ...record, dueAt: now });
    }
    for (const row of this.deployments.values()) {
      if ((row.vpcCheck.dueAt ?? now) > now) row.vpcCheck = { ...row.vpcCheck, dueAt: now };
    }
    this.onDue(now);
  }

  /** When something of a deployment, or of any, is due next; null: nothing is. */
  nextDue(deploymentId?: string): number | null {
    let next: number | null = null;
    const earlier = (at: number | null): void => {
      if (at !== null && (next === null || at < next)) next = at;
    };
    for (const record of this.connections.values()) {
      if (deploymentId === undefined || record.deploymentId === deploymentId) earlier(record.dueAt);
    }
    for (const [id, row] of this.deployments) {
      if (deploymentId === undefined || id === deploymentId) earlier(row.vpcCheck.dueAt);
    }
    return next;
  }

  /** Deployments with something due and no living lease. */
  dueDeployments(now: number): string[] {
    return [...this.deployments].flatMap(([id, row]) =>
      (row.leaseUntil === null || row.leaseUntil <= now) && (this.nextDue(id) ?? Infinity) <= now ? [id] : [],
    );
  }

  #due(at: number | null): void {
    if (at !== null) this.onDue(at);
  }

  /** The partial unique indexes. */
  #check(row: PeeringRecord): void {
    if (!isLive(row.status)) return;
    const profile = profileOf(row.cloud);
    const peerKey = profile.peerKey(row.spec.cloud);
    for (const other of this.connections.values()) {
      if (other.id === row.id || other.deploymentId !== row.deploymentId || !isLive(other.status)) continue;
      if (peerKey !== null && profile.peerKey(other.spec.cloud) === peerKey)
        throw new ConstraintRefused('pair');
      const { providerId } = row.status;
      if (providerId !== null && other.status.providerId === providerId)
        throw new ConstraintRefused('provider');
      if (profile.capabilities.maxLivePerNetwork === 1) throw new ConstraintRefused('sole');
    }
  }

  /** The exclusion constraint on claims, and the trigger that keeps new ones off the reserved ranges. */
  #claim(before: PeeringRecord | null, row: PeeringRecord): void {
    const held = new Set(before === null ? [] : this.claimsOf(before));
    const wanted = new Set(this.claimsOf(row));
    if (held.size === wanted.size && [...held].every((block) => wanted.has(block))) return;
    const kept = this.claims.filter(
      ({ connectionId, block }) => connectionId !== row.id || wanted.has(block.text),
    );
    const { deploymentId, id: connectionId } = row;
    for (const text of [...wanted].filter((each) => !held.has(each))) {
      const block = blockOf(text);
      const isTaken = kept.some(
        (claim) => claim.deploymentId === deploymentId && overlaps(claim.block, block),
      );
      if (isTaken || RESERVED_INTERVALS.some((range) => overlaps(range, block))) {
        throw new ConstraintRefused('claims');
      }
      kept.push({ deploymentId, connectionId, block });
    }
    this.claims = kept;
  }
}

/** Somebody may have asked for an earlier look since a due time was read: then the earlier of both counts. */
function movedDueAt(current: number | null, was: number | null, next: number | null): number | null {
  if (current === was) return next;
  if (current === null || next === null) return current ?? next;
  return Math.min(current, next);
}
