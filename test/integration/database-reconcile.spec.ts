import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import {
  cloudPauses,
  deployments,
  openDatabase,
  peeringEvents,
  peerings,
  type Database,
  type Lease,
  type NetworkSnapshot,
  type PeeringRecord,
  type ReconcileStore,
  type StatusWrite,
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

const T0 = Date.UTC(2026, 10, 20, 12);
const LEASE_MS = 15_000;

let place: SeededDatabase;
let database: Database;
let store: ReconcileStore;
let tenancy: Tenancy;

beforeAll(async () => {
  place = await openSeededDatabase();
  database = place.database;
  store = database.reconcile;
});

afterAll(() => place.close());

beforeEach(async () => {
  tenancy = await seedTenancy(database);
});

const lease = async (owner: string, now: number): Promise<Lease> => {
  const taken = await store.leaseDeployment(tenancy.deployment.id, owner, now, LEASE_MS);
  if (taken === null) throw new Error(`${owner} did not get the lease.`);
  return taken;
};

const load = async (held: Lease): Promise<NetworkSnapshot> => {
  const snapshot = await store.loadNetwork(held);
  if (snapshot === null) throw new Error('The lease is lost.');
  return snapshot;
};

const connect = (network: number, cidrs: readonly string[]): Promise<PeeringRecord> =>
  seedPeering(database, tenancy.deployment, network, cidrs);

const read = async (id: string): Promise<PeeringRecord> => {
  const record = await database.asOperator((scope) => peerings.get(scope, id));
  if (record === null) throw new Error(`There is no ${id}.`);
  return record;
};

/** A write that moves the connection on. */
const moveOn = (connection: PeeringRecord, changes: Partial<StatusWrite> = {}): StatusWrite => ({
  status: {
    ...connection.status,
    state: 'accepting',
    reason: { code: 'accept_in_progress', params: {}, since: T0 },
  },
  dueAt: T0 + 1000,
  observedAt: T0,
  events: [],
  now: T0,
  ...changes,
});

describe('a lease', () => {
  test('belongs to one owner until it is given back', async () => {
    const first = await lease('one', T0);
    expect(first).toEqual({
      deploymentId: tenancy.deployment.id,
      owner: 'one',
      fence: 1,
      until: T0 + LEASE_MS,
    });
    expect(await store.leaseDeployment(tenancy.deployment.id, 'two', T0 + 1, LEASE_MS)).toBeNull();
    expect(await store.leaseDeployment(tenancy.deployment.id, 'one', T0 + 1, LEASE_MS)).toBeNull();
    await store.release(first);
    expect(await lease('two', T0 + 2)).toMatchObject({ owner: 'two', fence: 2 });
  });

  test('goes to exactly one of many who ask at once', async () => {
    const asked = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        store.leaseDeployment(tenancy.deployment.id, `worker ${String(index)}`, T0, LEASE_MS),
      ),
    );
    expect(asked.filter((each) => each !== null)).toHaveLength(1);
  });

  test('that has run out is taken over with a higher fence', async () => {
    const first = await lease('one', T0);
    const second = await lease('two', T0 + LEASE_MS);
    expect(second.fence).toBeGreaterThan(first.fence);
  });

  test('is prolonged by its owner, even late, as long as nobody took it', async () => {
    const first = await lease('one', T0);
    const longer = await store.renew(first, T0 + 20_000, LEASE_MS);
    expect(longer).toEqual({ ...first, until: T0 + 35_000 });
    expect(await store.leaseDeployment(tenancy.deployment.id, 'two', T0 + 30_000, LEASE_MS)).toBeNull();
  });

  test('that was lost cannot be prolonged, given back, or used for reading', async () => {
    const first = await lease('one', T0);
    const second = await lease('two', T0 + LEASE_MS);
    expect(await store.renew(first, T0 + LEASE_MS, LEASE_MS)).toBeNull();
    await store.release(first);
    expect(await store.loadNetwork(first)).toBeNull();
    expect(await store.leaseDeployment(tenancy.deployment.id, 'one', T0 + LEASE_MS + 1, LEASE_MS)).toBeNull();
    expect(await store.renew(second, T0 + LEASE_MS, LEASE_MS)).not.toBeNull();
  });

  test('of a deployment that does not exist is not to be had', async () => {
    expect(await store.leaseDeployment('dep_none', 'one', T0, LEASE_MS)).toBeNull();
  });
});

