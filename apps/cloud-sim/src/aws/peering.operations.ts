import { ipv4BlocksOverlap } from '../ipv4-block.js';
import { AwsError, missingParameter } from './aws-error.js';
import { isRegion, partitionOf } from './aws-regions.js';
import { homeKey, newId, type AwsState, type Peering, type PeeringSide, type Vpc } from './aws-state.js';
import {
  describePage,
  exactValues,
  readFilters,
  tagsOf,
  type Filter,
  type FilterValues,
} from './describe-options.js';
import {
  checkId,
  DESCRIBE_PARAMETERS,
  notFound,
  own,
  reads,
  writes,
  type Ec2Call,
  type Ec2Operations,
} from './ec2-operation.js';
import {
  deletePeering,
  forgetAfter,
  isConnected,
  isPending,
  isVisible,
  REQUEST_LIFETIME_MS,
  sideOf,
  statusAt,
  statusMessage,
  type PeeringStatus,
} from './peering-lifecycle.js';
import { putTags, readTagSpecifications } from './tag.operations.js';
import type { XmlChildren } from './xml-document.js';

/** Asks for, answers, ends and shows VPC peering connections. */
export const PEERING_OPERATIONS: Ec2Operations = {
  CreateVpcPeeringConnection: writes(
    ['VpcId', 'PeerVpcId', 'PeerOwnerId', 'PeerRegion', 'TagSpecification'],
    create,
  ),
  AcceptVpcPeeringConnection: writes(['VpcPeeringConnectionId'], accept),
  RejectVpcPeeringConnection: writes(['VpcPeeringConnectionId'], reject),
  DeleteVpcPeeringConnection: writes(['VpcPeeringConnectionId'], remove),
  DescribeVpcPeeringConnections: reads(['VpcPeeringConnectionId', ...DESCRIBE_PARAMETERS], describe),
  ModifyVpcPeeringConnectionOptions: writes(
    ['VpcPeeringConnectionId', 'RequesterPeeringConnectionOptions', 'AccepterPeeringConnectionOptions'],
    modifyOptions,
  ),
};

/** The peering as the caller may see it by id. Throws Malformed and NotFound. */
export function visiblePeering(call: Ec2Call, id: string): Peering {
  checkId('pcx', id);
  const peering = call.state.peerings.get(id);
  if (peering === undefined || !isVisible(peering, call, call.now)) throw notFound('pcx', id);
  return peering;
}

/** The VPC at one end as its owner has it; undefined when it is not theirs, not there, or gone. */
export function vpcOf(state: AwsState, side: PeeringSide): Vpc | undefined {
  const vpc = state.vpcs.get(side.vpcId);
  return vpc?.accountId === side.accountId && vpc.region === side.region ? vpc : undefined;
}

function create(call: Ec2Call): XmlChildren {
  const { state, parameters, now } = call;
  const vpcId = parameters.require('VpcId');
  const peerVpcId = parameters.require('PeerVpcId');
  const vpc = own(call, 'vpc', state.vpcs, vpcId);
  checkId('vpc', peerVpcId);
  const accountId = parameters.get('PeerOwnerId') ?? call.accountId;
  const region = parameters.get('PeerRegion') ?? call.region;
  if (!/^\d{12}$/.test(accountId)) {
    throw new AwsError('InvalidParameterValue', `Invalid account ID: ${accountId}`);
  }
  if (!isRegion(region)) {
    throw new AwsError(
      'InvalidParameterValue',
      `Invalid value '${region}' for peerRegion. The region is not valid.`,
    );
  }
  const tags = readTagSpecifications(parameters, 'vpc-peering-connection');

  // The same request again is the same connection: EC2 answers with the one that there is.
  const existing = state.peerings
    .by('pair', `${vpcId}>${peerVpcId}`)
    .filter(({ accepter }) => accepter.accountId === accountId && accepter.region === region)
    .find((peering) => isPending(peering, now) || isConnected(peering, now));
  if (existing) return { vpcPeeringConnection: render(call, existing) };

  const requester: PeeringSide = { ...pick(vpc), vpcId, allowDnsResolutionFromRemoteVpc: false };
  const accepter: PeeringSide = {
    accountId,
    region,
    vpcId: peerVpcId,
    allowDnsResolutionFromRemoteVpc: false,
  };
  const peering = { id: newId('pcx'), requester, accepter, createdAt: now };
  const isPossible = canPeer(state, vpc, accepter);
  if (isPossible) checkRequestQuotas(call, vpcId);
  const pendingAt = now + state.settings.peeringInitiatingSeconds * 1000;
  const made = state.peerings.put({
    ...peering,
    pendingAt,
    expiresAt: now + REQUEST_LIFETIME_MS,
    ...(isPossible ? {} : { failedAt: now }),
  });
  putTags(call, made.id, tags);
  forgetAfter(state, made.id, isPossible ? made.expiresAt : now);
  const status = isPossible ? 'initiating-request' : 'failed';
  return { vpcPeeringConnection: render(call, made, status) };
}

