import { ipv4BlocksOverlap } from '../ipv4-block.js';
import { CODES, OutscaleError } from './outscale-error.js';
import {
  checkId,
  notFound,
  own,
  reads,
  writes,
  type OapiAnswer,
  type OapiCall,
  type OapiOperations,
} from './oapi-operation.js';
import {
  homeKey,
  newId,
  pairKey,
  type NetPeering,
  type OutscaleState,
  type PeeringEnd,
} from './outscale-state.js';
import {
  enter,
  isVisible,
  REQUEST_LIFETIME_MS,
  stateAt,
  stateMessage,
  type PeeringState,
} from './peering-lifecycle.js';
import { filterValues, readPage, tagsOf } from './read-options.js';
import { holdsVm } from './vm.operations.js';

/** Asks for, answers, ends and shows Net peerings. */
export const NET_PEERING_OPERATIONS: OapiOperations = {
  CreateNetPeering: writes(['SourceNetId', 'AccepterNetId', 'AccepterOwnerId'], create),
  AcceptNetPeering: writes(['NetPeeringId'], accept),
  RejectNetPeering: writes(['NetPeeringId'], reject),
  DeleteNetPeering: writes(['NetPeeringId'], remove),
  ReadNetPeerings: reads(read),
};

/** A request from one Net to another, as far as the two allow it: pending, rejected or failed. */
export function requestPeering(state: OutscaleState, source: PeeringEnd, accepter: PeeringEnd): NetPeering {
  const now = state.clock.now();
  const peer = state.nets.get(accepter.netId);
  const isAddressed = peer !== undefined && homeKey(peer) === homeKey(accepter);
  const made = {
    id: newId('pcx'),
    source,
    accepter: isAddressed ? { ...accepter, ipRange: peer.ipRange } : accepter,
    createdAt: now,
    expiresAt: now + REQUEST_LIFETIME_MS,
    isAddressed,
  };
  const isActive = (pair: string): boolean =>
    state.peerings.by('pair', pair).some((peering) => stateAt(peering, now) === 'active');
  const isPossible =
    isAddressed &&
    !ipv4BlocksOverlap(source.ipRange, made.accepter.ipRange) &&
    !isActive(pairKey(source.netId, accepter.netId));
  if (!isPossible) return enter(state, made, 'failed');
  const isRedundant = isActive(pairKey(accepter.netId, source.netId));
  return enter(state, made, isRedundant ? 'rejected' : 'pending-acceptance');
}

function create(call: OapiCall): OapiAnswer {
  const { state, parameters, accountId, region, now } = call;
  const netId = parameters.require('SourceNetId');
  const accepterNetId = parameters.require('AccepterNetId');
  const net = own(call, 'vpc', state.nets, netId);
  if (netId === accepterNetId) {
    throw new OutscaleError(CODES.sameNet, 'A Net cannot be peered with itself.');
  }
  const accepter = {
    accountId: parameters.get('AccepterOwnerId') ?? accountId,
    region,
    netId: accepterNetId,
    ipRange: '',
  };
  // The same request again is the same peering: OAPI answers with the one that waits.
  const waiting = state.peerings
    .by('pair', pairKey(netId, accepterNetId))
    .filter((peering) => peering.accepter.accountId === accepter.accountId)
    .find((peering) => stateAt(peering, now) === 'pending-acceptance');
  if (waiting) return { NetPeering: render(call, waiting) };
  const peer = state.nets.get(accepterNetId);
  if (peer !== undefined && homeKey(peer) === homeKey(accepter)) requireVms(state, [netId, accepterNetId]);
  const source = { accountId, region, netId, ipRange: net.ipRange };
  return { NetPeering: render(call, requestPeering(state, source, accepter)) };
}

function accept(call: OapiCall): OapiAnswer {
  const { state, now } = call;
  const peering = answerable(call);
  if (isRepeated(call, peering, 'active')) return { NetPeering: render(call, peering) };
  requireState(peering, now, ['pending-acceptance']);
  const accepted = enter(state, peering, 'active');
  // Traffic passes both ways, so what was asked the other way round is redundant (API reference, AcceptNetPeering).
  for (const other of state.peerings.by('pair', pairKey(peering.accepter.netId, peering.source.netId))) {
    if (stateAt(other, now) === 'pending-acceptance') enter(state, other, 'rejected');
  }
  return { NetPeering: render(call, accepted) };
}

function reject(call: OapiCall): OapiAnswer {
  const peering = answerable(call);
  if (isRepeated(call, peering, 'rejected')) return {};
  requireState(peering, call.now, ['pending-acceptance']);
  enter(call.state, peering, 'rejected');
  return {};
}

