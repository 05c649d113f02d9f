/** From what PostgreSQL refused to a typed error that names what stands in the way. */
import pg from 'pg';
import { QueryFailedError, QueryRunnerAlreadyReleasedError } from 'typeorm';

import { findConflicts, parseCidrs } from '#domain';

import {
  ClaimConflict,
  DatabaseError,
  DatabaseUnavailable,
  Duplicate,
  MissingReference,
  NetworkTaken,
  PairTaken,
} from './errors.js';
import type { Statement } from './statement.js';
import { statement } from './statement.js';
import { loadPlan, type RunStatement } from './repositories/address-plan.js';

/** What a writer was about to hold, for explaining why it could not. */
export interface Holding {
  readonly deploymentId: string;
  /** The connection itself; null for a deployment's own blocks. */
  readonly connectionId: string | null;
  readonly peerKey: string | null;
  readonly providerId: string | null;
  readonly blocks: readonly string[];
}

/** Inside a transaction: a constraint refused a holding. Explained after the rollback, when one can ask again. */
export class HoldingRefused extends Error {
  constructor(
    readonly constraint: string,
    readonly holding: Holding,
    cause: unknown,
  ) {
    super(`${constraint} refused ${holding.connectionId ?? holding.deploymentId}`, { cause });
    this.name = 'HoldingRefused';
  }
}

const HOLDING_CONSTRAINTS: ReadonlySet<string> = new Set([
  'address_claims_disjoint',
  'address_claims_pkey',
  'address_claims_not_reserved',
  'peering_connections_pair',
  'peering_connections_provider',
  'peering_connections_sole',
]);

/** Runs a write that holds something, so that a refusal says what was to be held. */
export async function holding<T>(wanted: Holding, write: Promise<T>): Promise<T> {
  try {
    return await write;
  } catch (error) {
    const constraint = postgresError(error)?.constraint;
    if (constraint !== undefined && HOLDING_CONSTRAINTS.has(constraint)) {
      throw new HoldingRefused(constraint, wanted, error);
    }
    throw error;
  }
}

const HOLDERS: Statement<{ pair: string | null; sole: string | null }> = statement(
  'refusal.holders',
  `SELECT
     (SELECT id FROM peering_connections WHERE deployment_id = $1 AND live AND id IS DISTINCT FROM $2
        AND (peer_key = $3 OR provider_id = $4) LIMIT 1) AS pair,
     (SELECT id FROM peering_connections WHERE deployment_id = $1 AND live AND sole AND id IS DISTINCT FROM $2
        LIMIT 1) AS sole`,
);

/** The typed error for a refused holding. @param run runs a statement as owner, outside of the failed transaction */
export async function explainRefusal(refused: HoldingRefused, run: RunStatement): Promise<DatabaseError> {
  const { deploymentId, connectionId, peerKey, providerId, blocks } = refused.holding;
  const options = { cause: refused.cause };
  const [holders] = await run(HOLDERS, [deploymentId, connectionId, peerKey, providerId]);
  if (holders?.pair || refused.constraint === 'peering_connections_pair') {
    return new PairTaken(deploymentId, holders?.pair ?? null, options);
  }
  if (refused.constraint === 'peering_connections_provider')
    return new PairTaken(deploymentId, null, options);
  if (refused.constraint === 'peering_connections_sole') {
    return new NetworkTaken(deploymentId, holders?.sole ?? null, options);
  }
  const plan = await loadPlan(run, deploymentId, connectionId, Date.now());
  const own = connectionId === null ? { ...plan, reserved: [], deploymentCidrs: [] } : plan;
  return new ClaimConflict(deploymentId, findConflicts(parseCidrs(blocks), own), options);
}

/** The error of PostgreSQL inside whatever wraps it; null for anything else. */
export function postgresError(error: unknown): pg.DatabaseError | null {
  const inner: unknown = error instanceof QueryFailedError ? error.driverError : error;
  return inner instanceof pg.DatabaseError ? inner : null;
}

/**
 * SQLSTATEs after which the same transaction may simply be run again: deadlock, serialization failure. Two writers of
 * overlapping blocks at the very same moment can wait for each other: PostgreSQL lets one go on after a second.
 */
export function isRepeatable(error: unknown): boolean {
  const refused = error instanceof HoldingRefused ? error.cause : error;
  return ['40P01', '40001'].includes(postgresError(refused)?.code ?? '');
}

/**
 * Whether nobody can be answered: PostgreSQL is away. Not when a limit has cut a statement off, which may have waited
 * for what one of many held.
 */
export function isOutage(error: unknown): boolean {
  if (!(error instanceof DatabaseUnavailable)) return false;
  return !['55P03', '57014'].includes(postgresError(error.cause)?.code ?? '');
}

/** Everything else that PostgreSQL can say, as a typed error; what is no error of PostgreSQL stays as it is. */
export function translate(error: unknown): unknown {
  if (error instanceof DatabaseError) return error;
  const refusal = postgresError(error);
  if (refusal !== null) {
    const { code = '', constraint = '' } = refusal;
    if (code === '23505' || code === '23P01') return new Duplicate(constraint, { cause: error });
    if (code === '23503') return new MissingReference(constraint, { cause: error });
    if (OUTAGES.has(code)) return new DatabaseUnavailable(refusal.message, { cause: error });
    return error;
  }
  // TypeORM gives a connection back by itself when it breaks.
  if (error instanceof QueryRunnerAlreadyReleasedError) {
    return new DatabaseUnavailable('the connection was lost', { cause: error });
  }
  const inner: unknown = error instanceof QueryFailedError ? error.driverError : error;
  if (inner instanceof Error && isConnectionFailure(inner)) {
    return new DatabaseUnavailable(inner.message || inner.name, { cause: error });
  }
  return error;
}

/** Connections lost or not made, too many of them, shutdowns, start-up, and statements cut off by a limit. */
const OUTAGES: ReadonlySet<string> = new Set([
  '08000',
  '08001',
  '08003',
  '08004',
  '08006',
  '53300',
  '57P01',
  '57P02',
  '57P03',
  '57014',
  '25P03',
  '55P03',
]);

const NETWORK_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
]);

/** pg and its pool report a lost connection as plain errors. */
function isConnectionFailure(error: Error & { readonly code?: unknown }): boolean {
  if (error instanceof AggregateError) {
    return error.errors.some((each) => each instanceof Error && isConnectionFailure(each));
  }
  return (
    (typeof error.code === 'string' && NETWORK_CODES.has(error.code)) ||
    /^(Connection terminated|Client has encountered a connection error|Client was closed|Query read timeout|timeout exc?eeded when trying|Cannot use a pool)/.test(
      error.message,
    )
  );
}
