import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { Inject, Injectable } from '@nestjs/common';

import { PARTS, type WorkerParts } from '../parts.js';
import { Sweeper } from '../sweep/sweeper.js';
import { WorkerMetrics } from './worker-metrics.js';

/** Shows whether the worker is at work (`/healthz`) and what it measures (`/metrics`), where a port is configured. */
@Injectable()
export class HealthServer {
  #server: Server | null = null;

  constructor(
    @Inject(PARTS) private readonly parts: WorkerParts,
    private readonly sweeper: Sweeper,
    private readonly metrics: WorkerMetrics,
  ) {}

  /** Resolves with the URL; null where no port is configured. @throws Error when the port is taken */
  async listen(): Promise<string | null> {
    const { host, port } = this.parts.config.worker;
    if (port === null) return null;
    const server = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'http://worker');
      this.#answer(pathname, response).catch((error: unknown) => {
        this.parts.logger.error({ err: error }, 'the metrics could not be collected');
        send(response, 500, 'text/plain', 'the metrics could not be collected\n');
      });
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
    this.#server = server;
    const { address, port: taken } = server.address() as AddressInfo;
    return `http://${address.includes(':') ? `[${address}]` : address}:${taken}`;
  }

  async close(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  async #answer(path: string, response: ServerResponse): Promise<void> {
    if (path === '/healthz') {
      const isWell = this.sweeper.isWell();
      const body = isWell
        ? { status: 'ok' }
        : { status: 'failing', detail: 'what is due cannot be read from the database' };
      send(response, isWell ? 200 : 503, 'application/json', JSON.stringify(body));
    } else if (path === '/metrics') {
      const { registry } = this.metrics;
      send(response, 200, registry.contentType, await registry.metrics());
    } else {
      send(response, 404, 'text/plain', 'there is /healthz and /metrics\n');
    }
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
}
