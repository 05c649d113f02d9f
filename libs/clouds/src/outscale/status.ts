/**
 * What OAPI shows, in the port's terms. Shapes: OUTSCALE API reference 1.40 (`NetPeering`, `Net`, `RouteTable`, `Route`);
 * every field is optional there.
 */
import type { ObservedPeering, ObservedRoute, ObservedRouteTable, PeerSide, ProviderPhase } from '#domain';

/** The tag by which the platform recognises what it serves. */
export const MARK_TAG = 'peering-broker:connection';

export interface Tag {
  readonly Key?: string;
  readonly Value?: string;
}

/** One end of a Net peering. */
export interface PeeredNet {
  readonly AccountId?: string;
  readonly NetId?: string;
  readonly IpRange?: string;
}

export interface NetPeering {
  readonly NetPeeringId?: string;
  readonly State?: { readonly Name?: string; readonly Message?: string };
  readonly SourceNet?: PeeredNet;
  readonly AccepterNet?: PeeredNet;
  /** ISO 8601. */
  readonly ExpirationDate?: string | null;
  readonly Tags?: readonly Tag[];
}

export interface Net {
  readonly NetId?: string;
  readonly IpRange?: string;
}

export interface Route {
  readonly DestinationIpRange?: string;
  readonly DestinationServiceId?: string;
  readonly CreationMethod?: string;
  readonly NetPeeringId?: string;
  readonly GatewayId?: string;
  readonly NatServiceId?: string;
  readonly NetAccessPointId?: string;
  readonly VmId?: string;
  readonly NicId?: string;
  readonly State?: string;
}

export interface RouteTable {
  readonly RouteTableId?: string;
  readonly Routes?: readonly Route[];
  readonly LinkRouteTables?: readonly { readonly Main?: boolean }[];
}

/** Every state of a Net peering (`NetPeeringState`). */
export const OUTSCALE_STATES = {
  'pending-acceptance': 'pending_platform',
  active: 'active',
  rejected: 'rejected',
  failed: 'failed',
  expired: 'expired',
  deleted: 'gone',
} as const satisfies Record<string, ProviderPhase>;

/**
 * The phase of a state. One that is not documented counts as in progress, the phase in which the broker only looks.
 */
export function phaseOf(state: string): ProviderPhase {
  return Object.hasOwn(OUTSCALE_STATES, state)
    ? OUTSCALE_STATES[state as keyof typeof OUTSCALE_STATES]
    : 'in_progress';
}

/** A Net peering; null for an element without an id or a state. */
export function toObservedPeering(peering: NetPeering): ObservedPeering | null {
  const { NetPeeringId: providerId, State: state } = peering;
  if (providerId === undefined || state?.Name === undefined) return null;
  const expiresAt = Date.parse(peering.ExpirationDate ?? '');
  const mark = tagValue(peering.Tags, MARK_TAG);
  return {
    providerId,
    phase: phaseOf(state.Name),
    providerState: state.Name,
    ...(state.Message === undefined ? {} : { providerMessage: state.Message }),
    requester: toSide(peering.SourceNet),
    accepter: toSide(peering.AccepterNet),
    ...(Number.isNaN(expiresAt) ? {} : { expiresAt }),
    ...(mark === undefined ? {} : { mark }),
  };
}

/** The value of a tag; undefined when it is absent. */
export function tagValue(tags: readonly Tag[] | undefined, key: string): string | undefined {
  return tags?.find((tag) => tag.Key === key)?.Value;
}

/** A Net has one block. An empty one, as of a Net that is not there, is none. */
function toSide({ AccountId, NetId, IpRange }: PeeredNet = {}): PeerSide {
  return {
    ...(AccountId === undefined ? {} : { accountId: AccountId }),
    ...(NetId === undefined ? {} : { vpcId: NetId }),
    cidrs: IpRange ? [IpRange] : [],
  };
}

/** The Net peerings that routes of these tables lead to, each once. */
export function routedPeerings(tables: readonly RouteTable[]): string[] {
  const ids = tables.flatMap(({ Routes: routes = [] }) =>
    routes.flatMap((route) => route.NetPeeringId ?? []),
  );
  return [...new Set(ids)];
}

/**
 * A route table with all its entries; null for an element without an id.
 *
 * @param active the Net peerings that carry traffic: OAPI shows every route as active, wherever it leads
 */
export function toObservedRouteTable(
  table: RouteTable,
  active: ReadonlySet<string>,
): ObservedRouteTable | null {
  if (table.RouteTableId === undefined) return null;
  return {
    routeTableId: table.RouteTableId,
    main: (table.LinkRouteTables ?? []).some((link) => link.Main === true),
    routes: (table.Routes ?? []).map((route) => toObservedRoute(route, active)),
  };
}

function toObservedRoute(route: Route, active: ReadonlySet<string>): ObservedRoute {
  const { NetPeeringId: peering } = route;
  const leadsNowhere = route.State === 'blackhole' || (peering !== undefined && !active.has(peering));
  return {
    destination: route.DestinationIpRange ?? route.DestinationServiceId ?? '',
    target: targetOf(route),
    state: leadsNowhere ? 'blackhole' : 'active',
  };
}

/** What an entry leads to. A VM is reached through its network interface, and both are shown. */
function targetOf(route: Route): string {
  return (
    route.NetPeeringId ??
    route.GatewayId ??
    route.NatServiceId ??
    route.NetAccessPointId ??
    route.VmId ??
    route.NicId ??
    (route.CreationMethod === 'CreateRouteTable' ? 'local' : '')
  );
}
