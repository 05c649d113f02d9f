import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';

import {
  deployments,
  openDatabase,
  peeringEvents,
  peerings,
  type Database,
  type Lease,
  type PeeringRecord,
} from '#database';
import { closedCircuit } from '#domain';

import { createTestDatabase } from '../support/postgres.js';

import {
  openSeededDatabase,
  seedPeering,
  seedTenancy,
  type SeededDatabase,
  type Tenancy,
} from '../support/seeded-database.js';

const T0 = Date.UTC(2026, 10, 20, 12);
const LEASE_MS = 15_000;

let place: SeededDatabase;
let database: Database;

beforeAll(async () => {
  place = await openSeededDatabase();
  database = place.database;
});

afterAll(() => place.close());

/** A deployment with two connections, under a lease. */
interface Held {
  readonly tenancy: Tenancy;
  readonly lease: Lease;
  readonly one: PeeringRecord;
  readonly two: PeeringRecord;
}

const hold = async (): Promise<Held> => {
  const tenancy = await seedTenancy(database);
  const one = await seedPeering(database, tenancy.deployment, 1, ['192.168.0.0/24']);
  const two = await seedPeering(database, tenancy.deployment, 2, ['192.168.1.0/24']);
  const lease = await database.reconcile.leaseDeployment(tenancy.deployment.id, 'spec', T0, LEASE_MS);
  if (lease === null) throw new Error('Somebody else has the lease.');
  return { tenancy, lease, one, two };
};

const read = async (id: string): Promise<PeeringRecord | null> =>
  database.asOperator((scope) => peerings.get(scope, id));

const told = async (id: string): Promise<string[]> => {
  const { items } = await database.asOperator((scope) => peeringEvents.list(scope, id));
  return items.map(({ data: { nth } }) => (typeof nth === 'number' ? String(nth) : ''));
};

const move = (lease: Lease, connection: PeeringRecord, providerId = connection.status.providerId) => {
  const status = { ...connection.status, state: 'accepting', providerId } as const;
  const event = (nth: number) => ({ type: 'peering.state_changed', actor: 'worker', data: { nth } });
  const write = { status, dueAt: T0 + 7, observedAt: T0 + 5, events: [event(1), event(2)], now: T0 + 6 };
  return database.reconcile.saveStatus(lease, connection, write);
};

