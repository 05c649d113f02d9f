/** One call that reached a simulated cloud. */
export interface LoggedCall {
  /** Rises by one with every call of the cloud; survives deletion of the log. */
  readonly sequence: number;
  /** When it came, in simulated time, ISO 8601. */
  readonly arrivedAt: string;
  /** When it was performed: later, where a fault of latency held it up. Simulated time, ISO 8601. */
  readonly at: string;
  readonly accountId: string | null;
  readonly region: string | null;
  readonly operation: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** What the caller saw: `ok`, `error`, or `dropped` when the connection was closed on them. */
  readonly outcome: 'ok' | 'error' | 'dropped';
  /** HTTP status that was or would have been sent; null when the operation was never reached. */
  readonly status: number | null;
  /** The cloud's error code in the answer; null when there is none. */
  readonly errorCode: string | null;
  /** Whether the call changed any resource. A dropped call may have. */
  readonly tookEffect: boolean;
  /** Kinds of the faults that struck it. */
  readonly faults: readonly string[];
}

/** The latest calls of one cloud, oldest first. */
export class CallLog {
  /** A ring, so that a long bench neither grows nor slows the process. */
  readonly #ring: LoggedCall[] = [];
  #first = 0;
  #sequence = 0;

  constructor(private readonly capacity = 20_000) {}

  add(call: Omit<LoggedCall, 'sequence'>): void {
    const logged = { sequence: ++this.#sequence, ...call };
    if (this.#ring.length < this.capacity) {
      this.#ring.push(logged);
      return;
    }
    this.#ring[this.#first] = logged;
    this.#first = (this.#first + 1) % this.capacity;
  }

  /** Calls that match every given condition. */
  list(where: { operation?: string | undefined; accountId?: string | undefined } = {}): LoggedCall[] {
    const ordered = [...this.#ring.slice(this.#first), ...this.#ring.slice(0, this.#first)];
    return ordered.filter(
      (call) =>
        (where.operation === undefined || call.operation === where.operation) &&
        (where.accountId === undefined || call.accountId === where.accountId),
    );
  }

  clear(): void {
    this.#ring.length = 0;
    this.#first = 0;
  }
}
