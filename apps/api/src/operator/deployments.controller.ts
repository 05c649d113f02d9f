/** Deployments, as operators set them up: `/admin/v1/deployments`. */
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

import { ClaimConflict, deployments, platformAccounts, projects, type OperatorScope } from '#database';
import { findConflicts, parseCidrs } from '#domain';

import { audit } from '../audit/act.js';
import { OperatorsOnly } from '../auth/access.decorator.js';
import type { ApiReply, ApiRequest } from '../http/api-request.js';
import type { FieldIssue } from '../http/field-issues.js';
import { IdPipe } from '../http/id.pipe.js';
import { pageOf } from '../http/page-query.js';
import { refuseIssues } from '../http/request-problem.js';
import { ScopedRequests } from '../http/scoped-requests.js';
import { exampleId } from '../http/value-checks.js';
import { Answers, AnswersNothing, Idempotent, Problems } from '../openapi/operation.decorators.js';
import { addressProblem } from '../peerings/address-check.js';
import { canonicalBlocks } from '../peerings/declared-spec.js';
import { Waker } from '../waker.js';
import { ChangeDeploymentBody, CreateDeploymentBody, DeploymentQuery } from './deployment.request.js';
import {
  OperatedDeploymentPageView,
  operatedDeploymentView,
  OperatedDeploymentView,
} from './deployment.view.js';
import { found, noSuch, removed, tenantIssues } from './refusals.js';

const THE_ID = new IdPipe('dep', 'deployment');
const ID_PARAM = { name: 'id', description: 'The deployment.', example: exampleId('dep') } as const;
/** Where the blocks of the VPC stand in a request. */
const CIDRS = '/vpc/cidrs';

