import { AlibabaError, illegalParameter } from './alibaba-error.js';
import { isRegion } from './alibaba-regions.js';
import {
  homeKey,
  newId,
  pairKey,
  type AlibabaState,
  type Peering,
  type PeeringSide,
} from './alibaba-state.js';
import {
  numericId,
  pageByToken,
  reads,
  timestamp,
  writes,
  writesWithoutToken,
  type ApiAnswer,
  type ApiCall,
  type ApiOperations,
} from './api-operation.js';
import {
  forgetDeleted,
  isPartyIn,
  occupyVpcs,
  REQUEST_LIFETIME_MS,
  requireStatus,
  sideOf,
  statusAt,
  modifiedAt,
} from './peering-lifecycle.js';

/** VpcPeer 2022-01-01: one host for all regions; an id is enough to find a peering. */
export const VPC_PEER_OPERATIONS: ApiOperations = {
  CreateVpcPeerConnection: writes(create),
  AcceptVpcPeerConnection: writes(accept),
  RejectVpcPeerConnection: writes(reject),
  DeleteVpcPeerConnection: writes(remove),
  ModifyVpcPeerConnection: writes(modify),
  GetVpcPeerConnectionAttribute: reads((call) => render(call, visiblePeering(call))),
  ListVpcPeerConnections: reads(list),
  TagResources: writesWithoutToken(tagResources),
  UnTagResources: writesWithoutToken(untagResources),
  ListTagResources: reads(listTagResources),
};

const LIVE = ['Creating', 'Accepting', 'Updating', 'Activated', 'Deleting'];

function create(call: ApiCall): ApiAnswer {
  const { state, parameters, accountId, now } = call;
  const region = parameters.require('RegionId');
  if (!isRegion(region))
    throw new AlibabaError('UnsupportedRegion', 'The feature is not supported in this region.');
  const vpcId = parameters.require('VpcId');
  const acceptingVpcId = parameters.require('AcceptingVpcId');
  const acceptingRegion = parameters.require('AcceptingRegionId');
  const acceptingAccount = parameters.get('AcceptingAliUid') ?? accountId;
  if (!/^\d{1,20}$/.test(acceptingAccount)) throw illegalParameter('AcceptingAliUid');
  const requester: PeeringSide = { accountId, region, vpcId };
  const accepter: PeeringSide = {
    accountId: acceptingAccount,
    region: acceptingRegion,
    vpcId: acceptingVpcId,
  };
  requireVpc(state, requester, 'VpcId', 'IncorrectStatus.Vpc');
  requireVpc(state, accepter, 'AcceptingVpcId', 'IncorrectStatus.AcceptingVpc');
  if (vpcId === acceptingVpcId) throw illegalParameter('AcceptingVpcId');
  requireCdt(state, accountId, 'OperationFailed.CdtNotOpened');
  requireCdt(state, acceptingAccount, 'OperationFailed.AcceptUserCdtNotOpened');

  const others = state.peerings.by('pair', pairKey(vpcId, acceptingVpcId));
  if (others.some((other) => LIVE.includes(statusAt(other, now)))) {
    throw new AlibabaError(
      'ResourceAlreadyExist.VpcPeer',
      'The specified resource of VpcPeer already exists.',
    );
  }
  if (state.peerings.countBy('undeletedByVpc', vpcId) >= state.settings.peeringsPerVpc) {
    throw new AlibabaError(
      'QuotaExceeded.VpcPeerCountPerVpc',
      'The quota of VpcPeerCountPerVpc is exceeded.',
    );
  }
  const isOneRegion = region === acceptingRegion;
  const wanted = parameters.integer('Bandwidth', 1, 1_000_000, isOneRegion ? -1 : 1024, illegalParameter);
  const readyAt = now + state.settings.peeringCreatingSeconds * 1000;
  const peering: Peering = {
    id: newId('pcc'),
    requester,
    accepter,
    name: readName(call),
    description: parameters.get('Description') ?? '',
    bandwidth: wanted,
    createdAt: now,
    readyAt,
    modifiedAt: now,
    expiresAt: now + REQUEST_LIFETIME_MS,
  };
  occupyVpcs(state, peering, readyAt);
  state.peerings.put(peering);
  putTags(call, peering.id, 'Tag');
  return { InstanceId: peering.id };
}

function accept(call: ApiCall): ApiAnswer {
  const { state, now } = call;
  const peering = visiblePeering(call);
  requireAccepter(call, peering);
  requireStatus(peering, now, 'Accepting');
  requireCdt(state, call.accountId, 'OperationFailed.CdtNotOpened');
  const activeAt = now + state.settings.peeringUpdatingSeconds * 1000;
  occupyVpcs(state, peering, activeAt);
  state.peerings.update(peering.id, { acceptedAt: now, activeAt, modifiedAt: now });
  putTags(call, peering.id, 'Tag');
  return {};
}