describe('a snapshot of a network', () => {
  test('holds what a pass needs: the network, the account, and the connections that are not at rest', async () => {
    const busy = await connect(1, ['192.168.0.0/24']);
    const ended = await connect(2, ['192.168.1.0/24']);
    const draft = await database.asOperator((scope) =>
      peerings.insert(scope, { ...awsRequest(tenancy.deployment, 3, ['192.168.2.0/24']), dueAt: null }),
    );
    await database.asOperator((scope) =>
      peerings.change(scope, ended, { status: failedStatus(ended.status), dueAt: null }, T0),
    );
    const snapshot = await load(await lease('one', T0));
    expect(snapshot.connections).toEqual([busy]);
    expect(snapshot.network).toEqual(tenancy.deployment.network);
    expect(snapshot.account).toMatchObject({
      id: tenancy.account.id,
      accountId: tenancy.account.accountId,
      credentials: Buffer.from('sealed'),
      status: 'active',
    });
    expect(snapshot.reserved).toEqual([
      { id: 'rsv_00000000000000000000000001', version: 1, from: '10.10.0.0', to: '10.64.255.255' },
    ]);
    expect(snapshot.pause).toBeNull();
    // The draft holds its blocks although the engine has nothing to do for it.
    expect(snapshot.planFor(busy.id)).toEqual({
      reserved: snapshot.reserved,
      deploymentCidrs: ['10.11.0.0/16'],
      peers: [{ connectionId: draft.id, cidrs: ['192.168.2.0/24'] }],
    });
  });

  test('names the pause of its cloud or region, and no other', async () => {
    const held = await lease('one', T0);
    await database.asOperator((scope) =>
      cloudPauses.pause(scope, { cloud: 'aws', region: 'eu-west-1', note: 'elsewhere' }, T0),
    );
    expect((await load(held)).pause).toBeNull();
    await database.asOperator((scope) =>
      cloudPauses.pause(scope, { cloud: 'aws', region: 'us-east-1', note: 'outage' }, T0),
    );
    expect((await load(held)).pause).toMatchObject({ region: 'us-east-1', note: 'outage' });
    await database.asOperator((scope) => cloudPauses.resume(scope, 'aws', 'us-east-1'));
    await database.asOperator((scope) =>
      cloudPauses.pause(scope, { cloud: 'aws', region: null, note: 'all' }, T0),
    );
    expect((await load(held)).pause).toMatchObject({ region: null, note: 'all' });
    await database.asOperator(async (scope) => {
      await cloudPauses.resume(scope, 'aws', null);
      await cloudPauses.resume(scope, 'aws', 'eu-west-1');
    });
  });
});

