import type { BulkJobOptions } from 'bullmq';

import { JOBS, type JobName, type PayloadOf } from './job-catalogue.js';
import {
  PRODUCER_TIMEOUT_MS,
  whenReady,
  type AnyQueue,
  type OpenQueue,
  type QueueBackend,
} from './queue-backend.js';

interface BulkJob {
  readonly name: string;
  readonly data: unknown;
  readonly opts: BulkJobOptions;
}

/** At most this many jobs go in one call. */
const BATCH = 500;

/**
 * Adds jobs of one kind. While one call is under way, what comes in the meantime is gathered and goes in the next, so
 * that a burst costs few calls and a single job no delay.
 */
export class JobProducer<Name extends JobName> {
  #queue: OpenQueue | null = null;
  readonly #gathered = new Map<string, BulkJob>();
  #sending: Promise<void> | null = null;
  #closed = false;

  constructor(
    private readonly name: Name,
    private readonly backend: QueueBackend,
    private readonly onError: (error: Error) => void,
  ) {}

  /**
   * Resolves once the job is in the queue, or was given up because the queue cannot be reached; that is reported, and
   * never an error for whoever adds it. An immediate and a delayed job with the same key stand side by side, so that
   * neither holds up the other; of two delayed ones the later call sets the time.
   * @param delayMs zero for at once
   * @param priority 1 is the front of the queue; a job that waits already keeps its place
   * @throws InvalidPayload
   */
  async add(payload: PayloadOf<Name>, delayMs: number, priority: number): Promise<void> {
    if (this.#closed) return;
    const { parse, key, attempts, backoffMs, keepFailed } = JOBS[this.name];
    const data = parse(payload);
    const delay = Math.max(0, Math.round(delayMs));
    const id = delay === 0 ? key(data) : `${key(data)}.later`;
    this.#gathered.set(id, {
      name: this.name,
      data,
      opts: {
        attempts,
        priority,
        backoff: { type: 'exponential', delay: backoffMs, jitter: 0.5 },
        removeOnComplete: true,
        removeOnFail: { count: keepFailed.count, age: keepFailed.ageMs / 1000 },
        // Rescheduling brings forward what waits for its next attempt, and moves what is delayed.
        deduplication: { id, keepLastIfActive: true, reschedule: true },
        ...(delay === 0 ? {} : { delay }),
      },
    });
    const previous = this.#sending;
    if (previous !== null) {
      await previous;
      // Whoever wakes first has started the next call, with everything gathered in it.
      await (this.#sending ?? this.#send());
      return;
    }
    await this.#send();
  }

  /** The queue for questions about it. @throws QueuesNotMigrated and whatever keeps it from connecting */
  async queue(): Promise<AnyQueue> {
    this.#queue ??= this.backend.openQueue(this.name, this.onError);
    const open = this.#queue;
    try {
      await within(whenReady(open.queue), 'connecting');
    } catch (error) {
      // BullMQ remembers a first connection that failed for ever: the next use begins anew.
      if (this.#queue === open) this.#queue = null;
      open.close().catch(this.onError);
      throw error;
    }
    return open.queue;
  }

  async close(): Promise<void> {
    this.#closed = true;
    while (this.#sending !== null) await this.#sending;
    await this.#queue?.close();
    this.#queue = null;
  }

  #send(): Promise<void> {
    const jobs = [...this.#gathered.values()];
    this.#gathered.clear();
    const sending = this.#addAll(jobs)
      .catch((error: unknown) => {
        this.onError(error instanceof Error ? error : new Error(String(error)));
      })
      .finally(() => {
        if (this.#sending === sending) this.#sending = null;
      });
    this.#sending = sending;
    return sending;
  }

  async #addAll(jobs: readonly BulkJob[]): Promise<void> {
    if (jobs.length === 0) return;
    const queue = await this.queue();
    const [first] = jobs;
    if (jobs.length === 1 && first) {
      await within(queue.add(first.name, first.data, first.opts), 'adding a job');
      return;
    }
    for (let start = 0; start < jobs.length; start += BATCH) {
      await within(queue.addBulk(jobs.slice(start, start + BATCH)), 'adding jobs');
    }
  }
}

/** Gives up on something that has no deadline of its own. */
async function within<Result>(work: Promise<Result>, what: string): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`The queue did not answer within ${PRODUCER_TIMEOUT_MS} ms (${what}).`));
    }, PRODUCER_TIMEOUT_MS);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
