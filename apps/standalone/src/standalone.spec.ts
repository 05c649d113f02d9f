import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { eventually } from '../../../test/support/eventually.js';
import { ApiClient } from './api-client.js';
import type { Credentials } from './credentials.js';

const MAIN = fileURLToPath(new URL('../../../dist/apps/standalone/src/main.js', import.meta.url));
const START_LIMIT_MS = 60_000;

/** Long enough for the customer who approves, short for the one who does not. */
const APPROVAL_WINDOW_SECONDS = '6';

interface Peering {
  readonly id: string;
  readonly cloud: string;
  readonly status: {
    readonly state: string;
    readonly reason: { readonly code: string };
    readonly lastObservedAt: string;
  };
}

/** `npm start` as a process, on ports of its own. */
class Start {
  output = '';
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;

  constructor(dataDir: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, ['--enable-source-maps', MAIN, ...args], {
      env: {
        ...process.env,
        DATA_DIR: dataDir,
        API_PORT: '0',
        SIM_PORT: '0',
        HOST: '',
        APPROVAL_WINDOW_SECONDS,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (text: Buffer) => (this.output += text.toString()));
    }
    this.ended = once(this.child, 'close').then(([code]) => code as number | null);
  }

  async says(text: string): Promise<void> {
    let hasEnded = false;
    void this.ended.then(() => (hasEnded = true));
    const said = (): boolean => this.output.includes(text);
    await eventually(`"${text}" in the output`, () => said() || hasEnded, START_LIMIT_MS);
    if (!said()) throw new Error(`It ended without saying "${text}":\n${this.output}`);
  }

  /** @returns its exit code, and how long it took to end */
  async interrupt(): Promise<{ code: number | null; ms: number }> {
    const asked = performance.now();
    this.child.kill('SIGINT');
    return { code: await this.ended, ms: performance.now() - asked };
  }
}

const credentialsIn = async (dataDir: string): Promise<Credentials> =>
  JSON.parse(await readFile(join(dataDir, 'credentials.json'), 'utf8')) as Credentials;

async function peeringsOf({ apiUrl, tenants }: Credentials): Promise<Peering[]> {
  return new ApiClient(apiUrl, tenants[0]!).all<Peering>('/v1/peerings');
}

/** The connections once the worker has looked at each running one again. */
async function observedAnew(credentials: Credentials): Promise<Peering[]> {
  const api = new ApiClient(credentials.apiUrl, credentials.tenants[0]!);
  const asked = new Date().toISOString();
  const isRunning = ({ status }: Peering): boolean => status.state === 'running';
  const running = (await peeringsOf(credentials)).filter(isRunning);
  for (const { id } of running) await api.post(`/v1/peerings/${id}/refresh`, {});
  const lookedAt = async (): Promise<Peering[] | false> => {
    const peerings = await peeringsOf(credentials);
    return peerings.filter(isRunning).every(({ status }) => status.lastObservedAt > asked) && peerings;
  };
  // A worker that was killed at work holds its lease for some seconds more.
  return eventually('every running connection was looked at', lookedAt, START_LIMIT_MS);
}

/** Does what a curl command says, in the few words of curl that are printed. */
async function carryOut(command: string): Promise<Response> {
  const said = /^curl -s -u (\S+) (?:-X (\S+) )?(\S+)$/.exec(command.trim());
  if (said === null) throw new Error(`This is not a command that is understood here: ${command}`);
  const [, key = '', method = 'GET', url = ''] = said;
  const authorization = `Basic ${Buffer.from(key).toString('base64')}`;
  return fetch(url, { method, headers: { authorization } });
}

// Several starts in one test, on machines that may be slow.
jest.setTimeout(120_000);