/** Of an active one, either owner may; of a pending one, its requester (API reference, DeleteNetPeering). */
function remove(call: OapiCall): OapiAnswer {
  const { state, accountId, now } = call;
  const peering = visiblePeering(call);
  if (isRepeated(call, peering, 'deleted')) return {};
  requireState(peering, now, ['pending-acceptance', 'active']);
  const isPending = stateAt(peering, now) === 'pending-acceptance';
  if (isPending && peering.source.accountId !== accountId) {
    const details = `Only the owner of the source Net can delete the pending Net peering '${peering.id}'.`;
    throw new OutscaleError(CODES.notTheAccepter, details);
  }
  enter(state, peering, 'deleted', accountId);
  return {};
}

/** The peering that the call names, as the caller may see it. Throws 4104, 4105 and 5035. */
function visiblePeering(call: OapiCall): NetPeering {
  const id = call.parameters.require('NetPeeringId');
  checkId('pcx', id);
  const peering = call.state.peerings.get(id);
  if (peering === undefined || !isVisible(peering, call, call.now)) throw notFound('pcx', id);
  return peering;
}

/** The same, provided that the caller is its accepter. Throws 8011. */
function answerable(call: OapiCall): NetPeering {
  const peering = visiblePeering(call);
  if (peering.accepter.accountId === call.accountId) return peering;
  const details = `Only the owner of the accepter Net can answer the Net peering '${peering.id}'.`;
  throw new OutscaleError(CODES.notTheAccepter, details);
}

function isRepeated({ state, now }: OapiCall, peering: NetPeering, wanted: PeeringState): boolean {
  return state.settings.repeatedChanges === 'accepted' && stateAt(peering, now) === wanted;
}

function requireState(peering: NetPeering, now: number, allowed: readonly PeeringState[]): void {
  const state = stateAt(peering, now);
  if (allowed.includes(state)) return;
  const details = `The Net peering '${peering.id}' is in the state '${state}'.`;
  throw new OutscaleError(CODES.peeringState, details);
}

/** Of both Nets, before the peering is created (user guide, "Creating a Net Peering"). */
function requireVms(state: OutscaleState, netIds: readonly string[]): void {
  const empty = netIds.find((netId) => !holdsVm(state, netId));
  if (!state.settings.vmsRequired || empty === undefined) return;
  throw new OutscaleError(CODES.vmMissing, `The Net '${empty}' must contain at least one VM.`);
}

function read(call: OapiCall): OapiAnswer {
  const { state, now } = call;
  const visible = candidates(call).filter((peering) => isVisible(peering, call, now));
  const { page, next } = readPage(call, visible, {
    idOf: ({ id }) => id,
    sequenceOf: (id) => state.peerings.sequenceOf(id),
    filters: {
      AccepterNetAccountIds: ({ accepter }) => [accepter.accountId],
      AccepterNetIpRanges: ({ accepter }) => [accepter.ipRange],
      AccepterNetNetIds: ({ accepter }) => [accepter.netId],
      ExpirationDates: ({ expiresAt }) => [new Date(expiresAt).toISOString()],
      NetPeeringIds: ({ id }) => [id],
      SourceNetAccountIds: ({ source }) => [source.accountId],
      SourceNetIpRanges: ({ source }) => [source.ipRange],
      SourceNetNetIds: ({ source }) => [source.netId],
      StateMessages: (peering) => [stateMessage(peering, stateAt(peering, now))],
      StateNames: (peering) => [stateAt(peering, now)],
    },
    hasTags: true,
  });
  return { NetPeerings: page.map((peering) => render(call, peering)), ...next };
}

/** The fewest peerings that an index yields and that surely hold all that the filters ask for. */
function candidates(call: OapiCall): readonly NetPeering[] {
  const { peerings } = call.state;
  const ids = filterValues(call, 'NetPeeringIds');
  if (ids) return [...new Set(ids)].flatMap((id) => peerings.get(id) ?? []);
  for (const [name, index] of [
    ['AccepterNetNetIds', 'accepterNet'],
    ['SourceNetNetIds', 'sourceNet'],
  ] as const) {
    const netIds = filterValues(call, name);
    if (netIds) return [...new Set(netIds)].flatMap((netId) => peerings.by(index, netId));
  }
  return peerings.by('home', homeKey(call));
}

function render(call: OapiCall, peering: NetPeering) {
  const state = stateAt(peering, call.now);
  const isWaiting = state === 'pending-acceptance' || state === 'expired';
  return {
    NetPeeringId: peering.id,
    State: { Name: state, Message: stateMessage(peering, state) },
    SourceNet: renderEnd(peering.source),
    AccepterNet: renderEnd(peering.accepter),
    ExpirationDate: isWaiting ? new Date(peering.expiresAt).toISOString() : null,
    Tags: tagsOf(call, peering.id),
  };
}

function renderEnd({ netId, accountId, ipRange }: PeeringEnd) {
  return { NetId: netId, AccountId: accountId, IpRange: ipRange };
}
