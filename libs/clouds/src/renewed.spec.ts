import { describe, expect, it } from '@jest/globals';
import { Renewed, type Expiring } from './renewed.js';

const HOUR_MS = 3_600_000;

/** Gives out numbers, one after another; each is good for the time that is next in the list, then for ever. */
function counter(...lifetimes: (number | Error)[]) {
  const given: number[] = [];
  const renewed = new Renewed<number>((): Promise<Expiring<number>> => {
    const lifetime = lifetimes.shift() ?? Infinity;
    given.push(given.length + 1);
    return lifetime instanceof Error
      ? Promise.reject(lifetime)
      : Promise.resolve({ value: given.length, renewAt: Date.now() + lifetime });
  });
  return { renewed, given };
}

describe('Something that expires', () => {
  it('is got once, however many ask for it at once or later', async () => {
    const { renewed, given } = counter(HOUR_MS);
    expect(await Promise.all([renewed.get(), renewed.get(), renewed.get()])).toEqual([1, 1, 1]);
    expect(await renewed.get()).toBe(1);
    expect(given).toHaveLength(1);
  });

  it('is got anew, once, when its time is over', async () => {
    const { renewed } = counter(-1, HOUR_MS);
    expect(await Promise.all([renewed.get(), renewed.get()])).toEqual([2, 2]);
    expect(await renewed.get()).toBe(2);
  });

  it('that could not be had is tried for again', async () => {
    const { renewed } = counter(new Error('not now'), HOUR_MS);
    await expect(Promise.all([renewed.get(), renewed.get()])).rejects.toThrow('not now');
    expect(await renewed.get()).toBe(2);
  });
});
