import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { ConfigError, loadConfig } from './config.js';

const KEY = `k1:${Buffer.alloc(32, 1).toString('base64')}`;
const MINIMAL = { DATABASE_URL: 'postgres://broker:pw@localhost/broker', ENCRYPTION_KEYS: KEY };

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, content: string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('the configuration', () => {
  test('needs a database and a key, and has a sensible value for everything else', () => {
    expect(loadConfig(MINIMAL)).toEqual({
      logLevel: 'info',
      database: { url: MINIMAL.DATABASE_URL, poolSize: 20 },
      redisUrl: null,
      encryptionKeys: KEY,
      api: { host: '0.0.0.0', port: 3000 },
      worker: {
        concurrency: 20,
        port: null,
        host: '0.0.0.0',
        leaseMs: 15_000,
        sweepIntervalMs: 1000,
        cloudCallTimeoutMs: 10_000,
        shutdownMs: 8_000,
        cloudCallsPerSecond: {},
      },
      engine: expect.objectContaining({ approvalWindowMs: 600_000, steadyMs: 300_000 }) as unknown,
      orphans: { intervalMs: 3_600_000, graceMs: 86_400_000, retentionMs: 90 * 86_400_000 },
    });
  });

  test('tells every problem at once, each with what to do', () => {
    const problems = problemsOf({
      REDIS_URL: 'localhost:6379',
      API_PORT: '70000',
      LOG_LEVEL: 'loud',
      WORKER_CONCURRENCY: '1.5',
      APPROVAL_WINDOW_SECONDS: '0',
      SWEEP_INTERVAL_MS: '1e3',
    });
    expect(problems).toEqual([
      'LOG_LEVEL must be one of trace, debug, info, warn, error, fatal, silent, not "loud"',
      'DATABASE_URL is not set: a PostgreSQL URL such as postgres://broker:password@localhost:5432/broker',
      'REDIS_URL must be a URL of the form redis://… or rediss://… (its value is not shown: it may hold a password)',
      'ENCRYPTION_KEYS is not set: for example ENCRYPTION_KEYS="k1:$(openssl rand -base64 32)"',
      'API_PORT must be an integer from 0 to 65535, not "70000"',
      'WORKER_CONCURRENCY must be an integer from 1 to 1000, not "1.5"',
      'SWEEP_INTERVAL_MS must be an integer from 50 to 60000, not "1e3"',
      'APPROVAL_WINDOW_SECONDS must be an integer from 1 to 604800, not "0"',
    ]);
    expect(new ConfigError(problems).message).toContain(
      `  - ${String(problems[0])}\n  - ${String(problems[1])}`,
    );
  });

  test('never repeats what may be a secret', () => {
    const problems = problemsOf({
      DATABASE_URL: 'mysql://root:hunter2@localhost/x',
      REDIS_URL: 'http://:hunter2@localhost',
      ENCRYPTION_KEYS: 'hunter2',
    });
    expect(problems).toHaveLength(3);
    expect(problems.join('\n')).not.toContain('hunter2');
  });

  test('takes an empty value as none', () => {
    expect(loadConfig({ ...MINIMAL, REDIS_URL: '', API_PORT: '', WORKER_PORT: '' }).api.port).toBe(3000);
  });

  test('takes seconds where people write seconds', () => {
    const { engine, worker } = loadConfig({
      ...MINIMAL,
      APPROVAL_WINDOW_SECONDS: '30',
      STEADY_INTERVAL_SECONDS: '60',
      IN_FLIGHT_INTERVAL_SECONDS: '5',
      LEASE_SECONDS: '20',
      WORKER_PORT: '9100',
    });
    expect(engine).toMatchObject({ approvalWindowMs: 30_000, steadyMs: 60_000, inFlightMs: 5_000 });
    expect(worker).toMatchObject({ leaseMs: 20_000, port: 9100 });
  });

  test('takes limits of calls by cloud, or by cloud and family', () => {
    const { worker } = loadConfig({ ...MINIMAL, CLOUD_CALLS_PER_SECOND: 'alibaba=20, huawei.write=2.5' });
    expect(worker.cloudCallsPerSecond).toEqual({ alibaba: 20, 'huawei.write': 2.5 });
    const problems = problemsOf({
      ...MINIMAL,
      CLOUD_CALLS_PER_SECOND: 'azure=1,aws.read=0,outscale,tencent.vpc=x',
    });
    expect(problems).toEqual([
      expect.stringMatching(
        /^CLOUD_CALLS_PER_SECOND names "azure", which is none of aws, aws\.read, aws\.write, /,
      ),
      'CLOUD_CALLS_PER_SECOND must give aws.read a number of calls per second, such as 20, not "0"',
      'CLOUD_CALLS_PER_SECOND must give outscale a number of calls per second, such as 20, not ""',
      'CLOUD_CALLS_PER_SECOND must give tencent.vpc a number of calls per second, such as 20, not "x"',
    ]);
  });

  test('reads secrets from files, keys one to a line', () => {
    const two = `k2:${Buffer.alloc(32, 2).toString('base64')}\n${KEY}\n`;
    const config = loadConfig({
      DATABASE_URL_FILE: file('database', `${MINIMAL.DATABASE_URL}\n`),
      ENCRYPTION_KEYS_FILE: file('keys', two),
    });
    expect(config.database.url).toBe(MINIMAL.DATABASE_URL);
    expect(config.encryptionKeys).toBe(two.trim().replace('\n', ','));
  });

  test.each([
    {
      reason: 'a secret given twice',
      env: { ...MINIMAL, DATABASE_URL_FILE: '/nowhere' },
      says: 'DATABASE_URL and DATABASE_URL_FILE are both set: give one of them',
    },
    {
      reason: 'a file that is not there',
      env: { DATABASE_URL: MINIMAL.DATABASE_URL, ENCRYPTION_KEYS_FILE: '/nowhere/keys' },
      says: 'ENCRYPTION_KEYS_FILE cannot be read: ENOENT',
    },
  ])('names $reason, once', ({ env, says }) => {
    expect(problemsOf(env)).toEqual([expect.stringContaining(says)]);
  });

  test('names an empty file', () => {
    const path = file('empty', '\n');
    const env = { DATABASE_URL: MINIMAL.DATABASE_URL, ENCRYPTION_KEYS_FILE: path };
    expect(problemsOf(env)).toEqual([`ENCRYPTION_KEYS_FILE names an empty file: ${path}`]);
  });
});