/** Whether the accepter's VPC is there, in reach, and without an address in common. EC2 does not say which is not. */
function canPeer(state: AwsState, vpc: Vpc, accepter: PeeringSide): boolean {
  const peer = vpcOf(state, accepter);
  if (peer === undefined || peer.id === vpc.id) return false;
  if (partitionOf(vpc.region) !== partitionOf(peer.region)) return false;
  return !vpc.cidrs.some((one) => peer.cidrs.some((other) => ipv4BlocksOverlap(one.cidr, other.cidr)));
}

function checkRequestQuotas(call: Ec2Call, vpcId: string): void {
  const { state, now } = call;
  const { outstandingPeeringRequests, activePeeringsPerVpc } = state.settings;
  const open = state.peerings.by('openRequests', homeKey(call)).filter((peering) => isPending(peering, now));
  if (open.length >= outstandingPeeringRequests) {
    throw new AwsError(
      'OutstandingVpcPeeringConnectionLimitExceeded',
      `You have reached the limit of ${outstandingPeeringRequests} outstanding VPC peering connection requests.`,
    );
  }
  if (state.peerings.countBy('acceptedByVpc', vpcId) >= activePeeringsPerVpc) {
    throw new AwsError(
      'VpcPeeringConnectionsPerVpcLimitExceeded',
      `The vpc '${vpcId}' has reached its limit of ${activePeeringsPerVpc} VPC peering connections.`,
    );
  }
}

function accept(call: Ec2Call): XmlChildren {
  const { state, now } = call;
  const peering = answerable(call, 'accept', 'accepted');
  requireStatus(peering, now, 'provisioning', ['pending-acceptance']);
  const { requester, accepter, id } = peering;
  const others = [`${requester.vpcId}>${accepter.vpcId}`, `${accepter.vpcId}>${requester.vpcId}`];
  if (others.some((pair) => state.peerings.by('pair', pair).some((other) => isConnected(other, now)))) {
    throw new AwsError(
      'VpcPeeringConnectionAlreadyExists',
      `The vpc peering connection identified by ${id} already exists.`,
    );
  }
  const limit = state.settings.activePeeringsPerVpc;
  for (const { vpcId } of [accepter, requester]) {
    if (state.peerings.countBy('acceptedByVpc', vpcId) >= limit) {
      throw new AwsError(
        'ActiveVpcPeeringConnectionPerVpcLimitExceeded',
        `The vpc '${vpcId}' has reached its limit of ${limit} active VPC peering connections.`,
      );
    }
  }
  const activeAt = now + state.settings.peeringProvisioningSeconds * 1000;
  return { vpcPeeringConnection: render(call, state.peerings.update(id, { acceptedAt: now, activeAt })) };
}

function reject(call: Ec2Call): XmlChildren {
  const peering = answerable(call, 'reject', 'rejected');
  requireStatus(peering, call.now, 'rejected', ['pending-acceptance']);
  call.state.peerings.update(peering.id, { rejectedAt: call.now });
  forgetAfter(call.state, peering.id, call.now);
  return { return: true };
}

