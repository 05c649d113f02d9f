/**
 * What the worker reads and writes. A deployment is worked on under a lease; its fence grows with every lease, and
 * every write of a connection checks it, so that a worker that was slow for too long can no longer write.
 */
import { isDeepStrictEqual } from 'node:util';

import type {
  AddressPlan,
  Circuit,
  CircuitKind,
  CloudId,
  PeeringState,
  PeeringStatus,
  PlatformNetwork,
  ReservedRange,
} from '#domain';

import type { Coalescer } from './coalescer.js';
import type { Database } from './database.js';
import { ClaimConflict, NetworkTaken, PairTaken } from './errors.js';
import { leaseBatches, nextDueBatches, releaseBatches, type LeaseWish } from './lease-batches.js';
import { snapshotBatches } from './network-snapshots.js';
import type {
  CloudPauseRecord,
  DeploymentStatus,
  NewEvent,
  PeeringRecord,
  PlatformAccountStatus,
} from './records.js';
import type { RunStatement } from './repositories/address-plan.js';
import { movedDueAt } from './repositories/due-again.js';
import { replacePeering, tellEvents } from './repositories/peering-writes.js';
import { toDateOrNull, toMsOrNull, toNumber } from './repositories/time.js';
import { transactionOf } from './scope.js';
import { statement } from './statement.js';
import { saveBatches, takesNothing, touchBatches, type StatusSave, type TouchAll } from './status-batches.js';

/** The right to work on one deployment for a time. */
export interface Lease {
  readonly deploymentId: string;
  readonly owner: string;
  readonly fence: number;
  /** Epoch milliseconds. */
  readonly until: number;
}

/** The platform account of a deployment, with what is needed to speak for it. */
export interface NetworkAccount {
  /** The row's id. */
  readonly id: string;
  /** The account number in the cloud. */
  readonly accountId: string;
  readonly cloud: CloudId;
  /** The envelope of the encrypted credentials. */
  readonly credentials: Buffer;
  readonly credentialsKind: string;
  readonly endpoints: Readonly<Record<string, string>>;
  readonly status: PlatformAccountStatus;
  readonly statusDetail: string;
  readonly statusAt: number;
  /** Changes with every change by an operator: whoever caches a client knows that it is an old one. */
  readonly updatedAt: number;
}

/** Everything that one pass over a deployment needs, as of one moment. */
export interface NetworkSnapshot {
  readonly tenantId: string;
  readonly deploymentStatus: DeploymentStatus;
  readonly network: PlatformNetwork;
  readonly account: NetworkAccount;
  /** The connections that are not at rest (`dueAt` is set), whether due or not, oldest first. */
  readonly connections: readonly PeeringRecord[];
  /** The reserved ranges that count here now. */
  readonly reserved: readonly ReservedRange[];
  /** What is taken around the deployment, without what one connection holds itself. */
  planFor(connectionId: string): AddressPlan;
  /** Set while an operator has paused this cloud or region. */
  readonly pause: CloudPauseRecord | null;
  /** The circuit breakers before the account, in this region. */
  readonly circuits: Readonly<Record<CircuitKind, Circuit>>;
  /** The comparison of the declared VPC with the cloud. `dueAt` null: none is due. */
  readonly vpcCheck: {
    readonly checkedAt: number | null;
    readonly problem: string | null;
    readonly dueAt: number | null;
  };
}

export interface StatusWrite {
  readonly status: PeeringStatus;
  /** When to look again; null: not until somebody changes something. */
  readonly dueAt: number | null;
  /** When the cloud was last seen; null: as before. */
  readonly observedAt: number | null;
  readonly events: readonly NewEvent[];
  readonly now: number;
}

export type SaveResult =
  /** The connection as it now is, for the next write. */
  | { readonly outcome: 'saved'; readonly connection: PeeringRecord }
  /** Somebody else has written the connection: read it again. */
  | { readonly outcome: 'stale' }
  /** The lease is lost: stop. */
  | { readonly outcome: 'fenced' }
  /** Another holder has one of the blocks (or the pair, or the only place): read the plan again and decide anew. */
  | { readonly outcome: 'claim_conflict' };

