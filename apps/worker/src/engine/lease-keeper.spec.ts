import { beforeEach, describe, expect, it } from '@jest/globals';

import type { Lease } from '#database';

import { LeaseKeeper } from './lease-keeper.js';
import type { Store, Timers } from './reconcile-ports.js';

const LEASE_MS = 15_000;

describe('the keeper of a lease', () => {
  let now: number;
  let beat: () => Promise<void>;
  let beats: { readonly ms: number; stopped: boolean };
  let answer: () => Promise<Lease | null>;
  let renewals: number;
  let keeper: LeaseKeeper;

  beforeEach(() => {
    now = 1_000_000;
    renewals = 0;
    const lease = { deploymentId: 'dep_1', owner: 'me', fence: 7, until: now + LEASE_MS };
    answer = () => Promise.resolve({ ...lease, until: now + LEASE_MS });
    const store: Pick<Store, 'renew'> = {
      renew: () => {
        renewals += 1;
        return answer();
      },
    };
    const timers: Timers = {
      sleep: () => Promise.resolve(),
      every: (ms, run) => {
        beat = run;
        const started = { ms, stopped: false };
        beats = started;
        return () => (started.stopped = true);
      },
    };
    keeper = new LeaseKeeper(store, lease, LEASE_MS, { now: () => now }, timers);
  });

  it('renews three times in the life of a lease', async () => {
    expect(beats.ms).toBe(LEASE_MS / 3);
    for (let times = 0; times < 10; times += 1) {
      now += LEASE_MS / 3;
      await beat();
    }
    expect(keeper.isLost()).toBe(false);
    expect(keeper.lease.until).toBe(now + LEASE_MS);
  });

  it('knows that it is lost when somebody else has it', async () => {
    answer = () => Promise.resolve(null);
    await beat();
    expect(keeper.isLost()).toBe(true);
    expect(await keeper.holdsFor(1)).toBe(false);
  });

  it('counts as lost what it could not renew in time, and not before', async () => {
    answer = () => Promise.reject(new Error('the database is away'));
    now += LEASE_MS - 1;
    await beat();
    expect(keeper.isLost()).toBe(false);
    now += 1;
    expect(keeper.isLost()).toBe(true);
    answer = () => Promise.resolve({ ...keeper.lease, until: now + LEASE_MS });
    await beat();
    expect(keeper.isLost()).toBe(true);
  });

  it('renews before a change that the lease would not outlast', async () => {
    now += 6_000;
    expect(await keeper.holdsFor(9_000)).toBe(true);
    expect(renewals).toBe(0);
    expect(await keeper.holdsFor(11_000)).toBe(true);
    expect(renewals).toBe(1);
    answer = () => Promise.reject(new Error('the database is away'));
    now += 6_000;
    expect(await keeper.holdsFor(11_000)).toBe(false);
    expect(keeper.isLost()).toBe(false);
  });

  it('stops with nothing on its way', async () => {
    const slow = Promise.withResolvers<Lease | null>();
    answer = () => slow.promise;
    const beating = beat();
    let isStopped = false;
    const stopping = keeper.stop().then(() => (isStopped = true));
    await Promise.resolve();
    expect([beats.stopped, isStopped]).toEqual([true, false]);
    slow.resolve(null);
    await Promise.all([beating, stopping]);
    expect(isStopped).toBe(true);
  });
});
