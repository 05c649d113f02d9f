/** Who may do what. Every route of the API's documents has its case here: a new route without one fails. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { apiKeys, auditEvents, deployments, peerings, type Role } from '#database';

import { CUSTOMER_ROLES } from '../../apps/api/src/auth/principal.js';
import { ApiStage, awsSpec, basic, type Key, type StagedTenant } from '../support/api-stage.js';

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, object>>>>;
}

/** Of the owner's connection. */
const NAME = 'nobody-else-reads-this';

let stage: ApiStage;
/** Whose things are looked for. */
let owner: StagedTenant;
/** Who must not find them. */
let stranger: StagedTenant;
/** One of everything that the owner has, by the name of a path parameter after the collection before it. */
let things: Readonly<Record<string, string>>;

beforeAll(async () => {
  stage = await ApiStage.open();
  owner = await stage.tenant('Owner');
  stranger = await stage.tenant('Stranger');
  const { id: peering } = await stage.peering(owner, {
    displayName: NAME,
    spec: awsSpec({ cidrs: ['172.16.0.0/16'] }),
  });
  await stage.place(peering, { state: 'running', verified: true, established: true });
  const { body } = await stage.post<{ id: string }>(`/v1/deployments/${owner.deploymentId}/resources`, {
    key: owner.administrator,
    body: { peeringId: peering, kind: 'connector', name: 'orders' },
  });
  const other = await stage.key(owner.id, 'auditor');
  things = {
    deployments: owner.deploymentId,
    peerings: peering,
    resources: body.id,
    'api-keys': other.keyId,
  };
});

afterAll(async () => {
  await stage.close();
});

/** Every route of a document. */
async function routesOf(
  path: '/openapi.json' | '/admin/openapi.json',
): Promise<readonly (readonly [string, string])[]> {
  const { body } = await stage.get<Document>(path);
  return Object.entries(body.paths).flatMap(([url, methods]) =>
    Object.keys(methods).map((method) => [method.toUpperCase(), url] as const),
  );
}

/** What a route needs to be let through as far as it goes. */
const BODIES: Readonly<Record<string, () => object>> = {
  'POST /v1/deployments/{id}/peerings': () => ({ spec: awsSpec() }),
  'POST /v1/deployments/{id}/preflight': () => ({ spec: awsSpec() }),
  'POST /v1/deployments/{id}/resources': () => ({ peeringId: things['peerings'], kind: 'action', name: 'x' }),
  'PATCH /v1/peerings/{id}': () => ({ displayName: 'taken over' }),
  'POST /v1/api-keys': () => ({ role: 'auditor', displayName: 'made by somebody' }),
  'PATCH /v1/api-keys/{id}': () => ({ displayName: 'taken over' }),
};

/** The path with the owner's ids in it. */
function filled(url: string): string {
  const steps = url.split('/');
  return steps
    .map((step, index) => {
      if (!step.startsWith('{')) return step;
      const thing = things[steps[index - 1] ?? ''];
      if (thing === undefined) throw new Error(`This spec has nothing for ${step} of ${url}: add it.`);
      return thing;
    })
    .join('/');
}

function call(method: string, url: string, key: Key | null) {
  const body = BODIES[`${method} ${url}`]?.();
  return stage.request(method, filled(url), { key, ...(body === undefined ? {} : { body }) });
}

/** Everything of the owner that somebody could change or make. */
async function booksOf(tenantId: string): Promise<string> {
  return stage.database.asOperator(async (scope) =>
    JSON.stringify([
      await peerings.list(scope, { tenantIds: [tenantId] }),
      await deployments.list(scope, { tenantIds: [tenantId] }),
      await apiKeys.list(scope, { tenantId }),
      (await auditEvents.list(scope, { tenantId }, { limit: 200 })).items.length,
    ]),
  );
}

