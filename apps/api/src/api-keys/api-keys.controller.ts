/** The keys of a tenant, managed by its administrators: `/v1/api-keys`. */
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

import { ADMINISTRATORS, Allow } from '../auth/access.decorator.js';
import { KeyRing } from '../auth/key-ring.js';
import type { ApiReply, ApiRequest } from '../http/api-request.js';
import { IdPipe } from '../http/id.pipe.js';
import { PageQuery, pageOf } from '../http/page-query.js';
import { notFound } from '../http/problem-body.js';
import { ScopedRequests } from '../http/scoped-requests.js';
import { exampleId } from '../http/value-checks.js';
import { Answers, AnswersNothing, Idempotent, Problems } from '../openapi/operation.decorators.js';
import { ChangeApiKeyBody, CreateApiKeyBody } from './api-key.request.js';
import { ApiKeyPageView, apiKeyView, ApiKeyView, NewApiKeyView } from './api-key.view.js';
import { changeApiKey, createApiKey, revokeApiKey } from './api-key-writes.js';

const THE_ID = new IdPipe('key', 'api_key');
const ID_PARAM = { name: 'id', description: 'The key.', example: exampleId('key') } as const;

@ApiTags('API keys')
@Controller('v1/api-keys')
export class ApiKeysController {
  constructor(
    @Inject(ScopedRequests) private readonly requests: ScopedRequests,
    @Inject(KeyRing) private readonly keys: KeyRing,
  ) {}

  @Get()
  @Allow(ADMINISTRATORS)
  @ApiOperation({ summary: 'List the keys of the tenant', operationId: 'listApiKeys' })
  @Answers(200, ApiKeyPageView, 'A page of keys.')
  @Problems('validation_failed')
  list(@Req() request: ApiRequest, @Query() query: PageQuery): Promise<ApiKeyPageView> {
    return this.requests.readAsTenant(request, async (scope) => {
      const { items, nextCursor } = await apiKeys.list(scope, {}, pageOf(query));
      return { items: items.map(apiKeyView), nextCursor };
    });
  }

  @Post()
  @HttpCode(201)
  @Allow(ADMINISTRATORS)
  @Idempotent()
  @ApiOperation({ summary: 'Make a key; its secret is shown this once', operationId: 'createApiKey' })
  @Answers(201, NewApiKeyView, 'The key with its secret.', { location: true })
  @Problems('malformed_body', 'validation_failed', 'idempotency_mismatch', 'idempotency_in_progress')
  create(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Body() { role, projectIds, displayName, expiresAt }: CreateApiKeyBody,
  ): Promise<NewApiKeyView> {
    return this.requests.writeAsTenant(request, reply, async (act) => {
      const { tenantId } = act.caller;
      const body = await createApiKey(act, { tenantId, role, projectIds, displayName, expiresAt });
      return { status: 201, body, location: `/v1/api-keys/${body.id}`, confidential: true };
    });
  }

  @Get(':id')
  @Allow(ADMINISTRATORS)
  @ApiOperation({ summary: 'Read a key', operationId: 'getApiKey' })
  @ApiParam(ID_PARAM)
  @Answers(200, ApiKeyView, 'The key without its secret.')
  @Problems('not_found')
  get(@Req() request: ApiRequest, @Param('id', THE_ID) id: string): Promise<ApiKeyView> {
    return this.requests.readAsTenant(request, async (scope) => {
      const record = await apiKeys.get(scope, id);
      if (record === null) throw notFound('api_key');
      return apiKeyView(record);
    });
  }

  @Patch(':id')
  @Allow(ADMINISTRATORS)
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
    return this.requests.writeAsTenant(request, reply, async (act) => ({
      status: 200,
      body: apiKeyView(await changeApiKey(act, id, body)),
      afterwards: () => {
        this.keys.forget(id);
      },
    }));
  }

  @Delete(':id')
  @HttpCode(204)
  @Allow(ADMINISTRATORS)
  @ApiOperation({ summary: 'Revoke a key for good', operationId: 'revokeApiKey' })
  @ApiParam(ID_PARAM)
  @AnswersNothing('Revoked.')
  @Problems('not_found')
  revoke(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) id: string,
  ): Promise<void> {
    return this.requests.writeAsTenant(request, reply, async (act) => {
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
