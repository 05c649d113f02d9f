import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import {
  deployments,
  InUse,
  orphans,
  peerings,
  platformAccounts,
  type Database,
  type Lease,
  type OrphanRecord,
  type OrphanStore,
  type PeeringChanges,
  type PeeringRecord,
} from '#database';
import { startDeletion } from '#domain';
import { newId } from '#runtime';

import {
  awsRequest,
  failedStatus,
  openSeededDatabase,
  seedPeering,
  seedTenancy,
  type SeededDatabase,
  type Tenancy,
} from '../support/seeded-database.js';

const T0 = Date.UTC(2026, 10, 20, 12);
const MINUTE_MS = 60_000;
const CIDR = '172.16.0.0/16';
const ROUTE = { routeTableId: 'rtb-1', destination: CIDR };

let place: SeededDatabase;
let database: Database;
let store: OrphanStore;
let tenancy: Tenancy;

beforeAll(async () => {
  place = await openSeededDatabase();
  database = place.database;
  store = database.orphans;
});

afterAll(() => place.close());

beforeEach(async () => {
  tenancy = await seedTenancy(database);
});

const lease = async (now = T0): Promise<Lease> => {
  const taken = await database.reconcile.leaseDeployment(tenancy.deployment.id, 'worker', now, 15_000);
  if (taken === null) throw new Error('The lease is taken.');
  return taken;
};

/** What the look shows by which connections are remembered. */
const SHOWN = ['pcx-0000000000000000f', 'pcx-00000000000000001', 'pcx-refused', 'pcx-other'];
const load = (deploymentId = tenancy.deployment.id, providerIds: readonly string[] = SHOWN) =>
  store.load(deploymentId, { providerIds, marks: [] });

const change = (before: PeeringRecord, changes: PeeringChanges, now = T0): Promise<PeeringRecord> =>
  database.asOperator((scope) => peerings.change(scope, before, changes, now));

/** As an operator forgets it, whatever it holds. */
const forget = (before: PeeringRecord, now = T0): Promise<PeeringRecord> =>
  change(
    before,
    { desired: 'absent', dueAt: null, status: { ...before.status, state: 'deleted', intent: null } },
    now,
  );

const called = (action: object, outcome: string) => ({
  type: 'peering.cloud_call',
  actor: 'worker',
  data: { action, attempts: 1, outcome },
});

function orphan(changes: Partial<OrphanRecord> = {}): OrphanRecord {
  return {
    id: newId('orph', T0),
    deploymentId: tenancy.deployment.id,
    cloud: 'aws',
    kind: 'route',
    providerId: 'pcx-1',
    route: ROUTE,
    connectionId: 'peer_1',
    mark: null,
    evidence: 'history',
    state: 'found',
    firstSeenAt: T0,
    lastSeenAt: T0,
    sightings: 1,
    removeAfter: T0 + 86_400_000,
    attempts: 0,
    attemptedAt: null,
    lastError: null,
    endedAt: null,
    version: 1,
    ...changes,
  };
}

