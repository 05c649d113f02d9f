import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import pg from 'pg';

import { connectors } from '#clouds';
import { deployments, openDatabase, peerings, platformAccounts, type Database } from '#database';
import { HEADROOM, MAX_LATE_MS, profileOf, startAttempt, type CloudConnector } from '#domain';
import { createLogger, createMetricsRegistry, type MetricsRegistry } from '#runtime';

import { startWorker, type RunningWorker } from '../../apps/worker/src/start-worker.js';
import { startBroker, type Broker } from '../support/broker.js';
import { eventually } from '../support/eventually.js';
import { REGION, startSimulatedTencent, type SimulatedTencent } from '../support/simulated-tencent.js';

const LISTING = 'DescribeCcnAttachedInstances';
/** What the workers are told that the cloud allows of each action. */
const PER_SECOND = 20;

interface Sent {
  readonly at: number;
  readonly operation: string;
  readonly accountId: string;
  readonly worker: number;
}

/** Two workers on connections of their own to the database, as two processes have them, and a cloud that counts. */
describe('the pace of workers', () => {
  let broker: Broker;
  let tencent: SimulatedTencent;
  let databases: Database[];
  let metrics: MetricsRegistry[];
  let workers: RunningWorker[] = [];
  /** Calls as they leave the workers; the cloud's own books say when they came. */
  let sent: Sent[] = [];

  beforeAll(async () => {
    broker = await startBroker({
      workers: 0,
      engine: { steadyMs: 600_000 },
      env: { WORKER_CONCURRENCY: '4' },
    });
    tencent = await startSimulatedTencent();
    tencent.simulators.clock.resume();
    databases = await Promise.all(
      [1, 2].map(() => openDatabase({ url: broker.databaseUrl, poolSize: 8, applicationName: 'worker' })),
    );
  });
  beforeEach(() => {
    sent = [];
    tencent.simulators.cloud('tencent').calls.clear();
    tencent.simulators.faults.clear();
    metrics = databases.map(() => createMetricsRegistry('worker'));
  });
  afterAll(async () => {
    await Promise.all(databases.map((database) => database.close()));
    await broker.close();
    await tencent.close();
  });

  async function atWork(
    count: number,
    work: () => Promise<unknown>,
    perSecond: number = PER_SECOND,
  ): Promise<void> {
    const { clock, queues } = broker;
    const cloudCallsPerSecond = { tencent: perSecond };
    const config = { ...broker.config, worker: { ...broker.config.worker, cloudCallsPerSecond } };
    const logger = createLogger({ name: 'worker', level: 'silent' });
    workers = await Promise.all(
      databases.slice(0, count).map((database, worker) => {
        const connect: CloudConnector = (options) =>
          connectors.tencent!({
            ...options,
            admit: async (operation) => {
              await options.admit?.(operation);
              sent.push({ at: clock.now(), operation, accountId: options.accountId, worker });
            },
          });
        const parts = { database, queues, config, logger, clock, metrics: metrics[worker]! };
        return startWorker({ ...parts, connectors: { tencent: connect } });
      }),
    );
    try {
      await work();
    } finally {
      await Promise.all(workers.map((worker) => worker.close()));
    }
  }

  /** An account of the platform with networks that are each in a customer's CCN, all due to be looked at. */
  async function account(networks: number): Promise<{ accountId: string; ids: string[] }> {
    const made = tencent.simulators.putAccount('tencent', {});
    const { accountId, accessKeyId, secretAccessKey } = made;
    const { body } = await tencent.control('POST', '/_sim/tencent/seed-attachments', {
      instanceAccountId: accountId,
      ccnAccountId: tencent.customer.accountId,
      region: REGION,
      count: networks,
      from: '172.16.0.0/12',
      prefixLength: 26,
      state: 'ACTIVE',
    });
    const attachments = body['attachments'] as { ccnId: string; instanceId: string; cidr: string }[];
    const endpoint = `http://${tencent.host}`;
    const now = broker.clock.now();
    return broker.database.asOperator(async (scope) => {
      const { id } = await platformAccounts.create(scope, {
        cloud: 'tencent',
        accountId,
        displayName: '',
        credentials: broker.cipher.encrypt({ kind: 'static', accessKeyId, secretAccessKey }),
        credentialsKind: 'static',
        endpoints: { vpc: endpoint, sts: endpoint },
      });
      const ids: string[] = [];
      for (const { ccnId, instanceId, cidr } of attachments) {
        const deployment = await deployments.create(scope, {
          tenantId: broker.tenant.id,
          projectId: broker.project.id,
          name: instanceId,
          cloud: 'tencent',
          region: REGION,
          edition: 'dedicated_professional',
          platformAccountId: id,
          vpcId: instanceId,
          cidrs: [cidr],
        });
        const cloud = { kind: 'tencent', ccnId, ccnOwnerUin: tencent.customer.accountId } as const;
        const spec = { cloud, cidrs: [] };
        const status = {
          ...startAttempt(profileOf('tencent'), spec, now),
          state: 'running',
          providerId: ccnId,
          verified: true,
          established: true,
          marked: true,
          admittedCidrs: [],
        } as const;
        const peering = { deployment, displayName: '', spec, status, dueAt: now, events: [], now };
        ids.push((await peerings.insert(scope, peering)).id);
      }
      return { accountId, ids };
    });
  }

  const seen = async (ids: readonly string[]): Promise<number> => {
    const found = await broker.database.asOperator((scope) =>
      Promise.all(ids.map((id) => peerings.get(scope, id))),
    );
    return found.filter((peering) => peering?.lastObservedAt != null).length;
  };
  const allSeen = (ids: readonly string[]): Promise<unknown> =>
    eventually('every connection was seen', async () => (await seen(ids)) === ids.length, 30_000);
  const inOrder = (times: readonly number[]): number[] => [...times].sort((a, b) => a - b);
  /** The most in any second, whatever its beginning. */
  const mostInASecond = (times: readonly number[]): number =>
    Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + 1_000).length));
  const factors = async (of: MetricsRegistry): Promise<number[]> =>
    [
      ...(await of.metrics()).matchAll(
        /^peering_broker_pace_factor\{.*DescribeCcnAttachedInstances.*\} (.*)$/gm,
      ),
    ].map(([, factor]) => Number(factor));

  async function whenSlowed(accountId: string): Promise<number> {
    const client = new pg.Client({ connectionString: broker.databaseUrl });
    await client.connect();
    const { rows } = await client.query<{ slowed_at: number }>(
      `SELECT slowed_at FROM call_paces JOIN platform_accounts ON id = platform_account_id
       WHERE account_id = $1 AND counted_as LIKE $2`,
      [accountId, `%${LISTING}`],
    );
    await client.end();
    return rows[0]!.slowed_at;
  }

  it('is together no faster than the cloud allows, by the cloud’s own books', async () => {
    const { accountId, ids } = await account(60);
    await atWork(2, () => allSeen(ids));
    const books = tencent.simulators.cloud('tencent').calls.list({ accountId });
    expect(books.filter(({ outcome }) => outcome !== 'ok')).toEqual([]);
    for (const operation of new Set(sent.map((call) => call.operation))) {
      const leaving = inOrder(sent.filter((call) => call.operation === operation).map(({ at }) => at));
      expect(mostInASecond(leaving)).toBeLessThanOrEqual(PER_SECOND);
      const coming = inOrder(
        books.filter((call) => call.operation === operation).map(({ at }) => Date.parse(at)),
      );
      expect(coming).toHaveLength(leaving.length);
      // Calls that took longer on their way than those behind them are closer together when they come.
      const onTheWay = coming.map((at, nth) => at - leaving[nth]!);
      const closerMs = Math.max(...onTheWay) - Math.min(...onTheWay);
      const most = Math.floor((PER_SECOND * HEADROOM * (1_000 + MAX_LATE_MS + closerMs)) / 1_000) + 1;
      expect(mostInASecond(coming)).toBeLessThanOrEqual(most);
    }
    const looks = sent.filter(({ operation }) => operation === LISTING);
    expect(looks.length).toBeGreaterThanOrEqual(ids.length);
    expect(looks.length).toBeLessThanOrEqual(ids.length * 1.05);
    for (const worker of [0, 1]) {
      expect(looks.filter((call) => call.worker === worker).length).toBeGreaterThan(5);
    }
  });

  it('is halved for both when the cloud asks one of them for less, and comes back with time', async () => {
    const { accountId, ids } = await account(40);
    const rule = { cloud: 'tencent', accountId, kind: 'throttle', operation: LISTING, times: 1 } as const;
    tencent.simulators.faults.add(rule);
    await atWork(2, async () => {
      await allSeen(ids);
      for (const registry of metrics) {
        const [factor] = await factors(registry);
        expect(factor).toBeGreaterThanOrEqual(0.5);
        expect(factor).toBeLessThan(1);
      }
      const looks = sent.filter((call) => call.accountId === accountId && call.operation === LISTING);
      const slow = looks.map(({ at }) => at);
      const slowedAt = await whenSlowed(accountId);
      // At this pace each worker holds one time at most when it hears of it. A second of rest follows, and then half of
      // the pace, which grows by a sixtieth each second.
      expect(slow.filter((at) => at > slowedAt && at < slowedAt + 1_000).length).toBeLessThanOrEqual(2);
      const soon = slow.filter((at) => at >= slowedAt + 1_000 && at < slowedAt + 4_000);
      expect(mostInASecond(soon)).toBeLessThanOrEqual(PER_SECOND / 2 + 2);
      broker.clock.advance(61_000);
      for (const registry of metrics) expect(await factors(registry)).toEqual([1]);
    });
    const books = tencent.simulators.cloud('tencent').calls.list({ accountId });
    expect(books.filter(({ outcome }) => outcome !== 'ok')).toHaveLength(1);
  });

  it('of one account that is used up keeps no other waiting', async () => {
    const busy = await account(200);
    const pace = 4;
    const work = async (): Promise<void> => {
      await eventually('the busy one is looked at', async () => (await seen(busy.ids)) >= 4);
      const other = await account(1);
      await allSeen(other.ids);
      expect(await seen(busy.ids)).toBeLessThan(busy.ids.length / 2);
    };
    await atWork(1, work, pace);
  });
});
