/** Starts the API in this process. */
import type { Server } from 'node:http';

import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import type { Logger, MetricsRegistry } from '#runtime';

import { ApiModule } from './api.module.js';
import { requestIdOf, watchRequests } from './http/access-log.js';
import { LongPolls } from './http/long-polls.js';
import { BODY_LIMIT, ProblemFilter } from './http/problem.filter.js';
import { RequestPipe } from './http/request.pipe.js';
import { RouteTable } from './http/route-table.js';
import { serveDocuments } from './openapi/documents.js';
import { LOGGER, METRICS, type ApiParts } from './parts.js';

/** An API that listens. */
export interface Api {
  readonly app: NestFastifyApplication;
  /** Where it is to be found, without a slash at the end. */
  readonly url: string;
  /** Takes no more requests, answers those that wait, and resolves when all are answered. */
  close(): Promise<void>;
}

/** Longest that a caller may take to send a request, in milliseconds. */
const REQUEST_TIMEOUT_MS = 30_000;
/** How often connections that have come to rest are closed while the API ends, in milliseconds. */
const HANG_UP_EVERY_MS = 20;
/** Longer than what load balancers keep connections for, so that they and not we close them. */
const KEEP_ALIVE_MS = 75_000;

/** @throws whatever keeps it from listening, such as EADDRINUSE */
export async function createApi(parts: ApiParts): Promise<Api> {
  const app = await buildApi(parts);
  const { host, port } = parts.config.api;
  await app.listen({ port, host });
  const address = app.getHttpServer().address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  return {
    app,
    url: `http://${host.includes(':') ? `[${host}]` : host === '0.0.0.0' ? '127.0.0.1' : host}:${String(bound)}`,
    close: () => closeApi(app),
  };
}

async function closeApi(app: NestFastifyApplication): Promise<void> {
  const server: Server = app.getHttpServer();
  app.get(LongPolls).close();
  // Connections that were answering when it began would be kept open for the next request.
  const hangUp = setInterval(() => {
    server.closeIdleConnections();
  }, HANG_UP_EVERY_MS);
  try {
    await app.close();
  } finally {
    clearInterval(hangUp);
  }
}

/** The application with all its routes, not listening yet. */
export async function buildApi(parts: ApiParts): Promise<NestFastifyApplication> {
  const routes = new RouteTable();
  const filter = new ProblemFilter(routes, parts.logger);
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestIdHeader: false,
    genReqId: requestIdOf,
    return503OnClosing: false,
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
      filter.answer(error, request, reply);
    },
  });
  const fastify: FastifyInstance = adapter.getInstance();
  routes.watch(fastify);
  acceptJsonOnly(fastify);
  const app = await NestFactory.create<NestFastifyApplication>(ApiModule.from(parts), adapter, {
    logger: false,
    bodyParser: false,
    abortOnError: false,
  });
  watchRequests(fastify, app.get<Logger>(LOGGER), app.get<MetricsRegistry>(METRICS));
  app.useSecurityHeaders({
    // Browsers would fetch the assets of /docs by HTTPS, which is the load balancer's to speak.
    contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
  });
  app.useGlobalFilters(filter);
  app.useGlobalPipes(new RequestPipe());
  serveDocuments(app);
  await app.init();
  await fastify.ready();
  return app;
}

/** JSON is the only body that is read; an empty one counts as none, whatever type it claims to have. */
function acceptJsonOnly(fastify: FastifyInstance): void {
  const parse = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser<string>(
    ['application/json', 'application/merge-patch+json'],
    { parseAs: 'string' },
    (request, body, done) => {
      if (body === '') done(null, undefined);
      else void parse(request, body, done);
    },
  );
}
