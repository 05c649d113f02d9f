/** What the worker is made from, passed in by whoever starts it. */
import type { CloudConnector, CloudId } from '#domain';
import type { Database } from '#database';
import type { Queues } from '#queues';
import type { Clock, Config, Logger, MetricsRegistry } from '#runtime';

/** What the worker needs of its surroundings. */
export interface WorkerParts {
  readonly database: Database;
  readonly queues: Pick<Queues, 'wake' | 'wakeMany' | 'startConsumer' | 'depth'>;
  readonly config: Pick<Config, 'worker' | 'engine' | 'orphans' | 'encryptionKeys'>;
  readonly logger: Logger;
  readonly clock: Clock;
  /** How each cloud is spoken to; accounts of a cloud that is not listed cannot be used. */
  readonly connectors: Readonly<Partial<Record<CloudId, CloudConnector>>>;
  /** Where the worker counts; one of its own when absent. */
  readonly metrics?: MetricsRegistry;
}

/** Token under which the parts are injected. */
export const PARTS = Symbol('worker parts');
