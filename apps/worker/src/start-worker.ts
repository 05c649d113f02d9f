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
    const { shutdownMs } = parts.config.worker;
    // Each of them begins nothing more from this moment on; what is under way has one limit for all of it.
    await Promise.all([sweeper.stop(shutdownMs), patrol.stop(shutdownMs), processor.stop(shutdownMs)]);
    processor.closeAccounts();
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
