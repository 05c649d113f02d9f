/** What becomes of the work at hand when a worker is told to stop. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';

import { AwsDeployment } from '../support/aws-deployment.js';
import { startBroker, type Broker } from '../support/broker.js';
import { eventually } from '../support/eventually.js';

const CONNECTIONS = 5;
/** How long the cloud takes for a route, in milliseconds. */
const SLOW_MS = 700;
const LIMIT_MS = 2_000;
/** What a busy machine may add to any time. */
const BUSY_MS = 4_000;

describe('a worker that is told to stop', () => {
  let broker: Broker;
  let client: pg.Client;

  beforeAll(async () => {
    const env = { WORKER_SHUTDOWN_SECONDS: String(LIMIT_MS / 1_000) };
    broker = await startBroker({ workers: 0, env });
    await broker.aws.control('POST', '/_sim/aws/settings', { peeringProvisioningSeconds: 0 });
    client = new pg.Client({ connectionString: broker.databaseUrl });
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await broker.close();
  });

  const leased = async ({ id }: AwsDeployment): Promise<boolean> => {
    const { rows } = await client.query<{ lease_owner: string | null }>(
      'SELECT lease_owner FROM deployments WHERE id = $1',
      [id],
    );
    return rows[0]!.lease_owner !== null;
  };

  it('begins none of the changes that wait for the one under way, and leaves them to the next worker', async () => {
    const deployment = await AwsDeployment.create(broker);
    await broker.aws.control('POST', '/_sim/faults', {
      cloud: 'aws',
      kind: 'latency',
      operation: 'CreateRoute',
      ms: SLOW_MS,
    });
    const requests = await Promise.all(
      Array.from({ length: CONNECTIONS }, (_, nth) => deployment.request(`172.${16 + nth}.0.0/16`)),
    );
    const ids = await Promise.all(requests.map((request) => deployment.declare(request, { wakes: false })));
    // Only now, so that one pass is about all of them.
    await broker.startWorker();
    await eventually('a route was made', () => deployment.effects('CreateRoute') > 0);

    await broker.stopWorkers();
    const made = deployment.effects('CreateRoute');
    // One was made, and another one may have been under way.
    expect(made).toBeLessThanOrEqual(2);
    expect(await leased(deployment)).toBe(false);
    const left = await Promise.all(ids.map((id) => deployment.connection(id)));
    const unmade = left.filter(({ status }) => status.intent?.outcome === null);
    expect(unmade.map(({ status }) => status.intent)).toEqual(
      Array.from({ length: CONNECTIONS - made }, () => expect.objectContaining({ attempts: 1 }) as unknown),
    );

    await broker.aws.control('DELETE', '/_sim/faults');
    await broker.startWorker();
    for (const id of ids) await deployment.until(id, 'running');
    expect(deployment.effects('CreateRoute')).toBe(CONNECTIONS);
    expect(deployment.routes()).toHaveLength(CONNECTIONS);
  });

  it('waits no longer than its limit for a database that does not answer', async () => {
    if (broker.workersRunning() === 0) await broker.startWorker();
    await client.query('BEGIN');
    await client.query('LOCK TABLE peering_connections IN ACCESS EXCLUSIVE MODE');
    await eventually('a sweep waits', async () => {
      const { rowCount } = await client.query(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return rowCount! > 0;
    });
    const began = performance.now();
    const stopped = broker.stopWorkers().then(() => performance.now() - began);
    const late = new Promise<null>((resolve) => setTimeout(resolve, LIMIT_MS + BUSY_MS, null));
    const tookMs = await Promise.race([stopped, late]);
    await client.query('ROLLBACK');
    await stopped;
    expect(tookMs).not.toBeNull();
  });
});
