/** The worker's store over a {@link MemoryDatabase}, as far away as a database is. */
import { isDeepStrictEqual } from 'node:util';

import type {
  CircuitChange,
  CircuitKey,
  Lease,
  NetworkSnapshot,
  PaceKey,
  PeeringRecord,
  Reserved,
  SaveResult,
  StatusWrite,
  Touch,
  WriteTurn,
} from '#database';
import { reserve, UNUSED_PACE, type Circuit, type Pace, type Reservation } from '#domain';

import type { Store } from '../../apps/worker/src/engine/reconcile-ports.js';
import type { Distance, Link } from './link.js';
import { ConstraintRefused, RESERVED, type DeploymentRow, type MemoryDatabase } from './memory-database.js';

const DATABASE: Distance = {
  usual: [0, 6],
  // Longer than a lease: the worker that hears late has lost it.
  slow: 24_000,
  timeout: 30_000,
  faults: { before: 'store_lost_before', after: 'store_lost_after', slow: 'store_slow' },
  silence: (what) => new Error(`the database does not answer (${what})`),
};

/** What the database does beside what it is asked. */
export interface StoreSurroundings {
  readonly link: Link;
  readonly isAway: () => boolean;
  readonly trace: (line: () => string) => void;
}

export class MemoryStore implements Store {
  constructor(
    private readonly database: MemoryDatabase,
    private readonly surroundings: StoreSurroundings,
  ) {}

