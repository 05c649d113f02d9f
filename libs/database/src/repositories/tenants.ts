/** Tenants: only operators make and change them. */
import { newId } from '#runtime';

import { ApiKeyEntity } from '../entities/api-key.entity.js';
import { IdempotencyKeyEntity } from '../entities/idempotency-key.entity.js';
import { QuotaEntity } from '../entities/quota.entity.js';
import { TenantEntity } from '../entities/tenant.entity.js';
import type { Row } from '../entities/row.js';
import { InUse } from '../errors.js';
import type { Page, PageRequest, TenantRecord } from '../records.js';
import { transactionOf, type OperatorScope, type Scope } from '../scope.js';
import { statement } from '../statement.js';
import { readPage } from './read-page.js';
import { toMs } from './time.js';

const toTenant = (row: Row<TenantEntity>): TenantRecord => ({
  id: row.id,
  name: row.name,
  createdAt: toMs(row.createdAt),
  updatedAt: toMs(row.updatedAt),
});

export async function create(scope: OperatorScope, tenant: { readonly name: string }): Promise<TenantRecord> {
  const at = new Date();
  const row = { id: newId('ten', at.getTime()), name: tenant.name, createdAt: at, updatedAt: at };
  await transactionOf(scope).manager.insert(TenantEntity, row);
  return toTenant(row);
}

/** One tenant; null when there is none that this scope sees. */
export async function get(scope: Scope, id: string): Promise<TenantRecord | null> {
  const row = await transactionOf(scope).manager.findOneBy(TenantEntity, { id });
  return row ? toTenant(row) : null;
}

/** Tenants, newest first. @throws InvalidCursor */
export async function list(scope: OperatorScope, request: PageRequest = {}): Promise<Page<TenantRecord>> {
  return readPage(transactionOf(scope).manager, TenantEntity, 'tenants', {}, request, toTenant);
}

/** @returns the tenant as it is now; null when there is none */
export async function update(
  scope: OperatorScope,
  id: string,
  changes: { readonly name: string },
): Promise<TenantRecord | null> {
  const { manager } = transactionOf(scope);
  await manager.update(TenantEntity, { id }, { name: changes.name, updatedAt: () => 'now()' });
  return get(scope, id);
}

const USERS = statement<{ kind: string; id: string }>(
  'tenants.users',
  `(SELECT 'project' AS kind, id FROM projects WHERE tenant_id = $1 LIMIT 20)
   UNION ALL
   (SELECT 'deployment', id FROM deployments WHERE tenant_id = $1 LIMIT 20)
   LIMIT 20`,
);

/**
 * Removes a tenant with its keys, quotas and stored answers; what was audited stays.
 * @returns whether there was one
 * @throws InUse while it has projects or deployments
 */
export async function remove(scope: OperatorScope, id: string): Promise<boolean> {
  const { manager } = transactionOf(scope);
  const locked = await manager.findOne(TenantEntity, { where: { id }, lock: { mode: 'pessimistic_write' } });
  if (locked === null) return false;
  const users = await transactionOf(scope).rows(USERS, [id]);
  if (users.length > 0) throw new InUse(id, users);
  await manager.delete(ApiKeyEntity, { tenantId: id });
  await manager.delete(QuotaEntity, { tenantId: id });
  await manager.delete(IdempotencyKeyEntity, { scope: id });
  await manager.delete(TenantEntity, { id });
  return true;
}
