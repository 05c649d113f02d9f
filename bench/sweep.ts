/**
 * Connections looked at and decided upon by one worker in a second, when the cloud answers at once and nothing has
 * changed: 10,000 that run, in 2,000 networks, against a bare loop that reads what is due with what is declared, asks the
 * same cloud, compares, and writes when it looked.
 */
import pg from 'pg';

import { openDatabase } from '#database';
import type { CloudPort, CloudSpec } from '#domain';
import { openQueues } from '#queues';
import { createLogger, CredentialCipher, loadConfig, systemClock } from '#runtime';

import { startWorker, type RunningWorker } from '../apps/worker/src/start-worker.js';
import { seedTenant, startBenchDatabase } from './bench-database.js';
import { newEncryptionKeys } from './environment.js';
import { writeFleet } from './fleet.js';
import { instantCloud, instantNetwork, INSTANT_ACCOUNT, INSTANT_REGION } from './instant-cloud.js';
import { median, type Measurement } from './report.js';

const NETWORKS = 2_000;
const EACH = 5;
const ROUNDS = 3;
const BATCH = 2_500;
const LIMIT_MS = 120_000;

export async function benchSweep(): Promise<Measurement[]> {
  const database = await startBenchDatabase();
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    const keys = newEncryptionKeys();
    const account = {
      cloud: 'aws',
      accountId: INSTANT_ACCOUNT,
      accessKeyId: 'unused',
      secretAccessKey: 'unused',
      endpoints: {},
    } as const;
    const cipher = CredentialCipher.fromKeys(keys);
    const tenant = await seedTenant(database.url, cipher, account, INSTANT_REGION, []);
    const fleet = Array.from({ length: NETWORKS }, (_, network) => instantNetwork(network, EACH));
    const written = new Date();
    await writeFleet(database.url, 'aws', tenant, fleet, (_, { cidr }) => ({
      status: { state: 'running', verified: true, established: true, marked: true, admittedCidrs: [cidr] },
      dueAt: written.getTime(),
    }));
    const { connect, port } = instantCloud(EACH);
    const worker = (): Promise<RunningWorker & { stop(): Promise<void> }> =>
      startHere(database.url, keys, { aws: connect });

    // The first look writes down what it sees; from then on nothing changes.
    const first = await worker();
    await untilSeen(client, written);
    await first.stop();
    const floor: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const since = await makeDue(client);
      const began = Date.now();
      await byHand(database.url, port);
      floor.push((await untilSeen(client, since)) - began);
    }
    const ours: number[] = [];
    const second = await worker();
    for (let round = 0; round < ROUNDS; round += 1) {
      const since = await makeDue(client);
      const began = Date.now();
      ours.push((await untilSeen(client, since)) - began);
    }
    await second.stop();
    await assertRunning(client);
    const rate = (ms: number): string => `${((NETWORKS * EACH * 1_000) / ms).toFixed(0)}/s`;
    const [oursMs, floorMs] = [median(ours), median(floor)];
    const ratio = floorMs / oursMs;
    return [
      {
        name: `connections looked at and decided upon, ${EACH} in a network`,
        ours: rate(oursMs),
        floor: rate(floorMs),
        ratio,
        aim: { text: '>= 0.5', met: ratio >= 0.5 },
      },
    ];
  } finally {
    await client.end();
    await database.stop();
  }
}

/** A worker in this process, as it is configured by default but for its patience between sweeps. */
async function startHere(
  url: string,
  keys: string,
  connectors: Parameters<typeof startWorker>[0]['connectors'],
): Promise<RunningWorker & { stop(): Promise<void> }> {
  const env = {
    DATABASE_URL: url,
    ENCRYPTION_KEYS: keys,
    SWEEP_INTERVAL_MS: '500',
    WORKER_CONCURRENCY: '64',
  };
  const config = loadConfig(env);
  const logger = createLogger({ name: 'bench', level: 'error' });
  const { poolSize } = config.database;
  const database = await openDatabase({ url, poolSize, applicationName: 'bench-worker', logger });
  const queues = openQueues({ databaseUrl: url }, (error) => logger.error(error));
  const worker = await startWorker({ database, queues, config, logger, clock: systemClock, connectors });
  const stop = async (): Promise<void> => {
    await worker.close();
    await queues.close();
    await database.close();
  };
  return { ...worker, stop };
}

