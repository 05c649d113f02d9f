/** What is limited, and to how much unless an operator has set another value for the tenant. */
import type { QuotaRecord } from '#database';
import type { Locale } from '#domain';

export const QUOTAS = {
  peerings_per_deployment: {
    fallback: 50,
    description: {
      en: 'Live connections of one deployment. AWS, for one, allows 50 per VPC unless its own quota is raised.',
      zh: '每个部署的有效连接数。例如 AWS 默认每个 VPC 允许 50 个。',
    },
  },
  peerings_per_tenant: {
    fallback: 1_000,
    description: { en: 'Live connections of all deployments together.', zh: '所有部署的有效连接总数。' },
  },
} as const satisfies Record<string, { fallback: number; description: Readonly<Record<Locale, string>> }>;

export type QuotaName = keyof typeof QUOTAS;

export const QUOTA_NAMES = Object.keys(QUOTAS) as QuotaName[];

/** The limit that counts, from what is set for the tenant. */
export function quotaLimit(name: QuotaName, set: readonly Pick<QuotaRecord, 'name' | 'value'>[]): number {
  return set.find((quota) => quota.name === name)?.value ?? QUOTAS[name].fallback;
}
