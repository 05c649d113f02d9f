/** What operators set up and do, over HTTP. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';

import { apiKeys, auditEvents, deployments, platformAccounts, type AuditRecord } from '#database';
import { CredentialCipher } from '#runtime';

import type { ProblemView } from '../../apps/api/src/http/problem.view.js';
import type { OperatedDeploymentView } from '../../apps/api/src/operator/deployment.view.js';
import { ApiStage, awsSpec, type Answered } from '../support/api-stage.js';

let stage: ApiStage;

beforeAll(async () => {
  stage = await ApiStage.open();
});

afterAll(async () => {
  await stage.close();
});

interface Made {
  readonly id: string;
  readonly [name: string]: unknown;
}

interface Listed {
  readonly items: readonly Made[];
}

const post = <Body = Made>(path: string, body?: object): Promise<Answered<Body>> =>
  stage.post<Body>(`/admin/v1${path}`, { key: stage.operator, ...(body === undefined ? {} : { body }) });
const get = <Body = Made>(path: string): Promise<Answered<Body>> =>
  stage.get<Body>(`/admin/v1${path}`, { key: stage.operator });
const patch = <Body = Made>(path: string, body: object): Promise<Answered<Body>> =>
  stage.patch<Body>(`/admin/v1${path}`, { key: stage.operator, body });
const remove = (path: string) => stage.delete(`/admin/v1${path}`, { key: stage.operator });

async function make(path: string, body: object): Promise<Made> {
  const made = await post(path, body);
  if (made.status !== 201) throw new Error(`${path}: ${JSON.stringify(made.body)}`);
  expect(made.headers.get('location')).toBe(`/admin/v1${path}/${made.body.id}`);
  return made.body;
}

async function audited(target: string): Promise<readonly AuditRecord[]> {
  const page = await stage.database.asOperator((scope) => auditEvents.list(scope, { target }));
  return page.items;
}

const issuesOf = ({ body }: Answered<unknown>): string[] =>
  (body as ProblemView).errors.map(({ pointer, code }) => `${pointer} ${code}`);

let serial = 100;
const newAccount = () => ({
  cloud: 'aws',
  accountId: String(100_000_000_000 + (serial += 1)),
  displayName: 'Production',
  credentials: { kind: 'static', accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'never-to-be-seen' },
  endpoints: { ec2: 'http://127.0.0.1:4001' },
});

/** A tenant with a project, an account and a deployment, all through the API. */
async function setUp(changes: object = {}) {
  const tenant = await make('/tenants', { name: 'Example' });
  const project = await make('/projects', { tenantId: tenant.id, name: 'production' });
  const account = await make('/platform-accounts', newAccount());
  const body = {
    tenantId: tenant.id,
    projectId: project.id,
    name: 'broker',
    cloud: 'aws',
    region: 'eu-central-1',
    edition: 'dedicated_professional',
    platformAccountId: account.id,
    vpc: { id: `vpc-${String((serial += 1)).padStart(8, '0')}`, cidrs: ['10.11.0.0/16'] },
    ...changes,
  };
  const deployment = await make('/deployments', body);
  return { tenant, project, account, deployment, body };
}

describe('tenants and projects', () => {
  test('are made, read, listed, renamed and removed', async () => {
    const tenant = await make('/tenants', { name: 'First' });
    const project = await make('/projects', { tenantId: tenant.id, name: 'one' });
    expect((await get(`/tenants/${tenant.id}`)).body).toEqual(tenant);
    expect((await get(`/projects/${project.id}`)).body).toEqual(project);
    expect((await get<Listed>('/tenants')).body.items).toContainEqual(tenant);
    expect((await get<Listed>(`/projects?tenantId=${tenant.id}`)).body.items).toEqual([project]);
    expect((await patch(`/tenants/${tenant.id}`, { name: 'Renamed' })).body['name']).toBe('Renamed');
    expect((await patch(`/projects/${project.id}`, { name: 'two' })).body['name']).toBe('two');
    const inUse = await remove(`/tenants/${tenant.id}`);
    expect(inUse.status).toBe(409);
    expect(inUse.body).toMatchObject({ code: 'in_use', conflicts: [{ kind: 'project', id: project.id }] });
    expect((await remove(`/projects/${project.id}`)).status).toBe(204);
    expect((await remove(`/tenants/${tenant.id}`)).status).toBe(204);
    expect((await get(`/tenants/${tenant.id}`)).status).toBe(404);
    expect((await audited(tenant.id)).map(({ action }) => action)).toEqual([
      'tenant.delete',
      'tenant.change',
      'tenant.create',
    ]);
  });

  test('a project’s name is unique in its tenant, which must exist', async () => {
    const tenant = await make('/tenants', { name: 'Second' });
    await make('/projects', { tenantId: tenant.id, name: 'one' });
    const again = await post('/projects', { tenantId: tenant.id, name: 'one' });
    expect(again.status).toBe(409);
    expect(again.body).toMatchObject({ code: 'already_exists', title: 'There is already such a project.' });
    const nowhere = await post('/projects', { tenantId: 'ten_00000000000000000000000000', name: 'one' });
    expect(nowhere.status).toBe(422);
    expect(issuesOf(nowhere)).toEqual(['/tenantId no_such_reference']);
  });
});

