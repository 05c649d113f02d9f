import {
  CloudError,
  factorAt,
  MAX_LATE_MS,
  reserve,
  slowed,
  spacing,
  UNUSED_PACE,
  type CallFamily,
  type Pace,
  type Reservation,
} from '#domain';
import type { CallPaceStore, PaceKey } from '#database';
import type { Clock } from '#runtime';

import type { Timers } from '../engine/reconcile-ports.js';
import type { UseKind } from './port-use.js';

/** Code of the error of a call that was not made, because too many others are waiting; the cloud never saw it. */
export const HELD_BACK = 'HeldBack';

/** What all workers share of the pace. */
export type SharedPaces = Pick<CallPaceStore, 'reserve' | 'slow'>;

export interface CallQueueParts {
  readonly paces: SharedPaces;
  readonly clock: Clock;
  readonly timers: Pick<Timers, 'sleep'>;
}

/** Times are reserved for this long ahead in one go: one question to the database for so many calls. */
const BLOCK_MS = 100;
/** Nothing further ahead is reserved: what is reserved and not used is lost to the other workers. */
const AHEAD_MS = 2_000;
/** How long calls wait. By then the lease and the operator want to hear of a look, and a change has others behind it. */
const PATIENCE_MS: Readonly<Record<UseKind, number>> = { look: 10_000, change: 2_000 };
/** Without the database nobody knows of the others: this process keeps to a part of the pace. */
const ALONE = 1 / 4;
/** While the process shuts down a call is made soon or not at all. */
const CLOSING_PATIENCE_MS = 500;
/** Waits between questions, in milliseconds. */
const MIN_WAIT_MS = 20;
const MAX_WAIT_MS = 1_000;

const CLOSING = 'this worker shuts down';

interface Waiting {
  readonly operation: string;
  readonly since: number;
  readonly patienceMs: number;
  readonly admit: () => void;
  readonly holdBack: (error: CloudError) => void;
}

/** Times that were asked for. */
interface Block {
  /** Null: there are none, or they are of no use. */
  readonly firstAt: number | null;
  readonly count: number;
  readonly from: number;
  readonly intervalMs: number;
  /** Of the pace that the interval comes from. */
  readonly slowedAt: number;
}

/**
 * The calls of one account that a cloud counts together, as far as they are made by this process. They wait in order of
 * their coming; as many times as are waited for are reserved in the pace that all workers share.
 */
export class CallQueue {
  readonly #waiting: Waiting[] = [];
  #pace = UNUSED_PACE;
  #isServing = false;
  #isClosing = false;
  #servesLooks = false;
  /** How long the last two reservations took. Times before the answer is back are of no use; one slow answer is nothing. */
  #roundTripsMs: readonly [number, number] = [0, 0];

  constructor(
    private readonly parts: CallQueueParts,
    private readonly key: PaceKey,
    private readonly family: CallFamily,
    /** Told whenever the pace is another. */
    private readonly onPace: (pace: Pace) => void,
  ) {}

