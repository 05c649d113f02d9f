/** What operators do about connections, clouds and jobs, over HTTP. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { auditEvents, boundResources, type AuditRecord } from '#database';
import { InvalidPayload, openQueues } from '#queues';

import type { ProblemView } from '../../apps/api/src/http/problem.view.js';
import type {
  OperatedPeeringPageView,
  OperatedPeeringView,
} from '../../apps/api/src/operator/peering.view.js';
import { ApiStage, awsSpec, type Answered } from '../support/api-stage.js';
import { eventually } from '../support/eventually.js';

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

async function audited(target: string): Promise<readonly AuditRecord[]> {
  const page = await stage.database.asOperator((scope) => auditEvents.list(scope, { target }));
  return page.items;
}

describe('connections', () => {
  test('of all tenants are listed and filtered', async () => {
    const [first, second] = [await stage.tenant(), await stage.tenant()];
    const ids = [(await stage.peering(first)).id, (await stage.peering(second)).id];
    await stage.place(ids[1]!, { state: 'degraded' });
    const list = async (query: string): Promise<string[]> =>
      (await get<OperatedPeeringPageView>(`/peerings?limit=200&${query}`)).body.items.map(({ id }) => id);
    expect(await list('')).toEqual(expect.arrayContaining(ids));
    expect(await list(`tenantId=${first.id}`)).toEqual([ids[0]]);
    expect(await list(`tenantId=${first.id},${second.id}&state=degraded`)).toEqual([ids[1]]);
    expect(await list(`deployment=${second.deploymentId}`)).toEqual([ids[1]]);
  });

  test('are locked with a reason, and unlocked', async () => {
    const tenant = await stage.tenant();
    const { id } = await stage.peering(tenant);
    const locked = await post<OperatedPeeringView>(`/peerings/${id}/lock`, { note: 'case 4711' });
    expect(locked.status).toBe(200);
    expect(locked.headers.get('etag')).toBe('"2"');
    expect(locked.body).toMatchObject({ lockedNote: 'case 4711', tenantId: tenant.id, desired: 'present' });
    expect((await stage.read(id))!.locked).toBe(true);
    const unlocked = await post<OperatedPeeringView>(`/peerings/${id}/unlock`);
    expect(unlocked.body.lockedNote).toBeNull();
    const events = await stage.get<Listed>(`/v1/peerings/${id}/events`, { key: tenant.administrator });
    expect(events.body.items.slice(1)).toEqual([
      expect.objectContaining({
        type: 'peering.locked',
        actor: `operator:${stage.operator.keyId}`,
        data: { note: 'case 4711' },
      }),
      expect.objectContaining({ type: 'peering.unlocked' }),
    ]);
    const seen = await stage.get<Listed>(`/v1/audit-events?target=${id}`, { key: tenant.administrator });
    expect(seen.body.items.map(({ action }) => action)).toEqual([
      'peering.unlock',
      'peering.lock',
      'peering.create',
    ]);
  });

  test('are looked at on demand', async () => {
    const tenant = await stage.tenant();
    const { id } = await stage.peering(tenant);
    await stage.write(id, () => ({ dueAt: stage.clock.now() + 300_000 }));
    const answer = await post(`/peerings/${id}/reconcile`);
    expect(answer.status).toBe(202);
    expect((await stage.read(id))!.dueAt).toBeLessThanOrEqual(stage.clock.now());
    await stage.untilWoken(tenant.deploymentId);
  });

  test('are forgotten only when confirmed by name; their blocks and resources are free then', async () => {
    const tenant = await stage.tenant();
    const { id } = await stage.peering(tenant, {
      displayName: 'prod',
      spec: awsSpec({ cidrs: ['172.16.0.0/16'] }),
    });
    await stage.place(id, { state: 'running', verified: true, established: true });
    await stage.post(`/v1/deployments/${tenant.deploymentId}/resources`, {
      key: tenant.administrator,
      body: { peeringId: id, kind: 'connector', name: 'orders' },
    });
    const refused = await post(`/peerings/${id}/forget`, { confirm: 'pr0d' });
    expect(refused.status).toBe(422);
    expect(
      (refused.body as unknown as ProblemView).errors.map(({ pointer, code }) => `${pointer} ${code}`),
    ).toEqual(['/confirm not_confirmed']);
    const forgotten = await post<OperatedPeeringView>(`/peerings/${id}/forget`, { confirm: 'prod' });
    expect(forgotten.status).toBe(200);
    expect(forgotten.body).toMatchObject({
      desired: 'absent',
      status: { state: 'deleted', reason: { code: 'forgotten' } },
    });
    const bound = await stage.database.asOperator((scope) => boundResources.ofConnection(scope, id));
    expect(bound).toEqual([]);
    await stage.peering(tenant, { spec: awsSpec({ cidrs: ['172.16.0.0/16'] }) });
    const [record] = await audited(id);
    expect(record).toMatchObject({
      action: 'peering.forget',
      actorKeyId: stage.operator.keyId,
      data: { state: 'running' },
    });
  });
});

describe('clouds', () => {
  test('show what is served and paused, and who the platform is there', async () => {
    const { body } = await get<Listed>('/clouds');
    expect(body.items.map(({ cloud }) => cloud)).toEqual(['aws', 'alibaba', 'huawei', 'tencent', 'outscale']);
    expect(body.items[0]).toMatchObject({ served: true, initiator: 'customer', paused: false, pauses: [] });
    expect(body.items[0]!['accounts']).toContainEqual(
      expect.objectContaining({ id: stage.accountId, accountId: '123456789012', status: 'active' }),
    );
  });

  test('are paused, whole or by region, and resumed', async () => {
    const paused = await post('/clouds/huawei/pause', { note: 'incident' });
    expect(paused.status).toBe(200);
    expect(paused.body).toMatchObject({ paused: true, pauses: [{ region: null, note: 'incident' }] });
    const region = await post('/clouds/huawei/pause', { region: 'cn-north-4' });
    expect(region.body['pauses']).toHaveLength(2);
    expect((await post('/clouds/huawei/resume')).body).toMatchObject({
      paused: false,
      pauses: [{ region: 'cn-north-4' }],
    });
    expect((await post('/clouds/huawei/resume', { region: 'cn-north-4' })).body['pauses']).toEqual([]);
    expect((await post('/clouds/azure/pause')).status).toBe(404);
    expect((await audited('huawei')).map(({ action }) => action)).toEqual([
      'cloud.resume',
      'cloud.resume',
      'cloud.pause',
      'cloud.pause',
    ]);
  });
});

describe('jobs', () => {
  test('that do not exist are not found', async () => {
    expect((await post('/jobs/reconcile.42/retry')).status).toBe(404);
    expect((await post('/jobs/x/retry')).status).toBe(404);
  });

  test('that were given up are listed, and run again on demand', async () => {
    // A stage of its own, where nobody else takes the jobs.
    const other = await ApiStage.open();
    const asOperator = { key: other.operator };
    const failed = async (): Promise<readonly Made[]> =>
      (await other.get<Listed>('/admin/v1/jobs', asOperator)).body.items;
    let broken = true;
    let runs = 0;
    const consumer = await other.queues.startConsumer(
      {
        reconcile: () => {
          runs += 1;
          // Nothing that the queue would try again by itself.
          return broken ? Promise.reject(new InvalidPayload('reconcile', 'made to fail')) : Promise.resolve();
        },
      },
      { concurrency: 1 },
    );
    try {
      const tenant = await other.tenant();
      await other.peering(tenant);
      const job = await eventually('the job has failed', async () => (await failed())[0]);
      expect(job).toMatchObject({
        name: 'reconcile',
        payload: { deploymentId: tenant.deploymentId },
        error: expect.stringContaining('made to fail'),
        attempts: 1,
      });
      broken = false;
      const path = `/admin/v1/jobs/${job.id}/retry`;
      expect((await other.post(path, asOperator)).status).toBe(202);
      await eventually('it has run again', () => runs === 2);
      await eventually('it is no longer listed', async () => (await failed()).length === 0);
      expect((await other.post(path, asOperator)).status).toBe(404);
      const { body } = await other.get<Listed>(`/admin/v1/audit-events?target=${job.id}`, asOperator);
      expect(body.items.map(({ action }) => action)).toEqual(['job.retry']);
    } finally {
      await consumer.close(1_000);
      await other.close();
    }
  });

  test('cannot be asked for while the queue is away', async () => {
    const away = openQueues({ databaseUrl: 'postgres://nobody@127.0.0.1:1/none' }, () => undefined);
    const other = await ApiStage.open({ queues: away });
    const { status, body } = await other.get('/admin/v1/jobs', { key: other.operator });
    expect(status).toBe(503);
    expect(body.code).toBe('unavailable');
    const tenant = await other.tenant();
    const { id } = await other.peering(tenant);
    expect((await other.read(id))!.dueAt).not.toBeNull();
    await other.close();
  });
});