describe('what is remembered of connections', () => {
  test('is the owner’s while it lives, a draft too, and while it is being taken back', async () => {
    const live = await seedPeering(database, tenancy.deployment, 1, [CIDR]);
    const leaving = await seedPeering(database, tenancy.deployment, 2, []);
    await change(leaving, { desired: 'absent', status: startDeletion(failedStatus(leaving.status), T0) });
    const request = awsRequest(tenancy.deployment, 3, []);
    const draft = await database.asOperator((scope) =>
      peerings.insert(scope, {
        ...request,
        dueAt: null,
        status: { ...request.status, state: 'awaiting_request' },
      }),
    );
    const { connections, past } = await load();
    expect(connections.map(({ id }) => id)).toEqual([live.id, leaving.id, draft.id]);
    expect(past).toEqual([]);
    expect((await store.owners(tenancy.deployment.id)).map(({ id }) => id)).toEqual(
      connections.map(({ id }) => id),
    );
  });

  test('is what it held and routed, once it is forgotten', async () => {
    const before = await seedPeering(database, tenancy.deployment, 1, [CIDR]);
    const up = await change(before, {
      status: { ...before.status, established: true, routes: [ROUTE] },
    });
    await forget(up);
    const { connections, past } = await load();
    expect(connections).toEqual([]);
    expect(past).toEqual([
      {
        id: up.id,
        retryable: false,
        held: [up.status.providerId],
        routes: [{ ...ROUTE, target: up.status.providerId }],
      },
    ]);
  });

  test('is what its history tells, where the status has forgotten it: accepted requests, and routes once made', async () => {
    const before = await seedPeering(database, tenancy.deployment, 1, [CIDR]);
    const target = 'pcx-0000000000000000f';
    const events = [
      called({ kind: 'accept', providerId: target }, 'ok'),
      called({ kind: 'accept', providerId: 'pcx-refused' }, 'invalid_state'),
      called({ kind: 'ensure_route', providerId: target, ...ROUTE }, 'transient'),
      called({ kind: 'remove_route', providerId: 'pcx-other', ...ROUTE }, 'ok'),
    ];
    await change(before, { status: failedStatus(before.status), dueAt: null, events });
    const { past } = await load();
    expect(past).toEqual([
      { id: before.id, retryable: true, held: [target], routes: [{ ...ROUTE, target }] },
    ]);
  });

  test('is nothing of a request that never came up: what was only declared proves nothing', async () => {
    const before = await seedPeering(database, tenancy.deployment, 1, [CIDR]);
    await forget(before);
    const marked = await store.load(tenancy.deployment.id, { providerIds: [], marks: [before.id] });
    expect(marked.past).toEqual([{ id: before.id, retryable: false, held: [], routes: [] }]);
    expect((await load(tenancy.deployment.id, [])).past).toEqual([]);
  });

  test('outlives its deployment, for the same network of the same account only', async () => {
    const before = await seedPeering(database, tenancy.deployment, 1, [CIDR]);
    const up = await change(before, {
      status: { ...before.status, established: true, routes: [ROUTE] },
    });
    await forget(up);
    const { past } = await load();
    const { deployment, account, tenant, project } = tenancy;
    const again = await database.asOperator(async (scope) => {
      await deployments.remove(scope, deployment.id);
      const other = await platformAccounts.create(scope, {
        cloud: 'aws',
        accountId: `9${account.accountId.slice(1)}`,
        displayName: 'other',
        credentials: Buffer.from('sealed'),
        credentialsKind: 'static',
        endpoints: {},
      });
      const like = {
        tenantId: tenant.id,
        projectId: project.id,
        name: 'again',
        cloud: 'aws' as const,
        region: deployment.region,
        edition: deployment.edition,
        vpcId: deployment.network.vpcId,
        cidrs: ['10.11.0.0/16'],
      };
      const same = await deployments.create(scope, { ...like, platformAccountId: account.id });
      const elsewhere = await deployments.create(scope, { ...like, platformAccountId: other.id });
      return { same, elsewhere };
    });
    expect((await load(again.same.id)).past).toEqual(past);
    expect((await load(again.elsewhere.id)).past).toEqual([]);
  });
});

test('what is read of the past does not grow with it', async () => {
  const own = await openSeededDatabase(1);
  try {
    const { deployment } = await seedTenancy(own.database);
    const ask = async (text: string, values: readonly unknown[] = []) =>
      own.database.single<{ readonly count: string }>({ name: text.slice(0, 40), text }, values);
    const before = await seedPeering(own.database, deployment, 1, [CIDR]);
    const target = before.status.providerId!;
    await own.database.asOperator((scope) =>
      peerings.change(
        scope,
        before,
        {
          desired: 'absent',
          dueAt: null,
          status: { ...before.status, state: 'deleted', established: true },
          events: [called({ kind: 'ensure_route', providerId: target, ...ROUTE }, 'ok')],
        },
        T0,
      ),
    );
    /** As many deleted connections like it, each with a history, here and in an earlier deployment of the network. */
    const grow = async (first: number, last: number): Promise<void> => {
      const like = 'p.id = $1 AND n BETWEEN $2 AND $3';
      await ask(
        `INSERT INTO peering_connections SELECT (json_populate_record(p, json_build_object(
           'id', 'peer_' || n, 'provider_id', 'pcx-' || n))).*
         FROM peering_connections p, generate_series($2::int, $3::int) n WHERE ${like}`,
        [before.id, first, last],
      );
      await ask(
        `INSERT INTO connection_events (id, tenant_id, connection_id, type, actor, data)
         SELECT 'evt_' || n || '_' || kind, p.tenant_id, 'peer_' || n, 'peering.cloud_call', 'worker', json_build_object(
           'action', json_build_object('kind', kind, 'providerId', 'pcx-' || n), 'outcome', 'ok')
         FROM peering_connections p, generate_series($2::int, $3::int) n,
           unnest(ARRAY['accept', 'mark', 'ensure_route', 'remove_route', 'delete']) kind WHERE ${like}`,
        [before.id, first, last],
      );
      await ask(
        `INSERT INTO former_connections (id, cloud, account_id, region, vpc_id, held, routes, provider_ids)
         SELECT 'peer_former' || n, f.cloud, a.account_id, f.region, f.vpc_id, ARRAY['pcx-former' || n], '[]', ARRAY['pcx-former' || n]
         FROM deployments f JOIN platform_accounts a ON a.id = f.platform_account_id, generate_series($2::int, $3::int) n
         WHERE f.id = $1`,
        [deployment.id, first, last],
      );
      for (const table of ['peering_connections', 'connection_events', 'former_connections'])
        await ask(`VACUUM ANALYZE ${table}`);
    };
    const rowsRead = async (): Promise<number> => {
      await ask('SELECT pg_stat_force_next_flush()');
      const [row] = await ask(
        `SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) AS count FROM pg_stat_user_tables
         WHERE relname IN ('peering_connections', 'connection_events', 'former_connections')`,
      );
      return Number(row!.count);
    };
    const costOfLoad = async (): Promise<number> => {
      const already = await rowsRead();
      const { past } = await own.database.orphans.load(deployment.id, {
        providerIds: [target, 'pcx-30', 'pcx-former30'],
        marks: ['peer_40', 'peer_former40'],
      });
      expect(past.map(({ id }) => id).sort()).toEqual(
        [before.id, 'peer_30', 'peer_40', 'peer_former30', 'peer_former40'].sort(),
      );
      return (await rowsRead()) - already;
    };
    await grow(1, 400);
    const few = await costOfLoad();
    await grow(401, 4_000);
    expect(await costOfLoad()).toBeLessThan(1.5 * few);
  } finally {
    await own.close();
  }
});

