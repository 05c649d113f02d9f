/** The clouds, and pausing them: `/admin/v1/clouds`. */
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';

import {
  circuits,
  cloudPauses,
  platformAccounts,
  type CircuitRecord,
  type CloudPauseRecord,
  type OperatorScope,
  type PlatformAccountRecord,
} from '#database';
import { CLOUD_IDS, profileOf, SERVED_CLOUDS, type CloudId } from '#domain';

import { audit } from '../audit/act.js';
import { OperatorsOnly } from '../auth/access.decorator.js';
import type { ApiReply, ApiRequest } from '../http/api-request.js';
import { MAX_PAGE } from '../http/page-query.js';
import { Text } from '../http/request-fields.js';
import { ScopedRequests } from '../http/scoped-requests.js';
import { isoTime, NULLABLE, Shows, ShowsId, ShowsText, ShowsTime } from '../http/view-fields.js';
import { Answers, Idempotent, Problems } from '../openapi/operation.decorators.js';
import { circuitsOfAccount, CircuitView } from './circuit.view.js';
import { found } from './refusals.js';

const REGION = {
  description: 'Only this region; absent: the whole cloud.',
  max: 40,
  example: 'eu-central-1',
  required: false,
};

export class PauseCloudBody {
  @Text(REGION)
  region?: string;

  @Text({ description: 'Why.', min: 0, max: 500, example: 'Provider incident 4711.', required: false })
  note?: string;
}

export class ResumeCloudBody {
  @Text(REGION)
  region?: string;
}

export class PauseView {
  @ShowsText('The region; null: the whole cloud.', 'eu-central-1', NULLABLE)
  region: string | null;

  @ShowsText('Why.', 'Provider incident 4711.')
  note: string;

  @ShowsTime('Since when.')
  pausedAt: string;
}

export class CloudAccountView {
  @ShowsId('The platform account.', 'acct')
  id: string;

  @ShowsText('Its number in the cloud.', '123456789012')
  accountId: string;

  @Shows('`refused`: the cloud rejected the credentials, and nothing is asked of it.', {
    type: 'string',
    enum: ['active', 'refused'],
    example: 'active',
  })
  status: string;

  @ShowsText('Why, in the words of the cloud.', '')
  statusDetail: string;

  @Shows('Its circuit breakers that are or were open since the account was last changed.', {
    type: CircuitView,
    isArray: true,
  })
  circuits: readonly CircuitView[];
}

export class CloudView {
  @Shows('The cloud.', { type: 'string', enum: [...CLOUD_IDS], example: 'aws' })
  cloud: string;

  @Shows('Whether connections can be made on it.', { type: 'boolean', example: true })
  served: boolean;

  @Shows('Who creates the request; null where it is not served.', {
    type: 'string',
    enum: ['customer', 'platform'],
    nullable: true,
    example: 'customer',
  })
  initiator: string | null;

  @Shows('Whether the whole cloud is paused.', { type: 'boolean', example: false })
  paused: boolean;

  @Shows('What is paused of it.', { type: PauseView, isArray: true })
  pauses: readonly PauseView[];

  @Shows('The platform’s accounts there.', { type: CloudAccountView, isArray: true })
  accounts: readonly CloudAccountView[];
}

export class CloudListView {
  @Shows('Every cloud.', { type: CloudView, isArray: true })
  items: readonly CloudView[];
}

const CLOUD_PARAM = { name: 'cloud', description: 'The cloud.', enum: CLOUD_IDS } as const;

@ApiTags('Clouds')
@OperatorsOnly()
@Controller('admin/v1/clouds')
export class CloudsController {
  constructor(@Inject(ScopedRequests) private readonly requests: ScopedRequests) {}

  @Get()
  @ApiOperation({
    summary: 'List the clouds, what is paused and what does not answer',
    operationId: 'listClouds',
  })
  @Answers(200, CloudListView, 'Every cloud.')
  @Problems()
  list(@Req() request: ApiRequest): Promise<CloudListView> {
    return this.requests.readAsOperator(request, async (scope) => {
      const surroundings = await surroundingsOf(scope, {});
      return { items: CLOUD_IDS.map((cloud) => cloudView(cloud, surroundings)) };
    });
  }

