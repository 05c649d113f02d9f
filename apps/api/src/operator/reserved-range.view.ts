/** Reserved ranges as operators see them. */
import type { AffectedPeeringRecord, ReservedRangeRecord } from '#database';
import { CLOUD_IDS, PEERING_STATES } from '#domain';

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

export class AssessedReservedRangeView extends ReservedRangeView {
  @ShowsNumber(
    'How many live connections have blocks in it: made before, they keep running. GET …/affected-peerings lists them.',
    2,
  )
  affectedPeerings: number;
}

export class AffectedPeeringView {
  @ShowsId('The connection.', 'peer')
  id: string;

  @ShowsId('The tenant that it belongs to.', 'ten')
  tenantId: string;

  @ShowsId('The deployment that it leads to.', 'dep')
  deploymentId: string;

  @Shows('Its cloud.', { type: 'string', enum: [...CLOUD_IDS], example: 'aws' })
  cloud: string;

  @ShowsText('Its name.', 'prod')
  displayName: string;

  @Shows('Its state.', { type: 'string', enum: [...PEERING_STATES], example: 'running' })
  state: string;

  @Shows('Those of its blocks that touch the range.', {
    type: 'string',
    isArray: true,
    example: ['100.64.0.0/16'],
  })
  cidrs: readonly string[];
}

export class AffectedPeeringPageView {
  @Shows('Newest first.', { type: AffectedPeeringView, isArray: true })
  items: readonly AffectedPeeringRecord[];

  @ShowsText('Pass it as `cursor` for the next page; null on the last.', 'c2FtcGxlIHBlZXJfMA', NULLABLE)
  nextCursor: string | null;
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
