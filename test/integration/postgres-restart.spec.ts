/** PostgreSQL goes and comes back, at the same address or at another: API and worker, as processes, get over it alone. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { openDatabase, type Database } from '#database';

import type { PeeringView } from '../../apps/api/src/peerings/peering.view.js';
import { awsSubject, type AwsHarness } from '../contract/aws.harness.js';
import type { CustomerRequest } from '../contract/cloud-harness.js';
import { brokerEnvironment, callerWithKey, type ApiAnswer, type ApiCaller } from '../support/broker.js';
import { spawnApi, spawnWorker, type ApiProcess } from '../support/broker-process.js';
import { eventually } from '../support/eventually.js';
import type { GuardedProcess } from '../support/guarded-process.js';
import { startOwnPostgres, type OwnPostgres } from '../support/own-postgres.js';
import { freePort } from '../support/redis.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

/** What a busy machine may take over anything. */
const PATIENCE_MS = 30_000;

describe('while PostgreSQL', () => {
  const stops: (() => Promise<unknown>)[] = [];
  let postgres: OwnPostgres;
  let proxy: TcpProxy;
  let harness: AwsHarness;
  let api: ApiProcess;
  let worker: GuardedProcess;
  let workerUrl: string;
  let operator: ApiCaller;
  let customer: ApiCaller;
  let deploymentId: string;
  let network: { readonly vpcId: string; readonly region: string };
  let made = 0;

  beforeAll(async () => {
    postgres = await startOwnPostgres();
    stops.push(() => postgres.remove());
    proxy = await startTcpProxy(postgres.port);
    stops.push(() => proxy.end());
    harness = await awsSubject.start();
    stops.push(() => harness.close());
    harness.simulators.clock.resume();
    await harness.control('settings', { peeringProvisioningSeconds: 0 });
    const databaseUrl = proxy.inFront(postgres.url);
    const workerPort = await freePort();
    workerUrl = `http://127.0.0.1:${workerPort}`;
    const environment = {
      ...brokerEnvironment(databaseUrl, { location: { databaseUrl } }),
      WORKER_PORT: String(workerPort),
    };
    api = await spawnApi(environment);
    stops.push(() => api.kill());
    worker = await spawnWorker(environment);
    stops.push(() => worker.kill());
    await prepare();
  }, 120_000);

  afterAll(async () => {
    for (const stop of stops.reverse()) await stop();
  }, 60_000);

  async function prepare(): Promise<void> {
    const database: Database = await openDatabase({
      url: postgres.url,
      poolSize: 2,
      applicationName: 'spec',
    });
    try {
      operator = await callerWithKey({ database }, api.url, null);
      const make = async (kind: string, body: object): Promise<string> => {
        const answer = await operator<{ id: string }>('POST', `/admin/v1/${kind}`, body);
        expect(answer).toMatchObject({ status: 201 });
        return answer.body.id;
      };
      const tenantId = await make('tenants', { name: 'Customer' });
      const projectId = await make('projects', { tenantId, name: 'Project' });
      const { accountId, credentials, endpoints } = harness.options();
      const account = { cloud: 'aws', accountId, credentials, endpoints };
      const platformAccountId = await make('platform-accounts', account);
      network = await harness.createNetwork('10.1.0.0/16');
      deploymentId = await make('deployments', {
        ...{ tenantId, projectId, platformAccountId },
        ...{ name: 'deployment', cloud: 'aws', region: network.region, edition: 'dedicated_professional' },
        vpc: { id: network.vpcId, cidrs: ['10.1.0.0/16'] },
      });
      customer = await callerWithKey({ database }, api.url, tenantId);
    } finally {
      await database.close();
    }
  }

  /** The customer asks for a peering in the cloud. */
  function request(): Promise<CustomerRequest> {
    made += 1;
    return harness.createRequest(network, `172.${15 + made}.0.0/16`);
  }

  function declare(asked: CustomerRequest): Promise<ApiAnswer<PeeringView>> {
    const spec = awsSpec(asked);
    return customer<PeeringView>('POST', `/v1/deployments/${deploymentId}/peerings`, { spec });
  }

  const ready = async (): Promise<{ readonly status: number; readonly body: unknown }> => {
    const response = await fetch(`${api.url}/readyz`);
    return { status: response.status, body: await response.json() };
  };
  const workerIsWell = async (): Promise<boolean> => (await fetch(`${workerUrl}/healthz`)).status === 200;

  /** What a process has written last says why it is no longer there. */
  function expectAlive(): void {
    for (const [name, program] of Object.entries({ api, worker })) {
      if (program.hasGone()) throw new Error(`The ${name} has ended:\n${program.output().slice(-4_000)}`);
    }
  }

  /** A connection that is declared now is brought up, and whoever waits for it is told. */
  async function expectService(): Promise<void> {
    const asked = await request();
    const { id } = await eventually(
      'a connection is taken',
      async () => {
        const { status, body } = await declare(asked);
        return status === 202 && body;
      },
      PATIENCE_MS,
    );
    const waited = await customer<PeeringView>('GET', `/v1/peerings/${id}?wait=running&timeout=60s`);
    expect(waited.body.status.state).toBe('running');
    expect(await ready()).toEqual({
      status: 200,
      body: { status: 'ok', checks: { database: 'ok', queue: 'ok' } },
    });
    await eventually('the worker is well', workerIsWell, PATIENCE_MS);
  }

  /** Everybody says that they cannot serve, and when to come back; nobody gives up. */
  async function expectOutage(): Promise<void> {
    const refused = await customer('GET', '/v1/peerings');
    expect(refused.status).toBe(503);
    expect(refused.headers.get('content-type')).toContain('application/problem+json');
    expect(refused.body).toMatchObject({ code: 'unavailable', retryable: true });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await declare(await request())).status).toBe(503);
    expect(await ready()).toEqual({
      status: 503,
      body: { status: 'unavailable', checks: { database: 'unavailable', queue: 'unavailable' } },
    });
    expect((await fetch(`${api.url}/healthz`)).status).toBe(200);
    await eventually('the worker says that it is not well', async () => !(await workerIsWell()), PATIENCE_MS);
    expectAlive();
  }

  it('is restarted, requests are told to come back, and nothing that was taken is lost', async () => {
    await expectService();
    const asked = await request();
    const taken = await declare(asked);
    expect(taken.status).toBe(202);
    await postgres.halt();
    await expectOutage();
    await postgres.start();
    await expectService();
    const { id } = taken.body;
    const shown = await customer<PeeringView>('GET', `/v1/peerings/${id}?wait=running&timeout=60s`);
    expect(shown.body.status.state).toBe('running');
  }, 120_000);

  it('ends sessions in the middle of whatever they do, nothing that was taken is lost or made twice', async () => {
    const asked = await Promise.all(Array.from({ length: 8 }, request));
    const over = new AbortController();
    const ending = (async () => {
      let ended = 0;
      while (!over.signal.aborted) ended += await postgres.terminateSessions(0.5);
      return ended;
    })();
    const ids = await Promise.all(
      asked.map((each, index) =>
        eventually(
          'it is taken',
          async () => {
            const { status, body } = await customer<PeeringView>(
              'POST',
              `/v1/deployments/${deploymentId}/peerings`,
              { spec: awsSpec(each) },
              { 'idempotency-key': `stormy-${index}` },
            );
            expect([202, 409, 503]).toContain(status);
            return status === 202 && body.id;
          },
          PATIENCE_MS,
        ),
      ),
    );
    over.abort();
    expect(await ending).toBeGreaterThan(0);
    expect(new Set(ids).size).toBe(asked.length);
    expectAlive();
    for (const id of ids) {
      // A session that has ended is noticed by whoever uses it next: they are told to ask again.
      const shown = await eventually(
        'it is shown',
        async () => {
          const answer = await customer<PeeringView>('GET', `/v1/peerings/${id}?wait=running&timeout=60s`);
          expect([200, 503]).toContain(answer.status);
          return answer.status === 200 && answer.body;
        },
        2 * PATIENCE_MS + 5_000,
      );
      expectAlive();
      expect(shown.status.state).toBe('running');
    }
    const accepted = harness.simulators
      .cloud('aws')
      .calls.list({ operation: 'AcceptVpcPeeringConnection' })
      .filter(({ tookEffect }) => tookEffect)
      .map(({ parameters }) => parameters['VpcPeeringConnectionId']);
    for (const { providerId } of asked) expect(accepted.filter((id) => id === providerId)).toHaveLength(1);
    await expectService();
  }, 120_000);

  it('fails over to another address, everybody follows', async () => {
    proxy.close();
    await postgres.halt();
    await expectOutage();
    const port = await freePort();
    await postgres.start(port);
    proxy.leadTo(port);
    await expectService();
  }, 120_000);
});

function awsSpec(asked: CustomerRequest): { readonly cloud: Record<string, unknown> } {
  const { providerId, customer } = asked;
  return {
    cloud: {
      kind: 'aws',
      connectionId: providerId,
      accountId: customer.accountId,
      vpcId: customer.vpcId,
    },
  };
}
