import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { AwsDeployment, createVpc, requestPeering } from '../support/aws-deployment.js';
import { startBroker, type ApiCaller, type Broker } from '../support/broker.js';
import { testRedisUrl } from '../support/redis.js';

const CIDR = '172.16.0.0/16';

interface Peering {
  readonly id: string;
  readonly status: {
    readonly state: string;
    readonly ready: boolean;
    readonly reason: { readonly code: string; readonly message: string };
    readonly nextActions: readonly {
      readonly code: string;
      readonly artifacts: Readonly<Record<string, string>>;
    }[];
  };
}

interface Offer {
  readonly platform: {
    readonly accountId: string;
    readonly vpcId: string;
    readonly cidrs: readonly string[];
  };
}

/** A customer with nothing but the REST API and AWS's own SDK. */
describe.each(testRedisUrl() === null ? (['postgres'] as const) : (['postgres', 'redis'] as const))(
  'a customer’s connection, with the queue in %s',
  (queues) => {
    let broker: Broker;
    let api: ApiCaller;
    let deployment: AwsDeployment;

    beforeAll(async () => {
      broker = await startBroker({ queues });
      await broker.aws.control('POST', '/_sim/aws/settings', { peeringProvisioningSeconds: 0.05 });
      api = (await broker.startApi()).customer;
      deployment = await AwsDeployment.create(broker);
    });
    afterAll(() => broker.close());

    /** Asks AWS for what the offer says. */
    async function followOffer(): Promise<{ connectionId: string; accountId: string; vpcId: string }> {
      const { body: offer } = await api<Offer>('GET', `/v1/deployments/${deployment.id}/peering-offer`);
      const vpcId = await createVpc(deployment.customer, CIDR);
      const { platform } = offer;
      const peer = { vpcId, peerVpcId: platform.vpcId, peerAccountId: platform.accountId };
      const connectionId = await requestPeering(deployment.customer, peer);
      return { connectionId, accountId: broker.aws.customer.accountId, vpcId };
    }

    const waitFor = async (id: string, state: string): Promise<Peering> => {
      const { body } = await api<Peering>('GET', `/v1/peerings/${id}?wait=${state}&timeout=20s`);
      expect(body.status.state).toBe(state);
      return body;
    };

    it('goes from the offer to running, and away again', async () => {
      const request = await followOffer();
      const created = await api<Peering>('POST', `/v1/deployments/${deployment.id}/peerings`, {
        displayName: 'prod',
        spec: { cloud: { kind: 'aws', ...request } },
      });
      expect([created.status, created.headers.get('location')]).toEqual([
        202,
        `/v1/peerings/${created.body.id}`,
      ]);
      const { id } = created.body;

      const running = await waitFor(id, 'running');
      expect(running.status).toMatchObject({ ready: true, reason: { code: 'ready' } });
      expect(running.status.nextActions.map(({ code }) => code)).toContain('add_route');
      expect(deployment.routes()).toMatchObject([{ destination: CIDR, peeringId: request.connectionId }]);

      const { body: events } = await api<{ items: { type: string }[] }>('GET', `/v1/peerings/${id}/events`);
      expect(events.items.map(({ type }) => type)).toEqual(
        expect.arrayContaining(['peering.created', 'peering.cloud_call']),
      );

      expect((await api('DELETE', `/v1/peerings/${id}`)).status).toBe(202);
      await waitFor(id, 'deleted');
      expect(deployment.livePeerings()).toEqual([]);
      expect(deployment.routes()).toEqual([]);
    });

    it('begins as a draft and is completed when the request has been made', async () => {
      const draft = await api<Peering>('POST', `/v1/deployments/${deployment.id}/peerings`, {
        displayName: 'later',
        spec: { cloud: { kind: 'aws' } },
      });
      expect(draft.body.status.state).toBe('awaiting_request');
      const { id } = draft.body;
      const request = await followOffer();
      const completed = await api('PATCH', `/v1/peerings/${id}`, {
        spec: { cloud: { kind: 'aws', ...request } },
      });
      expect(completed.status).toBe(202);
      await waitFor(id, 'running');
      expect((await api('DELETE', `/v1/peerings/${id}`)).status).toBe(202);
      await waitFor(id, 'deleted');
    });

    it('fails with a reason, and comes up after a correction with nothing else re-typed', async () => {
      const request = await followOffer();
      const wrong = { kind: 'aws', ...request, accountId: '999999999999' };
      const { body } = await api<Peering>('POST', `/v1/deployments/${deployment.id}/peerings`, {
        displayName: 'typo',
        spec: { cloud: wrong },
      });
      const failed = await waitFor(body.id, 'failed');
      expect(failed.status.reason).toMatchObject({ code: 'requester_mismatch' });
      expect(failed.status.reason.message).toContain('999999999999');
      const spec = { cloud: { kind: 'aws', accountId: request.accountId } };
      expect((await api('PATCH', `/v1/peerings/${body.id}`, { spec })).status).toBe(202);
      await waitFor(body.id, 'running');
      expect((await api('DELETE', `/v1/peerings/${body.id}`)).status).toBe(202);
      await waitFor(body.id, 'deleted');
    });

    it('has its platform network checked as soon as the deployment is made', async () => {
      await deployment.untilChecked();
      const { body } = await api<{ vpc: unknown }>('GET', `/v1/deployments/${deployment.id}`);
      expect(body.vpc).toMatchObject({
        id: deployment.vpcId,
        problem: null,
        checkedAt: expect.any(String) as unknown,
      });
    });
  },
);
