/** The door to PostgreSQL: opens scopes, each one transaction. */
import { setTimeout as sleep } from 'node:timers/promises';

import pg, { type QueryResultRow } from 'pg';
import { DataSource, type QueryRunner } from 'typeorm';

import type { Logger } from '#runtime';

import { CallPaceStore } from './call-pace-store.js';
import { CircuitStore } from './circuit-store.js';
import { ENTITIES } from './entities/index.js';
import { DatabaseUnavailable } from './errors.js';
import { MIGRATIONS } from './migrations/index.js';
import { PostgresNaming } from './naming.js';
import { OrphanStore } from './orphan-store.js';
import { KEEP_ALIVE_MS, PeeringAnnouncements, type PeeringListener } from './peering-announcements.js';
import { ReconcileStore } from './reconcile-store.js';
import { explainRefusal, HoldingRefused, isRepeatable, translate } from './refusal.js';
import { gatherWrites, scopeOf, Transaction, type OperatorScope, type TenantScope } from './scope.js';
import type { Statement } from './statement.js';
import { SteadyClient } from './steady-client.js';
import { TYPEORM_SILENCE } from './typeorm-silence.js';
import { WriteTurnStore } from './write-turn-store.js';

export interface DatabaseOptions {
  /** `postgres://user:password@host:port/name`. */
  readonly url: string;
  /** Most connections; one more listens for announcements once somebody asks for them. */
  readonly poolSize: number;
  /** What `pg_stat_activity` shows. */
  readonly applicationName: string;
  /** How long an answer is waited for before its line counts as dead, in milliseconds; {@link ANSWER_TIMEOUT_MS}. */
  readonly answerTimeoutMs?: number;
  /** Told about connections lost while idle. */
  readonly logger?: Logger;
}

/** Most times that a transaction is run when PostgreSQL breaks a deadlock at its cost. */
const ATTEMPTS = 5;
const CONNECT_TIMEOUT_MS = 10_000;
const STATEMENT_TIMEOUT_MS = 30_000;
/** PostgreSQL gives a statement up before that: who hears nothing by then never will, for a machine that vanished. */
const ANSWER_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 5_000;
const LOCK_TIMEOUT_MS = 10_000;
const IDLE_IN_TRANSACTION_MS = 60_000;
const CLOSE_TIMEOUT_MS = 10_000;

const BEGIN_OPERATOR = 'BEGIN';
const BEGIN_SNAPSHOT = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';

/** @throws DatabaseUnavailable when PostgreSQL cannot be reached */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const source = new DataSource({
    type: 'postgres',
    driver: pg,
    applicationName: options.applicationName,
    poolSize: options.poolSize,
    entities: ENTITIES,
    migrations: MIGRATIONS,
    migrationsTableName: 'migrations',
    migrationsTransactionMode: 'each',
    namingStrategy: new PostgresNaming(),
    installExtensions: false,
    synchronize: false,
    logger: TYPEORM_SILENCE,
    poolErrorHandler: (error: Error) =>
      options.logger?.warn({ err: error }, 'an idle database connection was lost'),
    connectTimeoutMS: CONNECT_TIMEOUT_MS,
    extra: {
      // Read by pg itself: TypeORM's own reading of a URL forgets everything after the question mark, TLS included.
      connectionString: options.url,
      Client: SteadyClient,
      // Queries of one transaction that do not need each other's answers travel together.
      pipeline: true,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      query_timeout: options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS,
      lock_timeout: LOCK_TIMEOUT_MS,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    },
  });
  try {
    await source.initialize();
  } catch (error) {
    throw translate(error);
  }
  return new Database(source, options);
}

export class Database {
  /** What the worker reads and writes. */
  readonly reconcile: ReconcileStore;
  /** The pace at which clouds are called. */
  readonly callPaces: CallPaceStore;
  /** The circuit breakers of the platform accounts. */
  readonly circuits: CircuitStore;
  /** What was left behind in platform networks, as the worker finds it. */
  readonly orphans: OrphanStore;
  /** Whose turn it is to make a change that a cloud wants alone. */
  readonly writeTurns: WriteTurnStore;
  readonly #announcements: PeeringAnnouncements;
  readonly #pool: pg.Pool;
  readonly #underWay = new Set<Promise<unknown>>();
  #closed = false;

  constructor(
    /** For migrations only. */
    readonly source: DataSource,
    options: DatabaseOptions,
  ) {
    const { master } = source.driver as unknown as { readonly master: pg.Pool };
    this.#pool = master;
    this.#announcements = new PeeringAnnouncements(options);
    this.reconcile = new ReconcileStore(this);
    this.callPaces = new CallPaceStore(this);
    this.circuits = new CircuitStore(this);
    this.orphans = new OrphanStore(this);
    this.writeTurns = new WriteTurnStore(this);
  }

