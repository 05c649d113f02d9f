/** A quota as the API shows it. */
import type { QuotaRecord } from '#database';
import type { Locale } from '#domain';

import { Id } from '../http/request-fields.js';
import { isoTimeOrNull, NULLABLE, Shows, ShowsNumber, ShowsText, ShowsTime } from '../http/view-fields.js';
import { QUOTA_NAMES, quotaLimit, QUOTAS } from './quota-catalogue.js';

export class QuotaView {
  @Shows('Its name.', { type: 'string', enum: QUOTA_NAMES, example: 'peerings_per_deployment' })
  name: string;

  @ShowsText('What it counts.', 'Live connections of one deployment.')
  description: string;

  @ShowsNumber('At most this many.', 50)
  limit: number;

  @ShowsNumber(
    'This many there are; null for what is counted by deployment, unless `deployment` was given.',
    7,
    NULLABLE,
  )
  used: number | null;

  @ShowsTime('When an operator set it; null: it is the default.', NULLABLE)
  setAt: string | null;
}

export class QuotaListView {
  @Shows('Every quota there is.', { type: QuotaView, isArray: true })
  items: readonly QuotaView[];
}

export class QuotasQuery {
  @Id({ description: 'Count what this deployment uses.', prefix: 'dep', required: false })
  deployment?: string;
}

/** What is used, as far as it was counted. */
export interface Usage {
  readonly tenant: number;
  readonly deployment: number | null;
}

/** Every quota with what is set for a tenant. */
export function quotaViews(set: readonly QuotaRecord[], usage: Usage, locale: Locale): QuotaView[] {
  return QUOTA_NAMES.map((name) => ({
    name,
    description: QUOTAS[name].description[locale],
    limit: quotaLimit(name, set),
    used: name === 'peerings_per_tenant' ? usage.tenant : usage.deployment,
    setAt: isoTimeOrNull(set.find((quota) => quota.name === name)?.updatedAt ?? null),
  }));
}
