/** The simulation finds what is planted: each defect shows in some history, and in none without it. */
import { describe, expect, it } from '@jest/globals';

import { live } from './history.js';
import { PLANTED, type Planted } from './planted-defects.js';
import { fewestFaults } from './shrink.js';

/** A defect that hides in more histories than this has no guarantee, or no fault, that would show it. */
const HISTORIES = 3_000;

/** The number of the first history that breaks because of the defect; null: none does. */
async function firstBroken(planted: Planted): Promise<number | null> {
  for (let seed = 1; seed <= HISTORIES; seed += 1) {
    const { broken } = await live(seed, planted);
    if (broken !== null && (await live(seed, { ...planted, defect: {} })).broken === null) return seed;
  }
  return null;
}

describe('a planted defect that', () => {
  it.each(PLANTED)(
    '$name is found',
    async (planted) => {
      const seed = await firstBroken(planted);
      if (process.env['SIMULATION_DEFECTS'] !== undefined && seed !== null) {
        const { broken } = await live(seed, planted);
        process.stdout.write(`${planted.name}: history ${seed}, ${broken?.message ?? ''}\n`);
      }
      expect(seed).not.toBeNull();
    },
    120_000,
  );

  it('is found can be told with fewer faults than it was found with', async () => {
    const [planted] = PLANTED.filter(({ name }) => name.startsWith('believes the first look'));
    const seed = planted === undefined ? null : await firstBroken(planted);
    if (planted === undefined || seed === null) throw new Error('the defect was not found');
    const found = await live(seed, planted);
    const fewest = await fewestFaults(seed, planted);
    expect(fewest.broken?.guarantee).toBe(found.broken?.guarantee);
    expect(fewest.struck.length).toBeLessThanOrEqual(found.struck.length);
    // Without any fault that remains, nothing would break: each of them is part of the story.
    for (const { number } of fewest.struck)
      expect(found.struck.map((strike) => strike.number)).toContain(number);
  });
});
