/** Configuration from the environment: read once, checked whole, and told about in one go when it is wrong. */
import { readFileSync } from 'node:fs';

import { DEFAULT_ENGINE_SETTINGS, profileOf, SERVED_CLOUDS, type EngineSettings } from '#domain';

import { CredentialCipher } from './credential-cipher.js';

/** Everything that can be configured. Times are in milliseconds. */
export interface Config {
  readonly logLevel: string;
  readonly database: {
    /** `postgres://user:password@host:port/name`. */
    readonly url: string;
    /** Most connections that one process opens. */
    readonly poolSize: number;
  };
  /** `redis://`, `rediss://`; null: the queues live in PostgreSQL. */
  readonly redisUrl: string | null;
  /** `id:base64[,id2:base64…]`; the first encrypts (see CredentialCipher). */
  readonly encryptionKeys: string;
  readonly api: {
    readonly host: string;
    readonly port: number;
  };
  readonly worker: {
    /** Deployments that one process works on at a time: so many because jobs name them, and so many that are due. */
    readonly concurrency: number;
    /** Where the worker shows its health and metrics; null: nowhere. */
    readonly port: number | null;
    readonly host: string;
    /** How long a lease on a deployment lasts unless it is renewed. */
    readonly leaseMs: number;
    /** How often rows that are due are looked for. */
    readonly sweepIntervalMs: number;
    /** Deadline of one call of a cloud. */
    readonly cloudCallTimeoutMs: number;
    /** How long what is under way may take to end once the process is told to stop. */
    readonly shutdownMs: number;
    /** What clouds allow one account, where it is other than documented: by cloud, or by `cloud.family` of calls. */
    readonly cloudCallsPerSecond: Readonly<Record<string, number>>;
  };
  readonly engine: EngineSettings;
  /** How what was left behind in platform networks is searched for. */
  readonly orphans: {
    /** Time between two searches of one network; 0: never. */
    readonly intervalMs: number;
    /** How long what was found is left alone. */
    readonly graceMs: number;
    /** How long what is over is kept for reports, and what an operator keeps without any look having shown it. */
    readonly retentionMs: number;
  };
}

/** Everything that is wrong with the environment, one line each. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`The configuration is not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];
const SECOND = 1000;
/** Beyond any cloud: as good as no limit. */
const MOST_CALLS_PER_SECOND = 1_000_000;

/**
 * Reads the environment. A variable that holds a secret may instead be given as a file: `NAME_FILE=/run/secrets/name`.
 * An empty value counts as not given.
 * @throws ConfigError with every problem at once
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const read = new Reader(env);
  const config: Config = {
    logLevel: read.choice('LOG_LEVEL', LOG_LEVELS, 'info'),
    database: {
      url:
        read.url('DATABASE_URL', ['postgres:', 'postgresql:']) ?? read.missing('DATABASE_URL', DATABASE_HINT),
      // A worker's statements of many take up to 18: the rest is for the renewal of leases.
      poolSize: read.integer('DATABASE_POOL_SIZE', 20, 2, 500),
    },
    redisUrl: read.url('REDIS_URL', ['redis:', 'rediss:']),
    encryptionKeys: read.encryptionKeys(),
    api: { host: read.text('HOST', '0.0.0.0'), port: read.integer('API_PORT', 3000, 0, 65_535) },
    worker: {
      concurrency: read.integer('WORKER_CONCURRENCY', 20, 1, 1000),
      port: read.text('WORKER_PORT', '') === '' ? null : read.integer('WORKER_PORT', 0, 0, 65_535),
      host: read.text('HOST', '0.0.0.0'),
      leaseMs: read.integer('LEASE_SECONDS', 15, 3, 600) * SECOND,
      sweepIntervalMs: read.integer('SWEEP_INTERVAL_MS', 1000, 50, 60_000),
      cloudCallTimeoutMs: read.integer('CLOUD_CALL_TIMEOUT_MS', 10_000, 100, 120_000),
      // Docker kills a process after 10 seconds, Kubernetes after 30.
      shutdownMs: read.integer('WORKER_SHUTDOWN_SECONDS', 8, 1, 600) * SECOND,
      cloudCallsPerSecond: read.rates('CLOUD_CALLS_PER_SECOND', callFamilies()),
    },
    engine: {
      ...DEFAULT_ENGINE_SETTINGS,
      approvalWindowMs: read.duration('APPROVAL_WINDOW_SECONDS', DEFAULT_ENGINE_SETTINGS.approvalWindowMs),
      inFlightMs: read.duration('IN_FLIGHT_INTERVAL_SECONDS', DEFAULT_ENGINE_SETTINGS.inFlightMs),
      steadyMs: read.duration('STEADY_INTERVAL_SECONDS', DEFAULT_ENGINE_SETTINGS.steadyMs),
      staleAfterMs: read.duration('STALE_AFTER_SECONDS', DEFAULT_ENGINE_SETTINGS.staleAfterMs),
    },
    orphans: {
      intervalMs: read.integer('ORPHAN_CHECK_SECONDS', 3_600, 0, 7 * 86_400) * SECOND,
      graceMs: read.integer('ORPHAN_GRACE_SECONDS', 86_400, 0, 90 * 86_400) * SECOND,
      retentionMs: read.integer('ORPHAN_RETENTION_DAYS', 90, 1, 3_650) * 86_400 * SECOND,
    },
  };
  if (read.problems.length > 0) throw new ConfigError(read.problems);
  return config;
}

const DATABASE_HINT = 'a PostgreSQL URL such as postgres://broker:password@localhost:5432/broker';
/** Everything that a limit can be given for. */
function callFamilies(): string[] {
  return SERVED_CLOUDS.flatMap((cloud) => [
    cloud,
    ...profileOf(cloud).callLimits.families.map(({ name }) => `${cloud}.${name}`),
  ]);
}

