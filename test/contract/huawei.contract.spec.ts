import { describe, expect, it } from '@jest/globals';
import type { CloudConnectionOptions, RouteRef } from '#domain';
import { defineCloudContract } from './cloud-contract.js';
import { huaweiSubject, type HuaweiHarness } from './huawei.harness.js';
import { CUSTOMER_CIDR, type Stage } from './stage.js';

defineCloudContract('Huawei Cloud', huaweiSubject, (stage) => {
  /** An established connection and the route that it needs. */
  async function prepare(): Promise<RouteRef> {
    const { providerId } = await stage.establish();
    const [routeTableId = ''] = await stage.routeTableIds();
    return { routeTableId, destination: CUSTOMER_CIDR, target: providerId };
  }
  const ensure = (route: RouteRef) =>
    stage.port.ensureRoute(stage.network, route, stage.context({ providerId: route.target }));

  describe('the sides', () => {
    it('are projects; the platform’s is its account', async () => {
      const { platform, customer } = stage.harness.huawei;
      const seen = await stage.observe(await stage.ask());
      expect(seen?.accepter).toMatchObject({ accountId: platform.accountId, projectId: platform.accountId });
      expect(seen?.requester).toMatchObject({ projectId: customer.accountId });
      expect(seen?.requester.accountId).toBeUndefined();
    });

    it('are found where the platform’s account is known by its own id: its project follows from IAM', async () => {
      const domainId = stage.harness.huawei.platform.attributes['domainId']!;
      const port = stage.connect({ accountId: domainId });
      const request = await stage.ask();
      const looks = await Promise.all([
        port.observePeerings(stage.network),
        port.observePeerings(stage.network),
      ]);
      for (const [seen] of looks) {
        expect(seen).toMatchObject({ providerId: request.providerId, accepter: { accountId: domainId } });
      }
      expect(await port.describeNetwork(stage.network)).toMatchObject({ accountId: domainId });
      await port.acceptPeering(stage.network, request.providerId, stage.context(request));
      const [routeTableId = ''] = await stage.routeTableIds();
      const route = { routeTableId, destination: CUSTOMER_CIDR, target: request.providerId };
      await port.ensureRoute(stage.network, route, stage.context(request));
      expect(stage.calls('KeystoneListProjects')).toHaveLength(1);
    });

    it('of nobody’s project are refused', async () => {
      const { accounts } = stage.harness.simulators.cloud('huawei').simulator;
      accounts.setDenied(stage.harness.options().accountId, 'KeystoneListProjects', true);
      const port = stage.connect({ accountId: '0'.repeat(32) });
      for (let time = 0; time < 2; time++) {
        const error = await stage.refusal(port.describeNetwork(stage.network));
        expect(error).toMatchObject({ category: 'auth' });
      }
      expect(stage.calls('KeystoneListProjects')).toHaveLength(1);
    });
  });

  describe('a look at connections and routes at once', () => {
    it('lists the connections once', async () => {
      const route = await prepare();
      await ensure(route);
      const before = stage.calls('ListVpcPeerings').length;
      const [peerings, tables] = await Promise.all([
        stage.port.observePeerings(stage.network),
        stage.port.observeRoutes(stage.network),
      ]);
      expect(stage.calls('ListVpcPeerings')).toHaveLength(before + 1);
      expect(peerings[0]?.providerId).toBe(route.target);
      expect(tables[0]?.routes).toMatchObject([{ target: route.target, state: 'active' }]);
    });

    it('is done again after one that failed', async () => {
      const look = () =>
        Promise.all([stage.port.observePeerings(stage.network), stage.port.observeRoutes(stage.network)]);
      stage.fault({ kind: 'throttle', operation: 'ListVpcPeerings' });
      expect((await stage.refusal(look())).category).toBe('throttled');
      expect(await look()).toMatchObject([[], [{ main: true }]]);
    });
  });

  describe('the listing', () => {
    it('leaves out what the platform VPC has asked for itself', async () => {
      const { huawei } = stage.harness;
      const vpcId = await stage.harness.createVpc(huawei.customer, CUSTOMER_CIDR);
      await stage.harness.asPlatform('POST', '/v2.0/vpc/peerings', {
        peering: {
          name: 'outgoing',
          request_vpc_info: { vpc_id: stage.network.vpcId },
          accept_vpc_info: { vpc_id: vpcId, tenant_id: huawei.customer.accountId },
        },
      });
      expect(await stage.port.observePeerings(stage.network)).toEqual([]);
    });
  });

  describe('the network', () => {
    it('is described with the blocks that were added later', async () => {
      const { accountId } = stage.harness.options();
      const { vpcId } = stage.network;
      await stage.harness.asPlatform('PUT', `/v3/${accountId}/vpc/vpcs/${vpcId}/add-extend-cidr`, {
        vpc: { extend_cidrs: ['10.140.0.0/16'] },
      });
      expect((await stage.port.describeNetwork(stage.network)).cidrs).toEqual([
        '10.128.0.0/16',
        '10.140.0.0/16',
      ]);
    });
  });

  describe('the mark', () => {
    it('leaves in place what somebody has written', async () => {
      const request = await stage.ask();
      const path = `/v2.0/vpc/peerings/${request.providerId}`;
      await stage.harness.asPlatform('PUT', path, { peering: { description: 'For the shop. '.repeat(18) } });
      const context = stage.context(request);
      await stage.port.markPeering(stage.network, request.providerId, context);
      const { peering } = (await stage.harness.asPlatform('GET', path)) as {
        peering: { name: string; description: string };
      };
      expect(peering).toMatchObject({ name: 'to-the-platform' });
      expect(peering.description).toMatch(/^For the shop\. For the shop\./);
      expect(peering.description.length).toBeLessThanOrEqual(255);
      expect((await stage.observe(request))?.mark).toBe(context.mark);
      await stage.port.markPeering(stage.network, request.providerId, { ...context, mark: 'peer_other' });
      expect((await stage.observe(request))?.mark).toBe('peer_other');
    });

    it('goes with routes too', async () => {
      const route = await prepare();
      await ensure(route);
      expect(await stage.routeAt(route.routeTableId, route.destination)).toMatchObject({
        mark: stage.context({ providerId: route.target }).mark,
      });
    });
  });

  describe('deleting', () => {
    it.each(['REJECTED', 'EXPIRED'])('clears away what is %s', async (state) => {
      const recipe = huaweiSubject.states[state];
      if (recipe === undefined || 'hidden' in recipe) throw new Error(`There is no way to ${state}.`);
      const providerId = await recipe.reach(stage);
      await stage.port.deletePeering(stage.network, providerId, stage.context({ providerId }));
      expect(await stage.port.observePeerings(stage.network)).toEqual([]);
    });

    it('that takes routes along leaves none to remove', async () => {
      stage.harness.settings({ deletionRemovesRoutes: true });
      const route = await prepare();
      await ensure(route);
      const context = stage.context({ providerId: route.target });
      await stage.port.deletePeering(stage.network, route.target, context);
      expect(await stage.routeAt(route.routeTableId, route.destination)).toBeUndefined();
      await stage.port.removeRoute(stage.network, route, context);
    });
  });

  describe('a refusal', () => {
    it('to accept that says nothing of the state stays what it is', async () => {
      const { providerId } = await stage.ask();
      const accept = () => stage.port.acceptPeering(stage.network, providerId, stage.context({ providerId }));
      stage.fault({ kind: 'error', operation: 'AcceptVpcPeering', code: 'Busy', status: 409 });
      expect(await stage.refusal(accept())).toMatchObject({ category: 'conflict', code: 'Busy' });
      const message = "Quota exceeded for resources: ['vpc_peering'].";
      stage.fault({ kind: 'error', operation: 'AcceptVpcPeering', code: 'Full', status: 409, message });
      expect(await stage.refusal(accept())).toMatchObject({ category: 'quota', code: 'Full' });
      await accept();
    });

    it('to add a route that says nothing of its state stays what it is', async () => {
      const route = await prepare();
      stage.fault({ kind: 'error', operation: 'UpdateRouteTable', code: 'Busy', status: 409 });
      expect(await stage.refusal(ensure(route))).toMatchObject({ category: 'conflict', code: 'Busy' });
      await ensure(route);
    });
  });

  describe('an assumed agency', () => {
    const EXTERNAL_ID = 'external-id-of-the-broker';

    it('acts as the platform’s account, with one visit to STS for many calls', async () => {
      const port = stage.connect(await assumingAgency(stage, EXTERNAL_ID));
      const { providerId } = await stage.ask();
      await Promise.all([port.observePeerings(stage.network), port.observeRoutes(stage.network)]);
      await port.acceptPeering(stage.network, providerId, stage.context({ providerId }));
      expect(stage.effects('AcceptVpcPeering')).toBe(1);
      expect(visitsToSts(stage)).toBe(1);
    });

    it('is assumed anew before it expires', async () => {
      // Renewed five minutes ahead, by the machine's clock; these are issued eleven minutes ago for fifteen.
      stage.harness.simulators.clock.advance(-11 * 60_000);
      const port = stage.connect(await assumingAgency(stage, EXTERNAL_ID, 900));
      await port.observePeerings(stage.network);
      const visits = visitsToSts(stage);
      await port.observePeerings(stage.network);
      expect(visitsToSts(stage)).toBe(visits + 1);
    });

    it('that the platform may not assume is refused in the name of AssumeAgency', async () => {
      const options = await assumingAgency(stage, EXTERNAL_ID);
      const credentials = { ...options.credentials, externalId: 'another-external-id' };
      const port = stage.connect({ ...options, credentials });
      const error = await stage.refusal(
        port.observePeerings(stage.network),
        options.credentials.accessKeyId,
        options.credentials.secretAccessKey,
      );
      expect(error).toMatchObject({ category: 'auth', operation: 'AssumeAgency' });
      expect(stage.calls('ListVpcPeerings')).toEqual([]);
    });

    it('is had later from an STS that fails at first', async () => {
      stage.fault({ kind: 'server_error', operation: 'AssumeAgency' });
      const port = stage.connect(await assumingAgency(stage, EXTERNAL_ID));
      const error = await stage.refusal(port.observePeerings(stage.network));
      expect(error).toMatchObject({ category: 'transient', operation: 'AssumeAgency' });
      expect(await port.observePeerings(stage.network)).toEqual([]);
    });
  });
});

/** An account of its own from which the platform's agency may be assumed. */
async function assumingAgency(stage: Stage<HuaweiHarness>, externalId: string, durationSeconds?: number) {
  const { harness } = stage;
  const { accountId } = harness.options();
  const { accessKeyId, secretAccessKey, ...operations } = harness.simulators.putAccount('huawei', {
    name: 'operations',
  });
  const { body } = await harness.huawei.control('POST', '/_sim/huawei/put-agency', {
    accountId,
    agencyName: 'peering-broker',
    trustedAccountIds: [operations.accountId],
    externalId,
  });
  return {
    credentials: {
      kind: 'assume_role',
      accessKeyId,
      secretAccessKey,
      roleArn: String(body['agencyUrn']),
      externalId,
      ...(durationSeconds !== undefined && { durationSeconds }),
    },
  } satisfies Partial<CloudConnectionOptions>;
}

function visitsToSts(stage: Stage<HuaweiHarness>): number {
  return stage.harness.simulators.cloud('huawei').calls.list({ operation: 'AssumeAgency' }).length;
}
