import { CODES, OutscaleError } from './outscale-error.js';
import type { OutscaleSettings } from './outscale-state.js';

const FAILURES_PER_LOCK = 4;
const MINUTE_MS = 60_000;
const LONGEST_LOCK_MINUTES = 10;

interface FailureCount {
  readonly inARow: number;
  /** Milliseconds since the epoch in simulated time. */
  readonly lockedUntil: number;
}

/**
 * Access keys that sign badly: after four failures in a row none is let in for a minute, and a minute longer after
 * each four more, up to ten (API reference, "Authentication Schemes").
 */
export class LockOuts {
  readonly #failures = new Map<string, FailureCount>();

  /** Throws 11 while the key is locked out, however well it signs. */
  check(accessKeyId: string, now: number): void {
    const lockedUntil = this.#failures.get(accessKeyId)?.lockedUntil ?? 0;
    if (now >= lockedUntil) return;
    const seconds = Math.ceil((lockedUntil - now) / 1000);
    const details = `Too many failed authentication attempts. Try again in ${seconds} seconds.`;
    throw new OutscaleError(CODES.lockedOut, details);
  }

  failed(accessKeyId: string, now: number): void {
    const { inARow, lockedUntil } = this.#failures.get(accessKeyId) ?? { inARow: 0, lockedUntil: 0 };
    const count = inARow + 1;
    const minutes = Math.min(count / FAILURES_PER_LOCK, LONGEST_LOCK_MINUTES);
    const isLocking = count % FAILURES_PER_LOCK === 0;
    this.#failures.set(accessKeyId, {
      inARow: count,
      lockedUntil: isLocking ? now + minutes * MINUTE_MS : lockedUntil,
    });
  }

  succeeded(accessKeyId: string): void {
    this.#failures.delete(accessKeyId);
  }

  clear(): void {
    this.#failures.clear();
  }
}

/** How often each account has called within the current second of simulated time. */
export class RateLimits {
  readonly #counts = new Map<string, number>();
  #second = 0;

  /** Counts a call. Throws 24 when the account, 25 when the account's calls of this action, are one too many. */
  count(accountId: string, action: string, settings: OutscaleSettings, now: number): void {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#counts.clear();
      this.#second = second;
    }
    const limits = [
      [accountId, settings.callsPerSecond, CODES.accountThrottled],
      [`${accountId}/${action}`, settings.callsPerSecondOfOneAction, CODES.callThrottled],
    ] as const;
    for (const [key, most, code] of limits) {
      const count = (this.#counts.get(key) ?? 0) + 1;
      this.#counts.set(key, count);
      if (most > 0 && count > most)
        throw new OutscaleError(code, `More than ${most} requests in one second.`);
    }
  }

  clear(): void {
    this.#counts.clear();
  }
}
