/** The keys of all tenants, and of operators: `/admin/v1/api-keys`. */
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

import { apiKeys } from '#database';

import { ChangeApiKeyBody, CreateAnyApiKeyBody } from '../api-keys/api-key.request.js';
import { ApiKeyPageView, apiKeyView, ApiKeyView, NewApiKeyView } from '../api-keys/api-key.view.js';
import { changeApiKey, createApiKey, revokeApiKey } from '../api-keys/api-key-writes.js';
import { OperatorsOnly } from '../auth/access.decorator.js';
import { KeyRing } from '../auth/key-ring.js';
import type { ApiReply, ApiRequest } from '../http/api-request.js';
import { IdPipe } from '../http/id.pipe.js';
import { pageOf } from '../http/page-query.js';
import { refuseIssues } from '../http/request-problem.js';
import { ScopedRequests } from '../http/scoped-requests.js';
import { exampleId } from '../http/value-checks.js';
import { Answers, AnswersNothing, Idempotent, Problems } from '../openapi/operation.decorators.js';
import { TenantPageQuery } from './organisation.request.js';
import { found, tenantIssues } from './refusals.js';

const THE_ID = new IdPipe('key', 'api_key');
const ID_PARAM = { name: 'id', description: 'The key.', example: exampleId('key') } as const;

@ApiTags('API keys')
@OperatorsOnly()
@Controller('admin/v1/api-keys')
export class AllApiKeysController {
  constructor(
    @Inject(ScopedRequests) private readonly requests: ScopedRequests,
    @Inject(KeyRing) private readonly keys: KeyRing,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List keys', operationId: 'listApiKeys' })
  @Answers(200, ApiKeyPageView, 'A page of keys.')
  @Problems('validation_failed')
  list(@Req() request: ApiRequest, @Query() query: TenantPageQuery): Promise<ApiKeyPageView> {
    return this.requests.readAsOperator(request, async (scope) => {
      const { tenantId } = query;
      const filters = tenantId === undefined ? {} : { tenantId };
      const { items, nextCursor } = await apiKeys.list(scope, filters, pageOf(query));
      return { items: items.map(apiKeyView), nextCursor };
    });
  }

  @Post()
  @HttpCode(201)
  @Idempotent()
  @ApiOperation({
    summary: "Make a tenant's key, or an operator's; its secret is shown this once",
    operationId: 'createApiKey',
  })
  @Answers(201, NewApiKeyView, 'The key with its secret.', { location: true })
  @Problems('malformed_body', 'validation_failed', 'idempotency_mismatch', 'idempotency_in_progress')
  create(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Body() { tenantId, role, projectIds, displayName, expiresAt }: CreateAnyApiKeyBody,
  ): Promise<NewApiKeyView> {
    return this.requests.writeAsOperator(request, reply, async (act) => {
      if (role === 'operator') {
        const params = { other: 'role=operator' };
        refuseIssues(
          tenantId === undefined ? [] : [{ pointer: '/tenantId', code: 'not_combinable', params }],
        );
      } else {
        const params = {
          expected: { en: 'the tenant of the key', zh: '密钥所属租户' },
          example: `"${exampleId('ten')}"`,
        };
        refuseIssues(
          tenantId === undefined
            ? [{ pointer: '/tenantId', code: 'required', params }]
            : await tenantIssues(act.scope, tenantId),
        );
      }
      const wanted = { tenantId: tenantId ?? null, role, projectIds, displayName, expiresAt };
      const body = await createApiKey(act, wanted);
      return { status: 201, body, location: `/admin/v1/api-keys/${body.id}`, confidential: true };
    });
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read a key', operationId: 'getApiKey' })
  @ApiParam(ID_PARAM)
  @Answers(200, ApiKeyView, 'The key without its secret.')
  @Problems('not_found')
  get(@Req() request: ApiRequest, @Param('id', THE_ID) id: string): Promise<ApiKeyView> {
    return this.requests.readAsOperator(request, async (scope) =>
      apiKeyView(found('api_key', await apiKeys.get(scope, id))),
    );
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Rename a key, or let it expire', operationId: 'changeApiKey' })
  @ApiParam(ID_PARAM)
  @Answers(200, ApiKeyView, 'The key as it is now.')
  @Problems('not_found', 'malformed_body', 'validation_failed')
  change(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) id: string,
    @Body() body: ChangeApiKeyBody,
  ): Promise<ApiKeyView> {
    return this.requests.writeAsOperator(request, reply, async (act) => ({
      status: 200,
      body: apiKeyView(await changeApiKey(act, id, body)),
      afterwards: () => {
        this.keys.forget(id);
      },
    }));
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Revoke a key for good', operationId: 'revokeApiKey' })
  @ApiParam(ID_PARAM)
  @AnswersNothing('Revoked; everywhere within seconds.')
  @Problems('not_found')
  revoke(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) id: string,
  ): Promise<void> {
    return this.requests.writeAsOperator(request, reply, async (act) => {
      await revokeApiKey(act, id);
      return {
        status: 204,
        body: undefined,
        afterwards: () => {
          this.keys.forget(id);
        },
      };
    });
  }
}
