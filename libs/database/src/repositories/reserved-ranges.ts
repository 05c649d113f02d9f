/** Ranges that customers may not use: data that operators edit, each effective for a time. */
import { In, IsNull, LessThanOrEqual, MoreThan, type FindOptionsWhere } from 'typeorm';

import { reservedInterval, type CloudId, type PeeringState, type ReservedRange } from '#domain';
import { newId } from '#runtime';

import { ReservedRangeEntity } from '../entities/reserved-range.entity.js';
import type { Row } from '../entities/row.js';
import { planPage, toPage } from '../paging.js';
import type { AffectedPeeringRecord, Page, PageRequest, ReservedRangeRecord } from '../records.js';
import { transactionOf, type OperatorScope, type Scope } from '../scope.js';
import { statement } from '../statement.js';
import { readPage } from './read-page.js';
import { toDateOrNull, toMs, toMsOrNull, toNumber } from './time.js';

const toRange = (row: Row<ReservedRangeEntity>): ReservedRangeRecord => ({
  id: row.id,
  version: row.version,
  from: row.rangeFrom,
  to: row.rangeTo,
  cloud: row.cloud,
  note: row.note,
  effectiveFrom: toMs(row.effectiveFrom),
  effectiveUntil: toMsOrNull(row.effectiveUntil),
  createdAt: toMs(row.createdAt),
});

/** The ranges that count on a cloud at a time, lowest first. */
export async function effective(scope: Scope, cloud: CloudId, at: number): Promise<ReservedRange[]> {
  const moment = new Date(at);
  const since = { effectiveFrom: LessThanOrEqual(moment) };
  const where: FindOptionsWhere<ReservedRangeEntity>[] = [IsNull(), cloud].flatMap((of) => [
    { ...since, cloud: of, effectiveUntil: IsNull() },
    { ...since, cloud: of, effectiveUntil: MoreThan(moment) },
  ]);
  const rows = await transactionOf(scope).manager.find(ReservedRangeEntity, {
    where,
    order: { rangeFrom: 'ASC', id: 'ASC' },
  });
  return rows.map(({ id, version, rangeFrom, rangeTo }) => ({ id, version, from: rangeFrom, to: rangeTo }));
}

export interface NewReservedRange {
  readonly version: number;
  /** First and last address, both included. */
  readonly from: string;
  readonly to: string;
  /** Null: every cloud. */
  readonly cloud: CloudId | null;
  readonly note: string;
  readonly effectiveFrom: number;
  /** Null: without end. */
  readonly effectiveUntil: number | null;
}

/** @throws CidrError or RangeError for what is no range; RangeError when it ends before it begins to count */
export async function create(scope: OperatorScope, range: NewReservedRange): Promise<ReservedRangeRecord> {
  check(range);
  const row: Row<ReservedRangeEntity> = {
    id: newId('rsv'),
    version: range.version,
    rangeFrom: range.from,
    rangeTo: range.to,
    cloud: range.cloud,
    note: range.note,
    effectiveFrom: new Date(range.effectiveFrom),
    effectiveUntil: toDateOrNull(range.effectiveUntil),
    createdAt: new Date(),
  };
  await transactionOf(scope).manager.insert(ReservedRangeEntity, row);
  return toRange(row);
}

/** One range; null when there is none. */
export async function get(scope: Scope, id: string): Promise<ReservedRangeRecord | null> {
  const row = await transactionOf(scope).manager.findOneBy(ReservedRangeEntity, { id });
  return row ? toRange(row) : null;
}

/** All ranges of all times, newest first. @param filters `cloud` keeps what counts there @throws InvalidCursor */
export async function list(
  scope: Scope,
  filters: { readonly cloud?: CloudId } = {},
  request: PageRequest = {},
): Promise<Page<ReservedRangeRecord>> {
  const { manager } = transactionOf(scope);
  const where: FindOptionsWhere<ReservedRangeEntity> = {};
  if (filters.cloud !== undefined) {
    const others = await manager.find(ReservedRangeEntity, {
      select: { id: true },
      where: [{ cloud: IsNull() }, { cloud: filters.cloud }],
    });
    where.id = In(others.map(({ id }) => id));
  }
  return readPage(manager, ReservedRangeEntity, 'reserved_ranges', where, request, toRange);
}