function reject(call: ApiCall): ApiAnswer {
  const peering = visiblePeering(call);
  requireAccepter(call, peering);
  requireStatus(peering, call.now, 'Accepting');
  occupyVpcs(call.state, peering, call.now);
  call.state.peerings.update(peering.id, { rejectedAt: call.now, modifiedAt: call.now });
  return {};
}

/** Either side deletes what is settled; only the requester takes back what is not answered. */
function remove(call: ApiCall): ApiAnswer {
  const { state, parameters, accountId, now } = call;
  const peering = visiblePeering(call);
  if (sideOf(peering, accountId) === 'requester') {
    requireStatus(peering, now, 'Activated', 'Rejected', 'Expired', 'Accepting');
  } else {
    requireStatus(peering, now, 'Activated', 'Rejected', 'Expired');
  }
  const mine = state.routeEntries
    .by('nextHop', peering.id)
    .filter((entry) => state.routeTables.get(entry.routeTableId)?.accountId === accountId);
  if (mine.length > 0 && !parameters.flag('Force')) {
    throw new AlibabaError(
      'OperationDenied.RouteEntryExist',
      `The operation is not allowed because of RouteEntry exists for VpcPeer [${peering.id}].`,
    );
  }
  const deletedAt = now + state.settings.peeringDeletingSeconds * 1000;
  occupyVpcs(state, peering, deletedAt);
  for (const entry of mine) state.routeEntries.remove(entry.id);
  endPeering(state, peering, deletedAt);
  return {};
}

/** Deletes a peering, without any check. `deletedAt` is when it is done, in milliseconds of simulated time. */
export function endPeering(state: AlibabaState, peering: Peering, deletedAt: number): void {
  const now = state.clock.now();
  state.peerings.update(peering.id, { deletingAt: now, deletedAt, modifiedAt: now });
  forgetDeleted(state, peering.id, deletedAt + state.settings.deletedVisibleSeconds * 1000);
}

function modify(call: ApiCall): ApiAnswer {
  const { state, parameters, now } = call;
  const peering = visiblePeering(call);
  requireStatus(peering, now, 'Activated');
  occupyVpcs(state, peering, now);
  state.peerings.update(peering.id, {
    name: parameters.get('Name') === undefined ? peering.name : readName(call),
    description: parameters.get('Description') ?? peering.description,
    bandwidth: parameters.integer('Bandwidth', 1, 1_000_000, peering.bandwidth, illegalParameter),
    modifiedAt: now,
  });
  return {};
}

function list(call: ApiCall): ApiAnswer {
  const { state, parameters, accountId } = call;
  const home = { accountId, region: parameters.require('RegionId') };
  const size = parameters.integer('MaxResults', 1, 100, 20, illegalParameter);
  const name = parameters.get('Name');
  const matching = candidates(call, homeKey(home)).filter(
    (peering) => isPartyIn(peering, home) && (name === undefined || peering.name === name),
  );
  const sequenceOf = (peering: Peering): number => state.peerings.sequenceOf(peering.id);
  matching.sort((a, b) => sequenceOf(a) - sequenceOf(b));
  const { page, nextToken } = pageByToken(matching, sequenceOf, parameters.get('NextToken'), size);
  return {
    VpcPeerConnects: page.map((peering) => render(call, peering)),
    TotalCount: matching.length,
    MaxResults: size,
    ...(nextToken === undefined ? {} : { NextToken: nextToken }),
  };
}

function candidates({ state, parameters }: ApiCall, home: string): Peering[] {
  const id = parameters.get('InstanceId');
  if (id !== undefined) return [state.peerings.get(id)].filter((peering) => peering !== undefined);
  const vpcIds = parameters.list('VpcId');
  if (vpcIds.length === 0) return state.peerings.by('home', home);
  const found = vpcIds.flatMap((vpcId) => state.peerings.by('vpc', vpcId));
  return [...new Map(found.map((peering) => [peering.id, peering])).values()];
}

/** The peering that InstanceId names, provided that the caller is one of its sides. */
function visiblePeering({ state, parameters, accountId }: ApiCall): Peering {
  const peering = state.peerings.get(parameters.require('InstanceId'));
  if (peering === undefined || sideOf(peering, accountId) === undefined) throw notFound('InstanceId');
  return peering;
}

function notFound(what: string): AlibabaError {
  return new AlibabaError(`ResourceNotFound.${what}`, `The specified resource of ${what} is not found.`);
}

function requireAccepter({ accountId }: ApiCall, peering: Peering): void {
  if (peering.accepter.accountId !== accountId) {
    throw new AlibabaError('Forbidden.NoPermission', `Authentication is failed for ${peering.id}.`);
  }
}

