/** The connections of all tenants: `/admin/v1/peerings`. */
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';

import { boundResources, peerings, type PeeringChanges, type PeeringRecord } from '#database';
import type { Clock } from '#runtime';

import { audit, type OperatorAct } from '../audit/act.js';
import { OperatorsOnly } from '../auth/access.decorator.js';
import { etagOf } from '../http/answer.js';
import { localeOf, type ApiReply, type ApiRequest } from '../http/api-request.js';
import { IdPipe } from '../http/id.pipe.js';
import { pageOf } from '../http/page-query.js';
import { readNothing } from '../http/request.pipe.js';
import { ScopedRequests } from '../http/scoped-requests.js';
import { exampleId } from '../http/value-checks.js';
import { Answers, Idempotent, Problems } from '../openapi/operation.decorators.js';
import { CLOCK } from '../parts.js';
import { requireConfirmation, stateConflict } from '../peerings/peering-writes.js';
import { Waker } from '../waker.js';
import { AllPeeringsQuery, ForgetBody, LockBody } from './peering.request.js';
import { OperatedPeeringPageView, operatedPeeringView, OperatedPeeringView } from './peering.view.js';
import { found } from './refusals.js';

const THE_ID = new IdPipe('peer', 'peering');
const ID_PARAM = { name: 'id', description: 'The connection.', example: exampleId('peer') } as const;

@ApiTags('Peering connections')
@OperatorsOnly()
@Controller('admin/v1/peerings')
export class OperatedPeeringsController {
  constructor(
    @Inject(ScopedRequests) private readonly requests: ScopedRequests,
    @Inject(Waker) private readonly waker: Waker,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List the connections of all tenants', operationId: 'listPeerings' })
  @Answers(200, OperatedPeeringPageView, 'A page of connections.')
  @Problems('validation_failed')
  list(@Req() request: ApiRequest, @Query() query: AllPeeringsQuery): Promise<OperatedPeeringPageView> {
    return this.requests.readAsOperator(request, async (scope) => {
      const { tenantId, deployment, state, cloud } = query;
      const filters = {
        ...(tenantId === undefined ? {} : { tenantIds: tenantId }),
        ...(deployment === undefined ? {} : { deploymentIds: deployment }),
        ...(state === undefined ? {} : { states: state }),
        ...(cloud === undefined ? {} : { clouds: cloud }),
      };
      const { items, nextCursor } = await peerings.list(scope, filters, pageOf(query));
      return { items: items.map((record) => this.view(request, record)), nextCursor };
    });
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read a connection', operationId: 'getPeering' })
  @ApiParam(ID_PARAM)
  @Answers(200, OperatedPeeringView, 'The connection.', { etag: true })
  @Problems('not_found')
  get(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) id: string,
  ): Promise<OperatedPeeringView> {
    return this.requests.readAsOperator(request, async (scope) => {
      const record = found('peering', await peerings.get(scope, id));
      void reply.header('etag', etagOf(record.version));
      return this.view(request, record);
    });
  }

  @Post(':id/lock')
  @HttpCode(200)
  @Idempotent()
  @ApiOperation({
    summary: 'Lock a connection: it is watched, and nothing of it is changed in the cloud',
    operationId: 'lockPeering',
  })
  @ApiParam(ID_PARAM)
  @Answers(200, OperatedPeeringView, 'Locked.', { etag: true })
  @Problems(
    'not_found',
    'malformed_body',
    'validation_failed',
    'state_conflict',
    'idempotency_mismatch',
    'idempotency_in_progress',
  )
  lock(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) id: string,
    @Body() { note }: LockBody,
  ): Promise<OperatedPeeringView> {
    return this.write(request, reply, id, 'lock', ({ caller }, before) => {
      if (before.status.state === 'deleted') throw stateConflict(before);
      const events = [{ type: 'peering.locked', actor: actorOf(caller.keyId), data: { note } }];
      return { lockedNote: note, events };
    });
  }

