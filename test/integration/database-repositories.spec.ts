import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import {
  apiKeys,
  auditEvents,
  boundResources,
  deployments,
  Duplicate,
  idempotency,
  InUse,
  InvalidCursor,
  MissingReference,
  peeringEvents,
  peerings,
  platformAccounts,
  projects,
  quotas,
  reservedRanges,
  tenants,
  type Database,
  type OperatorScope,
  type Page,
  type PeeringFilters,
  type PeeringRecord,
} from '#database';
import { CredentialCipher, hashSecret, newSecret } from '#runtime';

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

const asOperator = <T>(work: (scope: OperatorScope) => Promise<T>): Promise<T> => database.asOperator(work);

const connect = (network: number, of: Tenancy = tenancy): Promise<PeeringRecord> =>
  seedPeering(database, of.deployment, network, []);

/** Every page of a list, one after the other. */
async function everything<Item>(read: (cursor: string | null) => Promise<Page<Item>>): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<Item> = await read(cursor);
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return items;
}

describe('a list', () => {
  test('gives everything once, newest first, whatever the size of its pages', async () => {
    const made: string[] = [];
    for (let network = 1; network <= 23; network += 1) made.unshift((await connect(network)).id);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 30 }), async (limit) => {
        const listed = await everything((cursor) =>
          database.asTenant(tenancy.tenant.id, (scope) => peerings.list(scope, {}, { limit, cursor })),
        );
        expect(listed.map(({ id }) => id)).toEqual(made);
      }),
      { numRuns: 12 },
    );
  });

  test('gives what was there when it began exactly once, while others are added and removed', async () => {
    const before = [];
    for (let network = 1; network <= 10; network += 1) before.push(await connect(network));
    let network = 100;
    const listed = await everything(async (cursor) => {
      const page = await asOperator((scope) =>
        peerings.list(scope, { deploymentIds: [tenancy.deployment.id] }, { limit: 3, cursor }),
      );
      await connect((network += 1));
      return page;
    });
    expect(listed.map(({ id }) => id)).toEqual(before.map(({ id }) => id).reverse());
  });

  test('keeps to its filters, alone and together', async () => {
    const other = await seedTenancy(database);
    const [one, two] = [await connect(1), await connect(2)];
    const theirs = await connect(3, other);
    const failed = await asOperator((scope) =>
      peerings.change(scope, two, { status: failedStatus(two.status) }, Date.now()),
    );
    const cases: { filters: PeeringFilters; expected: PeeringRecord[] }[] = [
      { filters: { deploymentIds: [tenancy.deployment.id] }, expected: [failed, one] },
      {
        filters: { deploymentIds: [tenancy.deployment.id, other.deployment.id] },
        expected: [theirs, failed, one],
      },
      { filters: { tenantIds: [tenancy.tenant.id], states: ['failed'] }, expected: [failed] },
      {
        filters: { tenantIds: [tenancy.tenant.id], states: ['failed', 'verifying'] },
        expected: [failed, one],
      },
      { filters: { projectIds: [other.project.id] }, expected: [theirs] },
      { filters: { tenantIds: [tenancy.tenant.id], clouds: ['aws'] }, expected: [failed, one] },
      { filters: { tenantIds: [tenancy.tenant.id], clouds: ['tencent'] }, expected: [] },
      { filters: { deploymentIds: [] }, expected: [] },
      { filters: { deploymentIds: [tenancy.deployment.id], projectIds: [other.project.id] }, expected: [] },
    ];
    for (const { filters, expected } of cases) {
      const page = await asOperator((scope) => peerings.list(scope, filters));
      expect({ filters, items: page.items }).toEqual({ filters, items: expected });
    }
  });

  test('refuses a cursor that is not its own', async () => {
    await Promise.all([connect(1), connect(2), connect(3)]);
    const filters = { deploymentIds: [tenancy.deployment.id] };
    const { nextCursor } = await asOperator((scope) => peerings.list(scope, filters, { limit: 1 }));
    expect(nextCursor).toEqual(expect.any(String));
    const cursors = [
      '',
      'nonsense',
      Buffer.from(`x ${tenancy.deployment.id}`).toString('base64url'),
      `${nextCursor!}A`,
    ];
    for (const cursor of cursors) {
      const attempt = asOperator((scope) => peerings.list(scope, filters, { cursor }));
      await expect(attempt).rejects.toThrow(InvalidCursor);
    }
    const elsewhere = [
      () =>
        asOperator((scope) =>
          peerings.list(scope, { ...filters, states: ['failed'] }, { cursor: nextCursor }),
        ),
      () => asOperator((scope) => projects.list(scope, {}, { cursor: nextCursor })),
    ];
    for (const attempt of elsewhere) await expect(attempt()).rejects.toThrow(InvalidCursor);
  });

  test('is of events in the order in which they happened', async () => {
    const connection = await connect(1);
    for (let index = 0; index < 7; index += 1) {
      const event = { type: `peering.step_${String(index)}`, actor: 'worker', data: { index } };
      await asOperator((scope) =>
        peeringEvents.append(scope, connection, [event], Date.now() - index * 1000),
      );
    }
    const listed = await everything((cursor) =>
      asOperator((scope) => peeringEvents.list(scope, connection.id, { limit: 3, cursor })),
    );
    expect(listed.map(({ type }) => type)).toEqual([
      'peering.created',
      ...[0, 1, 2, 3, 4, 5, 6].map((index) => `peering.step_${String(index)}`),
    ]);
  });
});

