import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CreateVpcPeeringConnectionCommand, RejectVpcPeeringConnectionCommand } from '@aws-sdk/client-ec2';

import type { PeeringRecord } from '#database';
import { nextActions, profileOf, type PeeringState, type ReasonCode } from '#domain';

import { AwsDeployment, createVpc, requestPeering, type AwsRequest } from '../support/aws-deployment.js';
import { startBroker, type Broker } from '../support/broker.js';
import { eventually } from '../support/eventually.js';

const CIDR = '172.16.0.0/16';
const DAY_SECONDS = 86_400;

describe('a connection on AWS', () => {
  let broker: Broker;
  let deployment: AwsDeployment;

  const fault = (rule: Readonly<Record<string, unknown>>): Promise<unknown> =>
    broker.aws.control('POST', '/_sim/faults', { cloud: 'aws', ...rule });
  const settings = (changes: Readonly<Record<string, unknown>>): Promise<unknown> =>
    broker.aws.control('POST', '/_sim/aws/settings', changes);
  const clearFaults = (): Promise<unknown> => broker.aws.control('DELETE', '/_sim/faults');

  beforeAll(async () => {
    broker = await startBroker();
  });
  beforeEach(async () => {
    await clearFaults();
    await settings({
      peeringInitiatingSeconds: 0,
      peeringProvisioningSeconds: 0.05,
      cidrsWhilePending: 'none',
    });
    broker.aws.simulators.cloud('aws').calls.clear();
    deployment = await AwsDeployment.create(broker);
  });
  afterAll(() => broker.close());

  /** That nothing of a connection is left where it could carry traffic, or come to. */
  function expectNothingLeft(): void {
    expect(deployment.livePeerings()).toEqual([]);
    expect(deployment.routes()).toEqual([]);
  }

  /** The connection has ended with this reason, and somebody is told what to do next. */
  function expectEnding({ status }: PeeringRecord, code: ReasonCode, params: object): void {
    expect(status.reason).toMatchObject({ code, params });
    expect(status.routes).toEqual([]);
  }

  function expectAdvice(connection: PeeringRecord): void {
    const advice = nextActions(connection, connection.network, profileOf('aws'), 'en');
    expect(advice.length).toBeGreaterThan(0);
  }

  describe('on its way up', () => {
    it('is accepted once, routed once in each table, and marked', async () => {
      const second = await deployment.addRouteTable();
      const request = await deployment.request(CIDR);
      const id = await deployment.declare(request);
      const { status } = await deployment.until(id, 'running');
      expect(status.reason.code).toBe('ready');
      const target = { destination: CIDR, peeringId: request.connectionId };
      const tables = deployment.tables().map((table) => table.id);
      expect(tables).toContain(second);
      expect(deployment.routes()).toEqual(tables.map((routeTableId) => ({ routeTableId, ...target })));
      expect(deployment.effects('AcceptVpcPeeringConnection')).toBe(1);
      expect(deployment.effects('CreateRoute')).toBe(2);
      const marked = await eventually('it is marked', async () => {
        const connection = await deployment.connection(id);
        return connection.status.marked && connection;
      });
      expect(marked.status.lastSeen?.peering.providerId).toBe(request.connectionId);
    });

    it('tells its history, with the request ids of the cloud', async () => {
      const id = await deployment.declare(await deployment.request(CIDR));
      await deployment.until(id, 'running');
      const events = await deployment.events(id);
      const states = events.flatMap(({ type, data }) =>
        type === 'peering.state_changed' && data['from'] !== data['to']
          ? [`${data['from'] as string} > ${data['to'] as string}`]
          : [],
      );
      expect(states).toEqual(['verifying > accepting', 'accepting > provisioning', 'provisioning > running']);
      const calls = events.filter(({ type }) => type === 'peering.cloud_call');
      expect(calls.map(({ data }) => (data['action'] as { kind: string }).kind).slice(0, 2)).toEqual([
        'accept',
        'ensure_route',
      ]);
      for (const { data, actor } of calls) {
        expect(data).toMatchObject({
          outcome: 'ok',
          attempts: 1,
          requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
        });
        expect(actor).toBe('worker');
      }
    });

    it('uses only the route tables that the deployment names', async () => {
      const wanted = await deployment.addRouteTable();
      await deployment.useRouteTables([wanted]);
      const request = await deployment.request(CIDR);
      await deployment.until(await deployment.declare(request), 'running');
      const target = { destination: CIDR, peeringId: request.connectionId };
      expect(deployment.tables()).toHaveLength(2);
      expect(deployment.routes()).toEqual([{ routeTableId: wanted, ...target }]);
    });

    it('waits for a request that AWS does not show yet', async () => {
      await settings({ peeringInitiatingSeconds: 0.5 });
      const id = await deployment.declare(await deployment.request(CIDR));
      await deployment.until(id, 'running');
    });

    it('stays a draft until its details are there', async () => {
      const request = await deployment.request(CIDR);
      const id = await deployment.declare({ accountId: request.accountId });
      await deployment.look(id);
      const draft = await deployment.until(id, 'awaiting_request');
      expect(draft.status.reason.params).toEqual({ missing: 'cloud.connectionId, cloud.vpcId' });
      expect(deployment.effects('AcceptVpcPeeringConnection')).toBe(0);
    });
  });

  describe('that cannot be', () => {
    it('uses reserved addresses, seen only once it is up: taken down again', async () => {
      const request = await deployment.request('10.20.0.0/16');
      const id = await deployment.declare(request);
      const ended = await deployment.until(id, 'failed');
      expectEnding(ended, 'cidr_reserved', { cidr: '10.20.0.0/16', with: '10.10.0.0-10.64.255.255' });
      expectAdvice(ended);
      expectNothingLeft();
      expect(deployment.effects('CreateRoute')).toBe(0);
    });

    it('uses reserved addresses, seen while it is pending: never accepted', async () => {
      await settings({ cidrsWhilePending: 'both' });
      const id = await deployment.declare(await deployment.request('10.64.0.0/16'));
      expectEnding(await deployment.until(id, 'failed'), 'cidr_reserved', { cidr: '10.64.0.0/16' });
      expect(deployment.calls('AcceptVpcPeeringConnection')).toEqual([]);
    });

    it('overlaps another connection of the deployment', async () => {
      const first = await deployment.declare(await deployment.request(CIDR));
      await deployment.until(first, 'running');
      const second = await deployment.declare(await deployment.request('172.16.128.0/20'));
      const ended = await deployment.until(second, 'failed');
      expectEnding(ended, 'cidr_overlaps_peering', {
        cidr: '172.16.128.0/20',
        with: CIDR,
        connectionId: first,
      });
      expectAdvice(ended);
      expect(deployment.livePeerings()).toHaveLength(1);
      expect((await deployment.connection(first)).status.state).toBe('running');
    });

    it('overlaps another that comes up at the same time: one of them stays', async () => {
      const requests = [await deployment.request(CIDR), await deployment.request('172.16.0.0/17')];
      const ids = await Promise.all(requests.map((request) => deployment.declare(request)));
      const settled = await eventually('both have settled', async () => {
        const both = await Promise.all(ids.map((id) => deployment.connection(id)));
        const done = both.filter(
          ({ status }) => ['running', 'failed'].includes(status.state) && status.ending === null,
        );
        return done.length === 2 && both;
      });
      const states = settled.map(({ status }) => status.state).sort();
      expect(states).toEqual(['failed', 'running']);
      const [failed] = settled.filter(({ status }) => status.state === 'failed');
      expect(failed!.status.reason.code).toBe('cidr_overlaps_peering');
      expect(deployment.livePeerings()).toHaveLength(1);
      expect(deployment.routes()).toHaveLength(1);
    });

    it('overlaps the deployment: AWS fails it out of the platform’s sight', async () => {
      const request = await deployment.request('10.11.128.0/20');
      expect(deployment.peering(request.connectionId)?.status).toBe('failed');
      const ended = await deployment.until(await deployment.declare(request), 'failed');
      expectEnding(ended, 'request_not_found', { providerId: request.connectionId, vpcId: deployment.vpcId });
      expectAdvice(ended);
    });

    it.each([
      ['accountId', { accountId: '999999999999' }],
      ['vpcId', { vpcId: 'vpc-0123456789abcdef0' }],
    ] as const)('was asked for by another %s: left untouched', async (field, lie) => {
      const request = await deployment.request(CIDR);
      const ended = await deployment.until(await deployment.declare({ ...request, ...lie }), 'failed');
      expectEnding(ended, 'requester_mismatch', {
        field,
        declared: Object.values(lie)[0],
        observed: request[field],
      });
      expectAdvice(ended);
      expect(deployment.peering(request.connectionId)?.status).toBe('pending-acceptance');
    });

    it('was asked for from another region: left untouched', async () => {
      const { platform, customer } = broker.aws;
      const elsewhere = broker.aws.ec2(customer, { region: 'eu-west-1' });
      const vpcId = await createVpc(elsewhere, CIDR);
      const command = new CreateVpcPeeringConnectionCommand({
        VpcId: vpcId,
        PeerVpcId: deployment.vpcId,
        PeerOwnerId: platform.accountId,
        PeerRegion: 'us-east-1',
      });
      const { VpcPeeringConnection: peering } = await elsewhere.send(command);
      const connectionId = peering!.VpcPeeringConnectionId!;
      const id = await deployment.declare({ connectionId, accountId: customer.accountId, vpcId });
      const ended = await deployment.until(id, 'failed');
      expectEnding(ended, 'requester_mismatch', {
        field: 'region',
        declared: 'us-east-1',
        observed: 'eu-west-1',
      });
      expect(deployment.calls('AcceptVpcPeeringConnection')).toEqual([]);
    });

    it('was sent to another network of the platform: left untouched', async () => {
      const other = await AwsDeployment.create(broker, '10.13.0.0/16');
      const request = await deployment.request(CIDR, { vpcId: other.vpcId });
      const ended = await deployment.until(await deployment.declare(request), 'failed');
      expectEnding(ended, 'accepter_mismatch', { field: 'vpcId', declared: deployment.vpcId });
      // Whose network it was sent to is not this customer's to know.
      expect(JSON.stringify(ended.status.reason)).not.toContain(other.vpcId);
      expectAdvice(ended);
      expect(deployment.peering(request.connectionId)?.status).toBe('pending-acceptance');
    });

    it('does not exist', async () => {
      const connectionId = 'pcx-0123456789abcdef0';
      const id = await deployment.declare({
        connectionId,
        accountId: '210987654321',
        vpcId: 'vpc-0123456789abcdef0',
      });
      const ended = await deployment.until(id, 'failed');
      expectEnding(ended, 'request_not_found', { providerId: connectionId, region: 'us-east-1' });
      expectAdvice(ended);
    });

    it('failed in the cloud, where the platform can see it', async () => {
      const { accountId } = broker.aws.platform;
      const vpcId = await createVpc(deployment.platform, '10.11.128.0/20');
      const peer = { vpcId, peerVpcId: deployment.vpcId, peerAccountId: accountId };
      const connectionId = await requestPeering(deployment.platform, peer);
      const ended = await deployment.until(
        await deployment.declare({ connectionId, accountId, vpcId }),
        'failed',
      );
      const message = 'Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range';
      expectEnding(ended, 'provider_failed', { message });
      expectAdvice(ended);
      expectNothingLeft();
    });

    it('was rejected by an operator of the platform', async () => {
      const request = await deployment.request(CIDR);
      await deployment.platform.send(
        new RejectVpcPeeringConnectionCommand({ VpcPeeringConnectionId: request.connectionId }),
      );
      const ended = await deployment.until(await deployment.declare(request), 'rejected');
      expectEnding(ended, 'rejected_by_platform', {});
      expectAdvice(ended);
    });

    it('can be tried again in place with another request', async () => {
      const wrong = await deployment.request('10.20.0.0/16');
      const id = await deployment.declare(wrong);
      await deployment.until(id, 'failed');
      const right = await deployment.request(CIDR);
      await deployment.retry(id, right);
      const { status } = await deployment.until(id, 'running');
      expect(status.providerId).toBe(right.connectionId);
      expect(deployment.routes()).toMatchObject([{ destination: CIDR, peeringId: right.connectionId }]);
    });
  });

  describe('whose customer thinks otherwise', () => {
    it('withdraws the request before it is accepted', async () => {
      await fault({ kind: 'error', code: 'OperationNotPermitted', operation: 'AcceptVpcPeeringConnection' });
      const request = await deployment.request(CIDR);
      const id = await deployment.declare(request);
      await deployment.until(id, 'accepting');
      await deployment.deleteAsCustomer(request.connectionId);
      await deployment.look(id);
      const ended = await deployment.until(id, 'failed');
      expectEnding(ended, 'request_withdrawn', {});
      expectAdvice(ended);
    });

    it('lets the request expire', async () => {
      const request = await deployment.request(CIDR);
      broker.aws.simulators.clock.advance(8 * DAY_SECONDS * 1000);
      const ended = await deployment.until(await deployment.declare(request), 'expired');
      expectEnding(ended, 'request_expired', {});
      expectAdvice(ended);
    });

    it('deletes it while it is up: routes go, and it is never made anew', async () => {
      const request = await deployment.request(CIDR);
      const id = await deployment.declare(request);
      await deployment.until(id, 'running');
      await deployment.deleteAsCustomer(request.connectionId);
      expect(deployment.routes()).toHaveLength(1);
      await deployment.look(id);
      const ended = await deployment.until(id, 'failed');
      expectEnding(ended, 'deleted_by_peer', {});
      expectAdvice(ended);
      expectNothingLeft();
      expect(deployment.effects('AcceptVpcPeeringConnection')).toBe(1);
    });
  });

  describe('and its routes', () => {
    let foreign: AwsRequest;

    /** A route to the customer's block that leads to a peering that is none of the broker's. */
    async function occupy(): Promise<void> {
      foreign = await deployment.request('172.31.0.0/16');
      await deployment.addRoute(CIDR, foreign.connectionId);
    }

    it('never overwrite one that is somebody else’s, and come when it is gone', async () => {
      await occupy();
      const id = await deployment.declare(await deployment.request(CIDR));
      const stuck = await deployment.until(id, 'degraded');
      expectEnding({ ...stuck, status: { ...stuck.status, routes: [] } }, 'route_conflict', {
        destination: CIDR,
        target: foreign.connectionId,
      });
      expectAdvice(stuck);
      expect(deployment.routes()).toMatchObject([{ destination: CIDR, peeringId: foreign.connectionId }]);
      await deployment.dropRoute(CIDR);
      await deployment.look(id);
      await deployment.until(id, 'running');
    });

    it('of somebody else stay when the connection goes', async () => {
      await occupy();
      const id = await deployment.declare(await deployment.request(CIDR));
      await deployment.until(id, 'degraded');
      await deployment.remove(id);
      await deployment.until(id, 'deleted');
      expect(deployment.routes()).toMatchObject([{ destination: CIDR, peeringId: foreign.connectionId }]);
    });

    it('come back when somebody removes one, which is told', async () => {
      const request = await deployment.request(CIDR);
      const id = await deployment.declare(request);
      await deployment.until(id, 'running');
      await deployment.dropRoute(CIDR);
      await deployment.look(id);
      await eventually('the route is back', () => deployment.routes().length === 1);
      await deployment.until(id, 'running');
      const [drift] = (await deployment.events(id)).filter(({ type }) => type === 'peering.route_drift');
      const [table] = deployment.tables();
      expect(drift?.data).toEqual({
        wanted: [{ routeTableId: table!.id, destination: CIDR, target: request.connectionId }],
        recorded: [{ routeTableId: table!.id, destination: CIDR }],
        observed: [{ routeTableId: table!.id, destination: CIDR, state: 'missing' }],
      });
    });

    it('are only reported missing where the deployment says so', async () => {
      const reporting = await AwsDeployment.create(broker, '10.14.0.0/16', { driftPolicy: 'report' });
      const id = await reporting.declare(await reporting.request(CIDR));
      await reporting.until(id, 'running');
      await reporting.dropRoute(CIDR);
      await reporting.look(id);
      const { status } = await reporting.until(id, 'degraded');
      expect(status.reason.code).toBe('route_missing');
      expect(reporting.routes()).toEqual([]);
      expect(reporting.effects('CreateRoute')).toBeGreaterThan(0);
    });
  });

  describe('that is deleted', () => {
    /** Ways to bring a connection to a state and keep it there. */
    const STATES: readonly [PeeringState, () => Promise<string>][] = [
      ['awaiting_request', async () => deployment.declare({ accountId: '210987654321' })],
      [
        'verifying',
        async () => {
          await settings({ peeringInitiatingSeconds: 3600 });
          return deployment.declare(await deployment.request(CIDR));
        },
      ],
      [
        'accepting',
        async () => {
          await fault({
            kind: 'error',
            code: 'OperationNotPermitted',
            operation: 'AcceptVpcPeeringConnection',
          });
          return deployment.declare(await deployment.request(CIDR));
        },
      ],
      [
        'provisioning',
        async () => {
          await settings({ peeringProvisioningSeconds: 3600 });
          return deployment.declare(await deployment.request(CIDR));
        },
      ],
      ['running', async () => deployment.declare(await deployment.request(CIDR))],
      [
        'degraded',
        async () => {
          const foreign = await deployment.request('172.31.0.0/16');
          await deployment.addRoute(CIDR, foreign.connectionId);
          await deployment.deleteAsCustomer(foreign.connectionId);
          return deployment.declare(await deployment.request(CIDR));
        },
      ],
      ['failed', async () => deployment.declare(await deployment.request('10.20.0.0/16'))],
      [
        'rejected',
        async () => {
          const request = await deployment.request(CIDR);
          const VpcPeeringConnectionId = request.connectionId;
          await deployment.platform.send(new RejectVpcPeeringConnectionCommand({ VpcPeeringConnectionId }));
          return deployment.declare(request);
        },
      ],
      [
        'expired',
        async () => {
          const request = await deployment.request(CIDR);
          broker.aws.simulators.clock.advance(8 * DAY_SECONDS * 1000);
          return deployment.declare(request);
        },
      ],
    ];

    it.each(STATES)('from %s leaves nothing behind', async (state, bring) => {
      const id = await bring();
      await deployment.until(id, state);
      await deployment.remove(id);
      // Whatever AWS was still busy with comes to its end while the connection is being deleted.
      broker.aws.simulators.clock.advance(5_400_000);
      const { deletedAt, dueAt, status } = await deployment.until(id, 'deleted');
      expect(deployment.livePeerings()).toEqual([]);
      expect(deployment.routes().filter(({ peeringId }) => peeringId === status.providerId)).toEqual([]);
      expect(status.reason.code).toBe('removed');
      expect(deletedAt).not.toBeNull();
      expect(dueAt).toBeNull();
    });

    it('removes its routes before the connection, so that traffic never meets a black hole', async () => {
      const id = await deployment.declare(await deployment.request(CIDR));
      await deployment.until(id, 'running');
      await deployment.remove(id);
      await deployment.until(id, 'deleted');
      const order = deployment
        .calls()
        .filter(({ tookEffect }) => tookEffect)
        .map(({ operation }) => operation);
      expect(order.slice(-2)).toEqual(['DeleteRoute', 'DeleteVpcPeeringConnection']);
    });

    it('again while it is being deleted stays deleted once', async () => {
      const id = await deployment.declare(await deployment.request(CIDR));
      await deployment.until(id, 'running');
      await Promise.all([deployment.remove(id), deployment.remove(id)]);
      await deployment.until(id, 'deleted');
      expect(deployment.effects('DeleteVpcPeeringConnection')).toBe(1);
      expectNothingLeft();
    });

    it('frees its addresses for another', async () => {
      const first = await deployment.declare(await deployment.request(CIDR), { cidrs: [CIDR] });
      await deployment.until(first, 'running');
      await deployment.remove(first);
      await deployment.until(first, 'deleted');
      const second = await deployment.declare(await deployment.request(CIDR), { cidrs: [CIDR] });
      await deployment.until(second, 'running');
    });
  });
});