describe('npm start', () => {
  let folder: string;
  const starts: Start[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'standalone-'));
  });
  afterEach(async () => {
    for (const { child, ended } of starts.splice(0)) {
      child.kill('SIGKILL');
      await ended;
    }
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  function start(dataDir: string, args: readonly string[] = [], env: Record<string, string> = {}): Start {
    const started = new Start(dataDir, args, env);
    starts.push(started);
    return started;
  }

  describe('on a folder of its own', () => {
    let dataDir: string;
    beforeAll(() => {
      dataDir = join(folder, 'data');
    });

    it('brings connections in every cloud to their ends, says how to go on, and stops in order', async () => {
      const first = start(dataDir);
      await first.says('Ctrl-C stops everything');
      for (const state of ['verifying', 'accepting', 'provisioning', 'running']) {
        expect(first.output).toMatch(new RegExp(` AWS +${state} `));
      }
      expect(first.output).toMatch(/ AWS +rtb-\w+: 172\.16\.0\.0\/16 -> pcx-\w+, active/);

      const credentials = await credentialsIn(dataDir);
      expect((await stat(join(dataDir, 'credentials.json'))).mode & 0o777).toBe(0o600);
      expect((await stat(join(dataDir, 'encryption-key'))).mode & 0o777).toBe(0o600);
      const ends = (await peeringsOf(credentials)).map(
        ({ cloud, status }) => `${cloud} ${status.state} ${status.reason.code}`,
      );
      expect(ends.sort()).toEqual([
        'alibaba failed cidr_reserved',
        'alibaba running ready',
        'aws running ready',
        'huawei running ready',
        'outscale running ready',
        'tencent failed approval_window_elapsed',
        'tencent running ready',
      ]);

      const commands = first.output.split('\n').filter((line) => line.trimStart().startsWith('curl '));
      expect(commands).toHaveLength(3);
      for (const command of commands) expect((await carryOut(command)).ok).toBe(true);
      // The last of them has deleted the connection.
      await eventually('nothing left in the cloud', async () => {
        const peerings = await peeringsOf(credentials);
        return peerings.some(({ cloud, status }) => cloud === 'aws' && status.state === 'deleted');
      });

      const { code, ms } = await first.interrupt();
      expect({ code, output: first.output }).toMatchObject({ code: 0 });
      expect(ms).toBeLessThan(5_000);
    });

    it('finds everything again: keys, deployments and connections, and adds others', async () => {
      const before = await credentialsIn(dataDir);
      const second = start(dataDir);
      await second.says('Ctrl-C stops everything');
      const after = await credentialsIn(dataDir);
      expect(after.operator).toEqual(before.operator);
      expect(after.tenants).toEqual(before.tenants);
      const running = (await peeringsOf(after)).filter(({ status }) => status.state === 'running');
      // Tencent's networks take part in one connection at most; AWS's first one was deleted above.
      expect(running.map(({ cloud }) => cloud).sort()).toEqual([
        'alibaba',
        'alibaba',
        'aws',
        'huawei',
        'huawei',
        'outscale',
        'outscale',
        'tencent',
      ]);
      expect(second.output).toContain('172.17.0.0/16');
      expect((await second.interrupt()).code).toBe(0);
    });

    it('goes on after a kill, with nothing lost', async () => {
      const killed = start(dataDir, ['--no-demo']);
      await killed.says('Ctrl-C stops everything');
      const before = await peeringsOf(await credentialsIn(dataDir));
      killed.child.kill('SIGKILL');
      await killed.ended;
      const next = start(dataDir, ['--no-demo']);
      await next.says('Ctrl-C stops everything');
      const summary = ({ id, status }: Peering): string => `${id} ${status.state}`;
      const after = await observedAnew(await credentialsIn(dataDir));
      expect(after.map(summary)).toEqual(before.map(summary));
    });

    it('leaves the folder to the instance that has it', async () => {
      const holder = start(dataDir, ['--no-demo']);
      await holder.says('worker');
      const other = start(dataDir, ['--no-demo']);
      expect(await other.ended).toBe(1);
      expect(other.output).toBe(
        `Another instance (process ${String(holder.child.pid)}) is using ${dataDir}: stop it, or name another folder in DATA_DIR.\n`,
      );
    });

    it('ends with one line when its database dies', async () => {
      const bereft = start(dataDir, ['--no-demo']);
      await bereft.says('Ctrl-C stops everything');
      const [pid] = (await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n');
      process.kill(Number(pid), 'SIGQUIT');
      expect(await bereft.ended).toBe(1);
      const lines = bereft.output.trimEnd().split('\n');
      expect(lines.at(-1)).toMatch(/^The embedded PostgreSQL has ended: .*postgres\.log\.$/);
      expect(bereft.output).not.toMatch(/^ +at /m);
    });
  });

  describe('refuses in one line', () => {
    let dataDir: string;
    beforeEach(() => {
      dataDir = join(folder, 'refused');
    });

    async function refusal(
      args: readonly string[],
      env: Record<string, string>,
      where = dataDir,
    ): Promise<string> {
      const refused = start(where, args, env);
      expect(await refused.ended).toBe(1);
      expect(refused.output.trimEnd().split('\n')).toHaveLength(1);
      return refused.output;
    }

    it('a port that is in use', async () => {
      const holder = createServer().listen(0, '127.0.0.1');
      await once(holder, 'listening');
      const port = String((holder.address() as AddressInfo).port);
      try {
        expect(await refusal([], { API_PORT: port })).toContain(
          `Port ${port} on 127.0.0.1, wanted for the API, is`,
        );
        expect(await refusal([], { SIM_PORT: port })).toContain(
          'wanted for the simulators, is in use: set SIM_PORT',
        );
      } finally {
        holder.close();
      }
    });

    it('a folder that it cannot write to', async () => {
      const file = join(folder, 'a-file');
      await writeFile(file, '');
      expect(await refusal([], {}, join(file, 'data'))).toContain(`Cannot write to ${file}/data (ENOTDIR)`);
    });

    it.each([
      [['--demo'], {}, 'There is no option --demo'],
      [[], { API_PORT: '70000' }, 'API_PORT must be a port from 0 to 65535, not "70000".'],
      [[], { SIM_PORT: '65535' }, 'SIM_PORT must be a port from 0 to 65530'],
      [[], { LOG_LEVEL: 'loud' }, 'LOG_LEVEL must be one of'],
    ])('%j with %j', async (args, env, line) => {
      expect(await refusal(args, env as Record<string, string>)).toContain(line);
    });
  });
});
