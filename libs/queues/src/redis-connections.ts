/** Connections to Redis, as the queues need them: one server, TLS, or a cluster. */
import { Cluster, Redis, type RedisOptions } from 'ioredis';

/**
 * Opens a client for a URL: `redis://` or `rediss://` (TLS), with `?cluster=true` when the URL names a node of a Redis
 * Cluster. A producer gives up at once when Redis is away, because whoever adds a job has better things to do than to
 * wait; a consumer waits for as long as it takes.
 */
export function openRedis(
  redisUrl: string,
  role: 'producer' | 'consumer',
  onError: (error: Error) => void,
): Redis | Cluster {
  const url = new URL(redisUrl);
  const isCluster = ['true', '1', ''].includes(url.searchParams.get('cluster') ?? 'false');
  const patience: RedisOptions =
    role === 'producer'
      ? { enableOfflineQueue: false, maxRetriesPerRequest: 1 }
      : { maxRetriesPerRequest: null };
  const options: RedisOptions = {
    ...patience,
    connectTimeout: 5_000,
    disconnectTimeout: 200,
    retryStrategy: reconnectDelay,
  };
  const client = isCluster ? openCluster(url, options) : new Redis(redisUrl, options);
  client.on('error', onError);
  return client;
}

/** 50 ms more after each failure, up to one second. */
function reconnectDelay(attempt: number): number {
  return Math.min(attempt * 50, 1_000);
}

function openCluster(url: URL, options: RedisOptions): Cluster {
  const { enableOfflineQueue, ...perNode } = options;
  return new Cluster([{ host: url.hostname, port: Number(url.port || 6379) }], {
    ...(enableOfflineQueue === undefined ? {} : { enableOfflineQueue }),
    clusterRetryStrategy: reconnectDelay,
    redisOptions: {
      ...perNode,
      ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
      ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
      ...(url.protocol === 'rediss:' ? { tls: {} } : {}),
    },
  });
}
