import {
  admission,
  beginTrial,
  CIRCUIT_SETTINGS,
  recordResult,
  type Circuit,
  type CircuitKind,
  type CircuitPeriod,
  type CircuitResult,
  type CloudErrorInfo,
  type CloudId,
} from '#domain';
import type { CircuitChange, CircuitStore, NetworkSnapshot } from '#database';
import type { Clock, Logger } from '#runtime';

import { HELD_BACK, OPENING } from '../accounts/account-gate.js';

/** Told of every circuit that opens, half-opens or closes. */
export interface CircuitMonitor {
  circuitMoved(cloud: CloudId, kind: CircuitKind, to: Circuit['state']): void;
}

export interface BreakerParts {
  readonly circuits: Pick<CircuitStore, 'change'>;
  readonly clock: Clock;
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  readonly monitor: CircuitMonitor;
}

/** The way through both circuits of an account, for one look. */
export interface Passage {
  readonly kind: 'go';
  /** The periods in which it was let through: its result counts for these alone. */
  readonly periods: Readonly<Record<CircuitKind, CircuitPeriod>>;
  /** Whether this is the one that tries the credentials once more. */
  readonly triesCredentials: boolean;
}

/** Not now: the cloud is not asked. `dueAt` is epoch milliseconds. */
export interface Barred {
  readonly kind: 'wait';
  readonly error: CloudErrorInfo;
  readonly dueAt: number;
}

/** Those who have waited for a circuit come back spread over a quarter of the wait, within these limits in milliseconds. */
const LEAST_SPREAD_MS = 1_000;
const MOST_SPREAD_MS = 15_000;

/** The refusal of an account is tried before the silence of a region: it is about every region. */
const IN_ORDER: readonly CircuitKind[] = ['credentials', 'outage'];

/**
 * Stands before every platform account and region, the same for all workers: reads the circuits with the snapshot of a
 * deployment, takes the trial where one is to be made, and writes down what a look has shown of them. While nothing is
 * wrong it costs nothing.
 */
export class CloudBreaker {
  constructor(private readonly parts: BreakerParts) {}

  /** Whether the cloud may be asked about this deployment now. */
  async admit(snapshot: NetworkSnapshot): Promise<Passage | Barred> {
    const { clock } = this.parts;
    const now = clock.now();
    const { circuits } = snapshot;
    for (const kind of IN_ORDER) {
      const may = admission(circuits[kind], CIRCUIT_SETTINGS[kind], now);
      if (may === 'wait') return this.#barred(kind, circuits[kind]);
    }
    const periods: Record<CircuitKind, CircuitPeriod> = { ...circuits };
    for (const kind of IN_ORDER) {
      const settings = CIRCUIT_SETTINGS[kind];
      if (admission(circuits[kind], settings, now) === 'pass') continue;
      const change = await this.#change(snapshot, kind, (circuit) => beginTrial(circuit, settings, now));
      const after = change?.after ?? circuits[kind];
      const isTaken = change !== null && change.after !== change.before;
      if (!isTaken && after.state !== 'closed') {
        await this.#giveBack(snapshot, periods);
        return this.#barred(kind, after);
      }
      periods[kind] = after;
    }
    return { kind: 'go', periods, triesCredentials: periods.credentials.state === 'half_open' };
  }

  /**
   * Writes down how a look went.
   * @param error what kept it from being answered; null: it was answered
   * @returns the circuit that stands in the way from now on, as a wait; null: none does
   */
  async looked(
    snapshot: NetworkSnapshot,
    { periods }: Passage,
    error: CloudErrorInfo | null,
  ): Promise<Barred | null> {
    const results = resultsOf(error);
    let barred: Barred | null = null;
    for (const kind of IN_ORDER) {
      const result = results[kind];
      const isTrial = periods[kind].state === 'half_open';
      const isNews =
        isTrial || isFailure(result) || (result === 'answered' && snapshot.circuits[kind].failures > 0);
      if (!isNews) continue;
      const change = await this.#record(snapshot, kind, periods[kind], result);
      if (change !== null && change.after.state !== 'closed') barred ??= this.#barred(kind, change.after);
    }
    return barred;
  }

