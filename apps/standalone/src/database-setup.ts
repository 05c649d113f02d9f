import { apiKeys, migrate, openDatabase, platformAccounts, type Database } from '#database';
import { migrateQueues } from '#queues';
import { CredentialCipher, CredentialCipherError, hashSecret, newId, newSecret, type Logger } from '#runtime';

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

/** What became of the stored credentials of platform accounts. */
export interface Renewal {
  /** Encrypted anew with the first key. */
  readonly renewed: number;
  /** Left as they are, since none of the keys opens them. */
  readonly unreadable: number;
}

/**
 * Encrypts the credentials of every platform account with the first key that are not yet, so that older keys can go.
 * @param encryptionKeys as in the configuration
 * @throws DatabaseUnavailable
 */
export async function renewCredentials(url: string, encryptionKeys: string): Promise<Renewal> {
  const cipher = CredentialCipher.fromKeys(encryptionKeys);
  const database = await openDatabase({ url, poolSize: 1, applicationName: 'peering-broker-migrate' });
  try {
    return await database.asOperator(async (scope) => {
      let unreadable = 0;
      const renewed = await platformAccounts.renewCredentials(scope, (envelope) => {
        try {
          return cipher.isCurrent(envelope) ? null : cipher.encrypt(cipher.decrypt(envelope));
        } catch (error) {
          if (!(error instanceof CredentialCipherError)) throw error;
          unreadable += 1;
          return null;
        }
      });
      return { renewed, unreadable };
    });
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
