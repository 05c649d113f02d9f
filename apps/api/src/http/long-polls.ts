/** Requests that wait for a connection to change. No database connection is held while they wait. */

/** Where changes are announced: a connection's id, or null when anything may have changed. */
type Announcements = (listener: (connectionId: string | null) => void) => () => void;

export class LongPolls {
  private readonly waiting = new Map<string, Set<() => void>>();
  private unsubscribe: (() => void) | null = null;
  private closed = false;

  constructor(private readonly announcements: Announcements) {}

  /**
   * Reads until `done` says so, the time is over, the caller is gone, or the API shuts down; returns the last reading.
   * @param signal aborted when nobody waits for the answer any more
   */
  async until<T>(
    connectionId: string,
    timeoutMs: number,
    signal: AbortSignal,
    read: () => Promise<T>,
    done: (reading: T) => boolean,
  ): Promise<T> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      // Listening before reading: a change in between wakes at once and is not missed.
      const change = this.listen(connectionId, signal);
      try {
        const reading = await read();
        const leftMs = deadline - performance.now();
        if (done(reading) || leftMs <= 0 || signal.aborted || this.closed) return reading;
        await change.within(leftMs);
      } finally {
        change.stop();
      }
    }
  }

  /** How many requests wait. */
  get count(): number {
    let count = 0;
    for (const waiters of this.waiting.values()) count += waiters.size;
    return count;
  }

  /** Answers everybody with what there is. */
  close(): void {
    this.closed = true;
    this.wake(null);
    this.unsubscribe?.();
  }

  private listen(
    connectionId: string,
    signal: AbortSignal,
  ): { readonly within: (ms: number) => Promise<void>; readonly stop: () => void } {
    this.unsubscribe ??= this.announcements((changed) => {
      this.wake(changed);
    });
    let timer: NodeJS.Timeout | undefined;
    let wake: () => void = () => undefined;
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const waiters = this.waiting.get(connectionId) ?? new Set();
    this.waiting.set(connectionId, waiters.add(wake));
    signal.addEventListener('abort', wake);
    return {
      within: (ms) => {
        timer = setTimeout(wake, ms);
        return woken;
      },
      stop: () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        waiters.delete(wake);
        if (waiters.size === 0 && this.waiting.get(connectionId) === waiters)
          this.waiting.delete(connectionId);
      },
    };
  }

  private wake(changed: string | null): void {
    const woken = changed === null ? [...this.waiting.values()] : [this.waiting.get(changed) ?? new Set()];
    for (const waiters of woken) for (const wake of [...waiters]) wake();
  }
}
