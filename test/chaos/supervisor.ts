/** Keeps a process of the broker running, as an orchestrator does: what has ended is started again. */
import { setTimeout as sleep } from 'node:timers/promises';

import { eventually } from '../support/eventually.js';
import type { GuardedProcess } from '../support/guarded-process.js';
import type { SeededChance } from './seeded-chance.js';

export class Supervisor {
  /** How often it was started again. */
  restarts = 0;
  /** How often it was killed. */
  kills = 0;
  /** Ends that nobody has asked for, with the last words. */
  readonly collapses: string[] = [];
  readonly #outputs: GuardedProcess[] = [];
  #running: GuardedProcess | null = null;
  #killed = false;
  #stopping = false;
  readonly #kept: Promise<void>;

  constructor(
    readonly name: string,
    private readonly spawn: () => Promise<GuardedProcess>,
    private readonly chance: SeededChance,
  ) {
    this.#kept = this.#keep();
  }

  get isUp(): boolean {
    return this.#running !== null;
  }

  async untilUp(): Promise<void> {
    await eventually(`${this.name} is up`, () => this.isUp, 60_000);
  }

  /** kill -9, if it is up. */
  async kill(): Promise<void> {
    const running = this.#running;
    if (running === null) return;
    this.#killed = true;
    this.kills += 1;
    await running.kill();
  }

  /** Asks it to stop, and does not start it again. Answers with the exit code; null: it was not up. */
  async stop(): Promise<number | null> {
    this.#stopping = true;
    const running = this.#running;
    const code = running === null ? null : await running.terminate();
    await this.#kept;
    return code;
  }

  /** Ends it in any case. */
  async end(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#outputs.map((each) => each.kill()));
    await this.#kept;
    await Promise.all(this.#outputs.map((each) => each.kill()));
  }

  /** The different messages that it has logged at this level, with how often. */
  logged(level: 'warn' | 'error' | 'fatal'): Map<string, number> {
    const counts = new Map<string, number>();
    for (const line of this.#outputs.flatMap((each) => each.output().split('\n'))) {
      if (!line.startsWith('{') || !line.includes(`"level":"${level}"`)) continue;
      const { msg, err } = JSON.parse(line) as { msg: string; err?: { message?: string; type?: string } };
      const what = err === undefined ? msg : `${msg} [${err.type ?? ''}: ${err.message ?? ''}]`;
      counts.set(what, (counts.get(what) ?? 0) + 1);
    }
    return counts;
  }

  // Asked for each time anew: both change while others are waited for.
  #isStopping(): boolean {
    return this.#stopping;
  }

  #wasKilled(): boolean {
    return this.#killed;
  }

  async #keep(): Promise<void> {
    while (!this.#isStopping()) {
      try {
        const running = await this.spawn();
        this.#outputs.push(running);
        if (this.#isStopping()) await running.kill();
        else this.#running = running;
        const code = await running.gone;
        this.#running = null;
        if (!this.#wasKilled() && !this.#isStopping()) {
          const words = running.output().slice(-2_000);
          this.collapses.push(`${this.name} ended by itself with ${code}: ${words}`);
        }
        this.#killed = false;
      } catch {
        // It cannot start while the database is away.
      }
      if (this.#isStopping()) return;
      await sleep(this.chance.between(100, 700));
      this.restarts += 1;
    }
  }
}
