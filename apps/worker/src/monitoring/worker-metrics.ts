import { Inject, Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram } from 'prom-client';

import { factorAt, type CircuitKind, type CircuitState, type CloudId, type Pace } from '#domain';
import { createMetricsRegistry, type MetricsRegistry } from '#runtime';

import type { CallObserver } from '../accounts/account-pool.js';
import type { EngineMonitor } from '../engine/engine-parts.js';
import { PARTS, type WorkerParts } from '../parts.js';

const SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** Counting every connection is worth it this often at most, in milliseconds, and no more than so much of the time. */
const COUNT_EVERY_MS = 15_000;
const COUNTING_SHARE = 0.01;

/** Whose pace it is, and of which calls. */
type PaceLabels = Record<'cloud' | 'account' | 'counted', string>;

/** What the worker measures of itself. */
@Injectable()
export class WorkerMetrics implements EngineMonitor, CallObserver {
  readonly registry: MetricsRegistry;
  readonly #passes: Counter<'cloud' | 'outcome'>;
  readonly #passSeconds: Histogram<'cloud'>;
  readonly #calls: Counter<'cloud' | 'operation' | 'outcome'>;
  readonly #callSeconds: Histogram<'cloud' | 'operation'>;
  readonly #paceWaits: Histogram<'cloud' | 'family'>;
  /** The paces that were ever slowed down, by what they are of. */
  readonly #paces = new Map<string, { readonly labels: PaceLabels; readonly pace: Pace }>();
  readonly #lag: Gauge;
  readonly #circuitMoves: Counter<'cloud' | 'kind' | 'to'>;
  #countAgainAt = 0;

