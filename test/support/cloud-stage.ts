/**
 * A whole broker before one simulated cloud, as its customers and operators meet it: everything that is asked of it goes
 * over HTTP, everything that the customer does in the cloud over the cloud's own protocol. Broker and cloud have one
 * clock, which stands still unless it is moved, so that times can be told exactly.
 */
import { expect } from '@jest/globals';
import { connectors } from '#clouds';
import { openDatabase, type Database } from '#database';
import {
  isRetryable,
  profileOf,
  type Capabilities,
  type CloudSpec,
  type NetworkRef,
  type PeeringState,
  type ReasonCode,
} from '#domain';
import { migrateQueues, openQueues, type Queues } from '#queues';
import { createLogger, loadConfig, type Clock, type Config, type Logger } from '#runtime';

import { createApi } from '../../apps/api/src/create-api.js';
import type { ProblemView } from '../../apps/api/src/http/problem.view.js';
import type { PeeringView } from '../../apps/api/src/peerings/peering.view.js';
import type { LoggedCall } from '../../apps/cloud-sim/src/call-log.js';
import type { Fault, FaultRule } from '../../apps/cloud-sim/src/faults.js';
import { startWorker, type RunningWorker } from '../../apps/worker/src/start-worker.js';
import type { CloudHarness, CustomerRequest } from '../contract/cloud-harness.js';
import { brokerEnvironment, callerWithKey, type ApiAnswer, type ApiCaller } from './broker.js';
import type { Holdings, StagedCloud } from './cloud-stage-table.js';
import { eventually } from './eventually.js';
import { createTestDatabase } from './postgres.js';
import { placeInPostgres, queuesInRedis, type QueuePlace } from './queue-places.js';

export interface StageOptions {
  /** Variables of the environment that are not as in production. */
  readonly env?: Readonly<Record<string, string>>;
  /** PostgreSQL when absent. */
  readonly queues?: 'postgres' | 'redis';
  /** Whether time passes as it does outside; it stands still when absent. */
  readonly timePasses?: boolean;
}

/** A deployment as its customer knows it, with its network in the cloud. */
export interface StagedDeployment {
  readonly id: string;
  readonly network: NetworkRef;
  readonly cidr: string;
}

/** What a customer declares of a connection. */
export interface Declaration {
  readonly cloud: CloudSpec;
  readonly cidrs?: readonly string[];
}

/** A connection that was declared, with what it is about. */
export interface StagedConnection {
  readonly id: string;
  readonly deployment: StagedDeployment;
  readonly request: CustomerRequest;
}

export const PLATFORM_CIDR = '10.128.0.0/16';
export const CUSTOMER_CIDR = '172.16.0.0/16';

/** Longer than any move of the clock, which would otherwise take the lease from whoever is at work. */
const LEASE_MS = 20 * 86_400_000;

export class CloudStage<H extends CloudHarness = CloudHarness> {
  readonly capabilities: Capabilities;
  readonly clock: Clock;
  /** What API and worker have logged as a warning or worse. */
  readonly troubles: { readonly level: string; readonly msg: string }[] = [];
  /** The deployment of each connection that a test has declared. */
  readonly #declared = new Map<string, string>();
  readonly #workers: RunningWorker[] = [];
  readonly #logger: Logger;
  #operator: ApiCaller;
  #customer: ApiCaller;
  #owners: { readonly tenantId: string; readonly projectId: string; readonly platformAccountId: string };
  #usualSettings: unknown;
  #deployments = 0;

