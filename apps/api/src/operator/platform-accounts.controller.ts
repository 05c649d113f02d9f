/** The platform's own accounts: `/admin/v1/platform-accounts`. */
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

import { circuits, deployments, platformAccounts } from '#database';
import { CredentialCipher } from '#runtime';

import { audit } from '../audit/act.js';
import { OperatorsOnly } from '../auth/access.decorator.js';
import type { ApiReply, ApiRequest } from '../http/api-request.js';
import { IdPipe } from '../http/id.pipe.js';
import { pageOf } from '../http/page-query.js';
import { refuseIssues } from '../http/request-problem.js';
import { ScopedRequests } from '../http/scoped-requests.js';
import { exampleId } from '../http/value-checks.js';
import { Answers, AnswersNothing, Idempotent, Problems } from '../openapi/operation.decorators.js';
import { CIPHER } from '../parts.js';
import { Waker } from '../waker.js';
import {
  accountIdIssues,
  ChangePlatformAccountBody,
  CreatePlatformAccountBody,
  PlatformAccountQuery,
} from './platform-account.request.js';
import {
  PlatformAccountPageView,
  platformAccountView,
  PlatformAccountView,
} from './platform-account.view.js';
import { found, removed } from './refusals.js';

const THE_ID = new IdPipe('acct', 'platform_account');
const ID_PARAM = { name: 'id', description: 'The account.', example: exampleId('acct') } as const;

@ApiTags('Platform accounts')
@OperatorsOnly()
@Controller('admin/v1/platform-accounts')
export class PlatformAccountsController {
  constructor(
    @Inject(ScopedRequests) private readonly requests: ScopedRequests,
    @Inject(CIPHER) private readonly cipher: CredentialCipher,
    @Inject(Waker) private readonly waker: Waker,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List platform accounts', operationId: 'listPlatformAccounts' })
  @Answers(200, PlatformAccountPageView, 'A page of accounts.')
  @Problems('validation_failed')
  list(@Req() request: ApiRequest, @Query() query: PlatformAccountQuery): Promise<PlatformAccountPageView> {
    return this.requests.readAsOperator(request, async (scope) => {
      const { cloud } = query;
      const filters = cloud === undefined ? {} : { cloud };
      const { items, nextCursor } = await platformAccounts.list(scope, filters, pageOf(query));
      const found = await circuits.list(
        scope,
        items.map(({ id }) => id),
      );
      return { items: items.map((record) => platformAccountView(record, found)), nextCursor };
    });
  }

  @Post()
  @HttpCode(201)
  @Idempotent()
  @ApiOperation({ summary: 'Add an account of the platform', operationId: 'createPlatformAccount' })
  @Answers(201, PlatformAccountView, 'The account, without its credentials.', { location: true })
  @Problems(
    'malformed_body',
    'validation_failed',
    'already_exists',
    'idempotency_mismatch',
    'idempotency_in_progress',
  )
  create(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Body() { cloud, accountId, displayName = '', credentials, endpoints = {} }: CreatePlatformAccountBody,
  ): Promise<PlatformAccountView> {
    refuseIssues(accountIdIssues(cloud, accountId));
    return this.requests.writeAsOperator(request, reply, async (act) => {
      const record = await platformAccounts.create(act.scope, {
        cloud,
        accountId,
        displayName,
        credentials: this.cipher.encrypt(credentials),
        credentialsKind: credentials.kind,
        endpoints,
      });
      const { id } = record;
      await audit(act, {
        action: 'platform_account.create',
        target: id,
        data: { cloud, accountId, endpoints },
      });
      return {
        status: 201,
        body: platformAccountView(record, []),
        location: `/admin/v1/platform-accounts/${id}`,
      };
    });
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read a platform account', operationId: 'getPlatformAccount' })
  @ApiParam(ID_PARAM)
  @Answers(200, PlatformAccountView, 'The account, without its credentials.')
  @Problems('not_found')
  get(@Req() request: ApiRequest, @Param('id', THE_ID) id: string): Promise<PlatformAccountView> {
    return this.requests.readAsOperator(request, async (scope) =>
      platformAccountView(
        found('platform_account', await platformAccounts.get(scope, id)),
        await circuits.list(scope, [id]),
      ),
    );
  }

  @Patch(':id')
  @ApiOperation({
    summary: 'Change name, endpoints or credentials; its deployments are looked at again at once',
    operationId: 'changePlatformAccount',
  })
  @ApiParam(ID_PARAM)
  @Answers(200, PlatformAccountView, 'The account as it is now.')
  @Problems('not_found', 'malformed_body', 'validation_failed')
  change(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) id: string,
    @Body() { displayName, credentials, endpoints }: ChangePlatformAccountBody,
  ): Promise<PlatformAccountView> {
    return this.requests.writeAsOperator(request, reply, async (act) => {
      const sealed = credentials && { envelope: this.cipher.encrypt(credentials), kind: credentials.kind };
      const record = found(
        'platform_account',
        await platformAccounts.update(act.scope, id, {
          ...(displayName === undefined ? {} : { displayName }),
          ...(endpoints === undefined ? {} : { endpoints }),
          ...(sealed === undefined ? {} : { credentials: sealed }),
        }),
      );
      const ofAccount = await deployments.idsOfAccount(act.scope, id);
      const data = { displayName, endpoints, credentials: sealed === undefined ? 'unchanged' : 'changed' };
      await audit(act, { action: 'platform_account.change', target: id, data });
      return {
        status: 200,
        body: platformAccountView(record, await circuits.list(act.scope, [id])),
        afterwards: () => {
          for (const deploymentId of ofAccount) this.waker.wake(deploymentId, id);
        },
      };
    });
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({
    summary: 'Remove an account that has no deployments',
    operationId: 'deletePlatformAccount',
  })
  @ApiParam(ID_PARAM)
  @AnswersNothing('Removed.')
  @Problems('not_found', 'in_use')
  remove(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) id: string,
  ): Promise<void> {
    return this.requests.writeAsOperator(request, reply, async (act) => {
      removed('platform_account', await platformAccounts.remove(act.scope, id));
      await audit(act, { action: 'platform_account.delete', target: id });
      return { status: 204, body: undefined };
    });
  }
}
