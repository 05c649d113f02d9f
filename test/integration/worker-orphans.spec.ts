/** The search for what was left behind, on a real database and a cloud that shows what a test has put there. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { orphans, peerings, type Database, type OrphanRecord } from '#database';
import {
  CloudError,
  type CloudPort,
  type NetworkRef,
  type ObservedPeering,
  type ObservedRouteTable,
} from '#domain';

import { AccountGate, DEFAULT_GATE_SETTINGS } from '../../apps/worker/src/accounts/account-gate.js';
import { CloudBreaker } from '../../apps/worker/src/breaker/cloud-breaker.js';
import { systemTimers } from '../../apps/worker/src/engine/reconcile-ports.js';
import { WriteTurns } from '../../apps/worker/src/engine/write-turns.js';
import { OrphanRounds } from '../../apps/worker/src/orphans/orphan-rounds.js';
import { OrphanSearcher } from '../../apps/worker/src/orphans/orphan-search.js';
import { eventually } from '../support/eventually.js';
import {
  openSeededDatabase,
  seedPeering,
  seedTenancy,
  type SeededDatabase,
  type Tenancy,
} from '../support/seeded-database.js';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const LEASE_MS = 15 * SECOND_MS;
const CALLS_AT_A_TIME = 4;
const NEVER = new AbortController().signal;

/** What a platform network shows, and what was taken out of it. */
class Network {
  peerings: ObservedPeering[] = [];
  routeTables: ObservedRouteTable[] = [];
  looks = 0;
  readonly removed: string[] = [];
  /** Called before each look. */
  beforeLook: () => unknown = () => undefined;
  /** Called before each change. */
  beforeChange: () => unknown = () => undefined;
}

/** A cloud in which nothing can be done but what a search does. */
class Cloud {
  readonly #networks = new Map<string, Network>();

  network(vpcId: string): Network {
    const network = this.#networks.get(vpcId) ?? new Network();
    this.#networks.set(vpcId, network);
    return network;
  }

  port(): CloudPort {
    const at = ({ vpcId }: NetworkRef): Network => this.network(vpcId);
    const refuse = (): never => {
      throw new CloudError({
        category: 'unknown',
        code: 'NotHere',
        message: 'A search does no such thing.',
        operation: '',
      });
    };
    return {
      cloud: 'aws',
      observePeerings: async (ref) => {
        const network = at(ref);
        network.looks += 1;
        await network.beforeLook();
        return network.peerings;
      },
      observeRoutes: (ref) => Promise.resolve(at(ref).routeTables),
      deletePeering: async (ref, providerId) => {
        const network = at(ref);
        await network.beforeChange();
        network.removed.push(providerId);
        network.peerings = network.peerings.filter((peering) => peering.providerId !== providerId);
        return {};
      },
      removeRoute: refuse,
      describeNetwork: refuse,
      observePeering: refuse,
      acceptPeering: refuse,
      rejectPeering: refuse,
      requestAttachment: refuse,
      withdrawAttachment: refuse,
      markPeering: refuse,
      ensureRoute: refuse,
      close: () => undefined,
    };
  }
}

let place: SeededDatabase;
let database: Database;
let cloud: Cloud;
let gate: AccountGate;
let now: number;
let told: { readonly level: string; readonly about: unknown; readonly msg: string }[];
let searcher: OrphanSearcher;
let rounds: OrphanRounds;

beforeAll(async () => {
  place = await openSeededDatabase();
  database = place.database;
});
afterAll(() => place.close());

beforeEach(async () => {
  // What other tests have made is looked at in a thousand years.
  await database.single(
    { name: 'spec.rest', text: `UPDATE orphan_checks SET due_at = now() + interval '1000 years'` },
    [],
  );
  now = Date.now();
  cloud = new Cloud();
  told = [];
  searcher = makeSearcher();
  rounds = makeRounds();
});

function makeSearcher(intervalMs = HOUR_MS): OrphanSearcher {
  const clock = { now: () => now };
  const random = (): number => 0.5;
  const note =
    (level: string) =>
    (about: unknown, msg: string): void => {
      told.push({ level, about, msg });
    };
  const log = { info: note('info'), warn: note('warn'), error: note('error') } as never;
  gate = new AccountGate(
    { ...DEFAULT_GATE_SETTINGS, parallelCalls: CALLS_AT_A_TIME },
    clock,
    () => undefined,
  );
  const port = cloud.port();
  const timing = { clock, timers: systemTimers, random };
  return new OrphanSearcher({
    ...timing,
    store: database.reconcile,
    orphans: database.orphans,
    accounts: { access: () => ({ port, gate, appointment: () => null, comeBack: () => now }) },
    breaker: new CloudBreaker({
      circuits: database.circuits,
      clock,
      random,
      log,
      monitor: { circuitMoved: () => undefined },
    }),
    turns: new WriteTurns({ ...timing, turns: database.writeTurns, owner: 'spec', leaseMs: LEASE_MS }),
    wake: { wake: () => Promise.resolve() },
    settings: {
      intervalMs,
      graceMs: DAY_MS,
      retentionMs: 90 * DAY_MS,
      leaseMs: LEASE_MS,
      callTimeoutMs: 5 * SECOND_MS,
    },
    log,
    owner: 'spec',
  });
}

