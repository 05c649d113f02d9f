/** What goes wrong in a history, and how often. Every fault that strikes has a number by which a replay can spare it. */
import type { RandomSource } from './random-source.js';

/** Everything that can go wrong, with how often it does when it does at all: per opportunity, lightly to heavily. */
const FAULTS = {
  /** A worker dies before a statement or a call has left it. */
  crash_before: [0.002, 0.01, 0.04],
  /** A worker dies once a statement or a call has had its effect, before it knows. */
  crash_after: [0.002, 0.01, 0.04],
  /** A worker stands still for some seconds, perhaps for longer than its lease. */
  freeze: [0.0005, 0.002, 0.006],
  /** A machine's clock is set. */
  clock_jump: [0.002, 0.01, 0.03],
  job_lost: [0.05, 0.3, 1],
  job_doubled: [0.05, 0.2, 0.5],
  store_lost_before: [0.003, 0.02, 0.06],
  store_lost_after: [0.003, 0.02, 0.06],
  store_slow: [0.003, 0.01, 0.03],
  store_outage: [0.0005, 0.001, 0.002],
  call_lost_before: [0.01, 0.05, 0.2],
  call_lost_after: [0.01, 0.05, 0.2],
  call_slow: [0.01, 0.05, 0.2],
  /** The cloud says no to a change for a reason of its own. */
  call_refused: [0.005, 0.02, 0.1],
  throttled: [0.005, 0.02, 0.08],
  cloud_outage: [0.001, 0.003, 0.008],
  /** The cloud refuses the platform's account until an operator mends it. */
  account_refused: [0.0005, 0.001, 0.003],
  /** A look shows what was before a change. */
  stale_read: [0.05, 0.3, 0.7],
} as const satisfies Record<string, readonly [number, number, number]>;

export type FaultKind = keyof typeof FAULTS;

export const FAULT_KINDS = Object.keys(FAULTS) as readonly FaultKind[];

export type FaultRates = Readonly<Partial<Record<FaultKind, number>>>;

/** Each history has some of the faults only, each at a rate of its own: what hides behind one shows without it. */
export function drawRates(random: RandomSource): FaultRates {
  if (random.chance(0.1)) return {};
  const share = random.pick([0.2, 0.4, 0.7]);
  return Object.fromEntries(
    FAULT_KINDS.filter(() => random.chance(share)).map((kind) => [kind, random.pick(FAULTS[kind])]),
  );
}

/** A fault that has struck. */
export interface Strike {
  readonly number: number;
  readonly kind: FaultKind;
}

export class FaultPlan {
  readonly struck: Strike[] = [];
  #count = 0;
  #isOver = false;

  constructor(
    private readonly random: RandomSource,
    private readonly rates: FaultRates,
    /** Numbers of faults that do not strike after all. */
    private readonly spared: ReadonlySet<number>,
    private readonly onStrike: (strike: Strike) => void,
  ) {}

  /** Whether a fault strikes here. */
  strikes(kind: FaultKind): boolean {
    const rate = this.rates[kind];
    if (this.#isOver || rate === undefined || !this.random.chance(rate)) return false;
    const strike = { number: this.#count, kind };
    this.#count += 1;
    if (this.spared.has(strike.number)) return false;
    this.struck.push(strike);
    this.onStrike(strike);
    return true;
  }

  /** From now on nothing goes wrong any more. */
  end(): void {
    this.#isOver = true;
  }
}
