/** Where queues of a test's own live: a database for each, and a numbered database of Redis for each of Jest's workers. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Redis } from 'ioredis';
import pg from 'pg';

import { migrateQueues, type QueueLocation } from '#queues';

import { eventually } from './eventually.js';
import { createTestDatabase } from './postgres.js';
import { findRedisServer, freePort, testRedisUrl } from './redis.js';

export interface QueuePlace {
  readonly location: QueueLocation;
  /** Forgets every job, as a flushed Redis does. */
  flush(): Promise<void>;
  /** Cuts every connection to the server, as its restart does; in PostgreSQL those of everybody to this database. */
  cut(): Promise<void>;
  remove(): Promise<void>;
}

/** Queues in a new PostgreSQL database. */
export async function queuesInPostgres(): Promise<QueuePlace> {
  const database = await createTestDatabase();
  await migrateQueues(database.url);
  return { ...placeInPostgres(database.url), remove: () => database.drop() };
}

/** Queues in a database that has their tables. */
export function placeInPostgres(databaseUrl: string): Omit<QueuePlace, 'remove'> {
  const flush = async (): Promise<void> => {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    // One by one: in one transaction they would lock in another order than those who are at work.
    for (const table of ['dedup_next', 'job', 'dedup']) await client.query(`DELETE FROM bullmq.${table}`);
    await client.end();
  };
  const cut = async (): Promise<void> => {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    await client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
    await client.end();
  };
  return { location: { databaseUrl }, flush, cut };
}

/** Queues in Redis, empty at first. @throws Error where there is no Redis: ask {@link testRedisUrl} first */
export async function queuesInRedis(): Promise<QueuePlace> {
  const server = testRedisUrl();
  if (server === null) throw new Error('There is no Redis for tests here.');
  const url = new URL(server);
  url.pathname = `/${process.env['JEST_WORKER_ID'] ?? '0'}`;
  return placeInRedis(url.href);
}

/** Queues in a Redis Cluster of one node, started for them. @throws Error where no server can be started */
export async function queuesInRedisCluster(): Promise<QueuePlace> {
  const program = findRedisServer();
  if (program === null) throw new Error('There is no redis-server on PATH.');
  const [port, busPort, folder] = await Promise.all([
    freePort(),
    freePort(),
    mkdtemp(join(tmpdir(), 'peering-broker-cluster-')),
  ]);
  const options = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--save', ''];
  const cluster = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort)];
  // The shell ends the server when the pipe from this process closes, however this process ends.
  const guard = '"$@" & cat; kill $!; wait';
  const command = ['-c', guard, 'redis-guard', program, ...options, ...cluster];
  const child = spawn('/bin/sh', [...command, '--cluster-announce-ip', '127.0.0.1'], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const node = new Redis(port, '127.0.0.1', { retryStrategy: () => 50 });
  node.on('error', () => undefined);
  await node.cluster('ADDSLOTSRANGE', 0, 16_383);
  await eventually('the cluster is up', async () =>
    (await node.cluster('INFO')).includes('cluster_state:ok'),
  );
  await node.quit();
  const place = await placeInRedis(`redis://127.0.0.1:${port}/?cluster=true`);
  const remove = async (): Promise<void> => {
    child.stdin.end();
    await gone;
    await rm(folder, { recursive: true, force: true });
  };
  return { ...place, remove };
}

async function placeInRedis(redisUrl: string): Promise<QueuePlace> {
  const flush = async (): Promise<void> => {
    const client = new Redis(redisUrl);
    await client.flushdb();
    await client.quit();
  };
  const cut = async (): Promise<void> => {
    const client = new Redis(redisUrl);
    await client.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await client.quit();
  };
  await flush();
  return { location: { redisUrl }, flush, cut, remove: flush };
}
