/** Redis servers of a test's own, which it may kill and start: one alone, or a cluster. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Redis } from 'ioredis';

import { eventually } from './eventually.js';
import { startGuarded, type GuardedProcess } from './guarded-process.js';
import { findRedisServer, freePort } from './redis.js';

export interface OwnRedis {
  readonly url: string;
  readonly port: number;
  /** FLUSHALL: every job is forgotten. */
  flush(): Promise<void>;
  /** kill -9; it comes back empty. */
  halt(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

export interface OwnRedisCluster {
  /** Names one node; the others are found through it. */
  readonly url: string;
  readonly nodes: readonly OwnRedis[];
  /** The node that keys with this name are kept on. */
  nodeOf(key: string): Promise<OwnRedis>;
  remove(): Promise<void>;
}

const SLOTS = 16_384;
const READY = 'Ready to accept connections';

/** A server that keeps nothing. @throws Error where there is none to be started: ask `findRedisServer` first */
export async function startOwnRedis(options: readonly string[] = []): Promise<OwnRedis> {
  const program = findRedisServer();
  if (program === null) throw new Error('There is no redis-server on PATH.');
  const [port, folder] = await Promise.all([freePort(), mkdtemp(join(tmpdir(), 'peering-broker-redis-'))]);
  const place = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder];
  const command = [program, ...place, '--save', '', '--appendonly', 'no', ...options];
  let server: GuardedProcess | null = await startGuarded({ command, ready: READY });
  const halt = async (): Promise<void> => {
    await server?.kill();
    server = null;
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    flush: () => tell(port, (redis) => redis.flushall()).then(() => undefined),
    halt,
    start: async () => {
      server ??= await startGuarded({ command, ready: READY });
    },
    remove: async () => {
      await halt();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A cluster of three masters that share the slots. */
export async function startOwnRedisCluster(): Promise<OwnRedisCluster> {
  const nodes: OwnRedis[] = [];
  const remove = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.remove()));
  };
  try {
    const busPorts: number[] = [];
    for (let count = 0; count < 3; count += 1) {
      const busPort = await freePort();
      busPorts.push(busPort);
      nodes.push(
        await startOwnRedis([
          ...['--cluster-enabled', 'yes', '--cluster-port', String(busPort)],
          ...['--cluster-announce-ip', '127.0.0.1', '--cluster-node-timeout', '2000'],
          // A node that is away must not take the slots of the others away with it.
          ...['--cluster-require-full-coverage', 'no'],
        ]),
      );
    }
    const share = Math.ceil(SLOTS / nodes.length);
    for (const [index, { port }] of nodes.entries()) {
      await tell(port, async (redis) => {
        const last = Math.min(SLOTS, (index + 1) * share) - 1;
        await redis.cluster('ADDSLOTSRANGE', index * share, last);
        // Without an epoch of its own each would take the others' word for wrong.
        await redis.call('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
      });
    }
    const [first, ...others] = nodes;
    for (const [index, { port }] of others.entries()) {
      const busPort = String(busPorts[index + 1]);
      await tell(first!.port, (redis) => redis.call('CLUSTER', 'MEET', '127.0.0.1', String(port), busPort));
    }
    for (const { port } of nodes) {
      await eventually('every node knows all slots', () =>
        tell(port, async (redis) => {
          const info = await redis.cluster('INFO');
          return info.includes('cluster_state:ok') && info.includes(`cluster_slots_ok:${SLOTS}`);
        }),
      );
    }
    const nodeOf = async (key: string): Promise<OwnRedis> => {
      const slot = await tell(first!.port, (redis) => redis.cluster('KEYSLOT', key));
      return nodes[Math.floor(slot / share)]!;
    };
    return { url: `${first!.url}/?cluster=true`, nodes, nodeOf, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function tell<Answer>(port: number, ask: (redis: Redis) => Promise<Answer>): Promise<Answer> {
  const redis = new Redis(port, '127.0.0.1', { retryStrategy: null, maxRetriesPerRequest: 0 });
  redis.on('error', () => undefined);
  try {
    return await ask(redis);
  } finally {
    redis.disconnect();
  }
}