/** The peering that the call names, provided that the caller is its accepter and calls in its accepter's region. */
function answerable(call: Ec2Call, verb: string, participle: string): Peering {
  const id = call.parameters.require('VpcPeeringConnectionId');
  checkId('pcx', id);
  const { accountId, region } = call;
  const peering = call.state.peerings.get(id);
  const isParty = (at: string): boolean =>
    peering !== undefined && isVisible(peering, { accountId, region: at }, call.now);
  const regions = peering ? [region, peering.accepter.region, peering.requester.region] : [];
  if (peering === undefined || !regions.some(isParty)) throw notFound('pcx', id);
  if (peering.accepter.accountId !== accountId) {
    throw new AwsError('OperationNotPermitted', `User ${accountId} cannot ${verb} peering ${id}`);
  }
  if (peering.accepter.region !== region) {
    throw new AwsError(
      'OperationNotPermitted',
      `Incorrect region (${region}) specified for this request. VPC peering connection ${id} must be ` +
        `${participle} in region ${peering.accepter.region}`,
    );
  }
  return peering;
}

function remove(call: Ec2Call): XmlChildren {
  const { state, now, accountId } = call;
  const peering = visiblePeering(call, call.parameters.require('VpcPeeringConnectionId'));
  requireStatus(peering, now, 'deleting', [
    'active',
    'provisioning',
    'pending-acceptance',
    'initiating-request',
  ]);
  if (isPending(peering, now) && peering.requester.accountId !== accountId) {
    throw new AwsError('OperationNotPermitted', `User ${accountId} cannot delete peering ${peering.id}`);
  }
  deletePeering(state, peering, accountId);
  return { return: true };
}

function modifyOptions(call: Ec2Call): XmlChildren {
  const { state, parameters, accountId } = call;
  const peering = visiblePeering(call, parameters.require('VpcPeeringConnectionId'));
  const changes: Partial<Record<'requester' | 'accepter', PeeringSide>> = {};
  const shown: Record<string, XmlChildren> = {};
  for (const [side, name] of [
    ['requester', 'RequesterPeeringConnectionOptions'],
    ['accepter', 'AccepterPeeringConnectionOptions'],
  ] as const) {
    if (!parameters.hasStructure(name)) continue;
    if (peering[side].accountId !== accountId || peering[side].region !== call.region) {
      throw new AwsError(
        'OperationNotPermitted',
        `User ${accountId} cannot modify ${side} peering options of ${peering.id}`,
      );
    }
    const allow = parameters.structure(name).boolean('AllowDnsResolutionFromRemoteVpc');
    changes[side] =
      allow === undefined ? peering[side] : { ...peering[side], allowDnsResolutionFromRemoteVpc: allow };
    shown[name.charAt(0).toLowerCase() + name.slice(1)] = renderOptions(changes[side]);
  }
  if (changes.requester === undefined && changes.accepter === undefined) {
    throw missingParameter('accepterPeeringConnectionOptions or requesterPeeringConnectionOptions');
  }
  if (statusAt(peering, call.now) !== 'active') {
    throw new AwsError(
      'OperationNotPermitted',
      `Peering ${peering.id} is not active. Peering options can be added only to active peerings.`,
    );
  }
  state.peerings.update(peering.id, changes);
  return shown;
}

function requireStatus(
  peering: Peering,
  now: number,
  next: PeeringStatus,
  allowed: readonly PeeringStatus[],
): void {
  const status = statusAt(peering, now);
  if (allowed.includes(status)) return;
  throw new AwsError(
    'InvalidStateTransition',
    `Invalid state transition for ${peering.id}, attempted to transition from ${status} to ${next}`,
  );
}

function describe(call: Ec2Call): XmlChildren {
  const { state, parameters, now } = call;
  const ids = parameters.list('VpcPeeringConnectionId');
  const filters = readFilters(parameters);
  const candidates =
    ids.length > 0 ? ids.map((id) => visiblePeering(call, id)) : candidatesFor(call, filters);
  const { page, nextToken } = describePage(
    call,
    candidates.filter((peering) => isVisible(peering, call, now)),
    filters,
    {
      idOf: (peering) => peering.id,
      sequenceOf: (id) => state.peerings.sequenceOf(id),
      filters: filterValues(call),
      idParameter: 'VpcPeeringConnectionId',
    },
  );
  return { vpcPeeringConnectionSet: page.map((peering) => render(call, peering)), nextToken };
}

