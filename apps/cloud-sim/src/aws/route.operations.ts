import { isIPv6 } from 'node:net';
import { formatIpv4Block, ipv4BlockContains, parseIpv4Block } from '../ipv4-block.js';
import { AwsError, invalidParameterValue, missingParameter } from './aws-error.js';
import { homeKey, newId, type Route, type RouteTable, type Vpc } from './aws-state.js';
import { describePage, exactValues, readFilters, tagsOf, type Filter } from './describe-options.js';
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
import { isConnected, isPending } from './peering-lifecycle.js';
import { visiblePeering } from './peering.operations.js';
import { putTags, readTagSpecifications, removeAllTags } from './tag.operations.js';
import type { XmlChildren } from './xml-document.js';

/** The targets that routes can have, with the code for one that does not exist: only peerings do here. */
const OTHER_TARGETS: Readonly<Record<string, { code: string; noun: string }>> = {
  GatewayId: { code: 'InvalidGatewayID.NotFound', noun: 'gateway ID' },
  NatGatewayId: { code: 'InvalidNatGatewayID.NotFound', noun: 'natGateway ID' },
  TransitGatewayId: { code: 'InvalidTransitGatewayID.NotFound', noun: 'transitGateway ID' },
  NetworkInterfaceId: { code: 'InvalidNetworkInterfaceID.NotFound', noun: 'networkInterface ID' },
  InstanceId: { code: 'InvalidInstanceID.NotFound', noun: 'instance ID' },
};

const ROUTE_PARAMETERS = [
  'RouteTableId',
  'DestinationCidrBlock',
  'DestinationIpv6CidrBlock',
  'VpcPeeringConnectionId',
  ...Object.keys(OTHER_TARGETS),
];

/** Makes, shows and removes route tables and their routes. */
export const ROUTE_OPERATIONS: Ec2Operations = {
  CreateRouteTable: writes(['VpcId', 'ClientToken', 'TagSpecification'], createTable),
  DescribeRouteTables: reads(['RouteTableId', ...DESCRIBE_PARAMETERS], describe),
  DeleteRouteTable: writes(['RouteTableId'], deleteTable),
  AssociateRouteTable: writes(['RouteTableId', 'SubnetId'], associate),
  DisassociateRouteTable: writes(['AssociationId'], disassociate),
  CreateRoute: writes(ROUTE_PARAMETERS, createRoute),
  ReplaceRoute: writes(ROUTE_PARAMETERS, replaceRoute),
  DeleteRoute: writes(['RouteTableId', 'DestinationCidrBlock', 'DestinationIpv6CidrBlock'], deleteRoute),
};

function createTable(call: Ec2Call): XmlChildren {
  const { state, parameters, accountId, region } = call;
  const vpc = own(call, 'vpc', state.vpcs, parameters.require('VpcId'));
  const tags = readTagSpecifications(parameters, 'route-table');
  const clientToken = parameters.get('ClientToken');
  const [made] =
    clientToken === undefined ? [] : state.routeTables.by('clientToken', `${homeKey(call)}/${clientToken}`);
  if (made?.vpcId === vpc.id) return { routeTable: render(call, made), clientToken };
  if (made) {
    const message = `The client token ${clientToken ?? ''} was used before with other parameters.`;
    throw new AwsError('IdempotentParameterMismatch', message);
  }
  const table = state.routeTables.put({
    accountId,
    region,
    id: newId('rtb'),
    vpcId: vpc.id,
    mainAssociationId: undefined,
    subnets: [],
    routes: [],
    clientToken,
  });
  putTags(call, table.id, tags);
  return { routeTable: render(call, table), clientToken };
}

function describe(call: Ec2Call): XmlChildren {
  const { state, parameters } = call;
  const filters = readFilters(parameters);
  const ids = parameters.list('RouteTableId');
  const candidates =
    ids.length > 0 ? ids.map((id) => own(call, 'rtb', state.routeTables, id)) : candidatesFor(call, filters);
  const mine = candidates.filter((table) => homeKey(table) === homeKey(call));
  const { page, nextToken } = describePage(call, mine, filters, {
    idOf: (table) => table.id,
    sequenceOf: (id) => state.routeTables.sequenceOf(id),
    filters: {
      'association.gateway-id': () => [],
      'association.main': (table) => [String(table.mainAssociationId !== undefined)],
      'association.route-table-association-id': (table) =>
        associations(table).map((one) => one.routeTableAssociationId),
      'association.route-table-id': (table) => associations(table).map((one) => one.routeTableId),
      'association.subnet-id': (table) => table.subnets.map((one) => one.subnetId),
      'owner-id': ({ accountId }) => [accountId],
      'route-table-id': ({ id }) => [id],
      'route.destination-cidr-block': (table) => [
        ...localBlocks(call, table),
        ...table.routes.map((route) => route.destination),
      ],
      'route.gateway-id': () => ['local'],
      'route.origin': (table) => ['CreateRouteTable', ...(table.routes.length > 0 ? ['CreateRoute'] : [])],
      'route.state': (table) => ['active', ...table.routes.map((route) => stateOf(call, route))],
      'route.vpc-peering-connection-id': (table) => table.routes.map((route) => route.peeringId),
      'vpc-id': ({ vpcId }) => [vpcId],
    },
    idParameter: 'RouteTableId',
    maxPageSize: 100,
  });
  return { routeTableSet: page.map((table) => render(call, table)), nextToken };
}

