import { openDatabase } from '#database';
import { connectors } from '#clouds';
import { openQueues } from '#queues';
import { ConfigError, loadConfig, systemClock, type Config } from '#runtime';

import { createApi } from '../../api/src/create-api.js';
import {
  PortInUseError,
  startSimulators,
  StateFileError,
  type Simulators,
} from '../../cloud-sim/src/simulator.js';
import { startWorker } from '../../worker/src/start-worker.js';
import type { Credentials } from './credentials.js';
import { encryptionKeyOf, type DataFolder } from './data-folder.js';
import { prepareDatabase } from './database-setup.js';
import { EmbeddedPostgresError, startEmbeddedPostgres } from './embedded-postgres.js';
import type { LogFiles } from './log-files.js';
import { seed } from './seed.js';
import type { Settings } from './settings.js';
import { StopReason } from './stop-reason.js';

/** The ways to end the parts that have been started, last one first. */
export class Parts {
  readonly #closers: { readonly name: string; readonly close: () => Promise<unknown> }[] = [];
  #isClosing = false;

  /**
   * @returns the part
   * @throws StopReason when everything is being ended already; the part then is too
   */
  started<T>(name: string, part: T, close: () => Promise<unknown>): T {
    if (this.#isClosing) {
      close().catch(() => undefined);
      throw new StopReason('Stopped while starting.');
    }
    this.#closers.push({ name, close });
    return part;
  }

  /** Ends every part in turn; one that fails does not keep the others from ending. */
  async close(onError: (name: string, error: unknown) => void): Promise<void> {
    this.#isClosing = true;
    for (let part = this.#closers.pop(); part !== undefined; part = this.#closers.pop()) {
      try {
        await part.close();
      } catch (error) {
        onError(part.name, error);
      }
    }
  }
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
  settings: Settings,
  folder: DataFolder,
  logs: LogFiles,
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

    const config = await configOf(settings, folder, postgres.url);
    const apiLogger = logs.logger('api');
    const workerLogger = logs.logger('worker');
    await prepareDatabase(postgres.url, true, apiLogger);

    const open = async (applicationName: string, logger: typeof apiLogger) => {
      const { url, poolSize } = config.database;
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

async function configOf(settings: Settings, folder: DataFolder, databaseUrl: string): Promise<Config> {
  return loadConfig({
    ...process.env,
    DATABASE_URL: databaseUrl,
    DATABASE_URL_FILE: '',
    REDIS_URL: '',
    REDIS_URL_FILE: '',
    ENCRYPTION_KEYS: await encryptionKeyOf(folder),
    ENCRYPTION_KEYS_FILE: '',
    WORKER_PORT: '',
    HOST: settings.host,
    API_PORT: String(settings.apiPort),
  });
}

/** One line for what a person can do something about; anything else stays as it is. */
function explain(error: unknown, folder: DataFolder): unknown {
  if (error instanceof PortInUseError || error instanceof StateFileError)
    return new StopReason(error.message);
  if (error instanceof EmbeddedPostgresError) return new StopReason(error.message, { cause: error });
  if (error instanceof ConfigError) return new StopReason(error.problems.join('; '));
  if (error instanceof Error && error.name === 'DatabaseUnavailable') {
    return new StopReason(`The embedded PostgreSQL does not answer; see ${folder.logs}/postgres.log.`);
  }
  return error;
}
