import type { Capabilities, ChangeContext, ChangeReceipt, CloudAction, CloudPort, NetworkRef } from '#domain';

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

/** What keeps a change from being made at the same time as another one: those with the same key are made in turn. */
export interface Exclusion {
  readonly key: string;
  /** `workers`: whoever makes them. `pass`: the lease of the deployment keeps everybody else away already. */
  readonly reach: 'pass' | 'workers';
}

/**
 * The key of the turn in which a change is to be made where all changes of an account exclude each other; null elsewhere.
 * @param accountRowId the row of the platform account
 */
export function turnOfAccount(
  { writesExclude }: Pick<Capabilities, 'writesExclude'>,
  accountRowId: string,
): string | null {
  return writesExclude === 'account' ? `account ${accountRowId}` : null;
}

/**
 * What a change excludes. A route table belongs to one VPC, and a VPC to one deployment.
 * @param accountRowId the row of the platform account
 */
export function exclusionOf(
  capabilities: Pick<Capabilities, 'writesExclude'>,
  accountRowId: string,
  connectionId: string,
  action: CloudAction,
): Exclusion {
  const turn = turnOfAccount(capabilities, accountRowId);
  if (turn !== null) return { key: turn, reach: 'workers' };
  const isRoute = action.kind === 'ensure_route' || action.kind === 'remove_route';
  return { key: isRoute ? `table ${action.routeTableId}` : `connection ${connectionId}`, reach: 'pass' };
}
