import { ipv4BlockContains, ipv4BlocksOverlap, isCanonicalIpv4Block, parseIpv4Block } from '../ipv4-block.js';
import { republish } from './ccn-routes.js';
import { isSpent, removeAttachment } from './attachment-lifecycle.js';
import { invalidValue, missingParameter, resourceNotFound, TencentError } from './tencent-error.js';
import { reads, writes, type TencentCall, type TencentOperations } from './tencent-operation.js';
import { applyFilters, cutPage } from './tencent-parameters.js';
import { formatTime, homeKey, newId, type Subnet, type Vpc } from './tencent-state.js';

const PAGE = ['Filters', 'Offset', 'Limit'] as const;

/** Where a VPC may lie (API reference of CreateVpc, which means 10.0.0.0/8 by its "10.0.0.0/12"). */
const PRIVATE_BLOCKS = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'];

/** Makes, shows and removes VPCs and their subnets, and shows the routes that CCNs put into their route tables. */
export const VPC_OPERATIONS: TencentOperations = {
  CreateVpc: writes(['VpcName', 'CidrBlock', 'EnableMulticast', 'EnableRouteVpcPublish'], (call) => {
    const { parameters, state } = call;
    parameters.limitBytes('VpcName', 60);
    const cidr = parameters.require('CidrBlock');
    checkVpcCidr(cidr);
    requireRegion(call);
    const vpc = state.vpcs.put({
      id: newId('vpc'),
      accountId: call.accountId,
      region: call.region,
      name: parameters.require('VpcName'),
      cidr,
      assistantCidrs: [],
      publishesCidr: parameters.boolean('EnableRouteVpcPublish') ?? false,
      routeTableId: newId('rtb'),
      createdAt: call.now,
    });
    return { Vpc: renderVpc(vpc) };
  }),
  DescribeVpcs: reads(['VpcIds', ...PAGE], (call) => {
    const { parameters, state } = call;
    requireRegion(call);
    const ids = parameters.strings('VpcIds');
    if (ids.length > 100) throw invalidValue('VpcIds', `${ids.length} ids`, 'Range');
    const candidates =
      ids.length > 0 ? ids.map((id) => ownVpc(call, id)) : state.vpcs.by('home', homeKey(call));
    const found = applyFilters(parameters, candidates, {
      'vpc-id': (vpc) => vpc.id,
      'vpc-name': (vpc) => vpc.name,
      'cidr-block': (vpc) => vpc.cidr,
      'is-default': () => 'false',
    });
    return { TotalCount: found.length, VpcSet: cutPage(parameters, found).map(renderVpc) };
  }),
  ModifyVpcAttribute: writes(['VpcId', 'VpcName', 'EnableRouteVpcPublish'], (call) => {
    const { parameters, state } = call;
    const vpc = ownVpc(call, parameters.require('VpcId'));
    state.vpcs.update(vpc.id, {
      name: parameters.get('VpcName') ?? vpc.name,
      publishesCidr: parameters.boolean('EnableRouteVpcPublish') ?? vpc.publishesCidr,
    });
    republish(state, vpc.id);
    return {};
  }),
  CreateAssistantCidr: writes(['VpcId', 'CidrBlocks'], (call) => {
    const { parameters, state } = call;
    const vpc = ownVpc(call, parameters.require('VpcId'));
    const added = parameters.strings('CidrBlocks');
    if (added.length === 0) throw missingParameter('CidrBlocks');
    const all = [vpc.cidr, ...vpc.assistantCidrs];
    for (const cidr of added) {
      checkVpcCidr(cidr);
      if (all.some((other) => ipv4BlocksOverlap(other, cidr)))
        throw invalidValue('CidrBlocks', cidr, 'SubnetOverlap');
      all.push(cidr);
    }
    state.vpcs.update(vpc.id, { assistantCidrs: all.slice(1) });
    republish(state, vpc.id);
    return { AssistantCidrSet: added.map((cidr) => renderAssistantCidr(vpc.id, cidr)) };
  }),
  DeleteVpc: writes(['VpcId'], (call) => {
    const { state } = call;
    const vpc = ownVpc(call, call.parameters.require('VpcId'));
    const attachments = state.attachments.by('vpc', vpc.id);
    if (attachments.some((attachment) => !isSpent(attachment)) || state.subnets.countBy('vpc', vpc.id) > 0) {
      throw new TencentError(
        'ResourceInUse',
        `The VPC \`${vpc.id}\` still has subnets or is attached to a CCN.`,
      );
    }
    for (const attachment of attachments) removeAttachment(state, attachment);
    state.vpcs.remove(vpc.id);
    return {};
  }),
  CreateSubnet: writes(['VpcId', 'SubnetName', 'CidrBlock', 'Zone'], (call) => {
    const { parameters, state } = call;
    const vpc = ownVpc(call, parameters.require('VpcId'));
    const cidr = parameters.require('CidrBlock');
    if (![vpc.cidr, ...vpc.assistantCidrs].some((block) => ipv4BlockContains(block, cidr))) {
      throw invalidValue('CidrBlock', cidr, 'SubnetRange');
    }
    if (state.subnets.by('vpc', vpc.id).some((other) => ipv4BlocksOverlap(other.cidr, cidr))) {
      throw invalidValue('CidrBlock', cidr, 'SubnetConflict');
    }
    const subnet = state.subnets.put({
      id: newId('subnet'),
      accountId: call.accountId,
      region: call.region,
      vpcId: vpc.id,
      name: parameters.require('SubnetName'),
      cidr,
      zone: parameters.require('Zone'),
      createdAt: call.now,
    });
    republish(state, vpc.id);
    return { Subnet: renderSubnet(call, subnet) };
  }),
  DescribeSubnets: reads(['SubnetIds', ...PAGE], (call) => {
    const { parameters, state } = call;
    requireRegion(call);
    const ids = parameters.strings('SubnetIds');
    const all =
      ids.length > 0 ? ids.map((id) => ownSubnet(call, id)) : state.subnets.by('home', homeKey(call));
    const found = applyFilters(parameters, all, {
      'subnet-id': (subnet) => subnet.id,
      'vpc-id': (subnet) => subnet.vpcId,
      'cidr-block': (subnet) => subnet.cidr,
      zone: (subnet) => subnet.zone,
    });
    const page = cutPage(parameters, found).map((subnet) => renderSubnet(call, subnet));
    return { TotalCount: found.length, SubnetSet: page };
  }),
  DeleteSubnet: writes(['SubnetId'], (call) => {
    const subnet = ownSubnet(call, call.parameters.require('SubnetId'));
    call.state.subnets.remove(subnet.id);
    republish(call.state, subnet.vpcId);
    return {};
  }),
  DescribeRouteTables: reads(['RouteTableIds', ...PAGE, 'NeedRouterInfo'], (call) => {
    const { parameters, state } = call;
    requireRegion(call);
    const ids = parameters.strings('RouteTableIds');
    const all = state.vpcs.by('home', homeKey(call));
    const missing = ids.find((id) => !all.some((vpc) => vpc.routeTableId === id));
    if (missing !== undefined) throw resourceNotFound(missing);
    const found = applyFilters(
      parameters,
      all.filter((vpc) => ids.length === 0 || ids.includes(vpc.routeTableId)),
      {
        'vpc-id': (vpc) => vpc.id,
        'route-table-id': (vpc) => vpc.routeTableId,
        'association.main': () => 'true',
      },
    );
    const page = cutPage(parameters, found).map((vpc) => renderRouteTable(call, vpc));
    return { TotalCount: found.length, RouteTableSet: page };
  }),
};