describe('a status', () => {
  test('is saved with its claims and events, and its version grows', async () => {
    const connection = await connect(1, ['192.168.0.0/24']);
    const held = await lease('one', T0);
    const write = moveOn(connection, {
      events: [
        { type: 'peering.state_changed', actor: 'worker', data: { from: 'verifying', to: 'accepting' } },
      ],
    });
    const status = { ...write.status, admittedCidrs: ['192.168.0.0/24', '172.16.0.0/16'] };
    const result = await store.saveStatus(held, connection, { ...write, status });
    expect(result.outcome).toBe('saved');
    const now = await read(connection.id);
    expect(result).toEqual({ outcome: 'saved', connection: now });
    expect(now).toMatchObject({ version: 2, status, dueAt: T0 + 1000, lastObservedAt: T0, updatedAt: T0 });
    const plan = await database.asOperator((scope) => peerings.addressPlan(scope, tenancy.deployment.id, T0));
    expect(plan.peers).toEqual([{ connectionId: connection.id, cidrs: ['172.16.0.0/16', '192.168.0.0/24'] }]);
    const events = await database.asOperator((scope) => peeringEvents.list(scope, connection.id));
    expect(events.items.map(({ type }) => type)).toEqual(['peering.created', 'peering.state_changed']);
  });

  test('that is the same as before keeps its version: only the times move', async () => {
    const connection = await connect(1, ['192.168.0.0/24']);
    const held = await lease('one', T0);
    // As the engine hands it over: equal, with keys that say nothing.
    const status = { ...structuredClone(connection.status), note: undefined };
    const result = await store.saveStatus(held, connection, { ...moveOn(connection), status });
    expect(result.outcome).toBe('saved');
    expect(await read(connection.id)).toEqual({ ...connection, dueAt: T0 + 1000, lastObservedAt: T0 });
  });

  test('is refused as stale when the API has written in between', async () => {
    const connection = await connect(1, ['192.168.0.0/24']);
    const held = await lease('one', T0);
    await database.asTenant(tenancy.tenant.id, (scope) =>
      peerings.change(scope, connection, { desired: 'absent' }, T0),
    );
    const events = [{ type: 'peering.state_changed', actor: 'worker', data: {} }];
    expect(await store.saveStatus(held, connection, moveOn(connection, { events }))).toEqual({
      outcome: 'stale',
    });
    const same = { ...moveOn(connection, { events }), status: connection.status };
    expect(await store.saveStatus(held, connection, same)).toEqual({ outcome: 'stale' });
    expect(await read(connection.id)).toMatchObject({
      version: 2,
      desired: 'absent',
      status: connection.status,
    });
    const told = await database.asOperator((scope) => peeringEvents.list(scope, connection.id));
    expect(told.items).toHaveLength(1);
  });

  test('is fenced off when the lease was lost, whatever its version', async () => {
    const connection = await connect(1, ['192.168.0.0/24']);
    const slow = await lease('slow', T0);
    await lease('next', T0 + LEASE_MS);
    expect(await store.saveStatus(slow, connection, moveOn(connection))).toEqual({ outcome: 'fenced' });
    expect(await store.touch(slow, [{ connection, dueAt: T0, observedAt: T0 }])).toBeNull();
    expect(await read(connection.id)).toEqual(connection);
  });

  test('may still be saved after the lease ran out, as long as nobody took it', async () => {
    const connection = await connect(1, ['192.168.0.0/24']);
    const held = await lease('one', T0 - 10 * LEASE_MS);
    expect((await store.saveStatus(held, connection, moveOn(connection))).outcome).toBe('saved');
  });

  test('that admits a block of another connection changes nothing and says so', async () => {
    const [connection, other] = [await connect(1, ['192.168.0.0/24']), await connect(2, ['172.16.0.0/12'])];
    const held = await lease('one', T0);
    const write = moveOn(connection);
    const status = { ...write.status, admittedCidrs: ['172.20.0.0/16'] };
    expect(await store.saveStatus(held, connection, { ...write, status })).toEqual({
      outcome: 'claim_conflict',
    });
    expect(await read(connection.id)).toEqual(connection);
    expect((await load(held)).planFor(connection.id).peers).toEqual([
      { connectionId: other.id, cidrs: ['172.16.0.0/12'] },
    ]);
  });

  test('of an end lets go of everything', async () => {
    const connection = await connect(1, ['192.168.0.0/24']);
    const held = await lease('one', T0);
    const write = moveOn(connection, { dueAt: null });
    const deleted = { ...write.status, state: 'deleted', admittedCidrs: [] } as const;
    await store.saveStatus(held, connection, { ...write, status: deleted });
    expect(await read(connection.id)).toMatchObject({ deletedAt: T0, dueAt: null });
    const snapshot = await load(held);
    expect(snapshot.connections).toEqual([]);
    expect(snapshot.planFor('nobody').peers).toEqual([]);
    await connect(1, ['192.168.0.0/24']);
  });

  test('of an ending that is not yet taken back keeps its blocks', async () => {
    const connection = await connect(1, ['192.168.0.0/24']);
    const held = await lease('one', T0);
    const end = { state: 'failed', reason: { code: 'deleted_by_peer', params: {} } } as const;
    const status = { ...connection.status, state: 'failed', ending: end } as const;
    await store.saveStatus(held, connection, { ...moveOn(connection), status });
    expect((await load(held)).planFor('nobody').peers).toEqual([
      { connectionId: connection.id, cidrs: ['192.168.0.0/24'] },
    ]);
  });

  test('of many that have not changed is touched in one go, leaving out those written since', async () => {
    const [one, two, three] = [await connect(1, []), await connect(2, []), await connect(3, [])];
    const held = await lease('one', T0);
    await database.asTenant(tenancy.tenant.id, (scope) =>
      peerings.change(scope, two, { displayName: 'new' }, T0),
    );
    const touched = await store.touch(
      held,
      [one, two, three].map((connection, index) => ({ connection, dueAt: T0 + index, observedAt: T0 })),
    );
    expect(touched).toEqual(new Set([one.id, three.id]));
    expect(await read(one.id)).toEqual({ ...one, dueAt: T0, lastObservedAt: T0 });
    expect(await read(two.id)).toMatchObject({ version: 2, dueAt: two.dueAt, lastObservedAt: null });
    expect(await read(three.id)).toEqual({ ...three, dueAt: T0 + 2, lastObservedAt: T0 });
  });
});

