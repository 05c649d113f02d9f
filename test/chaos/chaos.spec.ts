/**
 * Everything fails at once and again and again, in real processes: workers and APIs are killed, PostgreSQL and Redis are
 * restarted, Redis is flushed, a fifth of all calls of the clouds fail before or after their effect, while customers of
 * five clouds create, approve, turn down, correct, retry and delete connections. Then the failures stop, and everything
 * has to be right by the clouds' own books.
 *
 * `CHAOS_SEED=…` repeats the choices of a run (not its timing, which is the machine's). `CHAOS_MINUTES=5` makes it long.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';

import type { PeeringState } from '#domain';

import { eventually } from '../support/eventually.js';
import { ChaosStage, disasters, roomOf } from './chaos-stage.js';
import { brokenLinks, readHistory, type History } from './history.js';
import { Life, PLOTS, type PlotName } from './lives.js';
import { SeededChance } from './seeded-chance.js';
import { Watch } from './watch.js';

const MINUTES = Number(process.env['CHAOS_MINUTES'] ?? '0');
const IS_LONG = MINUTES > 0;
const SEED = Number(process.env['CHAOS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
/** How long things go wrong, in milliseconds. */
const CHAOS_MS = IS_LONG ? MINUTES * 60_000 : 20_000;
/** Connections of each cloud. */
const LIVES = IS_LONG ? Math.ceil(MINUTES * 12) : 14;
const FAILING_CALLS = 0.2;
/** By then everything has come to rest, with much room for a busy machine. */
const CONVERGENCE_MS = 120_000;

