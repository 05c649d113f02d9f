/** Who did what in a tenant: `/v1/audit-events`. */
import { Controller, Get, Inject, Query, Req } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';

import { auditEvents } from '#database';

import { Allow, AUDITORS } from '../auth/access.decorator.js';
import type { ApiRequest } from '../http/api-request.js';
import { pageOf } from '../http/page-query.js';
import { ScopedRequests } from '../http/scoped-requests.js';
import { Answers, Problems } from '../openapi/operation.decorators.js';
import { AuditEventPageView, auditEventView, auditFilters, AuditQuery } from './audit-event.view.js';

@ApiTags('Audit')
@Controller('v1/audit-events')
export class AuditEventsController {
  constructor(@Inject(ScopedRequests) private readonly requests: ScopedRequests) {}

  @Get()
  @Allow(AUDITORS)
  @ApiOperation({ summary: 'Who did what in the tenant', operationId: 'listAuditEvents' })
  @Answers(200, AuditEventPageView, 'A page of records.')
  @Problems('validation_failed')
  list(@Req() request: ApiRequest, @Query() query: AuditQuery): Promise<AuditEventPageView> {
    return this.requests.readAsTenant(request, async (scope) => {
      const { items, nextCursor } = await auditEvents.list(scope, auditFilters(query), pageOf(query));
      return { items: items.map(auditEventView), nextCursor };
    });
  }
}
