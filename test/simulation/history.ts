/** One history of a simulated world, from a seed: a time in which anything goes wrong, a calm one, and an end. */
import { createHash } from 'node:crypto';

import {
  DEFAULT_ENGINE_SETTINGS,
  type CloudId,
  type decide,
  type EngineSettings,
  type PlatformNetwork,
} from '#domain';
import type { NetworkAccount } from '#database';

import { AttachmentCloud, type AttachmentBook } from './attachment-cloud.js';
import type { CloudSurroundings } from './cloud-model.js';
import { drawRates, FaultPlan, type FaultRates, type Strike } from './fault-plan.js';
import { problemsOf } from './final-state.js';
import { GuaranteeBroken, Guarantees } from './guarantees.js';
import { blockOf, MemoryDatabase } from './memory-database.js';
import { MemoryStore } from './memory-store.js';
import { PeeringCloud } from './peering-cloud.js';
import { People } from './people.js';
import { RandomSource } from './random-source.js';
import { SimulatedApi } from './simulated-api.js';
import { SimulatedQueue } from './simulated-queue.js';
import { SimulatedWorker, type MakeStore } from './simulated-worker.js';
import { VirtualScheduler, type Process } from './virtual-scheduler.js';

/** Times of the rules, shorter than in production: histories are short. */
const SETTINGS: EngineSettings = {
  ...DEFAULT_ENGINE_SETTINGS,
  approvalWindowMs: 30_000,
  requestVisibleWithinMs: 40_000,
  inFlightMs: 20_000,
  steadyMs: 30_000,
  retryMaxMs: 20_000,
  staleAfterMs: 60_000,
};

const BEGINNING = Date.UTC(2030, 0, 1);
/** Everything must have settled this long after the last fault. */
const CALM_MS = 600_000;
/** How often it is looked whether everything has settled, and for how long it must stay so. */
const GLANCE_MS = 4_000;
const STAY_MS = 40_000;
/** How long after a deadline what it ends is over, in milliseconds. */
const PROMPT_MS = 5_000;

/** A defect that is planted into the worker, to see it found. */
export interface PlantedDefect {
  readonly decide?: typeof decide;
  readonly makeStore?: MakeStore;
  readonly sweeps?: boolean;
  /** Changes the database itself. */
  readonly plant?: (database: MemoryDatabase) => void;
}

export interface HistoryOptions {
  readonly cloud?: CloudId;
  readonly defect?: PlantedDefect;
  /** Numbers of faults that do not strike. */
  readonly spared?: ReadonlySet<number>;
  /** Faults at these rates in place of those that the seed draws. */
  readonly rates?: FaultRates;
  /** Whether every step is written down. */
  readonly traced?: boolean;
}

/** How a history went. */
export interface History {
  readonly seed: number;
  readonly cloud: CloudId;
  /** The guarantee that was broken; null: none. */
  readonly broken: GuaranteeBroken | null;
  readonly struck: readonly Strike[];
  /** The states in which connections were found settled, before everything was deleted. */
  readonly states: readonly string[];
  /** Empty unless traced. */
  readonly trace: readonly string[];
}

const CLOUDS: readonly CloudId[] = ['aws', 'alibaba', 'huawei', 'outscale', 'tencent', 'tencent'];

/** Lives one history through. The same seed and options give the same one, byte for byte. */
export async function live(seed: number, options: HistoryOptions = {}): Promise<History> {
  const world = new World(seed, options);
  let broken: GuaranteeBroken | null = null;
  try {
    await world.live();
  } catch (error) {
    if (!(error instanceof GuaranteeBroken)) throw error;
    broken = error;
  }
  const { cloudId: cloud, faults, states, trace } = world;
  return { seed, cloud, broken, struck: faults.struck, states, trace };
}

/** What identifies a traced history. */
export function fingerprintOf({ trace }: History): string {
  return createHash('sha256').update(trace.join('\n')).digest('hex');
}

class World {
  readonly cloudId: CloudId;
  readonly trace: string[] = [];
  readonly faults: FaultPlan;
  states: readonly string[] = [];
  readonly #random: RandomSource;
  readonly #scheduler: VirtualScheduler;
  readonly #database: MemoryDatabase;
  readonly #queue: SimulatedQueue;
  readonly #cloud: PeeringCloud | AttachmentCloud;
  readonly #networks: readonly PlatformNetwork[];
  readonly #api: SimulatedApi;
  readonly #people: People;
  readonly #guarantees = new Guarantees();
  readonly #workers: SimulatedWorker[] = [];
  readonly #tell: (line: () => string) => void;
  readonly #isPaced: boolean;
  #databaseAwayUntil = 0;
  /** When something last went wrong. */
  #disturbedAt = -Infinity;
  #started = 0;