function candidatesFor(call: Ec2Call, filters: readonly Filter[]): readonly RouteTable[] {
  const { routeTables } = call.state;
  const byId = exactValues(filters, 'route-table-id');
  if (byId) return [...new Set(byId)].flatMap((id) => routeTables.get(id) ?? []);
  for (const [name, index] of [
    ['vpc-id', 'vpc'],
    ['route.vpc-peering-connection-id', 'peering'],
    ['association.route-table-association-id', 'association'],
  ] as const) {
    const values = exactValues(filters, name);
    if (values === undefined) continue;
    return [
      ...new Map(
        values.flatMap((value) => routeTables.by(index, value)).map((table) => [table.id, table]),
      ).values(),
    ];
  }
  return routeTables.by('home', homeKey(call));
}

function deleteTable(call: Ec2Call): XmlChildren {
  const { state } = call;
  const table = own(call, 'rtb', state.routeTables, call.parameters.require('RouteTableId'));
  if (table.mainAssociationId !== undefined || table.subnets.length > 0) {
    throw new AwsError(
      'DependencyViolation',
      `The routeTable '${table.id}' has dependencies and cannot be deleted.`,
    );
  }
  state.routeTables.remove(table.id);
  removeAllTags(call, table.id);
  return { return: true };
}

function associate(call: Ec2Call): XmlChildren {
  const { state, parameters } = call;
  const table = own(call, 'rtb', state.routeTables, parameters.require('RouteTableId'));
  const subnet = own(call, 'subnet', state.subnets, parameters.require('SubnetId'));
  if (subnet.vpcId !== table.vpcId) {
    const message = `route table ${table.id} and subnet ${subnet.id} belong to different networks`;
    throw new AwsError('InvalidParameterValue', message);
  }
  const current = state.routeTables
    .by('vpc', table.vpcId)
    .find((other) => other.subnets.some((one) => one.subnetId === subnet.id));
  if (current !== undefined && current.id !== table.id) {
    const message = `the specified association for route table ${table.id} conflicts with an existing association`;
    throw new AwsError('Resource.AlreadyAssociated', message);
  }
  const known = table.subnets.find((one) => one.subnetId === subnet.id);
  const association = known ?? { associationId: newId('rtbassoc'), subnetId: subnet.id };
  if (known === undefined) state.routeTables.update(table.id, { subnets: [...table.subnets, association] });
  return { associationId: association.associationId, associationState: { state: 'associated' } };
}

function disassociate(call: Ec2Call): XmlChildren {
  const { state } = call;
  const id = call.parameters.require('AssociationId');
  const table = state.routeTables
    .by('association', id)
    .find((candidate) => homeKey(candidate) === homeKey(call));
  if (table === undefined) {
    throw new AwsError('InvalidAssociationID.NotFound', `The association ID '${id}' does not exist`);
  }
  if (table.mainAssociationId === id) {
    throw invalidParameterValue(id, 'associationId', 'Cannot disassociate the main route table association.');
  }
  state.routeTables.update(table.id, { subnets: table.subnets.filter((one) => one.associationId !== id) });
  return { return: true };
}

function createRoute(call: Ec2Call): XmlChildren {
  const { state } = call;
  const table = own(call, 'rtb', state.routeTables, call.parameters.require('RouteTableId'));
  const destination = readDestination(call);
  const peeringId = readTarget(call, table);
  if (
    localBlocks(call, table).includes(destination) ||
    table.routes.some((route) => route.destination === destination)
  ) {
    throw new AwsError('RouteAlreadyExists', `The route identified by ${destination} already exists.`);
  }
  refuseInsideVpc(call, table, destination);
  const limit = state.settings.routesPerTable;
  if (table.routes.length >= limit) {
    throw new AwsError('RouteLimitExceeded', `The maximum number of routes has been reached.`);
  }
  state.routeTables.update(table.id, { routes: [...table.routes, { destination, peeringId }] });
  return { return: true };
}

function replaceRoute(call: Ec2Call): XmlChildren {
  const { state } = call;
  const table = own(call, 'rtb', state.routeTables, call.parameters.require('RouteTableId'));
  const destination = readDestination(call);
  const peeringId = readTarget(call, table);
  if (!table.routes.some((route) => route.destination === destination)) {
    refuseInsideVpc(call, table, destination);
    const message = `There is no route defined for '${destination}' in the route table. Use CreateRoute instead.`;
    throw new AwsError('InvalidParameterValue', message);
  }
  const routes = table.routes.map((route) =>
    route.destination === destination ? { destination, peeringId } : route,
  );
  state.routeTables.update(table.id, { routes });
  return { return: true };
}

