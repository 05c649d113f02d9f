/** What tenants may use: `/admin/v1/quotas`. A quota that is not set has its default. */
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

import { quotas, tenants, type OperatorScope, type QuotaRecord } from '#database';

import { audit } from '../audit/act.js';
import { OperatorsOnly } from '../auth/access.decorator.js';
import type { ApiReply, ApiRequest } from '../http/api-request.js';
import { IdPipe } from '../http/id.pipe.js';
import { notFound } from '../http/problem-body.js';
import { Choice, Id, WholeNumber } from '../http/request-fields.js';
import { refuseIssues } from '../http/request-problem.js';
import { ScopedRequests } from '../http/scoped-requests.js';
import { exampleId } from '../http/value-checks.js';
import {
  isoTimeOrNull,
  NULLABLE,
  Shows,
  ShowsId,
  ShowsNumber,
  ShowsText,
  ShowsTime,
} from '../http/view-fields.js';
import { Answers, AnswersNothing, Idempotent, Problems } from '../openapi/operation.decorators.js';
import { QUOTA_NAMES, quotaLimit, type QuotaName } from '../quotas/quota-catalogue.js';
import { found, tenantIssues } from './refusals.js';

const VALUE = { description: 'At most this many.', min: 0, max: 1_000_000, example: 100 };

export class SetQuotaBody {
  @Id({ description: 'The tenant.', prefix: 'ten' })
  tenantId: string;

  @Choice({ description: 'The quota.', values: QUOTA_NAMES })
  name: QuotaName;

  @WholeNumber(VALUE)
  value: number;
}

export class ChangeQuotaBody {
  @WholeNumber(VALUE)
  value: number;
}

export class TenantQuotasQuery {
  @Id({ description: 'The tenant.', prefix: 'ten' })
  tenantId: string;
}

export class TenantQuotaView {
  @ShowsText(
    'Tenant and name: the path below `/admin/v1/quotas/`.',
    `${exampleId('ten')}/peerings_per_deployment`,
  )
  id: string;

  @ShowsId('The tenant.', 'ten')
  tenantId: string;

  @Shows('The quota.', { type: 'string', enum: QUOTA_NAMES, example: 'peerings_per_deployment' })
  name: string;

  @ShowsNumber('At most this many.', 100)
  value: number;

  @ShowsTime('When it was set; null: it is the default.', NULLABLE)
  updatedAt: string | null;
}

export class TenantQuotaListView {
  @Shows('Every quota there is.', { type: TenantQuotaView, isArray: true })
  items: readonly TenantQuotaView[];
}

const THE_TENANT = new IdPipe('ten', 'tenant');
const TENANT_PARAM = { name: 'tenantId', description: 'The tenant.', example: exampleId('ten') } as const;
const NAME_PARAM = { name: 'name', description: 'The quota.', enum: QUOTA_NAMES } as const;

@ApiTags('Quotas')
@OperatorsOnly()
@Controller('admin/v1/quotas')
export class TenantQuotasController {
  constructor(@Inject(ScopedRequests) private readonly requests: ScopedRequests) {}

  @Get()
  @ApiOperation({ summary: 'List the quotas of a tenant', operationId: 'listTenantQuotas' })
  @Answers(200, TenantQuotaListView, 'Every quota.')
  @Problems('not_found', 'validation_failed')
  list(@Req() request: ApiRequest, @Query() { tenantId }: TenantQuotasQuery): Promise<TenantQuotaListView> {
    return this.requests.readAsOperator(request, async (scope) => {
      const set = await quotasOf(scope, tenantId);
      return { items: QUOTA_NAMES.map((name) => quotaView(tenantId, name, set)) };
    });
  }