  /** For how long a call that came now would wait, as far as this process knows. */
  backlogMs(now: number): number {
    const ahead = { from: now, count: this.#waiting.length, aheadMs: Infinity };
    const { nextAt } = reserve(this.#pace.nextAt, { ...ahead, ...spacing(this.family, this.#factor(now)) });
    return Math.max(0, nextAt - now);
  }

  /** Whether looks make such calls; others keep only changes waiting. */
  get servesLooks(): boolean {
    return this.#servesLooks;
  }

  /** How many calls wait here. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Distance of two calls at present, in milliseconds. */
  intervalMs(now: number): number {
    return spacing(this.family, this.#factor(now)).intervalMs;
  }

  /** Resolves when a call may be made. @throws CloudError {@link HELD_BACK} when that takes too long */
  async admit(operation: string, kind: UseKind): Promise<void> {
    const since = this.parts.clock.now();
    const backlogMs = this.backlogMs(since);
    const patienceMs = PATIENCE_MS[kind];
    if (kind === 'look') this.#servesLooks = true;
    if (this.#isClosing && backlogMs > CLOSING_PATIENCE_MS) throw heldBack(operation, CLOSING);
    if (backlogMs > patienceMs) throw heldBack(operation, `it would wait for ${Math.round(backlogMs)} ms`);
    const admitted = new Promise<void>((admit, holdBack) => {
      this.#waiting.push({ operation, since, patienceMs, admit, holdBack });
    });
    void this.#serve();
    await admitted;
  }

  /** A call that was made then was answered that there are too many. */
  async throttled(sentAt: number): Promise<void> {
    const { clock, paces } = this.parts;
    const before = this.#pace;
    const after = slowed(before, sentAt, clock.now());
    if (after === null) return;
    this.#learn(after);
    try {
      this.#learn(await paces.slow(this.key, before, after));
    } catch {
      // The database is away: this process is slower by itself, the others will see for themselves.
    }
  }

  /** Nobody waits for long any more. */
  close(): void {
    this.#isClosing = true;
    if (this.backlogMs(this.parts.clock.now()) <= CLOSING_PATIENCE_MS) return;
    for (const { operation, holdBack } of this.#waiting.splice(0)) holdBack(heldBack(operation, CLOSING));
  }

  #factor(now: number): number {
    return factorAt(this.#pace, now);
  }

  #learn(pace: Pace): void {
    const isAnother = pace.slowedAt !== this.#pace.slowedAt || pace.factor !== this.#pace.factor;
    this.#pace = pace;
    if (isAnother) this.onPace(pace);
  }

  async #serve(): Promise<void> {
    if (this.#isServing) return;
    this.#isServing = true;
    let upcoming: Promise<Block> | null = null;
    try {
      for (;;) {
        this.#holdBackWhoWaitsTooLong();
        if (this.#waiting.length === 0) return;
        const block: Block = await (upcoming ?? this.#ask(0));
        upcoming = null;
        if (block.slowedAt !== this.#pace.slowedAt) continue;
        if (block.firstAt === null) await this.#untilNear();
        else {
          // The next times are reserved while these come.
          if (this.#waiting.length > block.count) upcoming = this.#ask(block.count);
          await this.#admitSome(block, block.firstAt);
        }
      }
    } finally {
      this.#isServing = false;
    }
  }

  #holdBackWhoWaitsTooLong(): void {
    const now = this.parts.clock.now();
    for (
      let first = this.#waiting[0];
      first && now - first.since > first.patienceMs;
      first = this.#waiting[0]
    ) {
      this.#waiting.shift();
      first.holdBack(heldBack(first.operation, `it has waited for ${now - first.since} ms`));
    }
  }

  /** Waits until the next free time is near enough to be reserved. */
  async #untilNear(): Promise<void> {
    const { clock, timers } = this.parts;
    const untilNear = this.#pace.nextAt - AHEAD_MS - clock.now();
    await timers.sleep(Math.min(Math.max(untilNear, MIN_WAIT_MS), MAX_WAIT_MS));
  }

  /** Reserves times for those who wait behind so many others. Never rejects. */
  async #ask(behind: number): Promise<Block> {
    const now = this.parts.clock.now();
    const from = now + Math.min(...this.#roundTripsMs);
    const { intervalMs, slackMs } = spacing(this.family, this.#factor(now));
    const most = Math.max(1, Math.floor(Math.max(BLOCK_MS, slackMs) / intervalMs));
    const wanted = Math.min(this.#waiting.length - behind, most);
    const { slowedAt } = this.#pace;
    const reserved = await this.#reserve({ from, count: wanted, intervalMs, slackMs, aheadMs: AHEAD_MS });
    return { ...reserved, from, intervalMs, slowedAt };
  }

  /** Admits those who wait, one by one as their times come. */
  async #admitSome({ count, from, intervalMs, slowedAt }: Block, firstAt: number): Promise<void> {
    const { clock, timers } = this.parts;
    for (let nth = 0; nth < count; nth += 1) {
      const at = firstAt + nth * intervalMs;
      const waitMs = at - clock.now();
      if (waitMs >= 1) await timers.sleep(waitMs);
      // Those that are left wait for times of their own: too late is as bad as too soon.
      const isSlower = this.#pace.slowedAt !== slowedAt;
      if (isSlower || clock.now() > Math.max(at, from) + MAX_LATE_MS) return;
      this.#waiting.shift()?.admit();
    }
  }

  /** Answers with the first time, if there is one, and for how many calls there are times. */
  async #reserve(reservation: Reservation): Promise<{ firstAt: number | null; count: number }> {
    const { clock, paces } = this.parts;
    const asked = clock.now();
    const { slowedAt } = this.#pace;
    try {
      const { firstAt, pace } = await paces.reserve(this.key, reservation, slowedAt);
      const tookMs = Math.min(Math.max(0, clock.now() - asked), MAX_WAIT_MS);
      this.#roundTripsMs = [this.#roundTripsMs[1], tookMs];
      // An answer that was under way when this process slowed down knows nothing of that.
      if (pace.slowedAt >= this.#pace.slowedAt || this.#pace.slowedAt === slowedAt) this.#learn(pace);
      return { firstAt, count: reservation.count };
    } catch {
      const from = Math.max(reservation.from, clock.now());
      const alone = {
        ...reservation,
        from,
        count: 1,
        intervalMs: reservation.intervalMs / ALONE,
        slackMs: 0,
      };
      const { firstAt, nextAt } = reserve(this.#pace.nextAt, alone);
      this.#pace = { ...this.#pace, nextAt };
      return { firstAt, count: 1 };
    }
  }
}

function heldBack(operation: string, why: string): CloudError {
  const message = `the call was not made, so that the cloud is not asked too often: ${why}`;
  return new CloudError({ category: 'throttled', code: HELD_BACK, message, operation });
}

/** The error of a call that must not be made any more, although its time has come. */
export function tooLate(operation: string): CloudError {
  return heldBack(operation, 'whoever wanted it has lost the right to it');
}