function deleteRoute(call: Ec2Call): XmlChildren {
  const { state } = call;
  const table = own(call, 'rtb', state.routeTables, call.parameters.require('RouteTableId'));
  const destination = readDestination(call);
  if (localBlocks(call, table).includes(destination)) {
    const message = `cannot remove local route ${destination} in route table ${table.id}`;
    throw new AwsError('InvalidParameterValue', message);
  }
  const routes = table.routes.filter((route) => route.destination !== destination);
  if (routes.length === table.routes.length) {
    const message = `no route with destination-cidr-block ${destination} in route table ${table.id}`;
    throw new AwsError('InvalidRoute.NotFound', message);
  }
  state.routeTables.update(table.id, { routes });
  return { return: true };
}

/** The destination in canonical form, to which EC2 changes what it is given. */
function readDestination({ parameters }: Ec2Call): string {
  const ipv6 = parameters.get('DestinationIpv6CidrBlock');
  if (ipv6 !== undefined) {
    const [address = '', length = ''] = ipv6.split('/');
    if (isIPv6(address) && /^\d{1,3}$/.test(length) && Number(length) <= 128) return ipv6.toLowerCase();
    throw invalidParameterValue(ipv6, 'destinationIpv6CidrBlock', 'This is not a valid IPv6 CIDR block.');
  }
  const ipv4 = parameters.require('DestinationCidrBlock');
  const block = parseIpv4Block(ipv4);
  if (block) return formatIpv4Block(block);
  throw invalidParameterValue(ipv4, 'destinationCidrBlock', 'This is not a valid CIDR block.');
}

/** A peering of the table's VPC that is or may become active. */
function readTarget(call: Ec2Call, table: RouteTable): string {
  const { parameters, now } = call;
  for (const [name, { code, noun }] of Object.entries(OTHER_TARGETS)) {
    const id = parameters.get(name);
    if (id !== undefined) throw new AwsError(code, `The ${noun} '${id}' does not exist`);
  }
  const id = parameters.get('VpcPeeringConnectionId');
  if (id === undefined) {
    throw missingParameter(
      'gatewayId, natGatewayId, networkInterfaceId, vpcPeeringConnectionId or instanceId',
    );
  }
  checkId('pcx', id);
  const peering = visiblePeering(call, id);
  if (!isPending(peering, now) && !isConnected(peering, now)) throw notFound('pcx', id);
  if (![peering.requester.vpcId, peering.accepter.vpcId].includes(table.vpcId)) {
    const message = `route table ${table.id} and network gateway ${id} belong to different networks`;
    throw new AwsError('InvalidParameterValue', message);
  }
  return id;
}

function refuseInsideVpc(call: Ec2Call, table: RouteTable, destination: string): void {
  if (!localBlocks(call, table).some((local) => ipv4BlockContains(local, destination))) return;
  throw new AwsError(
    'InvalidParameterValue',
    `The destination CIDR block ${destination} is equal to or more specific than one of this VPC's CIDR blocks. ` +
      'This route can target only an interface or an instance.',
  );
}

function localBlocks({ state }: Ec2Call, table: RouteTable): string[] {
  const vpc: Vpc | undefined = state.vpcs.get(table.vpcId);
  return vpc?.cidrs.map((one) => one.cidr) ?? [];
}

/** A route to a peering that is not active, or no longer there, drops what it matches. */
function stateOf({ state, now }: Ec2Call, route: Route): 'active' | 'blackhole' {
  if (route.broken === true) return 'blackhole';
  const peering = state.peerings.get(route.peeringId);
  return peering !== undefined && isConnected(peering, now) ? 'active' : 'blackhole';
}

function associations({ id, mainAssociationId, subnets }: RouteTable) {
  const common = { routeTableId: id, associationState: { state: 'associated' } };
  const main =
    mainAssociationId === undefined
      ? []
      : [{ routeTableAssociationId: mainAssociationId, ...common, main: true }];
  return [
    ...main,
    ...subnets.map(({ associationId, subnetId }) => ({
      routeTableAssociationId: associationId,
      ...common,
      subnetId,
      main: false,
    })),
  ];
}

function render(call: Ec2Call, table: RouteTable): XmlChildren {
  const locals = localBlocks(call, table).map((destinationCidrBlock) => ({
    destinationCidrBlock,
    gatewayId: 'local',
    state: 'active',
    origin: 'CreateRouteTable',
  }));
  const made = table.routes.map((route) => ({
    [route.destination.includes(':') ? 'destinationIpv6CidrBlock' : 'destinationCidrBlock']:
      route.destination,
    vpcPeeringConnectionId: route.peeringId,
    state: stateOf(call, route),
    origin: 'CreateRoute',
  }));
  return {
    routeTableId: table.id,
    vpcId: table.vpcId,
    ownerId: table.accountId,
    routeSet: [...locals, ...made],
    associationSet: associations(table),
    propagatingVgwSet: [],
    tagSet: tagsOf(call, table.id),
  };
}