describe('platform accounts', () => {
  test('never show their credentials, which are encrypted at rest', async () => {
    const account = await make('/platform-accounts', newAccount());
    const answers = [
      account,
      (await get(`/platform-accounts/${account.id}`)).body,
      (await get<Listed>('/platform-accounts')).body,
    ];
    for (const answer of answers) expect(JSON.stringify(answer)).not.toContain('never-to-be-seen');
    expect(account).toMatchObject({ credentialsKind: 'static', status: 'active' });
    expect(JSON.stringify(await audited(account.id))).not.toContain('never-to-be-seen');
    expect(stage.log.join('')).not.toContain('never-to-be-seen');
    const client = new pg.Client({ connectionString: stage.databaseUrl });
    await client.connect();
    const { rows } = await client.query<{ credentials: Buffer }>(
      'SELECT credentials FROM platform_accounts WHERE id = $1',
      [account.id],
    );
    await client.end();
    const { credentials } = rows[0]!;
    expect(credentials.includes('never-to-be-seen')).toBe(false);
    expect(CredentialCipher.fromKeys(stage.config.encryptionKeys).decrypt(credentials)).toEqual({
      kind: 'static',
      accessKeyId: 'AKIAEXAMPLE',
      secretAccessKey: 'never-to-be-seen',
    });
  });

  test('show the circuits before them, as the clouds do, until they are changed', async () => {
    const { account, deployment } = await setUp();
    const key = { platformAccountId: account.id, kind: 'outage', region: 'eu-central-1' } as const;
    const record = await stage.database.asOperator((scope) => platformAccounts.get(scope, account.id));
    await stage.database.circuits.change(
      key,
      record!,
      () => ({
        state: 'open',
        since: Date.UTC(2026, 10, 20, 12),
        failures: 5,
        openings: 2,
        cause: { code: 'Timeout', message: 'no answer within 10000 ms' },
        nextAttemptAt: Date.UTC(2026, 10, 20, 12, 0, 10),
      }),
      Date.now(),
    );
    const circuits = [
      {
        kind: 'outage',
        region: 'eu-central-1',
        state: 'open',
        since: '2026-11-20T12:00:00.000Z',
        causeCode: 'Timeout',
        causeMessage: 'no answer within 10000 ms',
        nextAttemptAt: '2026-11-20T12:00:10.000Z',
      },
    ];
    expect((await get(`/platform-accounts/${account.id}`)).body).toMatchObject({ circuits });
    const { items } = (await get<Listed>('/clouds')).body;
    const accounts = items.flatMap((cloud) => cloud['accounts'] as { readonly id: string }[]);
    expect(accounts.find(({ id }) => id === account.id)).toMatchObject({ circuits });
    const changed = await patch(`/platform-accounts/${account.id}`, { endpoints: {} });
    expect(changed.body).toMatchObject({ circuits: [] });
    await stage.untilWoken(deployment.id);
  });

  test('with new credentials are active again, and their deployments looked at', async () => {
    const { account, deployment } = await setUp();
    await stage.database.asOperator((scope) =>
      platformAccounts.update(scope, account.id, { displayName: 'still refused' }),
    );
    const credentials = {
      kind: 'assume_role',
      accessKeyId: 'AKIA2',
      secretAccessKey: 'x',
      roleArn: 'arn:aws:iam::123456789012:role/broker',
    };
    const changed = await patch(`/platform-accounts/${account.id}`, { credentials });
    expect(changed.body).toMatchObject({
      credentialsKind: 'assume_role',
      status: 'active',
      displayName: 'still refused',
    });
    await stage.untilWoken(deployment.id);
    const [record] = await audited(account.id);
    expect(record).toMatchObject({ action: 'platform_account.change', data: { credentials: 'changed' } });
  });

  test('exist once per cloud, and not without need', async () => {
    const body = newAccount();
    const account = await make('/platform-accounts', body);
    expect((await post('/platform-accounts', body)).body).toMatchObject({ code: 'already_exists' });
    expect((await remove(`/platform-accounts/${account.id}`)).status).toBe(204);
    const { account: used, deployment } = await setUp();
    const inUse = await remove(`/platform-accounts/${used.id}`);
    expect(inUse.status).toBe(409);
    expect(inUse.body.conflicts).toEqual([{ kind: 'deployment', id: deployment.id }]);
  });

  test.each<[string, object, string[]]>([
    ['no credentials', { credentials: undefined }, ['/credentials required']],
    ['credentials as text', { credentials: 'secret' }, ['/credentials wrong_type']],
    ['an unknown kind', { credentials: { kind: 'password' } }, ['/credentials/kind not_one_of']],
    ['a kind like a method', { credentials: { kind: 'toString' } }, ['/credentials/kind not_one_of']],
    [
      'a missing secret',
      { credentials: { kind: 'static', accessKeyId: 'A' } },
      ['/credentials/secretAccessKey required'],
    ],
    [
      'a field of another kind',
      { credentials: { kind: 'static', accessKeyId: 'A', secretAccessKey: 'B', roleArn: 'C' } },
      ['/credentials/roleArn unknown_field'],
    ],
    ['an endpoint that is no URL', { endpoints: { ec2: 'localhost' } }, ['/endpoints/ec2 bad_format']],
    [
      'an endpoint with a password',
      { endpoints: { ec2: 'http://a:b@localhost' } },
      ['/endpoints/ec2 bad_format'],
    ],
    ['an unknown cloud', { cloud: 'azure' }, ['/cloud not_one_of']],
    ['an account that is none of AWS', { accountId: '12345678901' }, ['/accountId bad_format']],
    [
      'an account in place of a project at Huawei Cloud',
      { cloud: 'huawei', accountId: '253460731706911258' },
      ['/accountId bad_format'],
    ],
  ])('cannot be made with %s', async (_, changes, expected) => {
    const refused = await post('/platform-accounts', { ...newAccount(), ...changes });
    expect(refused.status).toBe(422);
    expect(issuesOf(refused)).toEqual(expected);
    expect(JSON.stringify(refused.body)).not.toContain('never-to-be-seen');
  });
});

