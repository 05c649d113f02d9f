import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import {
  countedAs,
  CREDIBLE_AHEAD_MS,
  factorAt,
  familyOf,
  LEAST_FACTOR,
  MAX_LATE_MS,
  reserve,
  REST_MS,
  slowed,
  spacing,
  UNUSED_PACE,
  type CallFamily,
  type Pace,
} from './call-pace.js';
import { SERVED_CLOUDS, profileOf } from './clouds/profiles.js';

const NOW = 1_700_000_000_000;

/** Somebody asks for times some while after the one before, and makes each call a little late, or not at all. */
interface Ask {
  readonly afterMs: number;
  readonly count: number;
  readonly lateMs: readonly number[];
}

const asks = fc.array(
  fc.record<Ask>({
    afterMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 5_000 })),
    count: fc.integer({ min: 1, max: 30 }),
    lateMs: fc.array(fc.integer({ min: 0, max: MAX_LATE_MS }), { minLength: 30, maxLength: 30 }),
  }),
  { minLength: 1, maxLength: 200 },
);
const limits = fc.record({
  perSecond: fc.integer({ min: 1, max: 200 }),
  burst: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 200 })),
});

/** When the calls are made; `factor` is that of the pace. */
function callTimes(
  limit: Pick<CallFamily, 'perSecond' | 'burst'>,
  all: readonly Ask[],
  factor = 1,
): number[] {
  const { intervalMs, slackMs } = spacing(limit, factor);
  const times: number[] = [];
  let now = NOW;
  let { nextAt } = UNUSED_PACE;
  for (const { afterMs, count, lateMs } of all) {
    now += afterMs;
    const reserved = reserve(nextAt, { from: now, count, intervalMs, slackMs, aheadMs: 2_000 });
    ({ nextAt } = reserved);
    if (reserved.firstAt === null) continue;
    for (let nth = 0; nth < count; nth += 1) {
      const due = Math.max(now, reserved.firstAt + nth * intervalMs);
      times.push(due + lateMs[nth]!);
    }
  }
  return times.sort((a, b) => a - b);
}

/** The most calls in any stretch of time that is as long as this. */
function mostWithin(times: readonly number[], ms: number): number {
  let most = 0;
  let first = 0;
  for (const [last, at] of times.entries()) {
    while (at - times[first]! >= ms) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

describe('calls that are made at their times', () => {
  it('are never more in any second than a cloud that counts by the second allows', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), asks, (perSecond, all) => {
        expect(mostWithin(callTimes({ perSecond, burst: 1 }, all), 1_000)).toBeLessThanOrEqual(perSecond);
      }),
    );
  });

  it('never find a bucket empty that is refilled evenly', () => {
    fc.assert(
      fc.property(limits, asks, ({ perSecond, burst }, all) => {
        // A bucket is at least as large as what runs into it within a second, in every vendor's words.
        const size = Math.max(burst, perSecond);
        let tokens = size;
        let before = NOW;
        for (const at of callTimes({ perSecond, burst }, all)) {
          tokens = Math.min(size, tokens + ((at - before) * perSecond) / 1_000) - 1;
          before = at;
          expect(tokens).toBeGreaterThanOrEqual(-1e-6);
        }
      }),
    );
  });

  it('use nearly all that is allowed while there is enough to do', () => {
    fc.assert(
      fc.property(fc.integer({ min: 5, max: 200 }), (perSecond) => {
        const always = Array.from({ length: 3_000 }, () => ({
          afterMs: 10,
          count: 1,
          lateMs: Array.from({ length: 30 }, () => 0),
        }));
        const made = callTimes({ perSecond, burst: 1 }, always).filter((at) => at < NOW + 30_000).length;
        expect(made / 30).toBeGreaterThan(Math.min(perSecond * 0.85, 99 * 0.85));
      }),
    );
  });

  it('are half as many at half the pace', () => {
    fc.assert(
      fc.property(limits, ({ perSecond, burst }) => {
        const full = spacing({ perSecond, burst }, 1);
        const half = spacing({ perSecond, burst }, 0.5);
        expect(half.intervalMs).toBeCloseTo(2 * full.intervalMs);
        expect(half.slackMs).toBeLessThanOrEqual(full.slackMs + half.intervalMs);
      }),
    );
  });
});

