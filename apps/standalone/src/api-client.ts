import type { ApiKey } from './database-setup.js';

/** What the API answers when it refuses: RFC 9457 with the fields that a person needs. */
interface Problem {
  readonly title?: string;
  readonly detail?: string;
  readonly code?: string;
  readonly fix?: string;
}

/** A refusal of the API: what was asked, and what it said. */
export class ApiRefusal extends Error {
  constructor(
    readonly request: string,
    readonly status: number,
    readonly problem: Problem,
  ) {
    const { code, detail, title, fix } = problem;
    super(
      [`${request} was answered with ${String(status)}`, code, detail ?? title, fix]
        .filter(Boolean)
        .join(': '),
    );
    this.name = 'ApiRefusal';
  }
}

/** Speaks to the API as any script would: over HTTP, with a key. */
export class ApiClient {
  readonly #authorization: string;

  constructor(
    readonly baseUrl: string,
    { keyId, secret }: ApiKey,
  ) {
    this.#authorization = `Basic ${Buffer.from(`${keyId}:${secret}`).toString('base64')}`;
  }

  get<T>(path: string): Promise<T> {
    return this.call<T>('GET', path);
  }

  post<T>(path: string, body: unknown): Promise<T> {
    return this.call<T>('POST', path, body);
  }

  patch<T>(path: string, body: unknown): Promise<T> {
    return this.call<T>('PATCH', path, body);
  }

  delete<T>(path: string): Promise<T> {
    return this.call<T>('DELETE', path);
  }

  /** Every item of a list, page after page. */
  async all<T>(path: string): Promise<T[]> {
    const items: T[] = [];
    for (let cursor: string | null | undefined; cursor !== null;) {
      const query = new URLSearchParams({ limit: '200', ...(cursor === undefined ? {} : { cursor }) });
      const page = await this.get<{ items: T[]; nextCursor?: string | null }>(`${path}?${query.toString()}`);
      items.push(...page.items);
      cursor = page.nextCursor ?? null;
    }
    return items;
  }

  /** Whether the key is known there. */
  async isAccepted(path: string): Promise<boolean> {
    try {
      await this.get(path);
      return true;
    } catch (error) {
      if (error instanceof ApiRefusal && error.status === 401) return false;
      throw error;
    }
  }

  private async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(this.baseUrl + path, {
      method,
      headers: {
        authorization: this.#authorization,
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const answer: unknown = text === '' ? {} : JSON.parse(text);
    if (!response.ok) throw new ApiRefusal(`${method} ${path}`, response.status, answer as Problem);
    return answer as T;
  }
}
