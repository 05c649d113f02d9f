/** A whole broker of a test's own: database, queues, simulators and workers in this process, with a tenant in it. */
import { connectors } from '#clouds';
import {
  apiKeys,
  openDatabase,
  platformAccounts,
  projects,
  tenants,
  type Database,
  type PlatformAccountRecord,
  type ProjectRecord,
  type TenantRecord,
} from '#database';
import { CLOUD_IDS, type EngineSettings } from '#domain';
import { migrateQueues, openQueues, type Queues } from '#queues';
import {
  createLogger,
  CredentialCipher,
  hashSecret,
  loadConfig,
  newSecret,
  type Clock,
  type Config,
} from '#runtime';

import { createApi, type Api } from '../../apps/api/src/create-api.js';
import { startWorker, type RunningWorker } from '../../apps/worker/src/start-worker.js';
import { createTestDatabase } from './postgres.js';
import { placeInPostgres, queuesInRedis, type QueuePlace } from './queue-places.js';
import { startSimulatedAws, type SimulatedAws } from './simulated-aws.js';

export interface BrokerOptions {
  /** PostgreSQL when absent. */
  readonly queues?: 'postgres' | 'redis';
  /** How many workers are started; one when absent. */
  readonly workers?: number;
  /** Times of the rules that are not as in production. */
  readonly engine?: Partial<EngineSettings>;
  /** Variables of the environment that are not as usual. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The machine's clock, with what the test adds to it: for waits that no test has the time for. */
export class ShiftedClock implements Clock {
  #shiftMs = 0;

  now(): number {
    return Date.now() + this.#shiftMs;
  }