describe('what was found', () => {
  const readBack = async (id: string): Promise<OrphanRecord | null> =>
    database.asOperator((scope) => orphans.get(scope, id));

  test('comes back as it was written', async () => {
    const held = await lease();
    const route = orphan({ mark: 'peer_1', attemptedAt: T0 + 5, lastError: 'no', attempts: 2 });
    const peering = orphan({ kind: 'peering', route: null, evidence: 'mark', state: 'kept' });
    expect(await store.save(held, [route, peering])).toEqual(new Set([route.id, peering.id]));
    expect((await load()).open).toEqual([route, peering]);
    expect(await readBack(route.id)).toEqual(route);
  });

  test('is not written by a worker that has lost its lease', async () => {
    const held = await lease();
    const { id, owner, ...late } = { id: tenancy.deployment.id, ...held };
    await database.reconcile.leaseDeployment(id, `not ${owner}`, late.until + 1, 15_000);
    const lost = orphan();
    expect(await store.save(held, [lost])).toEqual(new Set());
    expect(await readBack(lost.id)).toBeNull();
    const check = (await store.check(id))!;
    expect(await store.schedule(held, check, { dueAt: T0, soonAt: T0, checkedAt: T0 })).toBe(false);
    expect(await store.check(id)).toEqual(check);
  });

  test('is what an operator has made of it in the meantime, not what a worker read before', async () => {
    const held = await lease();
    const found = orphan();
    await store.save(held, [found]);
    const kept = await database.asOperator((scope) => orphans.keep(scope, found.id));
    expect(kept).toMatchObject({ state: 'kept', version: 2 });
    const stale = { ...found, state: 'removing' as const, version: 2 };
    expect(await store.save(held, [stale])).toEqual(new Set());
    await store.fail(found, 'never written');
    expect(await readBack(found.id)).toEqual(kept);
  });

  test('is one thing, however often it is found while it is open, and another once it was over', async () => {
    const held = await lease();
    const first = orphan();
    await store.save(held, [first]);
    await expect(store.save(held, [orphan()])).rejects.toThrow('orphans_open');
    await store.save(held, [{ ...first, state: 'removed', endedAt: T0 + 1, version: 2 }]);
    const second = orphan();
    expect(await store.save(held, [second])).toEqual(new Set([second.id]));
    expect((await load()).open).toEqual([second]);
  });

  test('stays over, whatever an operator says then; one that is kept can be released', async () => {
    const held = await lease();
    const over = orphan({ state: 'gone', endedAt: T0 });
    const kept = orphan({ state: 'kept', providerId: 'pcx-2' });
    await store.save(held, [over, kept]);
    const at = T0 + 1_000;
    const [same, still, released, none] = await database.asOperator(async (scope) => [
      await orphans.release(scope, over.id, at),
      await orphans.keep(scope, over.id),
      await orphans.release(scope, kept.id, at),
      await orphans.keep(scope, newId('orph')),
    ]);
    expect(same).toEqual(over);
    expect(still).toEqual(over);
    expect(released).toEqual({ ...kept, state: 'found', removeAfter: at, version: 2 });
    expect(none).toBeNull();
  });

  test('is forgotten some time after it was over, never before', async () => {
    const held = await lease();
    const open = orphan();
    const over = orphan({ state: 'gone', endedAt: T0, providerId: 'pcx-2' });
    await store.save(held, [open, over]);
    await store.expire(T0);
    expect(await readBack(over.id)).not.toBeNull();
    await store.expire(T0 + 1);
    expect(await readBack(over.id)).toBeNull();
    expect(await readBack(open.id)).not.toBeNull();
  });

  test('keeps its deployment from being removed until it is over, when it is kept, too: the decision would go with it', async () => {
    const held = await lease();
    const found = orphan();
    await store.save(held, [found]);
    const remove = () => database.asOperator((scope) => deployments.remove(scope, tenancy.deployment.id));
    const isRefused = async (): Promise<void> => {
      const refusal: unknown = await remove().catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(InUse);
      expect((refusal as InUse).users).toEqual([{ kind: 'orphan', id: found.id }]);
    };
    await isRefused();
    const kept = (await database.asOperator((scope) => orphans.keep(scope, found.id)))!;
    await isRefused();
    await store.save(held, [{ ...kept, state: 'gone', endedAt: T0 + 1, version: kept.version + 1 }]);
    expect(await remove()).toBe(true);
  });
});