describe('deployments', () => {
  test('read as customers read them, and more; the worker compares them with the cloud', async () => {
    const { tenant, project, account, deployment, body } = await setUp();
    expect(deployment).toEqual({
      id: expect.stringMatching(/^dep_/),
      tenantId: tenant.id,
      projectId: project.id,
      name: 'broker',
      cloud: 'aws',
      region: 'eu-central-1',
      edition: 'dedicated_professional',
      status: 'active',
      platformAccountId: account.id,
      driftPolicy: 'repair',
      vpc: { id: body.vpc.id, cidrs: ['10.11.0.0/16'], routeTableIds: null, checkedAt: null, problem: null },
      platform: { accountId: account['accountId'] },
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
    });
    await stage.untilWoken(deployment.id);
    const key = await stage.key(tenant.id, 'auditor');
    const asCustomer = await stage.get<object>(`/v1/deployments/${deployment.id}`, { key });
    expect(asCustomer.body).toMatchObject({ id: deployment.id, vpc: { id: body.vpc.id } });
    expect(asCustomer.body).not.toHaveProperty('platformAccountId');
  });

  test('are changed, and let go when nothing is connected', async () => {
    const { deployment, tenant } = await setUp();
    const changed = await patch<OperatedDeploymentView>(`/deployments/${deployment.id}`, {
      name: 'renamed',
      driftPolicy: 'report',
      vpc: { cidrs: ['10.11.0.0/16', '10.12.0.0/16'], routeTableIds: ['rtb-1'] },
    });
    expect(changed.status).toBe(200);
    expect(changed.body).toMatchObject({
      name: 'renamed',
      driftPolicy: 'report',
      vpc: { cidrs: ['10.11.0.0/16', '10.12.0.0/16'], routeTableIds: ['rtb-1'] },
    });
    const administrator = await stage.key(tenant.id, 'administrator');
    const made = await stage.post<{ id: string }>(`/v1/deployments/${deployment.id}/peerings`, {
      key: administrator,
      body: { spec: awsSpec({ cidrs: ['172.16.0.0/16'] }) },
    });
    const inUse = await remove(`/deployments/${deployment.id}`);
    expect(inUse.status).toBe(409);
    expect(inUse.body.conflicts).toEqual([{ kind: 'peering', id: made.body.id }]);
    const colliding = await patch<ProblemView>(`/deployments/${deployment.id}`, {
      vpc: { cidrs: ['172.16.0.0/12'] },
    });
    expect(colliding.status).toBe(409);
    expect(colliding.body).toMatchObject({
      code: 'cidr_conflict',
      conflicts: [{ kind: 'peering', id: made.body.id, with: '172.16.0.0/16' }],
    });
    expect(issuesOf(colliding)).toEqual(['/vpc/cidrs/0 cidr_overlaps_peering']);
    await stage.place(made.body.id, { state: 'deleted' });
    expect((await remove(`/deployments/${deployment.id}`)).status).toBe(204);
    expect(await stage.database.asOperator((scope) => deployments.get(scope, deployment.id))).toBeNull();
  });

  test.each<[string, object, string[]]>([
    [
      'an unknown tenant',
      { tenantId: 'ten_00000000000000000000000000' },
      ['/tenantId no_such_reference', '/projectId no_such_reference'],
    ],
    [
      'an unknown account',
      { platformAccountId: 'acct_00000000000000000000000000' },
      ['/platformAccountId no_such_reference'],
    ],
    ['an account of another cloud', { cloud: 'tencent' }, ['/platformAccountId account_of_other_cloud']],
    ['no block', { vpc: { id: 'vpc-1', cidrs: [] } }, ['/vpc/cidrs bad_count']],
    [
      'blocks that overlap',
      { vpc: { id: 'vpc-1', cidrs: ['10.11.0.0/16', '10.11.4.0/24'] } },
      ['/vpc/cidrs/1 cidr_overlaps_itself'],
    ],
    ['host bits', { vpc: { id: 'vpc-1', cidrs: ['10.11.0.1/16'] } }, ['/vpc/cidrs/0 host_bits_set']],
    [
      'an unknown field of the VPC',
      { vpc: { id: 'vpc-1', cidrs: ['10.11.0.0/16'], x: 1 } },
      ['/vpc/x unknown_field'],
    ],
  ])('cannot be made with %s', async (_, changes, expected) => {
    const { body } = await setUp();
    const refused = await post('/deployments', { ...body, name: 'second', ...changes });
    expect(refused.status).toBe(422);
    expect(issuesOf(refused)).toEqual(expected);
  });

  test('have a VPC of their own', async () => {
    const { body } = await setUp();
    const again = await post('/deployments', { ...body, name: 'again' });
    expect(again.status).toBe(409);
    expect(again.body).toMatchObject({
      code: 'already_exists',
      title: 'There is already such a deployment.',
    });
  });
});

