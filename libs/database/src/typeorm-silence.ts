import type { Logger } from 'typeorm';

const nothing = (): void => undefined;

/** TypeORM writes to the console in words of its own; what matters is thrown, and told by whoever catches it. */
export const TYPEORM_SILENCE: Logger = {
  logQuery: nothing,
  logQueryError: nothing,
  logQuerySlow: nothing,
  logSchemaBuild: nothing,
  logMigration: nothing,
  log: nothing,
};
