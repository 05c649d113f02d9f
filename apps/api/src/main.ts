/** The API as a process of its own. */
import 'reflect-metadata';
import { openDatabase } from '#database';
import { openQueues } from '#queues';
import { ConfigError, createLogger, loadConfig, systemClock, type Config } from '#runtime';

import { createApi } from './create-api.js';

/** How long open requests may take after a signal, in milliseconds. */
const SHUTDOWN_MS = 15_000;

function readConfig(): Config {
  try {
    return loadConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  }
}

async function run(config: Config): Promise<void> {
  const logger = createLogger({ name: 'api', level: config.logLevel });
  const { url, poolSize } = config.database;
  const database = await openDatabase({ url, poolSize, applicationName: 'peering-broker-api', logger });
  const location = config.redisUrl === null ? { databaseUrl: url } : { redisUrl: config.redisUrl };
  const queues = openQueues(location, (error) => {
    logger.warn({ err: error }, 'trouble with the queues');
  });
  const api = await createApi({ database, queues, config, logger, clock: systemClock });
  logger.info({ url: api.url }, 'listening');

  const stop = async (signal: string): Promise<void> => {
    logger.info({ signal }, 'stopping');
    setTimeout(() => {
      logger.error('requests were still open; giving up on them');
      process.exit(1);
    }, SHUTDOWN_MS).unref();
    await api.close();
    await queues.close();
    await database.close();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      stop(signal).catch((error: unknown) => {
        logger.fatal({ err: error }, 'could not stop in order');
        process.exit(1);
      });
    });
  }
}

const config = readConfig();
run(config).catch((error: unknown) => {
  const why = error instanceof Error ? error.message : String(error);
  process.stderr.write(`The API could not start: ${why}\n`);
  process.exit(1);
});