export type ReservedRangeChanges = Partial<NewReservedRange>;

/** @returns the range as it is now; null when there is none @throws as {@link create} */
export async function update(
  scope: OperatorScope,
  id: string,
  changes: ReservedRangeChanges,
): Promise<ReservedRangeRecord | null> {
  const before = await get(scope, id);
  if (before === null) return null;
  const after = { ...before, ...changes };
  check(after);
  await transactionOf(scope).manager.update(
    ReservedRangeEntity,
    { id },
    {
      version: after.version,
      rangeFrom: after.from,
      rangeTo: after.to,
      cloud: after.cloud,
      note: after.note,
      effectiveFrom: new Date(after.effectiveFrom),
      effectiveUntil: toDateOrNull(after.effectiveUntil),
    },
  );
  return after;
}

/** @returns whether there was one */
export async function remove(scope: OperatorScope, id: string): Promise<boolean> {
  const { affected } = await transactionOf(scope).manager.delete(ReservedRangeEntity, { id });
  return affected === 1;
}

/** Claims of connections that touch a range where it counts, whenever that is. */
const TOUCHING = `FROM reserved_ranges r
  JOIN address_claims c ON c.connection_id IS NOT NULL
    AND host(broadcast(c.block))::inet >= r.range_from AND host(c.block)::inet <= r.range_to
  JOIN peering_connections p ON p.id = c.connection_id AND (r.cloud IS NULL OR r.cloud = p.cloud)
  WHERE r.id = $1`;

const COUNT_AFFECTED = statement<{ count: string }>(
  'reserved_ranges.count_affected',
  `SELECT count(DISTINCT p.id) AS count ${TOUCHING}`,
);

/** How many live connections have blocks in a range. */
export async function countAffected(scope: OperatorScope, id: string): Promise<number> {
  const [row] = await transactionOf(scope).rows(COUNT_AFFECTED, [id]);
  return toNumber(row?.count ?? '0');
}

const AFFECTED = statement<AffectedRow>(
  'reserved_ranges.affected',
  `SELECT p.id, p.tenant_id, p.deployment_id, p.cloud, p.display_name, p.state,
     array_agg(c.block::cidr::text ORDER BY c.block) AS cidrs
   ${TOUCHING} AND ($3::text IS NULL OR p.id < $3) GROUP BY p.id ORDER BY p.id DESC LIMIT $2`,
);

interface AffectedRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly deployment_id: string;
  readonly cloud: CloudId;
  readonly display_name: string;
  readonly state: PeeringState;
  readonly cidrs: readonly string[];
}

/** Live connections that have blocks in a range, newest first. @throws InvalidCursor */
export async function affected(
  scope: OperatorScope,
  id: string,
  request: PageRequest = {},
): Promise<Page<AffectedPeeringRecord>> {
  const page = planPage('affected_peerings', [id], request);
  const rows = await transactionOf(scope).rows(AFFECTED, [id, page.limit + 1, page.after]);
  const toRecord = (row: AffectedRow): AffectedPeeringRecord => ({
    id: row.id,
    tenantId: row.tenant_id,
    deploymentId: row.deployment_id,
    cloud: row.cloud,
    displayName: row.display_name,
    state: row.state,
    cidrs: row.cidrs,
  });
  return toPage(rows, page, (row) => row.id, toRecord);
}

function check(range: NewReservedRange): void {
  reservedInterval(range);
  if (range.effectiveUntil !== null && range.effectiveUntil <= range.effectiveFrom) {
    throw new RangeError('A reserved range must end after it begins to count.');
  }
}