  @Post()
  @HttpCode(201)
  @Idempotent()
  @ApiOperation({ summary: 'Set a quota of a tenant', operationId: 'setTenantQuota' })
  @Answers(201, TenantQuotaView, 'The quota.', { location: true })
  @Problems('malformed_body', 'validation_failed', 'idempotency_mismatch', 'idempotency_in_progress')
  create(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Body() { tenantId, name, value }: SetQuotaBody,
  ): Promise<TenantQuotaView> {
    return this.requests.writeAsOperator(request, reply, async (act) => {
      refuseIssues(await tenantIssues(act.scope, tenantId));
      const record = await quotas.set(act.scope, { tenantId, name, value });
      await audit(act, { action: 'quota.set', target: name, tenantId, data: { value } });
      const body = quotaView(tenantId, name, [record]);
      return { status: 201, body, location: `/admin/v1/quotas/${body.id}` };
    });
  }

  @Get(':tenantId/:name')
  @ApiOperation({ summary: 'Read a quota of a tenant', operationId: 'getTenantQuota' })
  @ApiParam(TENANT_PARAM)
  @ApiParam(NAME_PARAM)
  @Answers(200, TenantQuotaView, 'The quota.')
  @Problems('not_found')
  get(
    @Req() request: ApiRequest,
    @Param('tenantId', THE_TENANT) tenantId: string,
    @Param('name') given: string,
  ): Promise<TenantQuotaView> {
    const name = knownQuota(given);
    return this.requests.readAsOperator(request, async (scope) =>
      quotaView(tenantId, name, await quotasOf(scope, tenantId)),
    );
  }

  @Patch(':tenantId/:name')
  @ApiOperation({ summary: 'Change a quota of a tenant', operationId: 'changeTenantQuota' })
  @ApiParam(TENANT_PARAM)
  @ApiParam(NAME_PARAM)
  @Answers(200, TenantQuotaView, 'The quota as it is now.')
  @Problems('not_found', 'malformed_body', 'validation_failed')
  change(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('tenantId', THE_TENANT) tenantId: string,
    @Param('name') given: string,
    @Body() { value }: ChangeQuotaBody,
  ): Promise<TenantQuotaView> {
    const name = knownQuota(given);
    return this.requests.writeAsOperator(request, reply, async (act) => {
      found('tenant', await tenants.get(act.scope, tenantId));
      const record = await quotas.set(act.scope, { tenantId, name, value });
      await audit(act, { action: 'quota.set', target: name, tenantId, data: { value } });
      return { status: 200, body: quotaView(tenantId, name, [record]) };
    });
  }

  @Delete(':tenantId/:name')
  @HttpCode(204)
  @ApiOperation({ summary: 'Take a quota back to its default', operationId: 'unsetTenantQuota' })
  @ApiParam(TENANT_PARAM)
  @ApiParam(NAME_PARAM)
  @AnswersNothing('It has its default now.')
  @Problems('not_found')
  remove(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('tenantId', THE_TENANT) tenantId: string,
    @Param('name') given: string,
  ): Promise<void> {
    const name = knownQuota(given);
    return this.requests.writeAsOperator(request, reply, async (act) => {
      if (!(await quotas.unset(act.scope, tenantId, name))) throw notFound('quota');
      await audit(act, { action: 'quota.unset', target: name, tenantId });
      return { status: 204, body: undefined };
    });
  }
}

/** @throws Problem `not_found` */
function knownQuota(name: string): QuotaName {
  return found('quota', QUOTA_NAMES.find((known) => known === name) ?? null);
}

/** @throws Problem `not_found` for an unknown tenant */
async function quotasOf(scope: OperatorScope, tenantId: string): Promise<QuotaRecord[]> {
  found('tenant', await tenants.get(scope, tenantId));
  return quotas.list(scope, tenantId);
}

function quotaView(tenantId: string, name: QuotaName, set: readonly QuotaRecord[]): TenantQuotaView {
  return {
    id: `${tenantId}/${name}`,
    tenantId,
    name,
    value: quotaLimit(name, set),
    updatedAt: isoTimeOrNull(set.find((quota) => quota.name === name)?.updatedAt ?? null),
  };
}
