import { Module, type DynamicModule } from '@nestjs/common';

import { HealthServer } from './monitoring/health-server.js';
import { WorkerMetrics } from './monitoring/worker-metrics.js';
import { OrphanPatrol } from './orphans/orphan-patrol.js';
import { PARTS, type WorkerParts } from './parts.js';
import { ReconcileProcessor } from './reconcile.processor.js';
import { Sweeper } from './sweep/sweeper.js';

@Module({})
export class WorkerModule {
  static of(parts: WorkerParts): DynamicModule {
    return {
      module: WorkerModule,
      providers: [
        { provide: PARTS, useValue: parts },
        WorkerMetrics,
        ReconcileProcessor,
        Sweeper,
        OrphanPatrol,
        HealthServer,
      ],
    };
  }
}