/** Throws unless the block can be a VPC's: private, canonical, and from /12 to /28. */
export function checkVpcCidr(cidr: string): void {
  const length = parseIpv4Block(cidr)?.prefixLength ?? 0;
  const isPrivate = PRIVATE_BLOCKS.some((block) => ipv4BlockContains(block, cidr));
  if (!isCanonicalIpv4Block(cidr) || !isPrivate || length < 12 || length > 28)
    throw invalidValue('CidrBlock', cidr);
}

function requireRegion(call: TencentCall): void {
  if (call.region === '') throw missingParameter('Region');
}

function ownVpc(call: TencentCall, id: string): Vpc {
  if (!/^vpc-[a-z0-9]{8}$/.test(id)) throw invalidValue('VpcId', id);
  const vpc = call.state.vpcs.get(id);
  if (vpc?.accountId !== call.accountId || vpc.region !== call.region) throw resourceNotFound(id);
  return vpc;
}

function ownSubnet(call: TencentCall, id: string): Subnet {
  const subnet = call.state.subnets.get(id);
  if (subnet?.accountId !== call.accountId || subnet.region !== call.region) throw resourceNotFound(id);
  return subnet;
}

function renderVpc(vpc: Vpc): Readonly<Record<string, unknown>> {
  return {
    VpcId: vpc.id,
    VpcName: vpc.name,
    CidrBlock: vpc.cidr,
    IsDefault: false,
    EnableMulticast: false,
    CreatedTime: formatTime(vpc.createdAt),
    DnsServerSet: ['183.60.83.19', '183.60.82.98'],
    DomainName: '',
    DhcpOptionsId: '',
    EnableDhcp: true,
    Ipv6CidrBlock: '',
    TagSet: [],
    AssistantCidrSet: vpc.assistantCidrs.map((cidr) => renderAssistantCidr(vpc.id, cidr)),
    EnableRouteVpcPublish: vpc.publishesCidr,
  };
}

