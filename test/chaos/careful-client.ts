/**
 * A client as a careful customer writes it: it repeats what got no answer, with the same Idempotency-Key, at the other
 * address if need be, and waits as long as it is told to. What an API must not do to such a client is kept as a flaw.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import type { ProblemView } from '../../apps/api/src/http/problem.view.js';
import type { SeededChance } from './seeded-chance.js';

export interface CarefulAnswer<Body> {
  readonly status: number;
  readonly body: Body;
  /** An earlier attempt of the same request got no answer: it may have been carried out. */
  readonly wasUnsure: boolean;
}

export interface CarefulRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  /** Repeats of a request with this key are answered as the first one was. */
  readonly idempotencyKey?: string;
}

/** What the clients have been through. */
export class ClientFigures {
  requests = 0;
  /** Attempts without an answer: refused, cut off, or too slow. */
  unanswered = 0;
  /** Answers that said to come back: 503, 409 or 429. */
  postponed = 0;
  /** Answers that no outage excuses. */
  readonly flaws: string[] = [];
}

const ATTEMPT_MS = 15_000;
const LIMIT_MS = 90_000;

export class CarefulClient {
  #at: number;

  constructor(
    private readonly urls: readonly string[],
    private readonly authorization: string,
    private readonly chance: SeededChance,
    private readonly figures: ClientFigures,
  ) {
    this.#at = Math.floor(chance.next() * urls.length);
  }

  /** @throws Error when there is no answer that counts for longer than any outage lasts */
  async send<Body>(request: CarefulRequest): Promise<CarefulAnswer<Body>> {
    this.figures.requests += 1;
    const deadline = Date.now() + LIMIT_MS;
    let wasUnsure = false;
    for (;;) {
      const answer = await this.#attempt(request);
      if (answer === null) {
        wasUnsure = true;
        this.figures.unanswered += 1;
        this.#at += 1;
        await sleep(this.chance.between(50, 250));
      } else if (answer.comeBackMs === null) {
        return { status: answer.status, body: answer.body as Body, wasUnsure };
      } else {
        // Nothing is known of a commit that was under way when the database went.
        if (answer.status === 503) wasUnsure = true;
        this.figures.postponed += 1;
        this.#at += 1;
        await sleep(answer.comeBackMs * this.chance.between(1, 1.2));
      }
      if (Date.now() > deadline) {
        throw new Error(`${request.method} ${request.path} was not answered within ${LIMIT_MS} ms.`);
      }
    }
  }

  /** Reads every page of a list. */
  async list<Item>(path: string): Promise<Item[]> {
    const items: Item[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const query: string = cursor === '' ? 'limit=200' : `limit=200&cursor=${encodeURIComponent(cursor)}`;
      const { status, body } = await this.send<{ items: Item[]; nextCursor: string | null }>({
        method: 'GET',
        path: `${path}?${query}`,
      });
      if (status !== 200) throw new Error(`${path} was answered with ${status} ${JSON.stringify(body)}`);
      items.push(...body.items);
      cursor = body.nextCursor;
    }
    return items;
  }

  /** Null: no answer. `comeBackMs`: the answer says to come back. */
  async #attempt({ method, path, body, idempotencyKey }: CarefulRequest): Promise<{
    readonly status: number;
    readonly body: unknown;
    readonly comeBackMs: number | null;
  } | null> {
    const url = this.urls[this.#at % this.urls.length]!;
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${url}${path}`, {
        method,
        headers: {
          authorization: this.authorization,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(ATTEMPT_MS),
      });
      text = await response.text();
    } catch {
      return null;
    }
    const { status, headers } = response;
    const answered = (text === '' ? null : JSON.parse(text)) as unknown;
    const flaw = (what: string): void => {
      this.figures.flaws.push(`${method} ${path}: ${status} ${what} ${text.slice(0, 300)}`);
    };
    if (status < 400) return { status, body: answered, comeBackMs: null };
    if (!headers.get('content-type')?.startsWith('application/problem+json')) flaw('is no problem+json');
    if (status >= 500 && status !== 503) flaw('is a defect');
    const { retryable, code } = answered as ProblemView;
    const retryAfter = headers.get('retry-after');
    if (status === 503 && (retryAfter === null || !retryable)) flaw('says not when to come back');
    const comesBack = status === 503 || status === 429 || code === 'idempotency_in_progress';
    return { status, body: answered, comeBackMs: comesBack ? Number(retryAfter ?? 1) * 1_000 : null };
  }
}