  /** Gives trials back that were taken and not made. */
  async #giveBack(
    snapshot: NetworkSnapshot,
    periods: Readonly<Record<CircuitKind, CircuitPeriod>>,
  ): Promise<void> {
    for (const kind of IN_ORDER) {
      if (periods[kind].state === 'half_open' && periods[kind] !== snapshot.circuits[kind]) {
        await this.#record(snapshot, kind, periods[kind], 'undecided');
      }
    }
  }

  async #record(
    snapshot: NetworkSnapshot,
    kind: CircuitKind,
    period: CircuitPeriod,
    result: CircuitResult,
  ): Promise<CircuitChange | null> {
    const { clock, random } = this.parts;
    const now = clock.now();
    const chance = random();
    const settings = CIRCUIT_SETTINGS[kind];
    return this.#change(snapshot, kind, (circuit) => {
      const after = recordResult(circuit, period, result, settings, now, chance);
      return after === circuit ? null : after;
    });
  }

  /** @returns null when an operator has changed the account since it was read: it shows with the next turn */
  async #change(
    { account, network }: NetworkSnapshot,
    kind: CircuitKind,
    next: (circuit: Circuit) => Circuit | null,
  ): Promise<CircuitChange | null> {
    const { circuits, clock, monitor } = this.parts;
    const region = kind === 'credentials' ? '' : network.region;
    const key = { platformAccountId: account.id, kind, region };
    const change = await circuits.change(key, account, next, clock.now());
    if (change !== null && change.after.state !== change.before.state) {
      monitor.circuitMoved(account.cloud, kind, change.after.state);
      this.#log(account, kind, region, change);
    }
    return change;
  }

  #log(
    { id, cloud }: NetworkSnapshot['account'],
    kind: CircuitKind,
    region: string,
    { before, after }: CircuitChange,
  ): void {
    const { log } = this.parts;
    const { cause, nextAttemptAt } = after;
    const about = { accountId: id, cloud, ...(region === '' ? {} : { region }) };
    if (after.state === 'open' && nextAttemptAt !== null) {
      const told = { ...about, code: cause?.code, nextAttemptAt: new Date(nextAttemptAt).toISOString() };
      const why = `${cause?.code ?? ''}: ${cause?.message ?? ''}`;
      if (kind === 'credentials') log.error(told, `the cloud refuses the platform account: ${why}`);
      else log.warn(told, `the cloud does not answer and is left alone for a while: ${why}`);
    } else if (after.state === 'closed' && before.state !== 'closed') {
      log.info(
        about,
        kind === 'credentials' ? 'the cloud takes the platform account again' : 'the cloud answers again',
      );
    }
  }

  #barred(kind: CircuitKind, { cause, since, nextAttemptAt }: Circuit): Barred {
    const { clock, random } = this.parts;
    const now = clock.now();
    const until = Math.max(now, nextAttemptAt ?? now);
    const spread = Math.min(Math.max((until - since) / 4, LEAST_SPREAD_MS), MOST_SPREAD_MS);
    const error: CloudErrorInfo = {
      category: kind === 'credentials' ? 'auth' : 'transient',
      code: cause?.code ?? '',
      message: cause?.message ?? '',
      operation: OPENING,
    };
    return { kind: 'wait', error, dueAt: Math.round(until + random() * spread) };
  }
}

/** Whether a look is the one by which a circuit is tried. */
export function isTrial({ periods }: Passage): boolean {
  return IN_ORDER.some((kind) => periods[kind].state === 'half_open');
}

/** What the outcome of a look says about each circuit. */
function resultsOf(error: CloudErrorInfo | null): Readonly<Record<CircuitKind, CircuitResult>> {
  if (error === null) return { outage: 'answered', credentials: 'answered' };
  if (error.operation === OPENING) return { outage: 'undecided', credentials: error };
  if (error.code === HELD_BACK) return { outage: 'undecided', credentials: 'undecided' };
  switch (error.category) {
    case 'auth':
      return { outage: 'answered', credentials: error };
    case 'transient':
      return { outage: error, credentials: 'undecided' };
    case 'throttled':
      return { outage: 'answered', credentials: 'undecided' };
    default:
      // The cloud has read the request and says no to it, not to who asks.
      return { outage: 'answered', credentials: 'answered' };
  }
}

function isFailure(result: CircuitResult): boolean {
  return typeof result !== 'string';
}
