import type { Job } from 'bullmq';

import { systemClock, type Clock } from '#runtime';

import { JOBS, type JobHandlers, type JobName } from './job-catalogue.js';
import { startConsumer, type Consumer, type ConsumerOptions } from './job-consumer.js';
import { JobProducer } from './job-producer.js';
import { queueBackend, type QueueLocation } from './queue-backend.js';
import { WakePriorities } from './wake-priorities.js';

/** A job that was given up after its last attempt. */
export interface FailedJob {
  readonly id: string;
  readonly name: JobName;
  readonly payload: unknown;
  readonly error: string;
  readonly attempts: number;
  /** Epoch milliseconds. */
  readonly failedAt: number;
}

/** How many jobs are in which condition. */
export interface QueueDepth {
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly failed: number;
}

/** The first place in a queue. */
const FRONT = 1;

/** The queues of the broker: wake-up calls, and who answers them. Connections open with the first use. */
export interface Queues {
  /**
   * Asks for a deployment's connections to be looked at, now or after `delayMs`. Resolves once the job is queued or
   * given up because the queue is away, which is reported and never an error: the sweep finds the row all the same.
   * @param tenantId on whose account: who has woken much lately stands behind those who have not
   * @throws InvalidPayload for something that is no deployment id
   */
  wake(deploymentId: string, delayMs?: number, tenantId?: string): Promise<void>;
  wakeMany(deploymentIds: readonly string[]): Promise<void>;
  /** Starts working on jobs in this process. @throws QueuesNotMigrated */
  startConsumer(handlers: JobHandlers, options: ConsumerOptions): Promise<Consumer>;
  /** Whether the queues can be reached, and how full they are. Rejects within seconds when they cannot. */
  depth(): Promise<Readonly<Record<JobName, QueueDepth>>>;
  /** The latest failed jobs, newest first. */
  failedJobs(limit: number): Promise<FailedJob[]>;
  /** Lets a failed job run again; false when there is no such failed job. */
  retryFailedJob(name: JobName, id: string): Promise<boolean>;
  /** Hands over what is still to be sent and closes the producers; consumers are closed by whoever started them. */
  close(): Promise<void>;
}

/**
 * @param onError told of everything that goes wrong between calls: a lost connection, a wake-up that was given up.
 *   While Redis or PostgreSQL is away it is called again and again.
 */
export function openQueues(
  location: QueueLocation,
  onError: (error: Error) => void,
  clock: Clock = systemClock,
): Queues {
  const backend = queueBackend(location);
  const names = Object.keys(JOBS) as JobName[];
  const producers = {
    reconcile: new JobProducer('reconcile', backend, onError),
  } satisfies { [Name in JobName]: JobProducer<Name> };
  const priorities = new WakePriorities(clock);
  const wake = (deploymentId: string, delayMs = 0, tenantId?: string): Promise<void> =>
    producers.reconcile.add(
      { deploymentId },
      delayMs,
      tenantId === undefined ? FRONT : priorities.next(tenantId),
    );

  return {
    wake,
    wakeMany: async (deploymentIds) => {
      await Promise.all(deploymentIds.map((deploymentId) => wake(deploymentId)));
    },
    startConsumer: (handlers, options) => startConsumer(backend, handlers, options, onError),
    depth: async () => {
      const entries = await Promise.all(
        names.map(async (name) => {
          const queue = await producers[name].queue();
          const counts = await queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed', 'failed');
          const { waiting = 0, prioritized = 0, active = 0, delayed = 0, failed = 0 } = counts;
          return [name, { waiting: waiting + prioritized, active, delayed, failed }] as const;
        }),
      );
      return Object.fromEntries(entries) as Record<JobName, QueueDepth>;
    },
    failedJobs: async (limit) => {
      const found = await Promise.all(
        names.map(async (name) => {
          const queue = await producers[name].queue();
          const jobs: Job[] = await queue.getFailed(0, limit - 1);
          return jobs.map((job) => describeFailed(name, job));
        }),
      );
      return found
        .flat()
        .sort((a, b) => b.failedAt - a.failedAt)
        .slice(0, limit);
    },
    retryFailedJob: async (name, id) => {
      const queue = await producers[name].queue();
      const job = (await queue.getJob(id)) as Job | undefined;
      if (job === undefined || !(await job.isFailed())) return false;
      await job.retry('failed', { resetAttemptsMade: true });
      return true;
    },
    close: async () => {
      await Promise.all(Object.values(producers).map((producer) => producer.close()));
    },
  };
}

function describeFailed(name: JobName, job: Job): FailedJob {
  return {
    id: job.id ?? '',
    name,
    payload: job.data,
    error: job.failedReason,
    attempts: job.attemptsMade,
    failedAt: job.finishedOn ?? job.timestamp,
  };
}