describe('what is due', () => {
  // A database of its own: elsewhere everything of this file is due as well.
  let quiet: SeededDatabase;
  let due: ReconcileStore;

  beforeAll(async () => {
    quiet = await openSeededDatabase();
    due = quiet.database.reconcile;
  });

  afterAll(() => quiet.close());

  const execute = (name: string, text: string, values: readonly unknown[] = []): Promise<unknown> =>
    quiet.database.single({ name, text }, values);

  beforeEach(async () => {
    await execute('spec.clean', 'DELETE FROM peering_connections');
    await execute('spec.quiet', 'UPDATE deployments SET vpc_check_due_at = NULL, lease_until = NULL');
  });

  const dueAt = async (of: Tenancy, network: number, at: number | null): Promise<void> => {
    await quiet.database.asOperator((scope) =>
      peerings.insert(scope, { ...awsRequest(of.deployment, network, [], T0), dueAt: at }),
    );
  };

  const settled = async (): Promise<Tenancy> => {
    const made = await seedTenancy(quiet.database);
    await execute('spec.quiet', 'UPDATE deployments SET vpc_check_due_at = NULL, lease_until = NULL');
    return made;
  };

  test('is each deployment once, the longest overdue first, and nothing that is not due', async () => {
    const [early, late, later, resting] = [
      await settled(),
      await settled(),
      await settled(),
      await settled(),
    ];
    await dueAt(late, 1, T0 - 10);
    await dueAt(early, 2, T0 - 500);
    await dueAt(early, 3, T0 - 1);
    await dueAt(later, 4, T0 + 1);
    await dueAt(resting, 5, null);
    expect(await due.dueDeployments(T0, 100)).toEqual([early.deployment.id, late.deployment.id]);
    expect(await due.dueDeployments(T0, 1)).toEqual([early.deployment.id]);
    expect(await due.nextDue()).toBe(T0 - 500);
    expect(await due.nextDue(later.deployment.id)).toBe(T0 + 1);
    expect(await due.nextDue(resting.deployment.id)).toBeNull();
  });

  test('lets tenants take turns, so that one who waits for much delays nobody else', async () => {
    const [busy, quiet1, quiet2] = [await settled(), await settled(), await settled()];
    const more = await quiet.database.asOperator((scope) =>
      Promise.all(
        [1, 2].map((number) =>
          deployments.create(scope, {
            tenantId: busy.tenant.id,
            projectId: busy.project.id,
            name: `another ${number}`,
            cloud: 'aws',
            region: 'us-east-1',
            edition: 'dedicated_professional',
            platformAccountId: busy.account.id,
            vpcId: `vpc-another${number}`,
            cidrs: ['10.11.0.0/16'],
          }),
        ),
      ),
    );
    await execute('spec.quiet', 'UPDATE deployments SET vpc_check_due_at = NULL, lease_until = NULL');
    const [second, third] = more.map((deployment) => ({ ...busy, deployment }));
    await dueAt(busy, 1, T0 - 900);
    await dueAt(second!, 2, T0 - 800);
    await dueAt(third!, 3, T0 - 700);
    await dueAt(quiet1, 4, T0 - 20);
    await dueAt(quiet2, 5, T0 - 30);
    expect(await due.dueDeployments(T0, 100)).toEqual(
      [busy, quiet2, quiet1, second!, third!].map(({ deployment }) => deployment.id),
    );
    expect(await due.dueDeployments(T0, 2)).toEqual([busy.deployment.id, quiet2.deployment.id]);
  });

  test('leaves out what somebody works on, until the lease has run out', async () => {
    const busy = await settled();
    await dueAt(busy, 1, T0 - 10);
    const held = await due.leaseDeployment(busy.deployment.id, 'one', T0 - 1000, LEASE_MS);
    expect(await due.dueDeployments(T0, 100)).toEqual([]);
    expect(await due.dueDeployments(held?.until ?? 0, 100)).toEqual([busy.deployment.id]);
  });

  test('is a deployment whose network is to be compared with the cloud, until that is done', async () => {
    const made = await seedTenancy(quiet.database);
    const now = Date.now() + 1000;
    expect(await due.dueDeployments(now, 100)).toEqual([made.deployment.id]);
    const held = await due.leaseDeployment(made.deployment.id, 'one', now, LEASE_MS);
    expect(held).not.toBeNull();
    const check = { checkedAt: now, problem: 'the VPC has 10.12.0.0/16 as well', dueAt: null };
    expect(await due.saveVpcCheck(held!, check, now)).toBe(true);
    await due.release(held!);
    expect(await due.dueDeployments(now, 100)).toEqual([]);
    const shown = await quiet.database.asOperator((scope) => deployments.get(scope, made.deployment.id));
    expect(shown).toMatchObject({ vpcCheckedAt: now, vpcProblem: check.problem });
    expect(await due.saveVpcCheck({ ...held!, fence: 99 }, check, now)).toBe(false);
    // Another declaration is to be compared anew.
    await quiet.database.asOperator((scope) =>
      deployments.update(scope, made.deployment.id, { cidrs: ['10.11.0.0/16', '10.12.0.0/16'] }),
    );
    expect(await due.dueDeployments(Date.now() + 1000, 100)).toEqual([made.deployment.id]);
  });

  /** How PostgreSQL runs the query, asked on the one connection that has prepared it. */
  const planOfDue = async (): Promise<string> => {
    const alone = await openDatabase({ url: quiet.url, poolSize: 1, applicationName: 'spec' });
    try {
      await alone.reconcile.dueDeployments(T0, 100);
      const at = new Date(T0).toISOString();
      const text = `EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE "reconcile.due" ('${at}', 100)`;
      return JSON.stringify(await alone.single({ name: 'spec.explain', text }, []));
    } finally {
      await alone.close();
    }
  };

  test('is found through the index alone, however many connections there are', async () => {
    const crowd = await settled();
    await dueAt(crowd, 1, T0 - 10);
    await execute(
      'spec.crowd',
      `INSERT INTO peering_connections (id, tenant_id, project_id, deployment_id, cloud, region, spec, state,
         reason_code, status, due_at)
       SELECT 'peer_crowd' || n, tenant_id, project_id, id, cloud, region, '{}', 'running', 'ready', '{}',
         CASE WHEN n % 2 = 0 THEN to_timestamp($2) + n * interval '1 millisecond' END
       FROM deployments, generate_series(1, 100000) AS n WHERE id = $1`,
      [crowd.deployment.id, T0 / 1000 + 300],
    );
    await execute('spec.analyze', 'ANALYZE peering_connections');
    const started = performance.now();
    for (let round = 0; round < 20; round += 1) {
      expect(await due.dueDeployments(T0, 100)).toEqual([crowd.deployment.id]);
    }
    const each = (performance.now() - started) / 20;
    expect(each).toBeLessThan(50);
    const plan = await planOfDue();
    expect(plan).toContain('peering_connections_due');
    expect(plan).not.toMatch(/"Node Type":"Seq Scan"[^{}]*"Relation Name":"peering_connections"/);
    const rows = [...plan.matchAll(/"Index Name":"peering_connections_due"[^{}]*"Actual Rows":([\d.]+)/g)];
    expect(rows.map(([, count]) => Number(count))).toEqual([1]);
  });
});
