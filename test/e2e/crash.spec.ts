import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { platformAccounts } from '#database';

import { AwsDeployment, type AwsRequest } from '../support/aws-deployment.js';
import { spawnWorker } from '../support/broker-process.js';
import { brokerEnvironment, startBroker, type Broker } from '../support/broker.js';
import { eventually } from '../support/eventually.js';
import type { GuardedProcess } from '../support/guarded-process.js';
import { holdCallsTo, type CallHolder, type HeldCall } from '../support/held-calls.js';
import { testRedisUrl } from '../support/redis.js';

const CIDR = '172.16.0.0/16';

/** Where a life can be cut: at every call of it, before it arrives and after it has had its effect. */
interface Cut {
  readonly name: string;
  /** Whether the connection is on its way up or, from running, on its way down. */
  readonly way: 'up' | 'down';
  /** What tells the call from all others of its deployment. */
  readonly matching: (deployment: AwsDeployment, request: AwsRequest) => readonly string[];
  readonly moment: HeldCall['moment'];
}

const CALLS: readonly Omit<Cut, 'moment'>[] = [
  {
    name: 'looking at the request',
    way: 'up',
    matching: ({ vpcId }) => ['Action=DescribeVpcPeeringConnections', vpcId],
  },
  {
    name: 'accepting it',
    way: 'up',
    matching: (_, { connectionId }) => ['Action=AcceptVpcPeeringConnection', connectionId],
  },
  {
    name: 'reading the route tables',
    way: 'up',
    matching: ({ vpcId }) => ['Action=DescribeRouteTables', `Filter.1.Name=vpc-id`, vpcId],
  },
  {
    name: 'adding a route',
    way: 'up',
    matching: (_, { connectionId }) => ['Action=CreateRoute', connectionId],
  },
  { name: 'marking it', way: 'up', matching: (_, { connectionId }) => ['Action=CreateTags', connectionId] },
  {
    name: 'removing a route',
    way: 'down',
    matching: (deployment) => ['Action=DeleteRoute', deployment.tables()[0]!.id],
  },
  {
    name: 'deleting it',
    way: 'down',
    matching: (_, { connectionId }) => ['Action=DeleteVpcPeeringConnection', connectionId],
  },
];

const CUTS: readonly Cut[] = CALLS.flatMap((call) => [
  { ...call, moment: 'before' as const },
  { ...call, moment: 'after' as const },
]);

interface Life {
  readonly cut: Cut;
  readonly deployment: AwsDeployment;
  readonly request: AwsRequest;
  readonly id: string;
}

/** All lives are cut by the same kill: each has come to its own call, which is under way when the worker dies. */
describe.each(testRedisUrl() === null ? (['postgres'] as const) : (['postgres', 'redis'] as const))(
  'a worker that is killed, with its queue in %s',
  (queues) => {
    let broker: Broker;
    let holder: CallHolder;
    const workers: GuardedProcess[] = [];
    const lives: Life[] = [];
    const lifeOf = ({ name, moment }: Cut): Life =>
      lives.find(({ cut }) => cut.name === name && cut.moment === moment)!;

    const startProcess = async (): Promise<GuardedProcess> => {
      const worker = await spawnWorker({
        ...brokerEnvironment(broker.databaseUrl, broker.queuePlace),
        CLOUD_CALL_TIMEOUT_MS: '60000',
      });
      workers.push(worker);
      return worker;
    };

    beforeAll(async () => {
      broker = await startBroker({ queues, workers: 0 });
      await broker.aws.control('POST', '/_sim/aws/settings', { peeringProvisioningSeconds: 0.05 });
      holder = await holdCallsTo(broker.aws.endpoint);
      await broker.database.asOperator((scope) =>
        platformAccounts.update(scope, broker.account.id, {
          endpoints: { ec2: holder.url, sts: holder.url },
        }),
      );
      const first = await startProcess();
      for (const [index, cut] of CUTS.entries()) {
        const deployment = await AwsDeployment.create(broker, `10.${100 + index}.0.0/16`);
        await deployment.untilChecked();
        const request = await deployment.request(CIDR);
        const call = { matching: cut.matching(deployment, request), moment: cut.moment };
        if (cut.way === 'up') {
          const held = holder.hold(call);
          lives.push({ cut, deployment, request, id: await deployment.declare(request) });
          await held.untilHeld();
        } else {
          const id = await deployment.declare(request);
          lives.push({ cut, deployment, request, id });
          await deployment.until(id, 'running');
          const held = holder.hold(call);
          await deployment.remove(id);
          await held.untilHeld();
        }
      }
      await first.kill();
      holder.letGo();
      await startProcess();
    }, 120_000);

    afterAll(async () => {
      await Promise.all(workers.map((worker) => worker.kill()));
      await holder.close();
      await broker.close();
    });

    const upwards = CUTS.filter(({ way }) => way === 'up').map((cut) => [cut.moment, cut.name, cut] as const);
    const downwards = CUTS.filter(({ way }) => way === 'down').map(
      (cut) => [cut.moment, cut.name, cut] as const,
    );

    it.each(upwards)('%s %s is followed by one that makes every change once', async (_moment, _name, cut) => {
      const { deployment, request, id } = lifeOf(cut);
      await deployment.until(id, 'running', 25_000);
      await eventually('it is marked', async () => (await deployment.connection(id)).status.marked);
      expect(deployment.effectsOn('AcceptVpcPeeringConnection', request.connectionId)).toBe(1);
      expect(deployment.effectsOn('CreateRoute', request.connectionId)).toBe(1);
      expect(deployment.routes()).toMatchObject([{ destination: CIDR, peeringId: request.connectionId }]);
      expect(deployment.livePeerings()).toMatchObject([{ id: request.connectionId, status: 'active' }]);
    });

    it.each(downwards)('%s %s is followed by one that leaves nothing behind', async (_moment, _name, cut) => {
      const { deployment, request, id } = lifeOf(cut);
      await deployment.until(id, 'deleted', 25_000);
      expect(deployment.livePeerings()).toEqual([]);
      expect(deployment.routes()).toEqual([]);
      expect(deployment.effectsOn('DeleteVpcPeeringConnection', request.connectionId)).toBe(1);
    });

    it('is asked to stop, and goes with nothing in its hands', async () => {
      const deployment = await AwsDeployment.create(broker, '10.99.0.0/16');
      const worker = workers.at(-1)!;
      const id = await deployment.declare(await deployment.request(CIDR));
      await deployment.until(id, 'running');
      expect(await worker.terminate()).toBe(0);
      expect(worker.output()).toContain('the worker has stopped');
      const taken = await broker.database.reconcile.leaseDeployment(deployment.id, 'test', Date.now(), 1);
      expect(taken).not.toBeNull();
    });
  },
);
