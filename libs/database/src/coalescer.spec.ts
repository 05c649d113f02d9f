import { describe, expect, it } from '@jest/globals';

import { Coalescer, Later, type CoalescerOptions } from './coalescer.js';

/** Answers that come when the test says so. */
class Gatherings {
  readonly asked: number[][] = [];
  readonly #open: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];

  readonly together = async (items: readonly number[]): Promise<string[]> => {
    this.asked.push([...items]);
    await new Promise<void>((resolve, reject) => this.#open.push({ resolve, reject }));
    return items.map((item) => `answer ${item}`);
  };

  async answerNext(): Promise<void> {
    this.#open.shift()?.resolve();
    await settle();
  }

  async failNext(error: Error): Promise<void> {
    this.#open.shift()?.reject(error);
    await settle();
  }
}

/** Until everything that can happen has happened. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

function stage(options: Partial<CoalescerOptions<number, string>> = {}) {
  const gatherings = new Gatherings();
  const coalescer = new Coalescer({ together: gatherings.together, most: 3, atOnce: 1, ...options });
  return { gatherings, coalescer };
}

describe('a coalescer', () => {
  it('asks together what is asked in one turn of the event loop, and answers each with its own', async () => {
    const { gatherings, coalescer } = stage();
    const answers = Promise.all([coalescer.ask(1), coalescer.ask(2)]);
    await settle();
    await gatherings.answerNext();
    expect(await answers).toEqual(['answer 1', 'answer 2']);
    expect(gatherings.asked).toEqual([[1, 2]]);
  });

  it('gathers what comes while it waits, no more than may go together', async () => {
    const { gatherings, coalescer } = stage();
    const first = coalescer.ask(0);
    await settle();
    const rest = [1, 2, 3, 4].map((item) => coalescer.ask(item));
    await settle();
    expect(gatherings.asked).toEqual([[0]]);
    for (let nth = 0; nth < 3; nth += 1) await gatherings.answerNext();
    expect(gatherings.asked).toEqual([[0], [1, 2, 3], [4]]);
    expect(await Promise.all([first, ...rest])).toEqual([0, 1, 2, 3, 4].map((item) => `answer ${item}`));
  });

  it('has as many under way as it may', async () => {
    const { gatherings, coalescer } = stage({ atOnce: 2 });
    const answers = [1, 2, 3, 4, 5, 6, 7].map((item) => coalescer.ask(item));
    await settle();
    expect(gatherings.asked).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    for (let nth = 0; nth < 3; nth += 1) await gatherings.answerNext();
    expect(await Promise.all(answers)).toHaveLength(7);
  });

  it('asks about each alone when all have failed, so that the failure of one is its own', async () => {
    const alone = (item: number): Promise<string> =>
      item === 2 ? Promise.reject(new Error('this one')) : Promise.resolve(`alone ${item}`);
    const { gatherings, coalescer } = stage({ alone });
    const answers = Promise.allSettled([1, 2, 3].map((item) => coalescer.ask(item)));
    await settle();
    await gatherings.failNext(new Error('one of them'));
    expect(await answers).toEqual([
      { status: 'fulfilled', value: 'alone 1' },
      { status: 'rejected', reason: new Error('this one') },
      { status: 'fulfilled', value: 'alone 3' },
    ]);
  });

  it('asks about nobody alone when the failure is everybody’s, and goes on with the next', async () => {
    const alone = (): Promise<string> => Promise.reject(new Error('never asked'));
    const { gatherings, coalescer } = stage({ alone, failsAll: () => true });
    const failing = Promise.allSettled([1, 2].map((item) => coalescer.ask(item)));
    await settle();
    const later = coalescer.ask(3);
    const outage = new Error('away');
    await gatherings.failNext(outage);
    const rejected = { status: 'rejected', reason: outage };
    expect(await failing).toEqual([rejected, rejected]);
    await gatherings.answerNext();
    expect(await later).toBe('answer 3');
  });

  it('asks alone beside the gatherings, a few at a time, and keeps nobody else waiting for that', async () => {
    const open: (() => void)[] = [];
    const find = (item: number) => async (): Promise<string> => {
      await new Promise<void>((resolve) => open.push(resolve));
      return `late ${item}`;
    };
    const together = (items: readonly number[]) =>
      Promise.resolve(items.map((item) => (item < 4 ? new Later(find(item)) : `answer ${item}`)));
    const { coalescer } = stage({ together, most: 9, aloneAtOnce: 2 });
    const late = [1, 2, 3].map((item) => coalescer.ask(item));
    expect(await coalescer.ask(4)).toBe('answer 4');
    expect(await coalescer.ask(5)).toBe('answer 5');
    expect(open).toHaveLength(2);
    open[1]?.();
    expect(await late[1]).toBe('late 2');
    await settle();
    expect(open).toHaveLength(3);
    for (const letGo of open) letGo();
    expect(await Promise.all(late)).toEqual(['late 1', 'late 2', 'late 3']);
  });

  it('goes on with the next while one is asked about alone', async () => {
    const alone = (item: number): Promise<string> =>
      item === 1 ? new Promise(() => undefined) : Promise.resolve(`alone ${item}`);
    const { gatherings, coalescer } = stage({ alone });
    void coalescer.ask(1);
    const mate = coalescer.ask(2);
    await settle();
    await gatherings.failNext(new Error('one of them'));
    expect(await mate).toBe('alone 2');
    const later = coalescer.ask(3);
    await settle();
    await gatherings.answerNext();
    expect(await later).toBe('answer 3');
  });

  it('takes an answer that is missing for a failure', async () => {
    const { coalescer } = stage({ together: () => Promise.resolve([]) });
    await expect(coalescer.ask(1)).rejects.toThrow('not as many answers');
  });
});
