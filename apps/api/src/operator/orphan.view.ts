/** What was left behind, as operators see it. */
import type { OrphanRecord } from '#database';
import { CLOUD_IDS, ORPHAN_EVIDENCE, ORPHAN_KINDS, ORPHAN_STATES } from '#domain';

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

export class OrphanView {
  @ShowsId('What was left behind.', 'orph')
  id: string;

  @ShowsId('The deployment in whose platform network it is.', 'dep')
  deploymentId: string;

  @Shows('The cloud.', { type: 'string', enum: [...CLOUD_IDS], example: 'aws' })
  cloud: string;

  @Shows('What it is.', { type: 'string', enum: [...ORPHAN_KINDS], example: 'route' })
  kind: string;

  @ShowsText('The cloud’s id of it; of a route, of what it leads to.', 'pcx-0a1b2c3d4e5f60718')
  providerId: string;

  @ShowsText('Routes: the table that it is in; null for all else.', 'rtb-0a1b2c3d4e5f60718', NULLABLE)
  routeTableId: string | null;

  @ShowsText('Routes: where it leads; null for all else.', '172.16.0.0/16', NULLABLE)
  destination: string | null;

  @ShowsId('The connection that left it there; it may be deleted for good.', 'peer')
  connectionId: string;

  @Shows(
    'What proves that the broker made it: it carries the mark of that connection (`mark`), the history of that ' +
      'connection tells of it (`history`), or it is a route into what carries the mark (`target`).',
    { type: 'string', enum: [...ORPHAN_EVIDENCE], example: 'mark' },
  )
  evidence: string;

  @ShowsText('The mark that it carries; null: none.', 'peer_01k9x7m3c8e9vt5w2r4q6y0zab', NULLABLE)
  mark: string | null;

  @Shows(
    '`found`: it is removed after `removeAfter`. `removing`: that was decided, and is not confirmed yet. `kept`: an ' +
      'operator wants it to stay. `removed`: by the broker. `gone`: it vanished, or belongs to a connection again.',
    { type: 'string', enum: [...ORPHAN_STATES], example: 'found' },
  )
  state: string;

  @ShowsTime('When it was first seen.')
  firstSeenAt: string;

  @ShowsTime('When it was last seen.')
  lastSeenAt: string;

  @ShowsTime('It is left alone until then.')
  removeAfter: string;

  @ShowsNumber('How often its removal was tried.', 0)
  attempts: number;

  @ShowsText('Why it could not be removed; null: nothing is known to stand in the way.', '', {
    ...NULLABLE,
    example: null,
  })
  lastError: string | null;

  @ShowsTime('When it was over; null: it is not.', { ...NULLABLE, example: null })
  endedAt: string | null;
}

export class OrphanPageView {
  @Shows('Newest first.', { type: OrphanView, isArray: true })
  items: readonly OrphanView[];

  @ShowsText('Pass it as `cursor` for the next page; null on the last.', 'c2FtcGxlIG9ycGhfMA', NULLABLE)
  nextCursor: string | null;
}

export function orphanView(record: OrphanRecord): OrphanView {
  return {
    id: record.id,
    deploymentId: record.deploymentId,
    cloud: record.cloud,
    kind: record.kind,
    providerId: record.providerId,
    routeTableId: record.route?.routeTableId ?? null,
    destination: record.route?.destination ?? null,
    connectionId: record.connectionId,
    evidence: record.evidence,
    mark: record.mark,
    state: record.state,
    firstSeenAt: isoTime(record.firstSeenAt),
    lastSeenAt: isoTime(record.lastSeenAt),
    removeAfter: isoTime(record.removeAfter),
    attempts: record.attempts,
    lastError: record.lastError,
    endedAt: isoTimeOrNull(record.endedAt),
  };
}
