/** Addresses that customers may not use: `/admin/v1/reserved-ranges`. */
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

import { reservedRanges, type OperatorScope, type ReservedRangeRecord } from '#database';
import { parseAddress } from '#domain';

import { audit } from '../audit/act.js';
import { OperatorsOnly } from '../auth/access.decorator.js';
import type { ApiReply, ApiRequest } from '../http/api-request.js';
import { IdPipe } from '../http/id.pipe.js';
import { PageQuery, pageOf } from '../http/page-query.js';
import { refuseIssues } from '../http/request-problem.js';
import { ScopedRequests } from '../http/scoped-requests.js';
import { exampleId } from '../http/value-checks.js';
import { isoTime } from '../http/view-fields.js';
import { Answers, AnswersNothing, Idempotent, Problems } from '../openapi/operation.decorators.js';
import { found, removed } from './refusals.js';
import {
  ChangeReservedRangeBody,
  CreateReservedRangeBody,
  ReservedRangeQuery,
} from './reserved-range.request.js';
import {
  AffectedPeeringPageView,
  AssessedReservedRangeView,
  ReservedRangePageView,
  reservedRangeView,
} from './reserved-range.view.js';

const THE_ID = new IdPipe('rsv', 'reserved_range');
const ID_PARAM = { name: 'id', description: 'The range.', example: exampleId('rsv') } as const;

@ApiTags('Reserved ranges')
@OperatorsOnly()
@Controller('admin/v1/reserved-ranges')
export class ReservedRangesController {
  constructor(@Inject(ScopedRequests) private readonly requests: ScopedRequests) {}

  @Get()
  @ApiOperation({ summary: 'List the ranges of all versions and times', operationId: 'listReservedRanges' })
  @Answers(200, ReservedRangePageView, 'A page of ranges.')
  @Problems('validation_failed')
  list(@Req() request: ApiRequest, @Query() query: ReservedRangeQuery): Promise<ReservedRangePageView> {
    return this.requests.readAsOperator(request, async (scope) => {
      const { cloud } = query;
      const filters = cloud === undefined ? {} : { cloud };
      const { items, nextCursor } = await reservedRanges.list(scope, filters, pageOf(query));
      return { items: items.map(reservedRangeView), nextCursor };
    });
  }