  @Post(':cloud/pause')
  @HttpCode(200)
  @Idempotent()
  @ApiOperation({
    summary: 'Leave a cloud, or a region of it, alone: nothing is asked of it and nothing changed',
    operationId: 'pauseCloud',
  })
  @ApiParam(CLOUD_PARAM)
  @Answers(200, CloudView, 'Paused.')
  @Problems(
    'not_found',
    'malformed_body',
    'validation_failed',
    'idempotency_mismatch',
    'idempotency_in_progress',
  )
  pause(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('cloud') given: string,
    @Body() { region, note = '' }: PauseCloudBody,
  ): Promise<CloudView> {
    const cloud = knownCloud(given);
    return this.requests.writeAsOperator(request, reply, async (act) => {
      await cloudPauses.pause(act.scope, { cloud, region: region ?? null, note }, act.at);
      await audit(act, { action: 'cloud.pause', target: cloud, data: { region: region ?? null, note } });
      return { status: 200, body: cloudView(cloud, await surroundingsOf(act.scope, { cloud })) };
    });
  }

  @Post(':cloud/resume')
  @HttpCode(200)
  @Idempotent()
  @ApiOperation({ summary: 'Go on with a cloud, or a region of it', operationId: 'resumeCloud' })
  @ApiParam(CLOUD_PARAM)
  @Answers(200, CloudView, 'Resumed; what is due is taken up within seconds.')
  @Problems(
    'not_found',
    'malformed_body',
    'validation_failed',
    'idempotency_mismatch',
    'idempotency_in_progress',
  )
  resume(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('cloud') given: string,
    @Body() { region }: ResumeCloudBody,
  ): Promise<CloudView> {
    const cloud = knownCloud(given);
    return this.requests.writeAsOperator(request, reply, async (act) => {
      await cloudPauses.resume(act.scope, cloud, region ?? null);
      await audit(act, { action: 'cloud.resume', target: cloud, data: { region: region ?? null } });
      return { status: 200, body: cloudView(cloud, await surroundingsOf(act.scope, { cloud })) };
    });
  }
}

/** What stands around clouds. */
interface Surroundings {
  readonly pauses: readonly CloudPauseRecord[];
  readonly accounts: readonly PlatformAccountRecord[];
  readonly circuits: readonly CircuitRecord[];
}

async function surroundingsOf(
  scope: OperatorScope,
  filters: { readonly cloud?: CloudId },
): Promise<Surroundings> {
  const [pauses, { items: accounts }] = await Promise.all([
    cloudPauses.list(scope),
    platformAccounts.list(scope, filters, { limit: MAX_PAGE }),
  ]);
  const ids = accounts.map(({ id }) => id);
  return { pauses, accounts, circuits: await circuits.list(scope, ids) };
}

/** @throws Problem `not_found` */
function knownCloud(given: string): CloudId {
  return found('cloud', CLOUD_IDS.find((cloud) => cloud === given) ?? null);
}

function cloudView(cloud: CloudId, surroundings: Surroundings): CloudView {
  const { pauses, accounts } = surroundings;
  const served = SERVED_CLOUDS.includes(cloud);
  const ofCloud = pauses.filter((pause) => pause.cloud === cloud);
  return {
    cloud,
    served,
    initiator: served ? profileOf(cloud).capabilities.initiator : null,
    paused: ofCloud.some(({ region }) => region === null),
    pauses: ofCloud.map(({ region, note, pausedAt }) => ({ region, note, pausedAt: isoTime(pausedAt) })),
    accounts: accounts
      .filter((account) => account.cloud === cloud)
      .map(({ id, accountId, status, statusDetail }) => ({
        id,
        accountId,
        status,
        statusDetail,
        circuits: circuitsOfAccount(surroundings.circuits, id),
      })),
  };
}
