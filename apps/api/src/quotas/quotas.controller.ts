/** What a tenant may use: `/v1/quotas`. */
import { Controller, Get, Inject, Query, Req } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';

import { peerings, quotas } from '#database';
import type { Clock } from '#runtime';

import { Allow, READERS } from '../auth/access.decorator.js';
import { findDeployment } from '../deployments/deployments.controller.js';
import { localeOf, type ApiRequest } from '../http/api-request.js';
import { ScopedRequests } from '../http/scoped-requests.js';
import { Answers, Problems } from '../openapi/operation.decorators.js';
import { CLOCK } from '../parts.js';
import { QuotaListView, QuotasQuery, quotaViews } from './quota.view.js';

@ApiTags('Quotas')
@Controller('v1/quotas')
export class QuotasController {
  constructor(
    @Inject(ScopedRequests) private readonly requests: ScopedRequests,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Get()
  @Allow(READERS)
  @ApiOperation({ summary: 'What may be used, and what is', operationId: 'listQuotas' })
  @Answers(200, QuotaListView, 'Every quota.')
  @Problems('not_found', 'validation_failed')
  list(@Req() request: ApiRequest, @Query() { deployment: id }: QuotasQuery): Promise<QuotaListView> {
    return this.requests.readAsTenant(request, async (scope, caller) => {
      const { tenantId } = caller;
      if (id !== undefined) await findDeployment(scope, caller, id);
      const [set, tenant, admission] = await Promise.all([
        quotas.list(scope, tenantId),
        peerings.countLive(scope, tenantId),
        id === undefined ? null : peerings.admission(scope, id, [], this.clock.now()),
      ]);
      const usage = { tenant, deployment: admission?.liveInDeployment ?? null };
      return { items: quotaViews(set, usage, localeOf(request)) };
    });
  }
}
