import { ipv4BlockContains, isCanonicalIpv4Block } from '../ipv4-block.js';
import { AlibabaError } from './alibaba-error.js';
import { newId, type AlibabaState, type RouteEntry, type RouteTable } from './alibaba-state.js';
import {
  pageByToken,
  reads,
  timestamp,
  writes,
  writesWithoutToken,
  type ApiAnswer,
  type ApiCall,
  type ApiOperations,
} from './api-operation.js';
import { incorrectStatus, isPartyIn, statusAt } from './peering-lifecycle.js';
import { ownRouteTable } from './vpc.operations.js';

/** Custom route entries of the Vpc API 2016-04-28: asynchronous, and one change at a time in each route table. */
export const ROUTE_ENTRY_OPERATIONS: ApiOperations = {
  CreateRouteEntry: writes(create),
  DeleteRouteEntry: writesWithoutToken(remove),
  DescribeRouteEntryList: reads(describe),
};

/** What every VPC has: the addresses of the cloud's own services. */
const SERVICE_BLOCK = '100.64.0.0/10';

const REMOVE_ROUTE_ENTRY = 'remove a route entry';

/** What DescribeRouteEntryList calls the status of an entry. */
export function routeEntryStatus(entry: RouteEntry, now: number): 'Pending' | 'Available' | 'Deleting' {
  if (entry.goneAt !== undefined) return 'Deleting';
  return now < entry.availableAt ? 'Pending' : 'Available';
}

function create(call: ApiCall): ApiAnswer {
  const { state, parameters, now } = call;
  const table = ownRouteTable(call, parameters.require('RouteTableId'));
  const destination = withPrefix(parameters.require('DestinationCidrBlock'));
  if (!isCanonicalIpv4Block(destination)) {
    throw new AlibabaError('InvalidCIDRBlock.Malformed', 'The specified DestinationCidrBlock is not valid.');
  }
  if (ipv4BlockContains(destination, SERVICE_BLOCK)) {
    throw new AlibabaError(
      'InvalidCIDRBlock',
      `The specified DestinationCidrBlock conflicts with ${SERVICE_BLOCK}.`,
    );
  }
  const nextHopId = parameters.require('NextHopId');
  if (parameters.get('NextHopType') !== 'VpcPeer') {
    throw new AlibabaError('InvalidNextHopId.NotFound', 'The specified NextHopId does not exist.', 404);
  }
  requireNextHop(call, table, nextHopId);
  const same = state.routeEntries.by('destination', `${table.id}/${destination}`);
  if (same.some((entry) => entry.nextHopId === nextHopId)) {
    throw new AlibabaError(
      'Duplicated.VpcNextHop',
      'The specified next hop of the route entry already exists.',
    );
  }
  if (same.length > 0) {
    throw new AlibabaError('RouterEntryConflict.Duplicated', 'The route entry already exists.');
  }
  if (state.routeEntries.countBy('table', table.id) >= state.settings.routesPerTable) {
    throw new AlibabaError(
      'QuotaExceeded.RouteEntry',
      'The quota of route entries of the route table is exceeded.',
    );
  }
  const availableAt = occupyTable(call, table);
  const entry = state.routeEntries.put({
    id: newId('rte'),
    routeTableId: table.id,
    destination,
    nextHopType: 'VpcPeer',
    nextHopId,
    name: parameters.get('RouteEntryName') ?? '',
    description: parameters.get('Description') ?? '',
    createdAt: now,
    availableAt,
  });
  return { RouteEntryId: entry.id };
}

/** A single address means itself. */
function withPrefix(destination: string): string {
  return destination.includes('/') ? destination : `${destination}/32`;
}

function requireNextHop({ state, now }: ApiCall, table: RouteTable, id: string): void {
  const peering = state.peerings.get(id);
  if (
    peering === undefined ||
    !isPartyIn(peering, table) ||
    ![peering.requester.vpcId, peering.accepter.vpcId].includes(table.vpcId)
  ) {
    throw new AlibabaError('ResourceNotFound.VpcPeer', 'The specified resource of VpcPeer is not found.');
  }
  if (statusAt(peering, now) !== 'Activated') throw incorrectStatus(id);
}

/** Claims the table for one change and returns when that will be done. Throws TaskConflict. */
function occupyTable({ state, now }: ApiCall, table: RouteTable): number {
  if (now < table.busyUntil) {
    throw new AlibabaError(
      'TaskConflict',
      'The operation is too frequent, please wait a moment and try again.',
    );
  }
  const until = now + state.settings.routeEntrySeconds * 1000;
  if (until > now) state.routeTables.update(table.id, { busyUntil: until });
  return until;
}

function remove(call: ApiCall): ApiAnswer {
  const { state, now } = call;
  const entry = namedEntry(call);
  const table = ownRouteTable(call, entry.routeTableId);
  if (entry.goneAt !== undefined) {
    throw new AlibabaError('IncorrectRouteEntryStatus', 'The status of the route entry is incorrect.');
  }
  const goneAt = occupyTable(call, table);
  if (goneAt <= now) {
    state.routeEntries.remove(entry.id);
    return {};
  }
  state.routeEntries.update(entry.id, { goneAt });
  state.store.agenda.plan(goneAt, REMOVE_ROUTE_ENTRY, entry.id);
  return {};
}

