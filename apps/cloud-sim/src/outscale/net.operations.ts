import { formatIpv4Block, ipv4BlockContains, ipv4BlocksOverlap, parseIpv4Block } from '../ipv4-block.js';
import { CODES, invalidValue, OutscaleError } from './outscale-error.js';
import { own, reads, writes, type OapiAnswer, type OapiCall, type OapiOperations } from './oapi-operation.js';
import {
  homeKey,
  newId,
  type Net,
  type OutscaleState,
  type RouteTable,
  type Subnet,
} from './outscale-state.js';
import { stateAt } from './peering-lifecycle.js';
import { filterValues, readPage, tagsOf } from './read-options.js';
import { removeTags } from './tag.operations.js';

const TENANCIES = ['default', 'dedicated', 'dedicated group'] as const;
const SHORTEST_PREFIX = 16;
const LONGEST_PREFIX = 28;
/** One set of DHCP options serves every Net: nothing here changes them. */
const DHCP_OPTIONS_ID = 'dopt-00000000';

/** Makes, shows and removes Nets and their Subnets. */
export const NET_OPERATIONS: OapiOperations = {
  CreateNet: writes(['IpRange', 'Tenancy'], createNet),
  ReadNets: reads(readNets),
  DeleteNet: writes(['NetId'], deleteNet),
  CreateSubnet: writes(['NetId', 'IpRange', 'SubregionName'], createSubnet),
  ReadSubnets: reads(readSubnets),
  DeleteSubnet: writes(['SubnetId'], deleteSubnet),
};

/** Makes a Net with what comes into being with every Net: its main route table and its default security group. */
export function putNet(state: OutscaleState, given: Omit<Net, 'id'> & { readonly id?: string }): Net {
  const { accountId, region } = given;
  const net = state.nets.put({ ...given, id: given.id ?? newId('vpc') });
  putRouteTable(state, net, newId('rtbassoc'));
  const groupId = newId('sg');
  const everything = { protocol: '-1', fromPort: -1, toPort: -1 };
  state.securityGroups.put({
    accountId,
    region,
    id: groupId,
    netId: net.id,
    name: 'default',
    description: 'default security group',
    rules: [
      { id: newId('sgrule'), flow: 'Inbound', ...everything, ipRanges: [], groupIds: [groupId] },
      { id: newId('sgrule'), flow: 'Outbound', ...everything, ipRanges: ['0.0.0.0/0'], groupIds: [] },
    ],
  });
  return net;
}

/** Makes a route table with the Net's own route only; the main one when it has a link to the Net. */
export function putRouteTable(state: OutscaleState, net: Net, mainLinkId?: string): RouteTable {
  const { accountId, region } = net;
  return state.routeTables.put({
    accountId,
    region,
    id: newId('rtb'),
    netId: net.id,
    mainLinkId,
    subnets: [],
    routes: [],
  });
}

/** Makes a Subnet; whether its block fits is not checked. */
export function putSubnet(state: OutscaleState, net: Net, ipRange: string, subregion?: string): Subnet {
  const { accountId, region } = net;
  return state.subnets.put({
    accountId,
    region,
    id: newId('subnet'),
    netId: net.id,
    ipRange,
    subregion: subregion ?? `${region}a`,
  });
}

/** An IPv4 block in canonical form. Throws 4047. */
export function readBlock(name: string, text: string): string {
  const block = parseIpv4Block(text);
  if (block === undefined) throw invalidValue(name, text, 'Expected an IP range in CIDR notation.');
  return formatIpv4Block(block);
}

function createNet(call: OapiCall): OapiAnswer {
  const { state, parameters, accountId, region } = call;
  const ipRange = readBlock('IpRange', parameters.require('IpRange'));
  const prefixLength = Number(ipRange.split('/')[1]);
  if (prefixLength < SHORTEST_PREFIX || prefixLength > LONGEST_PREFIX) {
    const details = `The block size of '${ipRange}' has to be between /${LONGEST_PREFIX} and /${SHORTEST_PREFIX}.`;
    throw new OutscaleError(CODES.netSize, details);
  }
  const tenancy = parameters.oneOf('Tenancy', TENANCIES) ?? 'default';
  if (state.nets.countBy('home', homeKey(call)) >= state.settings.netsPerRegion)
    throw new OutscaleError(CODES.quota, 'The limit of Nets is reached.');
  return { Net: renderNet(call, putNet(state, { accountId, region, ipRange, tenancy })) };
}

function readNets(call: OapiCall): OapiAnswer {
  const { state } = call;
  const byId = filterValues(call, 'NetIds')?.flatMap((id) => state.nets.get(id) ?? []);
  const candidates = byId ?? state.nets.by('home', homeKey(call));
  const mine = candidates.filter((net) => homeKey(net) === homeKey(call));
  const { page, next } = readPage(call, mine, {
    idOf: ({ id }) => id,
    sequenceOf: (id) => state.nets.sequenceOf(id),
    filters: {
      DhcpOptionsSetIds: () => [DHCP_OPTIONS_ID],
      IpRanges: ({ ipRange }) => [ipRange],
      IsDefault: () => ['false'],
      NetIds: ({ id }) => [id],
      States: () => ['available'],
    },
    hasTags: true,
  });
  return { Nets: page.map((net) => renderNet(call, net)), ...next };
}

