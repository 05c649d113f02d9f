/** What customers do to connections, over HTTP. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import { peerings, type PeeringRecord } from '#database';
import { PEERING_STATES } from '#domain';

import type { PeeringEventPageView } from '../../apps/api/src/peerings/peering-reads.view.js';
import type { PeeringView } from '../../apps/api/src/peerings/peering.view.js';
import { ApiStage, awsSpec, type StagedTenant } from '../support/api-stage.js';

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
const path = (id: string): string => `/v1/peerings/${id}`;
const asAdministrator = () => ({ key: tenant.administrator });

async function read(id: string): Promise<PeeringView> {
  const { status, body } = await stage.get<PeeringView>(path(id), asAdministrator());
  expect(status).toBe(200);
  return body;
}

describe('creating', () => {
  test('answers 202 with the connection, where it is, and its version', async () => {
    const spec = awsSpec({ cidrs: ['172.16.0.0/16'] });
    const made = await stage.post<PeeringView>(collection(), {
      ...asAdministrator(),
      body: { displayName: 'prod', spec },
    });
    expect(made.status).toBe(202);
    const { id } = made.body;
    expect(id).toMatch(/^peer_/);
    expect(made.headers.get('location')).toBe(path(id));
    expect(made.headers.get('etag')).toBe('"1"');
    expect(made.body).toEqual({
      id,
      deploymentId: tenant.deploymentId,
      cloud: 'aws',
      region: 'eu-central-1',
      displayName: 'prod',
      spec,
      status: {
        state: 'verifying',
        ready: false,
        reason: {
          code: 'looking_for_request',
          message: `Looking for the request ${spec.cloud.connectionId} in the cloud.`,
          since: made.body.createdAt,
        },
        conditions: [],
        observed: null,
        deadline: null,
        lastObservedAt: null,
        nextCheckAt: made.body.createdAt,
        nextActions: [],
      },
      version: 1,
      createdAt: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/),
      updatedAt: made.body.createdAt,
    });
    const got = await stage.get<PeeringView>(path(id), asAdministrator());
    expect(got.headers.get('etag')).toBe('"1"');
    expect(got.body).toEqual(made.body);
  });

  test('makes it due, claims its blocks, tells what happened and wakes the worker', async () => {
    const { id } = await stage.peering(tenant, { spec: awsSpec({ cidrs: ['172.17.0.0/16'] }) });
    const record = await stage.read(id);
    expect(record).toMatchObject({ desired: 'present', status: { admittedCidrs: ['172.17.0.0/16'] } });
    expect(record!.dueAt).toBeLessThanOrEqual(stage.clock.now());
    const plan = await stage.database.asOperator((scope) =>
      peerings.addressPlan(scope, tenant.deploymentId, stage.clock.now()),
    );
    expect(plan.peers).toEqual([{ connectionId: id, cidrs: ['172.17.0.0/16'] }]);
    const events = await stage.get<PeeringEventPageView>(`${path(id)}/events`, asAdministrator());
    expect(events.body.items).toEqual([
      expect.objectContaining({ peeringId: id, type: 'peering.created', actor: tenant.administrator.keyId }),
    ]);
    await stage.untilWoken(tenant.deploymentId);
  });

  test('brings blocks into canonical form and drops repetitions', async () => {
    const spec = awsSpec({ cidrs: ['172.16.0.0/16', '192.168.0.0/24', '172.16.0.0/16'] });
    const made = await stage.peering(tenant, { spec });
    expect(made.spec.cidrs).toEqual(['172.16.0.0/16', '192.168.0.0/24']);
  });

  test('of a project user works like that of an administrator', async () => {
    const key = await stage.key(tenant.id, 'project_user', [tenant.projectId]);
    const made = await stage.post(collection(), { key, body: { spec: awsSpec() } });
    expect(made.status).toBe(202);
  });
});

describe('a draft', () => {
  test('says what is missing and how to go on, and waits', async () => {
    const draft = await stage.peering(tenant, { spec: { cloud: { kind: 'aws' } } });
    expect(draft.status.state).toBe('awaiting_request');
    expect(draft.status.nextCheckAt).toBeNull();
    expect(draft.status.reason.message).toContain('cloud.connectionId, cloud.accountId, cloud.vpcId');
    expect(draft.status.nextActions.map(({ code }) => code)).toEqual([
      'create_peering_request',
      'complete_request_details',
    ]);
    const [create] = draft.status.nextActions;
    expect(create!.artifacts.cli).toContain('aws ec2 create-vpc-peering-connection');
  });

  test('becomes a request once PATCH has given what was missing, field by field', async () => {
    const { cloud } = awsSpec();
    const draft = await stage.peering(tenant, { spec: { cloud: { kind: 'aws', vpcId: cloud.vpcId } } });
    const half = await stage.patch<PeeringView>(path(draft.id), {
      ...asAdministrator(),
      body: { spec: { cloud: { accountId: cloud.accountId } } },
    });
    expect(half.status).toBe(202);
    expect(half.body.status.reason.message).toContain('cloud.connectionId');
    const whole = await stage.patch<PeeringView>(path(draft.id), {
      ...asAdministrator(),
      body: { spec: { cloud: { connectionId: cloud.connectionId } } },
    });
    expect(whole.body.status.state).toBe('verifying');
    expect(whole.body.spec.cloud).toEqual(cloud);
    expect(whole.body.status.nextCheckAt).not.toBeNull();
    expect(whole.headers.get('etag')).toBe('"3"');
  });

  test('can take a value back with null', async () => {
    const { cloud } = awsSpec();
    const draft = await stage.peering(tenant, { spec: { cloud: { kind: 'aws', vpcId: cloud.vpcId } } });
    const body = { spec: { cloud: { vpcId: null } } };
    const changed = await stage.patch<PeeringView>(path(draft.id), { ...asAdministrator(), body });
    expect(changed.body.spec.cloud).toEqual({ kind: 'aws' });
  });

  test('keeps its blocks free for itself', async () => {
    await stage.peering(tenant, { spec: { cloud: { kind: 'aws' }, cidrs: ['172.16.0.0/16'] } });
    const other = await stage.post(collection(), {
      ...asAdministrator(),
      body: { spec: awsSpec({ cidrs: ['172.16.5.0/24'] }) },
    });
    expect(other.status).toBe(409);
  });
});

describe('changing', () => {
  test('the name leaves the attempt alone', async () => {
    const { id, status } = await stage.peering(tenant);
    const renamed = await stage.patch<PeeringView>(path(id), {
      ...asAdministrator(),
      body: { displayName: 'new' },
    });
    expect(renamed.status).toBe(202);
    expect(renamed.body).toMatchObject({ displayName: 'new', version: 2, status: { state: status.state } });
  });

  test('nothing changes nothing', async () => {
    const { id } = await stage.peering(tenant);
    const same = await stage.patch<PeeringView>(path(id), { ...asAdministrator(), body: {} });
    expect(same.body.version).toBe(1);
  });

  test('what was declared moves the claims along', async () => {
    const { id } = await stage.peering(tenant, {
      spec: awsSpec({ cidrs: ['172.16.0.0/16', '172.17.0.0/16'] }),
    });
    const changed = await stage.patch<PeeringView>(path(id), {
      ...asAdministrator(),
      body: { spec: { cidrs: ['172.17.0.0/16', '172.18.0.0/16'] } },
    });
    expect(changed.body.spec.cidrs).toEqual(['172.17.0.0/16', '172.18.0.0/16']);
    await stage.peering(tenant, { spec: awsSpec({ cidrs: ['172.16.0.0/16'] }) });
  });

  test('a spec that something rests on is refused', async () => {
    const { id } = await stage.peering(tenant);
    await stage.place(id, { state: 'running', verified: true, established: true });
    const refused = await stage.patch(path(id), {
      ...asAdministrator(),
      body: { spec: { cidrs: ['172.16.0.0/16'] } },
    });
    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({ code: 'state_conflict', title: expect.stringContaining('running') });
  });

  test('a stale version is refused and nothing written', async () => {
    const { id } = await stage.peering(tenant);
    await stage.write(id, () => ({ displayName: 'by somebody else' }));
    const stale = await stage.patch(path(id), {
      ...asAdministrator(),
      headers: { 'if-match': '"1"' },
      body: { displayName: 'mine' },
    });
    expect(stale.status).toBe(412);
    expect(stale.body.code).toBe('version_stale');
    expect((await read(id)).displayName).toBe('by somebody else');
    const fresh = await stage.patch(path(id), {
      ...asAdministrator(),
      headers: { 'if-match': '"2"' },
      body: { displayName: 'mine' },
    });
    expect(fresh.status).toBe(202);
  });

  test('a locked connection says who locked it and why', async () => {
    const { id } = await stage.peering(tenant);
    await stage.write(id, () => ({ lockedNote: 'case 4711' }));
    const refused = await stage.patch(path(id), { ...asAdministrator(), body: { spec: { cidrs: [] } } });
    expect(refused.status).toBe(423);
    expect(refused.body.title).toContain('case 4711');
  });
});

describe('retrying', () => {
  test.each(['failed', 'rejected', 'expired'] as const)(
    '%s starts another attempt with the same spec',
    async (state) => {
      const before = await stage.peering(tenant, { spec: awsSpec({ cidrs: ['172.16.0.0/16'] }) });
      await stage.place(before.id, { state, ending: null });
      await stage.write(before.id, () => ({ dueAt: null }));
      const retried = await stage.post<PeeringView>(`${path(before.id)}/retry`, asAdministrator());
      expect(retried.status).toBe(202);
      expect(retried.headers.get('location')).toBe(path(before.id));
      expect(retried.body).toMatchObject({
        id: before.id,
        spec: before.spec,
        status: { state: 'verifying' },
      });
      const events = await stage.get<PeeringEventPageView>(`${path(before.id)}/events`, asAdministrator());
      expect(events.body.items.at(-1)).toMatchObject({
        type: 'peering.retried',
        data: { from: state, to: 'verifying' },
      });
      expect((await stage.read(before.id))!.dueAt).not.toBeNull();
    },
  );

  test('while the last attempt is being taken back asks for a moment', async () => {
    const { id } = await stage.peering(tenant);
    const ending = { state: 'failed', reason: { code: 'approval_window_elapsed', params: {} } } as const;
    await stage.place(id, { state: 'failed', ending });
    const refused = await stage.post(`${path(id)}/retry`, asAdministrator());
    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({ code: 'still_cleaning_up', retryable: true });
    expect(refused.headers.get('retry-after')).toBe('2');
  });

  test('is refused where somebody else has taken the block since', async () => {
    const { id } = await stage.peering(tenant, { spec: awsSpec({ cidrs: ['172.16.0.0/16'] }) });
    await stage.place(id, { state: 'failed', ending: null });
    const rival = await stage.peering(tenant, { spec: awsSpec({ cidrs: ['172.16.0.0/20'] }) });
    const refused = await stage.post(`${path(id)}/retry`, asAdministrator());
    expect(refused.status).toBe(409);
    expect(refused.body.conflicts).toEqual([
      expect.objectContaining({
        kind: 'peering',
        id: rival.id,
        cidr: '172.16.0.0/16',
        with: '172.16.0.0/20',
      }),
    ]);
    expect((await read(id)).status.state).toBe('failed');
  });

  test.each(PEERING_STATES.filter((state) => !['failed', 'rejected', 'expired'].includes(state)))(
    'is refused in state %s',
    async (state) => {
      const { id } = await stage.peering(tenant);
      await stage.place(id, { state });
      const refused = await stage.post(`${path(id)}/retry`, asAdministrator());
      expect(refused.status).toBe(409);
      expect(refused.body).toMatchObject({ code: 'state_conflict', title: expect.stringContaining(state) });
    },
  );
});

describe('refreshing', () => {
  test('makes the connection due now, and not more often than every five seconds', async () => {
    const { id } = await stage.peering(tenant);
    await stage.write(id, () => ({ dueAt: stage.clock.now() + 300_000 }));
    const first = await stage.post<PeeringView>(`${path(id)}/refresh`, asAdministrator());
    expect(first.status).toBe(202);
    expect((await stage.read(id))!.dueAt).toBeLessThanOrEqual(stage.clock.now());
    const second = await stage.post(`${path(id)}/refresh`, asAdministrator());
    expect(second.status).toBe(429);
    expect(second.body.code).toBe('rate_limited');
    expect(Number(second.headers.get('retry-after'))).toBeGreaterThan(0);
    stage.clock.advance(5_000);
    const third = await stage.post(`${path(id)}/refresh`, asAdministrator());
    expect(third.status).toBe(202);
  });

  test('is refused where there is nothing to look at', async () => {
    const { id } = await stage.peering(tenant, { spec: { cloud: { kind: 'aws' } } });
    const refused = await stage.post(`${path(id)}/refresh`, asAdministrator());
    expect(refused.status).toBe(409);
    expect(refused.body.code).toBe('state_conflict');
  });
});

describe('deleting', () => {
  test.each(PEERING_STATES.filter((state) => state !== 'deleted'))('works in state %s', async (state) => {
    const { id } = await stage.peering(tenant);
    await stage.place(id, { state, ...(state === 'running' ? { verified: true, established: true } : {}) });
    const removed = await stage.delete<PeeringView>(path(id), asAdministrator());
    expect(removed.status).toBe(202);
    expect(removed.headers.get('location')).toBe(path(id));
    expect(removed.body.status.state).toBe('deleting');
    expect(await stage.read(id)).toMatchObject({ desired: 'absent', dueAt: expect.any(Number) });
  });

  test('twice, or what is deleted already, changes nothing more', async () => {
    const { id } = await stage.peering(tenant);
    await stage.delete(path(id), asAdministrator());
    const { version } = await read(id);
    const again = await stage.delete<PeeringView>(path(id), asAdministrator());
    expect(again.status).toBe(202);
    expect(again.body.version).toBe(version);
    await stage.place(id, { state: 'deleted' });
    const gone = await stage.delete<PeeringView>(path(id), asAdministrator());
    expect(gone.body.status.state).toBe('deleted');
  });

  test('works while an operator has locked the connection', async () => {
    const { id } = await stage.peering(tenant);
    await stage.write(id, () => ({ lockedNote: 'case 4711' }));
    const removed = await stage.delete(path(id), asAdministrator());
    expect(removed.status).toBe(202);
  });

  test('of a stale version is refused', async () => {
    const { id } = await stage.peering(tenant);
    await stage.write(id, () => ({ displayName: 'other' }));
    const stale = await stage.delete(path(id), { ...asAdministrator(), headers: { 'if-match': '"1"' } });
    expect(stale.status).toBe(412);
    expect((await read(id)).status.state).toBe('verifying');
  });

  test('cannot be undone by PATCH or retry', async () => {
    const { id } = await stage.peering(tenant);
    await stage.delete(path(id), asAdministrator());
    const changed = await stage.patch(path(id), { ...asAdministrator(), body: { displayName: 'x' } });
    expect(changed.body.code).toBe('state_conflict');
    const retried = await stage.post(`${path(id)}/retry`, asAdministrator());
    expect(retried.body.code).toBe('state_conflict');
  });
});

describe('what the worker has seen', () => {
  test('is shown with times, conditions, deadline and what is next', async () => {
    const { id } = await stage.peering(tenant);
    const now = stage.clock.now();
    const side = {
      accountId: '210987654321',
      vpcId: 'vpc-1',
      region: 'eu-central-1',
      cidrs: ['172.16.0.0/16'],
    };
    const status: Partial<PeeringRecord['status']> = {
      state: 'running',
      reason: { code: 'ready', params: { cidrs: '172.16.0.0/16' }, since: now },
      verified: true,
      established: true,
      conditions: [{ type: 'Verified', status: 'True', reason: 'matches', lastTransitionAt: now }],
      deadline: { kind: 'provider_expiry', at: now + 90_500 },
      lastSeen: {
        since: now,
        peering: {
          providerId: 'pcx-1',
          phase: 'active',
          providerState: 'active',
          requester: side,
          accepter: { ...side, cidrs: ['10.11.0.0/16'] },
        },
      },
    };
    await stage.place(id, status);
    const { status: shown } = await read(id);
    const at = new Date(now).toISOString();
    expect(shown).toMatchObject({
      state: 'running',
      ready: true,
      reason: { code: 'ready', since: at },
      conditions: [{ type: 'Verified', status: 'True', reason: 'matches', lastTransitionAt: at }],
      observed: {
        providerId: 'pcx-1',
        providerState: 'active',
        requester: side,
        cidrs: ['172.16.0.0/16'],
        at,
      },
      deadline: { kind: 'provider_expiry', at: new Date(now + 90_500).toISOString() },
    });
    expect(shown.deadline!.remainingSeconds).toBeGreaterThan(80);
    expect(shown.deadline!.remainingSeconds).toBeLessThanOrEqual(91);
    expect(shown.nextActions.map(({ code }) => code)).toContain('add_route');
    stage.clock.advance(200_000);
    expect((await read(id)).status.deadline!.remainingSeconds).toBe(0);
  });
});

describe('naming another request', () => {
  test('is told before a deletion, and the first one cannot be named again while it is taken back', async () => {
    const first = awsSpec();
    const second = awsSpec();
    const { id } = await stage.peering(tenant, { spec: first });
    const patch = (spec: object) => stage.patch(path(id), { ...asAdministrator(), body: { spec } });
    expect((await patch(second)).status).toBe(202);
    const preview = await stage.get(`${path(id)}/deletion-preview`, asAdministrator());
    expect(preview.body).toMatchObject({
      providerId: second.cloud.connectionId,
      earlierRequests: [first.cloud.connectionId],
    });
    const at = stage.clock.now();
    const action = { kind: 'reject', providerId: first.cloud.connectionId } as const;
    await stage.place(id, {
      intent: { action, token: 'token', firstAt: at, lastAt: at, attempts: 1, outcome: null },
    });
    const refused = await patch(first);
    expect(refused).toMatchObject({ status: 409, body: { code: 'still_cleaning_up', retryable: true } });
    expect(refused.headers.get('retry-after')).toBe('2');
    expect((await patch(awsSpec())).status).toBe(202);
  });

  test('of a draft that takes its request back has the engine look', async () => {
    const { id } = await stage.peering(tenant);
    const cloud = { connectionId: null };
    const draft = await stage.patch<PeeringView>(path(id), {
      ...asAdministrator(),
      body: { spec: { cloud } },
    });
    expect(draft.body.status.state).toBe('awaiting_request');
    expect((await stage.read(id))!.dueAt).not.toBeNull();
  });
});
