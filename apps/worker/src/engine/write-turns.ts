import type { WriteTurn, WriteTurnStore } from '#database';
import type { Clock } from '#runtime';

import { LeaseKeeper } from './lease-keeper.js';
import type { Timers } from './reconcile-ports.js';

/** How long a change waits for its turn before it is left for later, in milliseconds of the machine. */
const PATIENCE_MS = 2_000;
/** Distance of attempts to have a turn that another process has, in milliseconds; half as much again by chance. */
const ASK_EVERY_MS = 60;

export interface WriteTurnsParts {
  readonly turns: WriteTurnStorage;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Between 0 and 1. */
  readonly random: () => number;
  /** Names this process. */
  readonly owner: string;
  /** How long a turn lasts that nobody ends, as when its holder was killed. */
  readonly leaseMs: number;
}

/** Where turns are kept, for all workers. */
export type WriteTurnStorage = Pick<WriteTurnStore, 'take' | 'prolong' | 'end'>;

/** Whether the turn is certain to last for so many milliseconds more. */
export type TurnLasts = (ms: number) => Promise<boolean>;

/**
 * Changes that a cloud wants one after the other, from whichever worker: each waits for its turn. In this process they
 * queue in the order in which they came; between processes whoever asks first when the turn has ended has the next one.
 */
export class WriteTurns {
  /** What the next one of this process has to wait for, by key. */
  readonly #ahead = new Map<string, Promise<void>>();
  #taken = 0;

  constructor(private readonly parts: WriteTurnsParts) {}

  /**
   * Does `work` when its turn has come.
   * @returns what the work answers; false when the turn could not be had in time, and nothing was done
   */
  async inTurn(key: string, work: (lasts: TurnLasts) => Promise<boolean>): Promise<boolean> {
    const ahead = this.#ahead.get(key);
    const { promise: ended, resolve: end } = Promise.withResolvers<null>();
    const behind = Promise.all([ahead, ended]).then(() => undefined);
    this.#ahead.set(key, behind);
    try {
      if (ahead !== undefined && !(await this.#within(ahead))) return false;
      const turn = await this.#take(key);
      if (turn === null) return false;
      return await this.#use(turn, work);
    } finally {
      end(null);
      void behind.then(() => {
        if (this.#ahead.get(key) === behind) this.#ahead.delete(key);
      });
    }
  }

  async #within(ahead: Promise<void>): Promise<boolean> {
    return Promise.race([ahead.then(() => true), this.parts.timers.sleep(PATIENCE_MS).then(() => false)]);
  }

  async #take(key: string): Promise<WriteTurn | null> {
    const { clock, leaseMs, owner, random, timers, turns } = this.parts;
    this.#taken += 1;
    const holder = `${owner}/${this.#taken}`;
    for (let waited = 0; ;) {
      const turn = await turns.take(key, holder, clock.now(), leaseMs);
      if (turn !== null || waited >= PATIENCE_MS) return turn;
      const ms = ASK_EVERY_MS * (1 + random() / 2);
      await timers.sleep(ms);
      waited += ms;
    }
  }

  async #use(turn: WriteTurn, work: (lasts: TurnLasts) => Promise<boolean>): Promise<boolean> {
    const { clock, leaseMs, timers, turns } = this.parts;
    const store = { renew: (held: WriteTurn, now: number, ms: number) => turns.prolong(held, now, ms) };
    const keeper = new LeaseKeeper(store, turn, leaseMs, clock, timers);
    try {
      return await work((ms) => keeper.holdsFor(ms));
    } finally {
      await keeper.stop();
      // A turn that nobody gives back runs out by itself.
      await turns.end(keeper.lease).catch(() => undefined);
    }
  }
}