function requireVpc(state: AlibabaState, side: PeeringSide, name: string, statusCode: string): void {
  const vpc = state.vpcs.get(side.vpcId);
  if (vpc?.accountId !== side.accountId || vpc.region !== side.region) throw notFound(name);
  if (state.clock.now() < vpc.availableAt) {
    throw new AlibabaError(statusCode, `The status of Vpc [${side.vpcId}] is incorrect.`);
  }
}

function requireCdt(state: AlibabaState, accountId: string, code: string): void {
  if (state.cdtNotOpened.has(accountId)) {
    throw new AlibabaError(code, 'Operation failed because the CDT service is not opened.');
  }
}

function readName({ parameters }: ApiCall): string {
  const name = parameters.get('Name') ?? '';
  if (name.length > 128) throw illegalParameter('Name');
  return name;
}

function render(call: ApiCall, peering: Peering): ApiAnswer {
  const { state, accountId, now } = call;
  const status = statusAt(peering, now);
  const isWaiting = status === 'Accepting' || status === 'Expired';
  return {
    InstanceId: peering.id,
    Name: peering.name,
    Description: peering.description,
    Status: status,
    BizStatus: 'Normal',
    Bandwidth: peering.bandwidth,
    GmtCreate: timestamp(peering.createdAt),
    GmtModified: timestamp(modifiedAt(peering, now)),
    GmtExpired: isWaiting ? timestamp(peering.expiresAt) : null,
    RegionId: peering.requester.region,
    OwnerId: numericId(peering.requester.accountId),
    Vpc: renderVpc(state, peering.requester),
    AcceptingRegionId: peering.accepter.region,
    AcceptingOwnerUid: numericId(peering.accepter.accountId),
    AcceptingVpc: renderVpc(state, peering.accepter),
    Tags: state.tags
      .by('holding', `${accountId}/${peering.id}`)
      .map(({ key, value }) => ({ Key: key, Value: value })),
  };
}

function renderVpc(state: AlibabaState, { vpcId }: PeeringSide): ApiAnswer {
  const vpc = state.vpcs.get(vpcId);
  return { VpcId: vpcId, Ipv4Cidrs: vpc ? [vpc.cidr, ...vpc.secondaryCidrs] : [], Ipv6Cidrs: [] };
}

function putTags({ state, parameters, accountId }: ApiCall, resourceId: string, name: string): void {
  for (const { Key: key, Value: value } of parameters.records(name, ['Key', 'Value'])) {
    if (key === undefined || key === '' || key.length > 128) throw illegalParameter('TagKey');
    if ((value ?? '').length > 128) throw illegalParameter('TagValue');
    state.tags.put({ accountId, resourceId, key, value: value ?? '' });
  }
}

/** The peerings that a call of the tagging actions names. Throws for an unknown type of resource and unknown ids. */
function taggedIds(call: ApiCall): string[] {
  const { state, parameters, accountId } = call;
  parameters.require('RegionId');
  if (parameters.require('ResourceType').toLowerCase() !== 'peerconnection')
    throw illegalParameter('ResourceType');
  const ids = parameters.list('ResourceId');
  for (const id of ids) {
    const peering = state.peerings.get(id);
    if (peering === undefined || sideOf(peering, accountId) === undefined) throw notFound('ResourceId');
  }
  return ids;
}

function tagResources(call: ApiCall): ApiAnswer {
  const ids = taggedIds(call);
  if (ids.length === 0 || call.parameters.records('Tag', ['Key']).length === 0) {
    throw new AlibabaError(
      'BothEmpty.TagsAndResources',
      'The specified Tags and ResourcesIds are not allow to both empty.',
    );
  }
  for (const id of ids) putTags(call, id, 'Tag');
  return { Success: true };
}

function untagResources(call: ApiCall): ApiAnswer {
  const { state, parameters, accountId } = call;
  const keys = parameters.list('TagKey');
  const isAll = parameters.flag('All');
  for (const id of taggedIds(call)) {
    for (const tag of state.tags.by('holding', `${accountId}/${id}`)) {
      if (isAll || keys.includes(tag.key)) state.tags.remove(`${accountId}/${id}/${tag.key}`);
    }
  }
  return { Success: true };
}

function listTagResources(call: ApiCall): ApiAnswer {
  const { state, accountId } = call;
  const TagResource = taggedIds(call).flatMap((id) =>
    state.tags.by('holding', `${accountId}/${id}`).map(({ key, value }) => ({
      ResourceId: id,
      ResourceType: 'PeerConnection',
      TagKey: key,
      TagValue: value,
    })),
  );
  return { TagResources: TagResource };
}
