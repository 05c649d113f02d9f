import { randomUUID } from 'node:crypto';

import type { Clock } from '#runtime';

import { LeaseKeeper } from './lease-keeper.js';
import type { Store, Timers, Wake } from './reconcile-ports.js';

/** A delayed wake-up is asked for up to this far ahead; what is due later is left to the sweep. */
const WAKE_AHEAD_MS = 30_000;

interface UnderLeaseParts {
  readonly store: Pick<Store, 'leaseDeployment' | 'renew' | 'release' | 'nextDue'>;
  readonly wake: Wake;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly settings: { readonly leaseMs: number };
  /** Names this process in leases. */
  readonly owner: string;
}

/**
 * Works on a deployment with its lease in hand, gives the lease back, and has somebody come back when something is due.
 * Does nothing while somebody else holds the lease.
 * @param work answers whose deployment it is, as far as it has read that
 * @throws what `work` throws, or whatever keeps the database from answering
 */
export async function underLease(
  parts: UnderLeaseParts,
  deploymentId: string,
  work: (keeper: LeaseKeeper) => Promise<string | undefined>,
): Promise<void> {
  const { clock, owner, settings, store, timers } = parts;
  const { leaseMs } = settings;
  // A lease is held by one turn, not by a process: two turns of one process exclude each other, too.
  const holder = `${owner}/${randomUUID()}`;
  const lease = await store.leaseDeployment(deploymentId, holder, () => clock.now(), leaseMs);
  if (lease === null) return;
  const keeper = new LeaseKeeper(store, lease, leaseMs, clock, timers);
  let tenantId: string | undefined;
  try {
    tenantId = await work(keeper);
  } finally {
    await keeper.stop();
    // A lost connection costs one attempt; a lease that nobody gives back runs out by itself.
    await store.release(keeper.lease).catch(() => store.release(keeper.lease).catch(() => undefined));
  }
  await comeBack(parts, deploymentId, tenantId);
}

/** Whoever has changed something in the meantime found the lease taken: what is due now is seen to at once. */
async function comeBack(
  { clock, store, wake }: Pick<UnderLeaseParts, 'clock' | 'store' | 'wake'>,
  deploymentId: string,
  tenantId: string | undefined,
): Promise<void> {
  const dueAt = await store.nextDue(deploymentId);
  if (dueAt === null) return;
  const delayMs = Math.max(0, dueAt - clock.now());
  if (delayMs <= WAKE_AHEAD_MS) await wake.wake(deploymentId, delayMs, tenantId);
}
