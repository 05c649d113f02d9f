import { beforeEach, describe, expect, it } from '@jest/globals';

import { WakePriorities } from './wake-priorities.js';

describe('the places of wake-ups in a queue', () => {
  let now: number;
  let priorities: WakePriorities;

  beforeEach(() => {
    now = 1_000_000;
    priorities = new WakePriorities({ now: () => now });
  });

  const places = (tenantId: string, count: number): number[] =>
    Array.from({ length: count }, () => priorities.next(tenantId));

  it('are one behind the other for one tenant, and at the front for another', () => {
    expect(places('busy', 5)).toEqual([1, 2, 3, 4, 5]);
    expect(places('quiet', 1)).toEqual([1]);
  });

  it('come forward as time passes', () => {
    places('busy', 101);
    now += 1_000;
    expect(priorities.next('busy')).toBe(82);
    now += 10_000;
    expect(priorities.next('busy')).toBe(1);
  });

  it('are never so far back that it would take more than minutes', () => {
    places('busy', 50_000);
    expect(priorities.next('busy')).toBe(10_001);
    now += 600_000;
    expect(priorities.next('busy')).toBe(1);
  });

  it('do not suffer from a clock that goes back', () => {
    places('busy', 10);
    now -= 60_000;
    expect(priorities.next('busy')).toBe(11);
  });

  it('are remembered for those alone who have sent some lately', () => {
    for (let tenant = 0; tenant < 5_000; tenant += 1) priorities.next(`tenant ${tenant}`);
    places('busy', 100);
    now += 1_000;
    places('another', 1);
    expect(priorities.next('busy')).toBeGreaterThan(80);
  });
});