function makeRounds(): OrphanRounds {
  const log = {
    error: (about: unknown, msg: string) => void told.push({ level: 'error', about, msg }),
  } as never;
  return new OrphanRounds({
    orphans: database.orphans,
    searcher,
    clock: { now: () => now },
    log,
    retentionMs: 90 * DAY_MS,
  });
}

const errors = (): unknown[] => told.filter(({ level }) => level === 'error').map(({ about }) => about);

/** A deployment that is to be searched now. */
async function deployment(): Promise<Tenancy> {
  const tenancy = await seedTenancy(database);
  now = Math.max(now, tenancy.deployment.createdAt + MINUTE_MS + 1);
  await engineDueAt(tenancy, null);
  return tenancy;
}

/** Has the engine come to the network then; null: not until somebody asks for something. */
async function engineDueAt({ deployment: { id } }: Tenancy, at: number | null): Promise<void> {
  const text = 'UPDATE deployments SET vpc_check_due_at = $2 WHERE id = $1';
  await database.single({ name: 'spec.engine_due', text }, [id, at === null ? null : new Date(at)]);
}

/** Several things that were found more than a day ago. */
async function leaveForRemoval(tenancy: Tenancy, count: number): Promise<Network> {
  for (let network = 1; network <= count; network += 1) await leaveBehind(tenancy, network);
  await rounds.go(NEVER);
  expect(await found(tenancy)).toHaveLength(count);
  now += DAY_MS;
  return cloud.network(tenancy.deployment.network.vpcId);
}

const dueAt = async ({ deployment: { id } }: Tenancy): Promise<number> =>
  (await database.orphans.check(id))!.dueAt;
const found = async ({ deployment: { id } }: Tenancy): Promise<readonly OrphanRecord[]> =>
  (await database.orphans.load(id, { providerIds: [], marks: [] })).open;

/** A connection that ran, was forgotten, and is still there. */
async function leaveBehind({ account, deployment: at }: Tenancy, network = 1): Promise<ObservedPeering> {
  const before = await seedPeering(database, at, network, []);
  const status = { ...before.status, state: 'deleted' as const, established: true, intent: null };
  const changes = { desired: 'absent' as const, dueAt: null, status };
  const {
    id,
    status: { providerId },
  } = await database.asOperator((scope) => peerings.change(scope, before, changes, before.createdAt));
  const peering: ObservedPeering = {
    providerId: providerId!,
    phase: 'active',
    providerState: 'active',
    requester: { cidrs: [] },
    accepter: { accountId: account.accountId, vpcId: at.network.vpcId, cidrs: [] },
    mark: id,
  };
  cloud.network(at.network.vpcId).peerings.push(peering);
  return peering;
}

describe('a search', () => {
  it('finds a thing once, however often a listing shows it', async () => {
    const tenancy = await deployment();
    const peering = await leaveBehind(tenancy);
    cloud.network(tenancy.deployment.network.vpcId).peerings.push({ ...peering });
    await searcher.search(tenancy.deployment.id, NEVER);
    expect(await found(tenancy)).toMatchObject([{ state: 'found', providerId: peering.providerId }]);
    expect(await dueAt(tenancy)).toBeGreaterThan(now);
  });
});

describe('a removal', () => {
  it('that had to wait is not made of what has found an owner meanwhile', async () => {
    const tenancy = await deployment();
    const network = await leaveForRemoval(tenancy, 2);
    const { promise: isOver, resolve: end } = Promise.withResolvers<null>();
    network.beforeChange = () => {
      for (let call = 1; call <= CALLS_AT_A_TIME; call += 1) void gate.pass('ask', () => isOver);
    };
    const round = rounds.go(NEVER);
    await eventually('the second removal waits behind other calls', () =>
      Promise.resolve(network.removed.length === 1 && gate.waiting === 1),
    );
    const [first] = network.removed;
    const [left] = network.peerings;
    await seedPeering(database, tenancy.deployment, Number(left!.providerId.at(-1)), []);
    end(null);
    await round;
    expect(network.removed).toEqual([first]);
    expect(network.peerings).toEqual([left]);
    expect(told.filter(({ level }) => level !== 'info').map(({ msg }) => msg)).not.toContainEqual(
      expect.stringContaining('could not be removed'),
    );
    network.beforeChange = () => undefined;
    now += 16 * MINUTE_MS;
    await rounds.go(NEVER);
    expect(await found(tenancy)).toEqual([]);
    expect(network.removed).toEqual([first]);
  });
});

