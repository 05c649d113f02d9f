/** Tenants take turns: one with very much to do delays one with little by little. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { projects, tenants } from '#database';
import { openQueues, type Consumer, type Queues } from '#queues';
import { newId } from '#runtime';

import { AwsDeployment } from '../support/aws-deployment.js';
import { startBroker, type Broker } from '../support/broker.js';
import { eventually } from '../support/eventually.js';
import { queuesInPostgres, queuesInRedis, type QueuePlace } from '../support/queue-places.js';
import { testRedisUrl } from '../support/redis.js';

/** Requests of the busy tenant. */
const BURST = Number(process.env['FAIRNESS_BURST'] ?? 60);
const PLACES = testRedisUrl() === null ? (['postgres'] as const) : (['postgres', 'redis'] as const);

describe.each(PLACES)('wake-ups in %s', (where) => {
  let place: QueuePlace;
  let queues: Queues;
  let consumer: Consumer | null = null;

  beforeAll(async () => {
    place = where === 'redis' ? await queuesInRedis() : await queuesInPostgres();
    queues = openQueues(place.location, () => undefined, { now: () => 0 });
  });
  afterEach(() => consumer?.close(1_000));
  afterAll(async () => {
    await queues.close();
    await place.remove();
  });

  it('of a tenant who has sent few come before those of one who has sent many', async () => {
    const order: string[] = [];
    const held = Promise.withResolvers<null>();
    const first = newId('dep');
    consumer = await queues.startConsumer(
      {
        reconcile: async ({ deploymentId }) => {
          order.push(deploymentId);
          if (deploymentId === first) await held.promise;
        },
      },
      { concurrency: 1 },
    );
    await queues.wake(first, 0, 'busy');
    await eventually('the first is being worked on', () => order.length === 1);
    const many = Array.from({ length: 50 }, () => newId('dep'));
    for (const deploymentId of many) await queues.wake(deploymentId, 0, 'busy');
    const single = newId('dep');
    await queues.wake(single, 0, 'quiet');
    expect((await queues.depth()).reconcile.waiting).toBe(51);
    held.resolve(null);
    await eventually('all are done', () => order.length === 52);
    expect(order.indexOf(single)).toBeLessThan(3);
    expect(order.filter((deploymentId) => deploymentId !== first && deploymentId !== single)).toEqual(many);
  });

  it('keep their place when they come again, and what is done once more is done once', async () => {
    const order: string[] = [];
    const held = Promise.withResolvers<null>();
    const first = newId('dep');
    consumer = await queues.startConsumer(
      {
        reconcile: async ({ deploymentId }) => {
          order.push(deploymentId);
          if (deploymentId === first) await held.promise;
        },
      },
      { concurrency: 1 },
    );
    await queues.wake(first, 0, 'one');
    await eventually('the first is being worked on', () => order.length === 1);
    const again = newId('dep');
    for (let times = 0; times < 5; times += 1) await queues.wake(again, 0, 'one');
    for (let times = 0; times < 5; times += 1) await queues.wake(first, 0, 'one');
    held.resolve(null);
    await eventually('all are done', async () => {
      const { active, waiting } = (await queues.depth()).reconcile;
      return order.length >= 3 && active + waiting === 0;
    });
    expect([...order].sort()).toEqual([first, first, again].sort());
  });
});

describe.each(PLACES)('a worker with few hands and the queue in %s', (queues) => {
  let broker: Broker;
  let busy: AwsDeployment[];
  let quiet: AwsDeployment;

  beforeAll(async () => {
    broker = await startBroker({ queues, workers: 0, env: { WORKER_CONCURRENCY: '2' } });
    await broker.aws.control('POST', '/_sim/aws/settings', {
      peeringProvisioningSeconds: 0,
      outstandingPeeringRequests: BURST + 1,
    });
    busy = [];
    for (let number = 0; number < BURST; number += 1) busy.push(await AwsDeployment.create(broker));
    const other = await broker.database.asOperator(async (scope) => {
      const tenant = await tenants.create(scope, { name: 'Another tenant' });
      return projects.create(scope, { tenantId: tenant.id, name: 'Project' });
    });
    const owner = { tenantId: other.tenantId, projectId: other.id };
    quiet = await AwsDeployment.create(broker, '10.11.0.0/16', owner);
    await broker.startWorker();
    for (const deployment of [...busy, quiet]) await deployment.untilChecked();
  });
  afterAll(() => broker.close());

  it('brings the one request of a tenant up while most of another tenant’s burst still waits', async () => {
    const requests = [];
    for (const deployment of busy)
      requests.push({ deployment, request: await deployment.request('172.16.0.0/16') });
    const only = await quiet.request('172.16.0.0/16');
    await broker.aws.control('POST', '/_sim/faults', { cloud: 'aws', kind: 'latency', ms: 20 });
    // Nobody is at work until everything has been asked for, the single request last.
    await broker.stopWorkers();
    for (const { deployment, request } of requests) await deployment.declare(request);
    const id = await quiet.declare(only);
    await broker.startWorker();
    await quiet.until(id, 'running', 60_000);
    const running = await broker.database.single<{ count: string }>(
      {
        name: 'spec.running',
        text: `SELECT count(*) FROM peering_connections WHERE state = 'running' AND tenant_id = $1`,
      },
      [broker.tenant.id],
    );
    expect(Number(running[0]?.count)).toBeLessThan(BURST / 2);
  }, 60_000);
});
