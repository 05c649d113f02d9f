/** What the API is made from, passed in by whoever starts it. */
import type { Database } from '#database';
import type { Queues } from '#queues';
import type { Clock, Config, Logger, MetricsRegistry } from '#runtime';

/** What the API needs of its surroundings. */
export interface ApiParts {
  readonly database: Database;
  /** Wakes the worker, and shows failed jobs. */
  readonly queues: Pick<Queues, 'wake' | 'depth' | 'failedJobs' | 'retryFailedJob'>;
  readonly config: Pick<Config, 'api' | 'encryptionKeys' | 'engine'>;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Where the API counts; one of its own when absent. */
  readonly metrics?: MetricsRegistry;
}

/** Tokens under which the parts are injected. */
export const DATABASE = Symbol('database');
export const QUEUES = Symbol('queues');
export const CLOCK = Symbol('clock');
export const LOGGER = Symbol('logger');
export const CIPHER = Symbol('cipher');
export const ENGINE = Symbol('engine');
export const METRICS = Symbol('metrics');
