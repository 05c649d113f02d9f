/**
 * Requests a second of the API, against a bare Fastify and `pg` server that does the same SQL: creating a connection,
 * and reading a page of fifty. The two take turns on one PostgreSQL, each in a process of its own.
 */
import { randomBytes } from 'node:crypto';

import autocannon from 'autocannon';

import { CredentialCipher } from '#runtime';

import { seedTenant, startBenchDatabase } from './bench-database.js';
import { startProgram, type RunningProgram } from './child-process.js';
import { freePort, newEncryptionKeys } from './environment.js';
import { median, type Measurement } from './report.js';

const ROUNDS = 5;
const SECONDS = 3;
const CONNECTIONS = 16;
const PAGE = 50;
/** Rows of one deployment; more of them would only measure how PostgreSQL counts. */
const DEPLOYMENTS = 40;

/** One of the two servers. */
interface Target {
  readonly base: string;
  readonly headers: Readonly<Record<string, string>>;
}

export async function benchHttp(): Promise<Measurement[]> {
  const database = await startBenchDatabase();
  const programs: RunningProgram[] = [];
  try {
    const keys = newEncryptionKeys();
    const account = {
      cloud: 'aws',
      accountId: '123456789012',
      accessKeyId: 'unused',
      secretAccessKey: 'unused',
      endpoints: {},
    } as const;
    const vpcs = Array.from({ length: DEPLOYMENTS }, (_, index) => ({
      id: `vpc-${index.toString(16).padStart(8, '0')}`,
      cidr: '10.11.0.0/16',
    }));
    const tenant = await seedTenant(
      database.url,
      CredentialCipher.fromKeys(keys),
      account,
      'eu-west-1',
      vpcs,
    );
    const [apiPort, floorPort] = [await freePort(), await freePort()];
    const api = `http://127.0.0.1:${apiPort}`;
    const floor = `http://127.0.0.1:${floorPort}`;
    programs.push(
      await startProgram(
        'apps/api/src/main.js',
        {
          DATABASE_URL: database.url,
          ENCRYPTION_KEYS: keys,
          HOST: '127.0.0.1',
          API_PORT: String(apiPort),
          LOG_LEVEL: 'warn',
        },
        `${api}/readyz`,
      ),
      await startProgram(
        'bench/floor-server.js',
        { DATABASE_URL: database.url, FLOOR_PORT: String(floorPort), FLOOR_TENANT: tenant.tenantId },
        `${floor}/healthz`,
      ),
    );
    const targets: Record<'ours' | 'floor', Target> = {
      ours: { base: `${api}/v1`, headers: { authorization: tenant.authorization } },
      floor: { base: floor, headers: {} },
    };
    return [
      await compare('POST of a connection', targets, (target) => posts(target, tenant.deploymentIds)),
      await compare(`GET of a page of ${PAGE}`, targets, (target) => pages(target, tenant.deploymentIds)),
    ];
  } finally {
    for (const program of programs.reverse()) await program.stop();
    await database.stop();
  }
}

async function compare(
  name: string,
  targets: Record<'ours' | 'floor', Target>,
  load: (target: Target) => Promise<number>,
): Promise<Measurement> {
  const rates = { ours: [] as number[], floor: [] as number[] };
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const side of ['ours', 'floor'] as const) {
      const rate = await load(targets[side]);
      // The first round warms both up.
      if (round > 0) rates[side].push(rate);
    }
  }
  const [ours, floor] = [median(rates.ours), median(rates.floor)];
  const ratio = ours / floor;
  return {
    name,
    ours: `${ours.toFixed(0)}/s`,
    floor: `${floor.toFixed(0)}/s`,
    ratio,
    aim: { text: '>= 0.6', met: ratio >= 0.6 },
  };
}

/** Numbers never used twice: each becomes a block of its own in each deployment. */
let serial = 0;

function posts({ base, headers }: Target, deploymentIds: readonly string[]): Promise<number> {
  return run({
    url: base,
    requests: [
      {
        method: 'POST',
        setupRequest: (request) => {
          const nth = (serial += 1);
          const deploymentId = deploymentIds[nth % deploymentIds.length] ?? '';
          const slot = Math.floor(nth / deploymentIds.length);
          const id = randomBytes(8).toString('hex');
          return {
            ...request,
            path: `${new URL(base).pathname.replace(/\/$/, '')}/deployments/${deploymentId}/peerings`,
            headers: { ...headers, 'content-type': 'application/json' },
            body: JSON.stringify({
              displayName: `bench ${nth}`,
              spec: {
                cloud: {
                  kind: 'aws',
                  connectionId: `pcx-${id}`,
                  accountId: '210987654321',
                  vpcId: `vpc-${id}`,
                },
                cidrs: [`172.${16 + (slot >> 12)}.${(slot >> 4) & 255}.${(slot & 15) << 4}/28`],
              },
            }),
          };
        },
      },
    ],
  });
}

function pages({ base, headers }: Target, [deploymentId = '']: readonly string[]): Promise<number> {
  return run({
    url: `${base}/deployments/${deploymentId}/peerings?limit=${PAGE}`,
    headers: { ...headers },
  });
}

/** @throws Error when any answer is not a success: a fast refusal is no result */
async function run(options: autocannon.Options): Promise<number> {
  const result = await autocannon({ connections: CONNECTIONS, duration: SECONDS, ...options });
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(
      `${result.non2xx} answers were no success and ${result.errors} requests failed at ${result.url}`,
    );
  }
  return result['2xx'] / result.duration;
}
