/**
 * What grows with the number of connections that there are, from a thousand to a hundred thousand: the cost of looking at
 * each, the search for what is due, what operators' metrics cost, and the memory of a worker.
 */
import { readFile } from 'node:fs/promises';

import pg from 'pg';

import { openDatabase, type Database } from '#database';
import { CredentialCipher } from '#runtime';

import { seedTenant, startBenchDatabase, type BenchTenant } from './bench-database.js';
import { startProgram, type RunningProgram } from './child-process.js';
import { freePort, newEncryptionKeys, WORKER_FLAGS } from './environment.js';
import { writeFleet } from './fleet.js';
import { hex, instantNetwork, INSTANT_ACCOUNT, INSTANT_REGION } from './instant-cloud.js';
import type { Measurement } from './report.js';

const SIZES = [1_000, 10_000, 100_000] as const;
const EACH = 10;
/** Networks that are due while the search for them is measured: as many, however many there are. */
const DUE = 100;
const SEARCHES = 30;
const LIMIT_MS = 240_000;

/** What was measured with so many connections. */
interface Sizing {
  readonly perConnectionMs: number;
  readonly searchMs: number;
  readonly metricsMs: number;
  readonly megabytes: number;
}

export async function benchGrowth(): Promise<Measurement[]> {
  const place = await startBenchDatabase();
  const client = new pg.Client({ connectionString: place.url });
  await client.connect();
  const database = await openDatabase({ url: place.url, poolSize: 2, applicationName: 'bench' });
  const keys = newEncryptionKeys();
  let worker: RunningProgram | null = null;
  try {
    const account = {
      cloud: 'aws',
      accountId: INSTANT_ACCOUNT,
      accessKeyId: 'unused',
      secretAccessKey: 'unused',
      endpoints: {},
    } as const;
    const cipher = CredentialCipher.fromKeys(keys);
    const tenant = await seedTenant(place.url, cipher, account, INSTANT_REGION, []);
    await writeFleet(place.url, 'aws', tenant, [instantNetwork(0, EACH)], (_, { cidr }) => ({
      status: { state: 'running', verified: true, established: true, marked: true, admittedCidrs: [cidr] },
      dueAt: Date.now(),
    }));
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const start = (): Promise<RunningProgram> =>
      startProgram(
        'bench/instant-worker.js',
        {
          DATABASE_URL: place.url,
          ENCRYPTION_KEYS: keys,
          HOST: '127.0.0.1',
          WORKER_PORT: String(port),
          LOG_LEVEL: 'error',
          INSTANT_EACH: String(EACH),
        },
        `${url}/healthz`,
        WORKER_FLAGS,
      );
    // The first network is looked at once; what that writes is how all the others stand.
    worker = await start();
    await untilNothingIsDue(client);
    const sizings: Sizing[] = [];
    let networks = 1;
    for (const size of SIZES) {
      await worker.stop();
      await growTo(client, tenant, networks, size / EACH);
      networks = size / EACH;
      const searchMs = await search(client, database);
      worker = await start();
      await untilNothingIsDue(client);
      const began = Date.now();
      await client.query('UPDATE peering_connections SET due_at = $1', [new Date()]);
      await untilNothingIsDue(client);
      const perConnectionMs = (Date.now() - began) / size;
      const asked = performance.now();
      const answer = await fetch(`${url}/metrics`);
      const counted = /^peering_broker_connections\{.*state="running".*\} (\d+)$/m.exec(await answer.text());
      if (counted?.[1] !== String(size)) throw new Error(`${counted?.[1]} of ${size} are counted.`);
      const metricsMs = performance.now() - asked;
      sizings.push({ perConnectionMs, searchMs, metricsMs, megabytes: await megabytesOf(worker.pid) });
    }
    const [small, , large] = sizings;
    if (small === undefined || large === undefined) throw new Error('Nothing was measured.');
    const each = ({ perConnectionMs }: Sizing): string => `${(1_000 * perConnectionMs).toFixed(0)} µs`;
    const line = (
      name: string,
      most: number,
      of: (sizing: Sizing) => number,
      text: (sizing: Sizing) => string,
    ) => {
      const ratio = of(large) / of(small);
      return {
        name: `${SIZES[2]} connections instead of ${SIZES[0]}: ${name}`,
        ours: text(large),
        floor: text(small),
        ratio,
        aim: { text: `<= ${most}`, met: ratio <= most },
      };
    };
    return [
      line('looking at one', 1.5, ({ perConnectionMs }) => perConnectionMs, each),
      line(
        'finding what is due',
        2,
        ({ searchMs }) => searchMs,
        ({ searchMs }) => `${searchMs.toFixed(1)} ms`,
      ),
      {
        ...line(
          'memory of a worker',
          0,
          ({ megabytes }) => megabytes,
          ({ megabytes }) => `${megabytes.toFixed(0)} MB`,
        ),
        aim: { text: '< 250 MB', met: large.megabytes < 250 },
      },
      {
        ...line(
          'counting them for metrics',
          0,
          ({ metricsMs }) => metricsMs,
          ({ metricsMs }) => `${metricsMs.toFixed(0)} ms`,
        ),
        aim: { text: '< 250 ms', met: large.metricsMs < 250 },
      },
    ];
  } finally {
    await worker?.stop();
    await database.close();
    await client.end();
    await place.stop();
  }
}