describe('writes of many deployments at the same time', () => {
  test('are all made, each with its events in order', async () => {
    const held = await Promise.all([hold(), hold(), hold()]);
    const saved = await Promise.all(
      held.flatMap(({ lease, one, two }) => [move(lease, one), move(lease, two)]),
    );
    for (const result of saved) {
      if (result.outcome !== 'saved') throw new Error(`One was ${result.outcome}.`);
      const { connection } = result;
      expect(connection).toMatchObject({ version: 2, dueAt: T0 + 7, lastObservedAt: T0 + 5 });
      expect(await read(connection.id)).toEqual(connection);
      expect(await told(connection.id)).toEqual(['', '1', '2']);
    }
    expect(new Set(saved.map((each) => each.outcome === 'saved' && each.connection.id)).size).toBe(6);
  });

  test('fail one by one: what one cannot have is no harm to the others', async () => {
    const [good, stale, fenced, conflicting] = [await hold(), await hold(), await hold(), await hold()];
    await database.asTenant(stale.tenancy.tenant.id, (scope) =>
      peerings.change(scope, stale.one, { displayName: 'written since' }, T0),
    );
    const { deployment } = fenced.tenancy;
    await database.reconcile.leaseDeployment(deployment.id, 'next', T0 + LEASE_MS, LEASE_MS);
    const results = await Promise.all([
      move(good.lease, good.one),
      move(stale.lease, stale.one),
      move(stale.lease, stale.two),
      move(fenced.lease, fenced.one),
      // Two connections of one network cannot carry the same id.
      move(conflicting.lease, conflicting.one, conflicting.two.status.providerId ?? 'pcx-2'),
      move(conflicting.lease, conflicting.two),
      move(good.lease, good.two),
    ]);
    expect(results.map(({ outcome }) => outcome)).toEqual([
      'saved',
      'stale',
      'saved',
      'fenced',
      'claim_conflict',
      'saved',
      'saved',
    ]);
    expect(await read(conflicting.one.id)).toEqual(conflicting.one);
    expect(await read(fenced.one.id)).toEqual(fenced.one);
    expect(await told(stale.one.id)).toEqual(['']);
    expect(await told(good.two.id)).toEqual(['', '1', '2']);
  });

  test('under a lost lease are refused beside those under the lease that followed', async () => {
    const { lease: lost, one, two } = await hold();
    const next = await database.reconcile.leaseDeployment(one.deploymentId, 'next', T0 + LEASE_MS, LEASE_MS);
    if (next === null) throw new Error('The lease has not run out.');
    const results = await Promise.all([move(lost, one), move(next, two)]);
    expect(results.map(({ outcome }) => outcome)).toEqual(['fenced', 'saved']);
    const touches = [one, two].map((connection) => [{ connection, dueAt: T0, observedAt: T0 }]);
    const [late, current] = await Promise.all([
      database.reconcile.touch(lost, touches[1] ?? []),
      database.reconcile.touch(next, touches[0] ?? []),
    ]);
    expect([late, current]).toEqual([null, new Set([one.id])]);
    expect(await database.reconcile.loadNetwork(lost)).toBeNull();
  });

  test('move a due time on that was written with more than milliseconds', async () => {
    const { lease, one } = await hold();
    await database.single(
      { name: 'spec.now', text: 'UPDATE peering_connections SET due_at = $2 WHERE id = $1' },
      [one.id, '2026-11-20 12:00:00.123456+00'],
    );
    const connection = await read(one.id);
    if (connection === null) throw new Error('It is gone.');
    await database.reconcile.touch(lease, [{ connection, dueAt: T0 + 60_000, observedAt: T0 }]);
    expect(await read(one.id)).toMatchObject({ dueAt: T0 + 60_000, lastObservedAt: T0 });
  });

  test('are read together as each one’s own', async () => {
    const held = await Promise.all([hold(), hold(), hold()]);
    const snapshots = await Promise.all(held.map(({ lease }) => database.reconcile.loadNetwork(lease)));
    held.forEach(({ tenancy, one, two }, nth) => {
      const snapshot = snapshots[nth];
      expect(snapshot).toMatchObject({
        tenantId: tenancy.tenant.id,
        network: tenancy.deployment.network,
        account: { id: tenancy.account.id },
        connections: [one, two],
      });
      expect(snapshot?.planFor(one.id)).toMatchObject({
        deploymentCidrs: ['10.11.0.0/16'],
        peers: [{ connectionId: two.id, cidrs: ['192.168.1.0/24'] }],
      });
    });
    const ids = held.map(({ tenancy }) => tenancy.deployment.id);
    const due = await Promise.all(ids.map((id) => database.reconcile.nextDue(id)));
    const earliest = held.map(({ tenancy, one }) => Math.min(one.dueAt ?? 0, tenancy.deployment.createdAt));
    due.forEach((at, nth) => expect(at).toBeLessThanOrEqual(earliest[nth] ?? 0));
    await Promise.all(held.map(({ lease }) => database.reconcile.release(lease)));
    const again = await Promise.all(
      ids.map((id) => database.reconcile.leaseDeployment(id, 'again', T0, LEASE_MS)),
    );
    expect(again.map((lease) => lease?.fence)).toEqual([2, 2, 2]);
  });
});

/** Somebody who holds rows locked and does nothing: an API process that stopped inside a transaction. */
class Stuck {
  #isStuck = true;

  private constructor(private readonly client: pg.Client) {}

  static async at(text: string, values: readonly unknown[] = []): Promise<Stuck> {
    const client = new pg.Client({ connectionString: place.url });
    await client.connect();
    await client.query('BEGIN');
    await client.query(text, [...values]);
    return new Stuck(client);
  }

  static onDeployment(id: string): Promise<Stuck> {
    return Stuck.at('SELECT FROM deployments WHERE id = $1 FOR UPDATE', [id]);
  }

  static onPeering(id: string): Promise<Stuck> {
    return Stuck.at('SELECT FROM peering_connections WHERE id = $1 FOR UPDATE', [id]);
  }

  get isStuck(): boolean {
    return this.#isStuck;
  }

  async run(text: string, values: readonly string[]): Promise<void> {
    await this.client.query(text, [...values]);
  }

