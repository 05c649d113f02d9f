/** What can go wrong with a call to any cloud, before and beside the cloud's own error codes. */
import type { CloudErrorCategory } from '#domain';

/** The category that an HTTP status alone gives to a failure; `unknown` when it says nothing. */
export function categoryOfStatus(status: number | undefined): CloudErrorCategory {
  if (status === undefined) return 'unknown';
  if (status >= 500 || status === 408) return 'transient';
  switch (status) {
    case 401:
    case 403:
      return 'auth';
    case 404:
      return 'not_found';
    case 409:
      return 'conflict';
    case 429:
      return 'throttled';
    default:
      return 'unknown';
  }
}

/** A call that got no answer. */
export interface NetworkFailure {
  /** Node's error code (`ECONNRESET`, `ENOTFOUND`, …) or `Timeout`. */
  readonly code: string;
  readonly message: string;
}

/** Thrown by {@link withDeadline}. */
export class DeadlineError extends Error {
  readonly code = 'Timeout';

  constructor(readonly timeoutMs: number) {
    super(`no answer within ${timeoutMs} ms`);
    this.name = 'DeadlineError';
  }
}

/**
 * Node's codes of failed sockets, name resolution, TLS and HTTP parsing; of its `ERR_…` codes only those that speak of
 * the connection, since the others are mistakes of the caller.
 */
const NETWORK_CODE = /^(?!ERR_(?!TLS_|SSL_|SOCKET_|STREAM_|HTTP2_))[A-Z][A-Z0-9_]+$/;

/** Names of errors by which HTTP clients report a timeout or a connection that they gave up. */
const TIMEOUT_NAMES: readonly string[] = ['TimeoutError', 'AbortError'];

/**
 * The network failure behind an error, which may be hidden in its causes as `fetch` does; null when the error is
 * something else.
 */
export function networkFailure(error: unknown): NetworkFailure | null {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (current instanceof DeadlineError) return { code: current.code, message: current.message };
    if ('code' in current && typeof current.code === 'string' && NETWORK_CODE.test(current.code)) {
      return { code: current.code, message: current.message };
    }
    if (TIMEOUT_NAMES.includes(current.name)) return { code: 'Timeout', message: current.message };
  }
  return null;
}

/**
 * Runs `work` with a signal that aborts it after `timeoutMs`. The deadline holds even where the work does not heed the
 * signal, such as while an SDK fetches temporary credentials.
 *
 * @throws DeadlineError when time is up, whatever error the abort itself caused
 */
export async function withDeadline<T>(
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new DeadlineError(timeoutMs));
      controller.abort();
    }, timeoutMs);
  });
  try {
    return await Promise.race([work(controller.signal), deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** Shorter secrets than this do not exist; replacing them would mutilate harmless text. */
const SHORTEST_SECRET = 8;

/** Takes every secret out of a text, as it stands and percent-encoded. */
export function redact(text: string, secrets: Iterable<string>): string {
  let clean = text;
  for (const secret of secrets) {
    if (secret.length < SHORTEST_SECRET) continue;
    for (const form of new Set([secret, encodeURIComponent(secret)])) {
      clean = clean.replaceAll(form, '[redacted]');
    }
  }
  return clean;
}
