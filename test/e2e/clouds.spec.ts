import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import type { ConditionView, NextActionView, PeeringView } from '../../apps/api/src/peerings/peering.view.js';
import { CloudStage, CUSTOMER_CIDR, type StagedConnection } from '../support/cloud-stage.js';
import { STAGED_CLOUDS } from '../support/cloud-stage-table.js';

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const WEEK_SECONDS = 7 * 86_400;

describe.each(STAGED_CLOUDS)('a connection on $cloud', (subject) => {
  let stage: CloudStage;
  const { operations } = subject.contract;

  beforeAll(async () => {
    stage = await CloudStage.open(subject);
  });
  afterEach(() => stage.clear());
  afterAll(() => stage.close());

  const codesOf = (actions: readonly NextActionView[]) => actions.map(({ code }) => code);
  const truthsOf = (conditions: readonly ConditionView[]) =>
    Object.fromEntries(conditions.map(({ type, status }) => [type, status]));

  /** The cloud's books hold exactly this connection and the routes that it needs. */
  async function expectConnected({ deployment, request }: StagedConnection): Promise<void> {
    const { pending, joined, tables, routes } = await stage.holdings(deployment);
    const { providerId } = request;
    const destinations =
      stage.capabilities.routing === 'platform' ? [CUSTOMER_CIDR] : [CUSTOMER_CIDR, deployment.cidr];
    expect({ pending, joined }).toEqual({ pending: [], joined: [providerId] });
    expect(tables.length).toBeGreaterThan(0);
    expect(routes).toHaveLength(tables.length * destinations.length);
    expect(routes).toEqual(
      expect.arrayContaining(
        tables.flatMap((table) =>
          destinations.map((destination) => ({ table, destination, target: providerId })),
        ),
      ),
    );
  }

  it('comes up, is shown as it is, and has its routes in every table', async () => {
    const deployment = await stage.deploy();
    await stage.harness.tables?.create(deployment.network);
    const connection = await stage.connect(CUSTOMER_CIDR, deployment);
    const { request, id } = connection;
    await expectConnected(connection);
    const { body: shown, headers } = await stage.ask<PeeringView>('GET', `peerings/${id}`);
    expect(headers.get('etag')).toBe(`"${shown.version}"`);
    const platform = { vpcId: deployment.network.vpcId };
    const customer =
      stage.capabilities.initiator === 'customer'
        ? { vpcId: request.customer.vpcId }
        : { vpcId: request.providerId };
    const [requester, accepter] =
      stage.capabilities.initiator === 'customer' ? [customer, platform] : [platform, customer];
    expect(shown).toMatchObject({
      id,
      deploymentId: deployment.id,
      cloud: subject.cloud,
      region: deployment.network.region,
      displayName: '',
      spec: { cidrs: [], ...subject.declare(request) },
      status: {
        state: 'running',
        ready: true,
        reason: { code: 'ready', message: expect.stringContaining(CUSTOMER_CIDR) },
        observed: { providerId: request.providerId, requester, accepter },
        deadline: null,
      },
    });
    if (stage.capabilities.cidrObservable) expect(shown.status.observed?.cidrs).toEqual([CUSTOMER_CIDR]);
    expect(truthsOf(shown.status.conditions)).toEqual({
      Fresh: 'True',
      Verified: 'True',
      Accepted: 'True',
      RoutesProgrammed: 'True',
    });
    expect(codesOf(shown.status.nextActions)).toEqual(['add_route', 'allow_traffic']);
    expect(shown.createdAt).toMatch(ISO_TIME);
    expect(shown.updatedAt).toMatch(ISO_TIME);
    expect(shown.status.nextCheckAt).toMatch(ISO_TIME);
    const listed = await stage.ask<{ items: PeeringView[] }>('GET', `deployments/${deployment.id}/peerings`);
    expect(listed.body.items.map((item) => item.id)).toEqual([id]);
  });

  const { declareOtherwise } = subject;
  if (declareOtherwise) {
    it('comes up when the customer names their network in place of the request', async () => {
      const deployment = await stage.deploy();
      const request = await stage.request(deployment);
      const id = await stage.declare(deployment, declareOtherwise(request));
      await stage.until(id, 'running');
      await expectConnected({ id, deployment, request });
    });
  }

  it('stays a draft until what is missing comes, and goes on from there', async () => {
    const deployment = await stage.deploy();
    const request = await stage.request(deployment);
    const { cloud, ...rest } = subject.declare(request);
    const [missing = ''] = Object.keys(cloud).filter((field) => field !== 'kind');
    const { [missing]: given, ...partly } = cloud;
    const id = await stage.declare(deployment, { ...rest, cloud: partly as typeof cloud });
    const draft = await stage.read(id);
    expect(draft.status).toMatchObject({ state: 'awaiting_request', ready: false, nextCheckAt: null });
    expect(draft.status.reason.code).toBe('request_details_missing');
    expect(codesOf(draft.status.nextActions)).toContain('complete_request_details');
    const completed = await stage.ask('PATCH', `peerings/${id}`, { spec: { cloud: { [missing]: given } } });
    expect(completed.status).toBe(202);
    const connection = { id, deployment, request };
    await stage.approve(connection);
    await stage.until(id, 'running');
    await expectConnected(connection);
  });

  it('tells while it waits how long the request lives', async () => {
    const asks = operations.accept;
    if (asks !== undefined) {
      stage.fault({ kind: 'error', operation: asks, code: subject.contract.unknownErrorCode });
    }
    const { id } = await stage.begin();
    const { status } = await stage.until(id, asks === undefined ? 'awaiting_approval' : 'accepting');
    const { approvalWindow, requestExpiryMs } = stage.capabilities;
    const seconds = approvalWindow ? 600 : requestExpiryMs === null ? null : WEEK_SECONDS;
    if (seconds === null) {
      expect(status.deadline).toBeNull();
      return;
    }
    expect(status.deadline).toMatchObject({ kind: approvalWindow ? 'customer_approval' : 'provider_expiry' });
    expect(status.deadline!.at).toMatch(ISO_TIME);
    expect(status.deadline!.remainingSeconds).toBeLessThanOrEqual(seconds);
    expect(status.deadline!.remainingSeconds).toBeGreaterThan(seconds - 30);
  });
});
