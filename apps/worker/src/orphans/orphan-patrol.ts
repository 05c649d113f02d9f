import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

import { Inject, Injectable } from '@nestjs/common';

import { CloudBreaker } from '../breaker/cloud-breaker.js';
import { inParallel } from '../engine/in-parallel.js';
import { systemTimers } from '../engine/reconcile-ports.js';
import { WorkerMetrics } from '../monitoring/worker-metrics.js';
import { PARTS, type WorkerParts } from '../parts.js';
import { ReconcileProcessor } from '../reconcile.processor.js';
import { OrphanSearcher } from './orphan-search.js';

/** Networks that one worker searches at a time. */
const AT_A_TIME = 4;
/** Networks taken from the list of what is due at once. */
const ROUND = 40;
/** What is over is looked through for what is old enough to be forgotten this often, in milliseconds. */
const TIDY_EVERY_MS = 3_600_000;

/**
 * Goes round the platform networks, each at its own time and those without any connection too, and has them searched for
 * what was left behind. Every worker goes; the lease of a deployment sees to it that only one is in a network.
 */
@Injectable()
export class OrphanPatrol {
  readonly #searcher: OrphanSearcher;
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | null = null;
  #round: Promise<void> | null = null;
  #isFailing = false;
  #tidiedAt = -Infinity;

  constructor(
    @Inject(PARTS) private readonly parts: WorkerParts,
    processor: ReconcileProcessor,
    metrics: WorkerMetrics,
  ) {
    const { clock, config, database, logger: log, queues } = parts;
    const { leaseMs, cloudCallTimeoutMs: callTimeoutMs } = config.worker;
    const random = Math.random;
    this.#searcher = new OrphanSearcher({
      store: database.reconcile,
      orphans: database.orphans,
      accounts: processor.accounts,
      breaker: new CloudBreaker({ circuits: database.circuits, clock, random, log, monitor: metrics }),
      turns: processor.turns,
      wake: queues,
      clock,
      timers: systemTimers,
      random,
      settings: { ...config.orphans, leaseMs, callTimeoutMs },
      log,
      owner: `${hostname()}/${process.pid}/orphans`,
    });
  }

  /** Does nothing where searches are switched off. */
  start(): void {
    if (this.parts.config.orphans.intervalMs > 0) this.#schedule();
  }

  /** Begins nothing more, and waits for what is under way, for at most `limitMs`. */
  async stop(limitMs: number): Promise<void> {
    this.#stopping.abort();
    if (this.#timer !== null) clearTimeout(this.#timer);
    await Promise.race([this.#round, sleep(limitMs, undefined, { ref: false })]);
  }

  #schedule(): void {
    if (this.#stopping.signal.aborted) return;
    // Workers that were started together drift apart.
    const ms = this.parts.config.worker.sweepIntervalMs * (0.8 + Math.random() * 0.4);
    this.#timer = setTimeout(() => {
      this.#round = this.#go().finally(() => this.#schedule());
    }, ms);
  }

  async #go(): Promise<void> {
    const { clock, config, database, logger } = this.parts;
    const { signal } = this.#stopping;
    try {
      const now = clock.now();
      const due = await database.orphans.dueDeployments(now, ROUND);
      // Two workers that see the same list begin at different ends of it.
      const order = due.map((id) => ({ id, at: Math.random() })).sort((one, other) => one.at - other.at);
      await inParallel(order, AT_A_TIME, async ({ id }) => {
        if (!signal.aborted) await this.#searcher.search(id, signal);
      });
      if (now - this.#tidiedAt >= TIDY_EVERY_MS) {
        this.#tidiedAt = now;
        await database.orphans.expire(now - config.orphans.retentionMs);
      }
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) logger.error({ err: error }, 'the search for what was left behind has failed');
      this.#isFailing = true;
    }
  }
}
