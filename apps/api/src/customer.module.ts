/** The customers' API, /v1. */
import { Module } from '@nestjs/common';

import { ApiKeysController } from './api-keys/api-keys.controller.js';
import { AuditEventsController } from './audit/audit-events.controller.js';
import { DeploymentsController } from './deployments/deployments.controller.js';
import { ResourcesController } from './deployments/resources.controller.js';
import { MetaController } from './meta/meta.controller.js';
import { DeploymentPeeringsController } from './peerings/deployment-peerings.controller.js';
import { PeeringsController } from './peerings/peerings.controller.js';
import { QuotasController } from './quotas/quotas.controller.js';

@Module({
  controllers: [
    DeploymentsController,
    DeploymentPeeringsController,
    PeeringsController,
    ResourcesController,
    ApiKeysController,
    AuditEventsController,
    QuotasController,
    MetaController,
  ],
})
export class CustomerModule {}
