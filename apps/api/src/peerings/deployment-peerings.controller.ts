/** The connections of one deployment: `/v1/deployments/{id}/peerings` and its preflight. */
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';

import { peerings } from '#database';
import type { Clock } from '#runtime';

import { Allow, READERS, WRITERS } from '../auth/access.decorator.js';
import { findDeployment } from '../deployments/deployments.controller.js';
import { localeOf, type ApiReply, type ApiRequest } from '../http/api-request.js';
import { IdPipe } from '../http/id.pipe.js';
import { pageOf } from '../http/page-query.js';
import { readPartly } from '../http/request.pipe.js';
import { ScopedRequests } from '../http/scoped-requests.js';
import { exampleId } from '../http/value-checks.js';
import { Answers, Idempotent, Problems } from '../openapi/operation.decorators.js';
import { CLOCK } from '../parts.js';
import type { SpecRequest } from './declared-spec.js';
import { judge } from './peering-admission.js';
import { peeringView } from './peering.mapper.js';
import { PreflightView } from './peering-reads.view.js';
import { CreatePeeringBody, PeeringListQuery } from './peering.request.js';
import { PeeringPageView, PeeringView } from './peering.view.js';
import { createPeering } from './peering-writes.js';
import { peeringFilters } from './peerings.controller.js';
import { preflightView, rivalProblems } from './preflight.js';
import { Waker } from '../waker.js';

const THE_ID = new IdPipe('dep', 'deployment');
const ID_PARAM = { name: 'id', description: 'The deployment.', example: exampleId('dep') } as const;

@ApiTags('Peering connections')
@Controller('v1/deployments/:id')
export class DeploymentPeeringsController {
  constructor(
    @Inject(ScopedRequests) private readonly requests: ScopedRequests,
    @Inject(Waker) private readonly waker: Waker,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Get('peerings')
  @Allow(READERS)
  @ApiOperation({ summary: 'List the connections of a deployment', operationId: 'listDeploymentPeerings' })
  @ApiParam(ID_PARAM)
  @Answers(200, PeeringPageView, 'A page of connections.')
  @Problems('not_found', 'validation_failed')
  list(
    @Req() request: ApiRequest,
    @Param('id', THE_ID) id: string,
    @Query() query: PeeringListQuery,
  ): Promise<PeeringPageView> {
    return this.requests.readAsTenant(request, async (scope, caller) => {
      const filters = { ...peeringFilters(caller, query), deploymentIds: [id] };
      const [, page] = await Promise.all([
        findDeployment(scope, caller, id),
        peerings.list(scope, filters, pageOf(query)),
      ]);
      const now = this.clock.now();
      const locale = localeOf(request);
      return { ...page, items: page.items.map((record) => peeringView(record, locale, now)) };
    });
  }

  @Post('peerings')
  @HttpCode(202)
  @Allow(WRITERS)
  @Idempotent()
  @ApiOperation({
    summary: 'Connect a network of yours, or begin a draft',
    operationId: 'createPeering',
    description:
      'Blocks that are unusable by themselves (reserved, not routable, overlapping each other) are 422 ' +
      '`validation_failed`; blocks that collide with the deployment or another connection are 409 `cidr_conflict`. ' +
      'Both name every collision in `errors` and `conflicts`.',
  })
  @ApiParam(ID_PARAM)
  @Answers(202, PeeringView, 'Taken: it is being worked on, or waits for the missing details.', {
    etag: true,
    location: true,
  })
  @Problems(
    'not_found',
    'malformed_body',
    'validation_failed',
    'cloud_mismatch',
    'cidr_conflict',
    'connection_exists',
    'network_full',
    'quota_exceeded',
    'edition_required',
    'deployment_not_ready',
    'idempotency_mismatch',
    'idempotency_in_progress',
  )
  create(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) deploymentId: string,
    @Body() { displayName = '', spec }: CreatePeeringBody,
  ): Promise<PeeringView> {
    return this.requests.writeAsTenant(request, reply, async (act) => {
      const record = await createPeering(act, { deploymentId, displayName, spec });
      return {
        status: 202,
        body: peeringView(record, localeOf(request), act.at),
        version: record.version,
        location: `/v1/peerings/${record.id}`,
        afterwards: () => {
          this.waker.wakeFor(record);
        },
      };
    });
  }

  @Post('preflight')
  @HttpCode(200)
  @Allow(WRITERS)
  @Idempotent()
  @ApiOperation({
    summary: 'Try a connection out: everything that POST …/peerings would say, without creating anything',
    operationId: 'preflightPeering',
  })
  @ApiParam(ID_PARAM)
  @ApiBody({ type: CreatePeeringBody })
  @Answers(200, PreflightView, 'What would happen.')
  @Problems(
    'not_found',
    'malformed_body',
    'validation_failed',
    'idempotency_mismatch',
    'idempotency_in_progress',
  )
  preflight(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) deploymentId: string,
    @Body() body: unknown,
  ): Promise<PreflightView> {
    return this.requests.writeAsTenant(request, reply, async ({ scope, caller, at }) => {
      const { instance, issues } = readPartly(CreatePeeringBody, body, 'body');
      const wanted = { deploymentId, spec: (instance.spec as SpecRequest | undefined) ?? {} };
      const verdict = await judge(scope, caller, { ...wanted, existing: null, at, issues });
      const problems = [...verdict.problems, ...(await rivalProblems(scope, verdict))];
      const path = request.url.split('?', 1)[0] ?? request.url;
      const view = preflightView(verdict, problems, localeOf(request), { path, id: request.id });
      return { status: 200, body: view };
    });
  }
}