export interface Touch {
  readonly connection: PeeringRecord;
  readonly dueAt: number | null;
  /** Null: never. */
  readonly observedAt: number | null;
}

/** Thrown inside a transaction to roll it back with a result. */
class GivenUp extends Error {
  constructor(readonly outcome: 'stale' | 'fenced') {
    super(outcome);
  }
}

const RENEW = statement<{ fence: string }>(
  'reconcile.renew',
  `UPDATE deployments SET lease_until = $4 WHERE id = $1 AND lease_owner = $2 AND fence = $3 RETURNING fence`,
);

/** Locked before the lease is: while somebody else has the connection locked, the lease can be renewed. */
const LOCK_CONNECTION = statement<{ id: string }>(
  'reconcile.lock_connection',
  'SELECT id FROM peering_connections WHERE id = $1 FOR NO KEY UPDATE',
);

/** Held until the transaction ends: nobody else can take the lease in the meantime. */
const HOLD = statement<{ id: string }>(
  'reconcile.hold',
  'SELECT id FROM deployments WHERE id = $1 AND lease_owner = $2 AND fence = $3 FOR SHARE',
);

const TOUCH = statement<{ id: string }>(
  'reconcile.touch',
  `UPDATE peering_connections p SET due_at = ${movedDueAt('p.due_at', 'seen.was_due_at', 'seen.due_at')},
     last_observed_at = seen.observed_at
   FROM unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[])
     AS seen (id, version, was_due_at, due_at, observed_at)
   WHERE p.id = seen.id AND p.version = seen.version RETURNING p.id`,
);

/** Rows that a search for due deployments looks through, for each one that it may find: the oldest ones. */
const LOOKED_THROUGH = 40;

/** Tenants take turns: the longest overdue of each, then the second of each, and so on. */
const DUE = statement<{ deployment_id: string }>(
  'reconcile.due',
  `SELECT deployment_id FROM (
     SELECT deployment_id, min(due_at) AS due_at,
       row_number() OVER (PARTITION BY tenant_id ORDER BY min(due_at)) AS place
     FROM (
       (SELECT p.deployment_id, p.tenant_id, p.due_at
        FROM peering_connections p JOIN deployments d ON d.id = p.deployment_id
        WHERE p.due_at <= $1 AND (d.lease_until IS NULL OR d.lease_until <= $1)
        ORDER BY p.due_at LIMIT $2 * ${LOOKED_THROUGH})
       UNION ALL
       (SELECT d.id, d.tenant_id, d.vpc_check_due_at
        FROM deployments d
        WHERE d.vpc_check_due_at <= $1 AND (d.lease_until IS NULL OR d.lease_until <= $1)
        ORDER BY d.vpc_check_due_at LIMIT $2 * ${LOOKED_THROUGH})
     ) AS due GROUP BY tenant_id, deployment_id
   ) AS placed ORDER BY place, due_at LIMIT $2`,
);

const NEXT_DUE = statement<{ at: Date | null }>(
  'reconcile.next_due',
  `SELECT least(
     (SELECT due_at FROM peering_connections WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1),
     (SELECT vpc_check_due_at FROM deployments WHERE vpc_check_due_at IS NOT NULL ORDER BY vpc_check_due_at LIMIT 1)
   ) AS at`,
);

const COUNT = statement<{ cloud: CloudId; state: PeeringState; count: string }>(
  'reconcile.count',
  'SELECT cloud, state, count(*) FROM peering_connections GROUP BY cloud, state',
);

const SAVE_VPC_CHECK = statement<{ id: string }>(
  'reconcile.save_vpc_check',
  `UPDATE deployments SET vpc_checked_at = coalesce($4, vpc_checked_at), vpc_problem = $5, vpc_check_due_at = $6,
     updated_at = CASE WHEN vpc_problem IS DISTINCT FROM $5 THEN $7 ELSE updated_at END
   WHERE id = $1 AND lease_owner = $2 AND fence = $3 RETURNING id`,
);

