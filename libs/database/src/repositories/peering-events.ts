/** What happened to a connection, in the order in which it happened. */
import { planPage, toPage } from '../paging.js';
import type { EventRecord, NewEvent, Page, PageRequest, PeeringRecord } from '../records.js';
import { transactionOf, type Scope } from '../scope.js';
import { statement } from '../statement.js';
import { tellEvents } from './peering-writes.js';
import { toMs } from './time.js';

interface EventRow {
  readonly id: string;
  readonly seq: string;
  readonly connection_id: string;
  readonly type: string;
  readonly actor: string;
  readonly data: Record<string, unknown>;
  readonly created_at: Date;
}

const LIST = statement<EventRow>(
  'peering_events.list',
  `SELECT id, seq, connection_id, type, actor, data, created_at FROM connection_events
   WHERE connection_id = $1 AND ($2::bigint IS NULL OR seq > $2) ORDER BY seq LIMIT $3`,
);

const toEvent = (row: EventRow): EventRecord => ({
  id: row.id,
  connectionId: row.connection_id,
  type: row.type,
  actor: row.actor,
  data: row.data,
  createdAt: toMs(row.created_at),
});

/** Adds what happened without changing the connection. */
export async function append(
  scope: Scope,
  connection: Pick<PeeringRecord, 'id' | 'tenantId'>,
  events: readonly NewEvent[],
  now: number,
): Promise<void> {
  const transaction = transactionOf(scope);
  await tellEvents((sql, values) => transaction.rows(sql, values), connection, events, now);
}

/** Oldest first. @throws InvalidCursor */
export async function list(
  scope: Scope,
  connectionId: string,
  request: PageRequest = {},
): Promise<Page<EventRecord>> {
  const page = planPage('peering_events', connectionId, request);
  const rows = await transactionOf(scope).rows(LIST, [connectionId, page.after, page.limit + 1]);
  return toPage(rows, page, (row) => row.seq, toEvent);
}
