/**
 * The whole broker as it runs in production, with everything that it stands on, all of it to be broken: processes,
 * PostgreSQL and Redis of the test's own, and five clouds.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { openDatabase } from '#database';
import { profileOf, type CloudId, type NetworkRef } from '#domain';
import { newSecret } from '#runtime';

import type { CloudHarness } from '../contract/cloud-harness.js';
import { brokerEnvironment, keyedAuthorization } from '../support/broker.js';
import { spawnApi, spawnWorker } from '../support/broker-process.js';
import { STAGED_CLOUDS, type StagedCloud } from '../support/cloud-stage-table.js';
import { startOwnPostgres, type OwnPostgres } from '../support/own-postgres.js';
import { startOwnRedis, type OwnRedis } from '../support/own-redis.js';
import { findRedisServer, freePort } from '../support/redis.js';
import { CarefulClient, ClientFigures } from './careful-client.js';
import type { SeededChance } from './seeded-chance.js';
import { Supervisor } from './supervisor.js';

/** One cloud of the stage. */
export interface ChaosCloud {
  readonly subject: StagedCloud;
  readonly harness: CloudHarness;
  /** The platform's account in it, as the broker knows it. */
  readonly platformAccountId: string;
}

/** A deployment with a network of its own. */
export interface ChaosDeployment {
  readonly id: string;
  readonly cloud: ChaosCloud;
  readonly network: NetworkRef;
}

export interface ChaosOptions {
  readonly workers: number;
  readonly apis: number;
  readonly chance: SeededChance;
}

/** Sooner than in production, where a test would otherwise have to wait for the next look. */
const ENVIRONMENT = {
  SWEEP_INTERVAL_MS: '500',
  LEASE_SECONDS: '3',
  CLOUD_CALL_TIMEOUT_MS: '3000',
  STEADY_INTERVAL_SECONDS: '3',
  IN_FLIGHT_INTERVAL_SECONDS: '3',
};

export class ChaosStage {
  readonly figures = new ClientFigures();
  readonly workers: Supervisor[] = [];
  readonly apis: Supervisor[] = [];
  readonly clouds: ChaosCloud[] = [];
  readonly deployments: ChaosDeployment[] = [];
  postgres: OwnPostgres;
  /** Null: there is no Redis here, and the queues live in PostgreSQL. */
  redis: OwnRedis | null = null;
  readonly #chance: SeededChance;
  readonly #urls: string[] = [];
  readonly #stops: (() => Promise<unknown>)[] = [];
  #clients = 0;
  #customerKey = '';
  #operatorKey = '';
  #owners: { readonly tenantId: string; readonly projectId: string };

  private constructor(readonly options: ChaosOptions) {
    this.#chance = options.chance;
  }

