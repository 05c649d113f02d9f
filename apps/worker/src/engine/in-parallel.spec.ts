import { describe, expect, it } from '@jest/globals';

import { bothOf, inParallel } from './in-parallel.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('working in parallel', () => {
  it('answers in order, with at most so many at a time', async () => {
    let atWork = 0;
    let most = 0;
    const results = await inParallel([5, 1, 4, 2, 3], 2, async (item) => {
      atWork += 1;
      most = Math.max(most, atWork);
      for (let turns = 0; turns < item; turns += 1) await turn();
      atWork -= 1;
      return item * 10;
    });
    expect(results).toEqual([50, 10, 40, 20, 30]);
    expect(most).toBe(2);
  });

  it('begins nothing after a failure, and waits for what is under way', async () => {
    const ended: number[] = [];
    const work = inParallel([1, 2, 3, 4], 2, async (item) => {
      if (item === 1) throw new Error('the first');
      await turn();
      ended.push(item);
    });
    await expect(work).rejects.toThrow('the first');
    expect(ended).toEqual([2]);
  });

  it('does nothing with nothing', async () => {
    expect(await inParallel([], 3, () => Promise.reject(new Error('never')))).toEqual([]);
  });

  it('waits for both even when one fails', async () => {
    let isOver = false;
    const slow = turn().then(() => (isOver = true));
    await expect(bothOf(Promise.reject(new Error('at once')), slow)).rejects.toThrow('at once');
    expect(isOver).toBe(true);
    expect(await bothOf(Promise.resolve(1), Promise.resolve('two'))).toEqual([1, 'two']);
  });
});