describe('an idempotency key', () => {
  const request = (key: string, body = 'body'): idempotency.IdempotentRequest => ({
    key,
    requestHash: hashSecret(body),
  });
  const answer = {
    status: 202,
    headers: { location: '/v1/peerings/peer_1' },
    body: { b: 1, a: ['x', null] },
  };

  test('answers again as the first time, and knows another request', async () => {
    await database.asTenant(tenancy.tenant.id, async (scope) => {
      expect(await idempotency.begin(scope, request('k'))).toEqual({ kind: 'first' });
      await idempotency.finish(scope, request('k'), answer, Date.now());
    });
    const again = await database.asTenant(tenancy.tenant.id, (scope) =>
      idempotency.begin(scope, request('k')),
    );
    expect(again).toEqual({ kind: 'replay', answer });
    expect(again.kind === 'replay' && JSON.stringify(again.answer.body)).toBe(JSON.stringify(answer.body));
    expect(
      await database.asTenant(tenancy.tenant.id, (scope) => idempotency.begin(scope, request('k', 'other'))),
    ).toEqual({ kind: 'mismatch' });
  });

  test('lets one of two equal requests through, and has the other come back', async () => {
    let enter = (): void => undefined;
    let leave = (): void => undefined;
    const inside = new Promise<void>((settle) => (enter = settle));
    const released = new Promise<void>((settle) => (leave = settle));
    const first = database.asTenant(tenancy.tenant.id, async (scope) => {
      await idempotency.begin(scope, request('race'));
      enter();
      await released;
      await idempotency.finish(scope, request('race'), answer, Date.now());
    });
    await inside;
    const begin = (): Promise<idempotency.IdempotencyVerdict> =>
      database.asTenant(tenancy.tenant.id, (scope) => idempotency.begin(scope, request('race')));
    expect(await begin()).toEqual({ kind: 'in_progress' });
    leave();
    await first;
    expect(await begin()).toEqual({ kind: 'replay', answer });
  });

  test('is free again when its request came to nothing', async () => {
    const failed = database.asTenant(tenancy.tenant.id, async (scope) => {
      await idempotency.begin(scope, request('crash'));
      await idempotency.finish(scope, request('crash'), answer, Date.now());
      throw new Error('the process died');
    });
    await expect(failed).rejects.toThrow('the process died');
    expect(
      await database.asTenant(tenancy.tenant.id, (scope) => idempotency.begin(scope, request('crash'))),
    ).toEqual({ kind: 'first' });
  });

  test('is forgotten after its time', async () => {
    const now = Date.now();
    await asOperator((scope) => idempotency.finish(scope, request('old'), answer, now - 1000));
    await asOperator((scope) => idempotency.finish(scope, request('new'), answer, now));
    expect(await asOperator((scope) => idempotency.expire(scope, now - 500))).toBe(1);
    expect((await asOperator((scope) => idempotency.begin(scope, request('old')))).kind).toBe('first');
    expect((await asOperator((scope) => idempotency.begin(scope, request('new')))).kind).toBe('replay');
  });
});

