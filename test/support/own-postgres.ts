/** A PostgreSQL server of a test's own, which it may stop and start: everybody else's goes on. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import pg from 'pg';

import { migrate, openDatabase } from '#database';
import { migrateQueues } from '#queues';

import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../apps/standalone/src/embedded-postgres.js';

export interface OwnPostgres {
  /** A database with the tables of the broker and of the queues. The same after every restart. */
  readonly url: string;
  /** Where it was started first. */
  readonly port: number;
  /** As a crash: every session ends where it is. What was committed is there after the next start. */
  halt(): Promise<void>;
  /** At the same port unless another is given, which `url` does not name. */
  start(at?: number): Promise<void>;
  /** Ends sessions of the database: all of them, or each with this chance from 0 to 1. Answers with how many. */
  terminateSessions(chance?: number): Promise<number>;
  remove(): Promise<void>;
}

export async function startOwnPostgres(): Promise<OwnPostgres> {
  const dataDir = await mkdtemp(join(tmpdir(), 'peering-broker-own-'));
  let tellGone: () => void = () => undefined;
  let gone: Promise<void> = Promise.resolve();
  const launch = async (port?: number): Promise<EmbeddedPostgres> => {
    gone = new Promise((resolve) => (tellGone = resolve));
    return startEmbeddedPostgres({
      dataDir,
      ...(port === undefined ? {} : { port }),
      onExit: () => tellGone(),
    });
  };
  let server: EmbeddedPostgres | null = await launch();
  const { port, url } = server;
  const remove = async (): Promise<void> => {
    await server?.stop();
    server = null;
    await rm(dataDir, { recursive: true, force: true });
  };
  const ask = async (sql: string, values: readonly unknown[] = []): Promise<pg.QueryResult> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return await client.query(sql, [...values]);
    } finally {
      await client.end();
    }
  };
  try {
    // A crash of the server loses nothing that the operating system was given; only a crash of that would.
    await ask('ALTER SYSTEM SET fsync = off');
    await ask('SELECT pg_reload_conf()');
    const database = await openDatabase({ url, poolSize: 2, applicationName: 'own' });
    try {
      await migrate(database);
    } finally {
      await database.close();
    }
    await migrateQueues(url);
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    url,
    port,
    halt: async () => {
      if (server === null) return;
      process.kill(server.pid, 'SIGQUIT');
      server = null;
      await gone;
    },
    start: async (at = port) => {
      server ??= await launch(at);
    },
    terminateSessions: async (chance = 1) => {
      const { rows } = await ask(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND random() < $1`,
        [chance],
      );
      return rows.length;
    },
    remove,
  };
}
