/** A bound resource as the API shows it. */
import type { BoundResourceRecord } from '#database';

import { isoTime, NULLABLE, Shows, ShowsId, ShowsText, ShowsTime } from '../http/view-fields.js';

export class ResourceView {
  @ShowsId('The bound resource.', 'res')
  id: string;

  @ShowsId('The deployment.', 'dep')
  deploymentId: string;

  @ShowsId('The connection that it needs.', 'peer')
  peeringId: string;

  @ShowsText('Its kind.', 'connector')
  kind: string;

  @ShowsText('Its name.', 'orders-to-kafka')
  name: string;

  @ShowsTime('When it was bound.')
  createdAt: string;
}

export class ResourcePageView {
  @Shows('Newest first.', { type: ResourceView, isArray: true })
  items: readonly ResourceView[];

  @ShowsText('Pass it as `cursor` for the next page; null on the last.', 'c2FtcGxlIHJlc18w', NULLABLE)
  nextCursor: string | null;
}

export function resourceView(record: BoundResourceRecord): ResourceView {
  return {
    id: record.id,
    deploymentId: record.deploymentId,
    peeringId: record.connectionId,
    kind: record.kind,
    name: record.name,
    createdAt: isoTime(record.createdAt),
  };
}
