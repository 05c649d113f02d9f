import { describe, expect, test } from '@jest/globals';

import { createMetricsRegistry } from './metrics.js';

describe('the metrics of a part', () => {
  test('carry its name and do not mix with those of another in the same process', async () => {
    const [api, worker] = [createMetricsRegistry('api'), createMetricsRegistry('worker')];
    expect(await api.metrics()).toMatch(/process_cpu_seconds_total\{app="api"\}/);
    expect(await worker.metrics()).not.toContain('app="api"');
  });
});
