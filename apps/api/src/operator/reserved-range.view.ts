/** Reserved ranges as operators see them. */
import type { ReservedRangeRecord } from '#database';
import { CLOUD_IDS } from '#domain';

import {
  isoTime,
  isoTimeOrNull,
  NULLABLE,
  Shows,
  ShowsId,
  ShowsNumber,
  ShowsText,
  ShowsTime,
} from '../http/view-fields.js';

export class ReservedRangeView {
  @ShowsId('The range.', 'rsv')
  id: string;

  @ShowsText('First address, included.', '10.10.0.0')
  from: string;

  @ShowsText('Last address, included.', '10.64.255.255')
  to: string;

  @ShowsNumber('The published version that it belongs to.', 1)
  version: number;

  @Shows('The cloud that it counts on; null: every cloud.', {
    type: 'string',
    enum: [...CLOUD_IDS],
    nullable: true,
    example: null,
  })
  cloud: string | null;

  @ShowsText('Why.', 'platform networks')
  note: string;

  @ShowsTime('From when on it counts, for connections that are made or retried then.')
  effectiveFrom: string;

  @ShowsTime('Until when; null: without end.', NULLABLE)
  effectiveUntil: string | null;

  @ShowsTime('When it was made.')
  createdAt: string;
}

export class ReservedRangePageView {
  @Shows('Newest first.', { type: ReservedRangeView, isArray: true })
  items: readonly ReservedRangeView[];

  @ShowsText('Pass it as `cursor` for the next page; null on the last.', 'c2FtcGxlIHJzdl8w', NULLABLE)
  nextCursor: string | null;
}

export function reservedRangeView(record: ReservedRangeRecord): ReservedRangeView {
  return {
    id: record.id,
    from: record.from,
    to: record.to,
    version: record.version,
    cloud: record.cloud,
    note: record.note,
    effectiveFrom: isoTime(record.effectiveFrom),
    effectiveUntil: isoTimeOrNull(record.effectiveUntil),
    createdAt: isoTime(record.createdAt),
  };
}
