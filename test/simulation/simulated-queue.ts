/** The queue of wake-up calls: they come late, twice, or not at all. */
import type { FaultPlan } from './fault-plan.js';
import type { RandomSource } from './random-source.js';
import type { VirtualScheduler } from './virtual-scheduler.js';

/** Whoever answers wake-up calls. */
export interface Consumer {
  receive(deploymentId: string): void;
}

export class SimulatedQueue {
  /** Jobs that nobody was there for. */
  readonly #left = new Set<string>();
  /** The times of jobs that wait, by deployment: a second one that comes no earlier is the first one. */
  readonly #waiting = new Map<string, number>();

  constructor(
    private readonly scheduler: VirtualScheduler,
    private readonly random: RandomSource,
    private readonly faults: FaultPlan,
    private readonly consumers: () => readonly Consumer[],
  ) {}

  add(deploymentId: string, delayMs: number): void {
    if (this.faults.strikes('job_lost')) return;
    const at = this.scheduler.now + delayMs + this.random.between(0, 20);
    if (this.faults.strikes('job_doubled')) {
      this.scheduler.at(at + this.random.between(0, 2_000), null, () => this.#deliver(deploymentId));
    }
    const waiting = this.#waiting.get(deploymentId);
    if (waiting !== undefined && waiting <= at) return;
    this.#waiting.set(deploymentId, at);
    this.scheduler.at(at, null, () => {
      if (this.#waiting.get(deploymentId) !== at) return;
      this.#waiting.delete(deploymentId);
      this.#deliver(deploymentId);
    });
  }

  /** A consumer has come: it gets what was left. */
  deliverLeft(): void {
    const left = [...this.#left];
    this.#left.clear();
    for (const deploymentId of left) this.#deliver(deploymentId);
  }

  #deliver(deploymentId: string): void {
    const consumers = this.consumers();
    if (consumers.length === 0) this.#left.add(deploymentId);
    else this.random.pick(consumers).receive(deploymentId);
  }
}
