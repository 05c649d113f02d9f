/** An API on a database of its own, with tenants, keys and deployments in it: for the specs of the API alone. */
import {
  apiKeys,
  deployments,
  openDatabase,
  peerings,
  platformAccounts,
  projects,
  tenants,
  type Database,
  type DeploymentRecord,
  type NewDeployment,
  type PeeringChanges,
  type PeeringRecord,
  type Role,
} from '#database';
import { migrateQueues, openQueues, type Consumer, type Queues } from '#queues';
import { createLogger, CredentialCipher, hashSecret, loadConfig, newSecret, type Config } from '#runtime';

import { createApi, type Api } from '../../apps/api/src/create-api.js';
import type { ProblemView } from '../../apps/api/src/http/problem.view.js';
import type { PeeringView } from '../../apps/api/src/peerings/peering.view.js';
import { brokerEnvironment, ShiftedClock } from './broker.js';
import { DocumentedAnswers } from './documented-answers.js';
import { eventually } from './eventually.js';
import { createTestDatabase } from './postgres.js';
import { placeInPostgres } from './queue-places.js';

/** A key as its owner knows it. */
export interface Key {
  readonly keyId: string;
  readonly secret: string;
}

/** A tenant with two projects, and a deployment on AWS in the first. */
export interface StagedTenant {
  readonly id: string;
  readonly projectId: string;
  readonly otherProjectId: string;
  readonly deploymentId: string;
  readonly administrator: Key;
}

/** What the API answered; `body` is null where it has none. */
export interface Answered<Body = ProblemView> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

export interface RequestOptions {
  /** Null: without a key. */
  readonly key?: Key | null;
  readonly body?: unknown;
  /** Sent as it is, in place of `body`. */
  readonly raw?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** What a customer on AWS declares; each call names another VPC and request. */
export function awsSpec(changes: { readonly cloud?: object; readonly cidrs?: readonly string[] } = {}) {
  serial += 1;
  const suffix = serial.toString(16).padStart(17, '0');
  return {
    cloud: {
      kind: 'aws',
      connectionId: `pcx-${suffix}`,
      accountId: '210987654321',
      vpcId: `vpc-${suffix}`,
      ...changes.cloud,
    },
    ...(changes.cidrs === undefined ? {} : { cidrs: changes.cidrs }),
  };
}

let serial = 0;

export class ApiStage {
  private readonly woken = new Set<string>();
  private consumer: Promise<Consumer> | null = null;

  private constructor(
    readonly api: Api,
    readonly database: Database,
    readonly databaseUrl: string,
    readonly queues: Queues,
    readonly config: Config,
    /** The API's clock. */
    readonly clock: ShiftedClock,
    /** Lines of the API's log, from `info` on. */
    readonly log: readonly string[],
    readonly operator: Key,
    readonly accountId: string,
    private readonly documented: DocumentedAnswers,
    private readonly drop: () => Promise<void>,
  ) {}

  /** @param options `queues`: others than those of the stage's own database */
  static async open(options: { readonly queues?: Queues } = {}): Promise<ApiStage> {
    const testDatabase = await createTestDatabase();
    const { url } = testDatabase;
    await migrateQueues(url);
    const place = placeInPostgres(url);
    const env = { ...brokerEnvironment(url, place), HOST: '127.0.0.1', API_PORT: '0', LOG_LEVEL: 'info' };
    const config = loadConfig(env);
    const database = await openDatabase({ url, poolSize: 12, applicationName: 'api-test' });
    const queues = options.queues ?? openQueues(place.location, () => undefined);
    const clock = new ShiftedClock();
    const log: string[] = [];
    const destination = { write: (line: string) => void log.push(line) };
    const logger = createLogger({ name: 'api', level: config.logLevel, destination });
    const api = await createApi({ database, queues, config, logger, clock });
    const cipher = CredentialCipher.fromKeys(config.encryptionKeys);
    const seeded = await database.asOperator(async (scope) => {
      const account = await platformAccounts.create(scope, {
        cloud: 'aws',
        accountId: '123456789012',
        displayName: 'Platform',
        credentials: cipher.encrypt({ kind: 'static', accessKeyId: 'AKIATEST', secretAccessKey: 'made-up' }),
        credentialsKind: 'static',
        endpoints: {},
      });
      return { operator: await makeKey(scope, null, 'operator', null), accountId: account.id };
    });
    return new ApiStage(
      api,
      database,
      url,
      queues,
      config,
      clock,
      log,
      seeded.operator,
      seeded.accountId,
      await DocumentedAnswers.load(),
      () => testDatabase.drop(),
    );
  }

  /** Resolves once the worker has been woken for a deployment: this takes its jobs in the worker's place. */
  async untilWoken(deploymentId: string): Promise<void> {
    this.consumer ??= this.queues.startConsumer(
      {
        reconcile: (job) => {
          this.woken.add(job.deploymentId);
          return Promise.resolve();
        },
      },
      { concurrency: 1 },
    );
    await this.consumer;
    await eventually(`${deploymentId} is woken`, () => this.woken.has(deploymentId));
  }