describe('an admission', () => {
  test('sees the deployment, what the blocks touch, and how many connections live', async () => {
    const near = await seedPeering(database, tenancy.deployment, 1, ['192.168.0.0/17', '172.16.0.0/16']);
    await seedPeering(database, tenancy.deployment, 2, ['192.168.128.0/17']);
    const ended = await connect(3);
    await asOperator((scope) =>
      peerings.change(scope, ended, { status: failedStatus(ended.status) }, Date.now()),
    );
    const judge = (except: string | null): Promise<peerings.Admission | null> =>
      database.asTenant(tenancy.tenant.id, (scope) =>
        peerings.admission(scope, tenancy.deployment.id, ['192.168.4.0/24'], Date.now(), except),
      );
    const admission = await judge(null);
    expect(admission).toMatchObject({
      deployment: tenancy.deployment,
      liveInDeployment: 2,
      liveInTenant: 2,
      plan: {
        deploymentCidrs: ['10.11.0.0/16'],
        peers: [{ connectionId: near.id, cidrs: ['192.168.0.0/17'] }],
        reserved: [{ from: '10.10.0.0', to: '10.64.255.255' }],
      },
    });
    expect((await judge(near.id))?.plan.peers).toEqual([]);
    const nowhere = await database.asTenant(tenancy.tenant.id, (scope) =>
      peerings.admission(scope, 'dep_none', [], Date.now()),
    );
    expect(nowhere).toBeNull();
  });

  test('under the lock waits for the one before it, so that a quota is never passed', async () => {
    const admit = (network: number): Promise<boolean> =>
      database.asTenant(tenancy.tenant.id, async (scope) => {
        await peerings.lockAdmissions(scope, tenancy.tenant.id);
        const admission = await peerings.admission(scope, tenancy.deployment.id, [], Date.now());
        if (admission === null || admission.liveInDeployment >= 3) return false;
        await peerings.insert(scope, awsRequest(tenancy.deployment, network, []));
        return true;
      });
    const admitted = await Promise.all(Array.from({ length: 8 }, (_, index) => admit(index + 1)));
    expect(admitted.filter(Boolean)).toHaveLength(3);
  });
});

describe('a key', () => {
  test('is found for authentication without anybody knowing whose it is, and shows when it was revoked', async () => {
    const secret = newSecret();
    const made = await database.asTenant(tenancy.tenant.id, (scope) =>
      apiKeys.create(scope, {
        tenantId: tenancy.tenant.id,
        role: 'project_user',
        projectIds: [tenancy.project.id],
        displayName: 'ci',
        secretHash: hashSecret(secret),
        expiresAt: 2_000_000_000_000,
      }),
    );
    const found = await apiKeys.findForAuthentication(database, made.id);
    expect(found).toEqual({ ...made, secretHash: hashSecret(secret) });
    const revoked = await database.asTenant(tenancy.tenant.id, (scope) =>
      apiKeys.revoke(scope, made.id, 1234),
    );
    expect(revoked).toEqual({ ...made, revokedAt: 1234 });
    await database.asTenant(tenancy.tenant.id, (scope) => apiKeys.revoke(scope, made.id, 5678));
    expect((await apiKeys.findForAuthentication(database, made.id))?.revokedAt).toBe(1234);
    expect(await apiKeys.findForAuthentication(database, 'key_none')).toBeNull();
  });

  test('never shows its hash in lists', async () => {
    await asOperator((scope) =>
      apiKeys.create(scope, {
        tenantId: tenancy.tenant.id,
        role: 'auditor',
        projectIds: null,
        displayName: '',
        secretHash: Buffer.alloc(32, 1),
      }),
    );
    const { items } = await asOperator((scope) => apiKeys.list(scope, { tenantId: tenancy.tenant.id }));
    expect(items).toHaveLength(1);
    expect(items[0]).not.toHaveProperty('secretHash');
  });
});

