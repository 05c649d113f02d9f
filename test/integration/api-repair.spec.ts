/** Routes that somebody took away, and the customer who says yes to putting them back; over HTTP. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { auditEvents, type PeeringRecord } from '#database';
import { PEERING_STATES, type DriftPolicy, type PeeringState } from '#domain';

import type { PeeringEventPageView } from '../../apps/api/src/peerings/peering-reads.view.js';
import type { PeeringView } from '../../apps/api/src/peerings/peering.view.js';
import { ApiStage, type StagedTenant } from '../support/api-stage.js';

let stage: ApiStage;
let tenant: StagedTenant;

beforeAll(async () => {
  stage = await ApiStage.open();
  tenant = await stage.tenant();
});

afterAll(async () => {
  await stage.close();
});

const routes = (status: 'True' | 'False') =>
  [{ type: 'RoutesProgrammed', status, reason: 'route_missing', lastTransitionAt: 0 }] as const;

/** A connection in a state, in a deployment of its own with this policy. */
async function placed(
  driftPolicy: DriftPolicy,
  state: PeeringState,
  status: 'True' | 'False' = 'False',
): Promise<PeeringRecord> {
  const { id: deploymentId } = await stage.deployment(tenant, { driftPolicy });
  const { id } = await stage.peering({ ...tenant, deploymentId });
  const params = { destination: '172.16.0.0/16', routeTableId: 'rtb-1', target: 'pcx-1' };
  await stage.write(id, () => ({ dueAt: stage.clock.now() + 60_000 }));
  return stage.place(id, {
    state,
    conditions: routes(status),
    ...(status === 'False' ? { reason: { code: 'route_missing', params, since: 0 } } : {}),
  });
}

const repair = <Body = PeeringView>(id: string, options: object = {}) =>
  stage.post<Body>(`/v1/peerings/${id}/repair`, { key: tenant.administrator, ...options });

describe('a deployment that asks before it repairs', () => {
  test('offers it, takes the yes once, has it carried out now, and tells who said it', async () => {
    const { id, version, deploymentId } = await placed('ask', 'degraded');
    const read = await stage.get<PeeringView>(`/v1/peerings/${id}`, { key: tenant.administrator });
    expect(read.body.status.nextActions).toMatchObject([{ actor: 'customer', code: 'approve_repair' }]);
    expect(read.body.status.nextActions[0]!.steps.join(' ')).toContain(`POST /v1/peerings/${id}/repair`);

    const taken = await repair(id);
    expect(taken.status).toBe(202);
    expect(taken.headers.get('location')).toBe(`/v1/peerings/${id}`);
    expect(taken.body).toMatchObject({
      version: version + 1,
      status: { state: 'degraded', nextActions: [] },
    });
    await stage.untilWoken(deploymentId);
    const record = (await stage.read(id))!;
    expect(record.status.repairGranted).toBe(true);
    expect(record.dueAt).toBeLessThanOrEqual(stage.clock.now());

    const again = await repair(id);
    expect(again).toMatchObject({ status: 202, body: { version: version + 1 } });
    const events = await stage.get<PeeringEventPageView>(`/v1/peerings/${id}/events`, {
      key: tenant.administrator,
    });
    const granted = events.body.items.filter(({ type }) => type === 'peering.repair_granted');
    expect(granted).toMatchObject([
      {
        actor: tenant.administrator.keyId,
        data: { reason: 'route_missing', params: { routeTableId: 'rtb-1' } },
      },
    ]);
    const { items } = await stage.database.asOperator((scope) =>
      auditEvents.list(scope, { tenantId: tenant.id }),
    );
    expect(items.filter(({ action, target }) => action === 'peering.repair' && target === id)).toHaveLength(
      1,
    );
  });

  test('answers a repeated request with the first answer', async () => {
    const { id } = await placed('ask', 'degraded');
    const headers = { 'idempotency-key': 'repair-once' };
    const first = await repair(id, { headers });
    await stage.place(id, { state: 'running', conditions: routes('True') });
    const second = await repair(id, { headers });
    expect(second).toMatchObject({ status: 202, body: first.body });
  });

  test.each(PEERING_STATES.filter((state) => state !== 'degraded' && state !== 'running'))(
    'refuses it in state %s',
    async (state) => {
      const { id } = await placed('ask', state);
      expect(await repair(id)).toMatchObject({ status: 409, body: { code: 'state_conflict' } });
    },
  );

  test('has nothing to repair while all is well, and no yes is kept for later', async () => {
    const { id, version } = await placed('ask', 'running', 'True');
    expect(await repair(id)).toMatchObject({ status: 202, body: { version } });
    expect((await stage.read(id))!.status.repairGranted).not.toBe(true);
  });

  test('has nothing to repair where something else is wrong', async () => {
    const { id } = await placed('ask', 'degraded', 'True');
    expect(await repair(id)).toMatchObject({ status: 409, body: { code: 'state_conflict' } });
  });

  test('changes nothing of a locked connection', async () => {
    const { id } = await placed('ask', 'degraded');
    await stage.write(id, () => ({ lockedNote: 'case 4711' }));
    expect(await repair(id)).toMatchObject({ status: 423, body: { code: 'locked' } });
  });
});

test('a deployment that repairs by itself needs no yes', async () => {
  const { id, version } = await placed('repair', 'degraded');
  expect(await repair(id)).toMatchObject({ status: 202, body: { version } });
});

test('a deployment that only reports takes none, and says whose it is', async () => {
  const { id } = await placed('report', 'degraded');
  const read = await stage.get<PeeringView>(`/v1/peerings/${id}`, { key: tenant.administrator });
  expect(read.body.status.nextActions).toMatchObject([{ actor: 'operator', code: 'contact_operator' }]);
  expect(await repair(id)).toMatchObject({ status: 409, body: { code: 'drift_only_reported' } });
});
