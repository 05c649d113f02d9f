import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

import { Inject, Injectable } from '@nestjs/common';

import type { Consumer } from '#queues';
import { CredentialCipher } from '#runtime';

import { AccountPool } from './accounts/account-pool.js';
import { NetworkReconciler } from './engine/network-reconciler.js';
import { WriteTurns } from './engine/write-turns.js';
import { systemTimers, type CloudAccounts } from './engine/reconcile-ports.js';
import { WorkerMetrics } from './monitoring/worker-metrics.js';
import { PARTS, type WorkerParts } from './parts.js';

/** Answers wake-up calls and works on what is due: each one names a deployment to be worked on. */
@Injectable()
export class ReconcileProcessor {
  readonly #accounts: AccountPool;
  readonly #writeTurns: WriteTurns;
  readonly #reconciler: NetworkReconciler;
  #consumer: Consumer | null = null;
  readonly #shutdown = new AbortController();
  /** Turns that no job has asked for. */
  readonly #turns = new Set<Promise<void>>();

  constructor(
    @Inject(PARTS) private readonly parts: WorkerParts,
    metrics: WorkerMetrics,
  ) {
    const { clock, config, connectors, database, logger, queues } = parts;
    const cipher = CredentialCipher.fromKeys(config.encryptionKeys);
    const callTimeoutMs = config.worker.cloudCallTimeoutMs;
    this.#accounts = new AccountPool({
      connectors,
      decrypt: (envelope) => cipher.decrypt(envelope),
      clock,
      random: Math.random,
      callTimeoutMs,
      observer: metrics,
      paces: database.callPaces,
      timers: systemTimers,
      slots: config.worker.concurrency,
      callsPerSecond: config.worker.cloudCallsPerSecond,
    });
    const owner = `${hostname()}/${process.pid}`;
    const { leaseMs } = config.worker;
    const timing = { clock, timers: systemTimers, random: Math.random };
    this.#writeTurns = new WriteTurns({ ...timing, turns: database.writeTurns, owner, leaseMs });
    this.#reconciler = new NetworkReconciler({
      store: database.reconcile,
      circuits: database.circuits,
      turns: this.#writeTurns,
      accounts: this.#accounts,
      wake: queues,
      ...timing,
      settings: { engine: config.engine, leaseMs, callTimeoutMs },
      log: logger,
      monitor: metrics,
      owner,
    });
  }

  /** The way to the clouds, the same for everything in this process. */
  get accounts(): CloudAccounts {
    return this.#accounts;
  }

  /** Turns at changes that a cloud wants one after the other, the same for everything in this process. */
  get turns(): WriteTurns {
    return this.#writeTurns;
  }

  async start(): Promise<void> {
    const { config, queues } = this.parts;
    this.#consumer = await queues.startConsumer(
      {
        reconcile: ({ deploymentId }, { signal }) => this.#reconciler.reconcile(deploymentId, signal),
      },
      { concurrency: config.worker.concurrency },
    );
  }

  /** Works on a deployment without a job. @throws whatever keeps the database from answering */
  async work(deploymentId: string): Promise<void> {
    const turn = this.#reconciler.reconcile(deploymentId, this.#shutdown.signal);
    this.#turns.add(turn);
    try {
      await turn;
    } finally {
      this.#turns.delete(turn);
    }
  }

  /** Takes no more jobs and begins no more changes; lets what is under way come to its end, for at most `limitMs`. */
  async stop(limitMs: number): Promise<void> {
    this.#accounts.stopWaiting();
    this.#shutdown.abort();
    const turns = Promise.allSettled(this.#turns);
    await Promise.all([
      this.#consumer?.close(limitMs),
      Promise.race([turns, sleep(limitMs, null, { ref: false })]),
    ]);
  }

  /** Ends what is still under way with the clouds. */
  closeAccounts(): void {
    this.#accounts.close();
  }
}
