import { describe, expect, it } from '@jest/globals';

import { FailurePacing } from './failure-pacing.js';

describe('the pacing of failures', () => {
  it('doubles the wait up to its limit, each key by itself', () => {
    const pacing = new FailurePacing(500, 4_000, () => 0);
    expect(Array.from({ length: 5 }, () => pacing.failed('a'))).toEqual([500, 1_000, 2_000, 4_000, 4_000]);
    expect(pacing.failed('b')).toBe(500);
    expect([pacing.wait('a'), pacing.wait('b'), pacing.wait('never')]).toEqual([4_000, 500, 500]);
  });

  it('begins again after a success', () => {
    const pacing = new FailurePacing(500, 4_000, () => 0);
    pacing.failed('a');
    pacing.failed('a');
    pacing.succeeded('a');
    expect([pacing.wait('a'), pacing.failed('a')]).toEqual([500, 500]);
  });

  it('spreads those who failed together, and never shortens a wait', () => {
    const most = new FailurePacing(1_000, 4_000, () => 0.999);
    expect(most.failed('a')).toBeGreaterThan(1_200);
    expect(most.wait('a')).toBeLessThanOrEqual(1_250);
  });
});
