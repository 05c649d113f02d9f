/**
 * The circuit breakers of the platform accounts, shared by every worker. Rules and times are the domain's; here each
 * change is made one after the other, and what it means for the account and for waiting work is written with it.
 */
import { closedCircuit, type Circuit, type CircuitKind, type CircuitState, type CloudId } from '#domain';

import type { Database } from './database.js';
import { DatabaseUnavailable } from './errors.js';
import type { RunStatement } from './repositories/address-plan.js';
import { lookAgainAtLeft, lookAgainBitByBit } from './repositories/due-again.js';
import { toDateOrNull, toMs, toMsOrNull, toNumber } from './repositories/time.js';
import { transactionOf, type OperatorScope } from './scope.js';
import { statement } from './statement.js';

/** Which circuit. */
export interface CircuitKey {
  /** The row of the platform account. */
  readonly platformAccountId: string;
  readonly kind: CircuitKind;
  /** Empty for all regions. */
  readonly region: string;
}

/** A circuit with what it is about. */
export interface CircuitRecord extends CircuitKey {
  readonly circuit: Circuit;
}

/** What a change found and left. */
export interface CircuitChange {
  readonly before: Circuit;
  readonly after: Circuit;
}

/** Columns of a circuit, as {@link toCircuit} reads them. */
export const CIRCUIT_COLUMNS =
  'kind, region, state, since, failures, openings, cause_code, cause_message, next_attempt_at';

export interface CircuitRow {
  readonly kind: CircuitKind;
  readonly region: string;
  readonly state: CircuitState;
  readonly since: Date;
  readonly failures: number;
  readonly openings: number;
  readonly cause_code: string | null;
  readonly cause_message: string | null;
  readonly next_attempt_at: Date | null;
}

export function toCircuit(row: CircuitRow): Circuit {
  const { cause_code: code, cause_message: message } = row;
  return {
    state: row.state,
    since: toMs(row.since),
    failures: row.failures,
    openings: row.openings,
    cause: code === null ? null : { code, message: message ?? '' },
    nextAttemptAt: toMsOrNull(row.next_attempt_at),
  };
}

/** A circuit without a row. */
export const NEVER_OPENED: Circuit = closedCircuit(0);

/** Circuits as `json_agg` gives them: times are text. */
export type CircuitsJson = readonly {
  readonly [Column in keyof CircuitRow]: Column extends 'since'
    ? string
    : Column extends 'next_attempt_at'
      ? string | null
      : CircuitRow[Column];
}[];

/** The circuits of one account in one region, by kind. */
export function circuitsOf(json: CircuitsJson | null): Readonly<Record<CircuitKind, Circuit>> {
  const circuits = { outage: NEVER_OPENED, credentials: NEVER_OPENED };
  for (const row of json ?? []) {
    const nextAttemptAt = row.next_attempt_at === null ? null : new Date(row.next_attempt_at);
    circuits[row.kind] = toCircuit({ ...row, since: new Date(row.since), next_attempt_at: nextAttemptAt });
  }
  return circuits;
}

/** Held until the end: changes of all circuits of an account come one after the other, and after an operator's. */
const HOLD_ACCOUNT = statement<{ id: string }>(
  'circuits.hold_account',
  `SELECT id FROM platform_accounts WHERE id = $1 AND date_trunc('milliseconds', updated_at) = $2 FOR NO KEY UPDATE`,
);

const READ = statement<CircuitRow>(
  'circuits.read',
  `SELECT ${CIRCUIT_COLUMNS} FROM cloud_circuits WHERE platform_account_id = $1 AND kind = $2 AND region = $3`,
);

const WRITE = statement(
  'circuits.write',
  `INSERT INTO cloud_circuits (platform_account_id, ${CIRCUIT_COLUMNS})
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
   ON CONFLICT (platform_account_id, kind, region) DO UPDATE SET state = $4, since = $5, failures = $6, openings = $7,
     cause_code = $8, cause_message = $9, next_attempt_at = $10`,
);

const MARK_ACCOUNT = statement(
  'circuits.mark_account',
  `UPDATE platform_accounts SET status = $2, status_detail = $3,
     status_at = CASE WHEN status = $2 THEN status_at ELSE $4 END
   WHERE id = $1`,
);

