import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';

import pg from 'pg';

import { cloudPauses, deployments, platformAccounts, type DeploymentRecord } from '#database';

import { AwsDeployment } from '../support/aws-deployment.js';
import { startBroker, type Broker } from '../support/broker.js';
import { eventually } from '../support/eventually.js';
import { placeInPostgres } from '../support/queue-places.js';
import { testRedisUrl } from '../support/redis.js';

const CIDR = '172.16.0.0/16';

/** Every call between a request and a running connection, and those that take it down. */
const CALLS = [
  'DescribeVpcPeeringConnections',
  'AcceptVpcPeeringConnection',
  'DescribeRouteTables',
  'CreateRoute',
  'CreateTags',
  'DeleteRoute',
  'DeleteVpcPeeringConnection',
] as const;

async function makeQuick(broker: Broker): Promise<void> {
  await broker.aws.control('POST', '/_sim/aws/settings', { peeringProvisioningSeconds: 0.05 });
}

describe('a worker in trouble', () => {
  let broker: Broker;
  let deployment: AwsDeployment;

  const fault = (rule: Readonly<Record<string, unknown>>): Promise<unknown> =>
    broker.aws.control('POST', '/_sim/faults', { cloud: 'aws', ...rule });

  beforeAll(async () => {
    broker = await startBroker();
    await makeQuick(broker);
  });
  beforeEach(async () => {
    await broker.aws.control('DELETE', '/_sim/faults');
    deployment = await AwsDeployment.create(broker);
    await deployment.untilChecked();
    broker.aws.simulators.cloud('aws').calls.clear();
  });
  afterAll(() => broker.close());

  /** By how much the simulator's clock is ahead of the workers', in milliseconds. */
  const simulatedAhead = (): number => broker.aws.simulators.clock.now() - broker.clock.now();

  /** Up and down again, with every change made once. */
  async function expectWholeLife(): Promise<void> {
    const request = await deployment.request(CIDR);
    const id = await deployment.declare(request);
    await deployment.until(id, 'running');
    await eventually('it is marked', async () => (await deployment.connection(id)).status.marked);
    expect(deployment.routes()).toMatchObject([{ destination: CIDR, peeringId: request.connectionId }]);
    expect(deployment.effects('AcceptVpcPeeringConnection')).toBe(1);
    expect(deployment.effects('CreateRoute')).toBe(1);
    await deployment.remove(id);
    await deployment.until(id, 'deleted');
    expect(deployment.livePeerings()).toEqual([]);
    expect(deployment.routes()).toEqual([]);
    expect(deployment.effects('DeleteRoute')).toBe(1);
    expect(deployment.effects('DeleteVpcPeeringConnection')).toBe(1);
  }

  describe('whose calls fail', () => {
    it.each(CALLS)('loses the answer of %s, and repeats no change', async (operation) => {
      await fault({ kind: 'drop_after', operation, times: 1 });
      await expectWholeLife();
    });

    it.each(CALLS)('cannot get %s through', async (operation) => {
      await fault({ kind: 'drop_before', operation, times: 1 });
      await expectWholeLife();
    });

    it.each(CALLS)('meets a server error at %s', async (operation) => {
      await fault({ kind: 'server_error', operation, times: 1 });
      await expectWholeLife();
    });

    it('is slowed down when the cloud asks for it, and gets there', async () => {
      await fault({ kind: 'throttle', operation: 'AcceptVpcPeeringConnection', times: 1 });
      await expectWholeLife();
    });

    it('reads what was before its own changes', async () => {
      await fault({ kind: 'stale_read', operation: 'Describe*', probability: 0.4, seed: 7, times: 12 });
      await expectWholeLife();
    });

    it('never fails a connection because of an outage, and says that it cannot see', async () => {
      const id = await deployment.declare(await deployment.request(CIDR));
      await deployment.until(id, 'running');
      await fault({ kind: 'server_error' });
      broker.clock.advance(broker.config.engine.staleAfterMs);
      await deployment.look(id);
      const stale = await eventually('the connection is stale', async () => {
        const { status } = await deployment.connection(id);
        return (
          status.conditions.some(({ type, status: value }) => type === 'Fresh' && value === 'Unknown') &&
          status
        );
      });
      expect(stale).toMatchObject({ state: 'running', reason: { code: 'ready' } });
      await broker.aws.control('DELETE', '/_sim/faults');
      await eventually('it is seen again', async () => {
        const { status } = await deployment.connection(id);
        return status.conditions.some(({ type, status: value }) => type === 'Fresh' && value === 'True');
      });
    });
  });

  describe('that was too slow', () => {
    it('changes nothing once somebody else has its lease', async () => {
      await fault({ kind: 'latency', operation: 'DescribeVpcPeeringConnections', ms: 600, times: 1 });
      const request = await deployment.request(CIDR);
      const id = await deployment.declare(request);
      const client = new pg.Client({ connectionString: broker.databaseUrl });
      await client.connect();
      const leased = 'SELECT 1 FROM deployments WHERE id = $1 AND lease_owner IS NOT NULL';
      await eventually(
        'the worker has the lease',
        async () => (await client.query(leased, [deployment.id])).rowCount,
      );
      const until = broker.clock.now() + 1_500;
      await client.query(
        `UPDATE deployments SET lease_owner = 'another', lease_until = $2, fence = fence + 1 WHERE id = $1`,
        [deployment.id, new Date(until)],
      );
      await client.end();
      await eventually(
        'its look is over',
        () => deployment.calls('DescribeVpcPeeringConnections').length > 0,
      );
      await deployment.until(id, 'running');
      const [accepted] = deployment.calls('AcceptVpcPeeringConnection');
      expect(Date.parse(accepted!.at)).toBeGreaterThanOrEqual(until + simulatedAhead());
      expect(deployment.effects('AcceptVpcPeeringConnection')).toBe(1);
    });
  });

  describe('that an operator holds back', () => {
    it('leaves a paused cloud alone, and goes on when the pause ends', async () => {
      await broker.database.asOperator((scope) =>
        cloudPauses.pause(scope, { cloud: 'aws', region: 'us-east-1', note: 'maintenance' }, Date.now()),
      );
      const id = await deployment.declare(await deployment.request(CIDR));
      await eventually('it is put off', async () => {
        const { dueAt } = await deployment.connection(id);
        return dueAt !== null && dueAt > broker.clock.now() + 10_000;
      });
      expect(deployment.calls('DescribeVpcPeeringConnections')).toEqual([]);
      await broker.database.asOperator((scope) => cloudPauses.resume(scope, 'aws', 'us-east-1'));
      await deployment.until(id, 'running');
    });

    it('watches a locked connection and changes nothing', async () => {
      const request = await deployment.request(CIDR);
      const id = await deployment.declare(request, { wakes: false });
      await deployment.change(id, () => ({ lockedNote: 'being looked into' }));
      await deployment.look(id);
      await deployment.until(id, 'accepting');
      await deployment.look(id);
      await eventually('it was looked at', async () => (await deployment.connection(id)).status.verified);
      expect(deployment.peering(request.connectionId)?.status).toBe('pending-acceptance');
      await deployment.change(id, (_before, now) => ({ lockedNote: null, dueAt: now }));
      await deployment.until(id, 'running');
    });
  });

  describe('whose account is refused', () => {
    const account = async () => {
      const found = await broker.database.asOperator((scope) =>
        platformAccounts.get(scope, broker.account.id),
      );
      return found!;
    };
    const putCredentials = async (secretAccessKey: string): Promise<void> => {
      const { accessKeyId } = broker.aws.platform;
      const envelope = broker.cipher.encrypt({ kind: 'static', accessKeyId, secretAccessKey });
      await broker.database.asOperator((scope) =>
        platformAccounts.update(scope, broker.account.id, { credentials: { envelope, kind: 'static' } }),
      );
    };
    afterEach(async () => {
      await putCredentials(broker.aws.platform.secretAccessKey);
    });
    const failedCalls = () =>
      deployment.calls().filter(({ errorCode }) => errorCode === 'SignatureDoesNotMatch');

    /** How often the workers have told of a refusal, which is after they have written it down. */
    const refusals = () =>
      broker.troubles.filter(({ msg }) => msg.startsWith('the cloud refuses the platform account')).length;

    it('asks once, tells everybody, keeps every state, and goes on as soon as the account is mended', async () => {
      const running = await deployment.declare(await deployment.request(CIDR));
      await deployment.until(running, 'running');
      const others = await Promise.all(
        Array.from({ length: 5 }, (_, index) => AwsDeployment.create(broker, `10.${90 + index}.0.0/16`)),
      );
      await Promise.all(others.map((other) => other.untilChecked()));
      const requests = await Promise.all(
        others.map(async (other) => ({ other, request: await other.request(CIDR) })),
      );

      // Before anything is declared, since a sweep may come at any time.
      await putCredentials('not the secret of this key');
      const ids = await Promise.all(
        requests.map(({ other, request }) => other.declare(request, { wakes: false })),
      );
      await broker.queues.wakeMany([deployment.id, ...others.map((other) => other.id)]);
      const denied = await eventually('everybody is told', async () => {
        const all = await Promise.all([running, ...ids].map((id) => deployment.connection(id)));
        return all.every(({ status }) => status.reason.code === 'platform_access_denied') && all;
      });
      expect(failedCalls()).toHaveLength(1);
      expect(denied.map(({ status }) => status.state)).toEqual(['running', ...ids.map(() => 'verifying')]);
      expect(await account()).toMatchObject({
        status: 'refused',
        statusDetail: expect.stringContaining('SignatureDoesNotMatch') as unknown,
      });
      expect(
        broker.troubles.some(({ msg }) => msg.startsWith('the cloud refuses the platform account')),
      ).toBe(true);

      await putCredentials(broker.aws.platform.secretAccessKey);
      for (const id of [running, ...ids]) await deployment.until(id, 'running');
      expect(await account()).toMatchObject({ status: 'active', statusDetail: '' });
      expect((await deployment.connection(running)).status.reason.code).toBe('ready');
    });

    it('tries again by itself after a minute, one call alone, and then after two', async () => {
      const id = await deployment.declare(await deployment.request(CIDR));
      await deployment.until(id, 'running');
      const before = refusals();
      await putCredentials('not the secret of this key');
      await eventually('the account is refused', () => refusals() === before + 1);
      expect(failedCalls()).toHaveLength(1);

      broker.clock.advance(91_000);
      await eventually('it was tried again', () => refusals() === before + 2);
      expect(failedCalls()).toHaveLength(2);
      broker.clock.advance(91_000);
      await deployment.look(id);
      await eventually('nobody is at it', async () => (await broker.queues.depth()).reconcile.active === 0);
      expect(failedCalls()).toHaveLength(2);

      await putCredentials(broker.aws.platform.secretAccessKey);
      await eventually(
        'the account works',
        async () => (await deployment.connection(id)).status.reason.code === 'ready',
      );
    });
  });

  describe('checks the platform VPC', () => {
    const checked = (id: string): Promise<DeploymentRecord> =>
      eventually('the VPC was compared', async () => {
        const record = await broker.database.asOperator((scope) => deployments.get(scope, id));
        return record?.vpcCheckedAt != null && record;
      });

    it('and finds nothing wrong', async () => {
      expect((await checked(deployment.id)).vpcProblem).toBeNull();
    });

    it('and finds other blocks than were declared', async () => {
      const wrong = await AwsDeployment.create(broker, '10.15.0.0/16', { declaredCidrs: ['10.15.0.0/17'] });
      expect((await checked(wrong.id)).vpcProblem).toBe(
        `The cloud reports the blocks 10.15.0.0/16 for the VPC ${wrong.vpcId}, but 10.15.0.0/17 were declared.`,
      );
    });

    it('and finds none', async () => {
      const missing = await AwsDeployment.create(broker, '10.15.0.0/16', {
        declaredVpcId: 'vpc-0fedcba9876543210',
      });
      expect((await checked(missing.id)).vpcProblem).toBe(
        `The account ${broker.account.accountId} has no VPC vpc-0fedcba9876543210 in us-east-1.`,
      );
    });

    it('and finds a route table missing', async () => {
      await deployment.useRouteTables(['rtb-0fedcba9876543210']);
      await broker.database.asOperator((scope) =>
        deployments.update(scope, deployment.id, { cidrs: ['10.11.0.0/16'] }),
      );
      const problem = await eventually(
        'the problem is found',
        async () => (await checked(deployment.id)).vpcProblem,
      );
      expect(problem).toBe(`The VPC ${deployment.vpcId} has no route table rtb-0fedcba9876543210.`);
    });
  });
});

