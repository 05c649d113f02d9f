/** Data-integration resources that need a connection: `/v1/deployments/{id}/resources`. */
import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Inject,
  Param,
  Post,
  Query,
  Req,
  Res,
} from '@nestjs/common';
import { ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';

import { boundResources } from '#database';
import { Problem } from '#domain';

import { audit } from '../audit/act.js';
import { Allow, READERS, WRITERS } from '../auth/access.decorator.js';
import type { ApiReply, ApiRequest } from '../http/api-request.js';
import { IdPipe } from '../http/id.pipe.js';
import { pageOf } from '../http/page-query.js';
import { notFound } from '../http/problem-body.js';
import { RequestProblem } from '../http/request-problem.js';
import { ScopedRequests } from '../http/scoped-requests.js';
import { exampleId } from '../http/value-checks.js';
import { Answers, AnswersNothing, Idempotent, Problems } from '../openapi/operation.decorators.js';
import { findPeeringForUpdate } from '../peerings/peering-writes.js';
import { BindResourceBody, ResourceListQuery } from './deployment.request.js';
import { findDeployment } from './deployments.controller.js';
import { ResourcePageView, resourceView, ResourceView } from './resource.view.js';

const THE_DEPLOYMENT = new IdPipe('dep', 'deployment');
const THE_RESOURCE = new IdPipe('res', 'resource');
const ID_PARAM = { name: 'id', description: 'The deployment.', example: exampleId('dep') } as const;

@ApiTags('Data-integration resources')
@Controller('v1/deployments/:id/resources')
export class ResourcesController {
  constructor(@Inject(ScopedRequests) private readonly requests: ScopedRequests) {}

  @Get()
  @Allow(READERS)
  @ApiOperation({ summary: 'List what is bound to the connections', operationId: 'listResources' })
  @ApiParam(ID_PARAM)
  @Answers(200, ResourcePageView, 'A page of resources.')
  @Problems('not_found', 'validation_failed')
  list(
    @Req() request: ApiRequest,
    @Param('id', THE_DEPLOYMENT) deploymentId: string,
    @Query() query: ResourceListQuery,
  ): Promise<ResourcePageView> {
    return this.requests.readAsTenant(request, async (scope, caller) => {
      await findDeployment(scope, caller, deploymentId);
      const { peeringId } = query;
      const filters = { deploymentId, ...(peeringId === undefined ? {} : { connectionId: peeringId }) };
      const { items, nextCursor } = await boundResources.list(scope, filters, pageOf(query));
      return { items: items.map(resourceView), nextCursor };
    });
  }

  @Post()
  @HttpCode(201)
  @Allow(WRITERS)
  @Idempotent()
  @ApiOperation({
    summary: 'Bind a connector or action to a running connection, which cannot be deleted then',
    operationId: 'bindResource',
  })
  @ApiParam(ID_PARAM)
  @Answers(201, ResourceView, 'Bound.', { location: true })
  @Problems(
    'not_found',
    'malformed_body',
    'validation_failed',
    'state_conflict',
    'already_exists',
    'idempotency_mismatch',
    'idempotency_in_progress',
  )
  bind(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_DEPLOYMENT) deploymentId: string,
    @Body() { peeringId, kind, name }: BindResourceBody,
  ): Promise<ResourceView> {
    return this.requests.writeAsTenant(request, reply, async (act) => {
      const { scope, caller } = act;
      await findDeployment(scope, caller, deploymentId);
      const connection = await findPeeringForUpdate(act, peeringId).catch((error: unknown) => {
        throw error instanceof Problem && error.code === 'not_found' ? noSuchConnection(peeringId) : error;
      });
      if (connection.deploymentId !== deploymentId) throw noSuchConnection(peeringId);
      if (connection.status.state !== 'running') {
        throw new Problem('state_conflict', { state: connection.status.state });
      }
      const record = await boundResources.bind(scope, connection, { kind, name });
      await audit(act, { action: 'resource.bind', target: record.id, data: { peeringId, kind, name } });
      return {
        status: 201,
        body: resourceView(record),
        location: `/v1/deployments/${deploymentId}/resources/${record.id}`,
      };
    });
  }

  @Get(':resourceId')
  @Allow(READERS)
  @ApiOperation({ summary: 'Read a bound resource', operationId: 'getResource' })
  @ApiParam(ID_PARAM)
  @ApiParam({ name: 'resourceId', description: 'The bound resource.', example: exampleId('res') })
  @Answers(200, ResourceView, 'The resource.')
  @Problems('not_found')
  get(
    @Req() request: ApiRequest,
    @Param('id', THE_DEPLOYMENT) deploymentId: string,
    @Param('resourceId', THE_RESOURCE) id: string,
  ): Promise<ResourceView> {
    return this.requests.readAsTenant(request, async (scope, caller) => {
      await findDeployment(scope, caller, deploymentId);
      const record = await boundResources.get(scope, id);
      if (record?.deploymentId !== deploymentId) throw notFound('resource');
      return resourceView(record);
    });
  }

  @Delete(':resourceId')
  @HttpCode(204)
  @Allow(WRITERS)
  @ApiOperation({ summary: 'Unbind a resource', operationId: 'unbindResource' })
  @ApiParam(ID_PARAM)
  @ApiParam({ name: 'resourceId', description: 'The bound resource.', example: exampleId('res') })
  @AnswersNothing('Unbound.')
  @Problems('not_found')
  unbind(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_DEPLOYMENT) deploymentId: string,
    @Param('resourceId', THE_RESOURCE) id: string,
  ): Promise<void> {
    return this.requests.writeAsTenant(request, reply, async (act) => {
      const { scope, caller } = act;
      await findDeployment(scope, caller, deploymentId);
      const record = await boundResources.get(scope, id);
      if (record?.deploymentId !== deploymentId) throw notFound('resource');
      await boundResources.unbind(scope, id);
      const { kind, name, connectionId } = record;
      await audit(act, {
        action: 'resource.unbind',
        target: id,
        data: { peeringId: connectionId, kind, name },
      });
      return { status: 204, body: undefined };
    });
  }
}

function noSuchConnection(peeringId: string): RequestProblem {
  const params = { what: { en: 'peering connection', zh: '对等连接' }, given: peeringId };
  return new RequestProblem(
    'validation_failed',
    {},
    { issues: [{ pointer: '/peeringId', code: 'no_such_reference', params }] },
  );
}
