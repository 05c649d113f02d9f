/** Connections as operators see them. */
import type { PeeringRecord } from '#database';
import type { Locale } from '#domain';

import { NULLABLE, Shows, ShowsId, ShowsText } from '../http/view-fields.js';
import { peeringView } from '../peerings/peering.mapper.js';
import { PeeringView } from '../peerings/peering.view.js';

export class OperatedPeeringView extends PeeringView {
  @ShowsId('The tenant that it belongs to.', 'ten')
  tenantId: string;

  @ShowsId('The project that it belongs to.', 'prj')
  projectId: string;

  @ShowsText('Why an operator has locked it; null: it is not locked.', 'Under investigation.', NULLABLE)
  lockedNote: string | null;

  @Shows('Whether the customer wants it.', {
    type: 'string',
    enum: ['present', 'absent'],
    example: 'present',
  })
  desired: string;
}

export class OperatedPeeringPageView {
  @Shows('Newest first.', { type: OperatedPeeringView, isArray: true })
  items: readonly OperatedPeeringView[];

  @ShowsText('Pass it as `cursor` for the next page; null on the last.', 'c2FtcGxlIHBlZXJfMA', NULLABLE)
  nextCursor: string | null;
}

export function operatedPeeringView(record: PeeringRecord, locale: Locale, now: number): OperatedPeeringView {
  const { tenantId, projectId, lockedNote, desired } = record;
  return { ...peeringView(record, locale, now), tenantId, projectId, lockedNote, desired };
}
