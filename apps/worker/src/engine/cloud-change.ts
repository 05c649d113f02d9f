import type { ChangeContext, ChangeReceipt, CloudAction, CloudPort, NetworkRef } from '#domain';

/** Carries out one decided change of the cloud. @throws CloudError */
export function carryOut(
  port: CloudPort,
  network: NetworkRef,
  action: CloudAction,
  context: ChangeContext,
): Promise<ChangeReceipt> {
  const { providerId } = action;
  switch (action.kind) {
    case 'accept':
      return port.acceptPeering(network, providerId, context);
    case 'reject':
      return port.rejectPeering(network, providerId, context);
    case 'delete':
      return port.deletePeering(network, providerId, context);
    case 'request_attachment':
      return port.requestAttachment(network, action, context);
    case 'withdraw_attachment':
      return port.withdrawAttachment(network, action, context);
    case 'mark':
      return port.markPeering(network, providerId, context);
    case 'ensure_route':
    case 'remove_route': {
      const { routeTableId, destination } = action;
      const route = { routeTableId, destination, target: providerId };
      return action.kind === 'ensure_route'
        ? port.ensureRoute(network, route, context)
        : port.removeRoute(network, route, context);
    }
  }
}

/** Changes with the same key exclude each other in the cloud: they are made one after the other. */
export function exclusionKey(connectionId: string, action: CloudAction): string {
  return action.kind === 'ensure_route' || action.kind === 'remove_route'
    ? `table ${action.routeTableId}`
    : `connection ${connectionId}`;
}
