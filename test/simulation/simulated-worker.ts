/** A worker process of a simulated world: the real engine, the real accounts, and a sweep, in virtual time. */
import type { CloudConnector, decide, EngineSettings, PlatformNetwork } from '#domain';

import { AccountPool } from '../../apps/worker/src/accounts/account-pool.js';
import { NetworkReconciler } from '../../apps/worker/src/engine/network-reconciler.js';
import { WriteTurns } from '../../apps/worker/src/engine/write-turns.js';
import type { Timers } from '../../apps/worker/src/engine/reconcile-ports.js';
import { CALL_TIMEOUT_MS, CLOCK_DIFFERENCE_MS, type CloudModel } from './cloud-model.js';
import type { FaultPlan } from './fault-plan.js';
import { Link, type Distance } from './link.js';
import type { MemoryDatabase } from './memory-database.js';
import type { MemoryStore } from './memory-store.js';
import { type StoreSurroundings } from './memory-store.js';
import type { RandomSource } from './random-source.js';
import type { SimulatedQueue } from './simulated-queue.js';
import type { Process, VirtualScheduler } from './virtual-scheduler.js';

export const LEASE_MS = 15_000;

const nothing = (): void => undefined;
/** Whoever counts calls. */
const NOBODY = { called: nothing, waited: nothing, paced: nothing };

const QUEUE: Distance = {
  usual: [0, 5],
  slow: 5_000,
  timeout: 5_000,
  faults: { before: 'job_lost', after: 'job_lost', slow: 'store_slow' },
  silence: () => new Error('the queue does not answer'),
};

/** Makes the store of a worker; a planted defect makes another one. */
export type MakeStore = (database: MemoryDatabase, surroundings: StoreSurroundings) => MemoryStore;

/** Everything around a worker. */
export interface WorkerSurroundings {
  readonly scheduler: VirtualScheduler;
  readonly random: RandomSource;
  readonly faults: FaultPlan;
  readonly database: MemoryDatabase;
  readonly isDatabaseAway: () => boolean;
  readonly queue: SimulatedQueue;
  readonly cloud: CloudModel;
  readonly network: PlatformNetwork;
  readonly settings: EngineSettings;
  readonly decide: typeof decide | undefined;
  readonly makeStore: MakeStore;
  readonly sweeps: boolean;
  /** Whether calls keep to the pace that the cloud allows: it costs time of ours, too. */
  readonly isPaced: boolean;
  readonly kill: (process: Process) => void;
  readonly onDefect: (what: string) => void;
  readonly trace: (line: () => string) => void;
}

export class SimulatedWorker implements Process {
  alive = true;
  frozenUntil = 0;
  #clockOffset: number;
  #sweepAt = Infinity;
  #callOffSweep: () => void = () => undefined;
  readonly #reconciler: NetworkReconciler;
  readonly #shutdown = new AbortController();

  constructor(
    readonly name: string,
    private readonly around: WorkerSurroundings,
  ) {
    const { cloud, database, faults, makeStore, network, queue, random, scheduler, trace } = around;
    this.#clockOffset = this.#drawOffset();
    const link = new Link(scheduler, random, faults, this, around.kill);
    const clock = { now: (): number => scheduler.now + this.#clockOffset };
    const chance = (): number => random.next();
    const store = makeStore(database, { link, isAway: around.isDatabaseAway, trace });
    const connector: CloudConnector = ({ admit }) =>
      cloud.port({ link, admit: around.isPaced ? admit : undefined }, network);
    const timers: Timers = {
      sleep: (ms) => scheduler.sleep(ms, this),
      every: (ms, beat) => this.#every(ms, beat),
    };
    const accounts = new AccountPool({
      connectors: { [cloud.cloud]: connector },
      decrypt: () => ({ kind: 'static', accessKeyId: 'key', secretAccessKey: 'secret' }),
      clock,
      timers,
      random: chance,
      callTimeoutMs: CALL_TIMEOUT_MS,
      slots: 20,
      callsPerSecond: {},
      paces: store,
      observer: NOBODY,
    });
    this.#reconciler = new NetworkReconciler({
      store,
      circuits: store,
      turns: new WriteTurns({ turns: store, clock, timers, random: chance, owner: name, leaseMs: LEASE_MS }),
      accounts,
      wake: {
        wake: (deploymentId, delayMs = 0) =>
          link
            .reach(`wake ${deploymentId} in ${delayMs} ms`, QUEUE, () => queue.add(deploymentId, delayMs))
            .catch(() => undefined),
      },
      clock,
      timers,
      random: chance,
      settings: { engine: around.settings, leaseMs: LEASE_MS, callTimeoutMs: CALL_TIMEOUT_MS },
      log: {
        info: () => undefined,
        warn: () => undefined,
        error: (about: unknown, message?: string) => this.#complained(about, message),
      },
      monitor: { passed: () => undefined, circuitMoved: () => undefined },
      owner: name,
      ...(around.decide === undefined ? {} : { decide: around.decide }),
    });
    if (around.sweeps) this.sweepBy(scheduler.now + random.between(0, 1_000));
  }

  /** Answers a wake-up call. */
  receive(deploymentId: string): void {
    const { faults, scheduler, trace } = this.around;
    if (faults.strikes('clock_jump')) this.#clockOffset = this.#drawOffset();
    scheduler.at(scheduler.now, this, () => {
      trace(() => `${this.name} takes up ${deploymentId}`);
      scheduler.resumed();
      this.#reconciler.reconcile(deploymentId, this.#shutdown.signal).catch((error: unknown) => {
        trace(() => `${this.name} gives up ${deploymentId}: ${String(error)}`);
        if (!String(error).includes('does not answer')) this.around.onDefect(String(error));
      });
    });
  }

  /** Sees to it that a sweep takes place at this time or before. */
  sweepBy(at: number): void {
    if (!this.around.sweeps || this.#sweepAt <= at) return;
    this.#callOffSweep();
    this.#sweepAt = at;
    this.#callOffSweep = this.around.scheduler.at(at, this, () => this.#sweep());
  }

  #sweep(): void {
    const { database, isDatabaseAway, queue, random, scheduler } = this.around;
    this.#sweepAt = Infinity;
    const soon = scheduler.now + random.between(800, 1_200);
    if (isDatabaseAway()) {
      this.sweepBy(soon);
      return;
    }
    for (const deploymentId of database.dueDeployments(scheduler.now + this.#clockOffset))
      queue.add(deploymentId, 0);
    const next = database.nextDue();
    // Until something is due nothing changes for a sweep; whatever becomes due earlier calls for one.
    if (next !== null) this.sweepBy(Math.max(soon, next - this.#clockOffset));
  }

  #every(ms: number, beat: () => Promise<void>): () => void {
    const { scheduler } = this.around;
    let stopped = false;
    const next = (): void => {
      scheduler.after(ms, this, () => {
        if (stopped) return;
        scheduler.resumed();
        void beat().finally(next);
      });
    };
    next();
    return () => (stopped = true);
  }

  #drawOffset(): number {
    return this.around.random.between(-CLOCK_DIFFERENCE_MS / 2, CLOCK_DIFFERENCE_MS / 2);
  }

  /** Nothing but a refused account is worth an error; anything else is a defect. */
  #complained(about: unknown, message: string | undefined): void {
    if (typeof about === 'object' && about !== null && 'accountId' in about) return;
    const error = typeof about === 'object' && about !== null && 'err' in about ? about.err : about;
    this.around.onDefect(
      `${message ?? 'error'}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
  }
}
