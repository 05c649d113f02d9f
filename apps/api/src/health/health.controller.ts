/** Whether the process lives, whether it can serve, and what it measures. */
import { Controller, Get, Inject, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';

import type { Database } from '#database';
import type { Queues } from '#queues';
import type { Logger, MetricsRegistry } from '#runtime';

import { Anybody } from '../auth/access.decorator.js';
import type { ApiReply } from '../http/api-request.js';
import { DATABASE, LOGGER, METRICS, QUEUES } from '../parts.js';

/** How long a dependency may take to answer before it counts as away, in milliseconds. */
const PATIENCE_MS = 2_000;

type Health = 'ok' | 'unavailable';

@ApiExcludeController()
@Anybody()
@Controller()
export class HealthController {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(QUEUES) private readonly queues: Pick<Queues, 'depth'>,
    @Inject(METRICS) private readonly metrics: MetricsRegistry,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** The process answers: whatever else is wrong, restarting it would not help. */
  @Get('healthz')
  live(): { readonly status: Health } {
    return { status: 'ok' };
  }

  /** Requests can be served, and what they ask for is taken up at once. */
  @Get('readyz')
  async ready(@Res({ passthrough: true }) reply: ApiReply): Promise<{
    readonly status: Health;
    readonly checks: { readonly database: Health; readonly queue: Health };
  }> {
    const [database, queue] = await Promise.all([
      this.check('database', () => this.database.ping()),
      this.check('queue', () => this.queues.depth()),
    ]);
    const status = database === 'ok' && queue === 'ok' ? 'ok' : 'unavailable';
    void reply.code(status === 'ok' ? 200 : 503).header('cache-control', 'no-store');
    return { status, checks: { database, queue } };
  }

  @Get('metrics')
  async scrape(@Res({ passthrough: true }) reply: ApiReply): Promise<string> {
    void reply.type(this.metrics.contentType);
    return this.metrics.metrics();
  }

  private async check(name: string, ask: () => Promise<unknown>): Promise<Health> {
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`no answer within ${PATIENCE_MS} ms`));
      }, PATIENCE_MS);
    });
    try {
      await Promise.race([ask(), tooLate]);
      return 'ok';
    } catch (error) {
      this.logger.warn({ err: error, dependency: name }, 'not ready');
      return 'unavailable';
    } finally {
      clearTimeout(timer);
    }
  }
}
