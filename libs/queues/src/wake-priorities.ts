import type { Clock } from '#runtime';

/** Wake-ups of one tenant that are forgotten in a second. */
const FORGOTTEN_IN_A_SECOND = 20;
/** More than so many are not counted: a tenant is back at the front some minutes after the longest burst. */
const MOST = 10_000;
/** Tenants that are remembered before those are dropped whose wake-ups are all forgotten. */
const REMEMBERED = 5_000;

interface Recent {
  count: number;
  /** Epoch milliseconds. */
  at: number;
}

/**
 * Lets tenants take turns in a queue: the more wake-ups of a tenant there were lately, the further back the next one
 * stands, so that one who sends thousands does not stand in the way of one who sends a single one. Kept in memory, by each
 * process for what it sends itself. Nobody is left behind for good: the sweep works on what is due, in turns of its own.
 */
export class WakePriorities {
  readonly #recent = new Map<string, Recent>();

  constructor(private readonly clock: Clock) {}

  /** Counts a wake-up for a tenant; its place in the queue: 1 is the front. */
  next(tenantId: string): number {
    const now = this.clock.now();
    const recent = this.#recent.get(tenantId) ?? { count: 0, at: now };
    const count = left(recent, now);
    this.#recent.set(tenantId, { count: Math.min(count + 1, MOST), at: now });
    if (this.#recent.size > REMEMBERED) this.#forget(now);
    return 1 + Math.floor(count);
  }

  #forget(now: number): void {
    for (const [tenantId, recent] of this.#recent) {
      if (left(recent, now) === 0) this.#recent.delete(tenantId);
    }
  }
}

function left({ count, at }: Recent, now: number): number {
  return Math.max(0, count - (Math.max(0, now - at) / 1000) * FORGOTTEN_IN_A_SECOND);
}
