/** Refusals of the database in the words of what an operator was doing. */
import { tenants, type OperatorScope } from '#database';

import type { FieldIssue } from '../http/field-issues.js';
import { NOUNS, notFound, type Noun } from '../http/problem-body.js';

/** The record, which must be there. @throws Problem `not_found` */
export function found<Record>(what: Noun, record: Record | null): Record {
  if (record === null) throw notFound(what);
  return record;
}

/** For a removal. @throws Problem `not_found` */
export function removed(what: Noun, there: boolean): void {
  if (!there) throw notFound(what);
}

/** A field that names what does not exist. */
export function noSuch(pointer: string, what: Noun, given: string): FieldIssue {
  return { pointer, code: 'no_such_reference', params: { what: NOUNS[what], given } };
}

/** The issue that there is no such tenant, where there is none. */
export async function tenantIssues(scope: OperatorScope, tenantId: string): Promise<FieldIssue[]> {
  const tenant = await tenants.get(scope, tenantId);
  return tenant === null ? [noSuch('/tenantId', 'tenant', tenantId)] : [];
}
