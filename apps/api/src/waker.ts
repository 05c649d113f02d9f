/** Wakes the engine after a commit. A wake-up that is lost is only late: the sweep finds the row. */
import type { PeeringRecord } from '#database';
import type { Queues } from '#queues';
import type { Logger } from '#runtime';

export class Waker {
  constructor(
    private readonly queues: Pick<Queues, 'wake'>,
    private readonly logger: Logger,
  ) {}

  /**
   * Wakes the engine for a deployment; never fails, and nobody waits for it.
   * @param onAccountOf the tenant, or whoever else it is that many may be woken for
   */
  wake(deploymentId: string, onAccountOf: string): void {
    this.queues.wake(deploymentId, 0, onAccountOf).catch((error: unknown) => {
      this.logger.warn({ err: error, deploymentId }, 'the wake-up was lost; the sweep will find it');
    });
  }

  /** Wakes the engine when it has something to do for a connection. */
  wakeFor({
    deploymentId,
    dueAt,
    tenantId,
  }: Pick<PeeringRecord, 'deploymentId' | 'dueAt' | 'tenantId'>): void {
    if (dueAt !== null) this.wake(deploymentId, tenantId);
  }
}