describe('a reservation', () => {
  const wanted = { from: NOW, count: 3, intervalMs: 100, slackMs: 0, aheadMs: 2_000 };

  it('takes the next free times, whoever asks', () => {
    const first = reserve(0, wanted);
    expect(first).toEqual({ firstAt: NOW, nextAt: NOW + 300 });
    expect(reserve(first.nextAt, wanted)).toEqual({ firstAt: NOW + 300, nextAt: NOW + 600 });
  });

  it('is not made further ahead than is of use', () => {
    expect(reserve(NOW + 2_000, wanted).firstAt).toBe(NOW + 2_000);
    expect(reserve(NOW + 2_001, wanted)).toEqual({ firstAt: null, nextAt: NOW + 2_001 });
  });

  it('believes no clock that is far ahead', () => {
    expect(reserve(NOW + CREDIBLE_AHEAD_MS, wanted).firstAt).toBe(NOW);
  });
});

describe('the pace', () => {
  const paces = fc.record<Pace>({
    nextAt: fc.integer({ min: NOW - 10_000, max: NOW + 2_000 }),
    factor: fc.double({ min: LEAST_FACTOR, max: 1, noNaN: true }),
    slowedAt: fc.integer({ min: NOW - 200_000, max: NOW }),
  });

  it('is halved by a throttled answer, and nothing is called for a second', () => {
    const half = slowed(UNUSED_PACE, NOW - 5, NOW);
    expect(half).toEqual({ nextAt: NOW + REST_MS, factor: 0.5, slowedAt: NOW });
    expect(slowed(half!, NOW + REST_MS, NOW + REST_MS)?.factor).toBe(0.25);
  });

  it('is halved once by all the calls that were on their way', () => {
    fc.assert(
      fc.property(paces, fc.integer({ min: 0, max: 10_000 }), (pace, agoMs) => {
        const after = slowed(pace, NOW - agoMs, NOW);
        if (NOW - agoMs < pace.slowedAt + REST_MS) expect(after).toBeNull();
        else expect(slowed(after!, NOW + REST_MS - 1, NOW + 3_000)).toBeNull();
      }),
    );
  });

  it('comes back by itself, evenly and to the full pace, and never stops altogether', () => {
    fc.assert(
      fc.property(paces, fc.array(fc.integer({ min: 0, max: 30_000 })), (pace, steps) => {
        let at = pace.slowedAt;
        let before = factorAt(pace, at);
        for (const step of steps) {
          at += step;
          const factor = factorAt(pace, at);
          expect(factor).toBeGreaterThanOrEqual(before);
          expect(factor).toBeLessThanOrEqual(1);
          before = factor;
        }
        expect(factorAt(pace, pace.slowedAt + 61_000)).toBe(1);
        expect(factorAt(pace, pace.slowedAt - 60_000)).toBe(pace.factor);
      }),
    );
  });

  it('believes no clock that is far ahead', () => {
    const written = { nextAt: NOW, factor: LEAST_FACTOR, slowedAt: NOW + CREDIBLE_AHEAD_MS + 1 };
    expect(factorAt(written, NOW)).toBe(1);
    expect(slowed(written, NOW, NOW)).toEqual({ nextAt: NOW + REST_MS, factor: 0.5, slowedAt: NOW });
    const credible = { ...written, slowedAt: NOW + CREDIBLE_AHEAD_MS };
    expect(factorAt(credible, NOW)).toBe(LEAST_FACTOR);
    expect(slowed(credible, NOW, NOW)).toBeNull();
  });

  it('is never slower than its least, however often it is slowed down', () => {
    let pace = UNUSED_PACE;
    for (let at = NOW; at < NOW + 20 * REST_MS; at += REST_MS) pace = slowed(pace, at, at) ?? pace;
    expect(pace.factor).toBe(LEAST_FACTOR);
  });
});

describe.each(SERVED_CLOUDS)('the limits of %s', (cloud) => {
  const { callLimits } = profileOf(cloud);

  it('take every operation, under names that are different', () => {
    const names = callLimits.families.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.every((name) => /^[a-z]+$/.test(name))).toBe(true);
    expect(familyOf(callLimits, 'AnythingAtAll')).toBe(callLimits.families.at(-1));
    expect(callLimits.parallel).toBeGreaterThan(0);
  });
});

it('what is counted together has one name, and what is not has several', () => {
  const family = { name: 'read', operations: /^/, perSecond: 1, burst: 1 } as const;
  expect(countedAs({ ...family, counted: 'together', scope: 'account' }, 'Describe', 'r')).toBe('read');
  expect(countedAs({ ...family, counted: 'by_operation', scope: 'region' }, 'Describe', 'r')).toBe(
    'read Describe r',
  );
});