  static async open(options: ChaosOptions): Promise<ChaosStage> {
    const stage = new ChaosStage(options);
    try {
      await stage.#set();
      return stage;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  async #set(): Promise<void> {
    this.postgres = await startOwnPostgres();
    this.#stops.push(() => this.postgres.remove());
    if (findRedisServer() !== null) {
      const redis = await startOwnRedis();
      this.redis = redis;
      this.#stops.push(() => redis.remove());
    }
    const location = this.redis === null ? { databaseUrl: this.postgres.url } : { redisUrl: this.redis.url };
    const environment = { ...brokerEnvironment(this.postgres.url, { location }), ...ENVIRONMENT };
    const keepUp = (kind: Supervisor[], name: string, spawn: ConstructorParameters<typeof Supervisor>[1]) => {
      const supervisor = new Supervisor(name, spawn, this.#chance.branch(1_000 + this.#stops.length));
      kind.push(supervisor);
      this.#stops.push(() => supervisor.end());
    };
    for (let count = 1; count <= this.options.apis; count += 1) {
      const port = await freePort();
      this.#urls.push(`http://127.0.0.1:${port}`);
      keepUp(this.apis, `api ${count}`, () => spawnApi({ ...environment, API_PORT: String(port) }));
    }
    for (let count = 1; count <= this.options.workers; count += 1) {
      keepUp(this.workers, `worker ${count}`, () => spawnWorker(environment));
    }
    this.#operatorKey = await this.#makeKey(null);
    await this.untilUp();
    const operator = this.operator();
    const { id: tenantId } = await make(operator, 'tenants', { name: 'Customer' });
    const { id: projectId } = await make(operator, 'projects', { tenantId, name: 'Project' });
    this.#owners = { tenantId, projectId };
    this.#customerKey = await this.#makeKey(tenantId);
    for (const subject of STAGED_CLOUDS) await this.#addCloud(subject);
  }

  async #addCloud(subject: StagedCloud): Promise<void> {
    const harness = await subject.contract.start();
    this.#stops.push(() => harness.close());
    harness.reset();
    harness.simulators.clock.resume();
    harness.simulators.cloud(subject.cloud).simulator.controlOperations['settings']!.run(subject.settings);
    const { accountId, credentials, endpoints } = harness.options();
    const account = { cloud: subject.cloud, accountId, credentials, endpoints };
    const { id: platformAccountId } = await make(this.operator(), 'platform-accounts', account);
    this.clouds.push({ subject, harness, platformAccountId });
  }

  /** One more deployment in a cloud. */
  async deploy(cloud: ChaosCloud): Promise<ChaosDeployment> {
    const number = this.deployments.length + 1;
    const cidr = `10.${number % 250}.0.0/16`;
    const network = await cloud.harness.createNetwork(cidr);
    const { id } = await make(this.operator(), 'deployments', {
      ...this.#owners,
      platformAccountId: cloud.platformAccountId,
      name: `deployment ${number}`,
      cloud: cloud.subject.cloud,
      region: network.region,
      edition: 'dedicated_professional',
      vpc: { id: network.vpcId, cidrs: [cidr] },
    });
    const deployment = { id, cloud, network };
    this.deployments.push(deployment);
    return deployment;
  }

  customer(): CarefulClient {
    return this.#client(this.#customerKey);
  }

  operator(): CarefulClient {
    return this.#client(this.#operatorKey);
  }

  get supervisors(): readonly Supervisor[] {
    return [...this.apis, ...this.workers];
  }

  async untilUp(): Promise<void> {
    await Promise.all(this.supervisors.map((each) => each.untilUp()));
  }

  /** From now on this share of the platform's calls fails, half of them after they have had their effect. */
  failCalls(share: number): void {
    for (const { subject, harness } of this.clouds) {
      const { accountId } = harness.options();
      for (const kind of ['drop_before', 'drop_after'] as const) {
        const seed = Math.floor(this.#chance.next() * 2 ** 31);
        harness.simulators.faults.add({
          cloud: subject.cloud,
          accountId,
          kind,
          probability: share / 2,
          seed,
        });
      }
    }
  }

  /** Answers with how many calls have failed. */
  mendCalls(): number {
    let struck = 0;
    for (const { harness } of this.clouds) {
      for (const fault of harness.simulators.faults.list()) struck += fault.struck;
      harness.simulators.faults.clear();
    }
    return struck;
  }

  /** Ends the broker's processes in order; answers with their exit codes. */
  async stopBroker(): Promise<(number | null)[]> {
    return Promise.all(this.supervisors.map((each) => each.stop()));
  }

  /** Whatever is still there. */
  async close(): Promise<void> {
    for (const stop of this.#stops.splice(0).reverse()) await stop();
  }

  #client(key: string): CarefulClient {
    this.#clients += 1;
    return new CarefulClient(this.#urls, key, this.#chance.branch(this.#clients), this.figures);
  }

  async #makeKey(tenantId: string | null): Promise<string> {
    const database = await openDatabase({ url: this.postgres.url, poolSize: 2, applicationName: 'chaos' });
    try {
      return await keyedAuthorization({ database }, tenantId);
    } finally {
      await database.close();
    }
  }
}

/** How many connections a deployment takes in a cloud. */
export function roomOf(cloud: CloudId): number {
  return profileOf(cloud).capabilities.initiator === 'platform' ? 1 : 5;
}

async function make(operator: CarefulClient, kind: string, body: object): Promise<{ readonly id: string }> {
  const path = `/admin/v1/${kind}`;
  const idempotencyKey = newSecret();
  const answer = await operator.send<{ id: string }>({ method: 'POST', path, body, idempotencyKey });
  if (answer.status >= 300) throw new Error(`${path} was answered with ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** A disaster, by name. */
export interface Disaster {
  readonly name: string;
  /** How much likelier it is than others. */
  readonly weight: number;
  strike(): Promise<unknown>;
}

/** Everything that can happen to the stage. */
export function disasters(stage: ChaosStage, chance: SeededChance): Disaster[] {
  const { apis, postgres, redis, workers } = stage;
  const killOne = async (processes: readonly Supervisor[]): Promise<void> => {
    const chosen = chance.pick(processes);
    await chosen.untilUp();
    await chosen.kill();
  };
  const awhile = (): Promise<unknown> => sleep(chance.between(50, 800));
  const ofRedis = (server: OwnRedis): Disaster[] => [
    { name: 'Redis flushed', weight: 2, strike: () => server.flush() },
    {
      name: 'Redis restarted',
      weight: 2,
      strike: () =>
        server
          .halt()
          .then(awhile)
          .then(() => server.start()),
    },
  ];
  return [
    { name: 'worker killed', weight: 4, strike: () => killOne(workers) },
    { name: 'API killed', weight: 3, strike: () => killOne(apis) },
    {
      name: 'PostgreSQL restarted',
      weight: 2,
      strike: () =>
        postgres
          .halt()
          .then(awhile)
          .then(() => postgres.start()),
    },
    {
      name: 'sessions of PostgreSQL ended',
      weight: 2,
      strike: () => postgres.terminateSessions(chance.between(0.2, 1)),
    },
    ...(redis === null ? [] : ofRedis(redis)),
  ];
}
