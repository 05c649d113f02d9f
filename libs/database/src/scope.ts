/** What repositories work in: one transaction, of one tenant or of an operator. */
import type { Writable } from 'node:stream';

import type { PoolClient, QueryResultRow } from 'pg';
import type { EntityManager, QueryRunner } from 'typeorm';

import type { Statement } from './statement.js';

/** A transaction that sees and changes the rows of one tenant only; PostgreSQL holds it to that. */
export interface TenantScope {
  readonly kind: 'tenant';
  readonly tenantId: string;
}

/** A transaction that sees everything: for operators and for the worker. */
export interface OperatorScope {
  readonly kind: 'operator';
}

export type Scope = TenantScope | OperatorScope;

/** The transaction behind a scope. Queries are sent at once and answered in order; none waits for the one before. */
export class Transaction {
  #open = true;

  constructor(
    private readonly client: PoolClient,
    private readonly runner: QueryRunner,
  ) {}

  /** TypeORM's manager, in this transaction. */
  get manager(): EntityManager {
    this.assertOpen();
    return this.runner.manager;
  }

  /** @throws pg's DatabaseError as it is */
  async rows<Row extends QueryResultRow>(
    { name, text }: Statement<Row>,
    values: readonly unknown[],
  ): Promise<Row[]> {
    this.assertOpen();
    gatherWrites(this.client);
    const { rows } = await this.client.query<Row>({ name, text, values: [...values] });
    return rows;
  }

  /** Refuses everything from now on, so that nothing that was left running falls into another transaction. */
  close(): void {
    this.#open = false;
  }

  private assertOpen(): void {
    if (!this.#open)
      throw new Error('The scope has ended: a query was made without being awaited inside it.');
  }
}

/**
 * Everything that is sent in this turn of the event loop goes to PostgreSQL in one write: each one wakes a process there,
 * and costs more than what is written.
 */
export function gatherWrites(client: PoolClient): void {
  const { stream } = (client as { connection?: { stream?: Writable } }).connection ?? {};
  if (stream === undefined || stream.writableCorked > 0) return;
  stream.cork();
  process.nextTick(() => stream.uncork());
}

const transactions = new WeakMap<Scope, Transaction>();

export function scopeOf<S extends Scope>(transaction: Transaction, scope: S): S {
  transactions.set(scope, transaction);
  return scope;
}

/** The transaction of a scope; only repositories ask. */
export function transactionOf(scope: Scope): Transaction {
  const transaction = transactions.get(scope);
  if (transaction === undefined) throw new Error('Not a scope that the database opened.');
  return transaction;
}