export class ReconcileStore {
  readonly #leases: Coalescer<LeaseWish, Lease | null>;
  readonly #releases: Coalescer<Lease, undefined>;
  readonly #nextDue: Coalescer<string, number | null>;
  readonly #snapshots: Coalescer<Lease, NetworkSnapshot | null>;
  readonly #saves: Coalescer<StatusSave, SaveResult>;
  readonly #touches: Coalescer<TouchAll, ReadonlySet<string> | null>;

  constructor(private readonly database: Database) {
    this.#leases = leaseBatches(database);
    this.#releases = releaseBatches(database);
    this.#nextDue = nextDueBatches(database);
    this.#snapshots = snapshotBatches(database);
    this.#saves = saveBatches(database, (save) => this.saveAlone(save));
    this.#touches = touchBatches(database);
  }

  /**
   * Takes the lease of a deployment whose last one has ended or was given back.
   * @param now epoch milliseconds; a function is asked when the lease is taken, which may be after others
   * @returns null while somebody (the same owner, too) holds it or has its row locked, and for an unknown deployment
   */
  async leaseDeployment(
    deploymentId: string,
    owner: string,
    now: number | (() => number),
    ms: number,
  ): Promise<Lease | null> {
    const clock = typeof now === 'number' ? () => now : now;
    return this.#leases.ask({ deploymentId, owner, now: clock, ms });
  }

  /** Prolongs a lease to `now + ms`, even one that has run out, as long as nobody took it. @returns null when lost */
  async renew(lease: Lease, now: number, ms: number): Promise<Lease | null> {
    const until = now + ms;
    const [row] = await this.database.single(RENEW, [...keyOf(lease), new Date(until)]);
    return row ? { ...lease, until } : null;
  }

  /** Gives a lease back; a lost one stays with its new owner. */
  async release(lease: Lease): Promise<void> {
    await this.#releases.ask(lease);
  }

  /** Everything for one pass, as of one moment; null when the lease is lost. */
  async loadNetwork(lease: Lease): Promise<NetworkSnapshot | null> {
    return this.#snapshots.ask(lease);
  }

  /**
   * Writes the status of a connection as it was read, with its claims and events, in one transaction that holds the
   * lease. A status that equals the one before keeps its version: only the times move, and nobody is told.
   */
  async saveStatus(lease: Lease, before: PeeringRecord, write: StatusWrite): Promise<SaveResult> {
    const observedAt = write.observedAt ?? before.lastObservedAt;
    const after = { ...before, status: write.status, dueAt: write.dueAt, lastObservedAt: observedAt };
    const isUnchanged = saysTheSame(before.status, write.status);
    const save = { lease, before, after, events: write.events, now: write.now };
    if (isUnchanged) return write.events.length === 0 ? this.moveTimes(save) : this.saveAlone(save, true);
    return takesNothing(save) ? this.#saves.ask(save) : this.saveAlone(save);
  }

  /**
   * Moves the times of many connections whose status has not changed, in one statement; those that somebody else has
   * written stay as they are.
   * @returns the ids that were moved; null when the lease is lost
   */
  async touch(lease: Lease, touches: readonly Touch[]): Promise<ReadonlySet<string> | null> {
    if (touches.length === 0) return new Set();
    return this.#touches.ask({ lease, touches });
  }

  /**
   * Deployments with something due and no living lease. Tenants take turns, so that one with thousands delays nobody else;
   * of each, and of those whose turn it is, the longest overdue come first.
   */
  async dueDeployments(now: number, limit: number): Promise<string[]> {
    const rows = await this.database.single(DUE, [new Date(now), limit]);
    return rows.map((row) => row.deployment_id);
  }

  /** When something of a deployment, or with none given of any, is due next; null: nothing is. */
  async nextDue(deploymentId?: string): Promise<number | null> {
    if (deploymentId !== undefined) return this.#nextDue.ask(deploymentId);
    const [row] = await this.database.single(NEXT_DUE, []);
    return toMsOrNull(row?.at ?? null);
  }

