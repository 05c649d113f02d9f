/**
 * What Alibaba Cloud shows, in the port's terms. States: API reference of VpcPeer 2022-01-01,
 * GetVpcPeerConnectionAttribute.
 */
import type { ObservedPeering, ObservedRoute, PeerSide, ProviderPhase } from '#domain';

/** The tag by which the platform recognises what it serves. Each account sees its own tags only. */
export const MARK_TAG = 'peering-broker:connection';

/** What precedes the mark in the description of a route entry, which has no tags. */
const ROUTE_MARK = 'peering-broker:connection=';

/** Every status of a peering connection. */
export const ALIBABA_STATES = {
  Creating: 'pending_platform',
  Accepting: 'pending_platform',
  Updating: 'in_progress',
  Activated: 'active',
  Rejected: 'rejected',
  Expired: 'expired',
  Deleting: 'deleting',
  Deleted: 'gone',
} as const satisfies Record<string, ProviderPhase>;

/** The phase of a status. One that is not documented counts as in progress, the phase in which the broker only looks. */
export function phaseOf(status: string): ProviderPhase {
  return Object.hasOwn(ALIBABA_STATES, status)
    ? ALIBABA_STATES[status as keyof typeof ALIBABA_STATES]
    : 'in_progress';
}

/** An account id: a number, or text where a double could not hold it. */
export type AccountId = number | string;

/** One VPC of a peering connection. */
export interface PeeringVpc {
  readonly VpcId?: string;
  readonly Ipv4Cidrs?: readonly string[];
}

/** A peering connection as the API shows it, as far as it is read here. */
export interface VpcPeerConnection {
  readonly InstanceId?: string;
  readonly Status?: string;
  /** `Normal`, or `FinancialLocked`: overdue payments, beside whatever the status is. */
  readonly BizStatus?: string;
  readonly OwnerId?: AccountId;
  readonly RegionId?: string;
  readonly Vpc?: PeeringVpc;
  readonly AcceptingOwnerUid?: AccountId;
  readonly AcceptingRegionId?: string;
  readonly AcceptingVpc?: PeeringVpc;
  /** ISO 8601 */
  readonly GmtCreate?: string;
  /** ISO 8601; null except while the request waits, and after it has expired. */
  readonly GmtExpired?: string | null;
  readonly Tags?: readonly { readonly Key?: string; readonly Value?: string }[];
}

/** A peering connection; null for an element without an id or a status, which the API does not document. */
export function toObservedPeering(peering: VpcPeerConnection): ObservedPeering | null {
  const { InstanceId: providerId, Status: status, BizStatus: business } = peering;
  if (providerId === undefined || status === undefined) return null;
  const expiresAt = timeOf(peering.GmtExpired);
  const requestedAt = timeOf(peering.GmtCreate);
  const mark = peering.Tags?.find((tag) => tag.Key === MARK_TAG)?.Value;
  return {
    providerId,
    phase: phaseOf(status),
    providerState: status,
    ...(business === undefined || business === 'Normal' ? {} : { providerMessage: business }),
    requester: toSide(peering.OwnerId, peering.RegionId, peering.Vpc),
    accepter: toSide(peering.AcceptingOwnerUid, peering.AcceptingRegionId, peering.AcceptingVpc),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(requestedAt === undefined ? {} : { requestedAt }),
    ...(mark === undefined ? {} : { mark }),
  };
}

/** Sorted, because the API promises no order and a mere change of order is no change. */
function toSide(
  owner: AccountId | undefined,
  region: string | undefined,
  vpc: PeeringVpc | undefined,
): PeerSide {
  return {
    ...(owner === undefined ? {} : { accountId: String(owner) }),
    ...(vpc?.VpcId === undefined ? {} : { vpcId: vpc.VpcId }),
    ...(region === undefined ? {} : { region }),
    cidrs: [...new Set(vpc?.Ipv4Cidrs ?? [])].sort(),
  };
}

function timeOf(text: string | null | undefined): number | undefined {
  const at = text === null || text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}

/** A route entry as the API shows it, as far as it is read here. */
export interface RouteEntry {
  readonly RouteEntryId?: string;
  readonly DestinationCidrBlock?: string;
  readonly Description?: string;
  /** `Pending`, `Available`, `Modifying` */
  readonly Status?: string;
  readonly NextHops?: { readonly NextHop?: readonly NextHop[] };
}

/** One of the hops that an entry leads to; several share the traffic. */
export interface NextHop {
  readonly NextHopId?: string;
  /** `VpcPeer`, `Instance`, …; `local` and `service` have no id. */
  readonly NextHopType?: string;
  /** 0 when the hop cannot be used, 1 when it can. */
  readonly Enabled?: number;
}

/** A route entry. */
export function toObservedRoute(entry: RouteEntry): ObservedRoute {
  const hops = entry.NextHops?.NextHop ?? [];
  const mark = entry.Description?.startsWith(ROUTE_MARK)
    ? entry.Description.slice(ROUTE_MARK.length)
    : undefined;
  return {
    destination: entry.DestinationCidrBlock ?? '',
    // Several hops are nobody's single target, so that such an entry is never taken for one of the broker's.
    target: hops.map((hop) => hop.NextHopId || (hop.NextHopType ?? '')).join(','),
    state: routeState(entry, hops),
    ...(entry.RouteEntryId ? { routeId: entry.RouteEntryId } : {}),
    ...(mark === undefined ? {} : { mark }),
  };
}

function routeState({ Status }: RouteEntry, hops: readonly NextHop[]): ObservedRoute['state'] {
  if (Status !== undefined && Status !== 'Available') return 'pending';
  return hops.length > 0 && hops.every((hop) => hop.Enabled === 0) ? 'blackhole' : 'active';
}

/** The description of an entry that carries the mark. */
export function markedDescription(mark: string): string {
  return `${ROUTE_MARK}${mark}`;
}

/** A VPC as the API shows it, as far as it is read here. */
export interface VpcAttribute {
  readonly OwnerId?: AccountId;
  readonly CidrBlock?: string;
  readonly SecondaryCidrBlocks?: { readonly SecondaryCidrBlock?: readonly string[] };
}

/** The IPv4 blocks of a VPC. */
export function vpcCidrs({ CidrBlock: first, SecondaryCidrBlocks: more }: VpcAttribute): string[] {
  return [...new Set([...(first ? [first] : []), ...(more?.SecondaryCidrBlock ?? [])])];
}
