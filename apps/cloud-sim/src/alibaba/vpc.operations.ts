import { ipv4BlocksOverlap, isCanonicalIpv4Block, parseIpv4Block } from '../ipv4-block.js';
import { AlibabaError } from './alibaba-error.js';
import { existingRegion, REGIONS } from './alibaba-regions.js';
import { homeKey, newId, type AlibabaState, type Home, type RouteTable, type Vpc } from './alibaba-state.js';
import {
  numericId,
  pageByNumber,
  reads,
  timestamp,
  writes,
  writesWithoutToken,
  type ApiAnswer,
  type ApiCall,
  type ApiOperations,
} from './api-operation.js';

/** VPCs and route tables of the Vpc API 2016-04-28. */
export const VPC_OPERATIONS: ApiOperations = {
  CreateVpc: writes(create),
  DeleteVpc: writesWithoutToken(remove),
  DescribeVpcs: reads(describeAll),
  DescribeVpcAttribute: reads(describeOne),
  AssociateVpcCidrBlock: writesWithoutToken(associateBlock),
  UnassociateVpcCidrBlock: writesWithoutToken(unassociateBlock),
  CreateRouteTable: writes(createRouteTable),
  DeleteRouteTable: writesWithoutToken(deleteRouteTable),
  DescribeRouteTableList: reads(describeRouteTables),
  DescribeRegions: reads(() => ({
    Regions: {
      Region: REGIONS.map((region) => ({
        RegionId: region,
        LocalName: region,
        RegionEndpoint: `vpc.${region}.aliyuncs.com`,
      })),
    },
  })),
};

/** The caller and the region that the call is for. Throws when RegionId is absent or unknown. */
export function homeOf({ accountId, parameters }: ApiCall): Home {
  return { accountId, region: existingRegion(parameters.require('RegionId')) };
}

/** The caller's VPC in the region of the call. Throws InvalidVpcID.NotFound. */
export function ownVpc(call: ApiCall, id: string): Vpc {
  const vpc = call.state.vpcs.get(id);
  if (vpc === undefined || homeKey(vpc) !== homeKey(homeOf(call))) {
    throw new AlibabaError('InvalidVpcID.NotFound', 'Specified value of "VpcId" is not found in our record.');
  }
  return vpc;
}

/** The caller's route table in the region of the call. Throws InvalidRouteTableId.NotFound. */
export function ownRouteTable(call: ApiCall, id: string): RouteTable {
  const table = call.state.routeTables.get(id);
  if (table === undefined || homeKey(table) !== homeKey(homeOf(call))) {
    throw new AlibabaError(
      'InvalidRouteTableId.NotFound',
      'Specified route table id is not found in our record.',
      404,
    );
  }
  return table;
}

/** What a new VPC is made of. */
export interface NewVpc extends Home {
  readonly cidr: string;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly userCidrs?: readonly string[];
}

/** Makes a VPC with its system route table. */
export function makeVpc(state: AlibabaState, given: NewVpc): { vpc: Vpc; routeTable: RouteTable } {
  const now = state.clock.now();
  const { accountId, region } = given;
  const vpc = state.vpcs.put({
    accountId,
    region,
    id: newId('vpc'),
    name: given.name ?? '',
    description: given.description ?? '',
    cidr: given.cidr,
    secondaryCidrs: [],
    userCidrs: given.userCidrs ?? [],
    routerId: newId('vrt'),
    createdAt: now,
    availableAt: now + state.settings.vpcPendingSeconds * 1000,
  });
  const routeTable = state.routeTables.put({
    accountId,
    region,
    id: newId('vtb'),
    vpcId: vpc.id,
    type: 'System',
    name: '',
    createdAt: now,
    busyUntil: 0,
  });
  return { vpc, routeTable };
}

function create(call: ApiCall): ApiAnswer {
  const { state, parameters } = call;
  const cidr = parameters.get('CidrBlock') ?? '172.16.0.0/12';
  const block = parseIpv4Block(cidr);
  if (
    !isCanonicalIpv4Block(cidr) ||
    block === undefined ||
    block.prefixLength < 8 ||
    block.prefixLength > 28
  ) {
    throw new AlibabaError('InvalidCidrBlock.Malformed', 'The specified CidrBlock is not valid.');
  }
  const { vpc, routeTable } = makeVpc(state, {
    ...homeOf(call),
    cidr,
    name: parameters.get('VpcName'),
    description: parameters.get('Description'),
    userCidrs: parameters.get('UserCidr')?.split(',') ?? [],
  });
  return {
    VpcId: vpc.id,
    VRouterId: vpc.routerId,
    RouteTableId: routeTable.id,
    ResourceGroupId: 'rg-default',
  };
}

function remove(call: ApiCall): ApiAnswer {
  const { state } = call;
  const vpc = ownVpc(call, call.parameters.require('VpcId'));
  const dependents: readonly [string, number][] = [
    ['VpcPeer', state.peerings.countBy('undeletedByVpc', vpc.id)],
    ['SecurityGroup', state.securityGroups.countBy('vpc', vpc.id)],
    ['RouteTable', state.routeTables.by('vpc', vpc.id).filter((table) => table.type === 'Custom').length],
  ];
  const dependent = dependents.find(([, count]) => count > 0);
  if (dependent !== undefined) {
    throw new AlibabaError(
      `DependencyViolation.${dependent[0]}`,
      `The specified resource of ${dependent[0]} depends on vpc, so the operation cannot be completed.`,
    );
  }
  for (const table of state.routeTables.by('vpc', vpc.id)) removeRouteTable(state, table);
  state.vpcs.remove(vpc.id);
  return {};
}