  @Post()
  @HttpCode(201)
  @Idempotent()
  @ApiOperation({
    summary: 'Reserve a range, now or from a time on',
    operationId: 'createReservedRange',
    description:
      'Connections that exist keep running, and are counted in the answer; new ones, and new attempts, are held to it.',
  })
  @Answers(201, AssessedReservedRangeView, 'The range.', { location: true })
  @Problems('malformed_body', 'validation_failed', 'idempotency_mismatch', 'idempotency_in_progress')
  create(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Body() body: CreateReservedRangeBody,
  ): Promise<AssessedReservedRangeView> {
    return this.requests.writeAsOperator(request, reply, async (act) => {
      const range = {
        from: body.from,
        to: body.to,
        version: body.version ?? 1,
        cloud: body.cloud ?? null,
        note: body.note ?? '',
        effectiveFrom: body.effectiveFrom === undefined ? act.at : Date.parse(body.effectiveFrom),
        effectiveUntil: epochOrNull(body.effectiveUntil),
      };
      refuseDisorder(range);
      const record = await reservedRanges.create(act.scope, range);
      const view = await assessed(act.scope, record);
      await audit(act, { action: 'reserved_range.create', target: record.id, data: { ...view } });
      return {
        status: 201,
        body: view,
        location: `/admin/v1/reserved-ranges/${record.id}`,
      };
    });
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read a range', operationId: 'getReservedRange' })
  @ApiParam(ID_PARAM)
  @Answers(200, AssessedReservedRangeView, 'The range.')
  @Problems('not_found')
  get(@Req() request: ApiRequest, @Param('id', THE_ID) id: string): Promise<AssessedReservedRangeView> {
    return this.requests.readAsOperator(request, async (scope) =>
      assessed(scope, found('reserved_range', await reservedRanges.get(scope, id))),
    );
  }

  @Get(':id/affected-peerings')
  @ApiOperation({
    summary: 'List the live connections that have blocks in a range',
    operationId: 'listAffectedPeerings',
    description:
      'They were made before the range counted, and keep running. A range that counts from a later time on shows what it will find.',
  })
  @ApiParam(ID_PARAM)
  @Answers(200, AffectedPeeringPageView, 'A page of connections.')
  @Problems('not_found', 'validation_failed')
  affected(
    @Req() request: ApiRequest,
    @Param('id', THE_ID) id: string,
    @Query() query: PageQuery,
  ): Promise<AffectedPeeringPageView> {
    return this.requests.readAsOperator(request, async (scope) => {
      found('reserved_range', await reservedRanges.get(scope, id));
      return reservedRanges.affected(scope, id, pageOf(query));
    });
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Change a range, or let it end', operationId: 'changeReservedRange' })
  @ApiParam(ID_PARAM)
  @Answers(200, AssessedReservedRangeView, 'The range as it is now.')
  @Problems('not_found', 'malformed_body', 'validation_failed')
  change(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) id: string,
    @Body() { effectiveFrom, effectiveUntil, ...given }: ChangeReservedRangeBody,
  ): Promise<AssessedReservedRangeView> {
    return this.requests.writeAsOperator(request, reply, async (act) => {
      const before = found('reserved_range', await reservedRanges.get(act.scope, id));
      const changes = {
        ...given,
        ...(effectiveFrom === undefined ? {} : { effectiveFrom: Date.parse(effectiveFrom) }),
        ...(effectiveUntil === undefined ? {} : { effectiveUntil: epochOrNull(effectiveUntil) }),
      };
      refuseDisorder({ ...before, ...changes });
      const record = found('reserved_range', await reservedRanges.update(act.scope, id, changes));
      const view = await assessed(act.scope, record);
      await audit(act, { action: 'reserved_range.change', target: id, data: { ...view } });
      return { status: 200, body: view };
    });
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Remove a range', operationId: 'deleteReservedRange' })
  @ApiParam(ID_PARAM)
  @AnswersNothing('Removed.')
  @Problems('not_found')
  remove(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) id: string,
  ): Promise<void> {
    return this.requests.writeAsOperator(request, reply, async (act) => {
      removed('reserved_range', await reservedRanges.remove(act.scope, id));
      await audit(act, { action: 'reserved_range.delete', target: id });
      return { status: 204, body: undefined };
    });
  }
}

async function assessed(
  scope: OperatorScope,
  range: ReservedRangeRecord,
): Promise<AssessedReservedRangeView> {
  return {
    ...reservedRangeView(range),
    affectedPeerings: await reservedRanges.countAffected(scope, range.id),
  };
}

function epochOrNull(time: string | null | undefined): number | null {
  return time === undefined || time === null ? null : Date.parse(time);
}

/** @throws RequestProblem `validation_failed` when a range or its time ends before it begins */
function refuseDisorder(range: {
  readonly from: string;
  readonly to: string;
  readonly effectiveFrom: number;
  readonly effectiveUntil: number | null;
}): void {
  const { from, to, effectiveFrom, effectiveUntil } = range;
  const reversed = parseAddress(from).value > parseAddress(to).value;
  const backwards = effectiveUntil !== null && effectiveUntil <= effectiveFrom;
  refuseIssues([
    ...(reversed ? [{ pointer: '/to', code: 'range_reversed', params: { from, to } } as const] : []),
    ...(backwards
      ? [
          {
            pointer: '/effectiveUntil',
            code: 'not_after',
            params: { given: isoTime(effectiveUntil), earlier: isoTime(effectiveFrom) },
          } as const,
        ]
      : []),
  ]);
}