/** Teaches the agenda to end the removals that take their time. */
export function removeRouteEntriesWhenPlanned(state: AlibabaState): void {
  state.store.agenda.on(REMOVE_ROUTE_ENTRY, (id) => state.routeEntries.remove(id));
}

function namedEntry({ state, parameters }: ApiCall): RouteEntry {
  const id = parameters.get('RouteEntryId');
  const entry = id === undefined ? entryByDestination(state, parameters) : state.routeEntries.get(id);
  if (entry === undefined) {
    throw new AlibabaError('InvalidRouteEntry.NotFound', 'The specified route entry does not exist.', 404);
  }
  return entry;
}

function entryByDestination(state: AlibabaState, parameters: ApiCall['parameters']): RouteEntry | undefined {
  const destination = withPrefix(parameters.require('DestinationCidrBlock'));
  const nextHopId = parameters.get('NextHopId');
  return state.routeEntries
    .by('destination', `${parameters.require('RouteTableId')}/${destination}`)
    .find((entry) => nextHopId === undefined || entry.nextHopId === nextHopId);
}

function describe(call: ApiCall): ApiAnswer {
  const { state, parameters, now } = call;
  const table = ownRouteTable(call, parameters.require('RouteTableId'));
  const wrong = (name: string): AlibabaError =>
    new AlibabaError(`InvalidParameter.${name}`, `The specified ${name} is not valid.`);
  const size = parameters.integer('MaxResult', 1, 100, 10, wrong);
  const wanted = {
    type: parameters.get('RouteEntryType'),
    id: parameters.get('RouteEntryId'),
    destination: parameters.get('DestinationCidrBlock'),
    nextHopId: parameters.get('NextHopId'),
    nextHopType: parameters.get('NextHopType'),
  };
  const matches = (entry: RouteEntry): boolean =>
    (wanted.id === undefined || entry.id === wanted.id) &&
    (wanted.destination === undefined || entry.destination === wanted.destination) &&
    (wanted.nextHopId === undefined || entry.nextHopId === wanted.nextHopId) &&
    (wanted.nextHopType === undefined ||
      entry.nextHopType.toLowerCase() === wanted.nextHopType.toLowerCase());
  const isSystemWanted =
    [wanted.id, wanted.nextHopId, wanted.nextHopType].every((filter) => filter === undefined) &&
    (wanted.destination ?? SERVICE_BLOCK) === SERVICE_BLOCK;
  const listed: { sequence: number; shown: ApiAnswer }[] = [];
  if (isSystemWanted && wanted.type !== 'Custom') listed.push({ sequence: 1, shown: serviceRoute(table) });
  if (wanted.type !== 'System') {
    for (const entry of state.routeEntries.by('table', table.id)) {
      if (!matches(entry)) continue;
      listed.push({
        sequence: 1 + state.routeEntries.sequenceOf(entry.id),
        shown: render(state, entry, now),
      });
    }
  }
  const { page, nextToken } = pageByToken(
    listed,
    ({ sequence }) => sequence,
    parameters.get('NextToken'),
    size,
  );
  return {
    RouteEntrys: { RouteEntry: page.map(({ shown }) => shown) },
    TotalCount: listed.length,
    ...(nextToken === undefined ? {} : { NextToken: nextToken }),
  };
}

function serviceRoute(table: RouteTable): ApiAnswer {
  return {
    RouteEntryId: '',
    RouteEntryName: '',
    Description: 'Created with cloud services by system.',
    RouteTableId: table.id,
    DestinationCidrBlock: SERVICE_BLOCK,
    Status: 'Available',
    Type: 'System',
    IpVersion: 'ipv4',
    Origin: 'RoutePropagation',
    GmtModified: timestamp(table.createdAt),
    NextHops: { NextHop: [{ NextHopType: 'service', NextHopId: '', Enabled: 1, Weight: 0 }] },
  };
}

function render(state: AlibabaState, entry: RouteEntry, now: number): ApiAnswer {
  const peering = state.peerings.get(entry.nextHopId);
  const isUsable = peering !== undefined && statusAt(peering, now) === 'Activated';
  return {
    RouteEntryId: entry.id,
    RouteEntryName: entry.name,
    Description: entry.description,
    RouteTableId: entry.routeTableId,
    DestinationCidrBlock: entry.destination,
    Status: routeEntryStatus(entry, now),
    Type: 'Custom',
    IpVersion: 'ipv4',
    GmtModified: timestamp(Math.min(now, entry.availableAt)),
    NextHops: {
      NextHop: [
        {
          NextHopType: entry.nextHopType,
          NextHopId: entry.nextHopId,
          Enabled: isUsable ? 1 : 0,
          Weight: 0,
        },
      ],
    },
  };
}