  advance(ms: number): void {
    this.#shiftMs += ms;
  }
}

/** What the API answered; `body` is null where it has none. */
export interface ApiAnswer<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

/** Calls the API with a key. */
export type ApiCaller = <Body = Record<string, unknown>>(
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<ApiAnswer<Body>>;

export interface Broker {
  readonly database: Database;
  readonly databaseUrl: string;
  readonly queues: Queues;
  readonly queuePlace: Omit<QueuePlace, 'remove'>;
  readonly config: Config;
  /** The workers' clock. */
  readonly clock: ShiftedClock;
  readonly aws: SimulatedAws;
  readonly tenant: TenantRecord;
  readonly project: ProjectRecord;
  /** The platform's account in the simulated AWS. */
  readonly account: PlatformAccountRecord;
  readonly cipher: CredentialCipher;
  /** What the workers have logged, as far as it is a warning or worse. */
  readonly troubles: readonly { readonly level: string; readonly msg: string }[];
  /** Starts the API in this process; what it answers to, as an administrator of the tenant or as an operator. */
  startApi(): Promise<{ readonly url: string; readonly customer: ApiCaller; readonly operator: ApiCaller }>;
  /** Starts one more worker in this process. */
  startWorker(): Promise<RunningWorker>;
  workersRunning(): number;
  stopWorkers(): Promise<void>;
  close(): Promise<void>;
}

/** Shorter than in production where a test would otherwise have to wait. */
const QUICK: Partial<EngineSettings> = { missingConfirmMs: 300, requestVisibleWithinMs: 1_500 };

/** The environment of every process of a test's broker. */
export function brokerEnvironment(databaseUrl: string, queuePlace: Pick<QueuePlace, 'location'>) {
  return {
    DATABASE_URL: databaseUrl,
    ...('redisUrl' in queuePlace.location ? { REDIS_URL: queuePlace.location.redisUrl } : {}),
    ENCRYPTION_KEYS: `test:${Buffer.alloc(32, 7).toString('base64')}`,
    LOG_LEVEL: 'warn',
    SWEEP_INTERVAL_MS: '200',
    LEASE_SECONDS: '3',
    CLOUD_CALL_TIMEOUT_MS: '2000',
    // Clocks stand still in many tests, and the pace of calls with them: it is tested where it matters.
    CLOUD_CALLS_PER_SECOND: CLOUD_IDS.map((cloud) => `${cloud}=1000000`).join(','),
    // Searches for leavings would be calls that a test of something else has not asked for.
    ORPHAN_CHECK_SECONDS: '0',
    HOST: '127.0.0.1',
    API_PORT: '0',
  };
}

export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const testDatabase = await createTestDatabase();
  const databaseUrl = testDatabase.url;
  await migrateQueues(databaseUrl);
  const redis = options.queues === 'redis' ? await queuesInRedis() : null;
  const queuePlace = redis ?? placeInPostgres(databaseUrl);
  const config = configOf(databaseUrl, queuePlace, options);
  const database = await openDatabase({ url: databaseUrl, poolSize: 12, applicationName: 'test' });
  const queues = openQueues(queuePlace.location, () => undefined);
  const aws = await startSimulatedAws();
  aws.simulators.clock.resume();
  const clock = new ShiftedClock();
  const cipher = CredentialCipher.fromKeys(config.encryptionKeys);
  const troubles: { level: string; msg: string }[] = [];
  const destination = {
    write: (line: string) => void troubles.push(JSON.parse(line) as { level: string; msg: string }),
  };
  const logger = createLogger({ name: 'worker', level: config.logLevel, destination });
  const workers: RunningWorker[] = [];
  const apis: Api[] = [];

  const seeded = await database.asOperator(async (scope) => {
    const tenant = await tenants.create(scope, { name: 'Tenant' });
    const project = await projects.create(scope, { tenantId: tenant.id, name: 'Project' });
    const { accountId, accessKeyId, secretAccessKey } = aws.platform;
    const account = await platformAccounts.create(scope, {
      cloud: 'aws',
      accountId,
      displayName: 'Simulated',
      credentials: cipher.encrypt({ kind: 'static', accessKeyId, secretAccessKey }),
      credentialsKind: 'static',
      endpoints: { ec2: aws.endpoint, sts: aws.endpoint },
    });
    return { tenant, project, account };
  });

  const broker: Broker = {
    ...seeded,
    database,
    databaseUrl,
    queues,
    queuePlace,
    config,
    clock,
    aws,
    cipher,
    troubles,
    startApi: async () => {
      const api = await createApi({ database, queues, config, logger, clock });
      apis.push(api);
      const [customer, operator] = await Promise.all([
        callerWithKey(broker, api.url, seeded.tenant.id),
        callerWithKey(broker, api.url, null),
      ]);
      return { url: api.url, customer, operator };
    },
    startWorker: async () => {
      const worker = await startWorker({ database, queues, config, logger, clock, connectors });
      workers.push(worker);
      return worker;
    },
    workersRunning: () => workers.length,
    stopWorkers: async () => {
      await Promise.all(workers.splice(0).map((worker) => worker.close()));
    },
    close: async () => {
      await Promise.all(apis.map((api) => api.close()));
      await broker.stopWorkers();
      await queues.close();
      await database.close();
      await aws.close();
      await redis?.remove();
      await testDatabase.drop();
    },
  };
  for (let started = 0; started < (options.workers ?? 1); started += 1) await broker.startWorker();
  return broker;
}

/** What the requests of a new key carry: an administrator's of a tenant, or with none an operator's. */
export async function keyedAuthorization(
  { database }: Pick<Broker, 'database'>,
  tenantId: string | null,
): Promise<string> {
  const secret = newSecret();
  const key = await database.asOperator((scope) =>
    apiKeys.create(scope, {
      tenantId,
      role: tenantId === null ? 'operator' : 'administrator',
      projectIds: null,
      displayName: 'test',
      secretHash: hashSecret(secret),
    }),
  );
  return `Basic ${Buffer.from(`${key.id}:${secret}`).toString('base64')}`;
}

/** A caller with a new key of its own. */
export async function callerWithKey(
  broker: Pick<Broker, 'database'>,
  url: string,
  tenantId: string | null,
): Promise<ApiCaller> {
  const authorization = await keyedAuthorization(broker, tenantId);
  return async (method, path, body, headers) => {
    const content = { authorization, 'content-type': 'application/json', ...headers };
    const init =
      body === undefined
        ? { method, headers: { authorization, ...headers } }
        : { method, headers: content, body: JSON.stringify(body) };
    const response = await fetch(`${url}${path}`, init);
    const text = await response.text();
    const answered = (text === '' ? null : JSON.parse(text)) as never;
    return { status: response.status, headers: response.headers, body: answered };
  };
}

function configOf(
  databaseUrl: string,
  queuePlace: Omit<QueuePlace, 'remove'>,
  { engine, env }: BrokerOptions,
): Config {
  const config = loadConfig({ ...brokerEnvironment(databaseUrl, queuePlace), ...env });
  return { ...config, engine: { ...config.engine, ...QUICK, ...engine } };
}
