import { beforeEach, describe, expect, it } from '@jest/globals';

import { factorAt, reserve, UNUSED_PACE, type CloudError, type CloudId, type Pace } from '#domain';

import { CallPacer } from './call-pacer.js';
import { HELD_BACK, type SharedPaces } from './call-queue.js';
import { PortUse, usingPort } from './port-use.js';

/** Time that passes when nothing else is left to happen. */
class VirtualTime {
  #now = 1_700_000_000_000;
  #sleepers: { readonly at: number; readonly wake: () => void }[] = [];

  readonly now = (): number => this.#now;

  readonly sleep = (ms: number): Promise<void> =>
    new Promise((wake) => this.#sleepers.push({ at: this.#now + ms, wake }));

  /** Lets everything happen that happens until then. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      this.#sleepers.sort((a, b) => a.at - b.at);
      const next = this.#sleepers[0];
      if (next === undefined || next.at > end) break;
      this.#sleepers.shift();
      this.#now = Math.max(this.#now, next.at);
      next.wake();
    }
    this.#now = Math.max(this.#now, end);
  }

  /** The machine stands still and wakes up later. */
  stall(ms: number): void {
    this.#now += ms;
  }
}

/** The paces as the database keeps them. */
class Paces implements SharedPaces {
  readonly #paces = new Map<string, Pace>();
  isAway = false;
  reservations = 0;

  constructor(private readonly answer: () => Promise<void>) {}

  async reserve(...[{ platformAccountId, countedAs }, wanted, slowedAt]: Parameters<SharedPaces['reserve']>) {
    await this.answer();
    if (this.isAway) throw new Error('The database is away.');
    this.reservations += 1;
    const key = `${platformAccountId} ${countedAs}`;
    const pace = this.#paces.get(key) ?? UNUSED_PACE;
    const reserved = reserve(pace.nextAt, wanted);
    const firstAt = pace.slowedAt === slowedAt ? reserved.firstAt : null;
    const after = { ...pace, nextAt: firstAt === null ? pace.nextAt : reserved.nextAt };
    this.#paces.set(key, after);
    return { firstAt, pace: after };
  }

