/** Tenants and projects as operators see them. */
import type { ProjectRecord, TenantRecord } from '#database';

import { isoTime, NULLABLE, Shows, ShowsId, ShowsText, ShowsTime } from '../http/view-fields.js';

export class TenantView {
  @ShowsId('The tenant.', 'ten')
  id: string;

  @ShowsText('Its name.', 'Example Ltd')
  name: string;

  @ShowsTime('When it was made.')
  createdAt: string;

  @ShowsTime('When it was last changed.')
  updatedAt: string;
}

export class TenantPageView {
  @Shows('Newest first.', { type: TenantView, isArray: true })
  items: readonly TenantView[];

  @ShowsText('Pass it as `cursor` for the next page; null on the last.', 'c2FtcGxlIHRlbl8w', NULLABLE)
  nextCursor: string | null;
}

export class ProjectView extends TenantView {
  @ShowsId('The project.', 'prj')
  override id: string;

  @ShowsId('The tenant that it belongs to.', 'ten')
  tenantId: string;
}

export class ProjectPageView {
  @Shows('Newest first.', { type: ProjectView, isArray: true })
  items: readonly ProjectView[];

  @ShowsText('Pass it as `cursor` for the next page; null on the last.', 'c2FtcGxlIHByal8w', NULLABLE)
  nextCursor: string | null;
}

export function tenantView({ id, name, createdAt, updatedAt }: TenantRecord): TenantView {
  return { id, name, createdAt: isoTime(createdAt), updatedAt: isoTime(updatedAt) };
}

export function projectView(record: ProjectRecord): ProjectView {
  return { ...tenantView(record), tenantId: record.tenantId };
}