  async close(): Promise<void> {
    await (await this.consumer)?.close(1_000);
    await this.api.close();
    await this.queues.close();
    await this.database.close();
    await this.drop();
  }

  async tenant(name = 'Tenant'): Promise<StagedTenant> {
    const tenant = await this.database.asOperator(async (scope) => {
      const { id } = await tenants.create(scope, { name });
      const project = await projects.create(scope, { tenantId: id, name: 'first' });
      const other = await projects.create(scope, { tenantId: id, name: 'second' });
      const administrator = await makeKey(scope, id, 'administrator', null);
      return { id, projectId: project.id, otherProjectId: other.id, administrator };
    });
    const { id: deploymentId } = await this.deployment(tenant);
    return { ...tenant, deploymentId };
  }

  key(
    tenantId: string | null,
    role: Role,
    projectIds: readonly string[] | null = null,
    expiresAt: number | null = null,
  ): Promise<Key> {
    return this.database.asOperator((scope) => makeKey(scope, tenantId, role, projectIds, expiresAt));
  }

  deployment(
    tenant: Pick<StagedTenant, 'id' | 'projectId'>,
    changes: Partial<NewDeployment> = {},
  ): Promise<DeploymentRecord> {
    serial += 1;
    return this.database.asOperator((scope) =>
      deployments.create(scope, {
        tenantId: tenant.id,
        projectId: tenant.projectId,
        name: `deployment ${String(serial)}`,
        cloud: 'aws',
        region: 'eu-central-1',
        edition: 'dedicated_professional',
        platformAccountId: this.accountId,
        vpcId: `vpc-${serial.toString(16).padStart(17, 'a')}`,
        cidrs: ['10.11.0.0/16'],
        ...changes,
      }),
    );
  }

  /** A connection that a customer has made through the API. */
  async peering(tenant: StagedTenant, body: object = {}): Promise<PeeringView> {
    const path = `/v1/deployments/${tenant.deploymentId}/peerings`;
    const made = await this.post<PeeringView>(path, {
      key: tenant.administrator,
      body: { spec: awsSpec(), ...body },
    });
    if (made.status !== 202) throw new Error(`It was not made: ${JSON.stringify(made.body)}`);
    return made.body;
  }

  /** What the worker does: writes what it has seen. */
  async write(
    id: string,
    change: (before: PeeringRecord) => PeeringChanges | Promise<PeeringChanges>,
  ): Promise<PeeringRecord> {
    return this.database.asOperator(async (scope) => {
      const before = await peerings.getForUpdate(scope, id);
      if (before === null) throw new Error(`There is no ${id}.`);
      return peerings.change(scope, before, await change(before), this.clock.now());
    });
  }

  /** Puts a connection into a state, as the worker would have left it there. */
  async place(id: string, status: Partial<PeeringRecord['status']>): Promise<PeeringRecord> {
    return this.write(id, (before) => ({ status: { ...before.status, ...status } }));
  }

  read(id: string): Promise<PeeringRecord | null> {
    return this.database.asOperator((scope) => peerings.get(scope, id));
  }

  get<Body = ProblemView>(path: string, options: RequestOptions = {}): Promise<Answered<Body>> {
    return this.request('GET', path, options);
  }

  post<Body = ProblemView>(path: string, options: RequestOptions = {}): Promise<Answered<Body>> {
    return this.request('POST', path, options);
  }

  patch<Body = ProblemView>(path: string, options: RequestOptions = {}): Promise<Answered<Body>> {
    return this.request('PATCH', path, options);
  }

  delete<Body = ProblemView>(path: string, options: RequestOptions = {}): Promise<Answered<Body>> {
    return this.request('DELETE', path, options);
  }

  /** @typeParam Body what the answer is known to be: a problem, unless the caller says otherwise */
  async request<Body = ProblemView>(
    method: string,
    path: string,
    options: RequestOptions = {},
  ): Promise<Answered<Body>> {
    const { key = null, body, raw, headers, signal } = options;
    const response = await fetch(this.api.url + path, {
      method,
      headers: {
        ...(key === null ? {} : { authorization: basic(key) }),
        ...(body === undefined && raw === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(raw === undefined ? {} : { body: raw }),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') ?? false;
    let answered: unknown = text === '' ? null : text;
    if (isJson) answered = JSON.parse(text);
    const contentType = response.headers.get('content-type') ?? '';
    this.documented.check(method, path, response.status, contentType, answered);
    return { status: response.status, headers: response.headers, body: answered as Body };
  }
}

/** HTTP Basic with a key. */
export function basic({ keyId, secret }: Key): string {
  return `Basic ${Buffer.from(`${keyId}:${secret}`).toString('base64')}`;
}

async function makeKey(
  scope: Parameters<typeof apiKeys.create>[0],
  tenantId: string | null,
  role: Role,
  projectIds: readonly string[] | null,
  expiresAt: number | null = null,
): Promise<Key> {
  const secret = newSecret();
  const secretHash = hashSecret(secret);
  const key = { tenantId, role, projectIds, displayName: '', secretHash, expiresAt };
  const { id } = await apiKeys.create(scope, key);
  return { keyId: id, secret };
}