describe('another tenant', () => {
  test('finds nothing of the owner at any route, and changes nothing', async () => {
    const before = await booksOf(owner.id);
    const routes = await routesOf('/openapi.json');
    expect(routes.length).toBeGreaterThan(25);
    const wrong: string[] = [];
    for (const [method, url] of routes) {
      const { status, body } = await call(method, url, stranger.administrator);
      const text = JSON.stringify(body);
      const seen = [owner.id, ...Object.values(things), NAME].filter(
        (theirs) => text.includes(theirs) && !filled(url).includes(theirs),
      );
      const expected = url.includes('{') ? [404] : [200, 201];
      if (!expected.includes(status) || seen.length > 0)
        wrong.push(`${method} ${url}: ${String(status)} ${text}`);
    }
    expect(wrong).toEqual([]);
    expect(await booksOf(owner.id)).toBe(before);
  });

  test('is told the same of what is another’s and of what nobody has', async () => {
    const nobodys = things['peerings']!.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    const theirs = await stage.get(`/v1/peerings/${things['peerings']!}`, { key: stranger.administrator });
    const none = await stage.get(`/v1/peerings/${nobodys}`, { key: stranger.administrator });
    const { code, title, fix, errors, conflicts } = none.body;
    expect(theirs.body).toMatchObject({ code, title, fix, errors, conflicts });
  });

  test('cannot filter lists by the owner’s deployment', async () => {
    const { body } = await stage.get<{ items: unknown[] }>(`/v1/peerings?deployment=${owner.deploymentId}`, {
      key: stranger.administrator,
    });
    expect(body.items).toEqual([]);
    const quotas = await stage.get(`/v1/quotas?deployment=${owner.deploymentId}`, {
      key: stranger.administrator,
    });
    expect(quotas.status).toBe(404);
  });

  test('cannot bind a resource to the owner’s connection', async () => {
    const refused = await stage.post(`/v1/deployments/${stranger.deploymentId}/resources`, {
      key: stranger.administrator,
      body: { peeringId: things['peerings'], kind: 'connector', name: 'x' },
    });
    expect(refused.status).toBe(422);
    expect(refused.body.errors[0]).toMatchObject({ pointer: '/peeringId', code: 'no_such_reference' });
  });

  test('cannot give a key to the owner’s project', async () => {
    const refused = await stage.post('/v1/api-keys', {
      key: stranger.administrator,
      body: { role: 'project_admin', projectIds: [owner.projectId] },
    });
    expect(refused.status).toBe(422);
    expect(refused.body.errors[0]).toMatchObject({ pointer: '/projectIds/0', code: 'no_such_reference' });
  });
});

