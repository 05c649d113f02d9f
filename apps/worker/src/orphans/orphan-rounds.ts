import type { OrphanStore } from '#database';
import type { Clock, Logger } from '#runtime';

import { inParallel } from '../engine/in-parallel.js';
import { COURTESY, SEARCH_FAILED, type OrphanSearcher } from './orphan-search.js';

/** Networks that one worker searches at a time. */
const AT_A_TIME = 4;
/** Networks taken from the list of what is due at once. */
const ROUND = 40;
/** What is over is looked through for what is old enough to be forgotten this often, in milliseconds. */
const TIDY_EVERY_MS = 3_600_000;

export interface OrphanRoundsParts {
  readonly orphans: Pick<OrphanStore, 'dueDeployments' | 'expire'>;
  readonly searcher: Pick<OrphanSearcher, 'search'>;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'error'>;
  /** How long what is over is kept for reports, in milliseconds. */
  readonly retentionMs: number;
}

/** Searches the networks that are due, and forgets what has been over for long. */
export class OrphanRounds {
  #isFailing = false;
  #tidiedAt = -Infinity;

  constructor(private readonly parts: OrphanRoundsParts) {}

  /** One round. Never rejects. @param signal aborted when the process shuts down: no further search is begun */
  async go(signal: AbortSignal): Promise<void> {
    const now = this.parts.clock.now();
    // Two workers that see the same list begin at different ends of it.
    const order = (await this.#due(now))
      .map((id) => ({ id, at: Math.random() }))
      .sort((one, other) => one.at - other.at);
    await inParallel(order, AT_A_TIME, ({ id }) => this.#search(id, signal));
    await this.#tidy(now);
  }

  async #due(now: number): Promise<readonly string[]> {
    try {
      const due = await this.parts.orphans.dueDeployments(now, ROUND, COURTESY);
      this.#isFailing = false;
      return due;
    } catch (error) {
      // Every round fails while the database is away: that is told once.
      if (!this.#isFailing)
        this.parts.log.error({ err: error }, 'networks to be searched could not be listed');
      this.#isFailing = true;
      return [];
    }
  }

  /** A search that fails is nothing to the others. */
  async #search(deploymentId: string, signal: AbortSignal): Promise<void> {
    const { log, searcher } = this.parts;
    if (signal.aborted) return;
    try {
      await searcher.search(deploymentId, signal);
    } catch (error) {
      log.error({ err: error, deploymentId }, SEARCH_FAILED);
    }
  }

  async #tidy(now: number): Promise<void> {
    const { log, orphans, retentionMs } = this.parts;
    if (now - this.#tidiedAt < TIDY_EVERY_MS) return;
    this.#tidiedAt = now;
    try {
      await orphans.expire(now - retentionMs);
    } catch (error) {
      log.error({ err: error }, 'what was left behind and is long over could not be forgotten');
    }
  }
}
