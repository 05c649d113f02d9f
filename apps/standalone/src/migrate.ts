/**
 * `npm run migrate`: brings the database of DATABASE_URL up to date, and credentials that an older key of ENCRYPTION_KEYS
 * has encrypted under the first one. Run it before the API and the worker start.
 */
import { ConfigError, loadConfig } from '#runtime';

import { prepareDatabase, renewCredentials } from './database-setup.js';

try {
  const { database, encryptionKeys, redisUrl } = loadConfig(process.env);
  const run = await prepareDatabase(database.url, redisUrl === null);
  for (const name of run) process.stdout.write(`${name}\n`);
  process.stdout.write(
    run.length === 0 ? 'The database is up to date.\n' : 'The database has been brought up to date.\n',
  );
  const { renewed, unreadable } = await renewCredentials(database.url, encryptionKeys);
  if (renewed > 0) process.stdout.write(`Encrypted anew with the first key: ${accounts(renewed)}.\n`);
  if (unreadable > 0) {
    process.stderr.write(
      `migrate: no key of ENCRYPTION_KEYS opens the credentials of ${accounts(unreadable)}: add the key that they were ` +
        'encrypted with after the first, or give them new credentials through /admin/v1/platform-accounts.\n',
    );
  }
} catch (error) {
  process.stderr.write(`migrate: ${error instanceof Error ? error.message : String(error)}\n`);
  if (!(error instanceof ConfigError) && error instanceof Error && error.name !== 'DatabaseUnavailable') {
    process.stderr.write(`${error.stack ?? ''}\n`);
  }
  process.exitCode = 1;
}

function accounts(count: number): string {
  return count === 1 ? 'one platform account' : `${count} platform accounts`;
}