describe('a search', () => {
  const checkOf = async () => (await store.check(tenancy.deployment.id))!;
  const isDue = async (now: number): Promise<boolean> =>
    (await store.dueDeployments(now, 1_000, { engineAheadMs: 0, patienceMs: 0 })).includes(
      tenancy.deployment.id,
    );

  /** As if the network had been searched a moment ago. */
  async function searched(): Promise<void> {
    const held = await lease();
    const next = { dueAt: T0 + 60 * MINUTE_MS, soonAt: T0, checkedAt: T0 };
    expect(await store.schedule(held, await checkOf(), next)).toBe(true);
    await database.reconcile.release(held);
  }

  test('is due a minute after the deployment was made, with no connection at all', async () => {
    const { createdAt } = tenancy.deployment;
    expect((await checkOf()).dueAt).toBe(createdAt + MINUTE_MS);
    expect(await isDue(createdAt + MINUTE_MS - 1)).toBe(false);
    expect(await isDue(createdAt + MINUTE_MS + 1)).toBe(true);
  });

  test('is nobody’s to make while somebody works on the deployment', async () => {
    await searched();
    const now = T0 + 61 * MINUTE_MS;
    expect(await isDue(now)).toBe(true);
    const held = await lease(now);
    expect(await isDue(now)).toBe(false);
    await database.reconcile.release(held);
    expect(await isDue(now)).toBe(true);
  });

  test('is due a minute after a connection has ended, and not because of one that goes on', async () => {
    const connection = await seedPeering(database, tenancy.deployment, 1, [CIDR]);
    await searched();
    const renamed = await change(connection, { displayName: 'other' }, T0 + 5_000);
    expect((await checkOf()).dueAt).toBe(T0 + 60 * MINUTE_MS);
    await forget(renamed, T0 + 10_000);
    expect((await checkOf()).dueAt).toBe(T0 + 10_000 + MINUTE_MS);
  });

  test('that is asked for while one is under way is made after it', async () => {
    await searched();
    const held = await lease();
    const found = orphan();
    await store.save(held, [found]);
    const begun = await checkOf();
    await database.asOperator((scope) => orphans.release(scope, found.id, T0 + 1_000));
    const next = { dueAt: T0 + 60 * MINUTE_MS, soonAt: T0 + 5_000, checkedAt: T0 };
    await store.schedule(held, begun, next);
    expect((await checkOf()).dueAt).toBe(T0 + 5_000);
  });

  test('is asked for by several ends at once without anybody waiting for anybody else', async () => {
    const before = await Promise.all(
      [1, 2, 3, 4, 5, 6].map((network) => seedPeering(database, tenancy.deployment, network, [])),
    );
    const held = await lease();
    const ended = await Promise.all(
      before.map((connection) =>
        database.reconcile.saveStatus(held, connection, {
          status: { ...connection.status, state: 'deleted', admittedCidrs: [] },
          dueAt: null,
          observedAt: T0,
          events: [],
          now: T0,
        }),
      ),
    );
    expect(ended.map(({ outcome }) => outcome)).toEqual(before.map(() => 'saved'));
    expect((await checkOf()).asked).toBe(before.length);
  });
});

test('they are counted by cloud and state', async () => {
  const held = await lease();
  await store.save(held, [orphan(), orphan({ kind: 'peering', route: null, state: 'kept' })]);
  const counts = await store.count();
  expect(counts.find(({ state }) => state === 'kept')).toMatchObject({ cloud: 'aws' });
  expect(counts.find(({ state }) => state === 'found')?.count).toBeGreaterThanOrEqual(1);
});
