/**
 * The pace of calls of a cloud: which calls a cloud counts together and how many it allows, as data, and the arithmetic
 * that spreads them over time. Every call has a time of its own; whoever wants to call reserves the next free times.
 *
 * Why no burst ever breaks a limit: times are reserved at {@link HEADROOM} of what is allowed, and a call is made at its
 * time or at most {@link MAX_LATE_MS} after it, else its time is given up. So the calls of any stretch of W seconds have
 * times within W + 0.09 seconds, which at 0.9 of the limit are no more than the limit allows.
 */

/** Calls of one account that a cloud counts together. */
export interface CallFamily {
  /** Unique within the cloud; operators see it in metrics, and set other limits by it. */
  readonly name: string;
  /** The operations, by their name in the API. */
  readonly operations: RegExp;
  /** Calls per second that the cloud allows in the long run. */
  readonly perSecond: number;
  /** Calls that may come at once after a rest; 1 where a cloud counts by the second and not by buckets. */
  readonly burst: number;
  /** Whether the cloud counts the operations one by one, or all of the family in one. */
  readonly counted: 'by_operation' | 'together';
  /** Whether it counts each region by itself. */
  readonly scope: 'account' | 'region';
}

/** What a cloud allows one account. */
export interface CallLimits {
  /** Calls under way at a time, in each process. */
  readonly parallel: number;
  /** A call belongs to the first family that names its operation; the last one takes every operation. */
  readonly families: readonly CallFamily[];
}

/** How the calls of one account and family go at present: shared by all workers. Times are in epoch milliseconds. */
export interface Pace {
  /** The next time that is free; in the past after a rest. */
  readonly nextAt: number;
  /** What is left of the full pace at `slowedAt`, between 0 and 1. */
  readonly factor: number;
  /** When the cloud last asked for fewer calls. */
  readonly slowedAt: number;
}

/** Wanted times for calls. Times are in milliseconds. */
export interface Reservation {
  /** The earliest time that is of use. */
  readonly from: number;
  /** Calls. */
  readonly count: number;
  /** Distance of two calls. */
  readonly intervalMs: number;
  /** How far behind a rest may leave the next free time: the burst that it allows. */
  readonly slackMs: number;
  /** Nothing is reserved when the first time is further ahead than this. */
  readonly aheadMs: number;
}

/** Nothing has been called yet. */
export const UNUSED_PACE: Pace = { nextAt: 0, factor: 1, slowedAt: 0 };

/** The part of what a cloud allows that is used. */
export const HEADROOM = 0.9;
/** How late a call may be for its time. */
export const MAX_LATE_MS = 90;
/** After a throttled answer nothing is called for the second in which the cloud counts. */
export const REST_MS = 1_000;
/** The pace is never slower than this part of the full one. */
export const LEAST_FACTOR = 1 / 16;
/** From nothing to the full pace in this time. */
const RECOVERY_MS = 60_000;
/** A time further ahead than anything can reserve was written by a clock that was wrong, and is not believed. */
export const CREDIBLE_AHEAD_MS = 120_000;

/** The family of an operation. @throws Error when no family takes it */
export function familyOf({ families }: CallLimits, operation: string): CallFamily {
  const family = families.find(({ operations }) => operations.test(operation));
  if (family === undefined) throw new Error(`No family of calls takes ${operation}.`);
  return family;
}

/** What names the calls that are counted together, within one account: `read DescribeVpcs eu-west-1`. */
export function countedAs({ name, counted, scope }: CallFamily, operation: string, region: string): string {
  return [
    name,
    ...(counted === 'together' ? [] : [operation]),
    ...(scope === 'account' ? [] : [region]),
  ].join(' ');
}

/**
 * What is left of the full pace now: it comes back evenly, from wherever it was. All of it where nobody knows when it was
 * slowed down: if that is too fast, the cloud says so again.
 */
export function factorAt({ factor, slowedAt }: Pick<Pace, 'factor' | 'slowedAt'>, now: number): number {
  if (!isCredible(slowedAt, now)) return 1;
  return Math.min(1, factor + Math.max(0, now - slowedAt - REST_MS) / RECOVERY_MS);
}

/** How far apart calls are, and how many may come at once, at a part of the full pace. */
export function spacing(
  { perSecond, burst }: Pick<CallFamily, 'perSecond' | 'burst'>,
  factor: number,
): Pick<Reservation, 'intervalMs' | 'slackMs'> {
  const intervalMs = 1_000 / (perSecond * HEADROOM * factor);
  const atOnce = Math.max(1, Math.floor(burst * HEADROOM * factor));
  return { intervalMs, slackMs: (atOnce - 1) * intervalMs };
}

/**
 * Reserves the next free times: the first one is answered, the others follow at `intervalMs`. Times before `from` are
 * a burst's. Null when the first one is too far ahead; nothing is reserved then.
 */
export function reserve(
  nextAt: number,
  { from, count, intervalMs, slackMs, aheadMs }: Reservation,
): { readonly firstAt: number | null; readonly nextAt: number } {
  const free = nextAt < from + CREDIBLE_AHEAD_MS ? nextAt : from;
  const firstAt = Math.max(free, from - slackMs);
  if (firstAt > from + aheadMs) return { firstAt: null, nextAt };
  return { firstAt, nextAt: firstAt + count * intervalMs };
}

/**
 * The pace after a throttled answer: half of what it was, after a rest. Null when the answer says nothing new, because
 * the call was made before the pace was last slowed down, or while calls from before were still on their way.
 */
export function slowed(pace: Pace, sentAt: number, now: number): Pace | null {
  if (isCredible(pace.slowedAt, now) && sentAt < pace.slowedAt + REST_MS) return null;
  const factor = Math.max(LEAST_FACTOR, factorAt(pace, now) / 2);
  return { nextAt: Math.max(pace.nextAt, now + REST_MS), factor, slowedAt: now };
}

function isCredible(slowedAt: number, now: number): boolean {
  return slowedAt <= now + CREDIBLE_AHEAD_MS;
}
