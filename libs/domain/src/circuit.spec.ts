import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import {
  admission,
  beginTrial,
  CIRCUIT_KINDS,
  CIRCUIT_SETTINGS,
  closedCircuit,
  recordResult,
  type Circuit,
  type CircuitPeriod,
  type CircuitResult,
  type CircuitSettings,
} from './circuit.js';

const SETTINGS: CircuitSettings = {
  failuresToOpen: 3,
  firstWaitMs: 1_000,
  maxWaitMs: 8_000,
  trialMs: 5_000,
  forgetMs: 60_000,
};
/** By a clock that is wrong. */
const NOW_ELSEWHERE = 1_000_000_000;
const FAILURE = { code: 'Timeout', message: 'no answer within 10000 ms' };

const after = (circuit: Circuit, result: CircuitResult, now: number, chance = 0): Circuit =>
  recordResult(circuit, circuit, result, SETTINGS, now, chance);

/** Opened by failures at `now`. */
const opened = (now: number): Circuit =>
  Array.from({ length: SETTINGS.failuresToOpen }).reduce<Circuit>(
    (circuit) => after(circuit, FAILURE, now),
    closedCircuit(0),
  );

describe('a circuit', () => {
  it('opens after so many failures in a row, and an answer in between counts them anew', () => {
    let circuit = closedCircuit(0);
    circuit = after(circuit, FAILURE, 1);
    circuit = after(circuit, FAILURE, 2);
    circuit = after(circuit, 'undecided', 3);
    circuit = after(circuit, 'answered', 4);
    circuit = after(circuit, FAILURE, 5);
    circuit = after(circuit, FAILURE, 6);
    expect(circuit).toMatchObject({ state: 'closed', failures: 2, since: 0 });
    circuit = after(circuit, FAILURE, 7);
    expect(circuit).toEqual({
      state: 'open',
      since: 7,
      failures: 3,
      openings: 1,
      cause: FAILURE,
      nextAttemptAt: 1_007,
    });
  });

  it('lets one through after the wait, and another one when nobody has heard of it', () => {
    const circuit = opened(100);
    expect([admission(circuit, SETTINGS, 1_099), admission(circuit, SETTINGS, 1_100)]).toEqual([
      'wait',
      'trial',
    ]);
    expect(beginTrial(circuit, SETTINGS, 1_099)).toBeNull();
    const trial = beginTrial(circuit, SETTINGS, 1_100)!;
    expect(trial).toMatchObject({ state: 'half_open', since: 1_100, nextAttemptAt: 6_100 });
    expect(beginTrial(trial, SETTINGS, 6_099)).toBeNull();
    const second = beginTrial(trial, SETTINGS, 6_100)!;
    expect(second).toMatchObject({ state: 'half_open', since: 6_100 });
    expect(recordResult(second, trial, 'answered', SETTINGS, 6_200, 0)).toBe(second);
    expect(recordResult(second, second, 'answered', SETTINGS, 6_200, 0)).toMatchObject({ state: 'closed' });
  });

  it('waits longer after each trial that fails, as long as before after one that tells nothing', () => {
    let circuit = opened(0);
    const waits: number[] = [];
    for (const result of [FAILURE, FAILURE, 'undecided', FAILURE, FAILURE] as const) {
      const at = circuit.nextAttemptAt!;
      circuit = after(beginTrial(circuit, SETTINGS, at)!, result, at);
      waits.push(circuit.nextAttemptAt! - at);
    }
    expect(waits).toEqual([2_000, 4_000, 4_000, 8_000, 8_000]);
  });

  it('remembers for a while that it was open', () => {
    const trial = beginTrial(opened(0), SETTINGS, 1_000)!;
    const closed = after(trial, 'answered', 1_000);
    const again = (at: number): Circuit =>
      [1, 2, 3].reduce<Circuit>((circuit) => after(circuit, FAILURE, at), closed);
    expect(again(60_999)).toMatchObject({ state: 'open', openings: 2 });
    expect(again(61_000)).toMatchObject({ state: 'open', openings: 1 });
  });

  it('believes no clock that is far ahead: it is tried, and waits by the clock of whoever tries', () => {
    const written = opened(NOW_ELSEWHERE);
    expect(admission(written, SETTINGS, 100)).toBe('trial');
    const failed = after(beginTrial(written, SETTINGS, 100)!, FAILURE, 100);
    expect(failed).toMatchObject({ state: 'open', since: 100, nextAttemptAt: 2_100 });
    const longest = { ...written, nextAttemptAt: 100 + SETTINGS.maxWaitMs * 1.25 };
    expect(admission(longest, SETTINGS, 100)).toBe('wait');
  });

  it('takes one refusal of credentials for enough', () => {
    const { credentials } = CIRCUIT_SETTINGS;
    const circuit = closedCircuit(0);
    expect(recordResult(circuit, circuit, FAILURE, credentials, 0, 0)).toMatchObject({
      state: 'open',
      nextAttemptAt: 60_000,
    });
  });
});

