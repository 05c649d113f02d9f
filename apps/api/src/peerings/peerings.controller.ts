/** Connections: `/v1/peerings`. */
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

import { boundResources, peeringEvents, peerings, type PeeringRecord } from '#database';
import type { Clock } from '#runtime';

import type { TenantAct } from '../audit/act.js';
import { Allow, READERS, WRITERS } from '../auth/access.decorator.js';
import type { CustomerPrincipal } from '../auth/principal.js';
import { etagOf } from '../http/answer.js';
import { localeOf, type ApiReply, type ApiRequest } from '../http/api-request.js';
import { IdPipe } from '../http/id.pipe.js';
import { requireVersion } from '../http/if-match.js';
import { LongPolls } from '../http/long-polls.js';
import { PageQuery, pageOf } from '../http/page-query.js';
import { readNothing } from '../http/request.pipe.js';
import { ScopedRequests, type Deed } from '../http/scoped-requests.js';
import { exampleId } from '../http/value-checks.js';
import { isoTime } from '../http/view-fields.js';
import { Answers, Conditional, Idempotent, Problems } from '../openapi/operation.decorators.js';
import { CLOCK } from '../parts.js';
import { Waker } from '../waker.js';
import { deletionPreview } from './deletion-preview.js';
import { DeletionPreviewView, PeeringEventPageView } from './peering-reads.view.js';
import {
  ChangePeeringBody,
  DeletePeeringQuery,
  PeeringReadQuery,
  PeeringsAcrossQuery,
} from './peering.request.js';
import { peeringView } from './peering.mapper.js';
import { PeeringPageView, PeeringView } from './peering.view.js';
import {
  changePeering,
  deletePeering,
  findPeering,
  findPeeringForUpdate,
  repairPeering,
  retryPeering,
  stateConflict,
} from './peering-writes.js';
import { RefreshLimit } from './refresh-limit.js';

const THE_ID = new IdPipe('peer', 'peering');
const ID_PARAM = { name: 'id', description: 'The connection.', example: exampleId('peer') } as const;

@ApiTags('Peering connections')
@Controller('v1/peerings')
export class PeeringsController {
  constructor(
    @Inject(ScopedRequests) private readonly requests: ScopedRequests,
    @Inject(LongPolls) private readonly longPolls: LongPolls,
    @Inject(RefreshLimit) private readonly refreshLimit: RefreshLimit,
    @Inject(Waker) private readonly waker: Waker,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Get()
  @Allow(READERS)
  @ApiOperation({ summary: 'List the connections of all deployments', operationId: 'listPeerings' })
  @Answers(200, PeeringPageView, 'A page of connections.')
  @Problems('validation_failed')
  list(@Req() request: ApiRequest, @Query() query: PeeringsAcrossQuery): Promise<PeeringPageView> {
    return this.requests.readAsTenant(request, async (scope, caller) => {
      const filters = peeringFilters(caller, query);
      const page = await peerings.list(scope, filters, pageOf(query));
      return this.page(request, page);
    });
  }

  @Get(':id')
  @Allow(READERS)
  @ApiOperation({
    summary: 'Read a connection, or wait until it is in one of some states',
    operationId: 'getPeering',
  })
  @ApiParam(ID_PARAM)
  @Answers(200, PeeringView, 'The connection as it is now.', { etag: true })
  @Problems('not_found', 'validation_failed')
  async get(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) id: string,
    @Query() query: PeeringReadQuery,
  ): Promise<PeeringView> {
    const read = (): Promise<PeeringRecord> =>
      this.requests.readAsTenant(request, (scope, caller) => findPeering({ scope, caller }, id));
    const record = await (query.wait === undefined ? read() : this.wait(reply, id, query, read));
    void reply.header('etag', etagOf(record.version));
    return this.view(request, record);
  }