  @Post(':id/unlock')
  @HttpCode(200)
  @Idempotent()
  @ApiOperation({ summary: 'Unlock a connection', operationId: 'unlockPeering' })
  @ApiParam(ID_PARAM)
  @Answers(200, OperatedPeeringView, 'Unlocked, and looked at again.', { etag: true })
  @Problems('malformed_body', 'not_found', 'idempotency_mismatch', 'idempotency_in_progress')
  unlock(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) id: string,
  ): Promise<OperatedPeeringView> {
    readNothing(request.body);
    return this.write(request, reply, id, 'unlock', ({ caller, at }, before) => {
      if (before.lockedNote === null) return null;
      const events = [{ type: 'peering.unlocked', actor: actorOf(caller.keyId), data: {} }];
      return { lockedNote: null, events, ...(before.dueAt === null ? {} : { dueAt: at }) };
    });
  }

  @Post(':id/reconcile')
  @HttpCode(202)
  @Idempotent()
  @ApiOperation({ summary: 'Have the engine look at a connection now', operationId: 'reconcilePeering' })
  @ApiParam(ID_PARAM)
  @Answers(202, OperatedPeeringView, 'It is about to be looked at.', { etag: true })
  @Problems('malformed_body', 'not_found', 'idempotency_mismatch', 'idempotency_in_progress')
  reconcile(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) id: string,
  ): Promise<OperatedPeeringView> {
    readNothing(request.body);
    return this.requests.writeAsOperator(request, reply, async (act) => {
      const before = found('peering', await peerings.getForUpdate(act.scope, id));
      const due = await peerings.refresh(act.scope, id, act.at);
      await audit(act, { action: 'peering.reconcile', target: id, tenantId: before.tenantId });
      const record = due ? { ...before, dueAt: act.at } : before;
      return {
        status: 202,
        body: this.view(request, record),
        version: record.version,
        afterwards: () => {
          this.waker.wake(record.deploymentId, record.tenantId);
        },
      };
    });
  }

  @Post(':id/forget')
  @HttpCode(200)
  @Idempotent()
  @ApiOperation({
    summary: 'Take a connection off the books without touching the cloud',
    operationId: 'forgetPeering',
    description:
      'For what can no longer be reached, such as an account that was closed. Whatever is left in the platform network ' +
      'turns up among the orphans, and is removed when its time of grace is over unless it is kept.',
  })
  @ApiParam(ID_PARAM)
  @Answers(200, OperatedPeeringView, 'Forgotten.', { etag: true })
  @Problems(
    'not_found',
    'malformed_body',
    'validation_failed',
    'idempotency_mismatch',
    'idempotency_in_progress',
  )
  forget(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id', THE_ID) id: string,
    @Body() { confirm }: ForgetBody,
  ): Promise<OperatedPeeringView> {
    return this.write(request, reply, id, 'forget', async ({ scope, caller, at }, before) => {
      requireConfirmation(before, confirm, '/confirm');
      if (before.status.state === 'deleted') return null;
      await boundResources.unbindAll(scope, id);
      const { providerId, routes, state } = before.status;
      const events = [
        {
          type: 'peering.forgotten',
          actor: actorOf(caller.keyId),
          data: { from: state, providerId, routes },
        },
      ];
      return {
        desired: 'absent',
        dueAt: null,
        events,
        status: {
          ...before.status,
          state: 'deleted',
          stateSince: at,
          reason: { code: 'forgotten', params: {}, since: at },
          deadline: null,
          intent: null,
          ending: null,
        },
      };
    });
  }

  /** A change of one connection, audited; null changes nothing. */
  private write(
    request: ApiRequest,
    reply: ApiReply,
    id: string,
    verb: string,
    decide: (
      act: OperatorAct,
      before: PeeringRecord,
    ) => PeeringChanges | null | Promise<PeeringChanges | null>,
  ): Promise<OperatedPeeringView> {
    return this.requests.writeAsOperator(request, reply, async (act) => {
      const before = found('peering', await peerings.getForUpdate(act.scope, id));
      const changes = await decide(act, before);
      const record = changes === null ? before : await peerings.change(act.scope, before, changes, act.at);
      const data = {
        state: before.status.state,
        ...(changes?.lockedNote ? { note: changes.lockedNote } : {}),
      };
      await audit(act, { action: `peering.${verb}`, target: id, tenantId: before.tenantId, data });
      return {
        status: 200,
        body: this.view(request, record),
        version: record.version,
        afterwards: () => {
          this.waker.wakeFor(record);
        },
      };
    });
  }

  private view(request: ApiRequest, record: PeeringRecord): OperatedPeeringView {
    return operatedPeeringView(record, localeOf(request), this.clock.now());
  }
}

/** How events name an operator. */
function actorOf(keyId: string): string {
  return `operator:${keyId}`;
}
