/** Data-integration resources that depend on connections, and deleting by force. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import { boundResources } from '#database';
import type { PeeringState } from '#domain';

import type { DeletionPreviewView } from '../../apps/api/src/peerings/peering-reads.view.js';
import type { PeeringView } from '../../apps/api/src/peerings/peering.view.js';
import { ApiStage, type StagedTenant } from '../support/api-stage.js';

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

const path = (id: string): string => `/v1/peerings/${id}`;
const asAdministrator = () => ({ key: tenant.administrator });

async function read(id: string): Promise<PeeringView> {
  const { status, body } = await stage.get<PeeringView>(path(id), asAdministrator());
  expect(status).toBe(200);
  return body;
}

describe('a connection with bound resources', () => {
  async function bound(): Promise<{ id: string; resource: string }> {
    const { id } = await stage.peering(tenant, { displayName: 'prod' });
    await stage.place(id, { state: 'running', verified: true, established: true });
    const made = await stage.post<{ id: string }>(`/v1/deployments/${tenant.deploymentId}/resources`, {
      ...asAdministrator(),
      body: { peeringId: id, kind: 'connector', name: 'orders' },
    });
    expect(made.status).toBe(201);
    return { id, resource: made.body.id };
  }

  async function left(id: string): Promise<number> {
    return stage.database.asOperator(async (scope) => (await boundResources.ofConnection(scope, id)).length);
  }

  test('is not deleted, and says what depends on it', async () => {
    const { id, resource } = await bound();
    const refused = await stage.delete(path(id), asAdministrator());
    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({
      code: 'resources_bound',
      conflicts: [{ kind: 'resource', id: resource, detail: 'connector orders' }],
    });
    expect((await read(id)).status.state).toBe('running');
  });

  test.each(['?force=true', '?force=true&confirm=pr0d'])('is not deleted by %s', async (query) => {
    const { id } = await bound();
    const refused = await stage.delete(path(id) + query, asAdministrator());
    expect(refused.status).toBe(422);
    expect(refused.body.errors).toEqual([
      expect.objectContaining({ pointer: '?confirm', code: 'not_confirmed' }),
    ]);
    expect(refused.body.errors[0]!.fix).toContain('prod');
    expect(await left(id)).toBe(1);
  });

  test.each([
    ['its name', () => 'prod'],
    ['its id', (id: string) => id],
  ])('is deleted by force when confirmed with %s, which is audited', async (_, confirm) => {
    const { id, resource } = await bound();
    const removed = await stage.delete<PeeringView>(
      `${path(id)}?force=true&confirm=${confirm(id)}`,
      asAdministrator(),
    );
    expect(removed.status).toBe(202);
    expect(removed.body.status.state).toBe('deleting');
    expect(await left(id)).toBe(0);
    const audited = await stage.get<{ items: object[] }>(`/v1/audit-events?target=${id}`, asAdministrator());
    expect(audited.body.items[0]).toMatchObject({
      action: 'peering.delete_by_force',
      actorKeyId: tenant.administrator.keyId,
      data: { force: true, unbound: [{ id: resource, kind: 'connector', name: 'orders' }] },
    });
  });

  test('is deleted once they are unbound', async () => {
    const { id, resource } = await bound();
    const unbound = await stage.delete(
      `/v1/deployments/${tenant.deploymentId}/resources/${resource}`,
      asAdministrator(),
    );
    expect(unbound.status).toBe(204);
    expect((await stage.delete(path(id), asAdministrator())).status).toBe(202);
  });

  test('shows beforehand what a deletion would do', async () => {
    const { id, resource } = await bound();
    await stage.place(id, {
      routes: [{ routeTableId: 'rtb-1', destination: '172.16.0.0/16' }],
      admittedCidrs: ['172.16.0.0/16'],
    });
    const preview = await stage.get<DeletionPreviewView>(`${path(id)}/deletion-preview`, asAdministrator());
    expect(preview.status).toBe(200);
    expect(preview.body).toMatchObject({
      allowed: false,
      resources: [{ id: resource, kind: 'connector', name: 'orders' }],
      confirmWith: ['prod', id],
      providerId: expect.stringMatching(/^pcx-/),
      routes: [{ routeTableId: 'rtb-1', destination: '172.16.0.0/16' }],
      cidrs: ['172.16.0.0/16'],
    });
    expect(preview.body.leftToYou).toHaveLength(2);
  });

  test.each<PeeringState>(['awaiting_request', 'verifying', 'degraded', 'failed', 'deleting'])(
    'needs a running one: %s will not do',
    async (state) => {
      const { id } = await stage.peering(tenant);
      await stage.place(id, { state });
      const refused = await stage.post(`/v1/deployments/${tenant.deploymentId}/resources`, {
        ...asAdministrator(),
        body: { peeringId: id, kind: 'connector', name: 'orders' },
      });
      expect(refused.status).toBe(409);
      expect(refused.body.code).toBe('state_conflict');
      expect(await left(id)).toBe(0);
    },
  );

  test('binds a name once', async () => {
    const { id } = await bound();
    const again = await stage.post(`/v1/deployments/${tenant.deploymentId}/resources`, {
      ...asAdministrator(),
      body: { peeringId: id, kind: 'connector', name: 'orders' },
    });
    expect(again.status).toBe(409);
    expect(again.body).toMatchObject({
      code: 'already_exists',
      title: 'There is already such a bound resource.',
    });
  });
});
