/** Deployments and what is around them: `/v1/deployments`. */
import { Controller, Get, Inject, Param, Query, Req } from '@nestjs/common';
import { ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';

import { deployments, peerings, reservedRanges, type DeploymentRecord, type TenantScope } from '#database';
import { suggestCidrs, type EngineSettings } from '#domain';
import type { Clock } from '#runtime';

import { Allow, READERS } from '../auth/access.decorator.js';
import { seesProject, type CustomerPrincipal } from '../auth/principal.js';
import { localeOf, type ApiRequest } from '../http/api-request.js';
import { IdPipe } from '../http/id.pipe.js';
import { pageOf } from '../http/page-query.js';
import { notFound } from '../http/problem-body.js';
import { ScopedRequests } from '../http/scoped-requests.js';
import { exampleId } from '../http/value-checks.js';
import { Answers, Problems } from '../openapi/operation.decorators.js';
import { CLOCK, ENGINE } from '../parts.js';
import { deploymentView, offerView } from './deployment.mapper.js';
import { CidrSuggestionsQuery, DeploymentListQuery } from './deployment.request.js';
import { CidrSuggestionsView, DeploymentPageView, DeploymentView, OfferView } from './deployment.view.js';

const THE_ID = new IdPipe('dep', 'deployment');
const ID_PARAM = { name: 'id', description: 'The deployment.', example: exampleId('dep') } as const;

@ApiTags('Deployments')
@Controller('v1/deployments')
export class DeploymentsController {
  constructor(
    @Inject(ScopedRequests) private readonly requests: ScopedRequests,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(ENGINE) private readonly engine: EngineSettings,
  ) {}

  @Get()
  @Allow(READERS)
  @ApiOperation({ summary: 'List deployments', operationId: 'listDeployments' })
  @Answers(200, DeploymentPageView, 'A page of deployments.')
  @Problems('validation_failed')
  list(@Req() request: ApiRequest, @Query() query: DeploymentListQuery): Promise<DeploymentPageView> {
    return this.requests.readAsTenant(request, async (scope, { projectIds }) => {
      const filters = {
        ...(query.cloud === undefined ? {} : { clouds: query.cloud }),
        ...(projectIds === null ? {} : { projectIds }),
      };
      const { items, nextCursor } = await deployments.list(scope, filters, pageOf(query));
      return { items: items.map(deploymentView), nextCursor };
    });
  }

  @Get(':id')
  @Allow(READERS)
  @ApiOperation({ summary: 'Read a deployment', operationId: 'getDeployment' })
  @ApiParam(ID_PARAM)
  @Answers(200, DeploymentView, 'The deployment.')
  @Problems('not_found')
  get(@Req() request: ApiRequest, @Param('id', THE_ID) id: string): Promise<DeploymentView> {
    return this.requests.readAsTenant(request, async (scope, caller) =>
      deploymentView(await findDeployment(scope, caller, id)),
    );
  }

  @Get(':id/peering-offer')
  @Allow(READERS)
  @ApiOperation({
    summary: 'What to create on your side, and what to give back',
    operationId: 'getPeeringOffer',
  })
  @ApiParam(ID_PARAM)
  @Answers(200, OfferView, 'The offer.')
  @Problems('not_found')
  offer(@Req() request: ApiRequest, @Param('id', THE_ID) id: string): Promise<OfferView> {
    return this.requests.readAsTenant(request, async (scope, caller) => {
      const deployment = await findDeployment(scope, caller, id);
      const reserved = await reservedRanges.effective(scope, deployment.cloud, this.clock.now());
      return offerView(deployment, reserved, this.engine.approvalWindowMs, localeOf(request));
    });
  }

  @Get(':id/cidr-suggestions')
  @Allow(READERS)
  @ApiOperation({
    summary: 'Blocks for a new network of yours that collide with nothing here',
    operationId: 'suggestCidrs',
  })
  @ApiParam(ID_PARAM)
  @Answers(200, CidrSuggestionsView, 'Free private blocks.')
  @Problems('not_found', 'validation_failed')
  suggestions(
    @Req() request: ApiRequest,
    @Param('id', THE_ID) id: string,
    @Query() { prefix = 16, count = 5 }: CidrSuggestionsQuery,
  ): Promise<CidrSuggestionsView> {
    return this.requests.readAsTenant(request, async (scope, caller) => {
      await findDeployment(scope, caller, id);
      const plan = await peerings.addressPlan(scope, id, this.clock.now());
      return { prefix, items: suggestCidrs(plan, prefix, count) };
    });
  }
}

/** @throws Problem `not_found` when this caller sees no such deployment */
export async function findDeployment(
  scope: TenantScope,
  caller: CustomerPrincipal,
  id: string,
): Promise<DeploymentRecord> {
  const record = await deployments.get(scope, id);
  if (record === null || !seesProject(caller, record.projectId)) throw notFound('deployment');
  return record;
}