/** The fewest peerings that an index yields and that surely hold all that the filters ask for. */
function candidatesFor(call: Ec2Call, filters: readonly Filter[]): readonly Peering[] {
  const { peerings } = call.state;
  const byId = exactValues(filters, 'vpc-peering-connection-id');
  if (byId) return [...new Set(byId)].flatMap((id) => peerings.get(id) ?? []);
  for (const [name, index] of [
    ['accepter-vpc-info.vpc-id', 'accepterVpc'],
    ['requester-vpc-info.vpc-id', 'requesterVpc'],
  ] as const) {
    const vpcIds = exactValues(filters, name);
    if (vpcIds) return [...new Set(vpcIds)].flatMap((vpcId) => peerings.by(index, vpcId));
  }
  return peerings.by('home', homeKey(call));
}

function filterValues(call: Ec2Call): FilterValues<Peering> {
  const cidrs = (peering: Peering, side: 'requester' | 'accepter') =>
    shownCidrs(call, peering, side, statusAt(peering, call.now));
  return {
    'accepter-vpc-info.cidr-block': (peering) => cidrs(peering, 'accepter'),
    'accepter-vpc-info.owner-id': ({ accepter }) => [accepter.accountId],
    'accepter-vpc-info.vpc-id': ({ accepter }) => [accepter.vpcId],
    'expiration-time': ({ expiresAt }) => [new Date(expiresAt).toISOString()],
    'requester-vpc-info.cidr-block': (peering) => cidrs(peering, 'requester'),
    'requester-vpc-info.owner-id': ({ requester }) => [requester.accountId],
    'requester-vpc-info.vpc-id': ({ requester }) => [requester.vpcId],
    'status-code': (peering) => [statusAt(peering, call.now)],
    'status-message': (peering) => [statusMessage(peering, statusAt(peering, call.now))],
    'vpc-peering-connection-id': ({ id }) => [id],
  };
}

function shownCidrs(
  call: Ec2Call,
  peering: Peering,
  side: 'requester' | 'accepter',
  status: PeeringStatus,
): readonly string[] {
  const { cidrsWhilePending } = call.state.settings;
  const isShown = status === 'active' || cidrsWhilePending === 'both' || cidrsWhilePending === side;
  // What is one's own is no secret, but the API shows neither side before it is time.
  return isShown ? (vpcOf(call.state, peering[side])?.cidrs.map(({ cidr }) => cidr) ?? []) : [];
}

function render(call: Ec2Call, peering: Peering, status = statusAt(peering, call.now)): XmlChildren {
  const isWaiting =
    status === 'pending-acceptance' || status === 'initiating-request' || status === 'expired';
  return {
    vpcPeeringConnectionId: peering.id,
    requesterVpcInfo: renderSide(call, peering, 'requester', status),
    accepterVpcInfo: renderSide(call, peering, 'accepter', status),
    status: { code: status, message: statusMessage(peering, status) },
    expirationTime: isWaiting ? new Date(peering.expiresAt).toISOString() : undefined,
    tagSet: sideOf(peering, call) === undefined ? [] : tagsOf(call, peering.id),
  };
}

function renderSide(
  call: Ec2Call,
  peering: Peering,
  side: 'requester' | 'accepter',
  status: PeeringStatus,
): XmlChildren {
  const { accountId, vpcId, region } = peering[side];
  const cidrs = shownCidrs(call, peering, side, status);
  return {
    ownerId: accountId,
    vpcId,
    region,
    cidrBlock: cidrs[0],
    cidrBlockSet: cidrs.length > 0 ? cidrs.map((cidrBlock) => ({ cidrBlock })) : undefined,
    peeringOptions: status === 'active' ? renderOptions(peering[side]) : undefined,
  };
}

function renderOptions({ allowDnsResolutionFromRemoteVpc }: PeeringSide): XmlChildren {
  return {
    allowDnsResolutionFromRemoteVpc,
    allowEgressFromLocalClassicLinkToRemoteVpc: false,
    allowEgressFromLocalVpcToRemoteClassicLink: false,
  };
}

function pick({ accountId, region }: Vpc): { accountId: string; region: string } {
  return { accountId, region };
}
