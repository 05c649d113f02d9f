/** PostgreSQL for tests: one server for the whole run, a migrated template in it, and a database of its own for each spec. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';

import pg from 'pg';

import { migrate, openDatabase } from '#database';

import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../apps/standalone/src/embedded-postgres.js';

/** The environment variable by which Jest's workers find the server. */
const ADMIN_URL = 'PEERING_BROKER_TEST_POSTGRES';
const TEMPLATE = 'peering_broker_template';

export interface TestDatabase {
  /** With every right, as the owner of the tables. */
  readonly url: string;
  /** Ends what is connected to it, and removes it. */
  drop(): Promise<void>;
}

let made = 0;

/** A database with the whole schema and no rows but those of the migrations; about 30 ms. */
export async function createTestDatabase(): Promise<TestDatabase> {
  return createDatabase(TEMPLATE);
}

/** A database without any schema, for tests of the migrations themselves. */
export async function createEmptyDatabase(): Promise<TestDatabase> {
  return createDatabase('template0');
}

async function createDatabase(template: string): Promise<TestDatabase> {
  made += 1;
  const name = `test_${String(process.pid)}_${String(made)}_${Math.random().toString(36).slice(2, 8)}`;
  const quoted = pg.escapeIdentifier(name);
  await administer(`CREATE DATABASE ${quoted} TEMPLATE ${pg.escapeIdentifier(template)}`);
  const url = new URL(adminUrl());
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => administer(`DROP DATABASE IF EXISTS ${quoted} WITH (FORCE)`) };
}

function adminUrl(): string {
  const url = env[ADMIN_URL];
  if (url === undefined) throw new Error('There is no PostgreSQL for tests: run them through Jest.');
  return url;
}

async function administer(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl() });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** Starts the server and makes the template; before all tests, once. */
export async function startTestPostgres(): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({
    dataDir: await mkdtemp(join(tmpdir(), 'peering-broker-test-')),
    ephemeral: true,
    onExit: (why) => process.stderr.write(`${why}\n`),
  });
  env[ADMIN_URL] = server.url;
  await administer(`CREATE DATABASE ${TEMPLATE}`);
  const url = new URL(server.url);
  url.pathname = `/${TEMPLATE}`;
  const database = await openDatabase({ url: url.href, poolSize: 2, applicationName: 'template' });
  try {
    await migrate(database);
  } finally {
    await database.close();
  }
  return server;
}
