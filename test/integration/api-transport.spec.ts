/** Everything around the routes: what cannot be read, headers, logs, health, and coming to an end. */
import { connect } from 'node:net';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { LongPolls } from '../../apps/api/src/http/long-polls.js';
import type { PeeringView } from '../../apps/api/src/peerings/peering.view.js';
import {
  ApiStage,
  awsSpec,
  type Answered,
  type Key,
  type RequestOptions,
  type StagedTenant,
} from '../support/api-stage.js';
import { eventually } from '../support/eventually.js';

let stage: ApiStage;
let tenant: StagedTenant;
let key: Key;

beforeAll(async () => {
  stage = await ApiStage.open();
  tenant = await stage.tenant();
  key = tenant.administrator;
});

afterAll(async () => {
  await stage.close();
});

const collection = (): string => `/v1/deployments/${tenant.deploymentId}/peerings`;

/** Sends bytes as they are, which no HTTP client would. */
async function sendRaw(text: string): Promise<string> {
  const { hostname, port } = new URL(stage.api.url);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(port), hostname, () => socket.write(text));
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => (answer += chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}

describe('what cannot be served', () => {
  test.each<[string, string, () => string, RequestOptions, number, string]>([
    ['an unknown path', 'GET', () => '/v2/peerings', {}, 404, 'route_not_found'],
    ['an unknown path below a known one', 'GET', () => `${collection()}/x/y`, {}, 404, 'route_not_found'],
    ['a path with an empty step', 'GET', () => '/v1/peerings//events', {}, 404, 'route_not_found'],
    ['a wrong method', 'PUT', () => '/v1/peerings', { body: {} }, 405, 'method_not_allowed'],
    ['a wrong method below', 'DELETE', () => collection(), {}, 405, 'method_not_allowed'],
    ['OPTIONS', 'OPTIONS', () => '/v1/peerings', {}, 405, 'method_not_allowed'],
    ['broken JSON', 'POST', collection, { raw: '{"spec":' }, 400, 'malformed_body'],
    ['JSON with a prototype', 'POST', collection, { raw: '{"__proto__":{"x":1}}' }, 400, 'malformed_body'],
    [
      'a form',
      'POST',
      collection,
      { raw: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      415,
      'unsupported_media_type',
    ],
    [
      'XML',
      'POST',
      collection,
      { raw: '<a/>', headers: { 'content-type': 'application/xml' } },
      415,
      'unsupported_media_type',
    ],
    [
      '257 KiB',
      'POST',
      collection,
      { raw: JSON.stringify({ displayName: 'x'.repeat(257 * 1024) }) },
      413,
      'payload_too_large',
    ],
    ['a bad escape', 'GET', () => '/v1/peerings/%zz', {}, 400, 'malformed_url'],
    ['a long parameter', 'GET', () => `/v1/peerings/${'x'.repeat(300)}`, {}, 400, 'malformed_url'],
    ['an id of another kind', 'GET', () => `/v1/peerings/${tenant.deploymentId}`, {}, 404, 'not_found'],
    ['a null byte in an id', 'GET', () => '/v1/peerings/peer_%00', {}, 404, 'not_found'],
    ['a script in an id', 'GET', () => '/v1/peerings/%3Cscript%3E', {}, 404, 'not_found'],
    ['a query that is no field', 'GET', () => '/v1/peerings?__proto__=1', {}, 422, 'validation_failed'],
  ])('%s is a problem like any other', async (_, method, path, options, status, code) => {
    const answer = await stage.request(method, path(), { key, ...options });
    expect(answer.body).toMatchObject({ status, code, type: `/v1/meta/errors#${code}` });
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect(answer.headers.get('x-request-id')).toBe(answer.body.requestId);
    expect(JSON.stringify(answer.body)).not.toMatch(/node_modules|\.ts:|\.js:|SELECT|at \w+ \(/);
  });

  test('says which methods are possible', async () => {
    const { headers } = await stage.request('PUT', '/v1/peerings/x', { key, body: {} });
    expect(headers.get('allow')).toBe('DELETE, GET, HEAD, PATCH');
  });

  test('an empty body counts as none, whatever its type', async () => {
    const { id } = await stage.peering(tenant);
    await stage.place(id, { state: 'failed', ending: null });
    const empty = { key, raw: '', headers: { 'content-type': 'application/json' } };
    expect((await stage.post(`/v1/peerings/${id}/retry`, empty)).status).toBe(202);
    expect((await stage.post(collection(), empty)).body.errors[0]).toMatchObject({
      pointer: '/spec',
      code: 'required',
    });
  });

  test('a merge patch is JSON', async () => {
    const { id } = await stage.peering(tenant);
    const changed = await stage.patch<PeeringView>(`/v1/peerings/${id}`, {
      key,
      raw: '{"displayName":"merged"}',
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    expect(changed.body.displayName).toBe('merged');
  });

  test('a body where none is taken is refused', async () => {
    const { id } = await stage.peering(tenant);
    const refused = await stage.post(`/v1/peerings/${id}/refresh`, { key, body: { now: true } });
    expect(refused.body.errors).toEqual([
      expect.objectContaining({ pointer: '/now', code: 'unknown_field' }),
    ]);
  });

  test('a request that is no HTTP does not harm', async () => {
    expect(await sendRaw('nonsense\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect((await stage.get('/healthz')).status).toBe(200);
  });
});

describe('every answer', () => {
  test('carries the caller’s request id, or one of its own', async () => {
    const given = await stage.get('/v1/nothing', { headers: { 'x-request-id': 'build-42.1' } });
    expect(given.headers.get('x-request-id')).toBe('build-42.1');
    expect(given.body.requestId).toBe('build-42.1');
    const made = await stage.get('/v1/nothing', { headers: { 'x-request-id': 'two words' } });
    expect(made.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  test.each(['/v1/deployments', '/v1/nothing', '/healthz', '/docs'])(
    'has the headers that keep browsers safe: %s',
    async (path) => {
      const { headers } = await stage.get<unknown>(path, { key });
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toContain("default-src 'self'");
      expect(headers.get('x-frame-options')).toBe('SAMEORIGIN');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('strict-transport-security')).toContain('max-age=');
      expect(headers.get('x-powered-by')).toBeNull();
    },
  );

  test('is logged in one line without secrets, bodies or queries', async () => {
    const { length } = stage.log;
    const secretive = await stage.post<PeeringView>(`${collection()}?`, {
      key,
      body: { displayName: 'confidential-name', spec: awsSpec() },
    });
    await stage.get('/v1/peerings?state=running', { key });
    const lines = await eventually('two lines', () => {
      const fresh = stage.log.slice(length);
      return fresh.length >= 2 && fresh;
    });
    const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(entries[0]).toMatchObject({
      msg: 'request',
      method: 'POST',
      path: collection(),
      status: 202,
      keyId: key.keyId,
      tenantId: tenant.id,
      requestId: secretive.headers.get('x-request-id'),
    });
    expect(entries[1]).toMatchObject({ path: '/v1/peerings', status: 200 });
    for (const line of lines) {
      expect(line).not.toContain(key.secret);
      expect(line).not.toContain('confidential-name');
      expect(line).not.toContain('running');
    }
  });
});

describe('health', () => {
  test('is shown to anybody, and not logged', async () => {
    const { length } = stage.log;
    expect((await stage.get<unknown>('/healthz')).body).toEqual({ status: 'ok' });
    const ready = await stage.get<unknown>('/readyz');
    expect(ready.status).toBe(200);
    expect(ready.body).toEqual({ status: 'ok', checks: { database: 'ok', queue: 'ok' } });
    expect(stage.log).toHaveLength(length);
  });

  test('is measured', async () => {
    await stage.get('/v1/deployments', { key });
    const { body, headers } = await stage.get<string>('/metrics');
    expect(headers.get('content-type')).toContain('text/plain');
    const [line = ''] = body
      .split('\n')
      .filter(
        (each) =>
          each.startsWith('http_request_duration_seconds_count') && each.includes('"/v1/deployments"'),
      );
    for (const label of ['app="api"', 'method="GET"', 'status="200"']) expect(line).toContain(label);
    expect(body).toContain('process_cpu_user_seconds_total');
    expect(body).not.toContain(tenant.id);
  });
});

describe('when the database is away', () => {
  test('answers 503 and recovers nothing it did not have; the process lives on', async () => {
    const away = await ApiStage.open();
    const { administrator, deploymentId } = await away.tenant();
    expect((await away.get('/v1/deployments', { key: administrator })).status).toBe(200);
    await away.database.close();
    const refused = await away.post(`/v1/deployments/${deploymentId}/peerings`, {
      key: administrator,
      body: { spec: awsSpec() },
    });
    expect(refused.status).toBe(503);
    expect(refused.body).toMatchObject({ code: 'unavailable', retryable: true });
    expect(refused.headers.get('retry-after')).toBe('2');
    expect(JSON.stringify(refused.body)).not.toMatch(/pool|postgres|connect/i);
    const ready = await away.get<unknown>('/readyz');
    expect(ready.status).toBe(503);
    expect(ready.body).toEqual({ status: 'unavailable', checks: { database: 'unavailable', queue: 'ok' } });
    expect((await away.get<unknown>('/healthz')).status).toBe(200);
    await away.close();
  });
});

describe('coming to an end', () => {
  test('answers those that wait, then takes no more', async () => {
    const ending = await ApiStage.open();
    const owner = await ending.tenant();
    const { id } = await ending.peering(owner);
    let settled: Answered<PeeringView> | null = null;
    const waiting = ending
      .get<PeeringView>(`/v1/peerings/${id}?wait=running&timeout=60s`, { key: owner.administrator })
      .then((answer) => (settled = answer));
    await eventually('it waits', () => ending.api.app.get(LongPolls).count === 1);
    const begun = performance.now();
    await ending.close();
    await waiting;
    expect(settled).toMatchObject({ status: 200, body: { id, status: { state: 'verifying' } } });
    expect(performance.now() - begun).toBeLessThan(10_000);
    await expect(fetch(`${ending.api.url}/healthz`)).rejects.toThrow();
  });
});