interface DueRow {
  readonly id: string;
  readonly version: string;
  readonly spec: { readonly cloud: CloudSpec };
  readonly status: { readonly providerId: string; readonly admittedCidrs: readonly string[] };
  readonly vpc_id: string;
  readonly region: string;
}

/** Looks at everything that is due, network by network, and writes down when. */
async function byHand(url: string, port: CloudPort): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (;;) {
      const { rows } = await client.query<DueRow>({
        name: 'due',
        text: `SELECT p.id, p.version, p.spec, p.status, d.vpc_id, d.region
               FROM peering_connections p JOIN deployments d ON d.id = p.deployment_id
               WHERE p.due_at <= $1 ORDER BY p.due_at, p.deployment_id LIMIT ${BATCH}`,
        values: [new Date()],
      });
      if (rows.length === 0) return;
      const at = new Date();
      for (const [vpcId, connections] of Map.groupBy(rows, (row) => row.vpc_id)) {
        const network = { vpcId, region: connections[0]?.region ?? '' };
        const [peerings, tables] = await Promise.all([
          port.observePeerings(network),
          port.observeRoutes(network),
        ]);
        for (const { id, spec, status } of connections) {
          const seen = peerings.find(({ providerId }) => providerId === spec.cloud['connectionId']);
          const isRouted = status.admittedCidrs.every((block) =>
            tables.every(({ routes }) =>
              routes.some(
                ({ destination, target, state }) =>
                  destination === block && target === status.providerId && state === 'active',
              ),
            ),
          );
          const isOwn = seen?.requester.vpcId === spec.cloud['vpcId'] && seen?.accepter.vpcId === vpcId;
          if (seen?.phase !== 'active' || !isOwn || !isRouted) throw new Error(`${id} is not as it was.`);
        }
      }
      await client.query({
        name: 'seen',
        text: `UPDATE peering_connections p SET last_observed_at = $3, due_at = $4
               FROM unnest($1::text[], $2::bigint[]) AS seen (id, version)
               WHERE p.id = seen.id AND p.version = seen.version`,
        values: [
          rows.map(({ id }) => id),
          rows.map(({ version }) => version),
          at,
          new Date(at.getTime() + 300_000),
        ],
      });
    }
  } finally {
    await client.end();
  }
}

async function makeDue(client: pg.Client): Promise<Date> {
  await client.query('VACUUM ANALYZE peering_connections, deployments');
  const now = new Date();
  await client.query('UPDATE peering_connections SET due_at = $1', [now]);
  return now;
}

/** When nothing was due any more and every connection had been seen since, in epoch milliseconds. */
async function untilSeen(client: pg.Client, since: Date): Promise<number> {
  const end = Date.now() + LIMIT_MS;
  for (;;) {
    const { rowCount } = await client.query({
      name: 'left',
      text: 'SELECT FROM peering_connections WHERE due_at <= $1 LIMIT 1',
      values: [since],
    });
    if (rowCount === 0) break;
    if (Date.now() > end) throw new Error('Not every connection was looked at in time.');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const at = Date.now();
  const { rows } = await client.query<{ left: number }>(
    `SELECT count(*)::int AS left FROM peering_connections
     WHERE last_observed_at IS NULL OR last_observed_at < $1`,
    [since],
  );
  if (rows[0]?.left !== 0) throw new Error(`${rows[0]?.left} connections were put off without a look.`);
  return at;
}

async function assertRunning(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ state: string; reason_code: string }>(
    `SELECT state, reason_code FROM peering_connections WHERE state <> 'running' LIMIT 1`,
  );
  const [other] = rows;
  if (other) throw new Error(`A connection is ${other.state}: ${other.reason_code}`);
}
