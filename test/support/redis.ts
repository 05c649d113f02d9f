/** Redis for tests: `REDIS_URL`, or a private server that keeps nothing; where there is neither, nothing. */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { env } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

/** The environment variable by which Jest's workers find the server. */
const TEST_URL = 'PEERING_BROKER_TEST_REDIS';
const START_TIMEOUT_MS = 10_000;

/** Where Redis is; null: there is none here, and what needs it cannot run. */
export function testRedisUrl(): string | null {
  return env[TEST_URL] ?? null;
}

export interface TestRedis {
  stop(): void;
}

/** Finds or starts a server; before all tests, once. @returns null when there is none to be had */
export async function startTestRedis(): Promise<TestRedis | null> {
  const given = env['REDIS_URL'];
  if (given !== undefined && given !== '') {
    env[TEST_URL] = given;
    return { stop: () => undefined };
  }
  const program = findRedisServer();
  if (program === null) return null;
  const port = await freePort();
  // The shell ends the server when the pipe from this process closes, however this process ends.
  const script =
    '"$1" --bind 127.0.0.1 --port "$2" --save "" --appendonly no --dir "$3" & cat; kill $!; wait';
  const child = spawn('/bin/sh', ['-c', script, 'redis-guard', program, String(port), tmpdir()], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.unref();
  await untilOpen(port);
  env[TEST_URL] = `redis://127.0.0.1:${String(port)}`;
  return { stop: () => child.stdin.end() };
}

/** The program of a Redis server on PATH; null: there is none. */
export function findRedisServer(): string | null {
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    for (const name of ['redis-server', 'valkey-server']) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        continue;
      }
    }
  }
  return null;
}

/** A port of this machine that nobody listens on. */
export async function freePort(): Promise<number> {
  return new Promise((settle, fail) => {
    const server = createServer();
    server.once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => settle(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

async function untilOpen(port: number): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await isOpen(port))) {
    if (Date.now() > deadline) throw new Error(`redis-server does not answer on port ${String(port)}.`);
    await sleep(20);
  }
}

async function isOpen(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      settle(true);
    });
    socket.once('error', () => settle(false));
  });
}
