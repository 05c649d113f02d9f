import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import {
  circuits,
  peerings,
  platformAccounts,
  type CircuitKey,
  type CircuitStore,
  type Database,
  type PlatformAccountRecord,
  type WriteTurnStore,
} from '#database';
import { beginTrial, CIRCUIT_SETTINGS, recordResult, type Circuit, type CircuitResult } from '#domain';

import {
  openSeededDatabase,
  seedPeering,
  seedTenancy,
  type SeededDatabase,
  type Tenancy,
} from '../support/seeded-database.js';

const T0 = Date.UTC(2026, 10, 20, 12);
const FAILURE = { code: 'Timeout', message: 'no answer: within 10000 ms' };

let place: SeededDatabase;
let database: Database;
let store: CircuitStore;
let tenancy: Tenancy;
let key: CircuitKey;

beforeAll(async () => {
  place = await openSeededDatabase();
  database = place.database;
  store = database.circuits;
});
afterAll(() => place.close());
beforeEach(async () => {
  tenancy = await seedTenancy(database);
  key = { platformAccountId: tenancy.account.id, kind: 'outage', region: 'us-east-1' };
});

const account = async (): Promise<PlatformAccountRecord> => {
  const found = await database.asOperator((scope) => platformAccounts.get(scope, tenancy.account.id));
  return found!;
};

/** What a caller that was let through in the circuit's present period tells of its call. */
const tells =
  (kind: CircuitKey['kind'], result: CircuitResult, now: number) =>
  (circuit: Circuit): Circuit =>
    recordResult(circuit, circuit, result, CIRCUIT_SETTINGS[kind], now, 0);

const asTrial =
  (kind: CircuitKey['kind'], now: number) =>
  (circuit: Circuit): Circuit | null =>
    beginTrial(circuit, CIRCUIT_SETTINGS[kind], now);

/** Opens the circuit. */
async function open(at: CircuitKey): Promise<Circuit> {
  const { failuresToOpen } = CIRCUIT_SETTINGS[at.kind];
  let after: Circuit | undefined;
  for (let failures = 0; failures < failuresToOpen; failures += 1) {
    after = (await store.change(at, tenancy.account, tells(at.kind, FAILURE, T0), T0))?.after;
  }
  expect(after).toMatchObject({ state: 'open', since: T0, openings: 1, cause: FAILURE });
  return after!;
}

