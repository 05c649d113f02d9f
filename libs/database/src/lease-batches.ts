/**
 * Leases of many deployments in one statement each, which waits for no row that somebody holds locked: such a lease is
 * taken another time, and given back by a statement of its own.
 */
import { Coalescer, Later } from './coalescer.js';
import type { Database } from './database.js';
import type { Lease } from './reconcile-store.js';
import { isOutage } from './refusal.js';
import { toMsOrNull, toNumber } from './repositories/time.js';
import { statement } from './statement.js';

/** Who wants to work on a deployment. */
export interface LeaseWish {
  readonly deploymentId: string;
  readonly owner: string;
  /** Epoch milliseconds, read when the lease is taken: who had to wait for that has it no shorter. */
  readonly now: () => number;
  /** How long the lease is to last, in milliseconds. */
  readonly ms: number;
}

const LEASE = statement<{ id: string; lease_owner: string; fence: string }>(
  'reconcile.lease',
  `UPDATE deployments d SET lease_owner = wish.owner, lease_until = wish.until, fence = d.fence + 1
   FROM (
     SELECT each.id, wished.owner, wished.now, wished.until
     FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[]) AS wished (id, owner, now, until)
       JOIN deployments each ON each.id = wished.id
     WHERE each.lease_until IS NULL OR each.lease_until <= wished.now
     ORDER BY each.id FOR NO KEY UPDATE OF each SKIP LOCKED
   ) AS wish
   WHERE d.id = wish.id AND (d.lease_until IS NULL OR d.lease_until <= wish.now)
   RETURNING d.id, d.lease_owner, d.fence`,
);

const releaseStatement = (name: string, whatIsLocked: 'SKIP LOCKED' | '') =>
  statement<{ id: string; fence: string }>(
    name,
    `UPDATE deployments d SET lease_owner = NULL, lease_until = NULL
     FROM (
       SELECT each.id FROM unnest($1::text[], $2::text[], $3::bigint[]) AS lease (id, owner, fence)
         JOIN deployments each ON each.id = lease.id AND each.lease_owner = lease.owner AND each.fence = lease.fence
       ORDER BY each.id FOR NO KEY UPDATE OF each ${whatIsLocked}
     ) AS held WHERE d.id = held.id
     RETURNING d.id, d.fence`,
  );

const RELEASE = releaseStatement('reconcile.release', 'SKIP LOCKED');

const RELEASE_ALONE = releaseStatement('reconcile.release_alone', '');

const NEXT_DUE_OF = statement<{ id: string; at: Date | null }>(
  'reconcile.next_due_of',
  `SELECT d.id, least(
     (SELECT min(p.due_at) FROM peering_connections p WHERE p.deployment_id = d.id AND p.due_at IS NOT NULL),
     d.vpc_check_due_at
   ) AS at FROM deployments d WHERE d.id = ANY ($1)`,
);

/** More than this do not go together, so that nobody waits for long behind others. */
export const TOGETHER = 100;
/** Of one kind, on connections of the pool. */
export const BATCHES_AT_ONCE = 2;

const SIZE = { most: TOGETHER, atOnce: BATCHES_AT_ONCE } as const;

/** Answers null while somebody holds the lease or has the row locked, and for an unknown deployment. */
export function leaseBatches(database: Database): Coalescer<LeaseWish, Lease | null> {
  const together = async (wishes: readonly LeaseWish[]): Promise<(Lease | null)[]> => {
    const times = wishes.map(({ now: clock, ms }) => {
      const now = clock();
      return { now, until: now + ms };
    });
    const rows = await database.single(LEASE, [
      wishes.map(({ deploymentId }) => deploymentId),
      wishes.map(({ owner }) => owner),
      times.map(({ now }) => new Date(now)),
      times.map(({ until }) => new Date(until)),
    ]);
    const taken = new Map(rows.map((row) => [row.id, row]));
    return wishes.map(({ deploymentId, owner }, nth) => {
      const [row, until] = [taken.get(deploymentId), times[nth]?.until];
      // Of several who want the same one now, one has it.
      if (row?.lease_owner !== owner || until === undefined) return null;
      return { deploymentId, owner, fence: toNumber(row.fence), until };
    });
  };
  const alone = async (wish: LeaseWish): Promise<Lease | null> => (await together([wish]))[0] ?? null;
  return new Coalescer({ ...SIZE, together, alone, failsAll: isOutage });
}

/** A lease that is lost stays with its new owner. */
export function releaseBatches(database: Database): Coalescer<Lease, undefined> {
  const alone = async (lease: Lease): Promise<undefined> => {
    await database.single(RELEASE_ALONE, leaseColumns([lease]));
  };
  const together = async (leases: readonly Lease[]): Promise<(undefined | Later<undefined>)[]> => {
    const rows = await database.single(RELEASE, leaseColumns(leases));
    const released = new Map(rows.map(({ id, fence }) => [id, toNumber(fence)]));
    // One that is not given back is lost or locked.
    return leases.map((lease) =>
      released.get(lease.deploymentId) === lease.fence ? undefined : new Later(() => alone(lease)),
    );
  };
  return new Coalescer({ ...SIZE, together, alone, failsAll: isOutage });
}

/** When something of a deployment is due next, in epoch milliseconds; null: nothing is. */
export function nextDueBatches(database: Database): Coalescer<string, number | null> {
  const together = async (ids: readonly string[]): Promise<(number | null)[]> => {
    const rows = await database.single(NEXT_DUE_OF, [ids]);
    const at = new Map(rows.map((row) => [row.id, toMsOrNull(row.at)]));
    return ids.map((id) => at.get(id) ?? null);
  };
  return new Coalescer({ ...SIZE, together });
}

/** Ids, owners and fences, as the columns of unnest. */
export function leaseColumns(leases: readonly Lease[]): [string[], string[], number[]] {
  return [
    leases.map(({ deploymentId }) => deploymentId),
    leases.map(({ owner }) => owner),
    leases.map(({ fence }) => fence),
  ];
}
