/** Quotas that an operator has set for a tenant; what is not set has the default of whoever asks. */
import { QuotaEntity } from '../entities/quota.entity.js';
import type { Row } from '../entities/row.js';
import type { QuotaRecord } from '../records.js';
import { transactionOf, type OperatorScope, type Scope } from '../scope.js';
import { toMs } from './time.js';

const toQuota = (row: Row<QuotaEntity>): QuotaRecord => ({
  tenantId: row.tenantId,
  name: row.name,
  value: row.value,
  updatedAt: toMs(row.updatedAt),
});

/** The quotas that are set for a tenant, by name. */
export async function list(scope: Scope, tenantId: string): Promise<QuotaRecord[]> {
  const rows = await transactionOf(scope).manager.find(QuotaEntity, {
    where: { tenantId },
    order: { name: 'ASC' },
  });
  return rows.map(toQuota);
}

/** @throws MissingReference for an unknown tenant */
export async function set(
  scope: OperatorScope,
  quota: { readonly tenantId: string; readonly name: string; readonly value: number },
): Promise<QuotaRecord> {
  const { tenantId, name, value } = quota;
  const row = { tenantId, name, value, updatedAt: new Date() };
  await transactionOf(scope).manager.upsert(QuotaEntity, row, ['tenantId', 'name']);
  return toQuota(row);
}

/** Back to the default. @returns whether one was set */
export async function unset(scope: OperatorScope, tenantId: string, name: string): Promise<boolean> {
  const { affected } = await transactionOf(scope).manager.delete(QuotaEntity, { tenantId, name });
  return affected === 1;
}
