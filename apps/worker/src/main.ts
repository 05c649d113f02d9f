/** The worker as a process: reads the environment, connects, and works until it is told to stop. */
import { connectors } from '#clouds';
import { openDatabase } from '#database';
import { openQueues } from '#queues';
import { ConfigError, createLogger, loadConfig, systemClock, type Config } from '#runtime';

import { startWorker } from './start-worker.js';

function readConfig(): Config {
  try {
    return loadConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

const config = readConfig();
const logger = createLogger({ name: 'worker', level: config.logLevel });
try {
  const { url, poolSize } = config.database;
  const database = await openDatabase({ url, poolSize, applicationName: 'peering-broker-worker', logger });
  const location = config.redisUrl === null ? { databaseUrl: url } : { redisUrl: config.redisUrl };
  const queues = openQueues(location, (error) => logger.warn({ err: error }, 'the queues are in trouble'));
  const worker = await startWorker({ database, queues, config, logger, clock: systemClock, connectors });
  logger.info({ url: worker.url }, 'the worker is at work');

  let stopping = false;
  const stop = async (signal: string): Promise<void> => {
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, 'the worker finishes what is under way');
    await worker.close();
    await queues.close();
    await database.close();
    logger.info('the worker has stopped');
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      stop(signal).catch((error: unknown) => {
        logger.fatal({ err: error }, 'the worker could not stop in order');
        process.exit(1);
      });
    });
  }
} catch (error) {
  logger.fatal({ err: error }, 'the worker cannot start');
  process.exitCode = 1;
  process.exit();
}
