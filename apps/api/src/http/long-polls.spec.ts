import { describe, expect, test } from '@jest/globals';

import { LongPolls } from './long-polls.js';

/** Announcements by hand. */
class Announcer {
  private listener: ((id: string | null) => void) | null = null;
  readonly subscribe = (listener: (id: string | null) => void) => {
    this.listener = listener;
    return () => {
      this.listener = null;
    };
  };
  tell(id: string | null): void {
    this.listener?.(id);
  }
  get subscribed(): boolean {
    return this.listener !== null;
  }
}

function world() {
  const announcer = new Announcer();
  const polls = new LongPolls(announcer.subscribe);
  let state = 'verifying';
  let reads = 0;
  const read = (): Promise<string> => {
    reads += 1;
    return Promise.resolve(state);
  };
  const caller = new AbortController();
  const until = (wanted: string, ms = 10_000, id = 'peer_1') =>
    polls.until(id, ms, caller.signal, read, (reading) => reading === wanted);
  return { announcer, polls, caller, until, reads: () => reads, become: (next: string) => (state = next) };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a long poll', () => {
  test('reads once when there is nothing to wait for', async () => {
    const { until, reads, polls } = world();
    await expect(until('verifying')).resolves.toBe('verifying');
    expect(reads()).toBe(1);
    expect(polls.count).toBe(0);
  });

  test('reads again when its connection is announced, and only then', async () => {
    const { until, announcer, become, reads } = world();
    const answer = until('running');
    await turn();
    announcer.tell('peer_2');
    await turn();
    expect(reads()).toBe(1);
    become('running');
    announcer.tell('peer_1');
    await expect(answer).resolves.toBe('running');
    expect(reads()).toBe(2);
  });

  test('misses no change that comes while it reads', async () => {
    const announcer = new Announcer();
    const polls = new LongPolls(announcer.subscribe);
    const states = ['verifying', 'running'];
    const read = (): Promise<string> => {
      const state = states.shift() ?? 'running';
      // Announced after this reading was taken and before it has arrived.
      announcer.tell('peer_1');
      return Promise.resolve(state);
    };
    const { signal } = new AbortController();
    await expect(polls.until('peer_1', 10_000, signal, read, (state) => state === 'running')).resolves.toBe(
      'running',
    );
  });

  test('reads again when announcements may have been lost', async () => {
    const { until, announcer, become } = world();
    const answer = until('running');
    await turn();
    become('running');
    announcer.tell(null);
    await expect(answer).resolves.toBe('running');
  });

  test('ends with the last reading when its time is over, the caller is gone, or the API ends', async () => {
    const late = world();
    await expect(late.until('running', 20)).resolves.toBe('verifying');
    const gone = world();
    const left = gone.until('running');
    await turn();
    gone.caller.abort();
    await expect(left).resolves.toBe('verifying');
    const ending = world();
    const last = ending.until('running');
    await turn();
    ending.polls.close();
    await expect(last).resolves.toBe('verifying');
    expect(ending.announcer.subscribed).toBe(false);
    await expect(ending.until('running')).resolves.toBe('verifying');
  });

  test('leaves nothing behind when reading fails', async () => {
    const announcer = new Announcer();
    const polls = new LongPolls(announcer.subscribe);
    const { signal } = new AbortController();
    const failing = polls.until(
      'peer_1',
      1_000,
      signal,
      () => Promise.reject(new Error('gone')),
      () => true,
    );
    await expect(failing).rejects.toThrow('gone');
    expect(polls.count).toBe(0);
  });
});
