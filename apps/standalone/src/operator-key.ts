/**
 * `npm run operator-key -- "Display name"`: makes a key for the operator API in the database of DATABASE_URL and
 * prints it as `keyId:secret`, once. Whoever can reach the database can already do everything, so this asks for
 * nothing else.
 */
import { openDatabase } from '#database';
import { loadConfig } from '#runtime';

import { createOperatorKey } from './database-setup.js';

const displayName = process.argv[2];
if (displayName === undefined || displayName.trim() === '') {
  process.stderr.write('operator-key: say whose key it is: npm run operator-key -- "Display name"\n');
  process.exitCode = 1;
} else {
  try {
    const { url } = loadConfig(process.env).database;
    const database = await openDatabase({ url, poolSize: 2, applicationName: 'peering-broker-operator-key' });
    try {
      const { keyId, secret } = await createOperatorKey(database, displayName);
      process.stdout.write(`${keyId}:${secret}\n`);
    } finally {
      await database.close();
    }
  } catch (error) {
    process.stderr.write(`operator-key: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
