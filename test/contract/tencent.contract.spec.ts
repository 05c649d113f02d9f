import { describe, expect, it } from '@jest/globals';
import type { CloudConnectionOptions } from '#domain';
import { instance, makeCcn, makeVpc } from '../support/simulated-tencent.js';
import { defineCloudContract } from './cloud-contract.js';
import { CUSTOMER_CIDR, PLATFORM_CIDR, type Stage } from './stage.js';
import { tencentSubject, type TencentHarness } from './tencent.harness.js';

defineCloudContract('Tencent Cloud', tencentSubject, (stage) => {
  it('is asked once for what connections and routes have in common, and again by the next look', async () => {
    const { providerId } = await stage.establish();
    const look = () =>
      Promise.all([stage.port.observePeerings(stage.network), stage.port.observeRoutes(stage.network)]);
    stage.harness.simulators.cloud('tencent').calls.clear();
    const [[peering], [table]] = await look();
    const asked = stage.calls().map(({ operation }) => operation);
    expect(asked).toEqual(['DescribeCcnAttachedInstances', 'DescribeCcnRoutes']);
    expect(peering?.accepter.cidrs).toEqual([CUSTOMER_CIDR]);
    expect(table?.routes.map(({ destination }) => destination)).toContain(CUSTOMER_CIDR);
    await stage.harness.join(providerId, await makeVpc(stage.harness.customer, '192.168.0.0/16'));
    const [[later]] = await look();
    expect(later?.accepter.cidrs).toEqual([CUSTOMER_CIDR, '192.168.0.0/16']);
  });

  describe('the customer’s blocks', () => {
    it('are those of everything in the CCN, the widest of what nests', async () => {
      const { providerId } = await stage.establish();
      const { harness } = stage;
      for (const cidr of ['192.168.0.0/16', '172.20.0.0/20']) {
        await harness.join(providerId, await makeVpc(harness.customer, cidr));
      }
      const seen = await stage.observe({ providerId });
      expect(seen?.accepter.cidrs).toEqual([CUSTOMER_CIDR, '172.20.0.0/20', '192.168.0.0/16']);
    });

    it('do not count where their route is disabled, which the routes tell', async () => {
      const { providerId } = await stage.establish();
      const { harness } = stage;
      await harness.join(providerId, await makeVpc(harness.customer, '172.16.128.0/20'));
      expect((await stage.observe({ providerId }))?.accepter.cidrs).toEqual([CUSTOMER_CIDR]);
      expect(await stage.routeAt(providerId, '172.16.128.0/20')).toMatchObject({
        target: providerId,
        state: 'disabled',
      });
    });

    it('do not include another deployment of the platform in the same CCN', async () => {
      const { providerId } = await stage.establish();
      const { harness } = stage;
      const other = await harness.createNetwork('10.129.0.0/16');
      const target = { providerId, ownerAccountId: harness.tencent.customer.accountId };
      await stage.port.requestAttachment(other, target, { mark: 'peer_other', token: 'other' });
      const Instances = [instance(other.vpcId)];
      await harness.customer.AcceptAttachCcnInstances({ CcnId: providerId, Instances });
      harness.simulators.clock.advance(1_000);
      expect((await stage.observe({ providerId }))?.accepter.cidrs).toEqual([CUSTOMER_CIDR]);
      expect(await stage.routeAt(providerId, '10.129.0.0/16')).toBeUndefined();
    });
  });

  describe('the routes', () => {
    it('are none before the attachment is active', async () => {
      await stage.ask();
      expect(await stage.port.observeRoutes(stage.network)).toEqual([]);
    });

    it('are those that the CCN has learned, ours among them', async () => {
      const { providerId } = await stage.establish();
      expect(await stage.port.observeRoutes(stage.network)).toEqual([
        {
          routeTableId: providerId,
          main: true,
          routes: [
            expect.objectContaining({ destination: CUSTOMER_CIDR, target: providerId, state: 'active' }),
            expect.objectContaining({ destination: PLATFORM_CIDR, target: providerId, state: 'active' }),
          ],
        },
      ]);
    });

    it('of ours show when they lost to the customer’s', async () => {
      const { harness } = stage;
      const request = await stage.ask();
      await harness.join(request.providerId, await makeVpc(harness.customer, '10.128.64.0/20'));
      await harness.answer.approve(request);
      await stage.untilPhase(request, 'active');
      expect(await stage.routeAt(request.providerId, PLATFORM_CIDR)).toMatchObject({ state: 'disabled' });
      expect((await stage.observe(request))?.accepter.cidrs).toEqual(['10.128.64.0/20', CUSTOMER_CIDR]);
    });

    it('are read over as many pages as it takes', async () => {
      const { harness } = stage;
      await harness.control('settings', { rateLimits: false, instancesPerCcn: 1_000 });
      const { providerId } = await stage.establish();
      const { customer, tencent } = harness;
      const seed = { accountId: tencent.customer.accountId, region: stage.network.region, count: 201 };
      const { vpcs } = await harness.control('seed-vpcs', {
        ...seed,
        from: '192.168.0.0/16',
        prefixLength: 24 + 2,
      });
      const Instances = (vpcs as { vpcId: string }[]).map(({ vpcId }) => instance(vpcId));
      await customer.AttachCcnInstances({ CcnId: providerId, Instances });
      harness.simulators.clock.advance(1_000);
      const before = stage.calls('DescribeCcnRoutes').length;
      expect((await stage.observe({ providerId }))?.accepter.cidrs).toHaveLength(202);
      expect(stage.calls('DescribeCcnRoutes')).toHaveLength(before + 3);
    });

    it('are read from the VPC’s own table where the CCN’s owner alone may list them', async () => {
      const { providerId } = await stage.establish();
      await stage.harness.control('settings', { membersSeeRoutes: false });
      expect((await stage.observe({ providerId }))?.accepter.cidrs).toEqual([CUSTOMER_CIDR]);
      expect(await stage.routeAt(providerId, CUSTOMER_CIDR)).toMatchObject({ state: 'active' });
    });

    it('are nothing that the broker writes', async () => {
      const { providerId } = await stage.establish();
      const route = { routeTableId: providerId, destination: CUSTOMER_CIDR, target: providerId };
      const before = stage.calls().length;
      for (const call of [
        stage.port.ensureRoute(stage.network, route, stage.context({ providerId })),
        stage.port.removeRoute(stage.network, route, stage.context({ providerId })),
      ]) {
        expect((await stage.refusal(call)).category).toBe('precondition');
      }
      expect(stage.calls()).toHaveLength(before);
    });
  });

  describe('applications that have ended', () => {
    it('are all listed, over as many pages as it takes', async () => {
      const { harness, network, port } = stage;
      await harness.control('settings', { rateLimits: false });
      const { customer, tencent } = harness;
      for (let index = 0; index < 101; index++) {
        const providerId = await makeCcn(customer);
        const target = { providerId, ownerAccountId: tencent.customer.accountId };
        await port.requestAttachment(network, target, { mark: `peer_${index}`, token: '' });
        await customer.RejectAttachCcnInstances({ CcnId: providerId, Instances: [instance(network.vpcId)] });
      }
      const seen = await port.observePeerings(network);
      expect(new Set(seen.map((peering) => peering.mark)).size).toBe(101);
    });

    it('are made again where the cloud refuses to reset them', async () => {
      const request = await stage.ask();
      await stage.harness.answer.refuse(request);
      stage.fault({ kind: 'error', operation: 'ResetAttachCcnInstances', code: 'UnsupportedOperation' });
      const target = { providerId: request.providerId, ownerAccountId: request.customer.accountId ?? '' };
      await stage.port.requestAttachment(stage.network, target, stage.context(request));
      expect(await stage.observe(request)).toMatchObject({
        phase: 'pending_customer',
        mark: stage.context(request).mark,
      });
    });

    it('are reset after they have expired', async () => {
      const request = await stage.ask();
      stage.harness.simulators.clock.advance(7 * 86_400_000);
      const target = { providerId: request.providerId, ownerAccountId: request.customer.accountId ?? '' };
      await stage.port.requestAttachment(stage.network, target, stage.context(request));
      expect(stage.effects('ResetAttachCcnInstances')).toBe(1);
      expect(await stage.harness.statesOf(stage.network.vpcId)).toEqual(['PENDING']);
    });
  });

  describe('a VPC that is in another CCN', () => {
    it('cannot join, and the error names the other', async () => {
      const elsewhere = await stage.establish();
      const request = await stage.harness.createRequest(stage.network, '172.20.0.0/16');
      const target = { providerId: request.providerId, ownerAccountId: request.customer.accountId ?? '' };
      const error = await stage.refusal(
        stage.port.requestAttachment(stage.network, target, stage.context(request)),
      );
      expect(error).toMatchObject({ category: 'conflict', reason: 'attachment_exists' });
      expect(error.message).toContain(elsewhere.providerId);
    });
  });

  describe('an assumed role', () => {
    it('acts as the platform’s account, with one visit to STS for many calls', async () => {
      const port = stage.connect(await assumingRole(stage));
      const request = await stage.harness.createRequest(stage.network, CUSTOMER_CIDR);
      const target = { providerId: request.providerId, ownerAccountId: request.customer.accountId ?? '' };
      await Promise.all([port.observePeerings(stage.network), port.observeRoutes(stage.network)]);
      await port.requestAttachment(stage.network, target, stage.context(request));
      expect(stage.effects('AttachCcnInstances')).toBe(1);
      expect(visitsToSts(stage)).toBe(1);
    });

    it('is assumed anew before it expires', async () => {
      const port = stage.connect(await assumingRole(stage, { durationSeconds: 200 }));
      await port.observePeerings(stage.network);
      await port.observePeerings(stage.network);
      expect(visitsToSts(stage)).toBe(2);
    });

    it('that the platform may not assume is refused in the name of AssumeRole, and had later', async () => {
      const options = await assumingRole(stage);
      const { accessKeyId, secretAccessKey } = options.credentials;
      const operations = stage.harness.simulators.cloud('tencent').simulator.accounts.named('operations');
      const { accounts } = stage.harness.simulators.cloud('tencent').simulator;
      accounts.setDenied(operations!.accountId, 'AssumeRole', true);
      const port = stage.connect(options);
      const error = await stage.refusal(port.observePeerings(stage.network), accessKeyId, secretAccessKey);
      expect(error).toMatchObject({ category: 'auth', operation: 'AssumeRole' });
      expect(error.message).toContain('sts:AssumeRole');
      expect(error.requestId).toMatch(/\S+/);
      expect(stage.calls('DescribeCcnAttachedInstances')).toEqual([]);
      accounts.setDenied(operations!.accountId, 'AssumeRole', false);
      expect(await port.observePeerings(stage.network)).toEqual([]);
    });

    it('from an STS that hangs is given up at the deadline', async () => {
      stage.fault({ kind: 'latency', operation: 'AssumeRole', ms: 5_000 });
      const port = stage.connect({ ...(await assumingRole(stage)), timeoutMs: 300 });
      const startedAt = performance.now();
      const error = await stage.refusal(port.observePeerings(stage.network));
      expect(error.category).toBe('transient');
      expect(performance.now() - startedAt).toBeLessThan(2_500);
    });
  });
});

/** An account of its own from which the platform's role may be assumed. */
async function assumingRole(stage: Stage<TencentHarness>, more: { durationSeconds?: number } = {}) {
  const { harness } = stage;
  const { accessKeyId, secretAccessKey, accountId } = harness.simulators.putAccount('tencent', {
    name: 'operations',
  });
  const externalId = 'external-id-of-the-broker';
  const { roleArn } = await harness.control('put-role', {
    accountId: harness.options().accountId,
    roleName: 'peering-broker',
    trustedAccountIds: [accountId],
    externalId,
  });
  return {
    credentials: {
      kind: 'assume_role',
      accessKeyId,
      secretAccessKey,
      roleArn: String(roleArn),
      externalId,
      ...more,
    },
  } satisfies Partial<CloudConnectionOptions>;
}

function visitsToSts(stage: Stage<TencentHarness>): number {
  return stage.harness.simulators.cloud('tencent').calls.list({ operation: 'AssumeRole' }).length;
}
