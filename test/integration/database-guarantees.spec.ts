import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import pg from 'pg';

import { overlaps, parseCidr, profileOf, startAttempt } from '#domain';
import {
  ClaimConflict,
  deployments,
  NetworkTaken,
  PairTaken,
  peerings,
  reservedRanges,
  Stale,
  type Database,
  type NewPeering,
  type PeeringRecord,
} from '#database';

import {
  awsRequest,
  failedStatus,
  openSeededDatabase,
  seedPeering,
  seedTenancy,
  type SeededDatabase,
  type Tenancy,
} from '../support/seeded-database.js';

let place: SeededDatabase;
let database: Database;
let tenancy: Tenancy;

beforeAll(async () => {
  place = await openSeededDatabase();
  database = place.database;
});

afterAll(() => place.close());

beforeEach(async () => {
  tenancy = await seedTenancy(database);
});

const insert = (network: number, cidrs: readonly string[]): Promise<PeeringRecord> =>
  database.asTenant(tenancy.tenant.id, (scope) =>
    peerings.insert(scope, awsRequest(tenancy.deployment, network, cidrs)),
  );

const claims = async (connectionId: string): Promise<string[]> => {
  const rows = await database.single<{ cidr: string }>(
    {
      name: 'spec.claims',
      text: 'SELECT block::cidr::text AS cidr FROM address_claims WHERE connection_id = $1 ORDER BY block',
    },
    [connectionId],
  );
  return rows.map(({ cidr }) => cidr);
};

/** The refusal that a promise ends with. */
async function refusal<E extends Error>(
  type: new (...args: never[]) => E,
  work: Promise<unknown>,
): Promise<E> {
  const error: unknown = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(type);
  return error as E;
}

/** Two transactions by hand, so that both are open at once for certain. */
async function twoClients<T>(work: (one: pg.Client, two: pg.Client) => Promise<T>): Promise<T> {
  const [one, two] = [1, 2].map(() => new pg.Client({ connectionString: place.url })) as [
    pg.Client,
    pg.Client,
  ];
  await Promise.all([one.connect(), two.connect()]);
  try {
    return await work(one, two);
  } finally {
    await Promise.all([one.end(), two.end()]);
  }
}

/** Resolves once a session waits for a lock that another one holds. */
async function untilWaiting(waiting: pg.Client): Promise<void> {
  const { processID } = waiting as pg.Client & { readonly processID: number };
  const look = { name: 'spec.waits', text: 'SELECT cardinality(pg_blocking_pids($1)) > 0 AS waits' };
  for (;;) {
    const [row] = await database.single<{ waits: boolean }>(look, [processID]);
    if (row?.waits) return;
  }
}

