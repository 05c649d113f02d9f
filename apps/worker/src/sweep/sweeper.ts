import { setTimeout as sleep } from 'node:timers/promises';

import { Inject, Injectable } from '@nestjs/common';

import { idempotency } from '#database';

import { WorkerMetrics } from '../monitoring/worker-metrics.js';
import { PARTS, type WorkerParts } from '../parts.js';
import { ReconcileProcessor } from '../reconcile.processor.js';
import { DueWork } from './due-work.js';

/** Deployments found in one sweep; the longest overdue come first, the others with the next. */
const AT_ONCE = 500;
/** Stored answers to repeated requests are kept this long, and looked through this often, in milliseconds. */
const KEEP_ANSWERS_MS = 24 * 3_600_000;
const TIDY_EVERY_MS = 3_600_000;
/** The worker counts as failing after this many sweeps without one that succeeded. */
const PATIENCE = 10;

/**
 * Finds what is due and not being worked on, and works on it. Wake-up calls may be lost, with a whole queue even: this
 * is why nothing is lost with them. Every worker sweeps; a deployment that two of them find is worked on once.
 */
@Injectable()
export class Sweeper {
  #timer: NodeJS.Timeout | null = null;
  #sweeping: Promise<void> | null = null;
  #stopped = false;
  #succeededAt: number;
  #isFailing = false;
  /** Whether the latest sweep has left something for the next. */
  #isMoreDue = false;
  readonly #work: DueWork;
  #tidiedAt = -Infinity;

  constructor(
    @Inject(PARTS) private readonly parts: WorkerParts,
    private readonly metrics: WorkerMetrics,
    processor: ReconcileProcessor,
  ) {
    this.#succeededAt = parts.clock.now();
    const { config, logger, queues } = parts;
    this.#work = new DueWork({
      limit: config.worker.concurrency,
      work: (deploymentId) => processor.work(deploymentId),
      onFailed: (deploymentId, error) => {
        // A job is tried again with some distance, and an operator sees it when it keeps failing.
        logger.warn({ err: error, deploymentId }, 'what was due could not be done');
        void queues.wake(deploymentId);
      },
      onIdle: () => this.#hurry(),
    });
  }

  start(): void {
    this.#schedule(0);
  }

  /** Whether sweeps succeed. */
  isWell(): boolean {
    const { clock, config } = this.parts;
    return clock.now() - this.#succeededAt <= PATIENCE * config.worker.sweepIntervalMs;
  }

  /** Begins nothing more, and waits for a sweep that is under way, for at most `limitMs`. */
  async stop(limitMs: number): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#work.replace([]);
    await Promise.race([this.#sweeping, sleep(limitMs, undefined, { ref: false })]);
  }

  #schedule(ms: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#sweeping = this.#sweep().finally(() => {
        // Workers that were started together drift apart.
        this.#schedule(this.parts.config.worker.sweepIntervalMs * (0.8 + Math.random() * 0.4));
      });
    }, ms);
  }

  /** Does not wait for the next sweep while there is more than one sweep finds. */
  #hurry(): void {
    if (!this.#isMoreDue || this.#timer === null) return;
    this.#isMoreDue = false;
    clearTimeout(this.#timer);
    this.#schedule(0);
  }

  /** Forgets answers that nobody repeats a request for any more; some of them hold secrets, though encrypted. */
  async #tidy(now: number): Promise<void> {
    if (now - this.#tidiedAt < TIDY_EVERY_MS) return;
    this.#tidiedAt = now;
    await this.parts.database.asOperator((scope) => idempotency.expire(scope, now - KEEP_ANSWERS_MS));
  }

  async #sweep(): Promise<void> {
    const { clock, database, logger } = this.parts;
    try {
      const now = clock.now();
      const [due, oldest] = await Promise.all([
        database.reconcile.dueDeployments(now, AT_ONCE),
        database.reconcile.nextDue(),
      ]);
      await this.#tidy(now);
      this.metrics.lagged(oldest === null ? 0 : Math.max(0, now - oldest));
      this.#isMoreDue = due.length === AT_ONCE;
      if (!this.#stopped) this.#work.replace(due);
      this.#succeededAt = now;
      if (this.#isFailing) logger.info('sweeps succeed again');
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) logger.error({ err: error }, 'what is due cannot be read');
      this.#isFailing = true;
    }
  }
}
