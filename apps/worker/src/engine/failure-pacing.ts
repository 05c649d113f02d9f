/** Waits between attempts that fail: each one longer than the one before, remembered in this process only. */
export class FailurePacing {
  readonly #waits = new Map<string, { readonly failures: number; readonly ms: number }>();

  constructor(
    private readonly baseMs: number,
    private readonly maxMs: number,
    /** Between 0 and 1. */
    private readonly random: () => number,
  ) {}

  /** Milliseconds to wait after one more failure of `key`. */
  failed(key: string): number {
    const failures = (this.#waits.get(key)?.failures ?? 0) + 1;
    const wait = Math.min(this.baseMs * 2 ** (failures - 1), this.maxMs);
    const ms = Math.round(wait * (1 + this.random() / 4));
    this.#waits.set(key, { failures, ms });
    return ms;
  }

  /** The wait after the latest failure of `key`; the first wait where none is remembered. */
  wait(key: string): number {
    return this.#waits.get(key)?.ms ?? this.baseMs;
  }

  succeeded(key: string): void {
    this.#waits.delete(key);
  }
}