  /** How many connections of each cloud are in which state: reads all of them. */
  async countConnections(): Promise<
    { readonly cloud: CloudId; readonly state: PeeringState; readonly count: number }[]
  > {
    const rows = await this.database.single(COUNT, []);
    return rows.map((row) => ({ ...row, count: toNumber(row.count) }));
  }

  /**
   * Writes the result of comparing the declared VPC with the cloud.
   * @param check `checkedAt` null: the cloud could not be asked; `dueAt`: when to compare again, null: not by itself
   * @returns false when the lease is lost
   */
  async saveVpcCheck(
    lease: Lease,
    check: {
      readonly checkedAt: number | null;
      readonly problem: string | null;
      readonly dueAt: number | null;
    },
    now: number,
  ): Promise<boolean> {
    const values = [toDateOrNull(check.checkedAt), check.problem, toDateOrNull(check.dueAt), new Date(now)];
    return (await this.database.single(SAVE_VPC_CHECK, [...keyOf(lease), ...values])).length === 1;
  }

  /** The status is as it was: only the times move, and nobody is told. */
  private async moveTimes({ lease, before, after }: StatusSave): Promise<SaveResult> {
    const { dueAt, lastObservedAt: observedAt } = after;
    const moved = await this.#touches.ask({ lease, touches: [{ connection: before, dueAt, observedAt }] });
    if (moved === null) return { outcome: 'fenced' };
    return moved.has(before.id) ? { outcome: 'saved', connection: after } : { outcome: 'stale' };
  }

  /** Saves in a transaction of its own, which can take blocks and can tell what has refused it. */
  private async saveAlone(save: StatusSave, isUnchanged = false): Promise<SaveResult> {
    const { lease, before, after, events, now } = save;
    try {
      const connection = await this.underLease(lease, before.id, async (run) => {
        const written = isUnchanged
          ? await this.tellAndMove(run, save)
          : await replacePeering(run, before, after, events, now);
        if (written === null) throw new GivenUp('stale');
        return written;
      });
      return { outcome: 'saved', connection };
    } catch (error) {
      if (error instanceof GivenUp) return { outcome: error.outcome };
      if (error instanceof ClaimConflict || error instanceof PairTaken || error instanceof NetworkTaken) {
        return { outcome: 'claim_conflict' };
      }
      throw error;
    }
  }

  /** @returns null when the row is no longer what `before` says: roll back */
  private async tellAndMove(
    run: RunStatement,
    { before, after, events, now }: StatusSave,
  ): Promise<PeeringRecord | null> {
    const times = [before.dueAt, after.dueAt, after.lastObservedAt].map((time) => [toDateOrNull(time)]);
    const [moved] = await Promise.all([
      run(TOUCH, [[before.id], [before.version], ...times]),
      tellEvents(run, before, events, now),
    ]);
    return moved.length === 1 ? after : null;
  }

  /** Runs writes of one connection in a transaction that holds the lease. @throws GivenUp `fenced` when it is lost */
  private async underLease<T>(
    lease: Lease,
    connectionId: string,
    write: (run: RunStatement) => Promise<T>,
  ): Promise<T> {
    return this.database.asOperator(async (scope) => {
      const transaction = transactionOf(scope);
      const [locked, held, written] = await Promise.allSettled([
        transaction.rows(LOCK_CONNECTION, [connectionId]),
        transaction.rows(HOLD, keyOf(lease)),
        write((sql, values) => transaction.rows(sql, values)),
      ]);
      if (locked.status === 'rejected') throw locked.reason;
      if (held.status === 'rejected') throw held.reason;
      if (held.value.length === 0) throw new GivenUp('fenced');
      if (written.status === 'rejected') throw written.reason;
      return written.value;
    });
  }
}

/** Whether two statuses are the same once they are written: keys that say nothing do not count, nor does their order. */
function saysTheSame(before: PeeringStatus, after: PeeringStatus): boolean {
  const [one, other] = [JSON.stringify(before), JSON.stringify(after)];
  return (
    one === other || (one.length === other.length && isDeepStrictEqual(JSON.parse(one), JSON.parse(other)))
  );
}

function keyOf(lease: Lease): [string, string, number] {
  return [lease.deploymentId, lease.owner, lease.fence];
}
