/**
 * What it costs to watch 10,000 connections in 1,000 platform networks, in calls of each cloud: those that one worker
 * makes to look at every connection once, against the fewest that show all of them with their routes, network by network.
 */
import { CredentialCipher } from '#runtime';
import type { CloudId } from '#domain';
import pg from 'pg';

import { startSimulators } from '../apps/cloud-sim/src/simulator.js';
import { seedTenant, startBenchDatabase } from './bench-database.js';
import { startProgram } from './child-process.js';
import { freePort, newEncryptionKeys } from './environment.js';
import { FLEET_CLOUDS, fleetHome, seedFleet, writeFleet } from './fleet.js';
import type { Measurement } from './report.js';

const NETWORKS = 1_000;
const EACH = 10;
const LIMIT_MS = 180_000;

/**
 * Calls that one look at a network cannot do without. Where route tables are listed without their entries (Alibaba,
 * Huawei) each table is a call more; a seeded network has one table.
 */
const FEWEST: Readonly<Record<CloudId, number>> = { aws: 2, alibaba: 3, huawei: 3, tencent: 2, outscale: 2 };

export async function benchObservation(): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  for (const cloud of FLEET_CLOUDS) measurements.push(await observe(cloud));
  return measurements;
}

async function observe(cloud: CloudId): Promise<Measurement> {
  const simulators = await startSimulators({ ports: 'ephemeral', clouds: [cloud] });
  const database = await startBenchDatabase();
  try {
    const { region, services } = fleetHome(cloud);
    const keys = newEncryptionKeys();
    const account = simulators.account(cloud, 'platform');
    const endpoint = simulators.endpoints[cloud];
    const tenant = await seedTenant(
      database.url,
      CredentialCipher.fromKeys(keys),
      {
        cloud,
        accountId: account.accountId,
        accessKeyId: account.accessKeyId,
        secretAccessKey: account.secretAccessKey,
        endpoints: Object.fromEntries(services.map((service) => [service, endpoint])),
      },
      region,
      [],
    );
    const fleet = await seedFleet(simulators, cloud, NETWORKS, EACH);
    const now = Date.now();
    const ids = await writeFleet(database.url, cloud, tenant, fleet, (_, { cidr }) => ({
      status: { state: 'running', verified: true, established: true, marked: true, admittedCidrs: [cidr] },
      dueAt: now,
    }));
    const calls = simulators.cloud(cloud).calls;
    calls.clear();
    const port = await freePort();
    const worker = await startProgram(
      'apps/worker/src/main.js',
      {
        DATABASE_URL: database.url,
        ENCRYPTION_KEYS: keys,
        HOST: '127.0.0.1',
        WORKER_PORT: String(port),
        LOG_LEVEL: 'error',
        // Searches for what was left behind are looks of their own.
        ORPHAN_CHECK_SECONDS: '0',
      },
      `http://127.0.0.1:${port}/healthz`,
    );
    try {
      await untilObserved(database.url, ids.length);
    } finally {
      await worker.stop();
    }
    const made = calls.list().length;
    const fewest = fleet.length * FEWEST[cloud];
    const ratio = made / fewest;
    return {
      name: `calls to see ${ids.length} connections, ${cloud}`,
      ours: `${made}`,
      floor: `${fewest}`,
      ratio,
      aim: { text: '<= 1.05', met: ratio <= 1.05 },
    };
  } finally {
    await database.stop();
    await simulators.close();
  }
}

async function untilObserved(url: string, count: number): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const end = Date.now() + LIMIT_MS;
    for (;;) {
      const { rows } = await client.query<{ seen: number }>(
        'SELECT count(*)::int AS seen FROM peering_connections WHERE last_observed_at IS NOT NULL',
      );
      const seen = rows[0]?.seen ?? 0;
      if (seen >= count) return;
      if (Date.now() > end) throw new Error(`Only ${seen} of ${count} connections were seen in time.`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  } finally {
    await client.end();
  }
}
