import type { Lease as DeploymentLease } from '#database';
import type { Clock } from '#runtime';

import type { Timers } from './reconcile-ports.js';

/** Something that is had for a time. */
interface Held {
  /** Epoch milliseconds. */
  readonly until: number;
}

/** Where it is had from. */
interface Lender<Lease extends Held> {
  /** Prolongs it to `now + ms`. @returns null when somebody else has it */
  renew(lease: Lease, now: number, ms: number): Promise<Lease | null>;
}

/**
 * How long a lease has to last when a call of a cloud begins, in milliseconds: for the call and for writing down what came
 * of it, as far as a lease of the usual length can outlast that.
 */
export function callMarginMs(times: { readonly callTimeoutMs: number; readonly leaseMs: number }): number {
  return Math.min(times.callTimeoutMs + 1_000, times.leaseMs * 0.8);
}

/**
 * Keeps a lease alive while what it is about is worked on, and knows when it is lost. A lease that cannot be renewed
 * counts as lost the moment it runs out: from then on somebody else may be at work.
 */
export class LeaseKeeper<Lease extends Held = DeploymentLease> {
  #lease: Lease;
  #lost = false;
  #renewing: Promise<void> | null = null;
  readonly #stop: () => void;

  constructor(
    private readonly store: Lender<Lease>,
    lease: Lease,
    private readonly leaseMs: number,
    private readonly clock: Clock,
    timers: Timers,
  ) {
    this.#lease = lease;
    this.#stop = timers.every(leaseMs / 3, () => this.#renew());
  }

  get lease(): Lease {
    return this.#lease;
  }

  /** Whether somebody else may be at work. */
  isLost(): boolean {
    return this.#lost || this.clock.now() >= this.#lease.until;
  }

  /** A write has found another owner. */
  lose(): void {
    this.#lost = true;
  }

  /** Whether the lease lasts for this many milliseconds more; renews it if need be. */
  async holdsFor(ms: number): Promise<boolean> {
    if (this.#remaining() < ms) await this.#renew();
    return this.#remaining() >= ms;
  }

  /** Stops renewing. What is on its way is waited for, so that nothing prolongs a lease that was given back. */
  async stop(): Promise<void> {
    this.#stop();
    await this.#renewing;
  }

  #remaining(): number {
    return this.isLost() ? 0 : this.#lease.until - this.clock.now();
  }

  async #renew(): Promise<void> {
    this.#renewing ??= this.#renewOnce().finally(() => {
      this.#renewing = null;
    });
    await this.#renewing;
  }

  async #renewOnce(): Promise<void> {
    if (this.isLost()) return;
    try {
      const renewed = await this.store.renew(this.#lease, this.clock.now(), this.leaseMs);
      if (renewed === null) this.#lost = true;
      else this.#lease = renewed;
    } catch {
      // The database is away: the lease lasts as long as it lasts, and the next beat tries again.
    }
  }
}
