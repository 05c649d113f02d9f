import { openDatabase } from '#database';
import { connectors } from '#clouds';
import { openQueues } from '#queues';
import { systemClock, type Config } from '#runtime';

import { createApi } from '../../api/src/create-api.js';
import {
  PortInUseError,
  startSimulators,
  StateFileError,
  type Simulators,
} from '../../cloud-sim/src/simulator.js';
import { startWorker } from '../../worker/src/start-worker.js';
import { ApiRefusal } from './api-client.js';
import type { Credentials } from './credentials.js';
import type { DataFolder } from './data-folder.js';
import { prepareDatabase } from './database-setup.js';
import { EmbeddedPostgresError, startEmbeddedPostgres } from './embedded-postgres.js';
import type { LogFiles } from './log-files.js';
import { seed } from './seed.js';
import type { Parts } from './parts.js';
import type { Settings } from './settings.js';
import { StopReason } from './stop-reason.js';

/** What everything stands on. */
export interface Ground {
  readonly settings: Settings;
  readonly folder: DataFolder;
  /** But for the database's URL, which follows from the embedded one. */
  readonly config: Config;
  readonly logs: LogFiles;
}

export interface Broker {
  readonly apiUrl: string;
  readonly simulators: Simulators;
  readonly credentials: Credentials;
}

/** Told about each part as it comes up. */
export type Progress = (part: string, detail: string) => void;

/**
 * Starts everything in this process, each part handed to `parts` as soon as it has to be ended again.
 * @param onDeath told when the database ends by itself
 * @throws StopReason
 */
export async function startBroker(
  { settings, folder, config, logs }: Ground,
  parts: Parts,
  progress: Progress,
  onDeath: (why: StopReason) => void,
): Promise<Broker> {
  try {
    const [postgres, simulators] = await bothOf([
      startEmbeddedPostgres({
        dataDir: folder.postgres,
        onLog: logs.lines('postgres'),
        onExit: (why) => {
          onDeath(
            new StopReason(`The embedded PostgreSQL has ended: ${why} See ${folder.logs}/postgres.log.`),
          );
        },
      }).then((server) => parts.started('postgres', server, () => server.stop())),
      startSimulators({
        ports: settings.simulatorPort === 0 ? 'ephemeral' : settings.simulatorPort,
        host: settings.host,
        stateFile: folder.simulators,
      }).then((started) => parts.started('simulators', started, () => started.close())),
    ]);
    progress('database', `PostgreSQL on port ${String(postgres.port)}, data in ${folder.postgres}`);
    progress(
      'simulators',
      `${[...simulators.clouds.keys()].join(', ')}; control ${simulators.controlUrl}/_sim`,
    );

    const apiLogger = logs.logger('api');
    const workerLogger = logs.logger('worker');
    await prepareDatabase(postgres.url, true, apiLogger);

    const open = async (applicationName: string, logger: typeof apiLogger) => {
      const { poolSize } = config.database;
      const { url } = postgres;
      const database = await openDatabase({ url, poolSize, applicationName, logger });
      parts.started(applicationName, database, () => database.close());
      const queues = openQueues({ databaseUrl: url }, (error) => {
        logger.warn({ err: error }, 'the queues are in trouble');
      });
      parts.started(applicationName, queues, () => queues.close());
      return { database, queues };
    };

    const api = await createApi({
      ...(await open('peering-broker-api', apiLogger)),
      config,
      logger: apiLogger,
      clock: systemClock,
    });
    parts.started('api', api, () => api.close());
    progress('api', api.url);

    const ofWorker = await open('peering-broker-worker', workerLogger);
    const worker = await startWorker({
      ...ofWorker,
      config,
      logger: workerLogger,
      clock: systemClock,
      connectors,
    });
    parts.started('worker', worker, () => worker.close());
    progress('worker', 'watching');

    const credentials = await seed({ database: ofWorker.database, folder, apiUrl: api.url, simulators });
    return { apiUrl: api.url, simulators, credentials };
  } catch (error) {
    throw explain(error, folder);
  }
}

/** As Promise.all, except that a failure waits for the other, so that nothing is still starting while parts end. */
async function bothOf<A, B>([a, b]: readonly [Promise<A>, Promise<B>]): Promise<[A, B]> {
  await Promise.allSettled([a, b]);
  return [await a, await b];
}

/** One line for what a person can do something about; anything else stays as it is. */
function explain(error: unknown, folder: DataFolder): unknown {
  if (error instanceof PortInUseError || error instanceof StateFileError)
    return new StopReason(error.message);
  if (error instanceof ApiRefusal || error instanceof EmbeddedPostgresError)
    return new StopReason(error.message, { cause: error });
  if (error instanceof Error && error.name === 'DatabaseUnavailable') {
    return new StopReason(`The embedded PostgreSQL does not answer; see ${folder.logs}/postgres.log.`);
  }
  return error;
}
