import {
  planRoutes,
  wantedRoutes,
  type CloudErrorInfo,
  type Intent,
  type ObservedRouteTable,
  type PeeringStatus,
  type PlatformNetwork,
} from '#domain';

/** Something to be told in a connection's history. */
export interface ConnectionEvent {
  readonly type: 'peering.state_changed' | 'peering.cloud_call' | 'peering.route_drift';
  readonly data: Readonly<Record<string, unknown>>;
}

/** The move from one status to another, told when the state or the reason for it is another one. */
export function stateEvents(before: PeeringStatus, after: PeeringStatus): ConnectionEvent[] {
  if (before.state === after.state && before.reason.code === after.reason.code) return [];
  const { code, params } = after.reason;
  const data = { from: before.state, to: after.state, reason: code, params };
  return [{ type: 'peering.state_changed', data }];
}

/** Routes that were as they should be and, now that it is certain, no longer are, with what is there instead. */
export function driftEvents(
  before: PeeringStatus,
  after: PeeringStatus,
  network: PlatformNetwork,
  tables: readonly ObservedRouteTable[] | null,
): ConnectionEvent[] {
  if (tables === null || !wereWell(before) || !areBroken(after) || after.providerId === null) return [];
  const wanted = wantedRoutes(network, tables, after.admittedCidrs);
  const { problems } = planRoutes(wanted, before.routes, tables, after.providerId);
  if (problems.length === 0) return [];
  const data = {
    wanted: problems.map(({ routeTableId, destination }) => ({
      routeTableId,
      destination,
      target: after.providerId,
    })),
    recorded: before.routes,
    observed: problems.map(({ kind, routeTableId, destination, target }) => ({
      routeTableId,
      destination,
      ...(kind === 'missing' ? { state: 'missing' } : { state: kind, target }),
    })),
  };
  return [{ type: 'peering.route_drift', data }];
}

/** One change that was asked of the cloud, and how it went. */
export function cloudCallEvent(
  { action, attempts }: Intent,
  result: { readonly error: CloudErrorInfo | null; readonly requestId: string | undefined },
): ConnectionEvent {
  const requestId = result.error === null ? result.requestId : result.error.requestId;
  const data = {
    action,
    attempts,
    outcome: result.error === null ? 'ok' : result.error.category,
    ...(result.error === null ? {} : { error: { code: result.error.code, message: result.error.message } }),
    ...(requestId === undefined ? {} : { requestId }),
  };
  return { type: 'peering.cloud_call', data };
}

const routesOf = ({ conditions }: PeeringStatus) =>
  conditions.find(({ type }) => type === 'RoutesProgrammed');

/** What a first look has cast doubt on was well before it, unless it was broken and may have been mended. */
function wereWell(status: PeeringStatus): boolean {
  const routes = routesOf(status);
  return routes?.status === 'True' || (routes?.status === 'Unknown' && !SEEN_WELL.includes(routes.reason));
}

/** What the condition says of routes that are as they should be. */
const SEEN_WELL: readonly string[] = ['programmed', 'learned'];

function areBroken(status: PeeringStatus): boolean {
  return routesOf(status)?.status === 'False';
}
