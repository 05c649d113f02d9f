import { ipv4BlockContains } from '../ipv4-block.js';
import { CODES, invalidValue, missingParameter, OutscaleError } from './outscale-error.js';
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
import { putRouteTable, readBlock } from './net.operations.js';
import { homeKey, newId, type Route, type RouteTable } from './outscale-state.js';
import { isVisible, stateAt } from './peering-lifecycle.js';
import { filterValues, readPage, tagsOf } from './read-options.js';
import { removeTags } from './tag.operations.js';

/** The targets that nothing here can be, with the code for one that does not exist. */
const OTHER_TARGETS: Readonly<Record<string, string>> = {
  GatewayId: CODES.gatewayNotFound,
  NatServiceId: CODES.gatewayNotFound,
  NicId: CODES.nicNotFound,
};

const ROUTE_PARAMETERS = [
  'RouteTableId',
  'DestinationIpRange',
  'NetPeeringId',
  'VmId',
  ...Object.keys(OTHER_TARGETS),
];

/** Makes, shows and removes route tables and their routes. */
export const ROUTE_TABLE_OPERATIONS: OapiOperations = {
  CreateRouteTable: writes(['NetId'], createTable),
  ReadRouteTables: reads(read),
  DeleteRouteTable: writes(['RouteTableId'], deleteTable),
  LinkRouteTable: writes(['RouteTableId', 'SubnetId'], link),
  UnlinkRouteTable: writes(['LinkRouteTableId'], unlink),
  CreateRoute: writes(ROUTE_PARAMETERS, createRoute),
  UpdateRoute: writes(ROUTE_PARAMETERS, updateRoute),
  DeleteRoute: writes(['RouteTableId', 'DestinationIpRange'], deleteRoute),
};

function createTable(call: OapiCall): OapiAnswer {
  const { state, parameters } = call;
  const net = own(call, 'vpc', state.nets, parameters.require('NetId'));
  return { RouteTable: render(call, putRouteTable(state, net)) };
}

function read(call: OapiCall): OapiAnswer {
  const { state } = call;
  const mine = candidates(call).filter((table) => homeKey(table) === homeKey(call));
  const targets = (table: RouteTable, kind: Route['target']['kind']): string[] =>
    table.routes.filter((route) => route.target.kind === kind).map((route) => route.target.id);
  const { page, next } = readPage(call, mine, {
    idOf: ({ id }) => id,
    sequenceOf: (id) => state.routeTables.sequenceOf(id),
    filters: {
      LinkRouteTableIds: ({ id }) => [id],
      LinkRouteTableLinkRouteTableIds: (table) => links(table).map((one) => one.LinkRouteTableId),
      LinkRouteTableMain: (table) => [String(table.mainLinkId !== undefined)],
      LinkSubnetIds: (table) => table.subnets.map((one) => one.subnetId),
      NetIds: ({ netId }) => [netId],
      RouteCreationMethods: ({ routes }) => [
        'CreateRouteTable',
        ...(routes.length > 0 ? ['CreateRoute'] : []),
      ],
      RouteDestinationIpRanges: (table) => [
        localBlock(call, table),
        ...table.routes.map((route) => route.destination),
      ],
      RouteGatewayIds: () => [],
      RouteNatServiceIds: () => [],
      RouteNetPeeringIds: (table) => targets(table, 'peering'),
      RouteStates: () => ['active'],
      RouteTableIds: ({ id }) => [id],
      RouteVmIds: (table) => targets(table, 'vm'),
    },
    hasTags: true,
  });
  return { RouteTables: page.map((table) => render(call, table)), ...next };
}

function candidates(call: OapiCall): readonly RouteTable[] {
  const { routeTables } = call.state;
  const ids = filterValues(call, 'RouteTableIds');
  if (ids) return [...new Set(ids)].flatMap((id) => routeTables.get(id) ?? []);
  const netIds = filterValues(call, 'NetIds');
  if (netIds) return [...new Set(netIds)].flatMap((netId) => routeTables.by('net', netId));
  return routeTables.by('home', homeKey(call));
}

function deleteTable(call: OapiCall): OapiAnswer {
  const { state } = call;
  const table = ownTable(call);
  if (table.mainLinkId !== undefined || table.subnets.length > 0)
    throw new OutscaleError(CODES.inUse, `The route table '${table.id}' is linked.`);
  state.routeTables.remove(table.id);
  removeTags(call, table.id);
  return {};
}

function link(call: OapiCall): OapiAnswer {
  const { state, parameters } = call;
  const table = ownTable(call);
  const subnet = own(call, 'subnet', state.subnets, parameters.require('SubnetId'));
  if (subnet.netId !== table.netId)
    throw invalidValue('SubnetId', subnet.id, 'It must be in the Net of the route table.');
  const isLinked = state.routeTables
    .by('net', table.netId)
    .some((other) => other.subnets.some((one) => one.subnetId === subnet.id));
  if (isLinked) throw new OutscaleError(CODES.inUse, `The Subnet '${subnet.id}' is linked already.`);
  const linkId = newId('rtbassoc');
  state.routeTables.update(table.id, { subnets: [...table.subnets, { linkId, subnetId: subnet.id }] });
  return { LinkRouteTableId: linkId };
}

function unlink(call: OapiCall): OapiAnswer {
  const { state } = call;
  const linkId = call.parameters.require('LinkRouteTableId');
  const table = state.routeTables.by('link', linkId).find((one) => homeKey(one) === homeKey(call));
  if (table === undefined)
    throw new OutscaleError(CODES.linkNotFound, `The LinkRouteTableId '${linkId}' doesn't exist.`);
  if (table.mainLinkId === linkId)
    throw invalidValue('LinkRouteTableId', linkId, 'The main route table cannot be unlinked.');
  state.routeTables.update(table.id, { subnets: table.subnets.filter((one) => one.linkId !== linkId) });
  return {};
}