describe('address claims', () => {
  test('of two transactions that overlap at the same moment, one is refused', async () => {
    const [first, second] = [await insert(1, []), await insert(2, [])];
    await twoClients(async (one, two) => {
      const claim = `INSERT INTO address_claims (deployment_id, tenant_id, connection_id, block) VALUES ($1, $2, $3, $4)`;
      const values = [tenancy.deployment.id, tenancy.tenant.id];
      await Promise.all([one.query('BEGIN'), two.query('BEGIN')]);
      await one.query(claim, [...values, first.id, '172.16.0.0/12']);
      const late = two.query(claim, [...values, second.id, '172.20.0.0/16']).then(
        () => null,
        (error: unknown) => error as pg.DatabaseError,
      );
      await untilWaiting(two);
      await one.query('COMMIT');
      expect(await late).toMatchObject({ code: '23P01', constraint: 'address_claims_disjoint' });
      await two.query('ROLLBACK');
    });
    expect(await claims(first.id)).toEqual(['172.16.0.0/12']);
    expect(await claims(second.id)).toEqual([]);
  });

  test('of many requests at once for overlapping blocks, those that win are disjoint; the others learn whose way they are in', async () => {
    const blocks = ['172.16.0.0/12', '172.16.0.0/16', '172.31.255.0/24', '172.24.0.0/13', '172.16.0.0/12'];
    const results = await Promise.allSettled(blocks.map((block, index) => insert(index + 10, [block])));
    const winners = results.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const won = winners.flatMap((winner) => winner.spec.cidrs).map(parseCidr);
    expect(won.length).toBeGreaterThanOrEqual(1);
    won.forEach((one, index) => {
      expect(won.slice(0, index).filter((other) => overlaps(one, other))).toEqual([]);
    });
    for (const result of results) {
      if (result.status === 'fulfilled') continue;
      expect(result.reason).toBeInstanceOf(ClaimConflict);
      const { conflicts } = result.reason as ClaimConflict;
      for (const conflict of conflicts) {
        expect(conflict.kind).toBe('peering');
        expect(won.map(({ text }) => text)).toContain(conflict.with);
        expect(winners.map(({ id }) => id)).toContain(conflict.connectionId);
      }
      expect(conflicts).not.toEqual([]);
    }
  });

  test('two requests that claim the same blocks in opposite order do not lock each other up', async () => {
    const races = Array.from({ length: 20 }, (_, index) => {
      const [one, two] = [`192.168.${String(index)}.0/25`, `192.168.${String(index)}.128/25`];
      return Promise.allSettled([insert(100 + 2 * index, [one, two]), insert(101 + 2 * index, [two, one])]);
    });
    for (const results of await Promise.all(races)) {
      expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      const lost = results.find((each) => each.status === 'rejected');
      expect(lost?.reason).toBeInstanceOf(ClaimConflict);
    }
  });

  test('name every conflict: with the deployment, with each other connection, with a reserved range', async () => {
    const other = await insert(1, ['192.168.0.0/24']);
    const error = await refusal(
      ClaimConflict,
      insert(2, ['10.11.128.0/17', '192.168.0.128/25', '172.16.0.0/16']),
    );
    expect(error.deploymentId).toBe(tenancy.deployment.id);
    expect(error.conflicts).toEqual([
      {
        kind: 'reserved',
        cidr: '10.11.128.0/17',
        with: '10.10.0.0-10.64.255.255',
        reservedRangeId: 'rsv_00000000000000000000000001',
      },
      { kind: 'deployment', cidr: '10.11.128.0/17', with: '10.11.0.0/16' },
      { kind: 'peering', cidr: '192.168.0.128/25', with: '192.168.0.0/24', connectionId: other.id },
    ]);
  });

  test('leave nothing behind when refused', async () => {
    await insert(1, ['192.168.0.0/24']);
    const request = {
      ...awsRequest(tenancy.deployment, 2, ['172.16.0.0/16', '192.168.0.0/24']),
      id: 'peer_refused',
    };
    await refusal(
      ClaimConflict,
      database.asTenant(tenancy.tenant.id, (scope) => peerings.insert(scope, request)),
    );
    expect(await database.asOperator((scope) => peerings.get(scope, 'peer_refused'))).toBeNull();
    await insert(3, ['172.16.0.0/16']);
  });

  test('are the same for one block whatever the deployment: two deployments do not meet', async () => {
    const elsewhere = await seedTenancy(database);
    await insert(1, ['192.168.0.0/16']);
    const there = await seedPeering(database, elsewhere.deployment, 1, ['192.168.0.0/16']);
    expect(await claims(there.id)).toEqual(['192.168.0.0/16']);
  });

  test('go with the end of a connection and come back with another attempt', async () => {
    const first = await insert(1, ['192.168.0.0/16']);
    const change = (record: PeeringRecord, status: PeeringRecord['status']): Promise<PeeringRecord> =>
      database.asTenant(tenancy.tenant.id, (scope) => peerings.change(scope, record, { status }, Date.now()));
    const failed = await change(first, failedStatus(first.status));
    expect(await claims(first.id)).toEqual([]);
    const second = await insert(2, ['192.168.128.0/17']);
    const error = await refusal(ClaimConflict, change(failed, first.status));
    expect(error.conflicts).toEqual([
      { kind: 'peering', cidr: '192.168.0.0/16', with: '192.168.128.0/17', connectionId: second.id },
    ]);
    await change(second, failedStatus(second.status));
    await change(failed, first.status);
    expect(await claims(first.id)).toEqual(['192.168.0.0/16']);
  });

  test('of a connection change as a whole: a wider block replaces the narrower one that it contains', async () => {
    const first = await insert(1, ['192.168.0.0/17', '172.16.0.0/16']);
    const status = { ...first.status, admittedCidrs: ['192.168.0.0/16', '172.16.0.0/16'] };
    await database.asTenant(tenancy.tenant.id, (scope) =>
      peerings.change(scope, first, { status }, Date.now()),
    );
    expect(await claims(first.id)).toEqual(['172.16.0.0/16', '192.168.0.0/16']);
  });

  test('keep an operator from giving the deployment a block that a connection holds', async () => {
    const connection = await insert(1, ['192.168.0.0/16']);
    const error = await refusal(
      ClaimConflict,
      database.asOperator((scope) =>
        deployments.update(scope, tenancy.deployment.id, { cidrs: ['10.11.0.0/16', '192.168.7.0/24'] }),
      ),
    );
    expect(error.conflicts).toEqual([
      { kind: 'peering', cidr: '192.168.7.0/24', with: '192.168.0.0/16', connectionId: connection.id },
    ]);
    const unchanged = await database.asOperator((scope) => deployments.get(scope, tenancy.deployment.id));
    expect(unchanged?.network.cidrs).toEqual(['10.11.0.0/16']);
  });
});

