/** Where the queues live: Redis, or BullMQ's tables in a PostgreSQL schema of their own. */
import {
  createPostgresBackend,
  Queue,
  runMigrations,
  SchemaMigrationRequiredError,
  Worker,
  type Job,
  type WorkerOptions,
} from 'bullmq';
import type { Cluster, Redis } from 'ioredis';
import { Client } from 'pg';

import { openRedis } from './redis-connections.js';

/** The place of the queues: a Redis URL (see {@link openRedis}), or the URL of a migrated PostgreSQL database. */
export type QueueLocation =
  | { readonly redisUrl: string }
  | {
      readonly databaseUrl: string;
      /** How long a consumer waits for an answer before its line counts as dead; {@link ANSWER_TIMEOUT_MS}. */
      readonly answerTimeoutMs?: number;
    };

/** The one place where a queue and its consumer learn what they are connected to. */
export interface QueueBackend {
  /** A new producer. Its connection belongs to it. */
  openQueue(name: string, onError: (error: Error) => void): OpenQueue;
  /** A new consumer that does not run yet. Its connections belong to it. */
  openWorker(
    name: string,
    process: (job: Job) => Promise<void>,
    options: Omit<WorkerOptions, 'connection'>,
    onError: (error: Error) => void,
  ): OpenWorker;
}

/** What both of BullMQ's backends offer under the same name; the rest of this library sees only this. */
export type AnyQueue = Pick<
  Queue,
  'add' | 'addBulk' | 'getFailed' | 'getJob' | 'getJobCounts' | 'waitUntilReady'
>;
export type AnyWorker = Pick<Worker, 'run' | 'pause' | 'waitUntilReady'>;

export interface OpenQueue {
  readonly queue: AnyQueue;
  close(): Promise<void>;
}

export interface OpenWorker {
  readonly worker: AnyWorker;
  /** Waits for the jobs at hand, unless forced. */
  close(force: boolean): Promise<void>;
}

/** How long whoever adds a job waits for an answer, in milliseconds. */
export const PRODUCER_TIMEOUT_MS = 2_000;
/** Nothing that a consumer asks of PostgreSQL takes so long: the machine at the other end has vanished. */
const ANSWER_TIMEOUT_MS = 30_000;
/** The schema that BullMQ's tables live in. */
const SCHEMA = 'bullmq';
/** All keys in Redis begin so; the braces keep them in one slot of a cluster. */
const PREFIX = '{peering-broker}';

/** The queues' tables are not there. Says what to do. */
export class QueuesNotMigrated extends Error {
  constructor(options?: { readonly cause?: unknown }) {
    super(
      `The database has no queues (schema ${SCHEMA}): run the migrations before anything that uses queues.`,
      options,
    );
    this.name = 'QueuesNotMigrated';
  }
}

/** Creates or updates BullMQ's tables. Must have run before a consumer starts; running it again changes nothing. */
export async function migrateQueues(databaseUrl: string): Promise<void> {
  const client = new Client({ connectionString: databaseUrl, application_name: 'peering-broker-migrate' });
  await client.connect();
  try {
    await runMigrations(client, SCHEMA);
  } finally {
    await client.end();
  }
}

export function queueBackend(location: QueueLocation): QueueBackend {
  return 'redisUrl' in location ? redisBackend(location.redisUrl) : postgresBackend(location);
}

function redisBackend(redisUrl: string): QueueBackend {
  return {
    openQueue: (name, onError) => {
      const connection = openRedis(redisUrl, 'producer', onError);
      const queue = new Queue(name, { connection, prefix: PREFIX });
      queue.on('error', onError);
      return { queue, close: () => closeRedis(queue, connection) };
    },
    openWorker: (name, process, options, onError) => {
      const connection = openRedis(redisUrl, 'consumer', onError);
      const worker = new Worker(name, process, { ...options, connection, prefix: PREFIX });
      worker.on('error', onError);
      return {
        worker,
        close: (force) => closeRedis({ close: () => worker.close(force) }, connection),
      };
    },
  };
}

/** BullMQ leaves clients that it was given open. */
async function closeRedis(user: { close(): Promise<void> }, connection: Redis | Cluster): Promise<void> {
  try {
    await user.close();
  } finally {
    connection.disconnect();
  }
}

/**
 * A connection that is lost between two queries of one transaction, when nobody listens, must not end the process: the
 * next query fails, and that is told.
 */
class SteadyClient extends Client {
  constructor(config?: ConstructorParameters<typeof Client>[0]) {
    super(config);
    this.on('error', () => undefined);
  }
}

function postgresBackend({
  databaseUrl,
  answerTimeoutMs = ANSWER_TIMEOUT_MS,
}: Extract<QueueLocation, { readonly databaseUrl: string }>): QueueBackend {
  const connect = (role: 'producer' | 'consumer') => ({
    connectionString: databaseUrl,
    schema: SCHEMA,
    application_name: `peering-broker-queue-${role}`,
    max: role === 'producer' ? 2 : 4,
    keepAlive: true,
    Client: SteadyClient,
    connectionTimeoutMillis: role === 'producer' ? PRODUCER_TIMEOUT_MS : 10_000,
    query_timeout: role === 'producer' ? PRODUCER_TIMEOUT_MS : answerTimeoutMs,
  });
  return {
    openQueue: (name, onError) => {
      const queue = new Queue(name, { connection: connect('producer') }, createPostgresBackend);
      queue.on('error', onError);
      return { queue: queue, close: () => queue.close() };
    },
    openWorker: (name, process, options, onError) => {
      const worker = new Worker(
        name,
        process,
        { ...options, connection: connect('consumer') },
        createPostgresBackend,
      );
      worker.on('error', onError);
      return { worker: worker, close: (force) => worker.close(force) };
    },
  };
}

/** Waits until a queue or worker is connected. @throws QueuesNotMigrated */
export async function whenReady(user: Pick<Queue, 'waitUntilReady'>): Promise<void> {
  try {
    await user.waitUntilReady();
  } catch (error) {
    if (error instanceof SchemaMigrationRequiredError) throw new QueuesNotMigrated({ cause: error });
    throw error;
  }
}
