import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { peeringEvents, peerings, type Database, type Lease, type PeeringRecord } from '#database';

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
