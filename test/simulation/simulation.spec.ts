/**
 * Thousands of short histories of the real engine in worlds in which everything goes wrong that can. Each comes from a
 * number: `SIMULATION_SEED=<number> npm test -- test/simulation` lives that one again and shows every step of it;
 * `SIMULATION_HISTORIES=<count>` lives as many as you like, beginning with `SIMULATION_FIRST`.
 */
import { describe, expect, it } from '@jest/globals';

import { fingerprintOf, live, type History } from './history.js';
import { fewestFaults } from './shrink.js';

const { SIMULATION_FIRST, SIMULATION_HISTORIES, SIMULATION_SEED } = process.env;
const FIRST = Number(SIMULATION_FIRST ?? 1);
const HISTORIES = Number(SIMULATION_HISTORIES ?? 5_000);

/** The broken guarantee with the whole history in which it was, with as few faults as break it. */
async function explain({ seed }: History): Promise<string> {
  const { broken, cloud, struck, trace } = await fewestFaults(seed);
  return [
    `${cloud}: ${broken?.message ?? 'nothing is broken'}`,
    `Replay: SIMULATION_SEED=${seed} npm test -- test/simulation`,
    `With ${struck.length === 0 ? 'no fault' : `no other faults than ${struck.map(({ kind }) => kind).join(', ')}`}:`,
    ...trace,
  ].join('\n');
}

if (SIMULATION_SEED !== undefined) {
  it(`holds every guarantee in history ${SIMULATION_SEED}`, async () => {
    const history = await live(Number(SIMULATION_SEED), { traced: true });
    process.stdout.write(`${history.trace.join('\n')}\n`);
    if (history.broken !== null) throw new Error(await explain(history));
  });
} else {
  describe('the engine among faults', () => {
    it(
      `holds every guarantee in ${HISTORIES} histories`,
      async () => {
        const met = new Set<string>();
        for (let seed = FIRST; seed < FIRST + HISTORIES; seed += 1) {
          const history = await live(seed);
          if (history.broken !== null) throw new Error(await explain(history));
          for (const state of history.states) met.add(`${history.cloud} ${state}`);
        }
        // Histories that all fail, or all run, would show little.
        for (const cloud of ['aws', 'alibaba', 'huawei', 'outscale', 'tencent']) {
          for (const state of ['running', 'failed', 'deleted']) expect(met).toContain(`${cloud} ${state}`);
        }
      },
      1_000 * HISTORIES,
    );

    it('lives the same history again from the same seed, step by step', async () => {
      for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
        const first = await live(seed, { traced: true });
        const second = await live(seed, { traced: true });
        expect(first.trace.length).toBeGreaterThan(20);
        expect(fingerprintOf(second)).toBe(fingerprintOf(first));
      }
    });

    it('writing a history down does not change it', async () => {
      const quiet = await live(11);
      const told = await live(11, { traced: true });
      expect(told.struck).toEqual(quiet.struck);
      expect(told.states).toEqual(quiet.states);
    });
  });
}
