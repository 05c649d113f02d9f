/** The Idempotency-Key of a POST: the same key and body get the answer that was given the first time. */
import { createHash } from 'node:crypto';

import type { ApiRequest } from './api-request.js';
import { refuseIssues } from './request-problem.js';
import { isPlainObject, shown } from './value-checks.js';

const KEY = /^[\x21-\x7e]{1,255}$/;

/** A key, and what it is bound to. */
export interface KeyedRequest {
  readonly key: string;
  /** SHA-256 over who asks, method, URL and body; another order of fields in an object makes no difference. */
  readonly requestHash: Buffer;
}

/**
 * The key of a request; null where it carries none, or is no POST.
 * @throws RequestProblem `validation_failed` for a key that is not 1 to 255 printable ASCII characters
 */
export function keyedRequest(
  request: Pick<ApiRequest, 'method' | 'headers' | 'url' | 'body'>,
  keyId: string,
): KeyedRequest | null {
  const key = request.headers['idempotency-key'];
  if (request.method !== 'POST' || key === undefined) return null;
  if (typeof key !== 'string' || !KEY.test(key)) {
    const params = {
      given: shown(key),
      expected: { en: 'an idempotency key', zh: '幂等键' },
      help: {
        en: 'Give 1 to 255 printable ASCII characters without spaces.',
        zh: '请使用 1 至 255 个可打印 ASCII 字符，不含空格。',
      },
      example: '3f8b9c1e-0f5e-4a55-9d0e-7a54f4f1a0c2',
    };
    refuseIssues([{ pointer: 'Idempotency-Key:', code: 'bad_format', params }]);
  }
  const requestHash = createHash('sha256')
    .update(JSON.stringify([keyId, request.method, request.url, canonical(request.body)]))
    .digest();
  return { key: String(key), requestHash };
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (!isPlainObject(value)) return value ?? null;
  return Object.keys(value)
    .sort()
    .map((name) => [name, canonical(value[name])]);
}
