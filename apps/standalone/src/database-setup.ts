import { apiKeys, migrate, openDatabase, type Database } from '#database';
import { migrateQueues } from '#queues';
import { hashSecret, newId, newSecret, type Logger } from '#runtime';

/** A key for the API: HTTP Basic's user name and password. */
export interface ApiKey {
  readonly keyId: string;
  readonly secret: string;
}

/**
 * Brings the schema up to date, and that of the queues where they live in PostgreSQL too.
 * @returns the names of the migrations that were run
 * @throws DatabaseUnavailable
 */
export async function prepareDatabase(
  url: string,
  queuesInPostgres: boolean,
  logger?: Logger,
): Promise<string[]> {
  const database = await openDatabase({
    url,
    poolSize: 2,
    applicationName: 'peering-broker-migrate',
    ...(logger ? { logger } : {}),
  });
  try {
    const run = await migrate(database);
    if (queuesInPostgres) await migrateQueues(url);
    return run;
  } finally {
    await database.close();
  }
}

/** The key with which an operator makes everything else through the API. Its secret is not kept. */
export async function createOperatorKey(database: Database, displayName: string): Promise<ApiKey> {
  const [keyId, secret] = [newId('key'), newSecret()];
  await database.asOperator((scope) =>
    apiKeys.create(scope, {
      id: keyId,
      tenantId: null,
      role: 'operator',
      projectIds: null,
      displayName,
      secretHash: hashSecret(secret),
    }),
  );
  return { keyId, secret };
}
