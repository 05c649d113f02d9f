import { CloudError, type CloudErrorInfo } from '#domain';
import type { Clock } from '#runtime';

/** How calls of one platform account are paced. Times are in milliseconds. */
export interface GateSettings {
  /** Calls under way at a time, once the cloud has accepted the credentials. */
  readonly parallelCalls: number;
  /** For how long an accepted call speaks for the credentials of the next ones. */
  readonly proofMs: number;
  /** Wait after the first throttled answer; it doubles with each further one. */
  readonly throttleBaseMs: number;
  readonly throttleMaxMs: number;
}

export const DEFAULT_GATE_SETTINGS: Omit<GateSettings, 'parallelCalls'> = {
  proofMs: 10_000,
  throttleBaseMs: 1_000,
  throttleMaxMs: 60_000,
};

/** Code of the error of a call that was held back after a throttled answer; the cloud never saw it. */
export const HELD_BACK = 'HeldBack';

/** Told about a call that was made, with its outcome: `ok`, or the category of the error. */
export type CallListener = (operation: string, outcome: string, ms: number) => void;

/** A refusal of credentials, kept until they are tried again. */
export interface Refusal {
  readonly error: CloudErrorInfo;
  /** Epoch milliseconds. */
  readonly at: number;
}

/**
 * Every call of one set of credentials passes here. Credentials that the cloud has not accepted lately are tried by
 * one call alone while the others wait for its outcome, because some clouds lock a key after a few failures in a row;
 * once refused, no call is let through any more. After a throttled answer all calls pause together.
 */
export class AccountGate {
  #inFlight = 0;
  #waiting: { readonly enter: () => void; readonly refuse: (error: CloudError) => void }[] = [];
  #provenAt: number | null = null;
  #refusal: Refusal | null = null;
  #isRefusalTaken = false;
  #pausedUntil = 0;
  #throttled = 0;

  constructor(
    private readonly settings: GateSettings,
    private readonly clock: Clock,
    /** Between 0 and 1. */
    private readonly random: () => number,
    private readonly onCall: CallListener,
  ) {}

  /** That the cloud refused the credentials; null while it has not. */
  get refusal(): Refusal | null {
    return this.#refusal;
  }

  /** Whether a refusal is waiting to be told to others; true once for each. */
  takeRefusal(): boolean {
    const isNew = this.#refusal !== null && !this.#isRefusalTaken;
    this.#isRefusalTaken = true;
    return isNew;
  }

  /** Until when no call is let through because the cloud asked for less, in epoch milliseconds; in the past if not. */
  get pausedUntil(): number {
    return this.#pausedUntil;
  }

  /** Whether no call is under way or waiting. */
  get idle(): boolean {
    return this.#inFlight === 0 && this.#waiting.length === 0;
  }

  /**
   * The status of the account under which calls are made, by the time since when it has it. A refusal belongs to that
   * status: only a newer one can mean that the account works again.
   */
  basis = 0;

  /** Lets the credentials be tried again, by one call alone. */
  reopen(): void {
    this.#refusal = null;
    this.#provenAt = null;
  }

  /** Makes a call when its turn has come. @throws CloudError of the call, or the refusal or pause that holds it back */
  async pass<Result>(operation: string, call: () => Promise<Result>): Promise<Result> {
    await this.#enter(operation);
    const began = this.clock.now();
    const told = (outcome: string): void => this.onCall(operation, outcome, this.clock.now() - began);
    try {
      const result = await call();
      this.#accepted();
      told('ok');
      return result;
    } catch (error) {
      if (error instanceof CloudError) this.#failed(error.info);
      told(error instanceof CloudError ? error.info.category : 'defect');
      throw error;
    } finally {
      this.#inFlight -= 1;
      this.#admit();
    }
  }

  async #enter(operation: string): Promise<void> {
    if (this.#refusal !== null) throw new CloudError({ ...this.#refusal.error, operation });
    const now = this.clock.now();
    if (now < this.#pausedUntil) {
      const message = `the cloud asked for fewer calls; the next one is made in ${this.#pausedUntil - now} ms`;
      throw new CloudError({ category: 'throttled', code: HELD_BACK, message, operation });
    }
    if (this.#waiting.length === 0 && this.#inFlight < this.#limit()) {
      this.#inFlight += 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ enter: resolve, refuse: reject });
    });
  }

  #limit(): number {
    const proven = this.#provenAt !== null && this.clock.now() - this.#provenAt < this.settings.proofMs;
    return proven ? this.settings.parallelCalls : 1;
  }

  #admit(): void {
    while (this.#waiting.length > 0 && this.#inFlight < this.#limit()) {
      this.#inFlight += 1;
      this.#waiting.shift()?.enter();
    }
  }

  #turnAway(info: CloudErrorInfo): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { refuse } of waiting) refuse(new CloudError(info));
  }

  #accepted(): void {
    const now = this.clock.now();
    this.#provenAt = now;
    if (this.#throttled > 0 && now >= this.#pausedUntil) this.#throttled -= 1;
  }

  #failed(info: CloudErrorInfo): void {
    switch (info.category) {
      case 'auth':
        this.#refusal = { error: info, at: this.clock.now() };
        this.#isRefusalTaken = false;
        this.#turnAway(info);
        return;
      case 'throttled': {
        const { throttleBaseMs, throttleMaxMs } = this.settings;
        const wait = Math.min(throttleBaseMs * 2 ** this.#throttled, throttleMaxMs);
        const until = this.clock.now() + wait * (0.75 + this.random() / 2);
        if (until > this.#pausedUntil) {
          this.#pausedUntil = until;
          this.#throttled += 1;
        }
        this.#turnAway({ ...info, code: HELD_BACK });
        return;
      }
      case 'transient':
        return;
      default:
        // The cloud has read the request and says no to it, not to who asks.
        this.#provenAt = this.clock.now();
    }
  }
}
