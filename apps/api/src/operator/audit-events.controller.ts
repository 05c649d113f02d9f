/** Who did what, everywhere: `/admin/v1/audit-events`. */
import { Controller, Get, Inject, Query, Req } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';

import { auditEvents } from '#database';

import { AuditEventPageView, auditEventView, auditFilters, AuditQuery } from '../audit/audit-event.view.js';
import { OperatorsOnly } from '../auth/access.decorator.js';
import type { ApiRequest } from '../http/api-request.js';
import { pageOf } from '../http/page-query.js';
import { Id } from '../http/request-fields.js';
import { ScopedRequests } from '../http/scoped-requests.js';
import { Answers, Problems } from '../openapi/operation.decorators.js';

export class AllAuditQuery extends AuditQuery {
  @Id({ description: 'Only what concerned this tenant.', prefix: 'ten', required: false })
  tenantId?: string;
}

@ApiTags('Audit')
@OperatorsOnly()
@Controller('admin/v1/audit-events')
export class AllAuditEventsController {
  constructor(@Inject(ScopedRequests) private readonly requests: ScopedRequests) {}

  @Get()
  @ApiOperation({ summary: 'Who did what, everywhere', operationId: 'listAuditEvents' })
  @Answers(200, AuditEventPageView, 'A page of records.')
  @Problems('validation_failed')
  list(@Req() request: ApiRequest, @Query() query: AllAuditQuery): Promise<AuditEventPageView> {
    return this.requests.readAsOperator(request, async (scope) => {
      const { tenantId } = query;
      const filters = { ...auditFilters(query), ...(tenantId === undefined ? {} : { tenantId }) };
      const { items, nextCursor } = await auditEvents.list(scope, filters, pageOf(query));
      return { items: items.map(auditEventView), nextCursor };
    });
  }
}
