/**
 * Runs what a request wants in one transaction of whoever asks: a tenant, under row-level security, or an operator.
 * Answers to a POST with an Idempotency-Key are kept in that same transaction, so that effect and answer are both
 * there or neither.
 */
import { Inject, Injectable } from '@nestjs/common';

import {
  idempotency,
  type Database,
  type OperatorScope,
  type Scope,
  type StoredAnswer,
  type TenantScope,
} from '#database';
import { Problem } from '#domain';
import { CredentialCipher, type Clock } from '#runtime';

import type { OperatorAct, TenantAct } from '../audit/act.js';
import type { CustomerPrincipal, OperatorPrincipal } from '../auth/principal.js';
import { CIPHER, CLOCK, DATABASE } from '../parts.js';
import { headersOf, type Answer } from './answer.js';
import { principalOf, type ApiReply, type ApiRequest } from './api-request.js';
import { hasPassed } from './database-problems.js';
import { keyedRequest, type KeyedRequest } from './idempotency-key.js';
import { RequestProblem } from './request-problem.js';
import { isPlainObject } from './value-checks.js';

/** How often a transaction is run while what stands in its way keeps going away. */
const ATTEMPTS = 3;

/** What a writing request does: its answer, and what follows once that is committed. */
export interface Deed<Body> extends Answer<Body> {
  /** Runs after the commit; never for a replayed answer. */
  readonly afterwards?: () => void;
  /** The answer holds a secret: it is kept encrypted. */
  readonly confidential?: boolean;
}

@Injectable()
export class ScopedRequests {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CIPHER) private readonly cipher: CredentialCipher,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Reads as the tenant that asks. */
  readAsTenant<T>(
    request: ApiRequest,
    work: (scope: TenantScope, caller: CustomerPrincipal) => Promise<T>,
  ): Promise<T> {
    const caller = customerOf(request);
    return this.database.asTenant(caller.tenantId, (scope) => work(scope, caller));
  }

  /** Writes as the tenant that asks, and sends status and headers; returns the body for Nest to send. */
  writeAsTenant<Body>(
    request: ApiRequest,
    reply: ApiReply,
    work: (act: TenantAct) => Promise<Deed<Body>>,
  ): Promise<Body> {
    const caller = customerOf(request);
    return this.write(
      keyedRequest(request, caller.keyId),
      reply,
      (inScope) => this.database.asTenant(caller.tenantId, inScope),
      (scope: TenantScope) => work({ scope, caller, requestId: request.id, at: this.clock.now() }),
    );
  }

  /** Reads as operator. */
  readAsOperator<T>(request: ApiRequest, work: (scope: OperatorScope) => Promise<T>): Promise<T> {
    operatorOf(request);
    return this.database.asOperator(work);
  }

  /** Writes as operator; otherwise as {@link writeAsTenant}. */
  writeAsOperator<Body>(
    request: ApiRequest,
    reply: ApiReply,
    work: (act: OperatorAct) => Promise<Deed<Body>>,
  ): Promise<Body> {
    const caller = operatorOf(request);
    return this.write(
      keyedRequest(request, caller.keyId),
      reply,
      (inScope) => this.database.asOperator(inScope),
      (scope: OperatorScope) => work({ scope, caller, requestId: request.id, at: this.clock.now() }),
    );
  }

  private async write<Body, S extends Scope>(
    keyed: KeyedRequest | null,
    reply: ApiReply,
    open: (work: (scope: S) => Promise<Outcome>) => Promise<Outcome>,
    work: (scope: S) => Promise<Deed<Body>>,
  ): Promise<Body> {
    const outcome = await insist(() => open((scope) => this.once(scope, keyed, () => work(scope))));
    outcome.afterwards?.();
    void reply.code(outcome.status).headers(outcome.headers);
    return outcome.body as Body;
  }

  private async once<Body>(
    scope: Scope,
    keyed: KeyedRequest | null,
    work: () => Promise<Deed<Body>>,
  ): Promise<Outcome> {
    if (keyed === null) return outcomeOf(await work());
    const verdict = await idempotency.begin(scope, keyed);
    switch (verdict.kind) {
      case 'mismatch':
        throw new Problem('idempotency_mismatch');
      case 'in_progress':
        throw new RequestProblem('idempotency_in_progress', {}, { retryAfterSeconds: 1 });
      case 'replay': {
        const { status, headers, body } = verdict.answer;
        return { status, headers: { ...headers, 'idempotency-replayed': 'true' }, body: this.unseal(body) };
      }
      case 'first': {
        const deed = await work();
        const outcome = outcomeOf(deed);
        const body = deed.confidential === true ? this.seal(outcome.body) : outcome.body;
        await idempotency.finish(scope, keyed, { ...outcome, body }, this.clock.now());
        return outcome;
      }
    }
  }

  private seal(body: unknown): unknown {
    return { [SEALED]: this.cipher.encrypt(body).toString('base64') };
  }

  private unseal(body: unknown): unknown {
    if (!isPlainObject(body)) return body;
    const envelope = body[SEALED];
    return typeof envelope === 'string' ? this.cipher.decrypt(Buffer.from(envelope, 'base64')) : body;
  }
}

/** Marks a kept answer that is encrypted. */
const SEALED = '$sealed';

interface Outcome extends StoredAnswer {
  readonly afterwards?: () => void;
}

function outcomeOf(deed: Deed<unknown>): Outcome {
  const { status, body, afterwards } = deed;
  return { status, headers: headersOf(deed), body, ...(afterwards ? { afterwards } : {}) };
}

async function insist<T>(attempt: () => Promise<T>): Promise<T> {
  for (let count = 1; ; count += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (count === ATTEMPTS || !hasPassed(error)) throw error;
    }
  }
}

function customerOf(request: ApiRequest): CustomerPrincipal {
  const principal = principalOf(request);
  if (principal.kind !== 'customer') throw new Error(`${request.url} is not for operators.`);
  return principal;
}

function operatorOf(request: ApiRequest): OperatorPrincipal {
  const principal = principalOf(request);
  if (principal.kind !== 'operator') throw new Error(`${request.url} is for operators.`);
  return principal;
}
