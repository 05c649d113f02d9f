/** Any number of processes share the work: what happens to one of them is made up for by the others. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

import { platformAccounts } from '#database';

import type { PeeringView } from '../../apps/api/src/peerings/peering.view.js';
import { AwsDeployment, type AwsRequest } from '../support/aws-deployment.js';
import { brokerEnvironment, keyedAuthorization, startBroker, type Broker } from '../support/broker.js';
import { spawnApi, spawnWorker } from '../support/broker-process.js';
import { eventually } from '../support/eventually.js';
import type { GuardedProcess } from '../support/guarded-process.js';
import { holdCallsTo, type CallHolder, type Hold } from '../support/held-calls.js';
import { testRedisUrl } from '../support/redis.js';

const CIDR = '172.16.0.0/16';
/** As in production. */
const LEASE_MS = 15_000;
/** What a busy machine may add to any time. */
const BUSY_MS = 10_000;

/** A connection whose worker waits for the answer to a look, which says that the request is pending. */
interface Stuck {
  readonly deployment: AwsDeployment;
  readonly request: AwsRequest;
  readonly id: string;
  readonly look: Hold;
  readonly worker: GuardedProcess;
}

describe('several processes', () => {
  let broker: Broker;
  let holder: CallHolder;
  const processes: GuardedProcess[] = [];

  beforeAll(async () => {
    broker = await startBroker({ queues: testRedisUrl() === null ? 'postgres' : 'redis', workers: 0 });
    await broker.aws.control('POST', '/_sim/aws/settings', { peeringProvisioningSeconds: 0 });
    holder = await holdCallsTo(broker.aws.endpoint);
    await broker.database.asOperator((scope) =>
      platformAccounts.update(scope, broker.account.id, {
        endpoints: { ec2: holder.url, sts: holder.url },
      }),
    );
  }, 60_000);

  afterEach(async () => {
    await Promise.all(processes.splice(0).map((each) => each.kill()));
  });

  afterAll(async () => {
    await holder.close();
    await broker.close();
  }, 60_000);

  const environment = (): Record<string, string> => ({
    ...brokerEnvironment(broker.databaseUrl, broker.queuePlace),
    LEASE_SECONDS: String(LEASE_MS / 1_000),
    CLOUD_CALL_TIMEOUT_MS: '60000',
  });

  async function work(changes: Record<string, string> = {}): Promise<GuardedProcess> {
    const worker = await spawnWorker({ ...environment(), ...changes });
    processes.push(worker);
    return worker;
  }

  /** Holds the answer to the next look at a deployment. */
  function holdLook({ vpcId }: AwsDeployment): Hold {
    const matching = ['Action=DescribeVpcPeeringConnections', vpcId];
    return holder.hold({ matching, moment: 'after', times: 1 });
  }

  /** Declares a connection, and waits until one of these workers has it and hears nothing of what it sees. */
  async function stick(cidr: string, ...workers: readonly GuardedProcess[]): Promise<Stuck> {
    const deployment = await AwsDeployment.create(broker, cidr);
    await deployment.untilChecked();
    const request = await deployment.request(CIDR);
    const look = holdLook(deployment);
    const id = await deployment.declare(request);
    await look.untilHeld();
    const owner = await leaseOwner(deployment);
    const worker = workers.find(({ pid }) => owner?.includes(`/${pid}/`));
    if (worker === undefined) throw new Error(`None of the workers has the lease, but ${String(owner)}.`);
    return { deployment, request, id, look, worker };
  }

  async function leaseOwner({ id }: AwsDeployment): Promise<string | null> {
    const client = new pg.Client({ connectionString: broker.databaseUrl });
    await client.connect();
    const sql = 'SELECT lease_owner FROM deployments WHERE id = $1';
    const { rows } = await client.query<{ lease_owner: string | null }>(sql, [id]);
    await client.end();
    return rows[0]?.lease_owner ?? null;
  }

  const acceptCalls = ({ deployment, request: { connectionId } }: Stuck): number =>
    deployment
      .calls('AcceptVpcPeeringConnection')
      .filter(({ parameters }) => parameters['VpcPeeringConnectionId'] === connectionId).length;

  it(
    'take over from one that stands still and from one that is killed, within a lease',
    async () => {
      const pair = [await work(), await work()];
      const halted = await stick('10.1.0.0/16', ...pair);
      halted.worker.suspend();
      const killed = await stick('10.2.0.0/16', ...pair);
      await killed.worker.kill();
      const began = Date.now();
      const nextLook = holdLook(halted.deployment);
      const heir = await work();
      // A worker makes one call alone until one has shown that the account works: that must not be the one that is held.
      const elsewhere = await AwsDeployment.create(broker, '10.6.0.0/16');
      const other = await elsewhere.declare(await elsewhere.request(CIDR));
      await elsewhere.until(other, 'running');
      const over = new AbortController();
      const showing = (async () => {
        while (!over.signal.aborted) {
          await elsewhere.look(other);
          await sleep(300);
        }
      })();
      try {
        await killed.deployment.until(killed.id, 'running', LEASE_MS + BUSY_MS);
        await nextLook.untilHeld(LEASE_MS + BUSY_MS);
      } finally {
        over.abort();
        await showing;
      }
      expect(Date.now() - began).toBeLessThan(LEASE_MS + BUSY_MS);
      expect(acceptCalls(killed)).toBe(1);

      // The heir has written nothing yet: what the one that stood still has read is as it was, and it believes that the
      // lease is its own. It hears that the request is there to be accepted.
      const before = await halted.deployment.connection(halted.id);
      const owner = await leaseOwner(halted.deployment);
      expect(owner).toContain(`/${heir.pid}/`);
      halted.worker.resume();
      halted.look.release();
      expect(await halted.worker.terminate()).toBe(0);
      expect(acceptCalls(halted)).toBe(0);
      expect(await halted.deployment.connection(halted.id)).toEqual(before);
      expect(await leaseOwner(halted.deployment)).toBe(owner);

      nextLook.release();
      await halted.deployment.until(halted.id, 'running');
      expect(acceptCalls(halted)).toBe(1);
      expect(halted.deployment.routes()).toHaveLength(1);
    },
    LEASE_MS + 60_000,
  );

  it('go on at once when one of them is asked to stop', async () => {
    const pair = [await work(), await work()];
    const stuck = await stick('10.3.0.0/16', ...pair);
    const { deployment, id, look, worker } = stuck;
    const stopped = worker.terminate();
    look.release();
    expect(await stopped).toBe(0);
    const began = Date.now();
    await deployment.until(id, 'running');
    expect(Date.now() - began).toBeLessThan(LEASE_MS / 2);
    expect(acceptCalls(stuck)).toBe(1);
  }, 60_000);

  it('wait no longer for one that is asked to stop than a call of a cloud may take', async () => {
    const { deployment, worker } = await stick('10.4.0.0/16', await work({ CLOUD_CALL_TIMEOUT_MS: '1500' }));
    const began = Date.now();
    expect(await worker.terminate()).toBe(0);
    expect(Date.now() - began).toBeLessThan(1_500 + 5_000 + BUSY_MS);
    expect(await leaseOwner(deployment)).toBeNull();
  }, 60_000);

  it('make one connection of equal requests to two APIs at the same moment', async () => {
    const apis = await Promise.all([1, 2].map(() => spawnApi(environment())));
    processes.push(...apis);
    const authorization = await keyedAuthorization(broker, broker.tenant.id);
    const deployment = await AwsDeployment.create(broker, '10.5.0.0/16');
    const rounds = Array.from({ length: 10 }, (_, index) => index);
    const ask = async (url: string, round: number): Promise<string> =>
      eventually('the request is answered', async () => {
        const response = await fetch(`${url}/v1/deployments/${deployment.id}/peerings`, {
          method: 'POST',
          headers: {
            authorization,
            'content-type': 'application/json',
            'idempotency-key': `round-${round}`,
          },
          body: JSON.stringify({ displayName: `round ${round}`, spec: { cloud: { kind: 'aws' } } }),
        });
        const body = (await response.json()) as PeeringView & { readonly code?: string };
        if (response.status === 409 && body.code === 'idempotency_in_progress') return null;
        expect({ status: response.status, body }).toMatchObject({ status: 202 });
        return body.id;
      });
    const ids = await Promise.all(
      rounds.map((round) => Promise.all(apis.flatMap(({ url }) => [ask(url, round), ask(url, round)]))),
    );
    for (const answered of ids) expect(new Set(answered).size).toBe(1);
    const client = new pg.Client({ connectionString: broker.databaseUrl });
    await client.connect();
    const { rows } = await client.query('SELECT id FROM peering_connections WHERE deployment_id = $1', [
      deployment.id,
    ]);
    await client.end();
    expect(rows).toHaveLength(rounds.length);
  }, 60_000);
});
