/** Who did what, as the API shows it, and how it is asked for. */
import type { AuditRecord } from '#database';

import { PageQuery } from '../http/page-query.js';
import { Id, Text } from '../http/request-fields.js';
import { isoTime, NULLABLE, Shows, ShowsId, ShowsText, ShowsTime } from '../http/view-fields.js';

export class AuditEventView {
  @ShowsId('The record.', 'aud')
  id: string;

  @ShowsId('The tenant whose matter it was; null where it concerned none.', 'ten', NULLABLE)
  tenantId: string | null;

  @ShowsId('The key that did it.', 'key')
  actorKeyId: string;

  @ShowsText('What was done.', 'peering.delete')
  action: string;

  @ShowsText('What it was done to.', 'peer_01k9x7m3c8e9vt5w2r4q6y0zab')
  target: string;

  @ShowsText('What became of it.', 'accepted')
  outcome: string;

  @ShowsText('The request.', '6f1c2a52-9d0e-4f0a-9a53-0d6c0a6f2b11')
  requestId: string;

  @Shows('Details, by action.', { type: 'object', additionalProperties: true, example: { force: false } })
  data: Readonly<Record<string, unknown>>;

  @ShowsTime('When.')
  at: string;
}

export class AuditEventPageView {
  @Shows('Newest first.', { type: AuditEventView, isArray: true })
  items: readonly AuditEventView[];

  @ShowsText('Pass it as `cursor` for the next page; null on the last.', 'c2FtcGxlIGF1ZF8w', NULLABLE)
  nextCursor: string | null;
}

export class AuditQuery extends PageQuery {
  @Text({ description: 'Only this action.', max: 100, example: 'peering.delete', required: false })
  action?: string;

  @Text({
    description: 'Only what was done to this.',
    max: 100,
    example: 'peer_01k9x7m3c8e9vt5w2r4q6y0zab',
    required: false,
  })
  target?: string;

  @Id({ description: 'Only what this key did.', prefix: 'key', required: false })
  actorKeyId?: string;
}

export function auditEventView({ createdAt, ...record }: AuditRecord): AuditEventView {
  return { ...record, at: isoTime(createdAt) };
}

/** The filters of a query, for the list. */
export function auditFilters({ action, target, actorKeyId }: AuditQuery): {
  action?: string;
  target?: string;
  actorKeyId?: string;
} {
  return {
    ...(action === undefined ? {} : { action }),
    ...(target === undefined ? {} : { target }),
    ...(actorKeyId === undefined ? {} : { actorKeyId }),
  };
}
