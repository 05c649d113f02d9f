import { spawn, type ChildProcess } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';

import { EmbeddedPostgresError, startEmbeddedPostgres } from '../../apps/standalone/src/embedded-postgres.js';

let folder: string;
/** One cluster that several tests start and stop in turn: making one takes longer than starting it. */
let dataDir: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'embedded-postgres-'));
  await chmod(folder, 0o755);
  dataDir = join(folder, 'data');
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function ask<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`Waited in vain until ${what}.`);
    await sleep(20);
  }
}

/** Whether a process runs; one that has ended and that nobody has asked about (a zombie) does not. */
async function runs(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${String(pid)}/stat`, 'utf8').catch(() => null);
  if (status !== null) return !status.includes(') Z ');
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const postmasterOf = async (directory: string): Promise<number> =>
  Number((await readFile(join(directory, 'postmaster.pid'), 'utf8')).split('\n')[0]);

/** Another process that starts a server and prints its pid when it is up. */
async function startElsewhere(
  directory: string,
  ephemeral: boolean,
): Promise<{ owner: ChildProcess; pid: number }> {
  const hooks = new URL('../support/typescript-hooks.mjs', import.meta.url).href;
  const source = new URL('../../apps/standalone/src/embedded-postgres.ts', import.meta.url).href;
  const script = `
    const { startEmbeddedPostgres } = await import(${JSON.stringify(source)});
    const server = await startEmbeddedPostgres(${JSON.stringify({ dataDir: directory, ephemeral })});
    process.stdout.write(String(server.pid));
    setInterval(() => undefined, 1000);`;
  const owner = spawn(process.execPath, ['--import', hooks, '--input-type=module', '--eval', script], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = await new Promise<number>((settle, fail) => {
    owner.stdout.once('data', (text: Buffer) => settle(Number(text.toString())));
    owner.once('exit', () => fail(new Error('The process that starts PostgreSQL has ended.')));
  });
  return { owner, pid };
}

describe('the embedded PostgreSQL', () => {
  test('keeps its data from one start to the next', async () => {
    const first = await startEmbeddedPostgres({ dataDir });
    await ask(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.stop();
    expect(await runs(first.pid)).toBe(false);
    const second = await startEmbeddedPostgres({ dataDir });
    try {
      expect(await ask(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    } finally {
      await second.stop();
    }
  });

  test('lets nobody in without the password', async () => {
    const server = await startEmbeddedPostgres({ dataDir });
    try {
      const open = new URL(server.url);
      open.password = 'guess';
      await expect(ask(open.href, 'SELECT 1')).rejects.toThrow(/password authentication failed/);
    } finally {
      await server.stop();
    }
  });

  test('runs where only its owner may pass: a clone in a directory of mode 0700', async () => {
    const closed = join(folder, 'closed');
    await mkdir(closed, { mode: 0o700 });
    const server = await startEmbeddedPostgres({ dataDir: join(closed, 'inside', 'data'), ephemeral: true });
    try {
      const rows = await ask<{ superuser: string }>(
        server.url,
        "SELECT current_setting('is_superuser') AS superuser",
      );
      expect(rows).toEqual([{ superuser: 'on' }]);
    } finally {
      await server.stop();
    }
    expect(await readdir(join(closed, 'inside'))).toEqual([]);
  });

  test('ends when the process that started it is killed, and what was ephemeral is gone', async () => {
    const directory = join(folder, 'ephemeral');
    const { owner, pid } = await startElsewhere(directory, true);
    owner.kill('SIGKILL');
    await until('the server has ended', async () => !(await runs(pid)));
    await until('its data is removed', async () => !(await readdir(folder)).includes('ephemeral'));
  });

  test('starts again at once after the process that started it was killed', async () => {
    const { owner } = await startElsewhere(dataDir, false);
    owner.kill('SIGKILL');
    const server = await startEmbeddedPostgres({ dataDir });
    try {
      expect(await ask(server.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    } finally {
      await server.stop();
    }
  });

  test('says when the server ends by itself, and starts again from what that left behind', async () => {
    const told: string[] = [];
    const server = await startEmbeddedPostgres({ dataDir, onExit: (why) => told.push(why) });
    process.kill(server.pid, 'SIGKILL');
    await until('it was told', () => told.length > 0);
    expect(told).toEqual([expect.stringMatching(/ended by itself \(SIGKILL\)/)]);
    await server.stop();
    const again = await startEmbeddedPostgres({ dataDir });
    await again.stop();
  });

  test('is not kept out by a postmaster.pid whose number now belongs to another program', async () => {
    await writeFile(join(dataDir, 'postmaster.pid'), `${String(process.pid)}\n${dataDir}\n`);
    const server = await startEmbeddedPostgres({ dataDir });
    expect(await postmasterOf(dataDir)).toBe(server.pid);
    await server.stop();
  });

  test('is left alone by a second start on the same data', async () => {
    const server = await startEmbeddedPostgres({ dataDir });
    try {
      await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow(
        `another PostgreSQL (process ${String(server.pid)}) is running on ${dataDir}`,
      );
      expect(await ask(server.url, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }]);
    } finally {
      await server.stop();
    }
  });

  test('names a port that is in use', async () => {
    const other = createServer();
    await new Promise<void>((settle) => other.listen(0, '127.0.0.1', settle));
    const { port } = other.address() as { port: number };
    try {
      const attempt = startEmbeddedPostgres({ dataDir, port });
      await expect(attempt).rejects.toThrow(EmbeddedPostgresError);
      await expect(attempt).rejects.toThrow(`the port ${String(port)} for PostgreSQL is in use`);
    } finally {
      await new Promise((settle) => other.close(settle));
    }
  });

  test.each([
    {
      reason: 'data of another major version is never touched',
      prepare: async (directory: string) => {
        await mkdir(directory);
        await chmod(directory, 0o700);
        await writeFile(join(directory, 'PG_VERSION'), '12\n');
      },
      says: /was written by PostgreSQL 12, and this is PostgreSQL 18/,
    },
    {
      reason: 'a directory with other things in it is never taken for data',
      prepare: async (directory: string) => {
        await mkdir(directory);
        await writeFile(join(directory, 'thesis.tex'), 'precious');
      },
      says: /holds something else than PostgreSQL data/,
    },
    {
      reason: 'a path that cannot be made',
      prepare: async (directory: string) => writeFile(directory, 'a file'),
      says: /cannot be used for data: ENOTDIR/,
    },
  ])('refuses with one clear line: $reason', async ({ prepare, says }) => {
    const directory = await mkdtemp(join(folder, 'refused-'));
    const path = join(directory, 'data');
    await prepare(path);
    const attempt = startEmbeddedPostgres({ dataDir: path });
    await expect(attempt).rejects.toThrow(EmbeddedPostgresError);
    await expect(attempt).rejects.toThrow(says);
    await expect(attempt).rejects.toThrow(/^[^\n]+$/);
  });
});
