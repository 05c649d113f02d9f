import { randomUUID } from 'node:crypto';
import { isCanonicalIpv4Block, ipv4BlocksOverlap } from '../ipv4-block.js';
import { HuaweiError } from './huawei-error.js';
import type { Route, RouteTable } from './huawei-state.js';
import { statusAt } from './peering-lifecycle.js';
import {
  pageByMarker,
  zonedTime,
  type JsonFields,
  type RestAnswer,
  type RestCall,
  type RestOperation,
} from './rest-operation.js';
import { ownVpc } from './vpc.operations.js';

const ROOT = '/v1/{project_id}/routetables';

/** Route tables; a table's routes are changed by changing the table. Version 1 of the VPC API. */
export const ROUTE_TABLE_OPERATIONS: readonly RestOperation[] = [
  { name: 'ListRouteTables', method: 'GET', path: ROOT, envelope: 'vpc', run: list },
  { name: 'CreateRouteTable', method: 'POST', path: ROOT, envelope: 'vpc', run: create },
  {
    name: 'ShowRouteTable',
    method: 'GET',
    path: `${ROOT}/{routetable_id}`,
    envelope: 'vpc',
    run: (call) => ({ status: 200, body: { routetable: render(ownTable(call)) } }),
  },
  { name: 'UpdateRouteTable', method: 'PUT', path: `${ROOT}/{routetable_id}`, envelope: 'vpc', run: update },
  {
    name: 'DeleteRouteTable',
    method: 'DELETE',
    path: `${ROOT}/{routetable_id}`,
    envelope: 'vpc',
    run: remove,
  },
];

function ownTable({ state, project, path }: RestCall): RouteTable {
  const id = path['routetable_id'] ?? '';
  const table = state.routeTables.get(id);
  if (table?.projectId !== project.id) {
    throw new HuaweiError(404, 'VPC.2604', `Routetable ${id} could not be found.`);
  }
  return table;
}

function list(call: RestCall): RestAnswer {
  const { state, query, project } = call;
  const id = query.get('id');
  const vpcId = query.get('vpc_id');
  const all =
    vpcId === null ? state.routeTables.by('project', project.id) : state.routeTables.by('vpc', vpcId);
  const matching = all.filter((table) => table.projectId === project.id && (id === null || table.id === id));
  const { page } = pageByMarker(query, matching);
  // The routes of a table are shown with the table alone.
  const body = page.map((table) =>
    Object.fromEntries(Object.entries(render(table)).filter(([name]) => name !== 'routes')),
  );
  return { status: 200, body: { routetables: body } };
}

function create(call: RestCall): RestAnswer {
  const { state, body, now } = call;
  const given = body.object('routetable');
  const vpc = ownVpc(call, given.require('vpc_id'));
  const empty: RouteTable = {
    id: randomUUID(),
    projectId: vpc.projectId,
    vpcId: vpc.id,
    name: given.text('name') ?? '',
    description: given.text('description') ?? '',
    isDefault: false,
    routes: [],
    createdAt: now,
    updatedAt: now,
  };
  const routes = given
    .objects('routes')
    .reduce<readonly Route[]>((before, route) => addRoute(call, empty, before, route), []);
  return { status: 200, body: { routetable: render(state.routeTables.put({ ...empty, routes })) } };
}

function remove(call: RestCall): RestAnswer {
  const table = ownTable(call);
  if (table.isDefault) throw new HuaweiError(400, 'VPC.2603', 'The default routetable cannot be deleted.');
  call.state.routeTables.remove(table.id);
  return { status: 204, body: null };
}

/** All or nothing: the first route that cannot be leaves the table as it was. */
function update(call: RestCall): RestAnswer {
  const { state, body, now } = call;
  const table = ownTable(call);
  const given = body.object('routetable');
  const changes = given.optionalObject('routes');
  let routes = table.routes;
  for (const route of changes?.objects('add') ?? []) routes = addRoute(call, table, routes, route);
  for (const route of changes?.objects('mod') ?? []) routes = replaceRoute(call, table, routes, route);
  for (const route of changes?.objects('del') ?? [])
    routes = removeRoute(routes, route.require('destination'));
  const changed = state.routeTables.update(table.id, {
    name: given.text('name') ?? table.name,
    description: given.text('description') ?? table.description,
    routes,
    updatedAt: now,
  });
  return { status: 200, body: { routetable: render(changed) } };
}

function addRoute(
  call: RestCall,
  table: RouteTable,
  before: readonly Route[],
  given: JsonFields,
): readonly Route[] {
  const route = readRoute(call, table, given);
  if (before.some((other) => other.destination === route.destination)) {
    throw new HuaweiError(
      409,
      'VPC.2606',
      `The route ${route.destination} already exists in the routetable.`,
    );
  }
  if (before.length >= call.state.settings.routesPerTable) {
    throw new HuaweiError(409, 'VPC.2602', "Quota exceeded for resources: ['routes'].");
  }
  return [...before, route];
}

function replaceRoute(
  call: RestCall,
  table: RouteTable,
  before: readonly Route[],
  given: JsonFields,
): readonly Route[] {
  const route = readRoute(call, table, given);
  return [...removeRoute(before, route.destination), route];
}

function removeRoute(before: readonly Route[], destination: string): readonly Route[] {
  const after = before.filter((route) => route.destination !== destination);
  if (after.length === before.length) {
    throw new HuaweiError(404, 'VPC.2605', `The route ${destination} could not be found in the routetable.`);
  }
  return after;
}

function readRoute({ state, now }: RestCall, table: RouteTable, given: JsonFields): Route {
  const destination = given.require('destination');
  if (!isCanonicalIpv4Block(destination)) {
    throw new HuaweiError(400, 'VPC.2601', `Param destination ${destination} is invalid.`);
  }
  const vpc = state.vpcs.get(table.vpcId);
  if (
    [vpc?.cidr, ...(vpc?.extendCidrs ?? [])].some(
      (own) => own !== undefined && ipv4BlocksOverlap(own, destination),
    )
  ) {
    throw new HuaweiError(400, 'VPC.2601', `The destination ${destination} overlaps the VPC itself.`);
  }
  const nexthop = given.require('nexthop');
  const peering = given.require('type') === 'peering' ? state.peerings.get(nexthop) : undefined;
  if (peering === undefined || ![peering.requester.vpcId, peering.accepter.vpcId].includes(table.vpcId)) {
    throw new HuaweiError(404, 'VPC.2607', `The nexthop ${nexthop} could not be found.`);
  }
  if (statusAt(peering, now) !== 'ACTIVE') {
    throw new HuaweiError(409, 'VPC.2608', `The nexthop ${nexthop} is not active.`);
  }
  return { type: 'peering', destination, nexthop, description: given.text('description') ?? '' };
}

function render(table: RouteTable): Readonly<Record<string, unknown>> {
  return {
    id: table.id,
    name: table.name,
    default: table.isDefault,
    description: table.description,
    routes: table.routes,
    subnets: [],
    tenant_id: table.projectId,
    vpc_id: table.vpcId,
    created_at: zonedTime(table.createdAt),
    updated_at: zonedTime(table.updatedAt),
  };
}
