import { formatIpv4Block, ipv4BlockContains, ipv4BlocksOverlap, parseIpv4Block } from '../ipv4-block.js';
import { AwsError, invalidParameterValue } from './aws-error.js';
import { zonesOf } from './aws-regions.js';
import { homeKey, newId, type Subnet, type Vpc } from './aws-state.js';
import { describePage, readFilters, tagsOf } from './describe-options.js';
import {
  DESCRIBE_PARAMETERS,
  own,
  reads,
  writes,
  type Ec2Call,
  type Ec2Operations,
} from './ec2-operation.js';
import { putTags, readTagSpecifications, removeAllTags } from './tag.operations.js';
import type { XmlChildren } from './xml-document.js';

/** Addresses of a subnet that EC2 keeps for itself. */
const RESERVED_ADDRESSES = 5;

/** Makes, shows and removes subnets, and shows what stands in them: each VPC's network ACL, and no interfaces. */
export const SUBNET_OPERATIONS: Ec2Operations = {
  CreateSubnet: writes(
    ['VpcId', 'CidrBlock', 'AvailabilityZone', 'AvailabilityZoneId', 'TagSpecification'],
    create,
  ),
  DescribeSubnets: reads(['SubnetId', ...DESCRIBE_PARAMETERS], describe),
  DeleteSubnet: writes(['SubnetId'], remove),
  ModifySubnetAttribute: writes(['SubnetId', 'MapPublicIpOnLaunch'], modifyAttribute),
  DescribeNetworkAcls: reads(['NetworkAclId', ...DESCRIBE_PARAMETERS], describeNetworkAcls),
  DescribeNetworkInterfaces: reads(['NetworkInterfaceId', ...DESCRIBE_PARAMETERS], describeNetworkInterfaces),
};

function create(call: Ec2Call): XmlChildren {
  const { state, parameters, accountId, region } = call;
  const vpc = own(call, 'vpc', state.vpcs, parameters.require('VpcId'));
  const text = parameters.require('CidrBlock');
  const block = parseIpv4Block(text);
  if (block === undefined) throw invalidParameterValue(text, 'cidrBlock', 'This is not a valid CIDR block.');
  const cidr = formatIpv4Block(block);
  const isInside = vpc.cidrs.some((one) => ipv4BlockContains(one.cidr, cidr));
  if (!isInside || block.prefixLength > 28)
    throw new AwsError('InvalidSubnet.Range', `The CIDR '${text}' is invalid.`);
  if (state.subnets.by('vpc', vpc.id).some((other) => ipv4BlocksOverlap(other.cidr, cidr))) {
    throw new AwsError('InvalidSubnet.Conflict', `The CIDR '${text}' conflicts with another subnet`);
  }
  const zone = readZone(call);
  const tags = readTagSpecifications(parameters, 'subnet');
  const subnet = state.subnets.put({
    accountId,
    region,
    id: newId('subnet'),
    vpcId: vpc.id,
    cidr,
    zoneId: zone.id,
    zoneName: zone.name,
    mapPublicIpOnLaunch: false,
    networkAclAssociationId: newId('aclassoc'),
  });
  putTags(call, subnet.id, tags);
  return { subnet: { ...render(call, subnet), state: 'available' } };
}

function readZone({ parameters, region }: Ec2Call): { name: string; id: string } {
  const [name, id] = [parameters.get('AvailabilityZone'), parameters.get('AvailabilityZoneId')];
  const zone = zonesOf(region).find((one) => (name ?? one.name) === one.name && (id ?? one.id) === one.id);
  if (zone) return zone;
  throw invalidParameterValue(
    name ?? id ?? '',
    'availabilityZone',
    'Subnets can only be created in the zones of the region.',
  );
}

function describe(call: Ec2Call): XmlChildren {
  const { state, parameters } = call;
  const ids = parameters.list('SubnetId');
  const candidates =
    ids.length > 0
      ? ids.map((id) => own(call, 'subnet', state.subnets, id))
      : state.subnets.by('home', homeKey(call));
  const { page, nextToken } = describePage(call, candidates, readFilters(parameters), {
    idOf: (subnet) => subnet.id,
    sequenceOf: (id) => state.subnets.sequenceOf(id),
    filters: {
      'availability-zone': ({ zoneName }) => [zoneName],
      'availability-zone-id': ({ zoneId }) => [zoneId],
      'cidr-block': ({ cidr }) => [cidr],
      'owner-id': ({ accountId }) => [accountId],
      state: () => ['available'],
      'subnet-id': ({ id }) => [id],
      'vpc-id': ({ vpcId }) => [vpcId],
    },
    idParameter: 'SubnetId',
  });
  return { subnetSet: page.map((subnet) => render(call, subnet)), nextToken };
}

