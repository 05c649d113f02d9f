import { describe, expect, it } from '@jest/globals';
import {
  AssociateVpcCidrBlockCommand,
  CreateTagsCommand,
  DescribeTagsCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import type { CloudConnectionOptions } from '#domain';
import { awsSubject, type AwsHarness } from './aws.harness.js';
import { defineCloudContract } from './cloud-contract.js';
import { CUSTOMER_CIDR, type Stage } from './stage.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

defineCloudContract('AWS', awsSubject, (stage) => {
  describe('a connection that is over', () => {
    it.each([
      ['rejected by us', 2 * HOUR_MS, 'rejected'],
      ['expired', 2 * DAY_MS, 'expired'],
      ['deleted by us', 2 * HOUR_MS, 'deleted'],
    ] as const)('and was %s disappears after %i ms', async (_how, visibleMs, state) => {
      const recipe = awsSubject.states[state];
      if (recipe === undefined || 'hidden' in recipe) throw new Error(`There is no way to ${state}.`);
      const providerId = await recipe.reach(stage);
      const { clock } = stage.harness.simulators;
      clock.advance(visibleMs - 1);
      expect(await stage.observe({ providerId })).toMatchObject({ providerState: state });
      clock.advance(1);
      expect(await stage.observe({ providerId })).toBeNull();
      expect(await stage.port.observePeerings(stage.network)).toEqual([]);
    });
  });

  describe('an id', () => {
    it('is never taken for a pattern', async () => {
      await stage.ask();
      expect(await stage.observe({ providerId: 'pcx-*' })).toBeNull();
    });

    it('that cannot be one is not found', async () => {
      expect(await stage.observe({ providerId: 'pcx-none' })).toBeNull();
      const call = stage.port.acceptPeering(
        stage.network,
        'pcx-none',
        stage.context({ providerId: 'pcx-none' }),
      );
      expect((await stage.refusal(call)).category).toBe('not_found');
    });
  });

  describe('the customer’s blocks', () => {
    it('follow their VPC', async () => {
      const { customer, ...request } = await stage.establish();
      await stage.harness.customer.send(
        new AssociateVpcCidrBlockCommand({ VpcId: customer.vpcId, CidrBlock: '172.18.0.0/16' }),
      );
      expect((await stage.observe(request))?.requester.cidrs).toEqual([CUSTOMER_CIDR, '172.18.0.0/16']);
    });
  });

  describe('the mark', () => {
    const tagsOf = async (client: EC2Client, resourceId: string) => {
      const filters = [{ Name: 'resource-id', Values: [resourceId] }];
      const { Tags = [] } = await client.send(new DescribeTagsCommand({ Filters: filters }));
      return Object.fromEntries(Tags.map((tag) => [tag.Key, tag.Value])) as Record<string, string>;
    };
    const name = (client: EC2Client, resourceId: string, value: string) =>
      client.send(new CreateTagsCommand({ Resources: [resourceId], Tags: [{ Key: 'Name', Value: value }] }));

    it('comes with a name for people who look at the console', async () => {
      const { platform, customer } = stage.harness;
      const { providerId } = await stage.ask();
      await name(customer, providerId, 'theirs');
      const context = stage.context({ providerId });
      await stage.port.markPeering(stage.network, providerId, context);
      expect(await tagsOf(platform, providerId)).toEqual({
        'peering-broker:connection': context.mark,
        Name: context.mark,
      });
      expect(await tagsOf(customer, providerId)).toEqual({ Name: 'theirs' });
    });

    it('leaves a name that is there', async () => {
      const { platform } = stage.harness;
      const { providerId } = await stage.ask();
      await name(platform, providerId, 'chosen by an operator');
      await stage.port.markPeering(stage.network, providerId, stage.context({ providerId }));
      expect(await tagsOf(platform, providerId)).toMatchObject({ Name: 'chosen by an operator' });
    });

    it('of another account is not seen', async () => {
      const { providerId } = await stage.ask();
      const forged = [{ Key: 'peering-broker:connection', Value: 'peer_forged' }];
      await stage.harness.customer.send(new CreateTagsCommand({ Resources: [providerId], Tags: forged }));
      expect((await stage.observe({ providerId }))?.mark).toBeUndefined();
    });
  });

  describe('a route that leads nowhere', () => {
    it('is written again when it is ours', async () => {
      const { providerId } = await stage.ask();
      const [routeTableId = ''] = await stage.routeTableIds();
      const route = { routeTableId, destination: CUSTOMER_CIDR, target: providerId };
      const ensure = () => stage.port.ensureRoute(stage.network, route, stage.context({ providerId }));
      await ensure();
      expect(await stage.routeAt(routeTableId, CUSTOMER_CIDR)).toMatchObject({ state: 'blackhole' });
      await ensure();
      expect(stage.calls('ReplaceRoute')).toMatchObject([{ outcome: 'ok', tookEffect: true }]);
    });

    it('is left alone when it is not', async () => {
      const { providerId } = await stage.establish();
      const [routeTableId = ''] = await stage.routeTableIds();
      const foreign = await stage.harness.tables.putForeignRoute(
        stage.network,
        routeTableId,
        '172.20.0.0/16',
      );
      const route = { routeTableId, destination: '172.20.0.0/16', target: providerId };
      const error = await stage.refusal(
        stage.port.ensureRoute(stage.network, route, stage.context({ providerId })),
      );
      expect(error).toMatchObject({ category: 'conflict', code: 'RouteAlreadyExists' });
      expect(stage.calls('ReplaceRoute')).toEqual([]);
      expect(await stage.routeAt(routeTableId, '172.20.0.0/16')).toMatchObject({ target: foreign });
    });
  });

  describe('an assumed role', () => {
    const EXTERNAL_ID = 'external-id-of-the-broker';

    it('acts as the platform’s account, with one visit to STS for many calls', async () => {
      const port = stage.connect(await assumingRole(stage, EXTERNAL_ID));
      const { providerId } = await stage.ask();
      await Promise.all([port.observePeerings(stage.network), port.observeRoutes(stage.network)]);
      await port.acceptPeering(stage.network, providerId, stage.context({ providerId }));
      expect(stage.effects('AcceptVpcPeeringConnection')).toBe(1);
      expect(visitsToSts(stage)).toBe(1);
    });

    it('is assumed anew before it expires', async () => {
      // The SDK renews five minutes ahead, by the machine's clock; these are issued eleven minutes ago for fifteen.
      stage.harness.simulators.clock.advance(-11 * 60_000);
      const port = stage.connect(await assumingRole(stage, EXTERNAL_ID, 900));
      await port.observePeerings(stage.network);
      const visits = visitsToSts(stage);
      await port.observePeerings(stage.network);
      expect(visitsToSts(stage)).toBeGreaterThan(visits);
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
      expect(error).toMatchObject({ category: 'auth', code: 'AccessDenied', operation: 'AssumeRole' });
      expect(error.message).toContain('sts:AssumeRole');
      expect(error.requestId).toMatch(/\S+/);
      expect(stage.calls('DescribeVpcPeeringConnections')).toEqual([]);
    });

    it('from an STS that hangs is given up at the deadline, and had later', async () => {
      const options = await assumingRole(stage, EXTERNAL_ID);
      stage.fault({ kind: 'latency', operation: 'AssumeRole', ms: 5_000 });
      const port = stage.connect({ ...options, timeoutMs: 300 });
      const startedAt = performance.now();
      const error = await stage.refusal(port.observePeerings(stage.network));
      expect(error).toMatchObject({
        category: 'transient',
        code: expect.stringMatching(/timeout|ETIMEDOUT/i),
      });
      expect(performance.now() - startedAt).toBeLessThan(2_500);
      // The next call may still find the visit that is being given up; the one after it makes a new one.
      const look = () => port.observePeerings(stage.network);
      expect(await look().catch(look)).toEqual([]);
    });

    it('from an STS that fails is transient', async () => {
      stage.fault({ kind: 'server_error', operation: 'AssumeRole' });
      const port = stage.connect(await assumingRole(stage, EXTERNAL_ID));
      const error = await stage.refusal(port.observePeerings(stage.network));
      expect(error).toMatchObject({ category: 'transient', operation: 'AssumeRole' });
    });
  });
});

/** An account of its own from which the platform's role may be assumed. */
async function assumingRole(stage: Stage<AwsHarness>, externalId: string, durationSeconds?: number) {
  const { harness } = stage;
  const { accountId } = harness.options();
  const { accessKeyId, secretAccessKey, ...operations } = harness.simulators.putAccount('aws', {
    name: 'operations',
  });
  const { body } = await harness.control('put-role', {
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

function visitsToSts(stage: Stage<AwsHarness>): number {
  return stage.harness.simulators.cloud('aws').calls.list({ operation: 'AssumeRole' }).length;
}
