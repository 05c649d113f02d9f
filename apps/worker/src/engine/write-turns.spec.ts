import { beforeEach, describe, expect, it } from '@jest/globals';

import type { WriteTurn } from '#database';

import type { Timers } from './reconcile-ports.js';
import { WriteTurns, type WriteTurnStorage } from './write-turns.js';

const LEASE_MS = 15_000;
const KEY = 'account acct_1';
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('turns at changes', () => {
  let now: number;
  /** Sleepers, woken by the test. */
  let asleep: { readonly ms: number; readonly wake: () => void }[];
  /** The row, for all processes. */
  let row: WriteTurn | null;
  let deeds: string[];

  const storage: WriteTurnStorage = {
    take: (key, holder, at, ms) => {
      if (row !== null && row.until > at) return Promise.resolve(null);
      row = { key, holder, fence: (row?.fence ?? 0) + 1, until: at + ms };
      return Promise.resolve(row);
    },
    prolong: (turn, at, ms) => {
      if (row?.fence !== turn.fence) return Promise.resolve(null);
      row = { ...row, until: at + ms };
      return Promise.resolve(row);
    },
    end: (turn) => {
      if (row?.fence === turn.fence) row = { ...row, until: 0 };
      return Promise.resolve();
    },
  };
  const timers: Timers = {
    sleep: (ms) => new Promise((wake) => asleep.push({ ms, wake })),
    every: () => () => undefined,
  };
  const process = (owner: string): WriteTurns =>
    new WriteTurns({
      turns: storage,
      clock: { now: () => now },
      timers,
      random: () => 0,
      owner,
      leaseMs: LEASE_MS,
    });

  /** A change that lasts until the test ends it. */
  const change = (turns: WriteTurns, name: string) => {
    const under = Promise.withResolvers<null>();
    const done = turns.inTurn(KEY, async () => {
      deeds.push(`${name} begins`);
      await under.promise;
      deeds.push(`${name} ends`);
      return true;
    });
    return { done, end: () => under.resolve(null), fail: (error: Error) => under.reject(error) };
  };
  const wakeAll = async (): Promise<void> => {
    for (const { wake } of asleep.splice(0)) wake();
    await settle();
  };

  beforeEach(() => {
    now = 1_000_000;
    asleep = [];
    row = null;
    deeds = [];
  });

  it('come in the order of asking within a process, one at a time', async () => {
    const turns = process('one');
    const [first, second, third] = [change(turns, 'first'), change(turns, 'second'), change(turns, 'third')];
    await settle();
    expect(deeds).toEqual(['first begins']);
    first.end();
    second.end();
    third.end();
    expect(await Promise.all([first.done, second.done, third.done])).toEqual([true, true, true]);
    expect(deeds).toEqual(['first', 'second', 'third'].flatMap((name) => [`${name} begins`, `${name} ends`]));
  });

  it('are not waited for any longer than two seconds, and those behind do not lose theirs by it', async () => {
    const turns = process('one');
    const first = change(turns, 'first');
    const second = change(turns, 'second');
    await settle();
    expect(asleep.map(({ ms }) => ms)).toEqual([2_000]);
    await wakeAll();
    expect(await second.done).toBe(false);
    const third = change(turns, 'third');
    await settle();
    first.end();
    third.end();
    expect(await third.done).toBe(true);
    expect(deeds).toEqual(['first begins', 'first ends', 'third begins', 'third ends']);
  });

  it('that another process has are asked for again and again, for as long', async () => {
    const held = change(process('one'), 'held');
    await settle();
    const waiting = change(process('two'), 'waiting');
    let slept = 0;
    await settle();
    while (asleep.length > 0) {
      slept += asleep[0]!.ms;
      await wakeAll();
    }
    expect(await waiting.done).toBe(false);
    expect(slept).toBeGreaterThanOrEqual(2_000);
    expect(slept).toBeLessThan(2_100);
    held.end();
    await held.done;
    const later = change(process('two'), 'later');
    later.end();
    expect(await later.done).toBe(true);
  });

  it('of a process that was killed come to others when their time is over', async () => {
    void change(process('killed'), 'killed').done;
    await settle();
    now += LEASE_MS;
    const next = change(process('two'), 'next');
    next.end();
    expect(await next.done).toBe(true);
  });

  it('end with work that fails', async () => {
    const turns = process('one');
    const failing = change(turns, 'failing');
    await settle();
    failing.fail(new Error('no'));
    await expect(failing.done).rejects.toThrow('no');
    const next = change(process('two'), 'next');
    next.end();
    expect(await next.done).toBe(true);
  });

  it('know when they would not outlast a change', async () => {
    const turns = process('one');
    const lasted = await turns.inTurn(KEY, async (lasts) => {
      now += LEASE_MS - 1;
      expect(await lasts(5_000)).toBe(true);
      row = { key: KEY, holder: 'another', fence: 99, until: now + LEASE_MS };
      now += LEASE_MS - 1;
      return lasts(5_000);
    });
    expect(lasted).toBe(false);
  });
});