function remove(call: Ec2Call): XmlChildren {
  const { state } = call;
  const subnet = own(call, 'subnet', state.subnets, call.parameters.require('SubnetId'));
  for (const table of state.routeTables.by('vpc', subnet.vpcId)) {
    const subnets = table.subnets.filter((one) => one.subnetId !== subnet.id);
    if (subnets.length < table.subnets.length) state.routeTables.update(table.id, { subnets });
  }
  state.subnets.remove(subnet.id);
  removeAllTags(call, subnet.id);
  return { return: true };
}

function modifyAttribute(call: Ec2Call): XmlChildren {
  const { state, parameters } = call;
  const subnet = own(call, 'subnet', state.subnets, parameters.require('SubnetId'));
  const mapPublicIpOnLaunch = parameters.boolean('MapPublicIpOnLaunch.Value');
  if (mapPublicIpOnLaunch !== undefined) state.subnets.update(subnet.id, { mapPublicIpOnLaunch });
  return { return: true };
}

/** Every VPC has its default network ACL and no other: nothing here makes more. */
function describeNetworkAcls(call: Ec2Call): XmlChildren {
  const { state, parameters } = call;
  const ids = new Set(parameters.list('NetworkAclId'));
  const vpcs = state.vpcs
    .by('home', homeKey(call))
    .filter((vpc) => ids.size === 0 || ids.has(vpc.networkAclId));
  for (const id of ids) {
    if (!vpcs.some((vpc) => vpc.networkAclId === id)) {
      throw new AwsError('InvalidNetworkAclID.NotFound', `The networkAcl ID '${id}' does not exist`);
    }
  }
  const { page, nextToken } = describePage(call, vpcs, readFilters(parameters), {
    idOf: (vpc) => vpc.id,
    sequenceOf: (id) => state.vpcs.sequenceOf(id),
    filters: {
      'association.network-acl-id': ({ networkAclId }) => [networkAclId],
      'association.subnet-id': ({ id }) => state.subnets.by('vpc', id).map((subnet) => subnet.id),
      default: () => ['true'],
      'network-acl-id': ({ networkAclId }) => [networkAclId],
      'owner-id': ({ accountId }) => [accountId],
      'vpc-id': ({ id }) => [id],
    },
    idParameter: 'NetworkAclId',
  });
  return { networkAclSet: page.map((vpc) => renderNetworkAcl(call, vpc)), nextToken };
}

/** There are no instances, so there are no interfaces: Terraform asks before it removes a security group. */
function describeNetworkInterfaces(call: Ec2Call): XmlChildren {
  const [id] = call.parameters.list('NetworkInterfaceId');
  if (id === undefined) return { networkInterfaceSet: [] };
  throw new AwsError('InvalidNetworkInterfaceID.NotFound', `The networkInterface ID '${id}' does not exist`);
}

function render(call: Ec2Call, subnet: Subnet): XmlChildren {
  const size = 2 ** (32 - Number(subnet.cidr.split('/')[1]));
  return {
    subnetId: subnet.id,
    subnetArn: `arn:${call.partition}:ec2:${subnet.region}:${subnet.accountId}:subnet/${subnet.id}`,
    state: 'available',
    ownerId: subnet.accountId,
    vpcId: subnet.vpcId,
    cidrBlock: subnet.cidr,
    ipv6CidrBlockAssociationSet: [],
    availableIpAddressCount: size - RESERVED_ADDRESSES,
    availabilityZone: subnet.zoneName,
    availabilityZoneId: subnet.zoneId,
    defaultForAz: false,
    mapPublicIpOnLaunch: subnet.mapPublicIpOnLaunch,
    assignIpv6AddressOnCreation: false,
    mapCustomerOwnedIpOnLaunch: false,
    enableDns64: false,
    ipv6Native: false,
    privateDnsNameOptionsOnLaunch: {
      hostnameType: 'ip-name',
      enableResourceNameDnsARecord: false,
      enableResourceNameDnsAAAARecord: false,
    },
    tagSet: tagsOf(call, subnet.id),
  };
}

function renderNetworkAcl(call: Ec2Call, vpc: Vpc): XmlChildren {
  const entries = [true, false].flatMap((egress) => [
    { ruleNumber: 100, protocol: '-1', ruleAction: 'allow', egress, cidrBlock: '0.0.0.0/0' },
    { ruleNumber: 32_767, protocol: '-1', ruleAction: 'deny', egress, cidrBlock: '0.0.0.0/0' },
  ]);
  return {
    networkAclId: vpc.networkAclId,
    vpcId: vpc.id,
    ownerId: vpc.accountId,
    default: true,
    entrySet: entries,
    associationSet: call.state.subnets.by('vpc', vpc.id).map((subnet) => ({
      networkAclAssociationId: subnet.networkAclAssociationId,
      networkAclId: vpc.networkAclId,
      subnetId: subnet.id,
    })),
    tagSet: tagsOf(call, vpc.networkAclId),
  };
}