  async slow(...[{ platformAccountId, countedAs }, before, after]: Parameters<SharedPaces['slow']>) {
    await this.answer();
    if (this.isAway) throw new Error('The database is away.');
    const key = `${platformAccountId} ${countedAs}`;
    const pace = this.#paces.get(key) ?? UNUSED_PACE;
    if (pace.slowedAt === before.slowedAt) this.#paces.set(key, after);
    return this.#paces.get(key) ?? after;
  }
}

const LIST = 'DescribeCcnAttachedInstances';

describe('the pace of an account', () => {
  let time: VirtualTime;
  let paces: Paces;
  let waits: number[];
  let seen: Map<string, Pace>;
  let made: { readonly at: number; readonly by: string }[];
  let heldBack: CloudError[];

  beforeEach(() => {
    time = new VirtualTime();
    paces = new Paces(() => time.sleep(2));
    waits = [];
    seen = new Map();
    made = [];
    heldBack = [];
  });

  const pacer = (cloud: CloudId = 'tencent', account = 'acct_1', slots = 500): CallPacer =>
    new CallPacer(
      {
        paces,
        clock: time,
        timers: time,
        random: () => 0.5,
        observer: {
          waited: (_cloud, _family, ms) => waits.push(ms),
          paced: (...[, accountId, counted, pace]) => seen.set(`${accountId} ${counted}`, pace),
        },
        slots,
        callsPerSecond: {},
      },
      cloud,
      account,
    );

  /** Wants so many calls at once; they are noted as they are made. */
  const want = (count: number, by: CallPacer, name = 'one', operation = LIST, region = 'r1'): void => {
    for (let nth = 0; nth < count; nth += 1) {
      by.admit(operation, region).then(
        () => made.push({ at: time.now(), by: name }),
        (error: unknown) => heldBack.push(error as CloudError),
      );
    }
  };
  const madeSince = (at: number): number => made.filter((call) => call.at >= at).length;
  const mostInASecond = (): number =>
    Math.max(...made.map(({ at }) => made.filter((other) => other.at >= at && other.at < at + 1_000).length));

  it('is kept by two workers together, in any second, and used', async () => {
    const [one, two] = [pacer(), pacer()];
    want(300, one, 'one');
    want(300, two, 'two');
    await time.pass(4_000);
    expect(mostInASecond()).toBeLessThanOrEqual(100);
    expect(made.length).toBeGreaterThan(4 * 85);
    const ofTwo = made.filter(({ by }) => by === 'two').length;
    expect(Math.abs(ofTwo - made.length / 2)).toBeLessThan(made.length / 10);
    // Ten calls or so for each question to the database.
    expect(paces.reservations).toBeLessThan(made.length / 5);
  });

  it('is of each operation by itself where the cloud counts so, and of all where it does not', async () => {
    const tencent = pacer();
    want(10, tencent);
    want(10, tencent, 'one', 'DescribeCcnRoutes');
    const outscale = pacer('outscale', 'acct_2');
    want(2, outscale, 'two', 'ReadNets');
    want(2, outscale, 'two', 'ReadRouteTables');
    await time.pass(150);
    expect(made.filter(({ by }) => by === 'one')).toHaveLength(20);
    expect(made.filter(({ by }) => by === 'two')).toHaveLength(1);
  });

  it('may begin with a burst where the cloud fills a bucket', async () => {
    const aws = pacer('aws');
    want(200, aws, 'one', 'DescribeVpcs');
    await time.pass(50);
    expect(made.length).toBe(90);
    await time.pass(1_000);
    expect(made.length).toBeLessThanOrEqual(90 + 19);
  });

  it('is never made up for with a burst after the machine stood still', async () => {
    for (const worker of [pacer(), pacer(), pacer(), pacer()]) want(100, worker);
    await time.pass(500);
    time.stall(700);
    await time.pass(2_000);
    expect(mostInASecond()).toBeLessThanOrEqual(100);
    expect(made.length).toBeGreaterThan(200);
  });

  it('is halved for all workers by a throttled answer, and comes back', async () => {
    const [one, two] = [pacer(), pacer()];
    want(1, two, 'two');
    const use = new PortUse('look');
    await Promise.all([usingPort(use, () => one.admit(LIST, 'r1')), time.pass(100)]);
    const throttledAt = time.now();
    await Promise.all([use.throttled(LIST), time.pass(10)]);
    expect(seen.get(`acct_1 vpc ${LIST}`)).toMatchObject({ factor: 0.5, slowedAt: throttledAt });
    want(2_000, two, 'two');
    await time.pass(1_000 - 20);
    expect(madeSince(throttledAt)).toBe(0);
    await time.pass(1_020);
    const half = madeSince(throttledAt + 1_000);
    expect(half).toBeGreaterThan(40);
    expect(half).toBeLessThanOrEqual(50);
    // Answers of calls that were made before count no more.
    await Promise.all([use.throttled(LIST), time.pass(10)]);
    expect(factorAt(seen.get(`acct_1 vpc ${LIST}`)!, time.now())).toBeGreaterThan(0.5);
    await time.pass(30_000);
    made = [];
    const recovered = time.now();
    want(200, pacer(), 'three');
    await time.pass(1_000);
    expect(madeSince(recovered)).toBeGreaterThan(80);
    expect(mostInASecond()).toBeLessThanOrEqual(100);
  });

  it('is a quarter while the database cannot be asked', async () => {
    paces.isAway = true;
    want(200, pacer());
    await time.pass(2_000);
    expect(mostInASecond()).toBeLessThanOrEqual(25);
    expect(made.length).toBeGreaterThan(40);
    paces.isAway = false;
    made = [];
    await time.pass(1_000);
    expect(made.length).toBeGreaterThan(60);
  });

  it('holds nobody for ever', async () => {
    want(100, pacer('outscale'));
    await time.pass(20_000);
    expect(made.length).toBeGreaterThan(40);
    expect(made.length + heldBack.length).toBe(100);
    expect(heldBack[0]?.info).toMatchObject({ category: 'throttled', code: HELD_BACK, operation: LIST });
    expect(Math.max(...waits)).toBeLessThanOrEqual(12_000);
  });

  it('leaves changes for later that would wait for long, spread as they can be made', async () => {
    const one = pacer('aws');
    const change = () => usingPort(new PortUse('change'), () => one.admit('CreateRoute', 'r1'));
    const changes = Array.from({ length: 100 }, () => change());
    const outcomes = Promise.allSettled(changes);
    await time.pass(4_000);
    const made = (await outcomes).filter(({ status }) => status === 'fulfilled').length;
    // A burst of 45, and what comes free in two seconds.
    expect(made).toBeGreaterThanOrEqual(50);
    expect(made).toBeLessThanOrEqual(56);
    for (let nth = 0; nth < 20; nth += 1) void change().catch(() => undefined);
    const ahead = Array.from({ length: 10 }, () => one.comeBack('CreateRoute', 'r1') - time.now());
    expect(ahead[9]! - ahead[0]!).toBeCloseTo((9 * 1_000) / 4.5, 0);
    // Looks do not make such calls.
    expect(one.appointment('r1', 0)).toBeNull();
  });

  it('keeps nobody when the process shuts down, but those who need not wait', async () => {
    const one = pacer('outscale');
    want(20, one);
    await time.pass(500);
    one.close();
    await time.pass(5_000);
    expect(made.length + heldBack.length).toBe(20);
    expect(made.length).toBeLessThanOrEqual(4);
    want(1, one);
    want(1, one, 'one', 'ReadNets');
    await time.pass(500);
    expect(madeSince(time.now() - 500)).toBeGreaterThanOrEqual(1);
  });

  it('lets nobody call who has lost the right to while they waited', async () => {
    let may = true;
    const one = pacer('outscale');
    want(2, one);
    const asked = usingPort(new PortUse('change', () => may), () =>
      one.admit('DeleteNetPeering', 'r1'),
    ).catch((error: unknown) => error);
    await time.pass(100);
    may = false;
    await time.pass(3_000);
    expect(((await asked) as CloudError).info).toMatchObject({
      code: HELD_BACK,
      operation: 'DeleteNetPeering',
    });
  });

  describe('which is used up', () => {
    it('puts work off until it can be done, each a little later than the one before', async () => {
      const one = pacer();
      expect(one.appointment('r1', 0)).toBeNull();
      want(100, one);
      await time.pass(20);
      expect(one.appointment('r1', 0)).toBeNull();
      want(400, one);
      await time.pass(20);
      const aheadMs = Array.from({ length: 50 }, () => one.appointment('r2', 0)! - time.now());
      expect(aheadMs).toEqual([...aheadMs].sort((a, b) => a - b));
      expect(aheadMs[0]).toBeGreaterThan(2_000);
      expect(aheadMs[0]).toBeLessThan(5_500);
      expect(aheadMs.at(-1)! - aheadMs[0]!).toBeCloseTo((49 * 1_000) / 90, 0);
      await time.pass(4_000);
      expect(one.appointment('r2', 0)).toBeNull();
    });

    it('keeps work off that would take half of all places, and what waits elsewhere counts', async () => {
      const one = pacer('tencent', 'acct_1', 20);
      want(11, one);
      await time.pass(5);
      expect(one.appointment('r1', 0)).not.toBeNull();
      expect(one.appointment('r1', 0)! - time.now()).toBeLessThan(300);
      await time.pass(50);
      expect(one.appointment('r1', 0)).toBeNull();
      expect(one.appointment('r1', 10)).not.toBeNull();
    });

    it('never puts anything off for long', async () => {
      const one = pacer('outscale');
      want(30, one);
      await time.pass(20);
      for (let nth = 0; nth < 500; nth += 1) {
        expect(one.appointment('r1', 0)! - time.now()).toBeLessThanOrEqual(32_000);
      }
    });

    it('is no hindrance to another account, or to another region where they are counted by themselves', async () => {
      const [busy, other] = [pacer('aws', 'acct_1'), pacer('aws', 'acct_2')];
      want(200, busy, 'one', 'DescribeVpcs', 'r1');
      await time.pass(20);
      expect(busy.appointment('r1', 0)).not.toBeNull();
      expect([busy.appointment('r2', 0), other.appointment('r1', 0)]).toEqual([null, null]);
      want(10, other, 'other', 'DescribeVpcs', 'r1');
      want(10, busy, 'other', 'DescribeVpcs', 'r2');
      await time.pass(20);
      expect(made.filter(({ by }) => by === 'other')).toHaveLength(20);
    });
  });
});
