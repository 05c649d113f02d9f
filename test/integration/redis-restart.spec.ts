/** Redis goes, comes back and forgets: wake-up calls are lost with it, and nothing else. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { PeeringView } from '../../apps/api/src/peerings/peering.view.js';
import { AwsDeployment } from '../support/aws-deployment.js';
import {
  brokerEnvironment,
  callerWithKey,
  startBroker,
  type ApiCaller,
  type Broker,
} from '../support/broker.js';
import { spawnApi, spawnWorker, type ApiProcess } from '../support/broker-process.js';
import { eventually } from '../support/eventually.js';
import type { GuardedProcess } from '../support/guarded-process.js';
import { startOwnRedis, startOwnRedisCluster, type OwnRedis } from '../support/own-redis.js';
import { findRedisServer } from '../support/redis.js';

/** What a busy machine may take over anything. */
const PATIENCE_MS = 30_000;
/** What the names of all keys of the queues begin with. */
const PREFIX = '{peering-broker}';

interface Place {
  readonly url: string;
  /** The server that holds the queues. */
  readonly holder: OwnRedis;
  /** Those that hold nothing of them. */
  readonly others: readonly OwnRedis[];
  remove(): Promise<void>;
}

async function oneServer(): Promise<Place> {
  const holder = await startOwnRedis();
  return { url: holder.url, holder, others: [], remove: () => holder.remove() };
}

async function cluster(): Promise<Place> {
  const started = await startOwnRedisCluster();
  const holder = await started.nodeOf(PREFIX);
  const others = started.nodes.filter((node) => node !== holder);
  return { url: started.url, holder, others, remove: () => started.remove() };
}

function describeRestart(name: string, makePlace: () => Promise<Place>): void {
  describe(`while ${name}`, () => {
    const stops: (() => Promise<unknown>)[] = [];
    let broker: Broker;
    let place: Place;
    let api: ApiProcess;
    let worker: GuardedProcess;
    let deployment: AwsDeployment;
    let customer: ApiCaller;
    let made = 0;

    beforeAll(async () => {
      place = await makePlace();
      stops.push(() => place.remove());
      broker = await startBroker({ workers: 0 });
      stops.push(() => broker.close());
      await broker.aws.control('POST', '/_sim/aws/settings', { peeringProvisioningSeconds: 0 });
      const environment = brokerEnvironment(broker.databaseUrl, { location: { redisUrl: place.url } });
      api = await spawnApi(environment);
      stops.push(() => api.kill());
      worker = await spawnWorker(environment);
      stops.push(() => worker.kill());
      customer = await callerWithKey(broker, api.url, broker.tenant.id);
      deployment = await AwsDeployment.create(broker);
    }, 120_000);

    afterAll(async () => {
      for (const stop of stops.reverse()) await stop();
    }, 60_000);

    /** Declares a connection; whatever has become of Redis, that is taken. */
    async function declare(): Promise<string> {
      made += 1;
      const request = await deployment.request(`172.${15 + made}.0.0/16`);
      const spec = { cloud: { kind: 'aws', ...request } };
      const path = `/v1/deployments/${deployment.id}/peerings`;
      const { status, body } = await customer<PeeringView>('POST', path, { spec });
      expect({ status, body }).toMatchObject({ status: 202 });
      return body.id;
    }

    async function expectRunning(id: string): Promise<void> {
      const { body } = await customer<PeeringView>('GET', `/v1/peerings/${id}?wait=running&timeout=60s`);
      expect(body.status.state).toBe('running');
    }

    const ready = async (): Promise<unknown> => (await fetch(`${api.url}/readyz`)).json();
    const untilReady = (): Promise<unknown> =>
      eventually('it is ready', async () => (await fetch(`${api.url}/readyz`)).status === 200, PATIENCE_MS);

    it('is away, requests are taken and say so, and are worked on when it is back', async () => {
      await expectRunning(await declare());
      await place.holder.halt();
      const ids = [await declare(), await declare()];
      expect(await ready()).toEqual({
        status: 'unavailable',
        checks: { database: 'ok', queue: 'unavailable' },
      });
      await place.holder.start();
      for (const id of ids) await expectRunning(id);
      await untilReady();
      await expectRunning(await declare());
      expect([api.hasGone(), worker.hasGone()]).toEqual([false, false]);
    }, 120_000);

    it('forgets everything, the work goes on', async () => {
      const ids = [];
      for (let count = 0; count < 3; count += 1) {
        ids.push(await declare());
        await place.holder.flush();
      }
      for (const id of ids) await expectRunning(id);
    }, 120_000);

    it('lacks a server that holds no queue, nobody notices', async () => {
      for (const node of place.others) {
        await node.halt();
        await expectRunning(await declare());
        expect(await ready()).toMatchObject({ status: 'ok' });
        await node.start();
      }
      await expectRunning(await declare());
    }, 120_000);
  });
}

if (findRedisServer() === null) {
  it('has no Redis to restart here', () => {
    expect(findRedisServer()).toBeNull();
  });
} else {
  describeRestart('Redis', oneServer);
  describeRestart('a Redis Cluster', cluster);
}
