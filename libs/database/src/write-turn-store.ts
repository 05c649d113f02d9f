/** Turns at changes that a cloud wants one after the other: rows with a lease, for all workers. */
import type { Database } from './database.js';
import { toNumber } from './repositories/time.js';
import { statement } from './statement.js';

/** The right to make changes under a key for a time. */
export interface WriteTurn {
  readonly key: string;
  readonly holder: string;
  /** Grows with every turn: tells this one from a later one of the same holder. */
  readonly fence: number;
  /** Epoch milliseconds. */
  readonly until: number;
}

const TAKE = statement<{ fence: string }>(
  'write_turns.take',
  `INSERT INTO write_turns AS held (key, holder, until, fence) VALUES ($1, $2, $4, 1)
   ON CONFLICT (key) DO UPDATE SET holder = $2, until = $4, fence = held.fence + 1
     WHERE held.until IS NULL OR held.until <= $3
   RETURNING fence`,
);

const PROLONG = statement<{ fence: string }>(
  'write_turns.prolong',
  'UPDATE write_turns SET until = $4 WHERE key = $1 AND holder = $2 AND fence = $3 RETURNING fence',
);

const END = statement(
  'write_turns.end',
  'UPDATE write_turns SET holder = NULL, until = NULL WHERE key = $1 AND holder = $2 AND fence = $3',
);

export class WriteTurnStore {
  constructor(private readonly database: Database) {}

  /** Takes a turn that nobody has, or that has run out. @returns null while somebody has it */
  async take(key: string, holder: string, now: number, ms: number): Promise<WriteTurn | null> {
    const until = now + ms;
    const [row] = await this.database.single(TAKE, [key, holder, new Date(now), new Date(until)]);
    return row ? { key, holder, fence: toNumber(row.fence), until } : null;
  }

  /** Prolongs a turn to `now + ms`, even one that has run out, as long as nobody took it. @returns null when lost */
  async prolong(turn: WriteTurn, now: number, ms: number): Promise<WriteTurn | null> {
    const until = now + ms;
    const [row] = await this.database.single(PROLONG, [turn.key, turn.holder, turn.fence, new Date(until)]);
    return row ? { ...turn, until } : null;
  }

  /** Gives a turn back; a lost one stays with its new holder. */
  async end(turn: WriteTurn): Promise<void> {
    await this.database.single(END, [turn.key, turn.holder, turn.fence]);
  }
}