describe('reserved ranges', () => {
  test('are made, changed, ended and removed', async () => {
    const made = await make('/reserved-ranges', {
      from: '100.0.0.0',
      to: '100.255.255.255',
      version: 2,
      cloud: 'tencent',
      note: 'site',
    });
    expect(made).toMatchObject({
      from: '100.0.0.0',
      to: '100.255.255.255',
      version: 2,
      cloud: 'tencent',
      effectiveUntil: null,
    });
    expect((await get<Listed>('/reserved-ranges?cloud=tencent')).body.items.map(({ id }) => id)).toContain(
      made.id,
    );
    expect((await get<Listed>('/reserved-ranges?cloud=aws')).body.items.map(({ id }) => id)).not.toContain(
      made.id,
    );
    const until = new Date(stage.clock.now() + 60_000).toISOString();
    const ended = await patch(`/reserved-ranges/${made.id}`, { effectiveUntil: until, cloud: null });
    expect(ended.body).toMatchObject({ effectiveUntil: until, cloud: null, from: '100.0.0.0' });
    expect((await get(`/reserved-ranges/${made.id}`)).body).toEqual(ended.body);
    expect((await remove(`/reserved-ranges/${made.id}`)).status).toBe(204);
    expect((await remove(`/reserved-ranges/${made.id}`)).status).toBe(404);
  });

  test('show the published one', async () => {
    const { body } = await get<Listed>('/reserved-ranges');
    expect(body.items).toContainEqual(
      expect.objectContaining({ from: '10.10.0.0', to: '10.64.255.255', cloud: null, version: 1 }),
    );
  });

  test.each<[object, string[]]>([
    [{ from: '100.0.0.0' }, ['/to required']],
    [{ from: '100.0.0.0/8', to: '101.0.0.0' }, ['/from bad_octet']],
    [{ from: '101.0.0.0', to: '100.0.0.0' }, ['/to range_reversed']],
    [
      {
        from: '100.0.0.0',
        to: '101.0.0.0',
        effectiveFrom: '2030-01-01T00:00:00Z',
        effectiveUntil: '2029-01-01T00:00:00Z',
      },
      ['/effectiveUntil not_after'],
    ],
  ])('%j is refused', async (body, expected) => {
    const refused = await post('/reserved-ranges', body);
    expect(refused.status).toBe(422);
    expect(issuesOf(refused)).toEqual(expected);
  });
});