describe('the reserved range', () => {
  test.each([
    { block: '10.10.0.0/24', free: false, reason: 'the first network' },
    { block: '10.64.255.0/24', free: false, reason: 'the last network' },
    { block: '10.64.255.255/32', free: false, reason: 'the last address' },
    { block: '10.10.0.0/32', free: false, reason: 'the first address' },
    { block: '10.9.255.255/32', free: true, reason: 'the address before' },
    { block: '10.65.0.0/32', free: true, reason: 'the address after' },
    { block: '10.8.0.0/15', free: true, reason: 'the block that ends just before' },
    { block: '10.65.0.0/16', free: true, reason: 'the block that begins just after' },
    { block: '10.30.0.0/16', free: false, reason: 'in the middle' },
    { block: '10.0.0.0/8', free: false, reason: 'it contains the whole range' },
    { block: '10.64.0.0/10', free: false, reason: 'it straddles the upper edge' },
    { block: '10.8.0.0/14', free: false, reason: 'it straddles the lower edge' },
    { block: '0.0.0.0/0', free: false, reason: 'it contains everything' },
    { block: '192.168.0.0/16', free: true, reason: 'far away' },
  ])('$block: $reason', async ({ block, free }) => {
    // Straight at the table: this is the guarantee under all code.
    const connection = await insert(1, []);
    await database.single(
      { name: 'spec.unclaim_own', text: 'DELETE FROM address_claims WHERE deployment_id = $1' },
      [tenancy.deployment.id],
    );
    const claim = {
      name: 'spec.claim',
      text: `INSERT INTO address_claims (deployment_id, tenant_id, connection_id, block) VALUES ($1, $2, $3, $4)`,
    };
    const values = [tenancy.deployment.id, tenancy.tenant.id, connection.id, block];
    if (free) await database.single(claim, values);
    else {
      await expect(database.single(claim, values)).rejects.toMatchObject({
        constraint: 'address_claims_not_reserved',
        message: expect.stringContaining('10.10.0.0 - 10.64.255.255') as unknown,
      });
    }
  });

  test('does not hit the deployment itself, which lives in it', () => {
    expect(tenancy.deployment.network.cidrs).toEqual(['10.11.0.0/16']);
  });

  test('of a later version leaves connections in place that were made before it, and refuses new ones', async () => {
    const early = await insert(1, ['172.30.0.0/16', '192.168.0.0/24']);
    const range = await database.asOperator((scope) =>
      reservedRanges.create(scope, {
        version: 2,
        from: '172.30.0.0',
        to: '172.30.255.255',
        cloud: 'aws',
        note: '',
        effectiveFrom: Date.now() - 1000,
        effectiveUntil: null,
      }),
    );
    const status = { ...early.status, admittedCidrs: ['172.30.0.0/16', '192.168.1.0/24'] };
    const moved = await database.asTenant(tenancy.tenant.id, (scope) =>
      peerings.change(scope, early, { status }, Date.now()),
    );
    expect(await claims(moved.id)).toEqual(['172.30.0.0/16', '192.168.1.0/24']);
    const error = await refusal(ClaimConflict, insert(2, ['172.30.1.0/24']));
    expect(error.conflicts).toContainEqual({
      kind: 'reserved',
      cidr: '172.30.1.0/24',
      with: '172.30.0.0-172.30.255.255',
      reservedRangeId: range.id,
    });
    await database.asOperator((scope) => reservedRanges.remove(scope, range.id));
  });

  test.each([
    { reason: 'of another cloud', change: { cloud: 'tencent' as const } },
    { reason: 'that does not count yet', change: { effectiveFrom: Date.now() + 3_600_000 } },
    {
      reason: 'that no longer counts',
      change: { effectiveFrom: 0, effectiveUntil: Date.now() - 1000 },
    },
  ])('does not refuse by a range $reason', async ({ change }) => {
    const range = await database.asOperator((scope) =>
      reservedRanges.create(scope, {
        version: 3,
        from: '100.64.0.0',
        to: '100.127.255.255',
        cloud: null,
        note: '',
        effectiveFrom: Date.now() - 1000,
        effectiveUntil: null,
        ...change,
      }),
    );
    const connection = await insert(1, ['100.64.0.0/16']);
    expect(await claims(connection.id)).toEqual(['100.64.0.0/16']);
    await database.asOperator((scope) => reservedRanges.remove(scope, range.id));
  });
});