@ApiTags('Deployments')
@OperatorsOnly()
@Controller('admin/v1/deployments')
export class OperatedDeploymentsController {
  constructor(
    @Inject(ScopedRequests) private readonly requests: ScopedRequests,
    @Inject(Waker) private readonly waker: Waker,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List the deployments of all tenants', operationId: 'listDeployments' })
  @Answers(200, OperatedDeploymentPageView, 'A page of deployments.')
  @Problems('validation_failed')
  list(@Req() request: ApiRequest, @Query() query: DeploymentQuery): Promise<OperatedDeploymentPageView> {
    return this.requests.readAsOperator(request, async (scope) => {
      const filters = {
        ...(query.tenantId === undefined ? {} : { tenantIds: query.tenantId }),
        ...(query.cloud === undefined ? {} : { clouds: query.cloud }),
      };
      const { items, nextCursor } = await deployments.list(scope, filters, pageOf(query));
      return { items: items.map(operatedDeploymentView), nextCursor };
    });
  }

  @Post()
  @HttpCode(201)
  @Idempotent()
  @ApiOperation({
    summary: 'Register a deployment with its network',
    operationId: 'createDeployment',
    description:
      'The worker compares the network with the cloud at once; `vpc.checkedAt` and `vpc.problem` say what came of it.',
  })
  @Answers(201, OperatedDeploymentView, 'The deployment.', { location: true })
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
    @Body() body: CreateDeploymentBody,
  ): Promise<OperatedDeploymentView> {
    return this.requests.writeAsOperator(request, reply, async (act) => {
      refuseIssues([...overlapIssues(body.vpc.cidrs), ...(await referenceIssues(act.scope, body))]);
      const { vpc, ...columns } = body;
      const record = await deployments.create(act.scope, {
        ...columns,
        vpcId: vpc.id,
        cidrs: canonicalBlocks(vpc.cidrs),
        routeTableIds: vpc.routeTableIds ?? null,
      });
      const { id, tenantId } = record;
      await audit(act, {
        action: 'deployment.create',
        target: id,
        tenantId,
        data: { ...body, vpc: { ...vpc } },
      });
      return {
        status: 201,
        body: operatedDeploymentView(record),
        location: `/admin/v1/deployments/${id}`,
        afterwards: () => {
          this.waker.wake(id, tenantId);
        },
      };
    });
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read a deployment', operationId: 'getDeployment' })
  @ApiParam(ID_PARAM)
  @Answers(200, OperatedDeploymentView, 'The deployment.')
  @Problems('not_found')
  get(@Req() request: ApiRequest, @Param('id', THE_ID) id: string): Promise<OperatedDeploymentView> {
    return this.requests.readAsOperator(request, async (scope) =>
      operatedDeploymentView(found('deployment', await deployments.get(scope, id))),
    );
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Change a deployment', operationId: 'changeDeployment' })
  @ApiParam(ID_PARAM)
  @Answers(200, OperatedDeploymentView, 'The deployment as it is now.')
  @Problems('not_found', 'malformed_body', 'validation_failed', 'cidr_conflict')
  change(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) id: string,
    @Body() body: ChangeDeploymentBody,
  ): Promise<OperatedDeploymentView> {
    const { vpc = {}, ...columns } = body;
    const { cidrs } = vpc;
    const changed = this.requests.writeAsOperator(request, reply, async (act) => {
      refuseIssues(overlapIssues(cidrs ?? []));
      const record = found(
        'deployment',
        await deployments.update(act.scope, id, {
          ...columns,
          ...(cidrs === undefined ? {} : { cidrs: canonicalBlocks(cidrs) }),
          ...(vpc.routeTableIds === undefined ? {} : { routeTableIds: vpc.routeTableIds }),
        }),
      );
      const data = { ...columns, vpc: { ...vpc } };
      await audit(act, { action: 'deployment.change', target: id, tenantId: record.tenantId, data });
      return {
        status: 200,
        body: operatedDeploymentView(record),
        afterwards: () => {
          this.waker.wake(id, record.tenantId);
        },
      };
    });
    return changed.catch((error: unknown) => {
      if (!(error instanceof ClaimConflict)) throw error;
      throw addressProblem(cidrs ?? [], error.conflicts, [], CIDRS) ?? error;
    });
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({
    summary: 'Remove a deployment whose connections are all deleted',
    operationId: 'deleteDeployment',
    description:
      'Refused as well while its network holds something that a former connection has left, kept or not (see the ' +
      'orphans).',
  })
  @ApiParam(ID_PARAM)
  @AnswersNothing('Removed, with the history of its connections.')
  @Problems('not_found', 'in_use')
  remove(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) id: string,
  ): Promise<void> {
    return this.requests.writeAsOperator(request, reply, async (act) => {
      const { tenantId } = found('deployment', await deployments.get(act.scope, id));
      removed('deployment', await deployments.remove(act.scope, id));
      await audit(act, { action: 'deployment.delete', target: id, tenantId });
      return { status: 204, body: undefined };
    });
  }
}

/** Blocks of one VPC that overlap each other. The reserved ranges are the platform's own and no obstacle here. */
function overlapIssues(cidrs: readonly string[]): FieldIssue[] {
  const found = findConflicts(parseCidrs(cidrs), { reserved: [], deploymentCidrs: [], peers: [] });
  return addressProblem(cidrs, found, [], CIDRS)?.grounds.issues?.slice() ?? [];
}

async function referenceIssues(scope: OperatorScope, body: CreateDeploymentBody): Promise<FieldIssue[]> {
  const { tenantId, projectId, platformAccountId, cloud } = body;
  const [tenant, project, account] = await Promise.all([
    tenantIssues(scope, tenantId),
    projects.get(scope, projectId),
    platformAccounts.get(scope, platformAccountId),
  ]);
  const issues = [...tenant];
  if (project?.tenantId !== tenantId) issues.push(noSuch('/projectId', 'project', projectId));
  if (account === null) {
    issues.push(noSuch('/platformAccountId', 'platform_account', platformAccountId));
  } else if (account.cloud !== cloud) {
    const params = { expected: cloud, given: account.cloud };
    issues.push({ pointer: '/platformAccountId', code: 'account_of_other_cloud', params });
  }
  return issues;
}
