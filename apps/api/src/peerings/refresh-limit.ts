/** How often a customer may have the cloud asked about one connection, in each process of the API. */
import { RequestProblem } from '../http/request-problem.js';

/** Shortest time between two refreshes of a connection, in milliseconds. */
export const REFRESH_EVERY_MS = 5_000;

/** Connections that are remembered before the old ones are swept out. */
const REMEMBERED = 10_000;

export class RefreshLimit {
  private readonly latest = new Map<string, number>();

  /** Whether another one may be asked for; asking is not taking. @throws RequestProblem `rate_limited` */
  check(connectionId: string, now: number): void {
    const before = this.latest.get(connectionId);
    const leftMs = before === undefined ? 0 : before + REFRESH_EVERY_MS - now;
    if (leftMs > 0) {
      throw new RequestProblem('rate_limited', {}, { retryAfterSeconds: Math.ceil(leftMs / 1000) });
    }
  }

  /** Counts one that was granted. */
  take(connectionId: string, now: number): void {
    if (this.latest.size >= REMEMBERED) this.sweep(now);
    this.latest.set(connectionId, now);
  }

  private sweep(now: number): void {
    for (const [id, at] of this.latest) if (at + REFRESH_EVERY_MS <= now) this.latest.delete(id);
  }
}
