/** What Jest starts before all tests and stops after them, and the account of what could not run. */
import { env } from 'node:process';

import { missingTools } from './external-tools.js';
import { startTestPostgres } from './postgres.js';
import { startTestRedis } from './redis.js';

export interface TestServices {
  /** Stops everything and prints, last of all, what did not run. @throws Error with REQUIRE_REDIS=1 and no Redis */
  stop(): Promise<void>;
}

export async function startTestServices(): Promise<TestServices> {
  const redis = await startTestRedis();
  const postgres = await startTestPostgres();
  return {
    async stop() {
      redis?.stop();
      await postgres.stop();
      const missing = missingTools().map(({ tool, reason }) => `${tool} (${reason})`);
      if (redis === null) missing.unshift('redis (no REDIS_URL, no redis-server on PATH)');
      for (const each of missing) process.stdout.write(`not run: what needs ${each}\n`);
      if (redis === null && env['REQUIRE_REDIS'] === '1') {
        throw new Error('REQUIRE_REDIS=1, but there is no Redis: install redis-server or set REDIS_URL.');
      }
    },
  };
}
