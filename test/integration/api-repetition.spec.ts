/** Requests that are sent again, at once or later; lists that are read page by page; reads that wait. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

import { peerings } from '#database';

import { LongPolls } from '../../apps/api/src/http/long-polls.js';
import type { PeeringPageView, PeeringView } from '../../apps/api/src/peerings/peering.view.js';
import { ApiStage, awsSpec, type Answered, type StagedTenant } from '../support/api-stage.js';
import { eventually } from '../support/eventually.js';

let stage: ApiStage;
let tenant: StagedTenant;

beforeAll(async () => {
  stage = await ApiStage.open();
});

afterAll(async () => {
  await stage.close();
});

beforeEach(async () => {
  tenant = await stage.tenant();
});

const collection = (): string => `/v1/deployments/${tenant.deploymentId}/peerings`;

function create(body: object, key: string, by = tenant.administrator): Promise<Answered<PeeringView>> {
  return stage.post(collection(), { key: by, body, headers: { 'idempotency-key': key } });
}

async function count(): Promise<number> {
  const page = await stage.database.asOperator((scope) =>
    peerings.list(scope, { deploymentIds: [tenant.deploymentId] }, { limit: 200 }),
  );
  return page.items.length;
}

describe('an Idempotency-Key', () => {
  test('gets the stored answer for the same request, and does nothing again', async () => {
    const body = { displayName: 'prod', spec: awsSpec() };
    const first = await create(body, 'k-1');
    expect(first.status).toBe(202);
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    await stage.write(first.body.id, () => ({ displayName: 'changed since' }));
    const again = await create(body, 'k-1');
    expect(again.status).toBe(202);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('location')).toBe(first.headers.get('location'));
    expect(again.headers.get('etag')).toBe('"1"');
    expect(await count()).toBe(1);
  });

  test('is bound to the body, whatever the order of its fields', async () => {
    const spec = awsSpec();
    const first = await create({ displayName: 'prod', spec }, 'k-2');
    const reordered = await create(
      { spec: { cloud: Object.fromEntries(Object.entries(spec.cloud).reverse()) }, displayName: 'prod' },
      'k-2',
    );
    expect(reordered.body.id).toBe(first.body.id);
    const other = await stage.post(collection(), {
      key: tenant.administrator,
      body: { displayName: 'other', spec },
      headers: { 'idempotency-key': 'k-2' },
    });
    expect(other.status).toBe(422);
    expect(other.body.code).toBe('idempotency_mismatch');
    expect(await count()).toBe(1);
  });

  test('is not shared between tenants, nor between keys', async () => {
    const body = { spec: awsSpec() };
    const first = await create(body, 'k-3');
    const colleague = await stage.key(tenant.id, 'project_admin', [tenant.projectId]);
    const theirs = await create(body, 'k-3', colleague);
    expect(theirs.status).toBe(422);
    const stranger = await stage.tenant();
    const elsewhere = await stage.post<PeeringView>(`/v1/deployments/${stranger.deploymentId}/peerings`, {
      key: stranger.administrator,
      body,
      headers: { 'idempotency-key': 'k-3' },
    });
    expect(elsewhere.status).toBe(202);
    expect(elsewhere.body.id).not.toBe(first.body.id);
  });

  test('of many equal requests at once lets one act', async () => {
    const body = { spec: awsSpec() };
    const answers = await Promise.all(Array.from({ length: 10 }, () => create(body, 'k-4')));
    const done = answers.filter(({ status }) => status === 202);
    expect(done.length).toBeGreaterThanOrEqual(1);
    expect(new Set(done.map(({ body: { id } }) => id)).size).toBe(1);
    for (const { status, headers, body: refused } of answers) {
      if (status === 202) continue;
      expect(status).toBe(409);
      expect(refused).toMatchObject({ code: 'idempotency_in_progress', retryable: true });
      expect(headers.get('retry-after')).toBe('1');
    }
    expect(await count()).toBe(1);
    expect((await create(body, 'k-4')).body.id).toBe(done[0]!.body.id);
  });

  test('keeps nothing of a request that was refused', async () => {
    const spec = awsSpec({ cidrs: ['172.16.0.0/16'] });
    const rival = await stage.peering(tenant, { spec: awsSpec({ cidrs: ['172.16.0.0/20'] }) });
    expect((await create({ spec }, 'k-5')).status).toBe(409);
    await stage.place(rival.id, { state: 'deleted' });
    expect((await create({ spec }, 'k-5')).status).toBe(202);
  });

  test('works on every other POST that acts', async () => {
    const { id } = await stage.peering(tenant);
    await stage.place(id, { state: 'failed', ending: null });
    const options = { key: tenant.administrator, headers: { 'idempotency-key': 'k-6' } };
    const first = await stage.post<PeeringView>(`/v1/peerings/${id}/retry`, options);
    const again = await stage.post<PeeringView>(`/v1/peerings/${id}/retry`, options);
    expect([first.status, again.status]).toEqual([202, 202]);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect((await stage.read(id))!.version).toBe(first.body.version);
  });

  test('gives a new secret again, which is kept encrypted', async () => {
    const options = {
      key: tenant.administrator,
      body: { role: 'auditor' },
      headers: { 'idempotency-key': 'k-7' },
    };
    const first = await stage.post<{ secret: string }>('/v1/api-keys', options);
    const again = await stage.post<{ secret: string }>('/v1/api-keys', options);
    expect(again.body).toEqual(first.body);
    const client = new pg.Client({ connectionString: stage.databaseUrl });
    await client.connect();
    const { rows } = await client.query<{ body: string }>(
      'SELECT response_body::text AS body FROM idempotency_keys WHERE key = $1',
      ['k-7'],
    );
    await client.end();
    expect(rows).toHaveLength(1);
    expect(rows[0]!.body).not.toContain(first.body.secret);
  });

  test.each(['with space', 'ümlaut', 'x'.repeat(256)])('%j is refused', async (key) => {
    const refused = await stage.post(collection(), {
      key: tenant.administrator,
      body: { spec: awsSpec() },
      headers: {
        'idempotency-key': Buffer.from(key).toString('latin1'),
      },
    });
    expect(refused.status).toBe(422);
    expect(refused.body.errors[0]).toMatchObject({ pointer: 'Idempotency-Key:', code: 'bad_format' });
  });
});

describe('a list', () => {
  async function fill(): Promise<string[]> {
    const made: string[] = [];
    for (let index = 0; index < 7; index += 1) made.push((await stage.peering(tenant)).id);
    return made.reverse();
  }

  async function readAll(query: string): Promise<{ ids: string[]; pages: number }> {
    const ids: string[] = [];
    let pages = 0;
    let cursor: string | null = null;
    do {
      const page: Answered<PeeringPageView> = await stage.get(
        `${collection()}?${query}${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
        { key: tenant.administrator },
      );
      expect(page.status).toBe(200);
      ids.push(...page.body.items.map(({ id }) => id));
      cursor = page.body.nextCursor;
      pages += 1;
    } while (cursor !== null);
    return { ids, pages };
  }

  test('comes page by page, whole, newest first, even while others are made', async () => {
    const made = await fill();
    expect(await readAll('limit=3')).toEqual({ ids: made, pages: 3 });
    expect(await readAll('limit=7')).toEqual({ ids: made, pages: 1 });
    const first = await stage.get<PeeringPageView>(`${collection()}?limit=3`, { key: tenant.administrator });
    await stage.peering(tenant);
    const second = await stage.get<PeeringPageView>(
      `${collection()}?limit=3&cursor=${first.body.nextCursor!}`,
      {
        key: tenant.administrator,
      },
    );
    expect(second.body.items.map(({ id }) => id)).toEqual(made.slice(3, 6));
  });

  test('is filtered by state, cloud and deployment, repeated or by commas', async () => {
    const made = await fill();
    await stage.place(made[1]!, { state: 'running' });
    await stage.place(made[4]!, { state: 'failed', ending: null });
    const { id: otherDeployment } = await stage.deployment(tenant);
    const other = await stage.post<PeeringView>(`/v1/deployments/${otherDeployment}/peerings`, {
      key: tenant.administrator,
      body: { spec: awsSpec() },
    });
    const list = async (query: string): Promise<string[]> => {
      const { body } = await stage.get<PeeringPageView>(`/v1/peerings?${query}`, {
        key: tenant.administrator,
      });
      return body.items.map(({ id }) => id);
    };
    expect(await list('state=running,failed')).toEqual([made[1], made[4]]);
    expect(await list('state=running&state=failed')).toEqual([made[1], made[4]]);
    expect(await list(`deployment=${otherDeployment}`)).toEqual([other.body.id]);
    expect(await list(`deployment=${otherDeployment},${tenant.deploymentId}&state=running`)).toEqual([
      made[1],
    ]);
    expect(await list('cloud=tencent')).toEqual([]);
    expect(await list('cloud=aws')).toHaveLength(8);
  });

  test.each([
    ['limit=0', '?limit out_of_range'],
    ['limit=201', '?limit out_of_range'],
    ['limit=x', '?limit wrong_type'],
    ['state=happy', '?state/0 not_one_of'],
    ['cursor=abc', '?cursor bad_cursor'],
    ['sort=asc', '?sort unknown_field'],
    ['cursor=', '?cursor bad_length'],
  ])('refuses %s', async (query, expected) => {
    const { status, body } = await stage.get(`${collection()}?${query}`, { key: tenant.administrator });
    expect(status).toBe(422);
    expect(body.errors.map(({ pointer, code }) => `${pointer} ${code}`)).toEqual([expected]);
  });

  test('refuses a cursor of other filters', async () => {
    await fill();
    const first = await stage.get<PeeringPageView>(`${collection()}?limit=3`, { key: tenant.administrator });
    const { status, body } = await stage.get(
      `${collection()}?limit=3&state=running&cursor=${first.body.nextCursor!}`,
      {
        key: tenant.administrator,
      },
    );
    expect(status).toBe(422);
    expect(body.errors[0]!.code).toBe('bad_cursor');
  });
});

describe('a long poll', () => {
  const waiting = (): number => stage.api.app.get(LongPolls).count;

  function wait(id: string, query: string, signal?: AbortSignal): Promise<Answered<PeeringView>> {
    return stage.get(`/v1/peerings/${id}?${query}`, {
      key: tenant.administrator,
      ...(signal ? { signal } : {}),
    });
  }

  test('answers at once when the connection is there already', async () => {
    const { id } = await stage.peering(tenant);
    const { body } = await wait(id, 'wait=verifying,running&timeout=30s');
    expect(body.status.state).toBe('verifying');
  });

  test('answers when the worker has brought it there, and not before', async () => {
    const { id } = await stage.peering(tenant);
    let answered = false;
    const answer = wait(id, 'wait=running,failed&timeout=30s').finally(() => (answered = true));
    await eventually('it waits', () => waiting() > 0);
    await stage.place(id, { state: 'accepting' });
    await sleep(100);
    expect(answered).toBe(false);
    await stage.place(id, { state: 'running' });
    const { status, body, headers } = await answer;
    expect(status).toBe(200);
    expect(body.status.state).toBe('running');
    expect(headers.get('etag')).toBe('"3"');
    expect(waiting()).toBe(0);
  });

  test('answers with what there is when the time is over', async () => {
    const { id } = await stage.peering(tenant);
    const begun = performance.now();
    const { status, body } = await wait(id, 'wait=running&timeout=1s');
    expect(status).toBe(200);
    expect(body.status.state).toBe('verifying');
    expect(performance.now() - begun).toBeGreaterThanOrEqual(990);
  });

  test('is forgotten when the caller goes away', async () => {
    const { id } = await stage.peering(tenant);
    const caller = new AbortController();
    const answer = wait(id, 'wait=running&timeout=60s', caller.signal);
    await eventually('it waits', () => waiting() > 0);
    caller.abort();
    await expect(answer).rejects.toThrow();
    await eventually('nobody waits', () => waiting() === 0);
  });

  test('holds no connection to the database: many can wait', async () => {
    const { id } = await stage.peering(tenant);
    const answers = Array.from({ length: 60 }, () => wait(id, 'wait=running&timeout=60s'));
    await eventually('all wait', () => waiting() === 60);
    expect((await stage.get('/v1/deployments', { key: tenant.administrator })).status).toBe(200);
    await stage.place(id, { state: 'running' });
    for (const { body } of await Promise.all(answers)) expect(body.status.state).toBe('running');
  });

  test.each([
    ['wait=happy', '?wait/0 not_one_of'],
    ['wait=running&timeout=0', '?timeout bad_format'],
    ['wait=running&timeout=61s', '?timeout bad_format'],
    ['wait=running&timeout=1m', '?timeout bad_format'],
  ])('refuses %s', async (query, expected) => {
    const { id } = await stage.peering(tenant);
    const { status, body } = await stage.get(`/v1/peerings/${id}?${query}`, { key: tenant.administrator });
    expect(status).toBe(422);
    expect(body.errors.map(({ pointer, code }) => `${pointer} ${code}`)).toEqual([expected]);
  });

  test('of another tenant’s connection is not found at once', async () => {
    const stranger = await stage.tenant();
    const { id } = await stage.peering(tenant);
    const begun = performance.now();
    const { status } = await stage.get(`/v1/peerings/${id}?wait=running&timeout=30s`, {
      key: stranger.administrator,
    });
    expect(status).toBe(404);
    expect(performance.now() - begun).toBeLessThan(5_000);
  });
});