function renderAssistantCidr(vpcId: string, cidr: string): Readonly<Record<string, unknown>> {
  return { VpcId: vpcId, CidrBlock: cidr, AssistantType: 0, SubnetSet: [] };
}

function renderSubnet({ state }: TencentCall, subnet: Subnet): Readonly<Record<string, unknown>> {
  const size = 2 ** (32 - (parseIpv4Block(subnet.cidr)?.prefixLength ?? 32));
  return {
    VpcId: subnet.vpcId,
    SubnetId: subnet.id,
    SubnetName: subnet.name,
    CidrBlock: subnet.cidr,
    IsDefault: false,
    EnableBroadcast: false,
    Zone: subnet.zone,
    RouteTableId: state.vpcs.get(subnet.vpcId)?.routeTableId ?? '',
    CreatedTime: formatTime(subnet.createdAt),
    // Three addresses of each subnet are the cloud's own.
    AvailableIpAddressCount: size - 3,
    TotalIpAddressCount: size - 3,
  };
}

/** The default table: the local route of each block, then every route that the VPC's CCN has learned elsewhere. */
function renderRouteTable({ state }: TencentCall, vpc: Vpc): Readonly<Record<string, unknown>> {
  const ccnIds = state.attachments
    .by('vpc', vpc.id)
    .filter(({ state: attachment }) => attachment === 'ACTIVE')
    .map(({ ccnId }) => ccnId);
  const learned = ccnIds
    .flatMap((ccnId) => state.routes.by('ccn', ccnId))
    .filter(({ vpcId }) => vpcId !== vpc.id);
  return {
    VpcId: vpc.id,
    RouteTableId: vpc.routeTableId,
    RouteTableName: 'default',
    AssociationSet: state.subnets
      .by('vpc', vpc.id)
      .map((subnet) => ({ SubnetId: subnet.id, RouteTableId: vpc.routeTableId })),
    RouteSet: [
      ...[vpc.cidr, ...vpc.assistantCidrs].map((cidr) => ({
        DestinationCidrBlock: cidr,
        GatewayType: 'LOCAL',
        GatewayId: 'Local',
        RouteType: 'USER',
        RouteDescription: 'Delivered by default',
        Enabled: true,
        RouteTableId: vpc.routeTableId,
      })),
      ...learned.map((route) => ({
        DestinationCidrBlock: route.cidr,
        GatewayType: 'CCN',
        GatewayId: route.ccnId,
        RouteType: 'CCN',
        RouteDescription: '',
        Enabled: route.enabled,
        RouteItemId: route.id.replace(/^ccnr-/, 'rti-'),
        RouteTableId: vpc.routeTableId,
      })),
    ],
    Main: true,
    CreatedTime: formatTime(vpc.createdAt),
    TagSet: [],
  };
}
