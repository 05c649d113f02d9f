/** A worker as a program of its own, whose cloud is part of it and answers at once. */
import { openDatabase } from '#database';
import { openQueues } from '#queues';
import { createLogger, loadConfig, systemClock } from '#runtime';

import { startWorker } from '../apps/worker/src/start-worker.js';
import { instantCloud } from './instant-cloud.js';

const config = loadConfig(process.env);
const logger = createLogger({ name: 'instant-worker', level: config.logLevel });
const { url, poolSize } = config.database;
const database = await openDatabase({ url, poolSize, applicationName: 'instant-worker', logger });
const queues = openQueues({ databaseUrl: url }, (error) => logger.warn({ err: error }, 'trouble'));
const { connect } = instantCloud(Number(process.env['INSTANT_EACH']));
const connectors = { aws: connect };
const worker = await startWorker({ database, queues, config, logger, clock: systemClock, connectors });
process.once('SIGTERM', () => {
  void worker
    .close()
    .then(() => queues.close())
    .then(() => database.close())
    .then(() => process.exit());
});