/** Adds networks that stand as the first one does, none of them due for an hour. */
async function growTo(client: pg.Client, tenant: BenchTenant, from: number, to: number): Promise<void> {
  const networks = [from, to - 1, tenant.platformAccountId];
  await client.query(
    `INSERT INTO deployments (id, tenant_id, project_id, name, cloud, region, edition, platform_account_id, vpc_id,
       drift_policy, vpc_check_due_at)
     SELECT 'dep_0' || lpad(n::text, 25, '0'), tenant_id, project_id, n::text, cloud, region, edition,
       platform_account_id, 'vpc-' || lpad(to_hex(n), 17, '0'), drift_policy, NULL
     FROM deployments, generate_series($1::int, $2::int) AS n
     WHERE vpc_id = 'vpc-${hex(0)}' AND platform_account_id = $3`,
    networks,
  );
  await client.query(
    `INSERT INTO address_claims (deployment_id, tenant_id, block)
     SELECT d.id, d.tenant_id, c.block FROM deployments d, address_claims c, deployments first
     WHERE first.vpc_id = 'vpc-${hex(0)}' AND c.deployment_id = first.id AND c.connection_id IS NULL
       AND d.platform_account_id = $1 AND NOT EXISTS (SELECT FROM address_claims WHERE deployment_id = d.id)`,
    [tenant.platformAccountId],
  );
  // Numbers in what was written of the first network become those of each other one.
  const renumbered = (column: string): string =>
    `replace(replace(replace(replace(p.${column}::text, 'pcx-' || was, 'pcx-' || now), 'vpc-c' || substr(was, 2),
       'vpc-c' || substr(now, 2)), 'vpc-${hex(0)}', 'vpc-' || network), 'rtb-${hex(0)}', 'rtb-' || network)`;
  await client.query(
    `INSERT INTO peering_connections (id, tenant_id, project_id, deployment_id, cloud, region, spec, state, reason_code,
       status, provider_id, peer_key, due_at, last_observed_at)
     SELECT 'peer_0' || lpad((n * ${EACH} + nth)::text, 25, '0'), p.tenant_id, p.project_id,
       'dep_0' || lpad(n::text, 25, '0'), p.cloud, p.region, ${renumbered('spec')}::json, p.state, p.reason_code,
       ${renumbered('status')}::json, 'pcx-' || now, ${renumbered('peer_key')}, now() + interval '1 hour', now()
     FROM (
       SELECT *, row_number() OVER (ORDER BY provider_id) - 1 AS nth FROM peering_connections
       WHERE provider_id <= 'pcx-${hex(EACH - 1)}'
     ) AS p, generate_series($1::int, $2::int) AS n,
       LATERAL (SELECT substr(p.provider_id, 5) AS was, lpad(to_hex(n * ${EACH} + p.nth), 17, '0') AS now,
         lpad(to_hex(n), 17, '0') AS network) AS numbers`,
    networks.slice(0, 2),
  );
  await client.query('VACUUM ANALYZE');
}

/** Milliseconds that the quickest search for what is due takes, when as many networks are due as ever. */
async function search(client: pg.Client, database: Database): Promise<number> {
  await client.query(
    `UPDATE peering_connections SET due_at = now() WHERE deployment_id IN (SELECT id FROM deployments LIMIT ${DUE})`,
  );
  const took: number[] = [];
  for (let nth = 0; nth < SEARCHES; nth += 1) {
    const began = performance.now();
    const found = await database.reconcile.dueDeployments(Date.now(), 500);
    took.push(performance.now() - began);
    if (found.length !== DUE) throw new Error(`${found.length} networks were found to be due, not ${DUE}.`);
  }
  return Math.min(...took);
}

async function untilNothingIsDue(client: pg.Client): Promise<void> {
  const end = Date.now() + LIMIT_MS;
  for (;;) {
    const { rowCount } = await client.query({
      name: 'due',
      text: 'SELECT FROM peering_connections WHERE due_at <= $1 LIMIT 1',
      values: [new Date()],
    });
    if (rowCount === 0) return;
    if (Date.now() > end) throw new Error('Not every connection was looked at in time.');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** What a process holds of the machine's memory, as Linux counts it. */
async function megabytesOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kilobytes === undefined) throw new Error('Only Linux says how much memory a process holds.');
  return Number(kilobytes) / 1_024;
}