describe('a key of another project', () => {
  test('finds nothing of the project at any route', async () => {
    const key = await stage.key(owner.id, 'project_admin', [owner.otherProjectId]);
    const before = await booksOf(owner.id);
    const wrong: string[] = [];
    for (const [method, url] of await routesOf('/openapi.json')) {
      if (!/\{/.test(url) || url.startsWith('/v1/api-keys')) continue;
      const { status } = await call(method, url, key);
      if (status !== 404) wrong.push(`${method} ${url}: ${String(status)}`);
    }
    expect(wrong).toEqual([]);
    for (const list of ['/v1/deployments', '/v1/peerings']) {
      const { body } = await stage.get<{ items: unknown[] }>(list, { key });
      expect(body.items).toEqual([]);
    }
    expect(await booksOf(owner.id)).toBe(before);
  });

  test('sees what belongs to its own', async () => {
    const key = await stage.key(owner.id, 'project_user', [owner.projectId]);
    const { body } = await stage.get<{ items: { id: string }[] }>('/v1/peerings', { key });
    expect(body.items.map(({ id }) => id)).toEqual([things['peerings']]);
  });
});

/** Who is let through. A route that is missing here fails. */
const ALLOWED: Readonly<Record<string, 'readers' | 'writers' | 'administrators' | 'auditors'>> = {
  'GET /v1/deployments': 'readers',
  'GET /v1/deployments/{id}': 'readers',
  'GET /v1/deployments/{id}/peering-offer': 'readers',
  'GET /v1/deployments/{id}/cidr-suggestions': 'readers',
  'GET /v1/deployments/{id}/peerings': 'readers',
  'POST /v1/deployments/{id}/peerings': 'writers',
  'POST /v1/deployments/{id}/preflight': 'writers',
  'GET /v1/deployments/{id}/resources': 'readers',
  'POST /v1/deployments/{id}/resources': 'writers',
  'GET /v1/deployments/{id}/resources/{resourceId}': 'readers',
  'DELETE /v1/deployments/{id}/resources/{resourceId}': 'writers',
  'GET /v1/peerings': 'readers',
  'GET /v1/peerings/{id}': 'readers',
  'PATCH /v1/peerings/{id}': 'writers',
  'DELETE /v1/peerings/{id}': 'writers',
  'POST /v1/peerings/{id}/retry': 'writers',
  'POST /v1/peerings/{id}/repair': 'writers',
  'POST /v1/peerings/{id}/refresh': 'writers',
  'GET /v1/peerings/{id}/events': 'readers',
  'GET /v1/peerings/{id}/deletion-preview': 'readers',
  'GET /v1/api-keys': 'administrators',
  'POST /v1/api-keys': 'administrators',
  'GET /v1/api-keys/{id}': 'administrators',
  'PATCH /v1/api-keys/{id}': 'administrators',
  'DELETE /v1/api-keys/{id}': 'administrators',
  'GET /v1/audit-events': 'auditors',
  'GET /v1/quotas': 'readers',
  'GET /v1/meta/state-machine': 'readers',
  'GET /v1/meta/errors': 'readers',
};

const ROLES_OF: Readonly<Record<string, readonly Role[]>> = {
  readers: CUSTOMER_ROLES,
  writers: ['administrator', 'project_admin', 'project_user'],
  administrators: ['administrator'],
  auditors: ['administrator', 'auditor'],
};

describe('roles', () => {
  test('every customer route is in the matrix, and nothing else', async () => {
    const routes = (await routesOf('/openapi.json')).map((route) => route.join(' '));
    expect(routes.sort()).toEqual(Object.keys(ALLOWED).sort());
  });

  test.each(CUSTOMER_ROLES)('%s is let through where it may, and nowhere else', async (role) => {
    const isOfProject = role === 'project_admin' || role === 'project_user';
    const key = await stage.key(owner.id, role, isOfProject ? [owner.projectId] : null);
    const wrong: string[] = [];
    for (const [route, group] of Object.entries(ALLOWED)) {
      const [method = '', url = ''] = route.split(' ');
      const may = ROLES_OF[group]!.includes(role);
      // What may be done is tried on things that are not there, so that nothing is undone for the next.
      const { status, body } = may
        ? await stage.request(method, missing(url), { key, ...withBody(route) })
        : await call(method, url, key);
      const letThrough = status !== 401 && status !== 403;
      if (letThrough !== may || (!may && body.code !== 'forbidden'))
        wrong.push(`${route}: ${String(status)}`);
    }
    expect(wrong).toEqual([]);
  });

  function missing(url: string): string {
    return filled(url).replace(/(dep|peer|key|res)_[0-9a-z]+/g, '$1_00000000000000000000000000');
  }

  function withBody(route: string): { readonly body?: object } {
    const body = BODIES[route];
    return body === undefined ? {} : { body: body() };
  }

  test('a refusal says which role is needed', async () => {
    const key = await stage.key(owner.id, 'accountant');
    const { status, body, headers } = await stage.delete(`/v1/peerings/${things['peerings']!}`, { key });
    expect(status).toBe(403);
    expect(body).toMatchObject({ code: 'forbidden', fix: expect.stringContaining('project_admin') });
    expect(headers.get('www-authenticate')).toContain('Basic');
  });
});

describe('without a valid key', () => {
  const presented: readonly (readonly [string, () => Promise<string | null>])[] = [
    ['no header', () => Promise.resolve(null)],
    ['another scheme', () => Promise.resolve('Digest abc')],
    ['no colon', () => Promise.resolve(`Basic ${Buffer.from('abc').toString('base64')}`)],
    [
      'an unknown key',
      () => Promise.resolve(basic({ keyId: 'key_00000000000000000000000000', secret: 'x' })),
    ],
    ['a wrong secret', () => Promise.resolve(basic({ ...owner.administrator, secret: 'x' }))],
    [
      'an expired key',
      async () => basic(await stage.key(owner.id, 'administrator', null, stage.clock.now() - 1)),
    ],
    [
      'a revoked key',
      async () => {
        const key = await stage.key(owner.id, 'administrator');
        await stage.database.asOperator((scope) => apiKeys.revoke(scope, key.keyId, stage.clock.now()));
        return basic(key);
      },
    ],
  ];

  test.each(presented)('%s is refused at every route, of customers and operators', async (_, header) => {
    const authorization = await header();
    const headers = authorization === null ? {} : { authorization };
    const routes = [...(await routesOf('/openapi.json')), ...(await routesOf('/admin/openapi.json'))];
    expect(routes.length).toBeGreaterThan(60);
    const wrong: string[] = [];
    for (const [method, url] of routes) {
      const path = url.replace(/\{\w+\}/g, 'x');
      const answer = await stage.request(method, path, { headers });
      const { status, body } = answer;
      const challenged = answer.headers.get('www-authenticate')?.includes('Bearer') ?? false;
      if (status !== 401 || body.code !== 'unauthenticated' || !challenged)
        wrong.push(`${method} ${url}: ${String(status)}`);
    }
    expect(wrong).toEqual([]);
  });
});

describe('operators and customers', () => {
  test('a customer’s administrator is refused at every operator route', async () => {
    const wrong: string[] = [];
    for (const [method, url] of await routesOf('/admin/openapi.json')) {
      const path = url.replace(/\{\w+\}/g, 'x');
      const { status, body } = await stage.request(method, path, { key: owner.administrator });
      if (status !== 403 || body.code !== 'forbidden') wrong.push(`${method} ${url}: ${String(status)}`);
    }
    expect(wrong).toEqual([]);
  });

  test('an operator’s key opens no customer route', async () => {
    const wrong: string[] = [];
    for (const [method, url] of await routesOf('/openapi.json')) {
      const { status } = await call(method, url, stage.operator);
      if (status !== 403) wrong.push(`${method} ${url}: ${String(status)}`);
    }
    expect(wrong).toEqual([]);
  });
});

describe('a key', () => {
  test('works as Basic and as Bearer', async () => {
    const { keyId, secret } = owner.administrator;
    const bearer = await stage.get('/v1/deployments', {
      headers: { authorization: `Bearer ${keyId}:${secret}` },
    });
    expect(bearer.status).toBe(200);
    expect((await stage.get('/v1/deployments', { key: owner.administrator })).status).toBe(200);
  });

  test('that its administrator revokes stops working at once', async () => {
    const made = await stage.post<{ keyId: string; secret: string }>('/v1/api-keys', {
      key: owner.administrator,
      body: { role: 'auditor', displayName: 'for a moment' },
    });
    expect(made.status).toBe(201);
    const key = made.body;
    expect((await stage.get('/v1/deployments', { key })).status).toBe(200);
    const revoked = await stage.delete(`/v1/api-keys/${key.keyId}`, { key: owner.administrator });
    expect(revoked.status).toBe(204);
    expect((await stage.get('/v1/deployments', { key })).status).toBe(401);
  });

  test('that is revoked elsewhere stops working within seconds', async () => {
    const key = await stage.key(owner.id, 'auditor');
    expect((await stage.get('/v1/deployments', { key })).status).toBe(200);
    await stage.database.asOperator((scope) => apiKeys.revoke(scope, key.keyId, stage.clock.now()));
    stage.clock.advance(2_000);
    expect((await stage.get('/v1/deployments', { key })).status).toBe(401);
  });

  test('shows its secret once, and stores a hash of it', async () => {
    const made = await stage.post<{ id: string; keyId: string; secret: string }>('/v1/api-keys', {
      key: owner.administrator,
      body: { role: 'project_user', projectIds: [owner.projectId], displayName: 'terraform' },
    });
    const { id, keyId, secret } = made.body;
    expect(keyId).toBe(id);
    const read = await stage.get<object>(`/v1/api-keys/${id}`, { key: owner.administrator });
    expect(read.body).toMatchObject({
      id,
      role: 'project_user',
      projectIds: [owner.projectId],
      displayName: 'terraform',
    });
    expect(JSON.stringify(read.body)).not.toContain(secret);
    const stored = await apiKeys.findForAuthentication(stage.database, id);
    expect(stored!.secretHash).toHaveLength(32);
    expect(stage.log.join('')).not.toContain(secret);
  });

  test.each<[string, object, string]>([
    ['a project role without projects', { role: 'project_user' }, '/projectIds bad_count'],
    [
      'an administrator of projects',
      { role: 'administrator', projectIds: ['prj_00000000000000000000000000'] },
      '/projectIds bad_count',
    ],
    ['an operator', { role: 'operator' }, '/role not_one_of'],
    ['a past expiry', { role: 'auditor', expiresAt: '2020-01-01T00:00:00Z' }, '/expiresAt not_after'],
  ])('cannot be made for %s', async (_, body, expected) => {
    const refused = await stage.post('/v1/api-keys', { key: owner.administrator, body });
    expect(refused.status).toBe(422);
    expect(refused.body.errors.map(({ pointer, code }) => `${pointer} ${code}`)).toEqual([expected]);
  });
});
