import { describe, expect, test } from '@jest/globals';

import { REFRESH_EVERY_MS, RefreshLimit } from './refresh-limit.js';

describe('refreshing one connection', () => {
  test('is possible every five seconds, each connection by itself', () => {
    const limit = new RefreshLimit();
    limit.take('peer_1', 1_000);
    expect(() => limit.check('peer_2', 1_001)).not.toThrow();
    expect(() => limit.check('peer_1', 1_000 + REFRESH_EVERY_MS - 1)).toThrow(
      expect.objectContaining({ code: 'rate_limited', grounds: { retryAfterSeconds: 1 } }),
    );
    expect(() => limit.check('peer_1', 1_000 + REFRESH_EVERY_MS)).not.toThrow();
  });

  test('does not forget anybody who has to wait, however many ask', () => {
    const limit = new RefreshLimit();
    for (let index = 0; index < 10_050; index += 1) limit.take(`peer_${String(index)}`, 1_000);
    expect(() => limit.check('peer_0', 1_001)).toThrow();
  });
});