describe('what exists', () => {
  test.each<{ what: string; repeat: (scope: OperatorScope) => Promise<unknown>; constraint: string }>([
    {
      what: 'a project of that name',
      repeat: (scope) => projects.create(scope, { tenantId: tenancy.tenant.id, name: 'default' }),
      constraint: 'projects_tenant_id_name_key',
    },
    {
      what: 'a deployment in that VPC',
      repeat: (scope) =>
        deployments.create(scope, {
          tenantId: tenancy.tenant.id,
          projectId: tenancy.project.id,
          name: 'again',
          cloud: 'aws',
          region: 'us-east-1',
          edition: 'dedicated_professional',
          platformAccountId: tenancy.account.id,
          vpcId: tenancy.deployment.network.vpcId,
          cidrs: ['10.12.0.0/16'],
        }),
      constraint: 'deployments_platform_account_id_region_vpc_id_key',
    },
    {
      what: 'an account of that number',
      repeat: (scope) =>
        platformAccounts.create(scope, {
          cloud: 'aws',
          accountId: tenancy.account.accountId,
          displayName: '',
          credentials: Buffer.from('x'),
          credentialsKind: 'static',
          endpoints: {},
        }),
      constraint: 'platform_accounts_cloud_account_id_key',
    },
  ])('is not made twice: $what', async ({ repeat, constraint }) => {
    const attempt = asOperator(repeat);
    await expect(attempt).rejects.toThrow(Duplicate);
    await expect(attempt).rejects.toMatchObject({ constraint });
  });

  test('is needed: a deployment in a project of another tenant is refused', async () => {
    const other = await seedTenancy(database);
    const attempt = asOperator((scope) =>
      deployments.create(scope, {
        tenantId: tenancy.tenant.id,
        projectId: other.project.id,
        name: 'astray',
        cloud: 'aws',
        region: 'us-east-1',
        edition: 'dedicated_professional',
        platformAccountId: tenancy.account.id,
        vpcId: 'vpc-1',
        cidrs: [],
      }),
    );
    await expect(attempt).rejects.toThrow(MissingReference);
    await expect(attempt).rejects.toMatchObject({ constraint: 'deployments_tenant_id_project_id_fkey' });
  });

  test('stays while it is in use, and says by whom; then everything can go, bottom up', async () => {
    const { tenant, project, account, deployment } = tenancy;
    const connection = await connect(1);
    const resource = await asOperator((scope) =>
      boundResources.bind(scope, connection, { kind: 'connector', name: 'kafka' }),
    );
    const inUse = async (work: Promise<unknown>): Promise<unknown> => {
      const error: unknown = await work.then(
        () => null,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(InUse);
      return (error as InUse).users;
    };
    const users = [{ kind: 'deployment', id: deployment.id }];
    expect(await inUse(asOperator((scope) => projects.remove(scope, project.id)))).toEqual(users);
    expect(await inUse(asOperator((scope) => platformAccounts.remove(scope, account.id)))).toEqual(users);
    expect(await inUse(asOperator((scope) => tenants.remove(scope, tenant.id)))).toEqual([
      { kind: 'project', id: project.id },
      ...users,
    ]);
    expect(await inUse(asOperator((scope) => deployments.remove(scope, deployment.id)))).toEqual([
      { kind: 'peering', id: connection.id },
      { kind: 'resource', id: resource.id },
    ]);

    await asOperator(async (scope) => {
      const audit = {
        actorKeyId: 'key_1',
        action: 'tenant.delete',
        target: tenant.id,
        outcome: 'ok',
        requestId: 'r',
      };
      await boundResources.unbind(scope, resource.id);
      const status = { ...connection.status, state: 'deleted', admittedCidrs: [] } as const;
      await peerings.change(scope, connection, { status, dueAt: null }, Date.now());
      expect(await deployments.remove(scope, deployment.id)).toBe(true);
      expect(await projects.remove(scope, project.id)).toBe(true);
      expect(await platformAccounts.remove(scope, account.id)).toBe(true);
      await quotas.set(scope, { tenantId: tenant.id, name: 'peerings', value: 1 });
      await auditEvents.append(scope, { tenantId: tenant.id, ...audit }, Date.now());
      expect(await tenants.remove(scope, tenant.id)).toBe(true);
      expect(await tenants.remove(scope, tenant.id)).toBe(false);
    });
    const { items } = await asOperator((scope) => auditEvents.list(scope, { tenantId: tenant.id }));
    expect(items.map(({ action }) => action)).toEqual(['tenant.delete']);
  });
});

describe('what an operator changes', () => {
  test('of a deployment is shown, and what was not named stays', async () => {
    const { deployment } = tenancy;
    const changed = await asOperator((scope) =>
      deployments.update(scope, deployment.id, {
        name: 'renamed',
        status: 'stopped',
        driftPolicy: 'report',
        routeTableIds: ['rtb-1'],
        cidrs: ['10.13.0.0/16', '10.11.0.0/16'],
      }),
    );
    expect(changed).toMatchObject({ name: 'renamed', status: 'stopped', edition: deployment.edition });
    expect(changed?.network).toEqual({
      ...deployment.network,
      cidrs: ['10.11.0.0/16', '10.13.0.0/16'],
      routeTableIds: ['rtb-1'],
      driftPolicy: 'report',
    });
    expect(await asOperator((scope) => deployments.get(scope, deployment.id))).toEqual(changed);
    const back = await asOperator((scope) =>
      deployments.update(scope, deployment.id, { routeTableIds: null }),
    );
    expect(back?.network.routeTableIds).toBeNull();
    expect(await asOperator((scope) => deployments.update(scope, 'dep_none', { name: 'x' }))).toBeNull();
  });

  test('of reserved ranges counts from its time on, on its cloud', async () => {
    const at = Date.now();
    const range = await asOperator((scope) =>
      reservedRanges.create(scope, {
        version: 2,
        from: '100.0.0.0',
        to: '101.255.255.255',
        cloud: 'huawei',
        note: 'site B',
        effectiveFrom: at,
        effectiveUntil: at + 1000,
      }),
    );
    const idsAt = (cloud: 'huawei' | 'aws', moment: number): Promise<string[]> =>
      asOperator(async (scope) => (await reservedRanges.effective(scope, cloud, moment)).map(({ id }) => id));
    expect(await idsAt('huawei', at)).toContain(range.id);
    expect(await idsAt('huawei', at - 1)).not.toContain(range.id);
    expect(await idsAt('huawei', at + 1000)).not.toContain(range.id);
    expect(await idsAt('aws', at)).not.toContain(range.id);
    const longer = await asOperator((scope) =>
      reservedRanges.update(scope, range.id, { effectiveUntil: null }),
    );
    expect(await asOperator((scope) => reservedRanges.get(scope, range.id))).toEqual(longer);
    expect(await idsAt('huawei', at + 1000)).toContain(range.id);
    const { items } = await asOperator((scope) => reservedRanges.list(scope, { cloud: 'aws' }));
    expect(items.map(({ id }) => id)).not.toContain(range.id);
    for (const wrong of [
      { from: '101.0.0.0', to: '100.0.0.0' },
      { effectiveFrom: at, effectiveUntil: at },
    ]) {
      await expect(asOperator((scope) => reservedRanges.update(scope, range.id, wrong))).rejects.toThrow(
        RangeError,
      );
    }
    expect(await asOperator((scope) => reservedRanges.remove(scope, range.id))).toBe(true);
  });

  test('of quotas can be taken back to the default', async () => {
    const quota = { tenantId: tenancy.tenant.id, name: 'peerings' };
    await asOperator((scope) => quotas.set(scope, { ...quota, value: 3 }));
    await asOperator((scope) => quotas.set(scope, { ...quota, value: 5 }));
    expect(await asOperator((scope) => quotas.list(scope, quota.tenantId))).toMatchObject([
      { name: 'peerings', value: 5 },
    ]);
    expect(await asOperator((scope) => quotas.unset(scope, quota.tenantId, quota.name))).toBe(true);
    expect(await asOperator((scope) => quotas.list(scope, quota.tenantId))).toEqual([]);
  });

  test('of encryption keys reaches every credential', async () => {
    const old = CredentialCipher.fromKeys(`old:${Buffer.alloc(32, 1).toString('base64')}`);
    const both = CredentialCipher.fromKeys(
      `new:${Buffer.alloc(32, 2).toString('base64')},old:${Buffer.alloc(32, 1).toString('base64')}`,
    );
    const secret = { kind: 'static', accessKeyId: 'a', secretAccessKey: 'b' };
    const fresh = await openSeededDatabase(2);
    try {
      const { account, deployment } = await seedTenancy(fresh.database);
      await fresh.database.asOperator((scope) =>
        platformAccounts.update(scope, account.id, {
          credentials: { envelope: old.encrypt(secret), kind: 'static' },
        }),
      );
      const renew = (envelope: Buffer): Buffer | null =>
        both.isCurrent(envelope) ? null : both.encrypt(both.decrypt(envelope));
      const run = (): Promise<number> =>
        fresh.database.asOperator((scope) => platformAccounts.renewCredentials(scope, renew));
      expect(await run()).toBe(1);
      expect(await run()).toBe(0);
      const lease = await fresh.database.reconcile.leaseDeployment(deployment.id, 'spec', Date.now(), 1000);
      const snapshot = await fresh.database.reconcile.loadNetwork(lease!);
      const onlyNew = CredentialCipher.fromKeys(`new:${Buffer.alloc(32, 2).toString('base64')}`);
      expect(onlyNew.decrypt(snapshot!.account.credentials)).toEqual(secret);
    } finally {
      await fresh.close();
    }
  });
});
