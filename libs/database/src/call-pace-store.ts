/** The pace at which all workers together call the clouds: one row for the calls that a cloud counts together. */
import { CREDIBLE_AHEAD_MS, type Pace, type Reservation } from '#domain';

import { Coalescer } from './coalescer.js';
import type { Database } from './database.js';
import { BATCHES_AT_ONCE, TOGETHER } from './lease-batches.js';
import { isOutage } from './refusal.js';
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

/** What is asked for. */
interface Wish {
  readonly key: PaceKey;
  readonly reservation: Reservation;
  readonly slowedAt: number;
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

/** Of a row `pace` for a `wish`: the first time that is free, and whether it may be had. */
const FREE = `greatest(CASE WHEN pace.next_at < wish.at + ${CREDIBLE_AHEAD_MS} THEN pace.next_at ELSE wish.at END, wish.at - wish.slack)`;
const GRANTED = `${FREE} <= wish.at + wish.ahead AND pace.slowed_at = wish.slowed_at`;

/** {@link RESERVE} for many rows in the order of their keys; those that are not there yet are left out. */
const RESERVE_MANY = statement<PaceRow & { platform_account_id: string; counted_as: string }>(
  'call_paces.reserve_many',
  `UPDATE call_paces AS pace SET
     next_at = CASE WHEN ${GRANTED} THEN ${FREE} + wish.count * wish.spacing ELSE pace.next_at END,
     first_at = CASE WHEN ${GRANTED} THEN ${FREE} END
   FROM (
     SELECT wished.* FROM unnest($1::text[], $2::text[], $3::float8[], $4::float8[], $5::float8[], $6::float8[],
       $7::float8[], $8::float8[]) AS wished (account, counted_as, at, count, spacing, slack, ahead, slowed_at)
       JOIN call_paces each ON each.platform_account_id = wished.account AND each.counted_as = wished.counted_as
     ORDER BY wished.account, wished.counted_as FOR NO KEY UPDATE OF each
   ) AS wish
   WHERE pace.platform_account_id = wish.account AND pace.counted_as = wish.counted_as
   RETURNING pace.platform_account_id, pace.counted_as, pace.next_at, pace.first_at, pace.factor, pace.slowed_at`,
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
  readonly #reservations: Coalescer<Wish, Reserved>;

  constructor(private readonly database: Database) {
    this.#reservations = new Coalescer({
      together: (wishes) => this.reserveMany(wishes),
      alone: (wish) => this.reserveAlone(wish),
      failsAll: isOutage,
      most: TOGETHER,
      atOnce: BATCHES_AT_ONCE,
    });
  }

  /**
   * Reservations that are made at the same time travel together.
   * @param slowedAt of the pace that the reservation's spacing comes from @throws DatabaseUnavailable
   */
  reserve(key: PaceKey, reservation: Reservation, slowedAt: number): Promise<Reserved> {
    return this.#reservations.ask({ key, reservation, slowedAt });
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

  private async reserveMany(wishes: readonly Wish[]): Promise<Reserved[]> {
    const [only, another] = wishes;
    if (only !== undefined && another === undefined) return [await this.reserveAlone(only)];
    const nameOf = ({ platformAccountId, countedAs }: PaceKey): string => `${platformAccountId} ${countedAs}`;
    // One row is written once by a statement: who asks for a row again is served after it.
    const first = new Map([...wishes].reverse().map((wish) => [nameOf(wish.key), wish]));
    const together = wishes.filter((wish) => first.get(nameOf(wish.key)) === wish);
    const rows = await this.database.single(RESERVE_MANY, [
      together.map(({ key }) => key.platformAccountId),
      together.map(({ key }) => key.countedAs),
      together.map(({ reservation }) => reservation.from),
      together.map(({ reservation }) => reservation.count),
      together.map(({ reservation }) => reservation.intervalMs),
      together.map(({ reservation }) => reservation.slackMs),
      together.map(({ reservation }) => reservation.aheadMs),
      together.map(({ slowedAt }) => slowedAt),
    ]);
    const rowOf = new Map(
      rows.map((row) => [`${row.platform_account_id} ${row.counted_as}`, toReserved(row)]),
    );
    return Promise.all(
      wishes.map(async (wish) => {
        const reserved = first.get(nameOf(wish.key)) === wish ? rowOf.get(nameOf(wish.key)) : undefined;
        return reserved ?? (await this.reserveAlone(wish));
      }),
    );
  }

  private async reserveAlone({ key, reservation, slowedAt }: Wish): Promise<Reserved> {
    const { from, count, intervalMs, slackMs, aheadMs } = reservation;
    const values = [
      key.platformAccountId,
      key.countedAs,
      from,
      count,
      intervalMs,
      slackMs,
      aheadMs,
      slowedAt,
    ];
    const [row] = await this.database.single(RESERVE, values);
    if (row === undefined) throw new Error('A reservation was neither made nor refused.');
    return toReserved(row);
  }
}

function toReserved(row: PaceRow): Reserved {
  return { firstAt: row.first_at, pace: toPace(row) };
}

function toPace({ next_at: nextAt, factor, slowed_at: slowedAt }: PaceRow): Pace {
  return { nextAt, factor, slowedAt };
}
