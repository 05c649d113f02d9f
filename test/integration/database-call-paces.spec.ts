import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import pg from 'pg';

import { openDatabase, platformAccounts, type CallPaceStore, type Database, type PaceKey } from '#database';
import { CREDIBLE_AHEAD_MS, reserve, slowed, UNUSED_PACE, type Pace } from '#domain';

import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

const NOW = 1_700_000_000_000;

describe('the pace that workers share', () => {
  let place: TestDatabase;
  let databases: Database[];
  let stores: CallPaceStore[];
  let accountId: string;
  let keys = 0;

  beforeAll(async () => {
    place = await createTestDatabase();
    databases = await Promise.all(
      [1, 2].map(() => openDatabase({ url: place.url, poolSize: 4, applicationName: 'spec' })),
    );
    stores = databases.map(({ callPaces }) => callPaces);
    const account = await databases[0]!.asOperator((scope) =>
      platformAccounts.create(scope, {
        cloud: 'aws',
        accountId: '111122223333',
        displayName: '',
        credentialsKind: 'static',
        credentials: Buffer.from('none'),
        endpoints: {},
      }),
    );
    accountId = account.id;
  });
  afterAll(async () => {
    await Promise.all(databases.map((database) => database.close()));
    await place.drop();
  });

  const newKey = (): PaceKey => ({ platformAccountId: accountId, countedAs: `read ${(keys += 1)}` });

  it('is reserved by the rule of the domain, to the last bit', async () => {
    const wanted = fc.record({
      from: fc.oneof(
        fc.integer({ min: NOW, max: NOW + 3_000 }),
        fc.integer({ min: NOW - CREDIBLE_AHEAD_MS * 2, max: NOW + CREDIBLE_AHEAD_MS * 2 }),
      ),
      count: fc.integer({ min: 1, max: 50 }),
      intervalMs: fc.double({ min: 0.001, max: 5_000, noNaN: true }),
      slackMs: fc.double({ min: 0, max: 10_000, noNaN: true }),
      aheadMs: fc.constantFrom(0, 2_000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(wanted, { minLength: 1, maxLength: 12 }), async (all) => {
        const key = newKey();
        let { nextAt } = UNUSED_PACE;
        for (const [nth, reservation] of all.entries()) {
          const ours = reserve(nextAt, reservation);
          const { firstAt, pace } = await stores[nth % 2]!.reserve(key, reservation, 0);
          expect({ firstAt, nextAt: pace.nextAt }).toEqual(ours);
          ({ nextAt } = ours);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('is reserved by the same rule when many are asked for together', async () => {
    const wanted = fc.record({
      from: fc.integer({ min: NOW, max: NOW + 10_000 }),
      count: fc.integer({ min: 1, max: 50 }),
      intervalMs: fc.double({ min: 0.001, max: 5_000, noNaN: true }),
      slackMs: fc.double({ min: 0, max: 10_000, noNaN: true }),
      aheadMs: fc.constantFrom(0, 2_000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(wanted, wanted), { minLength: 2, maxLength: 12 }), async (all) => {
        const asked = all.map((pair) => ({ key: newKey(), pair }));
        const before = await Promise.all(asked.map(({ key, pair }) => stores[0]!.reserve(key, pair[0], 0)));
        const after = await Promise.all(asked.map(({ key, pair }) => stores[0]!.reserve(key, pair[1], 0)));
        asked.forEach(({ pair }, nth) => {
          const ours = reserve(before[nth]!.pace.nextAt, pair[1]);
          expect({ firstAt: after[nth]!.firstAt, nextAt: after[nth]!.pace.nextAt }).toEqual(ours);
        });
      }),
      { numRuns: 20 },
    );
  });

  it('gives no time to two, however many ask at once', async () => {
    const key = newKey();
    const reservation = { from: NOW, count: 3, intervalMs: 10, slackMs: 0, aheadMs: 60_000 };
    const given = await Promise.all(
      Array.from({ length: 60 }, (_, nth) => stores[nth % 2]!.reserve(key, reservation, 0)),
    );
    const times = given.map(({ firstAt }) => firstAt).sort((a, b) => a! - b!);
    expect(times).toEqual(times.map((_, nth) => NOW + nth * 30));
  });

  it('is slowed down for everybody, once for what several saw', async () => {
    const key = newKey();
    const reservation = { from: NOW, count: 1, intervalMs: 10, slackMs: 0, aheadMs: 60_000 };
    const { pace } = await stores[0]!.reserve(key, reservation, 0);
    const half = slowed(pace, NOW, NOW)!;
    const late = slowed(pace, NOW, NOW + 7)!;
    expect(await stores[0]!.slow(key, pace, half)).toEqual(half);
    expect(await stores[1]!.slow(key, pace, late)).toEqual(half);
    const unaware = await stores[1]!.reserve(key, reservation, pace.slowedAt);
    expect(unaware).toEqual({ firstAt: null, pace: half });
    const aware = await stores[1]!.reserve(key, reservation, half.slowedAt);
    expect(aware.firstAt).toBe(half.nextAt);
  });

  it('can be slow before anything was reserved', async () => {
    const key = newKey();
    const half = slowed(UNUSED_PACE, NOW, NOW)!;
    expect(await stores[0]!.slow(key, UNUSED_PACE, half)).toEqual(half);
  });

  it('is written without a flush of the log', async () => {
    const client = new pg.Client({ connectionString: place.url });
    await client.connect();
    const { rows } = await client.query("SELECT relpersistence FROM pg_class WHERE relname = 'call_paces'");
    await client.end();
    expect(rows).toEqual([{ relpersistence: 'u' }]);
  });

  it('goes with its account', async () => {
    const key = newKey();
    const pace: Pace = { nextAt: NOW, factor: 0.5, slowedAt: NOW };
    await stores[0]!.slow(key, UNUSED_PACE, pace);
    const client = new pg.Client({ connectionString: place.url });
    await client.connect();
    await client.query('DELETE FROM platform_accounts WHERE id = $1', [accountId]);
    const { rowCount } = await client.query('SELECT FROM call_paces');
    await client.end();
    expect(rowCount).toBe(0);
  });
});
