import 'reflect-metadata';
import { NestApplicationContextOptions } from '@nestjs/common/interfaces/nest-application-context-options.interface.js';
import { NestFactory } from '@nestjs/core';

import { HealthServer } from './monitoring/health-server.js';
import { OrphanPatrol } from './orphans/orphan-patrol.js';
import type { WorkerParts } from './parts.js';
import { ReconcileProcessor } from './reconcile.processor.js';
import { Sweeper } from './sweep/sweeper.js';
import { WorkerModule } from './worker.module.js';

export type { WorkerParts } from './parts.js';

/** A worker that runs in this process. */
export interface RunningWorker {
  /** Where it shows its health and metrics; null where no port is configured. */
  readonly url: string | null;
  /** Takes no more work, finishes what is under way within a limit, and gives its leases back. */
  close(): Promise<void>;
}

/** A pass ends within the deadline of a cloud call; so much more is for writing down what came of it. */
const SHUTDOWN_GRACE_MS = 5_000;

/**
 * Starts a worker: consumer of the queues, sweep, search for what was left behind, health and metrics. What it was given stays open when it closes.
 * @throws QueuesNotMigrated, or whatever keeps the queues or the port from being had
 */
export async function startWorker(parts: WorkerParts): Promise<RunningWorker> {
  const options = Object.assign(new NestApplicationContextOptions(), { logger: false, abortOnError: false });
  const context = await NestFactory.createApplicationContext(WorkerModule.of(parts), options);
  const processor = context.get(ReconcileProcessor);
  const sweeper = context.get(Sweeper);
  const patrol = context.get(OrphanPatrol);
  const health = context.get(HealthServer);
  const close = async (): Promise<void> => {
    await sweeper.stop();
    const limitMs = parts.config.worker.cloudCallTimeoutMs + SHUTDOWN_GRACE_MS;
    await patrol.stop(limitMs);
    await processor.stop(limitMs);
    await health.close();
    await context.close();
  };
  try {
    const url = await health.listen();
    await processor.start();
    sweeper.start();
    patrol.start();
    return { url, close };
  } catch (error) {
    await close();
    throw error;
  }
}