describe('the engine', () => {
  it('is not kept out of a network that it is to look at within half a minute', async () => {
    const tenancy = await deployment();
    const { network } = tenancy.deployment;
    await engineDueAt(tenancy, now + 29 * SECOND_MS);
    await rounds.go(NEVER);
    await searcher.search(tenancy.deployment.id, NEVER);
    expect(cloud.network(network.vpcId).looks).toBe(0);
    expect(await dueAt(tenancy)).toBeLessThanOrEqual(now);
    await engineDueAt(tenancy, now + 31 * SECOND_MS);
    await rounds.go(NEVER);
    expect(cloud.network(network.vpcId).looks).toBe(1);
  });

  it('has the network back as soon as it is due there, before the next removal', async () => {
    const tenancy = await deployment();
    const network = await leaveForRemoval(tenancy, 3);
    network.beforeChange = () => engineDueAt(tenancy, now);
    await rounds.go(NEVER);
    expect(network.removed).toHaveLength(1);
    const states = (await found(tenancy)).map(({ state }) => state).sort();
    expect(states).toEqual(['found', 'found', 'removing']);
    expect(await dueAt(tenancy)).toBe(now + 5 * SECOND_MS);
    const { id } = tenancy.deployment;
    expect(await database.reconcile.leaseDeployment(id, 'engine', now, LEASE_MS)).not.toBeNull();
  });

  it('that is always due somewhere in a network does not keep searches out of it for ever', async () => {
    const tenancy = await deployment();
    const network = await leaveForRemoval(tenancy, 2);
    await engineDueAt(tenancy, now);
    const since = await dueAt(tenancy);
    expect(now).toBeGreaterThan(since + 15 * MINUTE_MS);
    await rounds.go(NEVER);
    expect(network.removed).toHaveLength(1);
    await rounds.go(NEVER);
    now += 16 * MINUTE_MS;
    await engineDueAt(tenancy, now);
    await rounds.go(NEVER);
    expect(network.removed).toHaveLength(2);
    expect(network.looks).toBe(3);
  });
});

describe('a round', () => {
  it('goes on where one search fails, names that one, and comes back to it later each time', async () => {
    const ill = await deployment();
    const well: Tenancy[] = [];
    while (well.length < 6) well.push(await deployment());
    const defect = new TypeError('what the cloud has answered has another shape');
    cloud.network(ill.deployment.network.vpcId).beforeLook = () => {
      throw defect;
    };
    const waits: number[] = [];
    for (let failures = 1; failures <= 3; failures += 1) {
      await rounds.go(NEVER);
      for (const { deployment: each } of well) expect(cloud.network(each.network.vpcId).looks).toBe(1);
      expect(errors()).toEqual(Array(failures).fill({ err: defect, deploymentId: ill.deployment.id }));
      waits.push((await dueAt(ill)) - now);
      now += waits.at(-1)!;
    }
    expect(waits[0]).toBeGreaterThanOrEqual(30 * SECOND_MS);
    expect(waits[1]).toBeGreaterThan(1.5 * waits[0]!);
    expect(waits[2]).toBeGreaterThan(1.5 * waits[1]!);
  });

  it('forgets what has been over for long, though searches fail', async () => {
    const tenancy = await deployment();
    const { providerId } = await leaveBehind(tenancy);
    await rounds.go(NEVER);
    const [orphan] = await found(tenancy);
    expect(orphan).toMatchObject({ providerId });
    cloud.network(tenancy.deployment.network.vpcId).peerings = [];
    now = await dueAt(tenancy);
    await rounds.go(NEVER);
    expect(await found(tenancy)).toEqual([]);
    cloud.network(tenancy.deployment.network.vpcId).beforeLook = () => {
      throw new TypeError('never whole');
    };
    now += 91 * DAY_MS;
    await rounds.go(NEVER);
    expect(errors()).toHaveLength(1);
    expect(await database.asOperator((scope) => orphans.get(scope, orphan!.id))).toBeNull();
  });
});