  private constructor(
    readonly subject: StagedCloud<H>,
    readonly harness: H,
    private readonly config: Config,
    private readonly database: Database,
    private readonly queues: Queues,
    private readonly queuePlace: Omit<QueuePlace, 'remove'>,
    private readonly stops: (() => Promise<unknown>)[],
  ) {
    this.capabilities = profileOf(subject.cloud).capabilities;
    this.clock = { now: () => harness.simulators.clock.now() };
    this.#logger = createLogger({
      name: 'stage',
      level: 'warn',
      destination: { write: (line: string) => void this.troubles.push(JSON.parse(line) as never) },
    });
  }

  /** Starts the cloud, the broker with one worker, and makes what an operator makes before the first deployment. */
  static async open<H extends CloudHarness>(
    subject: StagedCloud<H>,
    options: StageOptions = {},
  ): Promise<CloudStage<H>> {
    const stops: (() => Promise<unknown>)[] = [];
    try {
      return await CloudStage.#set(subject, options, stops);
    } catch (error) {
      for (const stop of stops.reverse()) await stop();
      throw error;
    }
  }

  static async #set<H extends CloudHarness>(
    subject: StagedCloud<H>,
    { env, queues: queuesIn, timePasses = false }: StageOptions,
    stops: (() => Promise<unknown>)[],
  ): Promise<CloudStage<H>> {
    const harness = await subject.contract.start();
    stops.push(() => harness.close());
    harness.reset();
    if (timePasses) harness.simulators.clock.resume();
    const testDatabase = await createTestDatabase();
    stops.push(() => testDatabase.drop());
    const { url } = testDatabase;
    await migrateQueues(url);
    const redis = queuesIn === 'redis' ? await queuesInRedis() : null;
    if (redis) stops.push(() => redis.remove());
    const queuePlace = redis ?? placeInPostgres(url);
    const loaded = loadConfig({ ...brokerEnvironment(url, queuePlace), ...env });
    const config = { ...loaded, worker: { ...loaded.worker, leaseMs: LEASE_MS } };
    const database = await openDatabase({ url, poolSize: 12, applicationName: 'stage' });
    stops.push(() => database.close());
    const queues = openQueues(queuePlace.location, () => undefined);
    stops.push(() => queues.close());
    const stage = new CloudStage(subject, harness, config, database, queues, queuePlace, stops);
    await stage.#prepare();
    return stage;
  }

  async #prepare(): Promise<void> {
    const { clock, config, database, queues } = this;
    const logger = this.#logger;
    const api = await createApi({ database, queues, config, logger, clock });
    this.stops.push(
      () => api.close(),
      () => this.stopWorkers(),
    );
    this.#operator = await callerWithKey({ database }, api.url, null);
    const { id: tenantId } = await this.#make('tenants', { name: 'Customer' });
    const { id: projectId } = await this.#make('projects', { tenantId, name: 'Project' });
    const { accountId, credentials, endpoints } = this.harness.options();
    const account = { cloud: this.subject.cloud, accountId, credentials, endpoints };
    const { id: platformAccountId } = await this.#make('platform-accounts', account);
    this.#owners = { tenantId, projectId, platformAccountId };
    this.#customer = await callerWithKey({ database }, api.url, tenantId);
    this.#usualSettings = await this.control('settings', this.subject.settings);
    await this.startWorker();
  }

  /**
   * Takes what a test has made out of the broker's sight, and mends the cloud. Fails when the broker has logged an error:
   * whatever a cloud or a customer does is none of its own.
   */
  async clear(): Promise<void> {
    expect(this.troubles.filter(({ level }) => level !== 'warn')).toEqual([]);
    const ids = [...this.#declared.keys()];
    this.#declared.clear();
    await Promise.all(ids.map((id) => this.#asOperator('POST', `peerings/${id}/forget`, { confirm: id })));
    this.harness.simulators.faults.clear();
    await this.settings(this.#usualSettings);
    this.harness.simulators.cloud(this.subject.cloud).calls.clear();
    if (this.#workers.length === 0) await this.startWorker();
  }

  async close(): Promise<void> {
    for (const stop of this.stops.splice(0).reverse()) await stop();
  }

  // ---- the broker's processes --------------------------------------------------------------------------------------

  async startWorker(): Promise<void> {
    const { clock, config, database, queues } = this;
    this.#workers.push(
      await startWorker({ database, queues, config, logger: this.#logger, clock, connectors }),
    );
  }

  /** Where the first worker shows what it measures; only where `WORKER_PORT` is set. */
  workerUrl(): string {
    return this.#workers[0]?.url ?? '';
  }

  async stopWorkers(): Promise<void> {
    await Promise.all(this.#workers.splice(0).map((worker) => worker.close()));
  }

  /** Loses every wake-up call. */
  flushQueue(): Promise<void> {
    return this.queuePlace.flush();
  }

  /**
   * What a worker leaves that is killed while it makes a change of the account: its turn lasts for so long.
   * @returns until when, in epoch milliseconds
   */
  leaveTurnTaken(ms: number): Promise<number> {
    const key = `account ${this.#owners.platformAccountId}`;
    return eventually('the turn is had', async () => {
      const turn = await this.database.writeTurns.take(key, 'killed', this.now(), ms);
      return turn?.until;
    });
  }

  // ---- time --------------------------------------------------------------------------------------------------------

  /** Epoch milliseconds of the broker and of the cloud. */
  now(): number {
    return this.clock.now();
  }

  /**
   * Moves time on, for the broker and the cloud at once. Delayed wake-up calls are timers of the machine, which know
   * nothing of a moved clock: the deployments are woken in their place, unless that is left to the sweep.
   */
  advance(ms: number, { wakes = true }: { readonly wakes?: boolean } = {}): void {
    this.harness.simulators.clock.advance(ms);
    if (wakes) void this.queues.wakeMany([...new Set(this.#declared.values())]);
  }

  // ---- what people ask of the broker -------------------------------------------------------------------------------

  /** A request of the customer; the answer is a problem unless the caller knows better. */
  ask<Body = ProblemView>(method: string, path: string, body?: unknown): Promise<ApiAnswer<Body>> {
    return this.#customer(method, `/v1/${path}`, body);
  }

  /** A request of an operator; the answer is a problem unless the caller knows better. */
  operate<Body = ProblemView>(method: string, path: string, body?: unknown): Promise<ApiAnswer<Body>> {
    return this.#operator(method, `/admin/v1/${path}`, body);
  }

  /** A deployment with a network of its own, or in one that is there already. */
  async deploy(cidr = PLATFORM_CIDR, existing?: NetworkRef): Promise<StagedDeployment> {
    const network = existing ?? (await this.harness.createNetwork(cidr));
    this.#deployments += 1;
    const { id } = await this.#make('deployments', {
      ...this.#owners,
      name: `deployment ${this.#deployments}`,
      cloud: this.subject.cloud,
      region: network.region,
      edition: 'dedicated_professional',
      vpc: { id: network.vpcId, cidrs: [cidr] },
    });
    return { id, network, cidr };
  }

  /** Takes a deployment off the books, where the broker lets an operator do that. */
  async undeploy({ id }: Pick<StagedDeployment, 'id'>): Promise<ApiAnswer<ProblemView>> {
    const answer = await this.operate('DELETE', `deployments/${id}`);
    if (answer.status !== 204) return answer;
    for (const [peering, deployment] of this.#declared) if (deployment === id) this.#declared.delete(peering);
    return answer;
  }

  /** Asks for a connection. */
  async post<Body = ProblemView>(
    { id }: StagedDeployment,
    spec: Declaration,
    displayName = '',
  ): Promise<ApiAnswer<Body>> {
    const answer = await this.ask<Body>('POST', `deployments/${id}/peerings`, { displayName, spec });
    if (answer.status === 202) this.#declared.set((answer.body as PeeringView).id, id);
    return answer;
  }

  /** Asks for a connection that is taken; its id. */
  async declare(deployment: StagedDeployment, spec: Declaration): Promise<string> {
    const { status, body } = await this.post<PeeringView>(deployment, spec);
    expect({ status, body }).toMatchObject({ status: 202 });
    return body.id;
  }

  async delete(id: string): Promise<PeeringView> {
    const { status, body } = await this.ask<PeeringView>('DELETE', `peerings/${id}`);
    expect({ status, body }).toMatchObject({ status: 202 });
    expect(['deleting', 'deleted']).toContain(body.status.state);
    return body;
  }

  /** The connection as GET shows it. */
  async read(id: string): Promise<PeeringView> {
    const { status, body } = await this.ask<PeeringView>('GET', `peerings/${id}`);
    if (status !== 200) throw new Error(`GET of ${id} was answered with ${JSON.stringify(body)}`);
    return body;
  }

  /** Waits until a connection is in a state, and at rest there where the state is an end. */
  until(id: string, state: PeeringState): Promise<PeeringView> {
    const isEnd = isRetryable(state) || state === 'deleted';
    return this.#untilShown(
      id,
      state,
      ({ status }) => status.state === state && (!isEnd || status.nextCheckAt === null),
    );
  }

  /** Waits until this is why a connection is where it is. */
  untilReason(id: string, code: ReasonCode): Promise<PeeringView> {
    return this.#untilShown(id, code, ({ status }) => status.reason.code === code);
  }

  /** Whenever the broker waits for its next look, time is moved there. */
  async #untilShown(
    id: string,
    what: string,
    isAwaited: (shown: PeeringView) => boolean,
  ): Promise<PeeringView> {
    let latest: PeeringView | null = null;
    const look = async (): Promise<PeeringView | false> => {
      latest = await this.read(id);
      if (isAwaited(latest)) return latest;
      const { nextCheckAt } = latest.status;
      if (nextCheckAt === null) throw new Error('It rests.');
      const leftMs = Date.parse(nextCheckAt) - this.now();
      if (leftMs > 0) this.advance(leftMs);
      return false;
    };
    try {
      return await eventually(`${id} is ${what}`, look);
    } catch (error) {
      const seen = JSON.stringify({ latest, troubles: this.troubles.slice(-10) }, null, 1);
      throw new Error(`${id} is not ${what}. ${(error as Error).message} ${seen}`, { cause: error });
    }
  }

  // ---- what happens in the cloud -----------------------------------------------------------------------------------

  /** The customer's part of a new connection. */
  request({ network }: StagedDeployment, cidr = CUSTOMER_CIDR): Promise<CustomerRequest> {
    return this.harness.createRequest(network, cidr);
  }

  /** A connection that the customer has asked for and declared, and, where the platform asks, has yet to approve. */
  async begin(cidr = CUSTOMER_CIDR, deployment?: StagedDeployment): Promise<StagedConnection> {
    const at = deployment ?? (await this.deploy());
    const request = await this.request(at, cidr);
    const id = await this.declare(at, this.subject.declare(request));
    return { id, deployment: at, request };
  }

  /** The customer approves, where it is theirs to do. */
  async approve({ id, request }: StagedConnection): Promise<void> {
    const { answer } = this.harness;
    if (answer === undefined) return;
    await this.until(id, 'awaiting_approval');
    await answer.approve(request);
  }

  /** A connection that runs. */
  async connect(cidr = CUSTOMER_CIDR, deployment?: StagedDeployment): Promise<StagedConnection> {
    const connection = await this.begin(cidr, deployment);
    await this.approve(connection);
    await this.until(connection.id, 'running');
    return connection;
  }

  /** What the cloud's books hold of a platform network. */
  async holdings({ network }: StagedDeployment): Promise<Holdings> {
    const books = await this.#simulator('GET', 'books');
    return this.subject.holdings(books as never, network.vpcId);
  }

  /** When a network is searched next for what was left behind there, in epoch milliseconds. */
  async nextSearch({ id }: Pick<StagedDeployment, 'id'>): Promise<number> {
    return (await this.database.orphans.check(id))!.dueAt;
  }

  /** Makes the cloud misbehave towards the platform, until told otherwise or as often as the rule says. */
  fault(rule: Omit<FaultRule, 'cloud' | 'accountId'>): Fault {
    const { accountId } = this.harness.options();
    return this.harness.simulators.faults.add({ cloud: this.subject.cloud, accountId, ...rule });
  }

  /** Waits until a fault has struck. */
  async untilStruck({ id }: Fault): Promise<void> {
    await eventually('the fault has struck', () =>
      this.harness.simulators.faults.list().some((fault) => fault.id === id && fault.struck > 0),
    );
  }

  mend(): void {
    this.harness.simulators.faults.clear();
  }

  settings(changes: unknown): Promise<unknown> {
    return this.control('settings', changes);
  }

  /** What only a simulator can do. */
  control(operation: string, body: unknown): Promise<unknown> {
    return this.#simulator('POST', operation, body);
  }

  /** The platform's calls of an operation, or all of them. */
  calls(operation?: string): LoggedCall[] {
    const { accountId } = this.harness.options();
    return this.harness.simulators.cloud(this.subject.cloud).calls.list({ operation, accountId });
  }

  /** How often the platform has changed something by an operation. */
  effects(operation: string): number {
    return this.calls(operation).filter(({ tookEffect }) => tookEffect).length;
  }

  async #simulator(method: string, name: string, body?: unknown): Promise<unknown> {
    const url = `${this.harness.simulators.controlUrl}/_sim/${this.subject.cloud}/${name}`;
    const response = await fetch(url, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer: unknown = await response.json();
    if (!response.ok) throw new Error(`${url} was answered with ${JSON.stringify(answer)}`);
    return answer;
  }

  async #asOperator<Body>(method: string, path: string, body: unknown): Promise<Body> {
    const answer = await this.operate<Body>(method, path, body);
    if (answer.status >= 300) throw new Error(`${path} was answered with ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  #make(kind: string, body: object): Promise<{ readonly id: string }> {
    return this.#asOperator('POST', kind, body);
  }
}