describe('a circuit in the database', () => {
  test('counts every failure, however many workers tell of one at the same moment', async () => {
    const { failuresToOpen } = CIRCUIT_SETTINGS.outage;
    const changes = await Promise.all(
      Array.from({ length: failuresToOpen + 3 }, () =>
        store.change(key, tenancy.account, tells('outage', FAILURE, T0), T0),
      ),
    );
    const states = changes.map((change) => change?.after.state);
    expect(states.filter((state) => state === 'closed')).toHaveLength(failuresToOpen - 1);
    expect(
      changes.filter((change) => change?.before.state === 'closed' && change.after.state === 'open'),
    ).toHaveLength(1);
  });

  test('gives its trial to one worker', async () => {
    const { nextAttemptAt } = await open(key);
    const trials = await Promise.all(
      Array.from({ length: 6 }, () =>
        store.change(key, tenancy.account, asTrial('outage', nextAttemptAt!), nextAttemptAt!),
      ),
    );
    const taken = trials.filter((trial) => trial !== null && trial.after !== trial.before);
    expect(taken).toMatchObject([{ before: { state: 'open' }, after: { state: 'half_open' } }]);
  });

  test('is read with the network that it concerns, and with no other', async () => {
    await open(key);
    await open({ ...key, region: 'eu-west-1' });
    const lease = await database.reconcile.leaseDeployment(tenancy.deployment.id, 'one', T0, 15_000);
    const snapshot = await database.reconcile.loadNetwork(lease!);
    expect(snapshot?.circuits).toEqual({
      outage: {
        state: 'open',
        since: T0,
        failures: 5,
        openings: 1,
        cause: FAILURE,
        nextAttemptAt: T0 + 5_000,
      },
      credentials: { state: 'closed', since: 0, failures: 0, openings: 0, cause: null, nextAttemptAt: null },
    });
    const listed = await database.asOperator((scope) => circuits.list(scope, [tenancy.account.id]));
    expect(listed.map(({ region, kind, circuit }) => [kind, region, circuit.state])).toEqual([
      ['outage', 'eu-west-1', 'open'],
      ['outage', 'us-east-1', 'open'],
    ]);
    expect(await store.count()).toContainEqual({
      cloud: 'aws',
      kind: 'outage',
      state: 'open',
      count: expect.any(Number),
    });
  });

  test('brings forward what waited when it closes, all connections of a deployment together', async () => {
    const waiting = [
      await seedPeering(database, tenancy.deployment, 1, ['172.16.0.0/16']),
      await seedPeering(database, tenancy.deployment, 2, ['172.17.0.0/16']),
    ];
    const elsewhere = await seedTenancy(database);
    const untouched = await seedPeering(database, elsewhere.deployment, 3, ['172.16.0.0/16']);
    const { nextAttemptAt: at } = await open(key);
    await database.single({ name: 'spec.put_off', text: 'UPDATE peering_connections SET due_at = $1' }, [
      new Date(at! + 60_000),
    ]);
    await store.change(key, tenancy.account, asTrial('outage', at!), at!);
    await store.change(key, tenancy.account, tells('outage', 'answered', at!), at!);
    const dueAt = await database.asOperator((scope) =>
      Promise.all([...waiting, untouched].map(async ({ id }) => (await peerings.get(scope, id))?.dueAt)),
    );
    expect(dueAt[0]).toBeGreaterThanOrEqual(at!);
    expect(dueAt[0]).toBeLessThanOrEqual(at! + 1_000);
    expect(dueAt[1]).toBe(dueAt[0]);
    expect(dueAt[2]).toBe(at! + 60_000);
    const read = await database.asOperator((scope) => peerings.get(scope, waiting[0]!.id));
    expect(read).toMatchObject({ version: 1 });
  });

  test('of credentials marks the account, and an operator who changes it closes the circuit', async () => {
    const credentials = { ...key, kind: 'credentials', region: '' } as const;
    await open(credentials);
    const refused = await account();
    expect(refused).toMatchObject({
      status: 'refused',
      statusDetail: 'Timeout: no answer: within 10000 ms',
      statusAt: T0,
    });
    const trialAt = T0 + 60_000;
    await store.change(credentials, refused, asTrial('credentials', trialAt), trialAt);
    expect(await account()).toMatchObject({ status: 'refused', statusAt: T0 });
    await store.change(credentials, refused, tells('credentials', FAILURE, trialAt), trialAt);
    expect(await account()).toMatchObject({ status: 'refused', statusAt: T0 });

    await database.asOperator((scope) =>
      platformAccounts.update(scope, refused.id, {
        credentials: { envelope: Buffer.from('new'), kind: 'static' },
      }),
    );
    expect(await account()).toMatchObject({ status: 'active', statusDetail: '' });
    expect(await database.asOperator((scope) => circuits.list(scope, [refused.id]))).toEqual([]);
    expect(
      await store.change(credentials, refused, tells('credentials', FAILURE, trialAt), trialAt),
    ).toBeNull();
    expect(await account()).toMatchObject({ status: 'active' });

    const renewed = await account();
    await store.change(credentials, renewed, tells('credentials', FAILURE, trialAt), trialAt);
    await store.change(credentials, renewed, asTrial('credentials', trialAt + 60_000), trialAt + 60_000);
    await store.change(
      credentials,
      renewed,
      tells('credentials', 'answered', trialAt + 60_000),
      trialAt + 60_000,
    );
    expect(await account()).toMatchObject({ status: 'active', statusDetail: '', statusAt: trialAt + 60_000 });
  });
});

describe('a turn to write', () => {
  const LEASE_MS = 1_000;
  let turns: WriteTurnStore;
  let name: string;

  beforeEach(() => {
    turns = database.writeTurns;
    name = `account ${tenancy.account.id}`;
  });

  test('is had by one at a time, and again once it was given back', async () => {
    const asked = await Promise.all(['a', 'b', 'c', 'd'].map((who) => turns.take(name, who, T0, LEASE_MS)));
    const [turn, ...others] = asked.filter((taken) => taken !== null);
    expect(others).toEqual([]);
    expect(await turns.take(name, turn!.holder, T0, LEASE_MS)).toBeNull();
    await turns.end(turn!);
    expect(await turns.take(name, 'e', T0, LEASE_MS)).toEqual({
      key: name,
      holder: 'e',
      fence: 2,
      until: T0 + LEASE_MS,
    });
  });

  test('ends by itself when its holder has died, and is then no longer theirs', async () => {
    const dead = await turns.take(name, 'dead', T0, LEASE_MS);
    expect(await turns.take(name, 'next', T0 + LEASE_MS - 1, LEASE_MS)).toBeNull();
    const next = await turns.take(name, 'next', T0 + LEASE_MS, LEASE_MS);
    expect(next).toMatchObject({ holder: 'next', fence: 2 });
    expect(await turns.prolong(dead!, T0 + LEASE_MS, LEASE_MS)).toBeNull();
    await turns.end(dead!);
    expect(await turns.take(name, 'third', T0 + LEASE_MS, LEASE_MS)).toBeNull();
    expect(await turns.prolong(next!, T0 + LEASE_MS + 500, LEASE_MS)).toMatchObject({
      until: T0 + 2 * LEASE_MS + 500,
    });
  });
});
