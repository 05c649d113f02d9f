/** An API key as the API shows it. Its secret is shown once, when it is made. */
import { ROLES, type ApiKeyRecord } from '#database';

import {
  isoTime,
  isoTimeOrNull,
  NULLABLE,
  Shows,
  ShowsId,
  ShowsText,
  ShowsTime,
} from '../http/view-fields.js';

export class ApiKeyView {
  @ShowsId('The key: the user name of HTTP Basic.', 'key')
  id: string;

  @ShowsId('The tenant that it belongs to; null for operators.', 'ten', NULLABLE)
  tenantId: string | null;

  @Shows('What it may do.', { type: 'string', enum: [...ROLES], example: 'project_admin' })
  role: string;

  @Shows('The projects that it is limited to; null: all of the tenant.', {
    type: 'array',
    items: { type: 'string' },
    nullable: true,
    example: ['prj_01k9x7m3c8e9vt5w2r4q6y0zab'],
  })
  projectIds: readonly string[] | null;

  @ShowsText('What it is for.', 'terraform')
  displayName: string;

  @ShowsTime('When it was made.')
  createdAt: string;

  @ShowsTime('When it stops to work; null: never.', NULLABLE)
  expiresAt: string | null;

  @ShowsTime('When it was revoked; null: it was not.', NULLABLE)
  revokedAt: string | null;
}

export class NewApiKeyView extends ApiKeyView {
  @ShowsId('The same as `id`.', 'key')
  keyId: string;

  @ShowsText('The password of HTTP Basic. It is shown this once and stored as a hash only.', 'kJ8…')
  secret: string;
}

export class ApiKeyPageView {
  @Shows('Newest first, the revoked ones among them.', { type: ApiKeyView, isArray: true })
  items: readonly ApiKeyView[];

  @ShowsText('Pass it as `cursor` for the next page; null on the last.', 'c2FtcGxlIGtleV8w', NULLABLE)
  nextCursor: string | null;
}

export function apiKeyView(record: ApiKeyRecord): ApiKeyView {
  return {
    id: record.id,
    tenantId: record.tenantId,
    role: record.role,
    projectIds: record.projectIds,
    displayName: record.displayName,
    createdAt: isoTime(record.createdAt),
    expiresAt: isoTimeOrNull(record.expiresAt),
    revokedAt: isoTimeOrNull(record.revokedAt),
  };
}
