/**
 * Answers kept under the caller's Idempotency-Key, in the transaction of the effect: they are both there or neither.
 * The key is locked until the scope ends, so that of two equal requests at once one is told to come back.
 */
import type { StoredAnswer } from '../records.js';
import { transactionOf, type OperatorScope, type Scope } from '../scope.js';
import { statement } from '../statement.js';
import { toNumber } from './time.js';

export interface IdempotentRequest {
  readonly key: string;
  /** Of method, path and body. */
  readonly requestHash: Buffer;
}

export type IdempotencyVerdict =
  | { readonly kind: 'first' }
  | { readonly kind: 'replay'; readonly answer: StoredAnswer }
  /** The key was used for another request. */
  | { readonly kind: 'mismatch' }
  /** An equal request is being answered right now. */
  | { readonly kind: 'in_progress' };

const LOCK = statement<{ locked: boolean }>(
  'idempotency.lock',
  `SELECT pg_try_advisory_xact_lock(hashtextextended($1 || ' ' || $2, 1)) AS locked`,
);

interface AnswerRow {
  readonly request_hash: Buffer;
  readonly response_status: number;
  readonly response_headers: Record<string, string>;
  readonly response_body: unknown;
}

// A statement of its own, after the lock: its snapshot sees what the holder before committed.
const FIND = statement<AnswerRow>(
  'idempotency.find',
  `SELECT request_hash, response_status, response_headers, response_body FROM idempotency_keys
   WHERE scope = $1 AND key = $2`,
);

const KEEP = statement(
  'idempotency.keep',
  `INSERT INTO idempotency_keys (scope, key, request_hash, response_status, response_headers, response_body, created_at)
   VALUES ($1, $2, $3, $4, $5, $6, $7)`,
);

const EXPIRE = statement<{ count: string }>(
  'idempotency.expire',
  `WITH gone AS (DELETE FROM idempotency_keys WHERE created_at < $1 RETURNING 1) SELECT count(*) AS count FROM gone`,
);

/** Keys of tenants never meet those of others; operators share one space. */
const spaceOf = (scope: Scope): string => (scope.kind === 'tenant' ? scope.tenantId : 'operator');

/** What to do with a request that carries a key. One round trip, which other queries of the scope can share. */
export async function begin(scope: Scope, request: IdempotentRequest): Promise<IdempotencyVerdict> {
  const transaction = transactionOf(scope);
  const space = spaceOf(scope);
  const [[lock], [row]] = await Promise.all([
    transaction.rows(LOCK, [space, request.key]),
    transaction.rows(FIND, [space, request.key]),
  ]);
  if (row) {
    if (!row.request_hash.equals(request.requestHash)) return { kind: 'mismatch' };
    const answer = { status: row.response_status, headers: row.response_headers, body: row.response_body };
    return { kind: 'replay', answer };
  }
  return lock?.locked ? { kind: 'first' } : { kind: 'in_progress' };
}

/** Keeps the answer of a request that {@link begin} in this scope called the first. */
export async function finish(
  scope: Scope,
  request: IdempotentRequest,
  answer: StoredAnswer,
  now: number,
): Promise<void> {
  await transactionOf(scope).rows(KEEP, [
    spaceOf(scope),
    request.key,
    request.requestHash,
    answer.status,
    JSON.stringify(answer.headers),
    JSON.stringify(answer.body ?? null),
    new Date(now),
  ]);
}

/** Forgets answers from before a time. @returns how many */
export async function expire(scope: OperatorScope, before: number): Promise<number> {
  const [row] = await transactionOf(scope).rows(EXPIRE, [new Date(before)]);
  return toNumber(row?.count ?? '0');
}
