import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { RunningWorker } from '../../apps/worker/src/start-worker.js';
import { AwsDeployment } from '../support/aws-deployment.js';
import { startBroker, type Broker } from '../support/broker.js';
import { eventually } from '../support/eventually.js';
import { placeInPostgres } from '../support/queue-places.js';

describe('what a worker shows', () => {
  let broker: Broker;
  let worker: RunningWorker;

  beforeAll(async () => {
    broker = await startBroker({ workers: 0, env: { WORKER_PORT: '0' } });
    worker = await broker.startWorker();
  });
  afterAll(() => broker.close());

  const get = (path: string): Promise<Response> => fetch(`${worker.url ?? ''}${path}`);
  const metrics = async (): Promise<string> => (await get('/metrics')).text();

  it('is that it is well, as long as it can see what is due', async () => {
    const answer = await get('/healthz');
    expect([answer.status, await answer.json()]).toEqual([200, { status: 'ok' }]);
    broker.clock.advance(60_000);
    expect((await get('/healthz')).status).toBe(503);
    await eventually('it is well again', async () => (await get('/healthz')).status === 200);
  });

  it('is what it asked of clouds, how connections stand, and how far it is behind', async () => {
    await broker.aws.control('POST', '/_sim/aws/settings', { peeringProvisioningSeconds: 0 });
    const deployment = await AwsDeployment.create(broker);
    const id = await deployment.declare(await deployment.request());
    await deployment.until(id, 'running');
    const text = await metrics();
    expect(text).toMatch(
      /peering_broker_cloud_calls_total\{cloud="aws",operation="accept",outcome="ok",app="worker"\} 1\n/,
    );
    expect(text).toMatch(
      /peering_broker_engine_passes_total\{cloud="aws",outcome="seen",app="worker"\} \d+\n/,
    );
    expect(text).toMatch(/peering_broker_connections\{cloud="aws",state="running",app="worker"\} 1\n/);
    expect(text).toMatch(/peering_broker_due_lag_seconds\{app="worker"\} \d/);
    expect(text).toMatch(/peering_broker_jobs\{job="reconcile",condition="failed",app="worker"\} 0\n/);
    expect(text).toContain('process_cpu_seconds_total');
  });

  it('is which circuits are open, and which it has moved', async () => {
    await broker.aws.control('POST', '/_sim/faults', { cloud: 'aws', kind: 'server_error' });
    await eventually('a circuit is open', async () => {
      broker.clock.advance(60_000);
      return (await metrics()).includes(
        'peering_broker_circuits{cloud="aws",kind="outage",state="open",app="worker"} 1\n',
      );
    });
    expect(await metrics()).toMatch(
      /peering_broker_circuit_moves_total\{cloud="aws",kind="outage",to="open",app="worker"\} \d+\n/,
    );
    await broker.aws.control('DELETE', '/_sim/faults');
  });

  it('is nothing else', async () => {
    expect((await get('/')).status).toBe(404);
  });

  it('survives a cut of every database connection', async () => {
    await placeInPostgres(broker.databaseUrl).cut();
    await eventually('it is well', async () => (await get('/healthz')).status === 200);
    expect(await metrics()).toContain('peering_broker_connections');
  });
});
