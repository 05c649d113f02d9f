import { MigrationExecutor } from 'typeorm';

import type { Database } from './database.js';
import { translate } from './refusal.js';

/** One at a time: processes that start together wait for the first. */
const MIGRATION_LOCK = 7_306_001;

/**
 * Brings the schema up to date, each migration in a transaction of its own. Safe to run from several processes at once.
 * @returns the names of the migrations that were run
 */
export async function migrate(database: Database): Promise<string[]> {
  return alone(database, async (executor) => {
    const run = await executor.executePendingMigrations();
    return run.map(({ name }) => name);
  });
}

/** Takes back the latest migration. */
export async function revert(database: Database): Promise<void> {
  await alone(database, (executor) => executor.undoLastMigration());
}

/** Migrations may take their time: the limits of ordinary statements do not hold for them. */
async function alone<T>(database: Database, work: (executor: MigrationExecutor) => Promise<T>): Promise<T> {
  const runner = database.source.createQueryRunner();
  try {
    await runner.query('SET statement_timeout = 0');
    await runner.query('SET lock_timeout = 0');
    await runner.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    try {
      const executor = new MigrationExecutor(database.source, runner);
      executor.transaction = 'each';
      return await work(executor);
    } finally {
      await runner.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]);
      await runner.query('RESET statement_timeout');
      await runner.query('RESET lock_timeout');
    }
  } catch (error) {
    throw translate(error);
  } finally {
    await runner.release();
  }
}