const LIST = statement<CircuitRow & { readonly platform_account_id: string }>(
  'circuits.list',
  `SELECT platform_account_id, ${CIRCUIT_COLUMNS} FROM cloud_circuits
   WHERE platform_account_id = ANY ($1) AND openings > 0 ORDER BY platform_account_id, kind, region`,
);

const COUNT = statement<{ cloud: CloudId; kind: CircuitKind; state: CircuitState; count: string }>(
  'circuits.count',
  `SELECT a.cloud, c.kind, c.state, count(*) FROM cloud_circuits c JOIN platform_accounts a ON a.id = c.platform_account_id
   GROUP BY a.cloud, c.kind, c.state`,
);

export class CircuitStore {
  constructor(private readonly database: Database) {}

  /**
   * Changes a circuit as it now is. With credentials, the account is marked refused as the circuit opens and active as
   * it closes; as any circuit closes, what was put off because of it becomes due, spread over some seconds.
   * @param account as it was read; what was found with the account before an operator's change says nothing about it now
   * @param next the circuit to be; null leaves it. Without side effects: it may be called more than once
   * @returns null when an operator has changed the account since it was read, or removed it
   */
  async change(
    key: CircuitKey,
    account: { readonly updatedAt: number },
    next: (current: Circuit) => Circuit | null,
    now: number,
  ): Promise<CircuitChange | null> {
    const { platformAccountId, kind, region } = key;
    const scoped = region === '' ? null : region;
    let left: readonly string[] = [];
    const change = await this.database.asOperator(async (scope) => {
      left = [];
      const transaction = transactionOf(scope);
      const held = await transaction.rows(HOLD_ACCOUNT, [platformAccountId, new Date(account.updatedAt)]);
      if (held.length === 0) return null;
      const [row] = await transaction.rows(READ, [platformAccountId, kind, region]);
      const before = row ? toCircuit(row) : NEVER_OPENED;
      const after = next(before);
      if (after === null) return { before, after: before };
      const { state, since, failures, openings, cause, nextAttemptAt } = after;
      const causes = [cause?.code ?? null, cause?.message ?? null];
      const values = [state, new Date(since), failures, openings, ...causes, toDateOrNull(nextAttemptAt)];
      await transaction.rows(WRITE, [platformAccountId, kind, region, ...values]);
      if (kind === 'credentials' && state !== 'half_open') {
        const status = state === 'open' ? 'refused' : 'active';
        const detail = state === 'open' && cause !== null ? `${cause.code}: ${cause.message}` : '';
        await transaction.rows(MARK_ACCOUNT, [platformAccountId, status, detail, new Date(now)]);
      }
      if (state === 'closed' && before.state !== 'closed') {
        left = await lookAgainBitByBit(
          (sql, given) => transaction.rows(sql, given),
          platformAccountId,
          scoped,
          now,
        );
      }
      return { before, after };
    });
    if (left.length > 0) {
      const run: RunStatement = (sql, given) =>
        this.database.asOperator((scope) => transactionOf(scope).rows(sql, given));
      try {
        await lookAgainAtLeft(run, platformAccountId, scoped, now, left);
      } catch (error) {
        // The circuit is closed, and whoever asks is told so: nothing is lost but some time.
        if (!(error instanceof DatabaseUnavailable)) throw error;
      }
    }
    return change;
  }

  /** How many circuits that have ever counted a failure are in which state. */
  async count(): Promise<
    {
      readonly cloud: CloudId;
      readonly kind: CircuitKind;
      readonly state: CircuitState;
      readonly count: number;
    }[]
  > {
    const rows = await this.database.single(COUNT, []);
    return rows.map((row) => ({ ...row, count: toNumber(row.count) }));
  }
}

/** The circuits of some platform accounts that are open, or have been since an operator last changed the account. */
export async function list(
  scope: OperatorScope,
  platformAccountIds: readonly string[],
): Promise<CircuitRecord[]> {
  const rows = await transactionOf(scope).rows(LIST, [platformAccountIds]);
  return rows.map((row) => ({
    platformAccountId: row.platform_account_id,
    kind: row.kind,
    region: row.region,
    circuit: toCircuit(row),
  }));
}
