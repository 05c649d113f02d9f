/** Tenants: `/admin/v1/tenants`. */
import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Inject,
  Param,
  Patch,
  Post,
  Query,
  Req,
  Res,
} from '@nestjs/common';
import { ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';

import { tenants } from '#database';

import { audit } from '../audit/act.js';
import { OperatorsOnly } from '../auth/access.decorator.js';
import type { ApiReply, ApiRequest } from '../http/api-request.js';
import { IdPipe } from '../http/id.pipe.js';
import { PageQuery, pageOf } from '../http/page-query.js';
import { ScopedRequests } from '../http/scoped-requests.js';
import { exampleId } from '../http/value-checks.js';
import { Answers, AnswersNothing, Idempotent, Problems } from '../openapi/operation.decorators.js';
import { TenantBody } from './organisation.request.js';
import { TenantPageView, tenantView, TenantView } from './organisation.view.js';
import { found, removed } from './refusals.js';

const THE_ID = new IdPipe('ten', 'tenant');
const ID_PARAM = { name: 'id', description: 'The tenant.', example: exampleId('ten') } as const;

@ApiTags('Tenants')
@OperatorsOnly()
@Controller('admin/v1/tenants')
export class TenantsController {
  constructor(@Inject(ScopedRequests) private readonly requests: ScopedRequests) {}

  @Get()
  @ApiOperation({ summary: 'List tenants', operationId: 'listTenants' })
  @Answers(200, TenantPageView, 'A page of tenants.')
  @Problems('validation_failed')
  list(@Req() request: ApiRequest, @Query() query: PageQuery): Promise<TenantPageView> {
    return this.requests.readAsOperator(request, async (scope) => {
      const { items, nextCursor } = await tenants.list(scope, pageOf(query));
      return { items: items.map(tenantView), nextCursor };
    });
  }

  @Post()
  @HttpCode(201)
  @Idempotent()
  @ApiOperation({ summary: 'Make a tenant', operationId: 'createTenant' })
  @Answers(201, TenantView, 'The tenant.', { location: true })
  @Problems('malformed_body', 'validation_failed', 'idempotency_mismatch', 'idempotency_in_progress')
  create(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Body() { name }: TenantBody,
  ): Promise<TenantView> {
    return this.requests.writeAsOperator(request, reply, async (act) => {
      const record = await tenants.create(act.scope, { name });
      const { id } = record;
      await audit(act, { action: 'tenant.create', target: id, tenantId: id, data: { name } });
      return { status: 201, body: tenantView(record), location: `/admin/v1/tenants/${id}` };
    });
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read a tenant', operationId: 'getTenant' })
  @ApiParam(ID_PARAM)
  @Answers(200, TenantView, 'The tenant.')
  @Problems('not_found')
  get(@Req() request: ApiRequest, @Param('id', THE_ID) id: string): Promise<TenantView> {
    return this.requests.readAsOperator(request, async (scope) =>
      tenantView(found('tenant', await tenants.get(scope, id))),
    );
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Rename a tenant', operationId: 'changeTenant' })
  @ApiParam(ID_PARAM)
  @Answers(200, TenantView, 'The tenant as it is now.')
  @Problems('not_found', 'malformed_body', 'validation_failed')
  change(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) id: string,
    @Body() { name }: TenantBody,
  ): Promise<TenantView> {
    return this.requests.writeAsOperator(request, reply, async (act) => {
      const record = found('tenant', await tenants.update(act.scope, id, { name }));
      await audit(act, { action: 'tenant.change', target: id, tenantId: id, data: { name } });
      return { status: 200, body: tenantView(record) };
    });
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Remove a tenant that has no projects', operationId: 'deleteTenant' })
  @ApiParam(ID_PARAM)
  @AnswersNothing('Removed.')
  @Problems('not_found', 'in_use')
  remove(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) id: string,
  ): Promise<void> {
    return this.requests.writeAsOperator(request, reply, async (act) => {
      removed('tenant', await tenants.remove(act.scope, id));
      await audit(act, { action: 'tenant.delete', target: id });
      return { status: 204, body: undefined };
    });
  }
}
