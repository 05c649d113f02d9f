import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';

import {
  InvalidPayload,
  openQueues,
  QueuesNotMigrated,
  type Consumer,
  type JobHandlers,
  type Queues,
} from '#queues';
import { newId } from '#runtime';

import { eventually } from '../support/eventually.js';
import { createTestDatabase } from '../support/postgres.js';
import {
  queuesInPostgres,
  queuesInRedis,
  queuesInRedisCluster,
  type QueuePlace,
} from '../support/queue-places.js';
import { findRedisServer, testRedisUrl } from '../support/redis.js';
import { startTcpProxy } from '../support/tcp-proxy.js';

interface Run {
  readonly deploymentId: string;
  readonly began: number;
  ended: number | null;
}

/** What both places of the queues promise. */
function describeQueues(name: string, makePlace: () => Promise<QueuePlace>): void {
  describe(`queues in ${name}`, () => {
    let place: QueuePlace;
    let queues: Queues;
    const consumers: Consumer[] = [];
    const errors: Error[] = [];
    let runs: Run[] = [];
    let work: (deploymentId: string, signal: AbortSignal) => Promise<void>;

    const handlers: JobHandlers = {
      reconcile: async ({ deploymentId }, { signal }) => {
        const run: Run = { deploymentId, began: Date.now(), ended: null };
        runs.push(run);
        await work(deploymentId, signal);
        run.ended = Date.now();
      },
    };
    const runsOf = (deploymentId: string): Run[] => runs.filter((run) => run.deploymentId === deploymentId);
    const finished = (deploymentId: string, count: number): Promise<Run[]> =>
      eventually(`${count} runs have finished`, () => {
        const ended = runsOf(deploymentId).filter((run) => run.ended !== null);
        return ended.length >= count && ended;
      });
    const consume = async (concurrency: number): Promise<Consumer> => {
      const consumer = await queues.startConsumer(handlers, { concurrency });
      consumers.push(consumer);
      return consumer;
    };

    beforeAll(async () => {
      place = await makePlace();
      queues = openQueues(place.location, (error) => errors.push(error));
      await consume(20);
    });
    beforeEach(() => {
      runs = [];
      work = () => Promise.resolve();
    });
    afterAll(async () => {
      await Promise.all(consumers.map((consumer) => consumer.close(1_000)));
      await queues.close();
      await place.remove();
      expect(errors).toEqual([]);
    });

    it('brings a wake-up call to a worker', async () => {
      const deploymentId = newId('dep');
      await queues.wake(deploymentId);
      await finished(deploymentId, 1);
    });

    it('follows a run with one more, however often it was called for in the meantime', async () => {
      const deploymentId = newId('dep');
      let release = (): void => undefined;
      const held = new Promise<void>((resolve) => (release = resolve));
      work = () => held;
      await queues.wake(deploymentId);
      await eventually('the first run has begun', () => runsOf(deploymentId).length === 1);
      for (let call = 0; call < 5; call += 1) await queues.wake(deploymentId);
      release();
      const [first, second] = await finished(deploymentId, 2);
      expect(second!.began).toBeGreaterThanOrEqual(first!.ended!);
      const other = newId('dep');
      await queues.wake(other);
      await finished(other, 1);
      expect(runsOf(deploymentId)).toHaveLength(2);
    });

    it('does not let a delayed call hold up an immediate one', async () => {
      const deploymentId = newId('dep');
      await queues.wake(deploymentId, 60_000);
      await queues.wake(deploymentId);
      await finished(deploymentId, 1);
      expect((await queues.depth()).reconcile.delayed).toBe(1);
      await place.flush();
    });

    it('moves a delayed call to the time that was asked for last', async () => {
      const deploymentId = newId('dep');
      const asked = Date.now();
      await queues.wake(deploymentId, 60_000);
      await queues.wake(deploymentId, 300);
      const [run] = await finished(deploymentId, 1);
      expect(run!.began - asked).toBeGreaterThanOrEqual(290);
    });

    it('loses none of a burst', async () => {
      const ids = Array.from({ length: 700 }, () => newId('dep'));
      const half = ids.slice(0, 350);
      await Promise.all([queues.wakeMany(half), ...ids.slice(350).map((id) => queues.wake(id))]);
      await eventually(
        'every deployment was worked on',
        () => new Set(runs.map((run) => run.deploymentId)).size === 700,
      );
      expect((await queues.depth()).reconcile).toMatchObject({ waiting: 0 });
    });

    it('refuses what is no id of a deployment', async () => {
      await expect(queues.wake('peer_01k00000000000000000000000')).rejects.toThrow(InvalidPayload);
      await expect(queues.wake('')).rejects.toThrow('deploymentId must be an id of a deployment');
    });

    it('tries three times, keeps what failed for operators, and lets them run it again', async () => {
      const deploymentId = newId('dep');
      let isBroken = true;
      work = () => (isBroken ? Promise.reject(new Error('the database is away')) : Promise.resolve());
      await queues.wake(deploymentId);
      const failed = await eventually('the job is given up', async () =>
        (await queues.failedJobs(10)).find(
          (job) => (job.payload as { deploymentId: string }).deploymentId === deploymentId,
        ),
      );
      expect(failed).toMatchObject({ name: 'reconcile', error: 'the database is away', attempts: 3 });
      expect(runsOf(deploymentId)).toHaveLength(3);
      expect(Date.now() - failed.failedAt).toBeLessThan(30_000);

      isBroken = false;
      expect(await queues.retryFailedJob('reconcile', failed.id)).toBe(true);
      await finished(deploymentId, 1);
      await eventually('the failed job is gone', async () => (await queues.failedJobs(10)).length === 0);
      expect(await queues.retryFailedJob('reconcile', failed.id)).toBe(false);
    });

    it('goes on after every job was forgotten', async () => {
      await queues.wake(newId('dep'), 60_000);
      await place.flush();
      const deploymentId = newId('dep');
      await queues.wake(deploymentId);
      await finished(deploymentId, 1);
      expect((await queues.depth()).reconcile.delayed).toBe(0);
    });

    it('finishes what it is at when it closes, and leaves the rest to others', async () => {
      await Promise.all(consumers.splice(0).map((consumer) => consumer.close(1_000)));
      const [atWork, waiting] = [newId('dep'), newId('dep')];
      const aborted: boolean[] = [];
      work = async (_deploymentId, signal) => {
        await sleep(100);
        aborted.push(signal.aborted);
      };
      const leaving = await consume(1);
      await queues.wake(atWork);
      await eventually('the first run has begun', () => runsOf(atWork).length === 1);
      await queues.wake(waiting);
      await leaving.close(5_000);
      expect(runs).toMatchObject([{ deploymentId: atWork, ended: expect.any(Number) as unknown }]);
      expect(aborted).toEqual([true]);
      await consume(20);
      await finished(waiting, 1);
    });
  });
}

