import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

import { Inject, Injectable } from '@nestjs/common';

import { CloudBreaker } from '../breaker/cloud-breaker.js';
import { systemTimers } from '../engine/reconcile-ports.js';
import { WorkerMetrics } from '../monitoring/worker-metrics.js';
import { PARTS, type WorkerParts } from '../parts.js';
import { ReconcileProcessor } from '../reconcile.processor.js';
import { OrphanRounds } from './orphan-rounds.js';
import { OrphanSearcher } from './orphan-search.js';

/**
 * Goes round the platform networks, each at its own time and those without any connection too, and has them searched for
 * what was left behind. Every worker goes; the lease of a deployment sees to it that only one is in a network.
 */
@Injectable()
export class OrphanPatrol {
  readonly #rounds: OrphanRounds;
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | null = null;
  #round: Promise<void> | null = null;

  constructor(
    @Inject(PARTS) private readonly parts: WorkerParts,
    processor: ReconcileProcessor,
    metrics: WorkerMetrics,
  ) {
    const { clock, config, database, logger: log, queues } = parts;
    const { leaseMs, cloudCallTimeoutMs: callTimeoutMs } = config.worker;
    const random = Math.random;
    const searcher = new OrphanSearcher({
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
    const { retentionMs } = config.orphans;
    this.#rounds = new OrphanRounds({ orphans: database.orphans, searcher, clock, log, retentionMs });
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
      this.#round = this.#rounds.go(this.#stopping.signal).finally(() => this.#schedule());
    }, ms);
  }
}
