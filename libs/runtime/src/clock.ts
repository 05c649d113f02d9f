/** Where the time comes from. Passed in everywhere, so that tests and simulations own it. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
}

/** The machine's clock. */
export const systemClock: Clock = { now: () => Date.now() };