  /**
   * Runs `work` in one transaction that sees the rows of one tenant only, under row-level security. Committed when it
   * resolves, rolled back when it rejects. It may run more than once (when PostgreSQL breaks a deadlock), so it must
   * have no effect outside of the scope. Opening costs no round trip of its own: it travels with the first query.
   * @throws ClaimConflict, PairTaken, NetworkTaken, Stale, Duplicate, MissingReference, InUse, InvalidCursor,
   *   DatabaseUnavailable; and whatever `work` throws
   */
  async asTenant<T>(tenantId: string, work: (scope: TenantScope) => Promise<T>): Promise<T> {
    const open = `BEGIN; SET LOCAL ROLE peering_broker_tenant; SET LOCAL peering_broker.tenant_id = ${pg.escapeLiteral(tenantId)}`;
    return this.run(open, async (transaction) => work(scopeOf(transaction, { kind: 'tenant', tenantId })));
  }

  /** Runs `work` in one transaction that sees everything; otherwise as {@link asTenant}. */
  async asOperator<T>(work: (scope: OperatorScope) => Promise<T>): Promise<T> {
    return this.run(BEGIN_OPERATOR, async (transaction) => work(scopeOf(transaction, { kind: 'operator' })));
  }

  /** Reads one moment of everything; writing fails. */
  async asObserver<T>(work: (scope: OperatorScope) => Promise<T>): Promise<T> {
    return this.run(BEGIN_SNAPSHOT, async (transaction) => work(scopeOf(transaction, { kind: 'operator' })));
  }

  /** One statement as owner, in a transaction of its own. */
  async single<Row extends QueryResultRow>(
    { name, text }: Statement<Row>,
    values: readonly unknown[],
  ): Promise<Row[]> {
    try {
      const { rows } = await this.#pool.query<Row>({ name, text, values: [...values] });
      return rows;
    } catch (error) {
      throw translate(error);
    }
  }

  /** Resolves when PostgreSQL answers. @throws DatabaseUnavailable */
  async ping(): Promise<void> {
    await this.single({ name: 'ping', text: 'SELECT 1' }, []);
  }

  /**
   * Calls `listener` with the id of each connection whose state or reason has changed, whoever changed it, and with
   * null when anything may have changed unseen (the line was lost and is back).
   * @returns stops the calls
   */
  onPeeringChanged(listener: PeeringListener): () => void {
    return this.#announcements.subscribe(listener);
  }

  /** Takes nothing new, waits for the scopes that are open (ten seconds at most), then closes every connection. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#announcements.close();
    await Promise.race([Promise.allSettled(this.#underWay), sleep(CLOSE_TIMEOUT_MS, null, { ref: false })]);
    if (this.source.isInitialized) await this.source.destroy();
  }

  private async run<T>(open: string, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    if (this.#closed) throw new DatabaseUnavailable('this process has closed its connections');
    const running = this.repeat(open, work);
    this.#underWay.add(running);
    try {
      return await running;
    } finally {
      this.#underWay.delete(running);
    }
  }

  private async repeat<T>(open: string, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.attempt(open, work);
      } catch (error) {
        if (attempt < ATTEMPTS && isRepeatable(error)) {
          // The other one first: a loser that comes back at once can take the same locks in its way again.
          await sleep(attempt * (10 + Math.random() * 40));
          continue;
        }
        if (error instanceof HoldingRefused)
          throw await explainRefusal(error, (sql, values) => this.single(sql, values));
        throw translate(error);
      }
    }
  }

  private async attempt<T>(open: string, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const runner = this.source.createQueryRunner('master');
    const client = (await runner.connect()) as pg.PoolClient;
    // From here on TypeORM must not open transactions of its own.
    (runner as { -readonly [K in keyof QueryRunner]: QueryRunner[K] }).isTransactionActive = true;
    const transaction = new Transaction(client, runner);
    try {
      gatherWrites(client);
      const opened = client.query(open);
      // Both are waited for: no query of `work` may still be on its way when the transaction ends.
      const [begun, done] = await Promise.allSettled([opened, work(transaction)]);
      transaction.close();
      const failed = begun.status === 'rejected' ? begun : done;
      if (failed.status === 'rejected') throw failed.reason;
      const committed = await client.query('COMMIT');
      if (committed.command !== 'COMMIT')
        throw new Error('A failed query was ignored: nothing was committed.');
      if (done.status === 'rejected') throw done.reason;
      return done.value;
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined);
      throw error;
    } finally {
      await runner.release();
    }
  }
}
