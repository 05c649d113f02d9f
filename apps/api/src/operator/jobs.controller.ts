/** Jobs that were given up: `/admin/v1/jobs`. */
import { Controller, Get, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';

import { Problem } from '#domain';
import type { FailedJob, JobName, Queues } from '#queues';
import type { Logger } from '#runtime';

import { audit } from '../audit/act.js';
import { OperatorsOnly } from '../auth/access.decorator.js';
import type { ApiReply, ApiRequest } from '../http/api-request.js';
import { MAX_PAGE } from '../http/page-query.js';
import { notFound } from '../http/problem-body.js';
import { WholeNumber } from '../http/request-fields.js';
import { readNothing } from '../http/request.pipe.js';
import { ScopedRequests } from '../http/scoped-requests.js';
import { isoTime, Shows, ShowsNumber, ShowsText, ShowsTime } from '../http/view-fields.js';
import { Answers, Idempotent, Problems } from '../openapi/operation.decorators.js';
import { LOGGER, QUEUES } from '../parts.js';

export class JobsQuery {
  @WholeNumber({
    description: 'At most this many.',
    min: 1,
    max: MAX_PAGE,
    example: 50,
    fallback: 50,
    required: false,
  })
  limit?: number;
}

export class FailedJobView {
  @ShowsText('Queue and job.', 'reconcile.42')
  id: string;

  @ShowsText('What it was to do.', 'reconcile')
  name: string;

  @Shows('What it carries.', {
    type: 'object',
    additionalProperties: true,
    example: { deploymentId: 'dep_01k9x7m3c8e9vt5w2r4q6y0zab' },
  })
  payload: unknown;

  @ShowsText('How its last attempt ended.', 'Connection terminated unexpectedly')
  error: string;

  @ShowsNumber('How often it was tried.', 3)
  attempts: number;

  @ShowsTime('When it was given up.')
  failedAt: string;
}

export class FailedJobListView {
  @Shows('Newest first.', { type: FailedJobView, isArray: true })
  items: readonly FailedJobView[];
}

@ApiTags('Jobs')
@OperatorsOnly()
@Controller('admin/v1/jobs')
export class JobsController {
  constructor(
    @Inject(ScopedRequests) private readonly requests: ScopedRequests,
    @Inject(QUEUES) private readonly queues: Pick<Queues, 'depth' | 'failedJobs' | 'retryFailedJob'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List the jobs that were given up', operationId: 'listFailedJobs' })
  @Answers(200, FailedJobListView, 'Failed jobs.')
  @Problems('validation_failed')
  async list(@Query() { limit = 50 }: JobsQuery): Promise<FailedJobListView> {
    const failed = await this.ask(() => this.queues.failedJobs(limit));
    return { items: failed.map(failedJobView) };
  }

  @Post(':id/retry')
  @HttpCode(202)
  @Idempotent()
  @ApiOperation({ summary: 'Let a job run again', operationId: 'retryFailedJob' })
  @ApiParam({ name: 'id', description: 'Queue and job.', example: 'reconcile.42' })
  @Answers(202, FailedJobView, 'It runs again.')
  @Problems(
    'malformed_body',
    'not_found',
    'validation_failed',
    'idempotency_mismatch',
    'idempotency_in_progress',
  )
  retry(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Param('id') id: string,
  ): Promise<FailedJobView> {
    readNothing(request.body);
    return this.requests.writeAsOperator(request, reply, async (act) => {
      const job = await this.find(id);
      await audit(act, { action: 'job.retry', target: id });
      if (!(await this.ask(() => this.queues.retryFailedJob(job.name, job.id)))) throw notFound('job');
      return { status: 202, body: failedJobView(job) };
    });
  }

  private async find(id: string): Promise<FailedJob> {
    const failed = await this.ask(() => this.queues.failedJobs(MAX_KEPT));
    const job = failed.find((each) => idOf(each) === id);
    if (job === undefined) throw notFound('job');
    return job;
  }

  /** @throws Problem `unavailable` when the queues cannot be reached */
  private async ask<T>(question: () => Promise<T>): Promise<T> {
    try {
      return await question();
    } catch (error) {
      this.logger.warn({ err: error }, 'the queues cannot be asked');
      throw new Problem('unavailable');
    }
  }
}

/** As many failed jobs of a kind as are kept at all. */
const MAX_KEPT = 1_000;

function idOf({ name, id }: { readonly name: JobName; readonly id: string }): string {
  return `${name}.${id}`;
}

function failedJobView(job: FailedJob): FailedJobView {
  const { name, payload, error, attempts, failedAt } = job;
  return { id: idOf(job), name, payload, error, attempts, failedAt: isoTime(failedAt) };
}