const KEYS_HINT = 'for example ENCRYPTION_KEYS="k1:$(openssl rand -base64 32)"';

class Reader {
  readonly problems: string[] = [];

  constructor(private readonly env: Readonly<Record<string, string | undefined>>) {}

  text(name: string, fallback: string): string {
    const value = this.env[name];
    return value === undefined || value === '' ? fallback : value;
  }

  missing(name: string, hint: string): string {
    if (!this.problems.some((problem) => problem.startsWith(name))) {
      this.problems.push(`${name} is not set: ${hint}`);
    }
    return '';
  }

  choice(name: string, choices: readonly string[], fallback: string): string {
    const value = this.text(name, fallback);
    if (!choices.includes(value)) {
      this.problems.push(`${name} must be one of ${choices.join(', ')}, not "${value}"`);
    }
    return value;
  }

  integer(name: string, fallback: number, least: number, most: number): number {
    const text = this.text(name, String(fallback));
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      this.problems.push(
        `${name} must be an integer from ${String(least)} to ${String(most)}, not "${text}"`,
      );
    }
    return value;
  }

  /** Seconds in the environment, milliseconds in the configuration. */
  duration(name: string, fallbackMs: number): number {
    return this.integer(name, fallbackMs / SECOND, 1, 7 * 86_400) * SECOND;
  }

  /** Rates by name, such as `alibaba=20,huawei.write=2.5`. */
  rates(name: string, known: readonly string[]): Record<string, number> {
    const rates: Record<string, number> = {};
    for (const entry of this.text(name, '')
      .split(',')
      .filter((part) => part.trim() !== '')) {
      const [key = '', text = ''] = entry.split('=', 2).map((part) => part.trim());
      const rate = Number(text);
      if (!known.includes(key))
        this.problems.push(`${name} names "${key}", which is none of ${known.join(', ')}`);
      else if (text === '' || !(rate > 0 && rate <= MOST_CALLS_PER_SECOND)) {
        this.problems.push(
          `${name} must give ${key} a number of calls per second, such as 20, not "${text}"`,
        );
      } else rates[key] = rate;
    }
    return rates;
  }

  /** A value that may hold a secret: given itself, or as the file that holds it. */
  secret(name: string): string | null {
    const value = this.text(name, '');
    const path = this.text(`${name}_FILE`, '');
    if (path === '') return value === '' ? null : value;
    if (value !== '') {
      this.problems.push(`${name} and ${name}_FILE are both set: give one of them`);
      return value;
    }
    try {
      const content = readFileSync(path, 'utf8').trim();
      if (content !== '') return content;
      this.problems.push(`${name}_FILE names an empty file: ${path}`);
      return null;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.problems.push(`${name}_FILE cannot be read: ${why}`);
      return null;
    }
  }

  url(name: string, protocols: readonly string[]): string | null {
    const value = this.secret(name);
    if (value === null) return null;
    if (!URL.canParse(value) || !protocols.includes(new URL(value).protocol)) {
      const wanted = protocols.map((protocol) => `${protocol}//…`).join(' or ');
      this.problems.push(
        `${name} must be a URL of the form ${wanted} (its value is not shown: it may hold a password)`,
      );
    }
    return value;
  }

  encryptionKeys(): string {
    const value = this.secret('ENCRYPTION_KEYS');
    if (value === null) return this.missing('ENCRYPTION_KEYS', KEYS_HINT);
    try {
      CredentialCipher.fromKeys(value.replaceAll('\n', ','));
    } catch (error) {
      this.problems.push(`ENCRYPTION_KEYS: ${error instanceof Error ? error.message : String(error)}`);
    }
    return value.replaceAll('\n', ',');
  }
}
