import { TencentError } from './tencent-error.js';

/** How often each account has called each action within the current second of the machine's own clock. */
export class RateLimiter {
  readonly #counts = new Map<string, number>();
  #second = 0;

  /** Counts a call. Throws RequestLimitExceeded when it is one too many. */
  count(accountId: string, action: string, most: number, wallNow: number): void {
    const second = Math.floor(wallNow / 1000);
    if (second !== this.#second) {
      this.#counts.clear();
      this.#second = second;
    }
    const key = `${accountId}/${action}`;
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    if (count > most) throw limitExceeded(count, most);
  }

  clear(): void {
    this.#counts.clear();
  }
}

/** The refusal of a call that is one too many. */
export function limitExceeded(count: number, most: number): TencentError {
  return new TencentError(
    'RequestLimitExceeded',
    `Your current request times equals to \`${count}\` in a second, which exceeds the frequency limit \`${most}\` for a second. Please reduce the frequency of calls.`,
  );
}