describe('quotas', () => {
  test('have defaults, are set, changed and taken back', async () => {
    const tenant = await make('/tenants', { name: 'Limited' });
    const initial = (await get<Listed>(`/quotas?tenantId=${tenant.id}`)).body.items;
    expect(initial).toEqual([
      expect.objectContaining({ name: 'peerings_per_deployment', value: 50, updatedAt: null }),
      expect.objectContaining({ name: 'peerings_per_tenant', value: 1000, updatedAt: null }),
    ]);
    const quota = await make('/quotas', { tenantId: tenant.id, name: 'peerings_per_deployment', value: 5 });
    expect(quota.id).toBe(`${tenant.id}/peerings_per_deployment`);
    expect((await get(`/quotas/${quota.id}`)).body).toEqual(quota);
    expect((await patch(`/quotas/${quota.id}`, { value: 6 })).body['value']).toBe(6);
    expect((await remove(`/quotas/${quota.id}`)).status).toBe(204);
    expect((await get(`/quotas/${quota.id}`)).body['value']).toBe(50);
    expect((await remove(`/quotas/${quota.id}`)).status).toBe(404);
    expect((await get(`/quotas/${tenant.id}/peers`)).status).toBe(404);
  });
});

describe('API keys', () => {
  test('of customers and operators are made, and revoked', async () => {
    const { tenant, project } = await setUp();
    const made = await make('/api-keys', {
      tenantId: tenant.id,
      role: 'project_user',
      projectIds: [project.id],
      displayName: 'ci',
    });
    const key = { keyId: String(made['keyId']), secret: String(made['secret']) };
    expect((await stage.get('/v1/deployments', { key })).status).toBe(200);
    const operator = await make('/api-keys', { role: 'operator', displayName: 'colleague' });
    const theirs = { keyId: String(operator['keyId']), secret: String(operator['secret']) };
    expect((await stage.get('/admin/v1/tenants', { key: theirs })).status).toBe(200);
    const listed = (await get<Listed>(`/api-keys?tenantId=${tenant.id}`)).body.items;
    expect(listed.map(({ id }) => id)).toEqual([made.id]);
    expect(JSON.stringify(listed)).not.toContain(key.secret);
    expect((await remove(`/api-keys/${made.id}`)).status).toBe(204);
    expect((await stage.get('/v1/deployments', { key })).status).toBe(401);
    const record = await stage.database.asOperator((scope) => apiKeys.get(scope, made.id));
    expect(record!.revokedAt).not.toBeNull();
  });

  test.each<[string, object, string[]]>([
    ['a customer’s role without tenant', { role: 'auditor' }, ['/tenantId required']],
    [
      'an operator with tenant',
      { role: 'operator', tenantId: 'ten_00000000000000000000000000' },
      ['/tenantId not_combinable'],
    ],
    [
      'an unknown tenant',
      { role: 'auditor', tenantId: 'ten_00000000000000000000000000' },
      ['/tenantId no_such_reference'],
    ],
    ['an unknown role', { role: 'root' }, ['/role not_one_of']],
  ])('cannot be made for %s', async (_, body, expected) => {
    const refused = await post('/api-keys', body);
    expect(refused.status).toBe(422);
    expect(issuesOf(refused)).toEqual(expected);
  });
});

describe('the audit of everything', () => {
  test('is read across tenants, by tenant, action and key', async () => {
    const { tenant } = await setUp();
    const all = await get<Listed>(`/audit-events?tenantId=${tenant.id}&limit=200`);
    expect(all.body.items.map(({ action }) => action)).toEqual([
      'deployment.create',
      'project.create',
      'tenant.create',
    ]);
    const some = await get<Listed>(`/audit-events?tenantId=${tenant.id}&action=project.create`);
    expect(some.body.items).toHaveLength(1);
    const nobody = await get<Listed>(`/audit-events?actorKeyId=key_00000000000000000000000000`);
    expect(nobody.body.items).toEqual([]);
  });
});