  async goOn(): Promise<void> {
    if (!this.#isStuck) return;
    this.#isStuck = false;
    await this.client.query('COMMIT');
    await this.client.end();
  }
}

/** Tells of an answer whether it came while somebody was stuck. */
const whileStuck = <T>(stuck: Stuck, answer: Promise<T>): Promise<{ during: boolean; answer: T }> =>
  answer.then((given) => ({ during: stuck.isStuck, answer: given }));

const see = (lease: Lease, connection: PeeringRecord) =>
  database.reconcile.touch(lease, [{ connection, dueAt: T0 + 9, observedAt: T0 + 8 }]);

describe('a row that somebody holds locked', () => {
  let stuck: Stuck | null = null;

  afterEach(async () => {
    await stuck?.goOn();
    stuck = null;
  });

  const leaseOf = ({ tenancy }: Held, owner: string) =>
    database.reconcile.leaseDeployment(tenancy.deployment.id, owner, T0 + LEASE_MS, LEASE_MS);

  test('keeps nobody else from a lease, and is leased once it is free', async () => {
    const [locked, mate, stranger] = [await hold(), await hold(), await hold()];
    stuck = await Stuck.onDeployment(locked.tenancy.deployment.id);
    const [none, first] = await Promise.all([leaseOf(locked, 'next'), leaseOf(mate, 'next')]);
    const second = await leaseOf(stranger, 'next');
    expect([none, first?.fence, second?.fence, stuck.isStuck]).toEqual([null, 2, 2, true]);
    await stuck.goOn();
    expect(await leaseOf(locked, 'next')).toMatchObject({ owner: 'next', fence: 2 });
  });

  test('keeps nobody else from giving a lease back, and is given back once it is free', async () => {
    const [locked, mate, stranger] = [await hold(), await hold(), await hold()];
    stuck = await Stuck.onDeployment(locked.tenancy.deployment.id);
    const givenBack = whileStuck(stuck, database.reconcile.release(locked.lease));
    await Promise.all([database.reconcile.release(mate.lease), database.reconcile.release(stranger.lease)]);
    const again = await Promise.all(
      [mate, stranger].map(({ tenancy }) =>
        database.reconcile.leaseDeployment(tenancy.deployment.id, 'next', T0, LEASE_MS),
      ),
    );
    expect([...again.map((lease) => lease?.fence), stuck.isStuck]).toEqual([2, 2, true]);
    await stuck.goOn();
    expect(await givenBack).toMatchObject({ during: false });
    const { id } = locked.tenancy.deployment;
    expect(await database.reconcile.leaseDeployment(id, 'next', T0, LEASE_MS)).toMatchObject({ fence: 2 });
  });

  test('delays no write and no renewal but its own connection’s', async () => {
    const [locked, mate, stranger] = [await hold(), await hold(), await hold()];
    stuck = await Stuck.onPeering(locked.one.id);
    const saved = whileStuck(stuck, move(locked.lease, locked.one));
    const others = await Promise.all([move(locked.lease, locked.two), move(mate.lease, mate.one)]);
    const seen = await Promise.all([see(mate.lease, mate.two), see(stranger.lease, stranger.two)]);
    const later = await move(stranger.lease, stranger.one);
    const renewed = await Promise.all(
      [locked, mate, stranger].map(({ lease }) => database.reconcile.renew(lease, T0 + 1, LEASE_MS)),
    );
    expect([...others, later].map(({ outcome }) => outcome)).toEqual(['saved', 'saved', 'saved']);
    expect(seen).toEqual([new Set([mate.two.id]), new Set([stranger.two.id])]);
    expect(renewed.map((lease) => lease?.until)).toEqual(Array(3).fill(T0 + 1 + LEASE_MS));
    expect(stuck.isStuck).toBe(true);
    await stuck.goOn();
    expect(await saved).toMatchObject({ during: false, answer: { outcome: 'saved' } });
    expect(await told(locked.one.id)).toEqual(['', '1', '2']);
  });

  test('is seen with its neighbours once it is free, which are seen before', async () => {
    const [locked, mate] = [await hold(), await hold()];
    stuck = await Stuck.onPeering(locked.one.id);
    const touches = [locked.one, locked.two].map((connection) => ({
      connection,
      dueAt: T0 + 9,
      observedAt: T0 + 8,
    }));
    const all = whileStuck(stuck, database.reconcile.touch(locked.lease, touches));
    expect(await see(mate.lease, mate.one)).toEqual(new Set([mate.one.id]));
    expect(await database.reconcile.renew(locked.lease, T0 + 1, LEASE_MS)).not.toBeNull();
    expect(await read(locked.two.id)).toMatchObject({ dueAt: T0 + 9, lastObservedAt: T0 + 8 });
    expect(stuck.isStuck).toBe(true);
    await stuck.goOn();
    expect(await all).toEqual({ during: false, answer: new Set([locked.one.id, locked.two.id]) });
    expect(await read(locked.one.id)).toMatchObject({ dueAt: T0 + 9, lastObservedAt: T0 + 8 });
  });

  test('and many more of its kind leave connections for the renewal of leases', async () => {
    const held = await Promise.all(Array.from({ length: 8 }, () => hold()));
    const ids = held.flatMap(({ one, two }) => [one.id, two.id]);
    stuck = await Stuck.at('SELECT FROM peering_connections WHERE id = ANY ($1) FOR UPDATE', [ids]);
    const writes = Promise.all(held.flatMap(({ lease, one, two }) => [move(lease, one), see(lease, two)]));
    const finished = whileStuck(stuck, writes);
    for (let times = 0; times < 3; times += 1) {
      const renewed = await Promise.all(
        held.map(({ lease }) => database.reconcile.renew(lease, T0, LEASE_MS)),
      );
      expect(renewed).not.toContain(null);
    }
    expect(stuck.isStuck).toBe(true);
    await stuck.goOn();
    expect((await finished).during).toBe(false);
  });

  test('is stale when it is free, if it was locked for being changed', async () => {
    const [locked, mate] = [await hold(), await hold()];
    stuck = await Stuck.onPeering(locked.one.id);
    const saved = whileStuck(stuck, move(locked.lease, locked.one));
    expect(await move(mate.lease, mate.one)).toMatchObject({ outcome: 'saved' });
    await stuck.run('UPDATE peering_connections SET version = version + 1 WHERE id = $1', [locked.one.id]);
    await stuck.goOn();
    expect(await saved).toEqual({ during: false, answer: { outcome: 'stale' } });
  });

  test('is no lost lease', async () => {
    const [locked, mate] = [await hold(), await hold()];
    stuck = await Stuck.onDeployment(locked.tenancy.deployment.id);
    const saved = whileStuck(stuck, move(locked.lease, locked.one));
    const seen = whileStuck(stuck, see(locked.lease, locked.two));
    expect(await move(mate.lease, mate.one)).toMatchObject({ outcome: 'saved' });
    expect(await see(mate.lease, mate.two)).toEqual(new Set([mate.two.id]));
    expect(stuck.isStuck).toBe(true);
    await stuck.goOn();
    expect(await saved).toMatchObject({ during: false, answer: { outcome: 'saved' } });
    expect(await seen).toEqual({ during: false, answer: new Set([locked.two.id]) });
  });
});

describe('a lease that is asked for while others are being answered', () => {
  test('is a whole one from when it is taken', async () => {
    const tenancies = [await seedTenancy(database), await seedTenancy(database), await seedTenancy(database)];
    const busy = await Stuck.at('LOCK TABLE deployments IN EXCLUSIVE MODE');
    try {
      let now = T0;
      const leases: Promise<Lease | null>[] = [];
      for (const { deployment } of tenancies) {
        leases.push(database.reconcile.leaseDeployment(deployment.id, 'spec', () => now, LEASE_MS));
        // Each goes by itself, and the last one finds as many under way as there may be.
        await new Promise((resolve) => setImmediate(resolve));
        await new Promise((resolve) => setImmediate(resolve));
      }
      now = T0 + 10_000;
      await busy.goOn();
      const until = (await Promise.all(leases)).map((lease) => lease?.until);
      expect(until).toEqual([T0 + LEASE_MS, T0 + LEASE_MS, T0 + 10_000 + LEASE_MS]);
    } finally {
      await busy.goOn();
    }
  });
});

describe('circuits that close while connections are seen', () => {
  test('lock up with nobody', async () => {
    const own = await createTestDatabase();
    const busy = await openDatabase({ url: own.url, poolSize: 10, applicationName: 'closings' });
    const observer = new pg.Client({ connectionString: place.url });
    await observer.connect();
    try {
      const fleet = await seedFleet(busy, 30, 6);
      for (let round = 0; round < 12; round += 1) await closeAmidTouches(busy, fleet);
      await busy.close();
      expect(await deadlocksOf(observer, new URL(own.url).pathname.slice(1))).toBe(0);
    } finally {
      await busy.close();
      await observer.end();
      await own.drop();
    }
  });
});

describe('a circuit that closes while somebody holds a connection of its account locked', () => {
  test('is closed at once for everybody, and that connection is due once it is free', async () => {
    const { tenancy, networks } = await seedFleet(database, 2, 2);
    const [network, other] = networks;
    const [locked, neighbour] = network?.connections ?? [];
    const [distant] = other?.connections ?? [];
    if (!locked || !neighbour || !distant || !network || !other) throw new Error('The fleet is too small.');
    const { account, deployment } = tenancy;
    const key = { platformAccountId: account.id, kind: 'outage', region: deployment.region } as const;
    await database.single(PUT_OFF, []);
    await database.circuits.change(key, account, () => openCircuit, T0);
    const stuck = await Stuck.onPeering(locked.id);
    try {
      const closing = whileStuck(
        stuck,
        database.circuits.change(key, account, () => closedCircuit(T0), T0),
      );
      const state = async () => {
        const { circuits } = (await database.reconcile.loadNetwork(other.lease)) ?? {};
        return circuits?.outage.state;
      };
      while ((await state()) !== 'closed' && stuck.isStuck)
        await new Promise((resolve) => setImmediate(resolve));
      // The account is nobody's, and neither are its other connections.
      const credentials = { ...key, kind: 'credentials', region: '' } as const;
      expect(await database.circuits.change(credentials, account, () => null, T0)).not.toBeNull();
      for (const each of [neighbour, distant]) {
        expect((await read(each.id))?.dueAt).toBeLessThanOrEqual(T0 + 15_000);
      }
      expect(await move(network.lease, neighbour)).toMatchObject({ outcome: 'saved' });
      expect(stuck.isStuck).toBe(true);
      await stuck.goOn();
      expect(await closing).toMatchObject({ during: false, answer: { after: { state: 'closed' } } });
      expect((await read(locked.id))?.dueAt).toBeLessThanOrEqual(T0 + 15_000);
    } finally {
      await stuck.goOn();
    }
  });
});

const openCircuit = { ...closedCircuit(T0), state: 'open', openings: 1, nextAttemptAt: T0 } as const;

interface Fleet {
  readonly tenancy: Tenancy;
  readonly networks: readonly { readonly lease: Lease; readonly connections: readonly PeeringRecord[] }[];
}

/** Many leased networks in one platform account, each with some connections. */
async function seedFleet(busy: Database, networks: number, each: number): Promise<Fleet> {
  const tenancy = await seedTenancy(busy);
  const { deployment, account } = tenancy;
  const seeded = [];
  for (let nth = 0; nth < networks; nth += 1) {
    const own = await busy.asOperator((scope) =>
      deployments.create(scope, {
        tenantId: tenancy.tenant.id,
        projectId: tenancy.project.id,
        name: `network ${String(nth)}`,
        cloud: deployment.cloud,
        region: deployment.region,
        edition: deployment.edition,
        platformAccountId: account.id,
        vpcId: `vpc-${(0xf1ee70000 + nth).toString(16).padStart(17, '0')}`,
        cidrs: ['10.11.0.0/16'],
      }),
    );
    const connections: PeeringRecord[] = [];
    for (let place = 0; place < each; place += 1) {
      connections.push(await seedPeering(busy, own, place + 1, [`192.168.${String(place)}.0/24`]));
    }
    const lease = await busy.reconcile.leaseDeployment(own.id, 'spec', T0, LEASE_MS);
    if (lease === null) throw new Error('Somebody else has the lease.');
    seeded.push({ lease, connections: connections.reverse() });
  }
  return { tenancy, networks: seeded };
}

/** Every connection is put off, then all are seen again while the circuit of their account closes. */
async function closeAmidTouches(busy: Database, { tenancy, networks }: Fleet): Promise<void> {
  const { account, deployment } = tenancy;
  const key = { platformAccountId: account.id, kind: 'outage', region: deployment.region } as const;
  await busy.single(PUT_OFF, []);
  await busy.circuits.change(key, account, () => openCircuit, T0);
  const touches = [...networks].reverse().map(({ lease, connections }) =>
    busy.reconcile.touch(
      lease,
      connections.map((connection) => ({ connection, dueAt: T0 + 3_600_000, observedAt: T0 })),
    ),
  );
  const closed = await busy.circuits.change(key, account, () => closedCircuit(T0), T0);
  expect(closed?.after.state).toBe('closed');
  for (const seen of await Promise.all(touches)) expect(seen?.size).toBe(networks[0]?.connections.length);
  const [late] = await busy.single(PUT_OFF_STILL, [new Date(T0 + 15_000)]);
  expect(Number(late?.['count'])).toBe(0);
}

const PUT_OFF = {
  name: 'spec.put_off',
  text: `UPDATE peering_connections SET due_at = '2026-11-20 14:00+00'`,
};

const PUT_OFF_STILL = {
  name: 'spec.put_off_still',
  text: 'SELECT count(*) FROM peering_connections WHERE due_at > $1',
};

/** The deadlocks that PostgreSQL has broken in a database, which are all told once its last connection has ended. */
async function deadlocksOf(observer: pg.Client, name: string): Promise<number> {
  for (;;) {
    const { rows } = await observer.query<{ open: string; deadlocks: string }>(
      `SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname = $1) AS open, deadlocks
       FROM pg_stat_database WHERE datname = $1`,
      [name],
    );
    const [row] = rows;
    if (row === undefined) throw new Error(`There is no database ${name}.`);
    if (row.open === '0') return Number(row.deadlocks);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