describe('workers that share the work', () => {
  const places = testRedisUrl() === null ? (['postgres'] as const) : (['postgres', 'redis'] as const);

  describe.each(places)('through %s', (queues) => {
    let broker: Broker;

    beforeAll(async () => {
      broker = await startBroker({ queues, workers: 2 });
      await makeQuick(broker);
    });
    beforeEach(() => broker.aws.simulators.cloud('aws').calls.clear());
    afterAll(() => broker.close());

    it('make every change once, however often they are woken', async () => {
      const deployment = await AwsDeployment.create(broker);
      await deployment.addRouteTable();
      const request = await deployment.request(CIDR);
      const id = await deployment.declare(request);
      const done = new AbortController();
      const pestering = (async () => {
        while (!done.signal.aborted) await deployment.look(id);
      })();
      await deployment.until(id, 'running');
      done.abort();
      await pestering;
      expect(deployment.calls('AcceptVpcPeeringConnection')).toHaveLength(1);
      expect(deployment.calls('CreateRoute')).toHaveLength(2);
      expect(deployment.routes()).toHaveLength(2);
    });

    it('find what is due when every wake-up call was lost', async () => {
      const deployment = await AwsDeployment.create(broker);
      const id = await deployment.declare(await deployment.request(CIDR), { wakes: false });
      await broker.queuePlace.flush();
      await deployment.until(id, 'running');
      await broker.queuePlace.flush();
      await deployment.change(id, (before, now) => ({
        desired: 'absent',
        status: { ...before.status, state: 'deleting' },
        dueAt: now,
      }));
      await deployment.until(id, 'deleted');
    });

    it('lose nothing while the queue is flushed again and again', async () => {
      const deployment = await AwsDeployment.create(broker);
      const requests = await Promise.all(
        Array.from({ length: 8 }, (_, index) => deployment.request(`172.${16 + index}.0.0/16`)),
      );
      const ids = await Promise.all(
        requests.map(async (request) => {
          const id = await deployment.declare(request);
          await broker.queuePlace.flush();
          return id;
        }),
      );
      for (const id of ids) await deployment.until(id, 'running');
      expect(deployment.effects('AcceptVpcPeeringConnection')).toBe(8);
      expect(deployment.routes()).toHaveLength(8);
    });

    it('go on when every connection to the database and the queue is cut, again and again', async () => {
      const deployment = await AwsDeployment.create(broker);
      const requests = await Promise.all(
        Array.from({ length: 4 }, (_, index) => deployment.request(`172.${24 + index}.0.0/16`)),
      );
      await broker.aws.control('POST', '/_sim/faults', { kind: 'latency', ms: 40, times: 30 });
      const ids = await Promise.all(requests.map((request) => deployment.declare(request)));
      for (let cuts = 0; cuts < 5; cuts += 1) {
        await placeInPostgres(broker.databaseUrl).cut();
        await broker.queuePlace.cut();
        await sleep(60);
      }
      await eventually('all are running', async () => {
        const all = await Promise.all(ids.map((id) => deployment.connection(id).catch(() => null)));
        return all.every((connection) => connection?.status.state === 'running');
      });
      expect(deployment.effects('AcceptVpcPeeringConnection')).toBe(4);
      expect(deployment.routes()).toHaveLength(4);
    });

    it('hand over when one of them leaves', async () => {
      const deployment = await AwsDeployment.create(broker);
      await broker.aws.control('POST', '/_sim/faults', {
        kind: 'latency',
        ms: 100,
        operation: 'Describe*',
        times: 20,
      });
      const id = await deployment.declare(await deployment.request(CIDR));
      await deployment.until(id, 'accepting');
      await broker.stopWorkers();
      const left = await deployment.connection(id);
      // What was begun has come to its end, and what was not is left to the next one.
      const { action, outcome } = left.status.intent!;
      const changes: Readonly<Record<string, string>> = {
        accept: 'AcceptVpcPeeringConnection',
        ensure_route: 'CreateRoute',
        mark: 'CreateTags',
      };
      const begun = deployment.calls(changes[action.kind]).length;
      expect([action.kind, outcome?.ok]).toEqual([action.kind, begun > 0 ? true : undefined]);
      await broker.startWorker();
      await deployment.until(id, 'running');
      expect(deployment.calls('AcceptVpcPeeringConnection')).toHaveLength(1);
    });
  });
});
