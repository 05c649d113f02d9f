/** A range that an operator reserves while connections run in it, over HTTP. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import type {
  AffectedPeeringPageView,
  AssessedReservedRangeView,
} from '../../apps/api/src/operator/reserved-range.view.js';
import { ApiStage, awsSpec, type StagedTenant } from '../support/api-stage.js';

let stage: ApiStage;
let tenant: StagedTenant;
const made: string[] = [];
const connected: string[] = [];

beforeAll(async () => {
  stage = await ApiStage.open();
});

beforeEach(async () => {
  tenant = await stage.tenant();
});

afterEach(async () => {
  for (const id of made.splice(0)) await stage.delete(`/admin/v1/reserved-ranges/${id}`, asOperator());
  for (const id of connected.splice(0)) await stage.place(id, { state: 'deleted', admittedCidrs: [] });
});

afterAll(async () => {
  await stage.close();
});

const asOperator = () => ({ key: stage.operator });

async function reserve(body: object): Promise<AssessedReservedRangeView> {
  const answer = await stage.post<AssessedReservedRangeView>('/admin/v1/reserved-ranges', {
    ...asOperator(),
    body,
  });
  expect(answer.status).toBe(201);
  made.push(answer.body.id);
  return answer.body;
}

async function affected(id: string, query = ''): Promise<AffectedPeeringPageView> {
  const path = `/admin/v1/reserved-ranges/${id}/affected-peerings${query}`;
  const { status, body } = await stage.get<AffectedPeeringPageView>(path, asOperator());
  expect(status).toBe(200);
  return body;
}

/** A connection that runs over these blocks. */
async function running(cidrs: readonly string[], displayName = ''): Promise<string> {
  const { id } = await stage.peering(tenant, { displayName, spec: awsSpec({ cidrs }) });
  connected.push(id);
  await stage.place(id, { state: 'running', admittedCidrs: cidrs, established: true });
  return id;
}

/** Straddles the edges of two blocks of /20. */
const RANGE = { from: '172.16.15.200', to: '172.16.16.10', version: 2 };

describe('a range that is reserved while connections run in it', () => {
  test('counts and lists them with the blocks that it touches; they keep running', async () => {
    const straddled = await running(['172.16.0.0/20', '172.16.16.0/20', '172.30.0.0/16'], 'prod');
    const outside = await running(['172.16.32.0/20']);
    const range = await reserve(RANGE);
    expect(range.affectedPeerings).toBe(1);
    const { items } = await affected(range.id);
    expect(items).toEqual([
      {
        id: straddled,
        tenantId: tenant.id,
        deploymentId: tenant.deploymentId,
        cloud: 'aws',
        displayName: 'prod',
        state: 'running',
        cidrs: ['172.16.0.0/20', '172.16.16.0/20'],
      },
    ]);
    expect(items.map(({ id }) => id)).not.toContain(outside);
    // What the engine writes of it later does not lose the blocks either.
    await stage.place(straddled, { state: 'degraded' });
    expect((await affected(range.id)).items).toMatchObject([{ id: straddled, state: 'degraded' }]);
    const read = await stage.get<AssessedReservedRangeView>(
      `/admin/v1/reserved-ranges/${range.id}`,
      asOperator(),
    );
    expect(read.body).toEqual(range);
  });

  test('leaves out other clouds, and what is deleted', async () => {
    const id = await running(['172.16.0.0/16']);
    expect((await reserve({ ...RANGE, cloud: 'tencent' })).affectedPeerings).toBe(0);
    const range = await reserve({ ...RANGE, cloud: 'aws' });
    expect(range.affectedPeerings).toBe(1);
    await stage.place(id, { state: 'deleted', admittedCidrs: [] });
    expect((await affected(range.id)).items).toEqual([]);
  });

  test('that counts from a later time on tells now what it will find', async () => {
    const id = await running(['172.16.0.0/16']);
    const range = await reserve({ ...RANGE, effectiveFrom: '2099-01-01T00:00:00Z' });
    expect(range.affectedPeerings).toBe(1);
    expect((await affected(range.id)).items.map((each) => each.id)).toEqual([id]);
    const path = `/admin/v1/reserved-ranges/${range.id}`;
    const moved = await stage.patch<AssessedReservedRangeView>(path, {
      ...asOperator(),
      body: { from: '172.20.0.0', to: '172.20.255.255' },
    });
    expect(moved.body.affectedPeerings).toBe(0);
  });

  test('is listed page by page', async () => {
    const ids: string[] = [];
    for (const cidr of ['172.16.0.0/24', '172.16.1.0/24', '172.16.2.0/24']) ids.push(await running([cidr]));
    const range = await reserve({ from: '172.16.0.0', to: '172.16.255.255', version: 2 });
    const first = await affected(range.id, '?limit=2');
    const second = await affected(range.id, `?limit=2&cursor=${first.nextCursor ?? ''}`);
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual([...ids].reverse());
    expect(second.nextCursor).toBeNull();
  });

  test('is not known to anybody else', async () => {
    const range = await reserve(RANGE);
    const path = `/admin/v1/reserved-ranges/${range.id}/affected-peerings`;
    expect((await stage.get(path, { key: tenant.administrator })).status).toBe(403);
    const unknown = `/admin/v1/reserved-ranges/rsv_01k9x7m3c8e9vt5w2r4q6y0zab/affected-peerings`;
    expect((await stage.get(unknown, asOperator())).status).toBe(404);
  });
});
