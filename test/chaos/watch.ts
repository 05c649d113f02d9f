/** Looks at all connections again and again over the API, for everybody who waits for one of them. */
import { setTimeout as sleep } from 'node:timers/promises';

import type { PeeringView } from '../../apps/api/src/peerings/peering.view.js';
import { eventually } from '../support/eventually.js';
import type { CarefulClient } from './careful-client.js';

const EVERY_MS = 250;

export class Watch {
  #shown = new Map<string, PeeringView>();
  #stopped = false;
  #failure: unknown = null;
  readonly #watching: Promise<void>;

  constructor(private readonly client: CarefulClient) {
    this.#watching = this.#watch();
  }

  latest(id: string): PeeringView | undefined {
    return this.#shown.get(id);
  }

  all(): PeeringView[] {
    return [...this.#shown.values()];
  }

  /** @throws Error when it is not so in time */
  until(
    id: string,
    what: string,
    isSo: (shown: PeeringView) => boolean,
    limitMs: number,
  ): Promise<PeeringView> {
    return eventually(
      `it is ${what}`,
      () => {
        if (this.#failure !== null)
          throw new Error('The connections cannot be read.', { cause: this.#failure });
        const shown = this.#shown.get(id);
        return shown !== undefined && isSo(shown) && shown;
      },
      limitMs,
    );
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#watching;
  }

  async #watch(): Promise<void> {
    try {
      while (!this.#stopped) {
        const all = await this.client.list<PeeringView>('/v1/peerings');
        this.#shown = new Map(all.map((shown) => [shown.id, shown]));
        await sleep(EVERY_MS);
      }
    } catch (error) {
      this.#failure = error;
    }
  }
}