describe('a broker to which everything happens', () => {
  const chance = new SeededChance(SEED);
  const lives: Life[] = [];
  const failures: Error[] = [];
  const struck = new Map<string, number>();
  let stage: ChaosStage;
  let history: History;
  let exitCodes: readonly (number | null)[];

  beforeAll(async () => {
    process.stdout.write(`chaos: CHAOS_SEED=${SEED}\n`);
    stage = await ChaosStage.open({ workers: IS_LONG ? 3 : 2, apis: 2, chance: chance.branch(1) });
    const watch = new Watch(stage.customer());
    try {
      await playAll(watch);
    } finally {
      await watch.stop();
    }
    exitCodes = await stage.stopBroker();
    history = await readHistory(stage.postgres.url);
  }, CHAOS_MS + 400_000);

  afterAll(() => stage.close(), 60_000);

  /** Plays every life, strikes meanwhile, and waits until everything has come to rest. */
  async function playAll(watch: Watch): Promise<void> {
    for (const cloud of stage.clouds) {
      const room = roomOf(cloud.subject.cloud);
      const plots = chance.shuffle(Array.from({ length: LIVES }, (_, index) => plotAt(index)));
      for (const [index, plot] of plots.entries()) {
        if (index % room === 0) await stage.deploy(cloud);
        const deployment = stage.deployments.at(-1)!;
        const number = lives.length + 1;
        const cidr = `172.${16 + (index % room)}.0.0/16`;
        const parts = { index: number, deployment, cidr, client: stage.customer(), watch };
        lives.push(new Life(plot, { ...parts, chance: chance.branch(number) }));
      }
    }
    stage.failCalls(FAILING_CALLS);
    const began = Date.now();
    const played = lives.map(async (life) => {
      await sleep(life.parts.chance.between(0, CHAOS_MS * 0.7));
      await life.play().catch((error: unknown) => failures.push(error as Error));
    });
    await strike(began + CHAOS_MS);

    const failedCalls = stage.mendCalls();
    const mended = Date.now();
    await stage.untilUp();
    await Promise.all(played);
    await eventually(
      'everything is where it belongs',
      () => failures.length > 0 || lives.every((life) => isAtRest(life, watch)),
      CONVERGENCE_MS,
    ).catch((error: unknown) => {
      const late = lives.filter((life) => !isAtRest(life, watch));
      const shown = late.map(({ name, id }) => `${name}: ${JSON.stringify(watch.latest(id)?.status)}`);
      failures.push(new Error(`${(error as Error).message}\n${shown.join('\n')}`));
    });
    tell(failedCalls, Date.now() - mended);
  }

  /** One disaster after the other: each kind once, however long that takes, then each as often as it is likely. */
  async function strike(until: number): Promise<void> {
    const kinds = disasters(stage, chance.branch(2));
    const pace = chance.branch(3);
    const likely = kinds.flatMap((kind) => Array.from({ length: kind.weight }, () => kind));
    const distanceMs = IS_LONG ? 2_000 : CHAOS_MS / (likely.length + 1);
    const queue = pace.shuffle(kinds);
    while (Date.now() < until || struck.size < kinds.length) {
      await sleep(pace.between(0.2, 1.6) * distanceMs);
      const kind = queue.shift() ?? pace.pick(likely);
      await kind.strike();
      struck.set(kind.name, (struck.get(kind.name) ?? 0) + 1);
    }
  }

  function isAtRest({ id, outcome }: Life, watch: Watch): boolean {
    const status = watch.latest(id)?.status;
    if (outcome === null || status === undefined) return false;
    const isThere = outcome.states.includes(status.state as PeeringState);
    return isThere && (outcome.joined || status.nextCheckAt === null);
  }

  function tell(failedCalls: number, convergenceMs: number): void {
    const { figures, redis, supervisors } = stage;
    const sum = (count: (each: (typeof supervisors)[number]) => number): number =>
      supervisors.reduce((total, each) => total + count(each), 0);
    const lines = [
      `${lives.length} connections on ${stage.clouds.length} clouds, queues in ${redis === null ? 'PostgreSQL' : 'Redis'}`,
      `disasters: ${[...struck].map(([name, count]) => `${name} ${count}`).join(', ')}`,
      `processes killed ${sum(({ kills }) => kills)}, started again ${sum(({ restarts }) => restarts)}`,
      `calls of clouds that failed: ${failedCalls}`,
      `requests of customers: ${figures.requests}, attempts unanswered ${figures.unanswered}, told to come back ${figures.postponed}`,
      `all at rest ${(convergenceMs / 1_000).toFixed(1)} s after the failures stopped`,
    ];
    process.stdout.write(lines.map((line) => `chaos: ${line}\n`).join(''));
  }

  const eventsOf = (id: string) => history.events.filter(({ connectionId }) => connectionId === id);

  it('brings every connection where it belongs', () => {
    expect(failures.map(({ message }) => message)).toEqual([]);
    const states = new Map(history.rows.map(({ id, state }) => [id, state]));
    const wrong = lives.filter(
      ({ id, outcome }) => !outcome?.states.includes(states.get(id) as PeeringState),
    );
    expect(wrong.map((life) => `${life.name} is ${states.get(life.id) ?? 'lost'}`)).toEqual([]);
  });

  it('loses no connection, and makes none that nobody has asked for', () => {
    expect(history.rows.map(({ id }) => id).sort()).toEqual(lives.map(({ id }) => id).sort());
  });

  it('leaves in the clouds what runs, and nothing else', () => {
    for (const { cloud, id, network } of stage.deployments) {
      const books = cloud.harness.simulators.cloud(cloud.subject.cloud).simulator.books();
      const held = cloud.subject.holdings(books as never, network.vpcId);
      const here = lives.filter(({ parts }) => parts.deployment.id === id);
      const joined = here.filter(({ outcome }) => outcome?.joined);
      const left = here.filter(({ outcome }) => outcome?.leavesRequest);
      const idsOf = (some: readonly Life[]) => some.map(({ request }) => request.providerId).sort();
      expect({ id, joined: [...held.joined].sort() }).toEqual({ id, joined: idsOf(joined) });
      expect({ id, pending: [...held.pending].sort() }).toEqual({ id, pending: idsOf(left) });
      if (cloud.harness.tables === undefined) continue;
      const routes = joined.flatMap(({ parts, request }) =>
        held.tables.map((table) => `${table} ${parts.cidr} ${request.providerId}`),
      );
      const found = held.routes.map(({ table, destination, target }) => `${table} ${destination} ${target}`);
      expect({ id, routes: found.sort() }).toEqual({ id, routes: routes.sort() });
    }
  });

  it('makes no connection twice', () => {
    const doubled = lives.flatMap((life) => {
      const { cloud } = life.parts.deployment;
      const { accept, request: ask } = cloud.subject.contract.operations;
      const { accountId } = cloud.harness.options();
      const calls = cloud.harness.simulators
        .cloud(cloud.subject.cloud)
        .calls.list({ accountId })
        // Asking once more after a refusal has a name of its own, which ends like the first one's.
        .filter(({ operation }) => operation.endsWith((accept ?? ask)!))
        .filter(({ parameters }) => JSON.stringify(parameters).includes(life.request.providerId));
      const effects = calls.filter(({ tookEffect }) => tookEffect).length;
      // Where the platform asks, it asks again when it is told to.
      const most = 1 + (accept === undefined ? life.retries : 0);
      const least = life.outcome?.joined ? most : 0;
      const told = calls.map(({ at, outcome, tookEffect }) => `${at} ${outcome} ${tookEffect}`);
      return effects < least || effects > most ? [`${life.name}: ${effects} times (${told.join(', ')})`] : [];
    });
    expect(doubled).toEqual([]);
  });

  it('tells every event once, each move from where the last one led', () => {
    expect(new Set(history.events.map(({ id }) => id)).size).toBe(history.events.length);
    const broken = history.rows.flatMap(({ id, state }) =>
      brokenLinks(eventsOf(id), state).map((link) => `${id}: ${link}`),
    );
    expect(broken).toEqual([]);
    for (const { id, retries } of lives) {
      const told = eventsOf(id).filter(({ type }) => type === 'peering.retried');
      expect({ id, retried: told.length }).toEqual({ id, retried: retries });
    }
  });

  it('keeps the blocks of what lives, and of nothing else', () => {
    const wrong = history.rows.filter(({ live, claims }) => (live ? claims !== 1 : claims !== 0));
    expect(wrong).toEqual([]);
  });

  it('answers its customers, or tells them when to come back', () => {
    expect(stage.figures.flaws).toEqual([]);
  });

  it('has processes that outlive everything but being killed, and that go in order', () => {
    expect(stage.supervisors.flatMap(({ collapses }) => collapses)).toEqual([]);
    expect(exitCodes).toEqual(stage.supervisors.map(() => 0));
    expect(history.leased).toEqual([]);
  });
});

function plotAt(index: number): PlotName {
  const names = Object.keys(PLOTS) as PlotName[];
  return names[index % names.length]!;
}
