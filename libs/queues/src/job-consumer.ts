import { UnrecoverableError, type Job } from 'bullmq';

import { InvalidPayload, JOBS, type JobHandlers, type JobName } from './job-catalogue.js';
import { whenReady, type OpenWorker, type QueueBackend } from './queue-backend.js';

export interface ConsumerOptions {
  /** Jobs of one kind that this process works on at a time. */
  readonly concurrency: number;
}

/** Jobs being worked on. */
export interface Consumer {
  /**
   * Takes no more jobs, aborts the handlers' signal, and waits for them up to a limit in milliseconds. A job that is
   * not finished by then is taken up by another consumer.
   */
  close(limitMs: number): Promise<void>;
}

/** A job whose worker has died is taken up by another after at most these two together. */
const LOCK_MS = 4_000;
const STALLED_CHECK_MS = 2_000;

/** Starts working on every kind of job. @throws QueuesNotMigrated, or whatever keeps it from connecting */
export async function startConsumer(
  backend: QueueBackend,
  handlers: JobHandlers,
  { concurrency }: ConsumerOptions,
  onError: (error: Error) => void,
): Promise<Consumer> {
  const shutdown = new AbortController();
  const running = new Set<Promise<void>>();
  const open: OpenWorker[] = [];

  const process = async (job: Job): Promise<void> => {
    const work = handle(job, handlers, shutdown.signal);
    running.add(work);
    try {
      await work;
    } finally {
      running.delete(work);
    }
  };
  const close = async (limitMs: number): Promise<void> => {
    shutdown.abort();
    await Promise.all(open.map(({ worker }) => worker.pause(true)));
    const finished = await settledWithin([...running], limitMs);
    await Promise.all(open.map((each) => each.close(!finished)));
  };

  try {
    for (const name of Object.keys(JOBS) as JobName[]) {
      const options = {
        concurrency,
        autorun: false,
        lockDuration: LOCK_MS,
        stalledInterval: STALLED_CHECK_MS,
        maxStalledCount: 3,
        runRetryDelay: 1_000,
      };
      const each = backend.openWorker(name, process, options, onError);
      open.push(each);
      await whenReady(each.worker);
    }
  } catch (error) {
    await Promise.allSettled(open.map((each) => each.close(true)));
    throw error;
  }
  for (const { worker } of open) worker.run().catch(onError);
  return { close };
}

async function handle(job: Job, handlers: JobHandlers, signal: AbortSignal): Promise<void> {
  const name = job.name as JobName;
  try {
    await handlers[name](JOBS[name].parse(job.data), { signal });
  } catch (error) {
    if (error instanceof InvalidPayload) throw new UnrecoverableError(error.message);
    throw error;
  }
}

/** Whether all of them settled in time. */
async function settledWithin(work: readonly Promise<void>[], limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, limitMs, false);
  });
  const settled = Promise.allSettled(work).then(() => true);
  const inTime = await Promise.race([settled, deadline]);
  clearTimeout(timer);
  return inTime;
}
