/** What former connections have left in platform networks: `/admin/v1/orphans`. */
import { Controller, Get, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';

import { orphans, type OrphanRecord } from '#database';
import type { CloudId, OrphanState } from '#domain';

import { audit, type OperatorAct } from '../audit/act.js';
import { OperatorsOnly } from '../auth/access.decorator.js';
import type { ApiReply, ApiRequest } from '../http/api-request.js';
import { IdPipe } from '../http/id.pipe.js';
import { pageOf } from '../http/page-query.js';
import { readNothing } from '../http/request.pipe.js';
import { ScopedRequests } from '../http/scoped-requests.js';
import { exampleId } from '../http/value-checks.js';
import { Answers, Idempotent, Problems } from '../openapi/operation.decorators.js';
import { OrphansQuery } from './orphan.request.js';
import { OrphanPageView, orphanView, OrphanView } from './orphan.view.js';
import { found } from './refusals.js';

const THE_ID = new IdPipe('orph', 'orphan');
const ID_PARAM = { name: 'id', description: 'What was left behind.', example: exampleId('orph') } as const;

@ApiTags('Orphans')
@OperatorsOnly()
@Controller('admin/v1/orphans')
export class OrphansController {
  constructor(@Inject(ScopedRequests) private readonly requests: ScopedRequests) {}

  @Get()
  @ApiOperation({
    summary: 'List what former connections have left in platform networks',
    operationId: 'listOrphans',
    description:
      'Routes, connections and attachments that the broker has made and that no connection owns any more. Whatever ' +
      'cannot be proved to be the broker’s is neither listed nor touched.',
  })
  @Answers(200, OrphanPageView, 'A page of what was left behind.')
  @Problems('validation_failed')
  list(@Req() request: ApiRequest, @Query() query: OrphansQuery): Promise<OrphanPageView> {
    return this.requests.readAsOperator(request, async (scope) => {
      const { state, cloud, deployment } = query;
      const filters = {
        ...(state === undefined ? {} : { states: state as OrphanState[] }),
        ...(cloud === undefined ? {} : { clouds: cloud as CloudId[] }),
        ...(deployment === undefined ? {} : { deploymentIds: deployment }),
      };
      const { items, nextCursor } = await orphans.list(scope, filters, pageOf(query));
      return { items: items.map(orphanView), nextCursor };
    });
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read what was left behind', operationId: 'getOrphan' })
  @ApiParam(ID_PARAM)
  @Answers(200, OrphanView, 'What was left behind.')
  @Problems('not_found')
  get(@Req() request: ApiRequest, @Param('id', THE_ID) id: string): Promise<OrphanView> {
    return this.requests.readAsOperator(request, async (scope) =>
      orphanView(found('orphan', await orphans.get(scope, id))),
    );
  }

  @Post(':id/remove')
  @HttpCode(200)
  @Idempotent()
  @ApiOperation({
    summary: 'Have it removed now, and not when its time has come',
    operationId: 'removeOrphan',
    description:
      'The network is looked through again first: what a connection owns by then stays. One that was kept is kept no ' +
      'longer; one that is over stays as it is. While searches are switched off (`ORPHAN_CHECK_SECONDS=0`) nothing is ' +
      'removed: it is once they are on again.',
  })
  @ApiParam(ID_PARAM)
  @Answers(200, OrphanView, 'It is about to be removed.')
  @Problems('malformed_body', 'not_found', 'idempotency_mismatch', 'idempotency_in_progress')
  remove(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) id: string,
  ): Promise<OrphanView> {
    return this.write(request, reply, 'remove', id, ({ scope, at }) => orphans.release(scope, id, at));
  }

  @Post(':id/keep')
  @HttpCode(200)
  @Idempotent()
  @ApiOperation({
    summary: 'Have it stay where it is',
    operationId: 'keepOrphan',
    description:
      'Until somebody has it removed, or no look has shown it for as long as ended ones are kept for reports. Its ' +
      'deployment cannot be removed meanwhile. One that is over stays as it is.',
  })
  @ApiParam(ID_PARAM)
  @Answers(200, OrphanView, 'It stays.')
  @Problems('malformed_body', 'not_found', 'idempotency_mismatch', 'idempotency_in_progress')
  keep(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) id: string,
  ): Promise<OrphanView> {
    return this.write(request, reply, 'keep', id, ({ scope }) => orphans.keep(scope, id));
  }

  private write(
    request: ApiRequest,
    reply: ApiReply,
    verb: 'remove' | 'keep',
    id: string,
    change: (act: OperatorAct) => Promise<OrphanRecord | null>,
  ): Promise<OrphanView> {
    readNothing(request.body);
    return this.requests.writeAsOperator(request, reply, async (act) => {
      const record = found('orphan', await change(act));
      const { deploymentId, kind, providerId, route, connectionId, state } = record;
      const data = { deploymentId, kind, providerId, ...route, connectionId, state };
      await audit(act, { action: `orphan.${verb}`, target: id, data });
      return { status: 200, body: orphanView(record) };
    });
  }
}
