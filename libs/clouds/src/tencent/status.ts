/** What the CCN actions show, in the port's terms. States: SDK of VPC 2017-03-12, CcnAttachedInstance.State. */
import type {
  AssistantCidr,
  CcnAttachedInstance,
  CcnRoute,
  Route,
  Vpc,
} from 'tencentcloud-sdk-nodejs/tencentcloud/services/vpc/v20170312/vpc_models.js';
import {
  CidrError,
  contains,
  parseCidr,
  type CidrBlock,
  type ObservedPeering,
  type ObservedRoute,
  type ObservedRouteTable,
  type ProviderPhase,
} from '#domain';

/** Every state of an attachment. Failed attachments and detachments are taken apart by the cloud after two hours. */
export const TENCENT_STATES = {
  PENDING: 'pending_customer',
  ATTACHING: 'in_progress',
  ACTIVE: 'active',
  REJECTED: 'rejected',
  EXPIRED: 'expired',
  FAILED: 'failed',
  DETACHING: 'deleting',
  DETACHFAILED: 'failed',
  DELETED: 'gone',
} as const satisfies Record<string, ProviderPhase>;

/**
 * The phase of a state. One that is not documented counts as in progress, the phase in which the broker only looks.
 */
export function phaseOf(state: string): ProviderPhase {
  return Object.hasOwn(TENCENT_STATES, state)
    ? TENCENT_STATES[state as keyof typeof TENCENT_STATES]
    : 'in_progress';
}

/** A route of a CCN as far as it matters: where it leads and whether it does. */
export interface LearnedRoute {
  readonly destination: string;
  readonly enabled: boolean;
  /** Whose the route is: this VPC's own, another VPC's of the platform's account, or the customer's. */
  readonly origin: 'network' | 'platform' | 'customer';
  readonly routeId?: string;
}

/**
 * A route as the CCN lists it; null for an element without an IPv4 destination.
 *
 * @param own the platform's VPC and account: a CCN may hold VPCs of several deployments
 */
export function toLearnedRoute(
  route: CcnRoute,
  own: { readonly vpcId: string; readonly accountId: string },
): LearnedRoute | null {
  if (blockOf(route.DestinationCidrBlock) === null) return null;
  const origin =
    route.InstanceId === own.vpcId
      ? 'network'
      : route.InstanceUin === own.accountId
        ? 'platform'
        : 'customer';
  return {
    destination: route.DestinationCidrBlock ?? '',
    enabled: route.Enabled ?? true,
    origin,
    ...(route.RouteId === undefined ? {} : { routeId: route.RouteId }),
  };
}

/** A route that a CCN has put into the VPC's own route table; null for one that comes from elsewhere. */
export function toDeliveredRoute(route: Route, ccnId: string): LearnedRoute | null {
  const isOfCcn = route.GatewayType === 'CCN' && route.GatewayId === ccnId;
  if (!isOfCcn || blockOf(route.DestinationCidrBlock) === null) return null;
  return {
    destination: route.DestinationCidrBlock,
    enabled: route.Enabled ?? true,
    origin: 'customer',
    ...(route.RouteItemId === undefined ? {} : { routeId: route.RouteItemId }),
  };
}

/**
 * An attachment, which the platform has asked for and the customer's CCN accepts; null for an element without its ids
 * or a state, which the vendor does not document. AttachedTime is no time here: nothing says in which time zone it is.
 *
 * @param routes what the CCN has learned, once the attachment is active
 */
export function toObservedPeering(
  attachment: CcnAttachedInstance,
  routes: readonly LearnedRoute[],
): ObservedPeering | null {
  const { CcnId: ccnId, InstanceId: vpcId, State: state, Description: mark } = attachment;
  if (ccnId === undefined || vpcId === undefined || state === undefined) return null;
  return {
    providerId: ccnId,
    phase: phaseOf(state),
    providerState: state,
    requester: {
      ...(attachment.InstanceUin === undefined ? {} : { accountId: attachment.InstanceUin }),
      vpcId,
      ...(attachment.InstanceRegion === undefined ? {} : { region: attachment.InstanceRegion }),
      cidrs: [...(attachment.CidrBlock ?? [])].sort(),
    },
    accepter: {
      ...(attachment.CcnUin === undefined ? {} : { accountId: attachment.CcnUin }),
      vpcId: ccnId,
      cidrs: customerCidrs(routes),
    },
    ...(attachment.AttachedTime === undefined ? {} : { incarnation: attachment.AttachedTime }),
    ...(mark === undefined || mark === '' ? {} : { mark }),
  };
}

/**
 * The customer's blocks: what their enabled routes cover, without blocks that lie in others. Networks of one CCN may
 * well nest, such as a whole data centre and one VPC; to the platform that is one block.
 */
function customerCidrs(routes: readonly LearnedRoute[]): string[] {
  const blocks = new Map<string, CidrBlock>();
  for (const { destination, enabled, origin } of routes) {
    const block = enabled && origin === 'customer' ? blockOf(destination) : null;
    if (block) blocks.set(block.text, block);
  }
  const all = [...blocks.values()];
  return all
    .filter((block) => !all.some((other) => other !== block && contains(other, block)))
    .map((block) => block.text)
    .sort();
}

/**
 * A CCN's routes as the one table that an attachment has; they lead into the CCN. Of two routes to one destination the
 * disabled one is told, since it is the one that somebody misses. Other VPCs of the platform are left out.
 */
export function toObservedRouteTable(ccnId: string, routes: readonly LearnedRoute[]): ObservedRouteTable {
  const entries = new Map<string, ObservedRoute>();
  for (const { destination, enabled, origin, routeId } of routes) {
    const isTold = entries.get(destination)?.state === 'disabled';
    if (origin === 'platform' || isTold) continue;
    entries.set(destination, {
      destination,
      target: ccnId,
      state: enabled ? 'active' : 'disabled',
      ...(routeId === undefined ? {} : { routeId }),
    });
  }
  return { routeTableId: ccnId, main: true, routes: [...entries.values()] };
}

/** The IPv4 blocks of a VPC. */
export function vpcCidrs(vpc: Vpc): string[] {
  const assistant = (vpc.AssistantCidrSet ?? []).flatMap(({ CidrBlock: cidr }: AssistantCidr) => cidr ?? []);
  return [...new Set(vpc.CidrBlock === undefined ? assistant : [vpc.CidrBlock, ...assistant])];
}

/** The IPv4 block that a text names; null when it names none. */
function blockOf(text: string | undefined): CidrBlock | null {
  try {
    return text === undefined ? null : parseCidr(text);
  } catch (error) {
    if (error instanceof CidrError) return null;
    throw error;
  }
}
