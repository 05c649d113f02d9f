import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import type { OrphanRecord } from '#database';
import { ORPHAN_STATES } from '#domain';
import { newId } from '#runtime';

import type { OrphanPageView, OrphanView } from '../../apps/api/src/operator/orphan.view.js';
import { ApiStage, type StagedTenant } from '../support/api-stage.js';

const T0 = Date.UTC(2026, 10, 20, 12);
const LEASE_MS = 15_000;

let stage: ApiStage;
let tenant: StagedTenant;
let otherDeployment: string;
/** One in each state, and one more in another deployment; oldest first. */
let all: readonly OrphanRecord[];

beforeAll(async () => {
  stage = await ApiStage.open();
  tenant = await stage.tenant();
  otherDeployment = (await stage.deployment(tenant)).id;
  all = [
    ...ORPHAN_STATES.map((state, index) => orphan(tenant.deploymentId, index, { state })),
    orphan(otherDeployment, 9, { kind: 'peering', route: null, evidence: 'mark', mark: 'peer_9' }),
  ];
  for (const id of [tenant.deploymentId, otherDeployment]) {
    const held = await stage.database.reconcile.leaseDeployment(id, 'spec', T0, LEASE_MS);
    const own = all.filter(({ deploymentId }) => deploymentId === id);
    await stage.database.orphans.save(held!, own);
    await stage.database.reconcile.release(held!);
  }
});

afterAll(() => stage.close());

function orphan(deploymentId: string, index: number, changes: Partial<OrphanRecord>): OrphanRecord {
  const isOver = changes.state === 'removed' || changes.state === 'gone';
  return {
    id: newId('orph', T0 + index),
    deploymentId,
    cloud: 'aws',
    kind: 'route',
    providerId: `pcx-${index}`,
    route: { routeTableId: 'rtb-1', destination: '172.16.0.0/16' },
    connectionId: newId('peer', T0),
    mark: null,
    evidence: 'history',
    state: 'found',
    firstSeenAt: T0,
    lastSeenAt: T0 + 1_000,
    sightings: 2,
    removeAfter: T0 + 86_400_000,
    attempts: 0,
    attemptedAt: null,
    lastError: null,
    endedAt: isOver ? T0 + 2_000 : null,
    version: 1,
    ...changes,
  };
}

const options = () => ({ key: stage.operator });
const idsOf = async (query: string): Promise<string[]> => {
  const { status, body } = await stage.get<OrphanPageView>(`/admin/v1/orphans${query}`, options());
  expect({ status, body }).toMatchObject({ status: 200 });
  return body.items.map(({ id }) => id);
};
const newestFirst = (records: readonly OrphanRecord[]): string[] => records.map(({ id }) => id).reverse();

describe('what was left behind', () => {
  test('is listed newest first, page by page', async () => {
    expect(await idsOf('')).toEqual(newestFirst(all));
    const first = await stage.get<OrphanPageView>('/admin/v1/orphans?limit=4', options());
    expect(first.body.items).toHaveLength(4);
    const rest = await idsOf(`?limit=4&cursor=${first.body.nextCursor ?? ''}`);
    expect([...first.body.items.map(({ id }) => id), ...rest]).toEqual(newestFirst(all));
    const other = await stage.get(
      `/admin/v1/orphans?state=found&cursor=${first.body.nextCursor ?? ''}`,
      options(),
    );
    expect(other.status).toBe(422);
  });

  test('is found by state, cloud and deployment', async () => {
    const open = all.filter(({ state }) => state === 'found' || state === 'removing');
    expect(await idsOf('?state=found,removing')).toEqual(newestFirst(open));
    expect(await idsOf(`?deployment=${otherDeployment}`)).toEqual(newestFirst(all.slice(-1)));
    expect(await idsOf('?cloud=aws&state=kept')).toHaveLength(1);
    expect(await idsOf('?cloud=tencent')).toEqual([]);
    expect((await stage.get('/admin/v1/orphans?state=lost', options())).status).toBe(422);
  });

  test('is shown with what proves that it is the broker’s', async () => {
    const [route, peering] = [all[0]!, all.at(-1)!];
    const shown = await stage.get<OrphanView>(`/admin/v1/orphans/${route.id}`, options());
    expect(shown).toMatchObject({
      status: 200,
      body: {
        kind: 'route',
        routeTableId: 'rtb-1',
        destination: '172.16.0.0/16',
        providerId: route.providerId,
        connectionId: route.connectionId,
        evidence: 'history',
        removeAfter: new Date(route.removeAfter).toISOString(),
      },
    });
    const other = await stage.get<OrphanView>(`/admin/v1/orphans/${peering.id}`, options());
    expect(other.body).toMatchObject({
      kind: 'peering',
      routeTableId: null,
      destination: null,
      mark: 'peer_9',
    });
  });

  test('is released and kept once for each idempotency key, and audited for each deed', async () => {
    const { id } = all.at(-1)!;
    const headers = { 'idempotency-key': newId('evt') };
    const keep = () => stage.post<OrphanView>(`/admin/v1/orphans/${id}/keep`, { ...options(), headers });
    expect((await keep()).body.state).toBe('kept');
    expect((await keep()).body.state).toBe('kept');
    const released = await stage.post<OrphanView>(`/admin/v1/orphans/${id}/remove`, options());
    expect(released.body).toMatchObject({ id, state: 'found' });
    expect(Date.parse(released.body.removeAfter)).toBeLessThanOrEqual(stage.clock.now());
    const audited = await stage.get<{ readonly items: readonly { readonly action: string }[] }>(
      `/admin/v1/audit-events?target=${id}`,
      options(),
    );
    expect(audited.body.items.map(({ action }) => action)).toEqual(['orphan.remove', 'orphan.keep']);
    const check = await stage.database.orphans.check(otherDeployment);
    expect(check!.dueAt).toBeLessThanOrEqual(stage.clock.now());
  });

  test('stays as it is once it is over', async () => {
    for (const { id, state } of all.filter(({ endedAt }) => endedAt !== null)) {
      for (const verb of ['keep', 'remove']) {
        const answer = await stage.post<OrphanView>(`/admin/v1/orphans/${id}/${verb}`, options());
        expect(answer).toMatchObject({ status: 200, body: { id, state } });
      }
    }
  });

  test('is nobody’s business but an operator’s', async () => {
    const { id } = all[0]!;
    for (const path of ['/admin/v1/orphans', `/admin/v1/orphans/${id}`]) {
      expect((await stage.get(path, { key: tenant.administrator })).status).toBe(403);
    }
    expect((await stage.get(`/admin/v1/orphans/${newId('orph')}`, options())).status).toBe(404);
    expect((await stage.post(`/admin/v1/orphans/${newId('orph')}/keep`, options())).status).toBe(404);
  });
});
