/** What Huawei Cloud shows, in the port's terms. States: VPC API reference, "VPC Peering Connection". */
import type { ObservedPeering, ObservedRoute, PeerSide, ProviderPhase } from '#domain';

/** Every status of a peering connection. */
export const HUAWEI_STATES = {
  PENDING_ACCEPTANCE: 'pending_platform',
  ACTIVE: 'active',
  REJECTED: 'rejected',
  EXPIRED: 'expired',
  DELETED: 'gone',
} as const satisfies Record<string, ProviderPhase>;

/** The phase of a status. One that is not documented counts as in progress, the phase in which the broker only looks. */
export function phaseOf(status: string): ProviderPhase {
  return Object.hasOwn(HUAWEI_STATES, status)
    ? HUAWEI_STATES[status as keyof typeof HUAWEI_STATES]
    : 'in_progress';
}

/** One side of a peering connection. */
export interface VpcInfo {
  readonly vpc_id?: string;
  /** The id of a project, whatever the name says. */
  readonly tenant_id?: string;
}

/** A peering connection as the API shows it, as far as it is read here. */
export interface VpcPeering {
  readonly id?: string;
  readonly name?: string;
  readonly description?: string | null;
  readonly status?: string;
  readonly request_vpc_info?: VpcInfo;
  readonly accept_vpc_info?: VpcInfo;
  /** UTC without a zone: `2026-11-20T10:00:00`. */
  readonly created_at?: string;
}

/** Who looks. */
export interface Viewpoint {
  /** Peerings are shown in the region of both of their VPCs, and in no other. */
  readonly region: string;
  /** The platform's account id, and the project that it stands for in the region. */
  readonly accountId: string;
  readonly projectId: string;
}

/** A peering connection; null for an element without an id or a status, which the API does not document. */
export function toObservedPeering(peering: VpcPeering, viewpoint: Viewpoint): ObservedPeering | null {
  const { id: providerId, status } = peering;
  if (providerId === undefined || status === undefined) return null;
  const mark = markIn(peering.description);
  const requestedAt = peering.created_at === undefined ? Number.NaN : Date.parse(utc(peering.created_at));
  return {
    providerId,
    phase: phaseOf(status),
    providerState: status,
    requester: toSide(peering.request_vpc_info, viewpoint),
    accepter: toSide(peering.accept_vpc_info, viewpoint),
    ...(Number.isNaN(requestedAt) ? {} : { requestedAt }),
    ...(mark === undefined ? {} : { mark }),
  };
}

function utc(time: string): string {
  return time.endsWith('Z') ? time : `${time}Z`;
}

function toSide(info: VpcInfo | undefined, { region, accountId, projectId }: Viewpoint): PeerSide {
  return {
    ...(info?.tenant_id === projectId ? { accountId } : {}),
    ...(info?.tenant_id === undefined ? {} : { projectId: info.tenant_id }),
    ...(info?.vpc_id === undefined ? {} : { vpcId: info.vpc_id }),
    region,
    cidrs: [],
  };
}

/** How the broker leaves its mark where there are no tags: in the description, after whatever stands there. */
const MARK = /(?:^|\s)\[peering-broker:connection=([^\]\s]+)\]/;

/** The longest description that the API takes. */
const DESCRIPTION_LENGTH = 255;

/** The mark in a description; undefined when there is none. */
export function markIn(description: string | null | undefined): string | undefined {
  return MARK.exec(description ?? '')?.[1];
}

/** The description with the mark; what stood there is kept, cut where both do not fit. */
export function markedDescription(description: string | null | undefined, mark: string): string {
  const tag = `[peering-broker:connection=${mark}]`;
  const others = (description ?? '').replace(MARK, '').trim();
  return `${others.slice(0, DESCRIPTION_LENGTH - tag.length - 1)} ${tag}`.trim();
}

/** A route as the API shows it within its table. */
export interface Route {
  /** `peering`, `ecs`, `vip`, `nat`, …, and `local` for the VPC itself. */
  readonly type?: string;
  readonly destination?: string;
  readonly nexthop?: string;
  readonly description?: string | null;
}

/** A route table, as far as it is read here. A list shows it without its routes. */
export interface RouteTable {
  readonly id?: string;
  readonly default?: boolean;
  readonly routes?: readonly Route[];
}

/**
 * A route. The API shows no state of it: whether it leads anywhere follows from what it leads to.
 *
 * @param active the ids of the peering connections of the VPC that are up
 */
export function toObservedRoute(route: Route, active: ReadonlySet<string>): ObservedRoute {
  const target = route.nexthop ?? '';
  const mark = markIn(route.description);
  return {
    destination: route.destination ?? '',
    target: target === '' ? (route.type ?? '') : target,
    state: route.type === 'peering' && !active.has(target) ? 'blackhole' : 'active',
    ...(mark === undefined ? {} : { mark }),
  };
}

/** A VPC as version 3 of the API shows it, as far as it is read here. */
export interface Vpc {
  readonly project_id?: string;
  readonly cidr?: string;
  /** Blocks that were added later. */
  readonly extend_cidrs?: readonly string[];
}

/** The IPv4 blocks of a VPC. */
export function vpcCidrs({ cidr, extend_cidrs: more = [] }: Vpc): string[] {
  return [...new Set([...(cidr ? [cidr] : []), ...more])];
}
