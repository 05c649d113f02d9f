/** The operators' API, /admin/v1. */
import { Module } from '@nestjs/common';

import { AllApiKeysController } from './api-keys.controller.js';
import { AllAuditEventsController } from './audit-events.controller.js';
import { CloudsController } from './clouds.controller.js';
import { OperatedDeploymentsController } from './deployments.controller.js';
import { JobsController } from './jobs.controller.js';
import { OrphansController } from './orphans.controller.js';
import { OperatedPeeringsController } from './peerings.controller.js';
import { PlatformAccountsController } from './platform-accounts.controller.js';
import { ProjectsController } from './projects.controller.js';
import { TenantQuotasController } from './quotas.controller.js';
import { ReservedRangesController } from './reserved-ranges.controller.js';
import { TenantsController } from './tenants.controller.js';

@Module({
  controllers: [
    TenantsController,
    ProjectsController,
    PlatformAccountsController,
    OperatedDeploymentsController,
    ReservedRangesController,
    TenantQuotasController,
    AllApiKeysController,
    OperatedPeeringsController,
    OrphansController,
    CloudsController,
    JobsController,
    AllAuditEventsController,
  ],
})
export class OperatorModule {}
