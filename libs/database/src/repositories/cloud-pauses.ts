/** Clouds, or regions of clouds, that an operator has paused: the engine leaves them alone. */
import type { CloudId } from '#domain';

import { CloudPauseEntity } from '../entities/cloud-pause.entity.js';
import type { Row } from '../entities/row.js';
import type { CloudPauseRecord } from '../records.js';
import { transactionOf, type OperatorScope, type Scope } from '../scope.js';
import { lookAgainAtCloud } from './due-again.js';
import { toMs } from './time.js';

const toPause = (row: Row<CloudPauseEntity>): CloudPauseRecord => ({
  cloud: row.cloud,
  region: row.region === '' ? null : row.region,
  note: row.note,
  pausedAt: toMs(row.pausedAt),
});

export async function list(scope: Scope): Promise<CloudPauseRecord[]> {
  const { manager } = transactionOf(scope);
  const rows = await manager.find(CloudPauseEntity, { order: { cloud: 'ASC', region: 'ASC' } });
  return rows.map(toPause);
}

/** Pauses a cloud, or with `region` one region of it; pausing again replaces the note. */
export async function pause(
  scope: OperatorScope,
  wanted: { readonly cloud: CloudId; readonly region: string | null; readonly note: string },
  now: number,
): Promise<CloudPauseRecord> {
  const row = {
    cloud: wanted.cloud,
    region: wanted.region ?? '',
    note: wanted.note,
    pausedAt: new Date(now),
  };
  await transactionOf(scope).manager.upsert(CloudPauseEntity, row, ['cloud', 'region']);
  return toPause(row);
}

/** Ends a pause; what the engine has put off because of it becomes due. @returns whether it was paused */
export async function resume(scope: OperatorScope, cloud: CloudId, region: string | null): Promise<boolean> {
  const transaction = transactionOf(scope);
  const { affected } = await transaction.manager.delete(CloudPauseEntity, { cloud, region: region ?? '' });
  if (affected !== 1) return false;
  await lookAgainAtCloud((sql, values) => transaction.rows(sql, values), cloud, region, Date.now());
  return true;
}
