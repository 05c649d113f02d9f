/** What the database refuses, as problems. Whoever knows more about the request catches the error before. */
import {
  ClaimConflict,
  DatabaseUnavailable,
  Duplicate,
  InUse,
  InvalidCursor,
  MissingReference,
  NetworkTaken,
  PairTaken,
  Stale,
} from '#database';
import { Problem } from '#domain';

import { addressProblem } from '../peerings/address-check.js';
import { notFound, type Noun } from './problem-body.js';
import { RequestProblem } from './request-problem.js';

/** The problem that an error of the database is; null for anything else. */
export function databaseProblem(error: unknown): Problem | null {
  if (error instanceof DatabaseUnavailable) return new Problem('unavailable');
  if (error instanceof Stale) return new Problem('version_stale');
  if (error instanceof InvalidCursor) {
    return new RequestProblem(
      'validation_failed',
      {},
      { issues: [{ pointer: '?cursor', code: 'bad_cursor', params: {} }] },
    );
  }
  if (error instanceof ClaimConflict) {
    return addressProblem([], error.conflicts) ?? new Problem('cidr_conflict');
  }
  if (error instanceof PairTaken) return connectionExists(error.connectionId);
  if (error instanceof NetworkTaken) return networkFull(error.connectionId);
  if (error instanceof InUse) return new RequestProblem('in_use', {}, { conflicts: error.users });
  if (error instanceof Duplicate)
    return new RequestProblem('already_exists', { what: nounOf(error.constraint) });
  if (error instanceof MissingReference) return notFound('thing');
  return null;
}

/** What the table of a constraint holds. */
const NOUNS_BY_TABLE: readonly (readonly [table: string, noun: Noun])[] = [
  ['bound_resources', 'resource'],
  ['projects', 'project'],
  ['platform_accounts', 'platform_account'],
  ['deployments', 'deployment'],
  ['api_keys', 'api_key'],
];

function nounOf(constraint: string): Noun {
  return NOUNS_BY_TABLE.find(([table]) => constraint.startsWith(table))?.[1] ?? 'thing';
}

/** Whether the same transaction may succeed at once: what stood in its way has gone in the meantime. */
export function hasPassed(error: unknown): boolean {
  if (error instanceof ClaimConflict) return error.conflicts.length === 0;
  return (error instanceof PairTaken || error instanceof NetworkTaken) && error.connectionId === null;
}

/** Another live connection joins the same networks. */
export function connectionExists(connectionId: string | null): Problem {
  if (connectionId === null) return new Problem('connection_exists', { connectionId: '' });
  return new RequestProblem(
    'connection_exists',
    { connectionId },
    { conflicts: [{ kind: 'peering', id: connectionId }], location: `/v1/peerings/${connectionId}` },
  );
}

/** The deployment takes one connection, and has it. */
export function networkFull(connectionId: string | null): Problem {
  const conflicts = connectionId === null ? [] : [{ kind: 'peering', id: connectionId }];
  return new RequestProblem('network_full', { limit: '1', connectionId: connectionId ?? '' }, { conflicts });
}
