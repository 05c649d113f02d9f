/** What the broker has left behind in platform networks, as operators read it and decide about it. */
import type { CloudId, OrphanState } from '#domain';

import { planPage, toPage } from '../paging.js';
import type { Page, PageRequest } from '../records.js';
import { transactionOf, type OperatorScope } from '../scope.js';
import { statement } from '../statement.js';
import { ORPHAN_COLUMNS, toOrphan, type OrphanRecord, type OrphanRow } from './orphan-rows.js';

export interface OrphanFilters {
  readonly states?: readonly OrphanState[];
  readonly clouds?: readonly CloudId[];
  readonly deploymentIds?: readonly string[];
}

const LIST = statement<OrphanRow>(
  'orphans.list',
  `SELECT ${ORPHAN_COLUMNS} FROM orphans
   WHERE ($1::text IS NULL OR id < $1) AND ($3::text[] IS NULL OR state = ANY ($3))
     AND ($4::text[] IS NULL OR cloud = ANY ($4)) AND ($5::text[] IS NULL OR deployment_id = ANY ($5))
   ORDER BY id DESC LIMIT $2`,
);

/** Newest first. @throws InvalidCursor */
export async function list(
  scope: OperatorScope,
  filters: OrphanFilters = {},
  request: PageRequest = {},
): Promise<Page<OrphanRecord>> {
  const chosen = [filters.states, filters.clouds, filters.deploymentIds].map((values) =>
    values === undefined ? null : [...values].sort(),
  );
  const page = planPage('orphans', chosen, request);
  const rows = await transactionOf(scope).rows(LIST, [page.after, page.limit + 1, ...chosen]);
  return toPage(rows, page, (row) => row.id, toOrphan);
}

const GET = statement<OrphanRow>('orphans.get', `SELECT ${ORPHAN_COLUMNS} FROM orphans WHERE id = $1`);

/** Null when there is none of this id. */
export async function get(scope: OperatorScope, id: string): Promise<OrphanRecord | null> {
  const [row] = await transactionOf(scope).rows(GET, [id]);
  return row ? toOrphan(row) : null;
}

const RELEASE = statement<OrphanRow>(
  'orphans.release',
  `WITH search AS (
     UPDATE orphan_checks SET due_at = least(due_at, $2), asked = asked + 1
     WHERE deployment_id = (SELECT deployment_id FROM orphans WHERE id = $1)
   )
   UPDATE orphans SET state = CASE state WHEN 'kept' THEN 'found' ELSE state END, remove_after = least(remove_after, $2),
     version = version + 1
   WHERE id = $1 AND state IN ('found', 'kept', 'removing') RETURNING ${ORPHAN_COLUMNS}`,
);

/**
 * Ends its grace: the next look that still shows it, which is due now, has it removed. One that is over stays as it is.
 * @returns null when there is none of this id
 */
export async function release(scope: OperatorScope, id: string, now: number): Promise<OrphanRecord | null> {
  const [row] = await transactionOf(scope).rows(RELEASE, [id, new Date(now)]);
  return row ? toOrphan(row) : get(scope, id);
}

const KEEP = statement<OrphanRow>(
  'orphans.keep',
  `UPDATE orphans SET state = 'kept', last_error = NULL, version = version + 1
   WHERE id = $1 AND state IN ('found', 'removing') RETURNING ${ORPHAN_COLUMNS}`,
);

/**
 * Has it stay where it is, until {@link release}. One that is over stays as it is.
 * @returns null when there is none of this id
 */
export async function keep(scope: OperatorScope, id: string): Promise<OrphanRecord | null> {
  const [row] = await transactionOf(scope).rows(KEEP, [id]);
  return row ? toOrphan(row) : get(scope, id);
}
