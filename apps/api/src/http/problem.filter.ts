/** Every failure leaves the API through here, as problem+json and without a word about what is behind it. */
import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';

import { Problem } from '#domain';
import type { Logger } from '#runtime';

import { localeOf, type ApiReply, type ApiRequest } from './api-request.js';
import { databaseProblem } from './database-problems.js';
import { problemBody } from './problem-body.js';
import { PROBLEM_STATUS } from './problem-status.js';
import { RequestProblem } from './request-problem.js';
import type { RouteTable } from './route-table.js';

/** Largest body that is read, in bytes. */
export const BODY_LIMIT = 256 * 1024;

const CHALLENGE = 'Basic realm="Peering Broker", charset="UTF-8", Bearer realm="Peering Broker"';

/** Seconds after which trying again makes sense, where the problem itself does not say. */
const RETRY_AFTER: Readonly<Record<number, number>> = { 503: 2 };

@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly routes: RouteTable,
    private readonly logger: Logger,
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(thrown, http.getRequest<ApiRequest>(), http.getResponse<ApiReply>());
  }

  /** Answers a request with whatever was thrown. */
  answer(thrown: unknown, request: ApiRequest, reply: ApiReply): void {
    if (reply.sent) return;
    const path = request.url.split('?', 1)[0] ?? '/';
    const problem = this.identify(thrown, request.method, path);
    const status = PROBLEM_STATUS[problem.code];
    if (status >= 500) {
      this.logger.error({ err: thrown, requestId: request.id, path, code: problem.code }, 'request failed');
    }
    const locale = localeOf(request);
    const body = problemBody(problem, locale, { path, id: request.id });
    const grounds = problem instanceof RequestProblem ? problem.grounds : {};
    const retryAfter = grounds.retryAfterSeconds ?? RETRY_AFTER[status];
    if (retryAfter !== undefined) void reply.header('retry-after', String(retryAfter));
    if (grounds.location !== undefined) void reply.header('location', grounds.location);
    if (grounds.allow !== undefined) void reply.header('allow', grounds.allow.join(', '));
    if (problem.code === 'unauthenticated' || problem.code === 'forbidden')
      void reply.header('www-authenticate', CHALLENGE);
    void reply
      .code(status)
      .header('x-request-id', request.id)
      .header('content-language', locale)
      .header('cache-control', 'no-store')
      .type('application/problem+json; charset=utf-8')
      .send(JSON.stringify(body));
  }

  private identify(thrown: unknown, method: string, path: string): Problem {
    if (thrown instanceof Problem) return thrown;
    const refused = databaseProblem(thrown);
    if (refused !== null) return refused;
    const status = statusOf(thrown);
    if (status === 404) {
      const allow = this.routes.methodsAt(path);
      if (allow.length === 0) return new Problem('route_not_found', { path });
      return new RequestProblem('method_not_allowed', { method, path }, { allow });
    }
    switch (status) {
      case 400:
        return codeOf(thrown) === 'FST_ERR_BAD_URL'
          ? new Problem('malformed_url')
          : new Problem('malformed_body');
      case 413:
        return new Problem('payload_too_large', { limit: String(BODY_LIMIT) });
      case 414:
        return new Problem('malformed_url');
      case 415:
        return new Problem('unsupported_media_type');
      default:
        return new Problem('internal');
    }
  }
}

function statusOf(thrown: unknown): number | undefined {
  if (thrown instanceof HttpException) return thrown.getStatus();
  return fieldOf(thrown, 'statusCode') as number | undefined;
}

function codeOf(thrown: unknown): unknown {
  const own = fieldOf(thrown, 'code');
  return own ?? (thrown instanceof Error ? fieldOf(thrown.cause, 'code') : undefined);
}

function fieldOf(thrown: unknown, name: string): unknown {
  return typeof thrown === 'object' && thrown !== null
    ? (thrown as Record<string, unknown>)[name]
    : undefined;
}