  constructor(@Inject(PARTS) private readonly parts: WorkerParts) {
    this.registry = parts.metrics ?? createMetricsRegistry('worker');
    const registers = [this.registry];
    this.#passes = new Counter({
      name: 'peering_broker_engine_passes_total',
      help: 'Looks at a deployment and what followed, by cloud and outcome (seen, or why it could not be seen).',
      labelNames: ['cloud', 'outcome'],
      registers,
    });
    this.#passSeconds = new Histogram({
      name: 'peering_broker_engine_pass_seconds',
      help: 'Duration of one look at a deployment with everything that followed from it.',
      labelNames: ['cloud'],
      buckets: SECONDS,
      registers,
    });
    this.#calls = new Counter({
      name: 'peering_broker_cloud_calls_total',
      help: 'Calls of a cloud by operation and outcome (ok, or the category of the error).',
      labelNames: ['cloud', 'operation', 'outcome'],
      registers,
    });
    this.#callSeconds = new Histogram({
      name: 'peering_broker_cloud_call_seconds',
      help: 'Duration of calls of a cloud.',
      labelNames: ['cloud', 'operation'],
      buckets: SECONDS,
      registers,
    });
    this.#paceWaits = new Histogram({
      name: 'peering_broker_pace_wait_seconds',
      help: 'How long calls of a cloud have waited so that the cloud is not called more often than it allows.',
      labelNames: ['cloud', 'family'],
      buckets: SECONDS,
      registers,
    });
    const paces: Gauge<keyof PaceLabels> = new Gauge({
      name: 'peering_broker_pace_factor',
      help: 'What is left of the full pace of calls that were ever throttled, by platform account and what is counted together.',
      labelNames: ['cloud', 'account', 'counted'],
      registers,
      collect: () => {
        for (const { labels, pace } of this.#paces.values())
          paces.set(labels, factorAt(pace, parts.clock.now()));
      },
    });
    this.#lag = new Gauge({
      name: 'peering_broker_due_lag_seconds',
      help: 'How long the connection that is longest overdue has been waiting to be looked at.',
      registers,
    });
    this.#circuitMoves = new Counter({
      name: 'peering_broker_circuit_moves_total',
      help: 'Circuits before platform accounts that this worker has opened, half-opened or closed, by cloud and kind.',
      labelNames: ['cloud', 'kind', 'to'],
      registers,
    });
    const circuits: Gauge<'cloud' | 'kind' | 'state'> = new Gauge({
      name: 'peering_broker_circuits',
      help: 'Circuits before platform accounts that have ever counted a failure, by cloud, kind and state.',
      labelNames: ['cloud', 'kind', 'state'],
      registers,
      collect: () => this.#countCircuits(circuits),
    });
    const connections: Gauge<'cloud' | 'state'> = new Gauge({
      name: 'peering_broker_connections',
      help: 'Connections by cloud and state.',
      labelNames: ['cloud', 'state'],
      registers,
      collect: () => this.#countConnections(connections),
    });
    const orphans: Gauge<'cloud' | 'state'> = new Gauge({
      name: 'peering_broker_orphans',
      help: 'Things that former connections have left in platform networks, by cloud and state.',
      labelNames: ['cloud', 'state'],
      registers,
      collect: () => this.#countOrphans(orphans),
    });
    const jobs: Gauge<'job' | 'condition'> = new Gauge({
      name: 'peering_broker_jobs',
      help: 'Jobs in the queues by condition.',
      labelNames: ['job', 'condition'],
      registers,
      collect: () => this.#countJobs(jobs),
    });
  }

  passed(cloud: CloudId, outcome: string, ms: number): void {
    this.#passes.inc({ cloud, outcome });
    this.#passSeconds.observe({ cloud }, ms / 1000);
  }

  called(cloud: CloudId, operation: string, outcome: string, ms: number): void {
    this.#calls.inc({ cloud, operation, outcome });
    this.#callSeconds.observe({ cloud, operation }, ms / 1000);
  }

  circuitMoved(cloud: CloudId, kind: CircuitKind, to: CircuitState): void {
    this.#circuitMoves.inc({ cloud, kind, to });
  }

  waited(cloud: CloudId, family: string, ms: number): void {
    this.#paceWaits.observe({ cloud, family }, ms / 1000);
  }

  paced(cloud: CloudId, account: string, counted: string, pace: Pace): void {
    this.#paces.set(`${account} ${counted}`, { labels: { cloud, account, counted }, pace });
  }

  /** @param ms how long the one that is longest overdue has been waiting */
  lagged(ms: number): void {
    this.#lag.set(ms / 1000);
  }

  async #countConnections(gauge: Gauge<'cloud' | 'state'>): Promise<void> {
    const { clock, database } = this.parts;
    const began = clock.now();
    if (began < this.#countAgainAt) return;
    this.#countAgainAt = began + COUNT_EVERY_MS;
    const counts = await database.reconcile.countConnections();
    const ended = clock.now();
    this.#countAgainAt = ended + Math.max(COUNT_EVERY_MS, (ended - began) / COUNTING_SHARE);
    gauge.reset();
    for (const { cloud, state, count } of counts) gauge.set({ cloud, state }, count);
  }

  async #countCircuits(gauge: Gauge<'cloud' | 'kind' | 'state'>): Promise<void> {
    const counts = await this.parts.database.circuits.count();
    gauge.reset();
    for (const { cloud, kind, state, count } of counts) gauge.set({ cloud, kind, state }, count);
  }

  async #countOrphans(gauge: Gauge<'cloud' | 'state'>): Promise<void> {
    const counts = await this.parts.database.orphans.count();
    gauge.reset();
    for (const { cloud, state, count } of counts) gauge.set({ cloud, state }, count);
  }

  async #countJobs(gauge: Gauge<'job' | 'condition'>): Promise<void> {
    gauge.reset();
    const depth = await this.parts.queues.depth().catch(() => ({}));
    for (const [job, counts] of Object.entries(depth)) {
      for (const [condition, count] of Object.entries(counts)) gauge.set({ job, condition }, Number(count));
    }
  }
}
