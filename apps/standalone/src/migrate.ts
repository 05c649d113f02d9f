/** `npm run migrate`: brings the database of DATABASE_URL up to date. Run it before the API and the worker start. */
import { ConfigError, loadConfig } from '#runtime';

import { prepareDatabase } from './database-setup.js';

try {
  const { database, redisUrl } = loadConfig(process.env);
  const run = await prepareDatabase(database.url, redisUrl === null);
  for (const name of run) process.stdout.write(`${name}\n`);
  process.stdout.write(
    run.length === 0 ? 'The database is up to date.\n' : 'The database has been brought up to date.\n',
  );
} catch (error) {
  process.stderr.write(`migrate: ${error instanceof Error ? error.message : String(error)}\n`);
  if (!(error instanceof ConfigError) && error instanceof Error && error.name !== 'DatabaseUnavailable') {
    process.stderr.write(`${error.stack ?? ''}\n`);
  }
  process.exitCode = 1;
}