describeQueues('PostgreSQL', queuesInPostgres);
if (testRedisUrl() !== null) describeQueues('Redis', queuesInRedis);
if (findRedisServer() !== null) describeQueues('a Redis Cluster', queuesInRedisCluster);

describe('queues that cannot be reached', () => {
  it.each([
    ['Redis', { redisUrl: 'redis://127.0.0.1:1' }],
    ['PostgreSQL', { databaseUrl: 'postgres://nobody@127.0.0.1:1/nowhere' }],
  ])('in %s are no error for whoever wakes, only reported', async (_name, location) => {
    const errors: Error[] = [];
    const queues = openQueues(location, (error) => errors.push(error));
    await Promise.all([queues.wake(newId('dep')), expect(queues.depth()).rejects.toThrow()]);
    expect(errors).not.toEqual([]);
    await queues.close();
  });

  it('in PostgreSQL, on a line that has fallen silent, are reached over a new one', async () => {
    const place = await queuesInPostgres();
    const { databaseUrl } = place.location as { readonly databaseUrl: string };
    const line = await startTcpProxy(Number(new URL(databaseUrl).port));
    const errors: Error[] = [];
    const location = { databaseUrl: line.inFront(databaseUrl), answerTimeoutMs: 1_000 };
    const queues = openQueues(location, (error) => errors.push(error));
    const done: string[] = [];
    const reconcile = ({ deploymentId }: { readonly deploymentId: string }): Promise<void> => {
      done.push(deploymentId);
      return Promise.resolve();
    };
    const consumer = await queues.startConsumer({ reconcile }, { concurrency: 1 });
    try {
      const [before, lost, after] = [newId('dep'), newId('dep'), newId('dep')];
      await queues.wake(before);
      await eventually('the call is answered', () => done.includes(before));
      expect(errors).toEqual([]);
      line.silence();
      await queues.wake(lost);
      expect(errors).not.toEqual([]);
      // Each of its connections has to be found dead.
      const isAnswered = async (): Promise<boolean> => {
        await queues.wake(after);
        return done.includes(after);
      };
      await eventually('a call is answered again', isAnswered, 60_000);
    } finally {
      await consumer.close(1_000);
      await queues.close();
      await line.end();
      await place.remove();
    }
  }, 90_000);

  it('are told apart from those that nobody has migrated', async () => {
    const database = await createTestDatabase();
    const queues = openQueues({ databaseUrl: database.url }, () => undefined);
    const handlers = { reconcile: () => Promise.resolve() };
    await expect(queues.startConsumer(handlers, { concurrency: 1 })).rejects.toThrow(QueuesNotMigrated);
    await expect(queues.depth()).rejects.toThrow('run the migrations before');
    await queues.close();
    await database.drop();
  });
});