  leaseDeployment(
    deploymentId: string,
    owner: string,
    clock: number | (() => number),
    ms: number,
  ): Promise<Lease | null> {
    return this.#ask(`lease ${deploymentId}`, () => {
      const now = typeof clock === 'number' ? clock : clock();
      const row = this.database.deployments.get(deploymentId);
      if (row === undefined || (row.leaseUntil !== null && row.leaseUntil > now)) return null;
      row.leaseOwner = owner;
      row.leaseUntil = now + ms;
      row.fence += 1;
      return { deploymentId, owner, fence: row.fence, until: now + ms };
    });
  }

  renew(lease: Lease, now: number, ms: number): Promise<Lease | null> {
    return this.#ask(`renew ${lease.deploymentId}`, () => {
      const row = this.heldRow(lease);
      if (row === null) return null;
      row.leaseUntil = now + ms;
      return { ...lease, until: now + ms };
    });
  }

  release(lease: Lease): Promise<void> {
    return this.#ask(`release ${lease.deploymentId}`, () => {
      const row = this.heldRow(lease);
      if (row === null) return;
      row.leaseOwner = null;
      row.leaseUntil = null;
    });
  }

  loadNetwork(lease: Lease): Promise<NetworkSnapshot | null> {
    return this.#ask(`load ${lease.deploymentId}`, () => {
      const row = this.heldRow(lease);
      const account = row === null ? undefined : this.database.accounts.get(row.accountId);
      if (row === null || account === undefined) return null;
      const { deploymentId } = lease;
      const claims = this.database.claims.filter((claim) => claim.deploymentId === deploymentId);
      return {
        tenantId: 'ten_1',
        deploymentStatus: 'active',
        network: row.network,
        account,
        connections: this.database.connectionsOf(deploymentId).filter(({ dueAt }) => dueAt !== null),
        reserved: RESERVED,
        planFor: (connectionId) => ({
          reserved: RESERVED,
          deploymentCidrs: claims.flatMap((each) => (each.connectionId === null ? [each.block.text] : [])),
          peers: claims.flatMap(({ connectionId: holder, block }) =>
            holder === null || holder === connectionId ? [] : [{ connectionId: holder, cidrs: [block.text] }],
          ),
        }),
        pause: this.database.pause,
        circuits: this.database.circuitsOf(account.id),
        vpcCheck: row.vpcCheck,
      };
    });
  }

  saveStatus(lease: Lease, before: PeeringRecord, write: StatusWrite): Promise<SaveResult> {
    return this.#ask(`save ${before.id}`, () => {
      if (!this.mayWrite(lease)) return { outcome: 'fenced' };
      return this.write(lease, before, write);
    });
  }

  touch(lease: Lease, touches: readonly Touch[]): Promise<ReadonlySet<string> | null> {
    return this.#ask(`touch ${touches.length} of ${lease.deploymentId}`, () => {
      if (!this.mayWrite(lease)) return null;
      const writer = { kind: 'worker', lease } as const;
      const moved = touches.filter(({ connection, ...times }) =>
        this.database.move(connection, times, [], writer),
      );
      return new Set(moved.map(({ connection }) => connection.id));
    });
  }

  nextDue(deploymentId?: string): Promise<number | null> {
    return this.#ask(`next due of ${deploymentId ?? 'all'}`, () => this.database.nextDue(deploymentId));
  }

  saveVpcCheck(
    lease: Lease,
    check: {
      readonly checkedAt: number | null;
      readonly problem: string | null;
      readonly dueAt: number | null;
    },
  ): Promise<boolean> {
    return this.#ask(`VPC check of ${lease.deploymentId}`, () => {
      const row = this.heldRow(lease);
      if (row === null) return false;
      row.vpcCheck = { ...check, checkedAt: check.checkedAt ?? row.vpcCheck.checkedAt };
      return true;
    });
  }

  /** The circuits of the account: as `CircuitStore.change`. */
  change(
    { kind, platformAccountId: id }: CircuitKey,
    account: { readonly updatedAt: number },
    next: (current: Circuit) => Circuit | null,
    now: number,
  ): Promise<CircuitChange | null> {
    return this.#ask(`circuit ${kind} of ${id}`, () => {
      const row = this.database.accounts.get(id);
      if (row?.updatedAt !== account.updatedAt) return null;
      const before = this.database.circuitsOf(id)[kind];
      const after = next(before);
      if (after === null) return { before, after: before };
      this.database.circuits.set(`${id} ${kind}`, after);
      if (kind === 'credentials' && after.state !== 'half_open') {
        const status = after.state === 'open' ? 'refused' : 'active';
        const statusDetail = after.cause === null ? '' : `${after.cause.code}: ${after.cause.message}`;
        const statusAt = status === row.status ? row.statusAt : now;
        this.database.accounts.set(id, { ...row, status, statusDetail, statusAt });
      }
      if (after.state === 'closed' && before.state !== 'closed') this.database.lookAgain(now, () => true);
      return { before, after };
    });
  }

  /** The pace that all workers share: as `CallPaceStore.reserve`. */
  reserve(key: PaceKey, wanted: Reservation, slowedAt: number): Promise<Reserved> {
    return this.#ask(`reserve ${wanted.count} ${key.countedAs}`, () => {
      const { name, pace } = this.#paceOf(key);
      if (pace.slowedAt !== slowedAt) return { firstAt: null, pace };
      const { firstAt, nextAt } = reserve(pace.nextAt, wanted);
      const after = { ...pace, nextAt };
      this.database.paces.set(name, after);
      return { firstAt, pace: after };
    });
  }

  /** As `CallPaceStore.slow`. */
  slow(key: PaceKey, before: Pace, after: Pace): Promise<Pace> {
    return this.#ask(`slow down ${key.countedAs}`, () => {
      const { name, pace } = this.#paceOf(key);
      if (pace.slowedAt !== before.slowedAt) return pace;
      const slower = { ...after, nextAt: Math.max(pace.nextAt, after.nextAt) };
      this.database.paces.set(name, slower);
      return slower;
    });
  }

  #paceOf({ countedAs, platformAccountId }: PaceKey): { readonly name: string; readonly pace: Pace } {
    const name = `${platformAccountId} ${countedAs}`;
    return { name, pace: this.database.paces.get(name) ?? UNUSED_PACE };
  }

  /** A turn at changes that a cloud wants alone: as `WriteTurnStore.take`. */
  take(key: string, holder: string, now: number, ms: number): Promise<WriteTurn | null> {
    return this.#ask(`turn ${key}`, () => {
      const before = this.database.writeTurns.get(key);
      if (before !== undefined && before.until > now) return null;
      const turn = { key, holder, fence: (before?.fence ?? 0) + 1, until: now + ms };
      this.database.writeTurns.set(key, turn);
      return turn;
    });
  }

  prolong(turn: WriteTurn, now: number, ms: number): Promise<WriteTurn | null> {
    return this.#ask(`longer turn ${turn.key}`, () => {
      if (this.database.writeTurns.get(turn.key)?.fence !== turn.fence) return null;
      const prolonged = { ...turn, until: now + ms };
      this.database.writeTurns.set(turn.key, prolonged);
      return prolonged;
    });
  }

  end(turn: WriteTurn): Promise<void> {
    return this.#ask(`end of turn ${turn.key}`, () => {
      const held = this.database.writeTurns.get(turn.key);
      if (held?.fence === turn.fence) this.database.writeTurns.set(turn.key, { ...held, until: 0 });
    });
  }

  /** Whether a writer under this lease may still write; a planted defect may forget to ask. */
  protected mayWrite(lease: Lease): boolean {
    return this.heldRow(lease) !== null;
  }

  /** The transaction of {@link saveStatus} once the lease is held. */
  protected write(lease: Lease, before: PeeringRecord, write: StatusWrite): SaveResult {
    const observedAt = write.observedAt ?? before.lastObservedAt;
    const after = { ...before, status: write.status, dueAt: write.dueAt, lastObservedAt: observedAt };
    const writer = { kind: 'worker', lease } as const;
    if (isDeepStrictEqual(before.status, JSON.parse(JSON.stringify(write.status)))) {
      const isMoved = this.database.move(before, { dueAt: after.dueAt, observedAt }, write.events, writer);
      return isMoved ? { outcome: 'saved', connection: after } : { outcome: 'stale' };
    }
    try {
      const connection = this.database.replace(before, after, write.events, write.now, writer);
      return connection === null ? { outcome: 'stale' } : { outcome: 'saved', connection };
    } catch (error) {
      if (error instanceof ConstraintRefused) return { outcome: 'claim_conflict' };
      throw error;
    }
  }

  /** A connection as it is now. */
  protected rowOf(id: string): PeeringRecord | undefined {
    return this.database.connections.get(id);
  }

  /** The row of a lease that still counts. */
  protected heldRow(lease: Lease): DeploymentRow | null {
    const row = this.database.deployments.get(lease.deploymentId);
    return row?.leaseOwner === lease.owner && row.fence === lease.fence ? row : null;
  }

  #ask<Answer>(what: string, transaction: () => Answer): Promise<Answer> {
    const { isAway, link, trace } = this.surroundings;
    return link.reach(what, DATABASE, () => {
      if (isAway()) throw DATABASE.silence(what);
      const answer = transaction();
      trace(() => `${link.process.name} store: ${what}${outcomeOf(answer)}`);
      return answer;
    });
  }
}

function outcomeOf(answer: unknown): string {
  if (answer === null || answer === false) return ' -> no';
  if (typeof answer === 'object' && 'outcome' in answer) return ` -> ${String(answer.outcome)}`;
  return '';
}
