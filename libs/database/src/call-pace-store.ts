/** The pace at which all workers together call the clouds: one row for the calls that a cloud counts together. */
import { CREDIBLE_AHEAD_MS, type Pace, type Reservation } from '#domain';

import type { Database } from './database.js';
import { statement } from './statement.js';

/** The calls of one platform account that a cloud counts together. */
export interface PaceKey {
  /** The row of the platform account. */
  readonly platformAccountId: string;
  /** See `countedAs` of the domain. */
  readonly countedAs: string;
}

/** What came of a reservation. */
export interface Reserved {
  /** The first time, in epoch milliseconds; null: none is near enough, or the pace is another than was supposed. */
  readonly firstAt: number | null;
  /** The pace as it now is. */
  readonly pace: Pace;
}

interface PaceRow {
  readonly next_at: number;
  readonly first_at: number | null;
  readonly factor: number;
  readonly slowed_at: number;
}

/**
 * The domain's `reserve` in one statement, so that no two workers get the same time. A worker whose spacing comes from
 * an older pace is told the new one and gets nothing.
 */
const RESERVE = statement<PaceRow>(
  'call_paces.reserve',
  `INSERT INTO call_paces AS pace (platform_account_id, counted_as, next_at, first_at, factor, slowed_at)
   VALUES ($1, $2, ($3::float8 - $6::float8) + $4::float8 * $5::float8, $3::float8 - $6::float8, 1, 0)
   ON CONFLICT (platform_account_id, counted_as) DO UPDATE SET (next_at, first_at) = (
     SELECT CASE WHEN granted THEN first_at + $4::float8 * $5::float8 ELSE pace.next_at END,
       CASE WHEN granted THEN first_at END
     FROM (SELECT greatest(CASE WHEN pace.next_at < $3 + ${CREDIBLE_AHEAD_MS} THEN pace.next_at ELSE $3 END, $3 - $6))
       AS free (first_at),
       LATERAL (SELECT first_at <= $3 + $7::float8 AND pace.slowed_at = $8::float8) AS verdict (granted)
   )
   RETURNING next_at, first_at, factor, slowed_at`,
);

const SLOW = statement<PaceRow>(
  'call_paces.slow',
  `INSERT INTO call_paces AS pace (platform_account_id, counted_as, next_at, factor, slowed_at)
   VALUES ($1, $2, $3, $4, $5)
   ON CONFLICT (platform_account_id, counted_as) DO UPDATE
     SET next_at = greatest(pace.next_at, $3), factor = $4, slowed_at = $5
     WHERE pace.slowed_at = $6
   RETURNING next_at, first_at, factor, slowed_at`,
);

const READ = statement<PaceRow>(
  'call_paces.read',
  `SELECT next_at, first_at, factor, slowed_at FROM call_paces WHERE platform_account_id = $1 AND counted_as = $2`,
);

export class CallPaceStore {
  constructor(private readonly database: Database) {}

  /** @param slowedAt of the pace that the reservation's spacing comes from @throws DatabaseUnavailable */
  async reserve(
    { platformAccountId, countedAs }: PaceKey,
    { from, count, intervalMs, slackMs, aheadMs }: Reservation,
    slowedAt: number,
  ): Promise<Reserved> {
    const values = [platformAccountId, countedAs, from, count, intervalMs, slackMs, aheadMs, slowedAt];
    const [row] = await this.database.single(RESERVE, values);
    if (row === undefined) throw new Error('A reservation was neither made nor refused.');
    return { firstAt: row.first_at, pace: toPace(row) };
  }

  /**
   * Writes a slower pace, unless somebody else was faster.
   * @param before what the slower pace was made from
   * @returns the pace as it now is
   * @throws DatabaseUnavailable
   */
  async slow({ platformAccountId, countedAs }: PaceKey, before: Pace, after: Pace): Promise<Pace> {
    const { nextAt, factor, slowedAt } = after;
    const key = [platformAccountId, countedAs];
    const [written] = await this.database.single(SLOW, [...key, nextAt, factor, slowedAt, before.slowedAt]);
    if (written !== undefined) return toPace(written);
    const [current] = await this.database.single(READ, key);
    return current === undefined ? after : toPace(current);
  }
}

function toPace({ next_at: nextAt, factor, slowed_at: slowedAt }: PaceRow): Pace {
  return { nextAt, factor, slowedAt };
}
