/**
 * Which of the declared blocks may be used, in the words of the API.
 *
 * A block that is unusable by itself — it touches the reserved range, nothing routes it, or it overlaps another block
 * of the same request — is a wrong value: `validation_failed` (422). A block that collides with what others hold now —
 * the deployment's own, or another connection's — is a conflict: `cidr_conflict` (409). Where both are found the value
 * is wrong, and the answer is 422; it names everything in any case.
 */
import { findConflicts, parseCidrs, type AddressConflict, type AddressPlan, type ReasonCode } from '#domain';

import type { FieldIssue } from '../http/field-issues.js';
import { RequestProblem, type Conflict } from '../http/request-problem.js';

const CODES = {
  reserved: 'cidr_reserved',
  unroutable: 'cidr_unroutable',
  self: 'cidr_overlaps_itself',
  deployment: 'cidr_overlaps_deployment',
  peering: 'cidr_overlaps_peering',
} as const satisfies Record<AddressConflict['kind'], ReasonCode & FieldIssue['code']>;

/** Conflicts with what somebody holds, as opposed to values that are wrong in themselves. */
const HELD: ReadonlySet<AddressConflict['kind']> = new Set(['deployment', 'peering']);

/** Every conflict of the declared blocks with the plan and each other. */
export function addressConflicts(cidrs: readonly string[], plan: AddressPlan): AddressConflict[] {
  return findConflicts(parseCidrs(cidrs), plan);
}

/**
 * The problem that these conflicts are; null when there are none.
 * @param cidrs the blocks as they stand in the request, at `pointer`
 */
export function addressProblem(
  cidrs: readonly string[],
  found: readonly AddressConflict[],
  otherIssues: readonly FieldIssue[] = [],
  pointer = '/spec/cidrs',
): RequestProblem | null {
  const issues = [...otherIssues, ...found.map((conflict) => issueOf(conflict, cidrs, pointer))];
  if (issues.length === 0) return null;
  const wrong = otherIssues.length > 0 || found.some(({ kind }) => !HELD.has(kind));
  return new RequestProblem(
    wrong ? 'validation_failed' : 'cidr_conflict',
    {},
    {
      issues,
      conflicts: found.map(conflictOf),
    },
  );
}

function paramsOf({ cidr, with: other, connectionId }: AddressConflict): Readonly<Record<string, string>> {
  return { cidr, with: other, ...(connectionId === undefined ? {} : { connectionId }) };
}

function issueOf(conflict: AddressConflict, cidrs: readonly string[], pointer: string): FieldIssue {
  const index = cidrs.indexOf(conflict.cidr);
  return {
    pointer: index < 0 ? pointer : `${pointer}/${String(index)}`,
    code: CODES[conflict.kind],
    params: paramsOf(conflict),
  };
}

function conflictOf(conflict: AddressConflict): Conflict {
  const { kind, cidr, with: other, connectionId, reservedRangeId } = conflict;
  const id = connectionId ?? reservedRangeId;
  return {
    kind,
    cidr,
    with: other,
    ...(id === undefined ? {} : { id }),
    reason: { code: CODES[kind], params: paramsOf(conflict) },
  };
}
