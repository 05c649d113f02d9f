/** What a deletion would do. Pure. */
import type { BoundResourceRecord, PeeringRecord } from '#database';
import { fill, profileOf, type CloudId, type EarlierRequest, type Locale } from '#domain';

import type { DeletionPreviewView } from './peering-reads.view.js';
import { confirmations } from './peering-writes.js';

const LEFT = {
  routes: {
    en: 'Remove your routes to {cidrs} that lead to {providerId}.',
    zh: '请删除指向 {providerId} 的 {cidrs} 路由。',
  },
  rules: {
    en: 'Remove the security-group rules that allow {cidrs}.',
    zh: '请删除允许 {cidrs} 的安全组规则。',
  },
} as const;

/** @param bound everything that is bound to the connection */
export function deletionPreview(
  record: PeeringRecord,
  bound: readonly BoundResourceRecord[],
  locale: Locale,
): DeletionPreviewView {
  const { status, network } = record;
  const { providerId } = status;
  const { routing } = profileOf(record.cloud).capabilities;
  // Where the cloud routes by itself, customers have added no route.
  const left = routing === 'cloud' ? [LEFT.rules] : [LEFT.routes, LEFT.rules];
  const params = { cidrs: network.cidrs.join(', '), providerId: providerId ?? '' };
  return {
    allowed: bound.length === 0,
    resources: bound.map(({ id, kind, name }) => ({ id, kind, name })),
    confirmWith: confirmations(record),
    providerId,
    earlierRequests: (status.earlier ?? []).flatMap((request) => nameOf(record.cloud, request) ?? []),
    routes: status.routes,
    cidrs: status.admittedCidrs,
    leftToYou: status.established ? left.map((text) => fill(text[locale], params)) : [],
  };
}

/** How the customer has named it: by its id, or by their network. */
function nameOf(cloud: CloudId, { providerId, cloud: declared }: EarlierRequest): string | null {
  return providerId ?? profileOf(cloud).peerKey(declared);
}
