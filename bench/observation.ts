/**
 * What it costs to watch thousands of connections, in calls of each cloud and in time: the calls that one worker makes
 * to look at every connection once, against the fewest that show all of them with their routes, network by network; and
 * how long that takes, against the time in which the cloud allows these calls. Simulated limits are on.
 */
import { CredentialCipher } from '#runtime';
import { profileOf, type CloudId } from '#domain';
import pg from 'pg';

import { startSimulators } from '../apps/cloud-sim/src/simulator.js';
import { seedTenant, startBenchDatabase } from './bench-database.js';
import { startProgram } from './child-process.js';
import { freePort, newEncryptionKeys } from './environment.js';
import { controlOf, FLEET_CLOUDS, fleetHome, seedFleet, writeFleet } from './fleet.js';
import type { Measurement } from './report.js';

/** Platform networks: as many as their cloud lets one see within a minute. */
const NETWORKS: Readonly<Record<CloudId, number>> = {
  aws: 1_000,
  alibaba: 300,
  huawei: 300,
  tencent: 1_000,
  outscale: 100,
};
const EACH = 10;
const LIMIT_MS = 180_000;

/**
 * Calls that one look at a network cannot do without. Where route tables are listed without their entries (Alibaba,
 * Huawei) each table is a call more; a seeded network has one table.
 */
const FEWEST: Readonly<Record<CloudId, number>> = { aws: 2, alibaba: 3, huawei: 3, tencent: 2, outscale: 2 };

/** Settings by which simulators count calls, where they do. */
const LIMITS_ON: Readonly<Partial<Record<CloudId, Readonly<Record<string, unknown>>>>> = {
  tencent: { rateLimits: true },
  outscale: { callsPerSecond: 5 },
};

/** The least time in which a cloud allows to see so many networks, in milliseconds. */
function leastMs(cloud: CloudId, networks: number): number {
  const { families } = profileOf(cloud).callLimits;
  const reads = families.find(({ name }) => name === 'read') ?? families.at(-1);
  const { burst = 1, counted, perSecond = 1 } = reads ?? {};
  const calls = counted === 'together' ? networks * FEWEST[cloud] : networks;
  return ((calls - burst) * 1_000) / perSecond;
}

export async function benchObservation(): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  for (const cloud of FLEET_CLOUDS) measurements.push(...(await observe(cloud)));
  return measurements;
}

async function observe(cloud: CloudId): Promise<Measurement[]> {
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
    const fleet = await seedFleet(simulators, cloud, NETWORKS[cloud], EACH);
    await controlOf(simulators, cloud)('settings', LIMITS_ON[cloud] ?? {});
    const { routing } = profileOf(cloud).capabilities;
    const now = Date.now();
    const ids = await writeFleet(database.url, cloud, tenant, fleet, (_, { cidr }) => ({
      status: {
        state: 'running',
        verified: true,
        established: true,
        marked: true,
        admittedCidrs: routing === 'platform' ? [cidr] : [],
      },
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
    const began = performance.now();
    try {
      await untilObserved(database.url, ids.length);
    } finally {
      await worker.stop();
    }
    const tookMs = performance.now() - began;
    const made = calls.list().length;
    const fewest = fleet.length * FEWEST[cloud];
    const ratio = made / fewest;
    const least = leastMs(cloud, fleet.length);
    const slowness = tookMs / least;
    const about = `see ${ids.length} connections, ${cloud}`;
    return [
      {
        name: `calls to ${about}`,
        ours: `${made}`,
        floor: `${fewest}`,
        ratio,
        aim: { text: '<= 1.05', met: ratio <= 1.05 },
      },
      {
        name: `time to ${about}`,
        ours: `${(tookMs / 1_000).toFixed(1)} s`,
        floor: `${(least / 1_000).toFixed(1)} s`,
        ratio: slowness,
        aim: { text: '<= 1.25', met: slowness <= 1.25 },
      },
    ];
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