function deleteNet(call: OapiCall): OapiAnswer {
  const { state, parameters, now } = call;
  const net = own(call, 'vpc', state.nets, parameters.require('NetId'));
  const tables = state.routeTables.by('net', net.id);
  const groups = state.securityGroups.by('net', net.id);
  const isConnected = [
    ...state.peerings.by('sourceNet', net.id),
    ...state.peerings.by('accepterNet', net.id),
  ].some((peering) => stateAt(peering, now) === 'active');
  const isAsking = state.peerings
    .by('sourceNet', net.id)
    .some((peering) => stateAt(peering, now) === 'pending-acceptance');
  const isInUse =
    isConnected ||
    isAsking ||
    state.subnets.countBy('net', net.id) > 0 ||
    tables.some((table) => table.mainLinkId === undefined) ||
    groups.some((group) => group.name !== 'default');
  if (isInUse) throw inUse(`The Net '${net.id}'`);
  for (const table of tables) remove(call, state.routeTables, table.id);
  for (const group of groups) remove(call, state.securityGroups, group.id);
  remove(call, state.nets, net.id);
  return {};
}

function createSubnet(call: OapiCall): OapiAnswer {
  const { state, parameters } = call;
  const net = own(call, 'vpc', state.nets, parameters.require('NetId'));
  const ipRange = readBlock('IpRange', parameters.require('IpRange'));
  if (!ipv4BlockContains(net.ipRange, ipRange))
    throw invalidValue('IpRange', ipRange, `It is not in the Net's ${net.ipRange}.`);
  if (state.subnets.by('net', net.id).some((other) => ipv4BlocksOverlap(other.ipRange, ipRange)))
    throw new OutscaleError(CODES.subnetOverlap, `The IP range '${ipRange}' overlaps another Subnet's.`);
  const subnet = putSubnet(state, net, ipRange, parameters.get('SubregionName'));
  return { Subnet: renderSubnet(call, subnet) };
}

function readSubnets(call: OapiCall): OapiAnswer {
  const { state } = call;
  const { page, next } = readPage(call, state.subnets.by('home', homeKey(call)), {
    idOf: ({ id }) => id,
    sequenceOf: (id) => state.subnets.sequenceOf(id),
    filters: {
      AvailableIpsCounts: (subnet) => [String(availableIps(state, subnet))],
      IpRanges: ({ ipRange }) => [ipRange],
      NetIds: ({ netId }) => [netId],
      States: () => ['available'],
      SubnetIds: ({ id }) => [id],
      SubregionNames: ({ subregion }) => [subregion],
    },
    hasTags: true,
  });
  return { Subnets: page.map((subnet) => renderSubnet(call, subnet)), ...next };
}

function deleteSubnet(call: OapiCall): OapiAnswer {
  const { state, parameters } = call;
  const subnet = own(call, 'subnet', state.subnets, parameters.require('SubnetId'));
  if (state.vms.countBy('subnet', subnet.id) > 0) throw inUse(`The Subnet '${subnet.id}'`);
  for (const table of state.routeTables.by('net', subnet.netId)) {
    const subnets = table.subnets.filter((link) => link.subnetId !== subnet.id);
    if (subnets.length < table.subnets.length) state.routeTables.update(table.id, { subnets });
  }
  remove(call, state.subnets, subnet.id);
  return {};
}

function remove(call: OapiCall, table: { remove(id: string): boolean }, id: string): void {
  table.remove(id);
  removeTags(call, id);
}

function inUse(what: string): OutscaleError {
  return new OutscaleError(CODES.inUse, `${what} is in use by other resources.`);
}

function renderNet(call: OapiCall, net: Net) {
  return {
    NetId: net.id,
    IpRange: net.ipRange,
    State: 'available',
    Tenancy: net.tenancy,
    DhcpOptionsSetId: DHCP_OPTIONS_ID,
    Tags: tagsOf(call, net.id),
  };
}

/** OUTSCALE keeps five addresses of each Subnet for itself (user guide, "About Nets"). */
function availableIps(state: OutscaleState, subnet: Subnet): number {
  const block = parseIpv4Block(subnet.ipRange);
  const size = block === undefined ? 0 : block.last - block.first + 1;
  return Math.max(0, size - 5 - state.vms.countBy('subnet', subnet.id));
}

function renderSubnet(call: OapiCall, subnet: Subnet) {
  return {
    SubnetId: subnet.id,
    NetId: subnet.netId,
    IpRange: subnet.ipRange,
    SubregionName: subnet.subregion,
    AvailableIpsCount: availableIps(call.state, subnet),
    MapPublicIpOnLaunch: false,
    State: 'available',
    Tags: tagsOf(call, subnet.id),
  };
}
