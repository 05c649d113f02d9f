import { describe, expect, it } from '@jest/globals';
import vpcSdk from '@alicloud/vpc20160428';
import type { CloudConnectionOptions, RouteRef } from '#domain';
import { REGION } from '../support/simulated-alibaba.js';
import { alibabaSubject, type AlibabaHarness } from './alibaba.harness.js';
import { defineCloudContract } from './cloud-contract.js';
import { CUSTOMER_CIDR, type Stage } from './stage.js';

defineCloudContract('Alibaba Cloud', alibabaSubject, (stage) => {
  const clock = () => stage.harness.simulators.clock;

  /** An established connection and the route that it needs. */
  async function prepare(): Promise<RouteRef> {
    const { providerId } = await stage.establish();
    const [routeTableId = ''] = await stage.routeTableIds();
    return { routeTableId, destination: CUSTOMER_CIDR, target: providerId };
  }
  const ensure = (route: RouteRef) =>
    stage.port.ensureRoute(stage.network, route, stage.context({ providerId: route.target }));
  const remove = (route: RouteRef) =>
    stage.port.removeRoute(stage.network, route, stage.context({ providerId: route.target }));

  describe('account ids', () => {
    it('keep all their digits, more than a double holds', async () => {
      const request = await stage.ask();
      const looks = [await stage.observe(request), ...(await stage.port.observePeerings(stage.network))];
      for (const seen of looks) {
        expect(seen?.requester.accountId).toBe('253460731706911258');
        expect(seen?.accepter.accountId).toBe('283117732402483989');
      }
      expect((await stage.port.describeNetwork(stage.network)).accountId).toBe('283117732402483989');
    });
  });

  describe('the listing', () => {
    it('leaves out what the platform VPC has asked for itself', async () => {
      const { alibaba } = stage.harness;
      const vpcId = await stage.harness.createVpc(alibaba.customer, CUSTOMER_CIDR);
      await alibaba.call(alibaba.platform, 'VpcPeer', 'CreateVpcPeerConnection', {
        VpcId: stage.network.vpcId,
        AcceptingAliUid: alibaba.customer.accountId,
        AcceptingRegionId: REGION,
        AcceptingVpcId: vpcId,
      });
      expect(await stage.port.observePeerings(stage.network)).toEqual([]);
    });

    it('shows a request from another region with that region', async () => {
      const { alibaba } = stage.harness;
      const request = new vpcSdk.CreateVpcRequest({ regionId: 'cn-beijing', cidrBlock: CUSTOMER_CIDR });
      const { body } = await alibaba.vpc(alibaba.customer).createVpc(request);
      await alibaba.call(alibaba.customer, 'VpcPeer', 'CreateVpcPeerConnection', {
        RegionId: 'cn-beijing',
        VpcId: body!.vpcId,
        AcceptingAliUid: alibaba.platform.accountId,
        AcceptingRegionId: REGION,
        AcceptingVpcId: stage.network.vpcId,
      });
      const [seen] = await stage.port.observePeerings(stage.network);
      expect(seen).toMatchObject({ requester: { region: 'cn-beijing' }, accepter: { region: REGION } });
    });
  });

  describe('the customer’s blocks', () => {
    it('follow their VPC', async () => {
      const { customer, ...request } = await stage.ask();
      const { alibaba } = stage.harness;
      await alibaba.vpc(alibaba.customer).associateVpcCidrBlock(
        new vpcSdk.AssociateVpcCidrBlockRequest({
          regionId: REGION,
          vpcId: customer.vpcId!,
          secondaryCidrBlock: '172.18.0.0/16',
        }),
      );
      expect((await stage.observe(request))?.requester.cidrs).toEqual([CUSTOMER_CIDR, '172.18.0.0/16']);
    });
  });

  describe('a change of one connection', () => {
    it('keeps those of others on the same VPC waiting', async () => {
      const first = await stage.ask('172.20.0.0/16');
      const second = await stage.ask('172.21.0.0/16');
      const accept = (providerId: string) =>
        stage.port.acceptPeering(stage.network, providerId, stage.context({ providerId }));
      await accept(first.providerId);
      expect(await stage.refusal(accept(second.providerId))).toMatchObject({
        category: 'conflict',
        code: 'Conflict.Operation',
      });
      clock().advance(1_000);
      await accept(second.providerId);
    });
  });

  describe('an account without Cloud Data Transfer', () => {
    it('cannot accept, and is told why', async () => {
      const { providerId } = await stage.ask();
      const { accountId } = stage.harness.options();
      await stage.harness.alibaba.control('POST', '/_sim/alibaba/cdt', { accountId, opened: false });
      const context = stage.context({ providerId });
      expect(await stage.refusal(stage.port.acceptPeering(stage.network, providerId, context))).toMatchObject(
        {
          category: 'precondition',
          code: 'OperationFailed.CdtNotOpened',
          reason: 'cdt_not_activated',
        },
      );
    });
  });

  describe('deleting', () => {
    it('waits for routes that lead to the connection, and never takes them along', async () => {
      const route = await prepare();
      await ensure(route);
      const context = stage.context({ providerId: route.target });
      const end = () => stage.port.deletePeering(stage.network, route.target, context);
      expect(await stage.refusal(end())).toMatchObject({
        category: 'precondition',
        code: 'OperationDenied.RouteEntryExist',
      });
      expect(await stage.routeAt(route.routeTableId, route.destination)).toMatchObject({
        target: route.target,
      });
      await remove(route);
      await end();
      for (const call of stage.calls('DeleteVpcPeerConnection')) {
        expect(call.parameters).not.toHaveProperty('Force');
      }
    });

    it('clears away a request that was rejected', async () => {
      const request = await stage.ask();
      const context = stage.context(request);
      await stage.port.rejectPeering(stage.network, request.providerId, context);
      await stage.port.deletePeering(stage.network, request.providerId, context);
      clock().advance(1_000);
      expect((await stage.observe(request))?.phase).toBe('gone');
      expect(stage.effects('DeleteVpcPeerConnection')).toBe(1);
    });
  });

  describe('routes that take their time', () => {
    const slowly = () => stage.harness.settings({ routeEntrySeconds: 5 });
    const stateOf = async (route: RouteRef) =>
      (await stage.routeAt(route.routeTableId, route.destination))?.state;

    it('are pending, then active; on their way out pending, then gone', async () => {
      const route = await prepare();
      slowly();
      await ensure(route);
      expect(await stateOf(route)).toBe('pending');
      clock().advance(5_000);
      expect(await stateOf(route)).toBe('active');
      await remove(route);
      expect(await stateOf(route)).toBe('pending');
      clock().advance(5_000);
      expect(await stateOf(route)).toBeUndefined();
    });

    it('keep other changes of their table waiting, which then go on', async () => {
      const first = await prepare();
      const second = { ...first, destination: '172.30.0.0/16' };
      const ensureSecond = () =>
        stage.port.ensureRoute(stage.network, second, { mark: 'peer_1', token: 'token-of-the-second' });
      slowly();
      await ensure(first);
      const attempts = [await stage.refusal(ensureSecond()), await stage.refusal(ensureSecond())];
      for (const refusal of attempts) {
        expect(refusal).toMatchObject({ category: 'conflict', code: 'TaskConflict' });
      }
      expect(await stage.refusal(remove(first))).toMatchObject({
        category: 'conflict',
        code: 'TaskConflict',
      });
      clock().advance(5_000);
      await ensureSecond();
      clock().advance(5_000);
      expect(await stateOf(second)).toBe('active');
    });

    it('are made once even when the answer is lost', async () => {
      const route = await prepare();
      slowly();
      stage.fault({ kind: 'drop_after', operation: 'CreateRouteEntry' });
      expect(await stage.refusal(ensure(route))).toMatchObject({ category: 'transient' });
      await ensure(route);
      expect(stage.effects('CreateRouteEntry')).toBe(1);
    });
  });

  describe('a client token', () => {
    it('that the cloud would not take is made to fit', async () => {
      const route = await prepare();
      const mark = 'peer_1';
      await stage.port.ensureRoute(stage.network, route, { mark, token: `${'x'.repeat(80)} – ü` });
      expect(await stage.routeAt(route.routeTableId, route.destination)).toMatchObject({ mark });
      const [call] = stage.calls('CreateRouteEntry');
      expect(call?.parameters['ClientToken']).toMatch(/^[0-9a-f]{64}$/);
    });
  });

  describe('the mark', () => {
    it('of another account is not seen', async () => {
      const { alibaba } = stage.harness;
      const request = await stage.ask();
      await alibaba.call(alibaba.customer, 'VpcPeer', 'TagResources', {
        ResourceType: 'PeerConnection',
        ResourceId: [request.providerId],
        Tag: [{ Key: 'peering-broker:connection', Value: 'peer_forged' }],
      });
      expect((await stage.observe(request))?.mark).toBeUndefined();
    });
  });

  describe('a signature that does not match', () => {
    it('is told without what was signed', async () => {
      const credentials = {
        ...stage.harness.options().credentials,
        secretAccessKey: 'not-the-secret-000000',
      };
      const error = await stage.refusal(stage.connect({ credentials }).observePeerings(stage.network));
      expect(error).toMatchObject({ category: 'auth', code: 'SignatureDoesNotMatch' });
      expect(error.message).not.toMatch(/x-acs-|canonical/i);
    });
  });

  describe('an assumed role', () => {
    const EXTERNAL_ID = 'external-id-of-the-broker';

    it('acts as the platform’s account, with one visit to STS for many calls', async () => {
      const port = stage.connect(await assumingRole(stage, EXTERNAL_ID));
      const { providerId } = await stage.ask();
      await Promise.all([port.observePeerings(stage.network), port.observeRoutes(stage.network)]);
      await port.acceptPeering(stage.network, providerId, stage.context({ providerId }));
      expect(stage.effects('AcceptVpcPeerConnection')).toBe(1);
      expect(visitsToSts(stage)).toBe(1);
    });

    it('is assumed anew before it expires', async () => {
      // Renewed five minutes ahead, by the machine's clock; these are issued eleven minutes ago for fifteen.
      clock().advance(-11 * 60_000);
      const port = stage.connect(await assumingRole(stage, EXTERNAL_ID, 900));
      await port.observePeerings(stage.network);
      const visits = visitsToSts(stage);
      await port.observePeerings(stage.network);
      expect(visitsToSts(stage)).toBe(visits + 1);
    });

    it('that the platform may not assume is refused in the name of AssumeRole', async () => {
      const options = await assumingRole(stage, EXTERNAL_ID);
      const credentials = { ...options.credentials, externalId: 'another-external-id' };
      const port = stage.connect({ ...options, credentials });
      const error = await stage.refusal(
        port.observePeerings(stage.network),
        options.credentials.accessKeyId,
        options.credentials.secretAccessKey,
      );
      expect(error).toMatchObject({ category: 'auth', code: 'NoPermission', operation: 'AssumeRole' });
      expect(error.message).toContain('sts:AssumeRole');
      expect(stage.calls('ListVpcPeerConnections')).toEqual([]);
    });

    it('is had later from an STS that fails at first', async () => {
      stage.fault({ kind: 'server_error', operation: 'AssumeRole' });
      const port = stage.connect(await assumingRole(stage, EXTERNAL_ID));
      const error = await stage.refusal(port.observePeerings(stage.network));
      expect(error).toMatchObject({ category: 'transient', operation: 'AssumeRole' });
      expect(await port.observePeerings(stage.network)).toEqual([]);
    });
  });
});

/** An account of its own from which the platform's role may be assumed. */
async function assumingRole(stage: Stage<AlibabaHarness>, externalId: string, durationSeconds?: number) {
  const { harness } = stage;
  const { accountId } = harness.options();
  const { accessKeyId, secretAccessKey, ...operations } = harness.simulators.putAccount('alibaba', {
    name: 'operations',
  });
  const { body } = await harness.alibaba.control('POST', '/_sim/alibaba/put-role', {
    accountId,
    roleName: 'peering-broker',
    trustedAccountIds: [operations.accountId],
    externalId,
  });
  return {
    credentials: {
      kind: 'assume_role',
      accessKeyId,
      secretAccessKey,
      roleArn: String(body['roleArn']),
      externalId,
      ...(durationSeconds !== undefined && { durationSeconds }),
    },
  } satisfies Partial<CloudConnectionOptions>;
}

function visitsToSts(stage: Stage<AlibabaHarness>): number {
  return stage.harness.simulators.cloud('alibaba').calls.list({ operation: 'AssumeRole' }).length;
}