  @Patch(':id')
  @HttpCode(202)
  @Allow(WRITERS)
  @ApiOperation({
    summary: 'Rename a connection, complete a draft, or correct one that has ended without success',
    operationId: 'changePeering',
    description:
      'Where another request is named, the one that was named before is rejected or withdrawn in the cloud first, as far as it is this customer’s and still there. Something that is just being taken back for that reason cannot be named again (`still_cleaning_up`).',
  })
  @ApiParam(ID_PARAM)
  @Conditional()
  @Answers(202, PeeringView, 'Taken. A changed spec starts another attempt.', { etag: true, location: true })
  @Problems(
    'not_found',
    'validation_failed',
    'malformed_body',
    'version_stale',
    'state_conflict',
    'still_cleaning_up',
    'locked',
    'cloud_mismatch',
    'cidr_conflict',
    'connection_exists',
    'network_full',
    'quota_exceeded',
    'edition_required',
    'deployment_not_ready',
  )
  change(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) id: string,
    @Body() body: ChangePeeringBody,
  ): Promise<PeeringView> {
    return this.write(request, reply, id, (act, before) => {
      requireVersion(request, before.version);
      return changePeering(act, before, body);
    });
  }

  @Delete(':id')
  @HttpCode(202)
  @Allow(WRITERS)
  @ApiOperation({ summary: 'Delete a connection, in whatever state it is', operationId: 'deletePeering' })
  @ApiParam(ID_PARAM)
  @Conditional()
  @Answers(202, PeeringView, 'Taken. It is `deleted` once nothing of it is left in the cloud.', {
    etag: true,
    location: true,
  })
  @Problems('not_found', 'validation_failed', 'version_stale', 'resources_bound')
  remove(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) id: string,
    @Query() query: DeletePeeringQuery,
  ): Promise<PeeringView> {
    return this.write(request, reply, id, (act, before) => {
      requireVersion(request, before.version);
      return deletePeering(act, before, { force: query.force ?? false, confirm: query.confirm ?? null });
    });
  }

  @Post(':id/retry')
  @HttpCode(202)
  @Allow(WRITERS)
  @Idempotent()
  @ApiOperation({
    summary: 'Start another attempt with nothing to re-type',
    operationId: 'retryPeering',
  })
  @ApiParam(ID_PARAM)
  @Answers(202, PeeringView, 'Taken.', { etag: true, location: true })
  @Problems(
    'malformed_body',
    'not_found',
    'state_conflict',
    'still_cleaning_up',
    'locked',
    'validation_failed',
    'cidr_conflict',
    'connection_exists',
    'network_full',
    'quota_exceeded',
    'edition_required',
    'deployment_not_ready',
    'idempotency_mismatch',
    'idempotency_in_progress',
  )
  retry(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) id: string,
  ): Promise<PeeringView> {
    readNothing(request.body);
    return this.write(request, reply, id, retryPeering);
  }

  @Post(':id/repair')
  @HttpCode(202)
  @Allow(WRITERS)
  @Idempotent()
  @ApiOperation({
    summary: 'Have the platform routes put back that somebody took away',
    operationId: 'repairPeering',
    description:
      'For deployments that ask before they repair (`nextActions` then has `approve_repair`). Where nothing is broken, or the broker repairs by itself, it changes nothing. The yes is good for this repair only.',
  })
  @ApiParam(ID_PARAM)
  @Answers(202, PeeringView, 'Taken.', { etag: true, location: true })
  @Problems(
    'malformed_body',
    'not_found',
    'state_conflict',
    'drift_only_reported',
    'locked',
    'validation_failed',
    'idempotency_mismatch',
    'idempotency_in_progress',
  )
  repair(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) id: string,
  ): Promise<PeeringView> {
    readNothing(request.body);
    return this.write(request, reply, id, repairPeering);
  }

  @Post(':id/refresh')
  @HttpCode(202)
  @Allow(WRITERS)
  @Idempotent()
  @ApiOperation({ summary: 'Have the cloud asked now', operationId: 'refreshPeering' })
  @ApiParam(ID_PARAM)
  @Answers(202, PeeringView, 'The cloud is about to be asked.', { etag: true, location: true })
  @Problems(
    'malformed_body',
    'not_found',
    'state_conflict',
    'rate_limited',
    'validation_failed',
    'idempotency_mismatch',
    'idempotency_in_progress',
  )
  refresh(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) id: string,
  ): Promise<PeeringView> {
    readNothing(request.body);
    const refresh = async ({ scope, at }: TenantAct, before: PeeringRecord): Promise<PeeringRecord> => {
      this.refreshLimit.check(id, at);
      if (!(await peerings.refresh(scope, id, at))) throw stateConflict(before);
      return { ...before, dueAt: at };
    };
    return this.write(request, reply, id, refresh, () => {
      this.refreshLimit.take(id, this.clock.now());
    });
  }

  @Get(':id/events')
  @Allow(READERS)
  @ApiOperation({ summary: 'What happened to a connection', operationId: 'listPeeringEvents' })
  @ApiParam(ID_PARAM)
  @Answers(200, PeeringEventPageView, 'A page of events.')
  @Problems('not_found', 'validation_failed')
  events(
    @Req() request: ApiRequest,
    @Param('id', THE_ID) id: string,
    @Query() query: PageQuery,
  ): Promise<PeeringEventPageView> {
    return this.requests.readAsTenant(request, async (scope, caller) => {
      await findPeering({ scope, caller }, id);
      const { items, nextCursor } = await peeringEvents.list(scope, id, pageOf(query));
      return {
        items: items.map(({ createdAt, connectionId, ...event }) => ({
          ...event,
          peeringId: connectionId,
          at: isoTime(createdAt),
        })),
        nextCursor,
      };
    });
  }

  @Get(':id/deletion-preview')
  @Allow(READERS)
  @ApiOperation({ summary: 'What a deletion would do', operationId: 'previewPeeringDeletion' })
  @ApiParam(ID_PARAM)
  @Answers(200, DeletionPreviewView, 'What would be removed, and what stands in the way.', { etag: true })
  @Problems('not_found')
  preview(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) id: string,
  ): Promise<DeletionPreviewView> {
    return this.requests.readAsTenant(request, async (scope, caller) => {
      const record = await findPeering({ scope, caller }, id);
      void reply.header('etag', etagOf(record.version));
      return deletionPreview(record, await boundResources.ofConnection(scope, id), localeOf(request));
    });
  }

  private wait(
    reply: ApiReply,
    id: string,
    { wait = [], timeout = '30s' }: PeeringReadQuery,
    read: () => Promise<PeeringRecord>,
  ): Promise<PeeringRecord> {
    const gone = new AbortController();
    reply.raw.once('close', () => {
      gone.abort();
    });
    const timeoutMs = Number.parseInt(timeout, 10) * 1000;
    return this.longPolls.until(id, timeoutMs, gone.signal, read, ({ status }) =>
      wait.includes(status.state),
    );
  }

  /**
   * A write that answers with the connection as it is then, and wakes the engine when it has something to do.
   * @param done told once it is committed; `work` may run more than once
   */
  private write(
    request: ApiRequest,
    reply: ApiReply,
    id: string,
    work: (act: TenantAct, before: PeeringRecord) => Promise<PeeringRecord>,
    done?: () => void,
  ): Promise<PeeringView> {
    return this.requests.writeAsTenant(request, reply, async (act): Promise<Deed<PeeringView>> => {
      const record = await work(act, await findPeeringForUpdate(act, id));
      return {
        status: 202,
        body: this.view(request, record),
        version: record.version,
        location: `/v1/peerings/${record.id}`,
        afterwards: () => {
          done?.();
          this.waker.wakeFor(record);
        },
      };
    });
  }

  private view(request: ApiRequest, record: PeeringRecord): PeeringView {
    return peeringView(record, localeOf(request), this.clock.now());
  }

  private page(
    request: ApiRequest,
    { items, nextCursor }: { readonly items: readonly PeeringRecord[]; readonly nextCursor: string | null },
  ): PeeringPageView {
    return { items: items.map((record) => this.view(request, record)), nextCursor };
  }
}

/** The filters of a query, within what the caller may see. */
export function peeringFilters(
  caller: CustomerPrincipal,
  query: { readonly state?: string[]; readonly cloud?: string[]; readonly deployment?: string[] },
): Parameters<typeof peerings.list>[1] {
  return {
    ...(query.state === undefined ? {} : { states: query.state }),
    ...(query.cloud === undefined ? {} : { clouds: query.cloud }),
    ...(query.deployment === undefined ? {} : { deploymentIds: query.deployment }),
    ...(caller.projectIds === null ? {} : { projectIds: caller.projectIds }),
  };
}
