/** What EC2 shows, in the port's terms. States: Amazon VPC Peering Guide, "VPC peering connection lifecycle". */
import type {
  Route,
  RouteTable,
  Tag,
  Vpc,
  VpcPeeringConnection,
  VpcPeeringConnectionVpcInfo,
} from '@aws-sdk/client-ec2';
import type { ObservedPeering, ObservedRoute, ObservedRouteTable, PeerSide, ProviderPhase } from '#domain';

/** The tag by which the platform recognises what it serves. Each account sees its own tags only. */
export const MARK_TAG = 'peering-broker:connection';

/** Every status code of a peering connection. */
export const AWS_STATES = {
  'initiating-request': 'pending_platform',
  'pending-acceptance': 'pending_platform',
  provisioning: 'in_progress',
  active: 'active',
  rejected: 'rejected',
  expired: 'expired',
  failed: 'failed',
  deleting: 'deleting',
  deleted: 'gone',
} as const satisfies Record<string, ProviderPhase>;

/**
 * The phase of a status code. One that is not documented counts as in progress, the phase in which the broker only
 * looks.
 */
export function phaseOf(statusCode: string): ProviderPhase {
  return Object.hasOwn(AWS_STATES, statusCode)
    ? AWS_STATES[statusCode as keyof typeof AWS_STATES]
    : 'in_progress';
}

/** A peering connection; null for an element without an id or a status, which EC2 does not document. */
export function toObservedPeering(peering: VpcPeeringConnection): ObservedPeering | null {
  const { VpcPeeringConnectionId: providerId, Status: status, ExpirationTime: expiration } = peering;
  if (providerId === undefined || status?.Code === undefined) return null;
  const mark = tagValue(peering.Tags, MARK_TAG);
  return {
    providerId,
    phase: phaseOf(status.Code),
    providerState: status.Code,
    ...(status.Message === undefined ? {} : { providerMessage: status.Message }),
    requester: toSide(peering.RequesterVpcInfo),
    accepter: toSide(peering.AccepterVpcInfo),
    ...(expiration === undefined ? {} : { expiresAt: expiration.getTime() }),
    ...(mark === undefined ? {} : { mark }),
  };
}

/** The value of a tag; undefined when it is absent. */
export function tagValue(tags: readonly Tag[] | undefined, key: string): string | undefined {
  return tags?.find((tag) => tag.Key === key)?.Value;
}

/** Sorted, because EC2 promises no order and a mere change of order is no change. */
function toSide(info: VpcPeeringConnectionVpcInfo | undefined): PeerSide {
  const listed = info?.CidrBlockSet?.flatMap((block) => block.CidrBlock ?? []) ?? [];
  const cidrs = new Set(info?.CidrBlock === undefined ? listed : [info.CidrBlock, ...listed]);
  return {
    ...(info?.OwnerId === undefined ? {} : { accountId: info.OwnerId }),
    ...(info?.VpcId === undefined ? {} : { vpcId: info.VpcId }),
    ...(info?.Region === undefined ? {} : { region: info.Region }),
    cidrs: [...cidrs].sort(),
  };
}

/** The IPv4 blocks that a VPC has or is about to have. */
export function vpcCidrs(vpc: Vpc): string[] {
  const associated = (vpc.CidrBlockAssociationSet ?? [])
    .filter(({ CidrBlockState: state }) => state?.State === 'associated' || state?.State === 'associating')
    .flatMap(({ CidrBlock: cidr }) => cidr ?? []);
  return [...new Set(vpc.CidrBlock === undefined ? associated : [vpc.CidrBlock, ...associated])];
}

/** A route table with all its entries; null for an element without an id. */
export function toObservedRouteTable(table: RouteTable): ObservedRouteTable | null {
  if (table.RouteTableId === undefined) return null;
  return {
    routeTableId: table.RouteTableId,
    main: (table.Associations ?? []).some((association) => association.Main === true),
    routes: (table.Routes ?? []).map(toObservedRoute),
  };
}

function toObservedRoute(route: Route): ObservedRoute {
  return {
    destination:
      route.DestinationCidrBlock ?? route.DestinationIpv6CidrBlock ?? route.DestinationPrefixListId ?? '',
    target: targetOf(route),
    state: routeState(route.State),
  };
}

/**
 * What an entry leads to. An instance is reached through its network interface, and both are shown; the rest exclude
 * each other. `local` is a gateway id. Empty when EC2 names no target, as for a blackhole whose target was forgotten.
 */
function targetOf(route: Route): string {
  return (
    route.VpcPeeringConnectionId ??
    route.GatewayId ??
    route.NatGatewayId ??
    route.TransitGatewayId ??
    route.InstanceId ??
    route.NetworkInterfaceId ??
    route.EgressOnlyInternetGatewayId ??
    route.LocalGatewayId ??
    route.CarrierGatewayId ??
    route.CoreNetworkArn ??
    route.OdbNetworkArn ??
    ''
  );
}

/** `filtered`: EC2 keeps the entry and does not use it. */
function routeState(state: Route['State']): ObservedRoute['state'] {
  switch (state) {
    case 'blackhole':
      return 'blackhole';
    case 'filtered':
      return 'disabled';
    case 'active':
    case undefined:
      return 'active';
  }
}
