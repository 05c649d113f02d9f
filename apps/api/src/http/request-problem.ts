/** A request that cannot be done, with what is needed to say so in the caller's language. */
import {
  Problem,
  reasonMessage,
  type Locale,
  type ProblemCode,
  type ProblemConflict,
  type ReasonCode,
} from '#domain';

import type { FieldIssue } from './field-issues.js';

/** Something that stands in the way; `reason` is put into words where there is one. */
export interface Conflict extends ProblemConflict {
  readonly reason?: { readonly code: ReasonCode; readonly params: Readonly<Record<string, string>> };
}

/** Thrown by whatever looks at a request; the filter answers with it. */
export class RequestProblem extends Problem {
  constructor(
    code: ProblemCode,
    params: Readonly<Record<string, string>> = {},
    readonly grounds: {
      readonly issues?: readonly FieldIssue[];
      readonly conflicts?: readonly Conflict[];
      /** Where to look instead: sent as Location. */
      readonly location?: string;
      /** Sent as Retry-After. */
      readonly retryAfterSeconds?: number;
      /** The methods that are possible: sent as Allow. */
      readonly allow?: readonly string[];
    } = {},
  ) {
    super(code, params);
    this.name = 'RequestProblem';
  }
}

/** @throws RequestProblem `validation_failed` when there is any issue */
export function refuseIssues(issues: readonly FieldIssue[]): void {
  if (issues.length > 0) throw new RequestProblem('validation_failed', {}, { issues });
}

/** The conflict as it is sent. */
export function describeConflict({ reason, ...conflict }: Conflict, locale: Locale): ProblemConflict {
  return reason === undefined ? conflict : { ...conflict, detail: reasonMessage(reason, locale) };
}
