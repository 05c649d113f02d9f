/**
 * The circuit breaker before a platform account: whether the cloud is asked at all. Pure, with time passed in: what is
 * here is stored in the database and shared by every worker, so it cannot live in the memory of one of them.
 *
 * Closed, everything passes, and failures in a row are counted. Open, nothing passes until `nextAttemptAt`. Then one
 * caller takes the trial (half-open) while the others go on waiting: an answer closes the circuit, a failure opens it
 * for longer.
 */
export const CIRCUIT_STATES = ['closed', 'open', 'half_open'] as const;
export type CircuitState = (typeof CIRCUIT_STATES)[number];

/** Why a circuit has counted a failure: the cloud's error, or the network's. */
export interface CircuitCause {
  readonly code: string;
  readonly message: string;
}

/** A circuit as it is stored. Times are epoch milliseconds. */
export interface Circuit {
  readonly state: CircuitState;
  /** Since when it is in this state. */
  readonly since: number;
  /** Failures in a row while closed. */
  readonly failures: number;
  /** How often in a row it has opened, one failed trial after the other: the wait grows with it. */
  readonly openings: number;
  /** The latest failure; kept for a while after closing. */
  readonly cause: CircuitCause | null;
  /** Open: when a trial may be made. Half-open: when another one may, should nobody hear of this one. Else null. */
  readonly nextAttemptAt: number | null;
}

/** Times in milliseconds. */
export interface CircuitSettings {
  /** Failures in a row that open it. */
  readonly failuresToOpen: number;
  /** Wait before the first trial; it doubles with each one that fails. */
  readonly firstWaitMs: number;
  readonly maxWaitMs: number;
  /** How long a trial may take before another one may be made: whoever made it may have died. */
  readonly trialMs: number;
  /** Closed for this long, it begins with the shortest wait again. */
  readonly forgetMs: number;
}

/** What stands in the way of one platform account: its region of the cloud does not answer, or its credentials are refused. */
export const CIRCUIT_KINDS = ['outage', 'credentials'] as const;
export type CircuitKind = (typeof CIRCUIT_KINDS)[number];

/**
 * An outage shows in several looks in a row that got no answer, and is tried again soon. One refusal of credentials is
 * enough, and trials are rare: some clouds lock a key after a few (Outscale after four).
 */
export const CIRCUIT_SETTINGS: Readonly<Record<CircuitKind, CircuitSettings>> = {
  outage: {
    failuresToOpen: 5,
    firstWaitMs: 5_000,
    maxWaitMs: 300_000,
    trialMs: 30_000,
    forgetMs: 600_000,
  },
  credentials: {
    failuresToOpen: 1,
    firstWaitMs: 60_000,
    maxWaitMs: 3_600_000,
    trialMs: 60_000,
    forgetMs: 600_000,
  },
};

/** The part of a wait that chance adds to it at most. */
const MOST_CHANCE = 1 / 4;

/** The period in which a caller was let through; its result counts for no other one. */
export type CircuitPeriod = Pick<Circuit, 'state' | 'since'>;

/** How a call went: it was answered (be it with a no), it failed, or it tells nothing about what the circuit guards. */
export type CircuitResult = 'answered' | 'undecided' | CircuitCause;

export function closedCircuit(now: number): Circuit {
  return { state: 'closed', since: now, failures: 0, openings: 0, cause: null, nextAttemptAt: null };
}

/**
 * Whether a caller may pass now: as usual, as the one trial (see {@link beginTrial}), or not. A wait that is longer than
 * any was written by a clock that was wrong, and counts as over.
 */
export function admission(
  { state, nextAttemptAt }: Circuit,
  { maxWaitMs }: CircuitSettings,
  now: number,
): 'pass' | 'trial' | 'wait' {
  if (state === 'closed') return 'pass';
  const waitMs = (nextAttemptAt ?? now) - now;
  return waitMs > 0 && waitMs <= maxWaitMs * (1 + MOST_CHANCE) ? 'wait' : 'trial';
}

/** Takes the trial. @returns null where there is none to be taken */
export function beginTrial(circuit: Circuit, settings: CircuitSettings, now: number): Circuit | null {
  if (admission(circuit, settings, now) !== 'trial') return null;
  return { ...circuit, state: 'half_open', since: now, nextAttemptAt: now + settings.trialMs };
}

/**
 * The circuit after a call. A result of a call that was let through in another period changes nothing: what was true
 * before the circuit opened, or of a trial that was given up, is not true now.
 * @param chance from 0 to 1: lengthens the wait by up to a quarter, so that circuits do not move in step
 */
export function recordResult(
  circuit: Circuit,
  period: CircuitPeriod,
  result: CircuitResult,
  settings: CircuitSettings,
  now: number,
  chance: number,
): Circuit {
  if (circuit.state !== period.state || circuit.since !== period.since) return circuit;
  if (result === 'undecided')
    return isTrial(circuit) ? open(circuit, circuit.openings, settings, now, chance) : circuit;
  if (result === 'answered') {
    if (isTrial(circuit))
      return { ...circuit, state: 'closed', since: now, failures: 0, nextAttemptAt: null };
    return circuit.failures === 0 ? circuit : { ...circuit, failures: 0 };
  }
  const cause = { code: result.code, message: result.message };
  if (isTrial(circuit)) return open({ ...circuit, cause }, circuit.openings + 1, settings, now, chance);
  const failures = circuit.failures + 1;
  if (failures < settings.failuresToOpen) return { ...circuit, failures, cause };
  const isRelapse = circuit.openings > 0 && now - circuit.since < settings.forgetMs;
  return open({ ...circuit, failures, cause }, isRelapse ? circuit.openings + 1 : 1, settings, now, chance);
}

function isTrial({ state }: Circuit): boolean {
  return state === 'half_open';
}

function open(
  circuit: Circuit,
  openings: number,
  { firstWaitMs, maxWaitMs }: CircuitSettings,
  now: number,
  chance: number,
): Circuit {
  const wait = Math.min(firstWaitMs * 2 ** (openings - 1), maxWaitMs);
  const nextAttemptAt = now + Math.round(wait * (1 + chance * MOST_CHANCE));
  return { ...circuit, state: 'open', since: now, openings, nextAttemptAt };
}
