/** Projects: `/admin/v1/projects`. */
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

import { projects } from '#database';

import { audit } from '../audit/act.js';
import { OperatorsOnly } from '../auth/access.decorator.js';
import type { ApiReply, ApiRequest } from '../http/api-request.js';
import { IdPipe } from '../http/id.pipe.js';
import { pageOf } from '../http/page-query.js';
import { refuseIssues } from '../http/request-problem.js';
import { ScopedRequests } from '../http/scoped-requests.js';
import { exampleId } from '../http/value-checks.js';
import { Answers, AnswersNothing, Idempotent, Problems } from '../openapi/operation.decorators.js';
import { ChangeProjectBody, CreateProjectBody, TenantPageQuery } from './organisation.request.js';
import { ProjectPageView, projectView, ProjectView } from './organisation.view.js';
import { found, removed, tenantIssues } from './refusals.js';

const THE_ID = new IdPipe('prj', 'project');
const ID_PARAM = { name: 'id', description: 'The project.', example: exampleId('prj') } as const;

@ApiTags('Projects')
@OperatorsOnly()
@Controller('admin/v1/projects')
export class ProjectsController {
  constructor(@Inject(ScopedRequests) private readonly requests: ScopedRequests) {}

  @Get()
  @ApiOperation({ summary: 'List projects', operationId: 'listProjects' })
  @Answers(200, ProjectPageView, 'A page of projects.')
  @Problems('validation_failed')
  list(@Req() request: ApiRequest, @Query() query: TenantPageQuery): Promise<ProjectPageView> {
    return this.requests.readAsOperator(request, async (scope) => {
      const { tenantId } = query;
      const filters = tenantId === undefined ? {} : { tenantId };
      const { items, nextCursor } = await projects.list(scope, filters, pageOf(query));
      return { items: items.map(projectView), nextCursor };
    });
  }

  @Post()
  @HttpCode(201)
  @Idempotent()
  @ApiOperation({ summary: 'Make a project', operationId: 'createProject' })
  @Answers(201, ProjectView, 'The project.', { location: true })
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
    @Body() { tenantId, name }: CreateProjectBody,
  ): Promise<ProjectView> {
    return this.requests.writeAsOperator(request, reply, async (act) => {
      refuseIssues(await tenantIssues(act.scope, tenantId));
      const record = await projects.create(act.scope, { tenantId, name });
      await audit(act, { action: 'project.create', target: record.id, tenantId, data: { name } });
      return { status: 201, body: projectView(record), location: `/admin/v1/projects/${record.id}` };
    });
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read a project', operationId: 'getProject' })
  @ApiParam(ID_PARAM)
  @Answers(200, ProjectView, 'The project.')
  @Problems('not_found')
  get(@Req() request: ApiRequest, @Param('id', THE_ID) id: string): Promise<ProjectView> {
    return this.requests.readAsOperator(request, async (scope) =>
      projectView(found('project', await projects.get(scope, id))),
    );
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Rename a project', operationId: 'changeProject' })
  @ApiParam(ID_PARAM)
  @Answers(200, ProjectView, 'The project as it is now.')
  @Problems('not_found', 'malformed_body', 'validation_failed', 'already_exists')
  change(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) id: string,
    @Body() { name }: ChangeProjectBody,
  ): Promise<ProjectView> {
    return this.requests.writeAsOperator(request, reply, async (act) => {
      const record = found('project', await projects.update(act.scope, id, { name }));
      await audit(act, { action: 'project.change', target: id, tenantId: record.tenantId, data: { name } });
      return { status: 200, body: projectView(record) };
    });
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Remove a project that has no deployments', operationId: 'deleteProject' })
  @ApiParam(ID_PARAM)
  @AnswersNothing('Removed.')
  @Problems('not_found', 'in_use')
  remove(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) id: string,
  ): Promise<void> {
    return this.requests.writeAsOperator(request, reply, async (act) => {
      const { tenantId } = found('project', await projects.get(act.scope, id));
      removed('project', await projects.remove(act.scope, id));
      await audit(act, { action: 'project.delete', target: id, tenantId });
      return { status: 204, body: undefined };
    });
  }
}
