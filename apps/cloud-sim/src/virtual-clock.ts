/** Where a {@link VirtualClock} stands. */
export interface ClockSnapshot {
  readonly offsetMs: number;
  /** Milliseconds since the epoch; undefined while running. */
  readonly frozenAt: number | undefined;
}

/**
 * Simulated time: wall time plus an offset, unless frozen.
 *
 * Everything a cloud does with time (expiry, visibility, provisioning) reads `now()`. Whether a request's
 * signature is fresh is judged by `wallNow()`: clients sign with the machine's clock, wherever the simulated
 * one stands.
 */
export class VirtualClock {
  #offsetMs = 0;
  #frozenAt: number | undefined;
  #viewedAt: number | undefined;
  #changeCount = 0;

  /** Rises whenever simulated time is moved, stopped or let go on. */
  get changeCount(): number {
    return this.#changeCount;
  }

  /** Milliseconds since the epoch in simulated time. */
  now(): number {
    return this.#viewedAt ?? this.#frozenAt ?? Date.now() + this.#offsetMs;
  }

  /** Milliseconds since the epoch on the machine's own clock. */
  wallNow(): number {
    return Date.now();
  }

  get frozen(): boolean {
    return this.#frozenAt !== undefined;
  }

  /** Moves simulated time to `at` (milliseconds since the epoch), forwards or backwards. */
  set(at: number): void {
    this.#changeCount++;
    if (this.#frozenAt !== undefined) this.#frozenAt = at;
    else this.#offsetMs = at - Date.now();
  }

  /** Moves simulated time by `ms`, which may be negative. */
  advance(ms: number): void {
    this.set(this.now() + ms);
  }

  /** Stops simulated time where it stands; `set` and `advance` still move it. */
  freeze(): void {
    this.#changeCount++;
    this.#frozenAt ??= this.now();
  }

  /** Lets simulated time run on from where it was frozen. */
  resume(): void {
    if (this.#frozenAt === undefined) return;
    this.#changeCount++;
    this.#offsetMs = this.#frozenAt - Date.now();
    this.#frozenAt = undefined;
  }

  /** What {@link VirtualClock.restore} takes: how far simulated time is from wall time, or where it stands. */
  snapshot(): ClockSnapshot {
    return { offsetMs: this.#offsetMs, frozenAt: this.#frozenAt };
  }

  /** Takes up a snapshot; unless frozen, simulated time has passed as wall time has. */
  restore({ offsetMs, frozenAt }: ClockSnapshot): void {
    this.#offsetMs = offsetMs;
    this.#frozenAt = frozenAt;
  }

  /** Back to wall time, running. */
  reset(): void {
    this.#changeCount++;
    this.#offsetMs = 0;
    this.#frozenAt = undefined;
  }

  /** Runs `work` with `now()` standing at `at`. `work` must not await. */
  viewedAt<T>(at: number, work: () => T): T {
    const outer = this.#viewedAt;
    this.#viewedAt = at;
    try {
      return work();
    } finally {
      this.#viewedAt = outer;
    }
  }
}
