import type { Clock } from '#runtime';

import type { Store, Wake } from './reconcile-ports.js';

/** A delayed wake-up is asked for up to this far ahead; what is due later is left to the sweep. */
const WAKE_AHEAD_MS = 30_000;

interface ComeBackParts {
  readonly store: Pick<Store, 'nextDue'>;
  readonly wake: Wake;
  readonly clock: Clock;
}

/**
 * Has somebody come back to a deployment whose lease was given back. Whoever has changed something in the meantime found
 * the lease taken: what is due now is seen to at once.
 * @throws whatever keeps the database from answering
 */
export async function comeBack(
  { clock, store, wake }: ComeBackParts,
  deploymentId: string,
  tenantId?: string,
): Promise<void> {
  const dueAt = await store.nextDue(deploymentId);
  if (dueAt === null) return;
  const delayMs = Math.max(0, dueAt - clock.now());
  if (delayMs <= WAKE_AHEAD_MS) await wake.wake(deploymentId, delayMs, tenantId);
}
