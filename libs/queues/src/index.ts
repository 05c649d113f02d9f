/** The job queues: what jobs there are, how they are added and worked on, on Redis or PostgreSQL. */
export {
  InvalidPayload,
  type JobContext,
  type JobHandlers,
  type JobName,
  type PayloadOf,
} from './job-catalogue.js';
export type { Consumer, ConsumerOptions } from './job-consumer.js';
export { migrateQueues, QueuesNotMigrated, type QueueLocation } from './queue-backend.js';
export { openQueues, type FailedJob, type QueueDepth, type Queues } from './queues.js';