  constructor(
    seed: number,
    private readonly options: HistoryOptions,
  ) {
    const root = new RandomSource(seed, 'world');
    this.#random = root;
    this.#isPaced = root.fork('pace').chance(0.15);
    this.cloudId = options.cloud ?? root.fork('cloud').pick(CLOUDS);
    this.#scheduler = new VirtualScheduler(root.fork('order'), BEGINNING);
    this.#tell = options.traced === true ? (line) => this.#write(line()) : () => undefined;
    const rates = options.rates ?? drawRates(root.fork('rates'));
    this.faults = new FaultPlan(
      root.fork('faults'),
      rates,
      options.spared ?? new Set(),
      ({ number, kind }) => {
        this.#disturbedAt = this.#scheduler.now;
        this.#tell(() => `FAULT ${number}: ${kind}`);
      },
    );
    this.#database = new MemoryDatabase(
      (commit) => {
        this.#tell(() => describeCommit(commit.before, commit.after));
        this.#guarantees.committed(commit);
      },
      (at) => this.#workers.forEach((worker) => worker.sweepBy(at + this.#random.below(1_000))),
    );
    options.defect?.plant?.(this.#database);
    const consumers = (): readonly SimulatedWorker[] => this.#workers.filter(({ alive }) => alive);
    this.#queue = new SimulatedQueue(this.#scheduler, root.fork('queue'), this.faults, consumers);
    this.#networks = this.#foundNetworks(root.fork('networks'));
    this.#cloud = this.#makeCloud(root.fork('cloud model'));
    const now = (): number => this.#scheduler.now;
    this.#api = new SimulatedApi(this.#database, this.#queue, now, () => this.#isDatabaseAway(), this.#tell);
    this.#people = new People({
      scheduler: this.#scheduler,
      random: root.fork('people'),
      cloud: this.#cloud,
      api: this.#api,
      database: this.#database,
      networks: this.#networks,
      trace: this.#tell,
    });
    this.#guarantees.watch({
      database: this.#database,
      cloud: this.#cloud,
      networks: this.#networks,
      api: this.#api,
      approvalWindowMs: SETTINGS.approvalWindowMs,
      now,
    });
  }

  async live(): Promise<void> {
    const { faults } = this;
    const random = this.#random.fork('span');
    for (let count = random.pick([1, 2, 2, 3]); count > 0; count -= 1) this.#startWorker();
    const span = random.pick([20_000, 60_000, 100_000]);
    this.#people.begin(this.#scheduler.now + span);
    await this.#until(span);
    this.#tell(() => 'from here on nothing goes wrong any more');
    faults.end();
    this.#mend();
    await this.#settle('everything settles');
    this.states = [...this.#database.connections.values()].map(({ status }) => status.state);
    if (random.chance(0.3)) return;
    for (const id of this.#people.connectionIds) this.#api.delete(id);
    await this.#settle('a deletion leaves nothing');
  }

  async #until(ms: number): Promise<void> {
    await this.#scheduler.runUntil(this.#scheduler.now + ms, () => {
      if (this.#guarantees.broken !== null) throw this.#guarantees.broken;
    });
  }

  /** Waits until nothing is wrong any more, and sees it stay so. */
  async #settle(guarantee: string): Promise<void> {
    const world = { database: this.#database, cloud: this.#cloud, networks: this.#networks, api: this.#api };
    const end = this.#scheduler.now + CALM_MS;
    let problems: readonly string[];
    do {
      await this.#until(GLANCE_MS);
      problems = problemsOf(world);
    } while (problems.length > 0 && this.#scheduler.now < end);
    if (problems.length === 0) {
      await this.#until(STAY_MS);
      problems = problemsOf(world);
    }
    if (problems.length > 0) throw new GuaranteeBroken(guarantee, problems.join('; '));
  }

  /** Operators see to everything that needs them. */
  #mend(): void {
    const { now } = this.#scheduler;
    this.#disturbedAt = now;
    this.#cloud.recover();
    this.#databaseAwayUntil = 0;
    this.#database.pause = null;
    for (const account of this.#database.accounts.values()) this.#database.mendAccount(account, now);
    for (const id of this.#people.connectionIds) this.#api.unlock(id);
  }

  #isDatabaseAway(): boolean {
    const { now } = this.#scheduler;
    if (this.faults.strikes('store_outage'))
      this.#databaseAwayUntil = now + this.#random.between(500, 30_000);
    return now < this.#databaseAwayUntil;
  }

  #startWorker(): void {
    this.#started += 1;
    const name = `w${this.#started}`;
    this.#tell(() => `${name} starts`);
    const { defect } = this.options;
    const [network] = this.#networks;
    if (network === undefined) throw new Error('there is no network');
    const makeStore: MakeStore = (database, surroundings) => new MemoryStore(database, surroundings);
    const worker = new SimulatedWorker(name, {
      scheduler: this.#scheduler,
      random: this.#random.fork(name),
      faults: this.faults,
      database: this.#database,
      isDatabaseAway: () => this.#isDatabaseAway(),
      queue: this.#queue,
      cloud: this.#cloud,
      network,
      settings: SETTINGS,
      decide: defect?.decide,
      makeStore: defect?.makeStore ?? makeStore,
      sweeps: defect?.sweeps ?? true,
      isPaced: this.#isPaced,
      kill: (process) => this.#kill(process),
      onDefect: (what) => this.#guarantees.violate('the engine does not fail', what),
      trace: this.#tell,
    });
    this.#workers.push(worker);
    this.#queue.deliverLeft();
  }

  #kill(process: Process): void {
    if (!process.alive) return;
    process.alive = false;
    this.#tell(() => `${process.name} dies`);
    this.#workers.splice(0, this.#workers.length, ...this.#workers.filter(({ alive }) => alive));
    this.#scheduler.after(this.#random.pick([100, 2_000, 20_000]), null, () => this.#startWorker());
  }

  #foundNetworks(random: RandomSource): readonly PlatformNetwork[] {
    const account: NetworkAccount = {
      id: 'acct_1',
      accountId: '123456789012',
      cloud: this.cloudId,
      credentials: Buffer.from('sealed'),
      credentialsKind: 'static',
      endpoints: {},
      status: 'active',
      statusDetail: '',
      statusAt: BEGINNING - 1,
      updatedAt: BEGINNING - 1,
    };
    this.#database.accounts.set(account.id, account);
    const tables = random.pick([1, 1, 2]);
    return Array.from({ length: random.pick([1, 1, 2]) }, (_, index) => {
      const network: PlatformNetwork = {
        deploymentId: `dep_${index + 1}`,
        cloud: this.cloudId,
        region: 'region-1',
        accountId: account.accountId,
        vpcId: `vpc-a000000${index + 1}`,
        cidrs: [`10.${11 + index}.0.0/16`],
        routeTableIds: Array.from({ length: tables }, (_each, table) => `rtb-${index + 1}${table + 1}`),
        driftPolicy: 'repair',
      };
      this.#database.deployments.set(network.deploymentId, {
        network,
        accountId: account.id,
        leaseOwner: null,
        leaseUntil: null,
        fence: 0,
        vpcCheck: { checkedAt: null, problem: null, dueAt: BEGINNING },
      });
      const { deploymentId } = network;
      const own = network.cidrs.map((cidr) => ({ deploymentId, connectionId: null, block: blockOf(cidr) }));
      this.#database.claims = [...this.#database.claims, ...own];
      return network;
    });
  }

  #makeCloud(random: RandomSource): PeeringCloud | AttachmentCloud {
    const around: CloudSurroundings = {
      scheduler: this.#scheduler,
      random,
      faults: this.faults,
      trace: this.#tell,
      onChange: (change) => {
        this.#guarantees.changing(change);
        this.#people.react();
      },
    };
    if (this.cloudId !== 'tencent') {
      return new PeeringCloud(this.cloudId, this.#networks, around, random.chance(0.5));
    }
    const expiry = random.pick([null, 12_000, 45_000]);
    return new AttachmentCloud(this.#networks, around, expiry, {
      applied: (book) => this.#expectAnswer(book),
      refused: (book) => this.#guarantees.refusedByCustomer(book),
    });
  }

  /** An application that nobody answers is withdrawn within seconds of its deadline, where nothing keeps the broker. */
  #expectAnswer(book: AttachmentBook): void {
    const { appliedAt } = book;
    this.#scheduler.at(appliedAt + SETTINGS.approvalWindowMs + PROMPT_MS, null, () => {
      if (this.#disturbedAt < appliedAt) this.#guarantees.isWithdrawn(book, appliedAt);
    });
  }

  #write(line: string): void {
    const at = ((this.#scheduler.now - BEGINNING) / 1_000).toFixed(3).padStart(8);
    this.trace.push(`${at} ${line}`);
  }
}

type Row = Parameters<Guarantees['committed']>[0]['after'];

function describeCommit(before: Row | null, after: Row): string {
  const { id, status, version } = after;
  const { ending, intent, reason, state } = status;
  const from = before === null || before.status.state === state ? '' : `${before.status.state} -> `;
  const change =
    intent === null
      ? ''
      : `, ${intent.action.kind} #${intent.attempts} ${intent.outcome === null ? 'open' : intent.outcome.ok ? 'made' : intent.outcome.error.code}`;
  return `row ${id} v${version}: ${from}${state} (${reason.code})${ending ? `, ending in ${ending.state}` : ''}${change}`;
}
