import type { Database } from './database.js';
import { translate } from './refusal.js';

/** One at a time: processes that start together wait for the first. */
const MIGRATION_LOCK = 7_306_001;

/**
 * Brings the schema up to date, each migration in a transaction of its own. Safe to run from several processes at once.
 * @returns the names of the migrations that were run
 */
export async function migrate(database: Database): Promise<string[]> {
  return alone(database, async () => {
    const run = await database.source.runMigrations({ transaction: 'each' });
    return run.map(({ name }) => name);
  });
}

/** Takes back the latest migration. */
export async function revert(database: Database): Promise<void> {
  await alone(database, () => database.source.undoLastMigration({ transaction: 'each' }));
}

async function alone<T>(database: Database, work: () => Promise<T>): Promise<T> {
  const lock = database.source.createQueryRunner();
  try {
    await lock.query('SET statement_timeout = 0');
    await lock.query('SET lock_timeout = 0');
    await lock.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    try {
      return await work();
    } finally {
      await lock.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]);
      await lock.query('RESET statement_timeout');
      await lock.query('RESET lock_timeout');
    }
  } catch (error) {
    throw translate(error);
  } finally {
    await lock.release();
  }
}
