/** Who did what. Written in the transaction of the deed; never changed, and kept when a tenant goes. */
import type { FindOptionsWhere } from 'typeorm';

import { newId } from '#runtime';

import { AuditEventEntity } from '../entities/audit-event.entity.js';
import type { Row } from '../entities/row.js';
import type { AuditRecord, NewAuditEvent, Page, PageRequest } from '../records.js';
import { transactionOf, type Scope } from '../scope.js';
import { statement } from '../statement.js';
import { readPage } from './read-page.js';
import { toMs } from './time.js';

const toAudit = (row: Row<AuditEventEntity>): AuditRecord => ({ ...row, createdAt: toMs(row.createdAt) });

const APPEND = statement(
  'audit_events.append',
  `INSERT INTO audit_events (id, tenant_id, actor_key_id, action, target, outcome, request_id, data, created_at)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
);

export async function append(scope: Scope, event: NewAuditEvent, now: number): Promise<void> {
  await transactionOf(scope).rows(APPEND, [
    newId('aud', now),
    event.tenantId,
    event.actorKeyId,
    event.action,
    event.target,
    event.outcome,
    event.requestId,
    JSON.stringify(event.data ?? {}),
    new Date(now),
  ]);
}

export interface AuditFilters {
  /** Operators only. */
  readonly tenantId?: string;
  readonly actorKeyId?: string;
  readonly action?: string;
  readonly target?: string;
}

/** Newest first. @throws InvalidCursor */
export async function list(
  scope: Scope,
  filters: AuditFilters = {},
  request: PageRequest = {},
): Promise<Page<AuditRecord>> {
  const where: FindOptionsWhere<AuditEventEntity> = { ...filters };
  if (scope.kind === 'tenant') where.tenantId = scope.tenantId;
  return readPage(transactionOf(scope).manager, AuditEventEntity, 'audit_events', where, request, toAudit);
}
