/** Hears what the database announces about connections, on one connection of its own that comes back when lost. */
import pg from 'pg';

import type { Logger } from '#runtime';

/** @param connectionId null: anything may have changed unseen */
export type PeeringListener = (connectionId: string | null) => void;

/** After this much silence the other end is asked whether it is there: a line can break without a word. */
export const KEEP_ALIVE_MS = 10_000;

const RECONNECT_MIN_MS = 100;
const RECONNECT_MAX_MS = 5_000;

export class PeeringAnnouncements {
  readonly #listeners = new Set<PeeringListener>();
  #client: pg.Client | null = null;
  #retry: NodeJS.Timeout | null = null;
  #started = false;
  #closed = false;
  #waitMs = RECONNECT_MIN_MS;

  constructor(
    private readonly options: {
      readonly url: string;
      readonly applicationName: string;
      readonly logger?: Logger;
    },
  ) {}

  subscribe(listener: PeeringListener): () => void {
    this.#listeners.add(listener);
    if (!this.#started && !this.#closed) {
      this.#started = true;
      void this.connect();
    }
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listeners.clear();
    if (this.#retry) clearTimeout(this.#retry);
    const client = this.#client;
    this.#client = null;
    await client?.end().catch(() => undefined);
  }

  private async connect(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.options.url,
      application_name: `${this.options.applicationName} announcements`,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    });
    this.#client = client;
    client.on('notification', ({ payload }) => this.tell(payload ?? null));
    client.on('error', (error) => this.lost(client, error));
    client.on('end', () => this.lost(client, null));
    try {
      await client.connect();
      await client.query('LISTEN peering_changed');
      this.#waitMs = RECONNECT_MIN_MS;
      this.tell(null);
    } catch (error) {
      this.lost(client, error);
    }
  }

  private lost(client: pg.Client, error: unknown): void {
    if (this.#closed || this.#client !== client) return;
    this.#client = null;
    this.options.logger?.warn({ err: error }, 'the line for announcements was lost; connecting again');
    client.end().catch(() => undefined);
    this.#retry = setTimeout(() => void this.connect(), this.#waitMs);
    this.#waitMs = Math.min(this.#waitMs * 2, RECONNECT_MAX_MS);
  }

  private tell(connectionId: string | null): void {
    for (const listener of this.#listeners) {
      try {
        listener(connectionId);
      } catch (error) {
        this.options.logger?.error({ err: error }, 'a listener for announcements failed');
      }
    }
  }
}