function createRoute(call: OapiCall): OapiAnswer {
  const { state } = call;
  const table = ownTable(call);
  const destination = readDestination(call);
  const target = readTarget(call, table);
  if (findRoute(table, destination) !== undefined || destination === localBlock(call, table)) {
    const details = `A route to '${destination}' already exists in '${table.id}'.`;
    throw new OutscaleError(CODES.routeExists, details);
  }
  if (ipv4BlockContains(localBlock(call, table), destination))
    throw invalidValue('DestinationIpRange', destination, "It is inside of the Net's own IP range.");
  if (table.routes.length >= state.settings.routesPerTable)
    throw new OutscaleError(CODES.quota, `The limit of routes of '${table.id}' is reached.`);
  const routes = [...table.routes, { destination, target }];
  return { RouteTable: render(call, state.routeTables.update(table.id, { routes })) };
}

function updateRoute(call: OapiCall): OapiAnswer {
  const table = ownTable(call);
  const known = requireRoute(table, readDestination(call));
  const target = readTarget(call, table);
  const routes = table.routes.map((route) => (route === known ? { ...known, target } : route));
  return { RouteTable: render(call, call.state.routeTables.update(table.id, { routes })) };
}

function deleteRoute(call: OapiCall): OapiAnswer {
  const table = ownTable(call);
  const known = requireRoute(table, readDestination(call));
  const routes = table.routes.filter((route) => route !== known);
  return { RouteTable: render(call, call.state.routeTables.update(table.id, { routes })) };
}

function ownTable(call: OapiCall): RouteTable {
  return own(call, 'rtb', call.state.routeTables, call.parameters.require('RouteTableId'));
}

function readDestination({ parameters }: OapiCall): string {
  return readBlock('DestinationIpRange', parameters.require('DestinationIpRange'));
}

function findRoute(table: RouteTable, destination: string): Route | undefined {
  return table.routes.find((route) => route.destination === destination);
}

function requireRoute(table: RouteTable, destination: string): Route {
  const route = findRoute(table, destination);
  if (route !== undefined) return route;
  const details = `There is no route to '${destination}' in '${table.id}' that can be changed.`;
  throw new OutscaleError(CODES.routeNotFound, details);
}

/** A peering of the table's Net that is or may become active, or a VM in it. */
function readTarget(call: OapiCall, table: RouteTable): Route['target'] {
  const { state, parameters, now } = call;
  for (const [name, code] of Object.entries(OTHER_TARGETS)) {
    const id = parameters.get(name);
    if (id !== undefined) throw new OutscaleError(code, `The ${name} '${id}' doesn't exist.`);
  }
  const vmId = parameters.get('VmId');
  const peeringId = parameters.get('NetPeeringId');
  if (vmId !== undefined && peeringId !== undefined)
    throw new OutscaleError(CODES.unreadableBody, 'A route has exactly one target.');
  if (vmId !== undefined) {
    const vm = own(call, 'i', state.vms, vmId);
    if (vm.netId !== table.netId || vm.terminatedAt !== undefined) throw notFound('i', vmId);
    return { kind: 'vm', id: vmId };
  }
  if (peeringId === undefined) throw missingParameter('NetPeeringId');
  checkId('pcx', peeringId);
  const peering = state.peerings.get(peeringId);
  if (peering === undefined || !isVisible(peering, call, now)) throw notFound('pcx', peeringId);
  const peeringState = stateAt(peering, now);
  if (peeringState !== 'active' && peeringState !== 'pending-acceptance') throw notFound('pcx', peeringId);
  if (![peering.source.netId, peering.accepter.netId].includes(table.netId))
    throw invalidValue('NetPeeringId', peeringId, 'It is not a peering of the Net of the route table.');
  return { kind: 'peering', id: peeringId };
}

function localBlock({ state }: OapiCall, table: RouteTable): string {
  return state.nets.get(table.netId)?.ipRange ?? '';
}

function links({ id, netId, mainLinkId, subnets }: RouteTable) {
  const main =
    mainLinkId === undefined
      ? []
      : [{ LinkRouteTableId: mainLinkId, RouteTableId: id, NetId: netId, Main: true }];
  return [
    ...main,
    ...subnets.map(({ linkId, subnetId }) => ({
      LinkRouteTableId: linkId,
      RouteTableId: id,
      SubnetId: subnetId,
      Main: false,
    })),
  ];
}

function render(call: OapiCall, table: RouteTable) {
  return {
    RouteTableId: table.id,
    NetId: table.netId,
    Routes: [
      { DestinationIpRange: localBlock(call, table), CreationMethod: 'CreateRouteTable', State: 'active' },
      ...table.routes.map((route) => renderRoute(call, route)),
    ],
    LinkRouteTables: links(table),
    RoutePropagatingVirtualGateways: [],
    Tags: tagsOf(call, table.id),
  };
}

/** The state is always `active` (API reference, Route), even of a route that leads to a peering that is gone. */
function renderRoute({ accountId }: OapiCall, { destination, target }: Route) {
  return {
    DestinationIpRange: destination,
    ...(target.kind === 'peering'
      ? { NetPeeringId: target.id }
      : { VmId: target.id, VmAccountId: accountId }),
    CreationMethod: 'CreateRoute',
    State: 'active',
  };
}
