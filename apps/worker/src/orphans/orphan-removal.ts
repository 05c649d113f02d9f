import {
  profileOf,
  sides,
  type ChangeReceipt,
  type CloudPort,
  type NetworkRef,
  type ObservedPeering,
} from '#domain';
import type { OrphanRecord } from '#database';

/**
 * Takes one thing out of a platform network. Routes that lead elsewhere by now are left alone.
 * @param peering the connection or attachment as the latest look has shown it
 * @throws CloudError
 */
export function removeOrphan(
  port: CloudPort,
  network: NetworkRef,
  { id, cloud, connectionId, kind, providerId, route }: OrphanRecord,
  peering: ObservedPeering | null,
): Promise<ChangeReceipt> {
  const context = { mark: connectionId, token: id };
  if (kind === 'route' && route !== null) {
    return port.removeRoute(network, { ...route, target: providerId }, context);
  }
  if (kind === 'peering') return port.deletePeering(network, providerId, context);
  const owner = peering && sides(profileOf(cloud).capabilities, peering).customer;
  const request = { providerId, ownerAccountId: owner?.accountId ?? '' };
  return port.withdrawAttachment(network, request, context);
}