/** What callers do to one shared circuit: come, and report at some later time how it went. */
type Deed =
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'come' }
  | { readonly kind: 'report'; readonly which: number; readonly result: CircuitResult };

const results = fc.constantFrom<CircuitResult>('answered', 'undecided', FAILURE, FAILURE, FAILURE);
const deeds: fc.Arbitrary<Deed[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 400_000 }) }),
    fc.constant({ kind: 'come' as const }),
    fc.record({ kind: fc.constant('report' as const), which: fc.nat(20), result: results }),
  ),
  { maxLength: 120 },
);

describe.each(CIRCUIT_KINDS)('a circuit for %s, whatever its callers do', (kind) => {
  const settings = CIRCUIT_SETTINGS[kind];

  it('lets one trial through at a time, never before the wait is over, and closes by an answer to it alone', () => {
    fc.assert(
      fc.property(deeds, fc.double({ min: 0, max: 1, noNaN: true }), (history, chance) => {
        let now = 1_000_000;
        let circuit = closedCircuit(now);
        const underWay: CircuitPeriod[] = [];
        let trialUntil = -Infinity;
        let failuresInARow = 0;
        for (const deed of history) {
          if (deed.kind === 'pass') now += deed.ms;
          else if (deed.kind === 'come') {
            const may = admission(circuit, settings, now);
            const trial = beginTrial(circuit, settings, now);
            expect(trial !== null).toBe(may === 'trial');
            if (trial !== null) {
              expect(now).toBeGreaterThanOrEqual(trialUntil);
              expect(now).toBeGreaterThanOrEqual(circuit.nextAttemptAt!);
              trialUntil = now + settings.trialMs;
              circuit = trial;
            }
            if (may !== 'wait') underWay.push({ state: circuit.state, since: circuit.since });
          } else {
            const [period] = underWay.splice(deed.which % Math.max(1, underWay.length), 1);
            if (period === undefined) continue;
            const before = circuit;
            circuit = recordResult(before, period, deed.result, settings, now, chance);
            const counts = before.state === period.state && before.since === period.since;
            if (!counts) {
              expect(circuit).toBe(before);
              continue;
            }
            if (before.state === 'half_open') trialUntil = -Infinity;
            if (circuit.state === 'closed' && before.state !== 'closed') {
              expect([before.state, deed.result]).toEqual(['half_open', 'answered']);
            }
            if (before.state === 'closed') {
              if (deed.result === 'answered') failuresInARow = 0;
              else if (deed.result !== 'undecided') failuresInARow += 1;
              expect(circuit.state === 'open').toBe(failuresInARow >= settings.failuresToOpen);
            }
            if (circuit.state !== 'closed' || before.state !== 'closed') failuresInARow = 0;
          }
          if (circuit.state === 'open') {
            const wait = circuit.nextAttemptAt! - circuit.since;
            expect(wait).toBeGreaterThanOrEqual(settings.firstWaitMs);
            expect(wait).toBeLessThanOrEqual(settings.maxWaitMs * 1.25);
          }
          expect(circuit.nextAttemptAt === null).toBe(circuit.state === 'closed');
        }
      }),
    );
  });

  it('closes within its longest wait once the cloud answers, though every earlier caller has died', () => {
    fc.assert(
      fc.property(deeds, (history) => {
        let now = 1_000_000;
        let circuit = closedCircuit(now);
        for (const deed of history) {
          if (deed.kind === 'pass') now += deed.ms;
          else if (deed.kind === 'come') circuit = beginTrial(circuit, settings, now) ?? circuit;
          else circuit = recordResult(circuit, circuit, deed.result, settings, now, 1);
        }
        now += Math.max(settings.maxWaitMs * 1.25, settings.trialMs);
        circuit = beginTrial(circuit, settings, now) ?? circuit;
        circuit = recordResult(circuit, circuit, 'answered', settings, now, 1);
        expect(circuit).toMatchObject({ state: 'closed', failures: 0 });
      }),
    );
  });
});
