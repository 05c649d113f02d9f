/** One log line and one measurement for each request. Never a body, a header or a query string: those hold secrets. */
import type { FastifyInstance } from 'fastify';
import { Histogram } from 'prom-client';

import type { Logger, MetricsRegistry } from '#runtime';

import { givenRequestId } from './api-request.js';

/** Probes and scrapes, which nobody wants to read about. */
const QUIET: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);

/** Watches every request of a server. */
export function watchRequests(fastify: FastifyInstance, logger: Logger, metrics: MetricsRegistry): void {
  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time to answer a request, by route and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers: [metrics],
  });
  fastify.decorateRequest('principal', null);
  fastify.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    done();
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unknown';
    const status = reply.statusCode;
    duration.observe({ method: request.method, route, status: String(status) }, reply.elapsedTime / 1000);
    if (!QUIET.has(route)) {
      const { principal } = request;
      logger.info(
        {
          requestId: request.id,
          method: request.method,
          path: request.url.split('?', 1)[0],
          status,
          ms: Math.round(reply.elapsedTime * 10) / 10,
          ...(principal === null ? {} : { keyId: principal.keyId }),
          ...(principal?.kind === 'customer' ? { tenantId: principal.tenantId } : {}),
        },
        'request',
      );
    }
    done();
  });
}

/** The caller's request id, or a new one. */
export function requestIdOf(request: { readonly headers: NodeJS.Dict<string | string[]> }): string {
  return givenRequestId(request.headers['x-request-id']) ?? crypto.randomUUID();
}