function describeAll(call: ApiCall): ApiAnswer {
  const { state, parameters } = call;
  const home = homeOf(call);
  const ids = parameters.get('VpcId')?.split(',');
  const name = parameters.get('VpcName');
  const matching = state.vpcs
    .by('home', homeKey(home))
    .filter((vpc) => (ids?.includes(vpc.id) ?? true) && (name === undefined || vpc.name === name));
  const { page, shown } = pageByNumber(parameters, matching);
  return { ...shown, Vpcs: { Vpc: page.map((vpc) => render(call, vpc)) } };
}

function describeOne(call: ApiCall): ApiAnswer {
  return render(call, ownVpc(call, call.parameters.require('VpcId')));
}

function render({ state, now }: ApiCall, vpc: Vpc): ApiAnswer {
  return {
    VpcId: vpc.id,
    VpcName: vpc.name,
    Description: vpc.description,
    RegionId: vpc.region,
    Status: now < vpc.availableAt ? 'Pending' : 'Available',
    OwnerId: numericId(vpc.accountId),
    CidrBlock: vpc.cidr,
    SecondaryCidrBlocks: { SecondaryCidrBlock: vpc.secondaryCidrs },
    UserCidrs: { UserCidr: vpc.userCidrs },
    Ipv6CidrBlock: '',
    VRouterId: vpc.routerId,
    VSwitchIds: { VSwitchId: [] },
    RouterTableIds: { RouterTableIds: state.routeTables.by('vpc', vpc.id).map((table) => table.id) },
    IsDefault: false,
    ResourceGroupId: 'rg-default',
    CreationTime: timestamp(vpc.createdAt),
    Tags: { Tag: [] },
  };
}

function associateBlock(call: ApiCall): ApiAnswer {
  const { state, parameters } = call;
  const vpc = ownVpc(call, parameters.require('VpcId'));
  const cidr = parameters.require('SecondaryCidrBlock');
  if (!isCanonicalIpv4Block(cidr)) {
    throw new AlibabaError('InvalidCidrBlock.Malformed', 'The specified SecondaryCidrBlock is not valid.');
  }
  if ([vpc.cidr, ...vpc.secondaryCidrs].some((other) => ipv4BlocksOverlap(other, cidr))) {
    throw new AlibabaError(
      'InvalidCidrBlock.Overlapped',
      'The specified SecondaryCidrBlock overlaps with the VPC.',
    );
  }
  state.vpcs.update(vpc.id, { secondaryCidrs: [...vpc.secondaryCidrs, cidr] });
  return {};
}

function unassociateBlock(call: ApiCall): ApiAnswer {
  const { state, parameters } = call;
  const vpc = ownVpc(call, parameters.require('VpcId'));
  const cidr = parameters.require('SecondaryCidrBlock');
  if (!vpc.secondaryCidrs.includes(cidr)) {
    throw new AlibabaError('InvalidCidrBlock.NotFound', 'The specified SecondaryCidrBlock is not found.');
  }
  state.vpcs.update(vpc.id, { secondaryCidrs: vpc.secondaryCidrs.filter((other) => other !== cidr) });
  return {};
}

function createRouteTable(call: ApiCall): ApiAnswer {
  const { state, parameters, now } = call;
  const vpc = ownVpc(call, parameters.require('VpcId'));
  const table = state.routeTables.put({
    ...homeOf(call),
    id: newId('vtb'),
    vpcId: vpc.id,
    type: 'Custom',
    name: parameters.get('RouteTableName') ?? '',
    createdAt: now,
    busyUntil: 0,
  });
  return { RouteTableId: table.id };
}

function deleteRouteTable(call: ApiCall): ApiAnswer {
  const { state } = call;
  const table = ownRouteTable(call, call.parameters.require('RouteTableId'));
  if (table.type === 'System') {
    throw new AlibabaError('OperationDenied.SystemRouteTable', 'The system route table cannot be deleted.');
  }
  if (state.routeEntries.countBy('table', table.id) > 0) {
    throw new AlibabaError('DependencyViolation.RouteEntry', 'The route table still has route entries.');
  }
  state.routeTables.remove(table.id);
  return {};
}

function removeRouteTable(state: AlibabaState, table: RouteTable): void {
  for (const entry of state.routeEntries.by('table', table.id)) state.routeEntries.remove(entry.id);
  state.routeTables.remove(table.id);
}

function describeRouteTables(call: ApiCall): ApiAnswer {
  const { state, parameters } = call;
  const home = homeKey(homeOf(call));
  const vpcId = parameters.get('VpcId');
  const id = parameters.get('RouteTableId');
  const type = parameters.get('RouteTableType');
  const matching = (
    vpcId === undefined ? state.routeTables.by('home', home) : state.routeTables.by('vpc', vpcId)
  )
    .filter((table) => homeKey(table) === home)
    .filter((table) => (id === undefined || table.id === id) && (type === undefined || table.type === type));
  const { page, shown } = pageByNumber(parameters, matching);
  return {
    ...shown,
    RouterTableList: {
      RouterTableListType: page.map((table) => ({
        RouteTableId: table.id,
        RouteTableName: table.name,
        RouteTableType: table.type,
        RouterType: 'VRouter',
        RouterId: state.vpcs.get(table.vpcId)?.routerId ?? '',
        VpcId: table.vpcId,
        OwnerId: numericId(table.accountId),
        AssociateType: 'VSwitch',
        Status: call.now < table.busyUntil ? 'Pending' : 'Available',
        CreationTime: timestamp(table.createdAt),
        VSwitchIds: { VSwitchId: [] },
        Tags: { Tag: [] },
      })),
    },
  };
}