describe('live connections', () => {
  test('join a pair of networks only once, until the earlier one has ended', async () => {
    const first = await insert(1, ['192.168.0.0/24']);
    const error = await refusal(PairTaken, insert(1, ['192.168.1.0/24']));
    expect(error).toMatchObject({ connectionId: first.id, deploymentId: tenancy.deployment.id });
    await database.asTenant(tenancy.tenant.id, (scope) =>
      peerings.change(scope, first, { status: failedStatus(first.status) }, Date.now()),
    );
    await insert(1, ['192.168.1.0/24']);
  });

  test('are told of the pair rather than of the blocks, when both are taken', async () => {
    const first = await insert(1, ['192.168.0.0/24']);
    expect((await refusal(PairTaken, insert(1, ['192.168.0.0/24']))).connectionId).toBe(first.id);
  });

  test('of many at once for the same pair, one gets it', async () => {
    const attempts = Array.from({ length: 8 }, (_, index) => insert(1, [`192.168.${String(index)}.0/24`]));
    const results = await Promise.allSettled(attempts);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const each of results) if (each.status === 'rejected') expect(each.reason).toBeInstanceOf(PairTaken);
  });

  test('never share one id of the cloud', async () => {
    const first = await insert(1, ['192.168.0.0/24']);
    const second = awsRequest(tenancy.deployment, 2, ['192.168.1.0/24']);
    const status = { ...second.status, providerId: first.status.providerId };
    const attempt = database.asTenant(tenancy.tenant.id, (scope) =>
      peerings.insert(scope, { ...second, status }),
    );
    expect((await refusal(PairTaken, attempt)).connectionId).toBe(first.id);
  });

  test('are one per network where the cloud allows only one', async () => {
    const { tenant, deployment } = await seedTenancy(database, 'tencent');
    const request = (ccnId: string, cidr: string): NewPeering => {
      const spec = { cloud: { kind: 'tencent', ccnId, ccnOwnerUin: '100000000001' } as const, cidrs: [cidr] };
      const status = startAttempt(profileOf('tencent'), spec, Date.now());
      return { ...awsRequest(deployment, 1, []), spec, status };
    };
    const insertCcn = (wanted: NewPeering): Promise<PeeringRecord> =>
      database.asTenant(tenant.id, (scope) => peerings.insert(scope, wanted));
    const first = await insertCcn(request('ccn-aaaaaaaa', '192.168.0.0/24'));
    const refused = await refusal(NetworkTaken, insertCcn(request('ccn-bbbbbbbb', '172.16.0.0/16')));
    expect(refused).toMatchObject({ deploymentId: deployment.id, connectionId: first.id });
  });
});

describe('a change of a connection', () => {
  test('is refused when the row has changed since it was read', async () => {
    const read = await insert(1, ['192.168.0.0/24']);
    const rename = (displayName: string): Promise<PeeringRecord> =>
      database.asTenant(tenancy.tenant.id, (scope) =>
        peerings.change(scope, read, { displayName }, Date.now()),
      );
    const renamed = await rename('one');
    expect(renamed.version).toBe(read.version + 1);
    expect((await refusal(Stale, rename('two'))).id).toBe(read.id);
    const now = await database.asOperator((scope) => peerings.get(scope, read.id));
    expect(now).toMatchObject({ displayName: 'one', version: 2 });
  });

  test('that is stale changes neither claims nor events', async () => {
    const read = await insert(1, ['192.168.0.0/24']);
    await database.asTenant(tenancy.tenant.id, (scope) =>
      peerings.change(scope, read, { displayName: 'newer' }, Date.now()),
    );
    const status = { ...read.status, admittedCidrs: ['172.16.0.0/16'] };
    const events = [{ type: 'peering.completed', actor: 'key_1', data: {} }];
    await refusal(
      Stale,
      database.asTenant(tenancy.tenant.id, (scope) =>
        peerings.change(scope, read, { status, events }, Date.now()),
      ),
    );
    expect(await claims(read.id)).toEqual(['192.168.0.0/24']);
    const [row] = await database.single<{ count: string }>(
      { name: 'spec.events', text: 'SELECT count(*) FROM connection_events WHERE connection_id = $1' },
      [read.id],
    );
    expect(row?.count).toBe('1');
  });

  test('comes back as it was written, word for word and in the same order', async () => {
    const written = await insert(1, ['192.168.0.0/24']);
    const read = await database.asTenant(tenancy.tenant.id, (scope) => peerings.get(scope, written.id));
    expect(read).toEqual(written);
    expect(JSON.stringify(read?.status)).toBe(JSON.stringify(written.status));
    expect(JSON.stringify(read?.spec)).toBe(JSON.stringify(written.spec));
  });
});
