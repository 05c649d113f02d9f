import { CloudError, type CloudErrorInfo } from '#domain';
import type { Clock } from '#runtime';

import { HELD_BACK } from './call-queue.js';
import { PortUse, usingPort } from './port-use.js';

export { HELD_BACK } from './call-queue.js';

/** How calls of one platform account are let through. Times are in milliseconds. */
export interface GateSettings {
  /** Calls under way at a time, once the cloud has accepted the credentials. */
  readonly parallelCalls: number;
  /** For how long an accepted call speaks for the credentials of the next ones. */
  readonly proofMs: number;
}

export const DEFAULT_GATE_SETTINGS: Omit<GateSettings, 'parallelCalls'> = {
  proofMs: 10_000,
};

/** Told about a call that was made, with its outcome (`ok`, or the category of the error) and the time that it took. */
export type CallListener = (operation: string, outcome: string, ms: number) => void;

/** The operation of an error that kept the cloud from being asked at all. */
export const OPENING = 'openAccount';

/** A refusal of credentials, kept until they are tried again. */
export interface Refusal {
  /** For those who are refused by it: the cloud was not asked by them. */
  readonly error: CloudErrorInfo;
  /** Epoch milliseconds. */
  readonly at: number;
}

/**
 * Every call of one set of credentials passes here. Credentials that the cloud has not accepted lately are tried by
 * one call alone while the others wait for its outcome, because some clouds lock a key after a few failures in a row;
 * once refused, no call is let through any more. How often the cloud is called is not decided here, but before each
 * call on the wire.
 */
export class AccountGate {
  #inFlight = 0;
  #waiting: { readonly enter: () => void; readonly refuse: (error: CloudError) => void }[] = [];
  #provenAt: number | null = null;
  #refusal: Refusal | null = null;
  #isRefusalTaken = false;
  /** The newest status of the account under which calls were made, by the time since when it has it. */
  #statusAt = 0;

  constructor(
    private readonly settings: GateSettings,
    private readonly clock: Clock,
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

  /** How many calls wait to be let through. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Whether no call is under way or waiting. */
  get idle(): boolean {
    return this.#inFlight === 0 && this.#waiting.length === 0;
  }

  /**
   * The refusal that keeps calls from being made under a status of the account; null: they may be made. A refusal belongs
   * to the status under which it was met: under a newer one, or for whoever is to try them, the credentials are tried again.
   * @param statusAt since when the account has its status, in epoch milliseconds @param triesCredentials by one call alone
   */
  refusalUnder(statusAt: number, triesCredentials: boolean): Refusal | null {
    if (this.#refusal !== null) {
      if (!triesCredentials && statusAt <= this.#statusAt) return this.#refusal;
      this.reopen();
    }
    this.#statusAt = Math.max(this.#statusAt, statusAt);
    return null;
  }

  /** Lets the credentials be tried again, by one call alone. */
  reopen(): void {
    this.#refusal = null;
    this.#provenAt = null;
  }

  /**
   * Makes a call when its turn has come.
   * @throws CloudError of the call, or the refusal that keeps it from being made, or `HeldBack`
   */
  async pass<Result>(
    operation: string,
    call: () => Promise<Result>,
    use: PortUse = new PortUse('look'),
  ): Promise<Result> {
    await this.#enter();
    const began = this.clock.now();
    const told = (outcome: string): void =>
      this.onCall(operation, outcome, Math.max(0, this.clock.now() - began - use.waitedMs));
    try {
      const result = await usingPort(use, call);
      this.#provenAt = this.clock.now();
      told('ok');
      return result;
    } catch (error) {
      if (error instanceof CloudError) {
        if (error.info.code === HELD_BACK) throw error;
        await this.#failed(error.info, use);
      }
      told(error instanceof CloudError ? error.info.category : 'defect');
      throw error;
    } finally {
      this.#inFlight -= 1;
      this.#admit();
    }
  }

  async #enter(): Promise<void> {
    if (this.#refusal !== null) throw new CloudError(this.#refusal.error);
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

  async #failed(info: CloudErrorInfo, use: PortUse): Promise<void> {
    switch (info.category) {
      case 'auth':
        this.#refusal = { error: { ...info, operation: OPENING }, at: this.clock.now() };
        this.#isRefusalTaken = false;
        this.#turnAway(this.#refusal.error);
        return;
      case 'throttled':
        await use.throttled(info.operation);
        return;
      case 'transient':
        return;
      default:
        // The cloud has read the request and says no to it, not to who asks.
        this.#provenAt = this.clock.now();
    }
  }
}
