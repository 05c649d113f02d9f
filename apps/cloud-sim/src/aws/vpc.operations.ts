import { formatIpv4Block, ipv4BlocksOverlap, parseIpv4Block } from '../ipv4-block.js';
import { AwsError, invalidParameterValue, missingParameter } from './aws-error.js';
import { homeKey, newId, type Vpc } from './aws-state.js';
import { describePage, exactValues, readFilters, tagsOf } from './describe-options.js';
import {
  DESCRIBE_PARAMETERS,
  own,
  reads,
  writes,
  type Ec2Call,
  type Ec2Operations,
} from './ec2-operation.js';
import { deletePeering, isConnected, isPending } from './peering-lifecycle.js';
import { vpcOf } from './peering.operations.js';
import { putTags, readTagSpecifications, removeAllTags } from './tag.operations.js';
import type { XmlChildren } from './xml-document.js';

const MAX_CIDRS_PER_VPC = 5;
/** One set of DHCP options serves every VPC: nothing here changes them. */
const DHCP_OPTIONS_ID = 'dopt-00000000000000000';

const ATTRIBUTES = ['enableDnsSupport', 'enableDnsHostnames', 'enableNetworkAddressUsageMetrics'] as const;

/** Makes, shows, changes and removes VPCs. */
export const VPC_OPERATIONS: Ec2Operations = {
  CreateVpc: writes(
    ['CidrBlock', 'InstanceTenancy', 'AmazonProvidedIpv6CidrBlock', 'TagSpecification'],
    create,
  ),
  DescribeVpcs: reads(['VpcId', ...DESCRIBE_PARAMETERS], describe),
  DeleteVpc: writes(['VpcId'], remove),
  AssociateVpcCidrBlock: writes(['VpcId', 'CidrBlock', 'AmazonProvidedIpv6CidrBlock'], associateCidr),
  DisassociateVpcCidrBlock: writes(['AssociationId'], disassociateCidr),
  ModifyVpcAttribute: writes(
    ['VpcId', 'EnableDnsSupport', 'EnableDnsHostnames', 'EnableNetworkAddressUsageMetrics'],
    modifyAttribute,
  ),
  DescribeVpcAttribute: reads(['VpcId', 'Attribute'], describeAttribute),
};

function create(call: Ec2Call): XmlChildren {
  const { state, parameters, accountId, region } = call;
  const cidr = readVpcCidr(parameters.require('CidrBlock'));
  refuseIpv6(call);
  const tags = readTagSpecifications(parameters, 'vpc');
  if (state.vpcs.countBy('home', homeKey(call)) >= state.settings.vpcsPerRegion) {
    throw new AwsError('VpcLimitExceeded', 'The maximum number of VPCs has been reached.');
  }
  const home = { accountId, region };
  const vpc = state.vpcs.put({
    ...home,
    id: newId('vpc'),
    cidrs: [{ associationId: newId('vpc-cidr-assoc'), cidr }],
    instanceTenancy: parameters.get('InstanceTenancy') ?? 'default',
    enableDnsSupport: true,
    enableDnsHostnames: false,
    enableNetworkAddressUsageMetrics: false,
    networkAclId: newId('acl'),
  });
  makeDefaults(call, vpc);
  putTags(call, vpc.id, tags);
  return { vpc: { ...render(call, vpc), state: 'pending' } };
}

/** What comes into being with every VPC: its main route table and its default security group. */
export function makeDefaults({ state }: Pick<Ec2Call, 'state'>, { id: vpcId, accountId, region }: Vpc): void {
  const home = { accountId, region };
  state.routeTables.put({
    ...home,
    id: newId('rtb'),
    vpcId,
    mainAssociationId: newId('rtbassoc'),
    subnets: [],
    routes: [],
    clientToken: undefined,
  });
  const groupId = newId('sg');
  const description = 'default VPC security group';
  state.securityGroups.put({ ...home, id: groupId, vpcId, name: 'default', description });
  const everything = {
    ...home,
    groupId,
    protocol: '-1',
    fromPort: undefined,
    toPort: undefined,
    description: undefined,
  };
  const fromItself = { kind: 'group', groupId, accountId } as const;
  state.securityGroupRules.put({ ...everything, id: newId('sgr'), egress: false, peer: fromItself });
  const toAnywhere = { kind: 'ipv4', cidr: '0.0.0.0/0' } as const;
  state.securityGroupRules.put({ ...everything, id: newId('sgr'), egress: true, peer: toAnywhere });
}

function describe(call: Ec2Call): XmlChildren {
  const { state, parameters } = call;
  const filters = readFilters(parameters);
  const ids = parameters.list('VpcId');
  const byId = exactValues(filters, 'vpc-id')?.flatMap((id) => state.vpcs.get(id) ?? []);
  const candidates =
    ids.length > 0
      ? ids.map((id) => own(call, 'vpc', state.vpcs, id))
      : (byId ?? state.vpcs.by('home', homeKey(call)));
  const mine = candidates.filter((vpc) => homeKey(vpc) === homeKey(call));
  const { page, nextToken } = describePage(call, mine, filters, {
    idOf: (vpc) => vpc.id,
    sequenceOf: (id) => state.vpcs.sequenceOf(id),
    filters: {
      cidr: ({ cidrs }) => [cidrs[0]?.cidr],
      'cidr-block-association.association-id': ({ cidrs }) => cidrs.map((one) => one.associationId),
      'cidr-block-association.cidr-block': ({ cidrs }) => cidrs.map((one) => one.cidr),
      'cidr-block-association.state': () => ['associated'],
      'dhcp-options-id': () => [DHCP_OPTIONS_ID],
      'is-default': () => ['false'],
      isDefault: () => ['false'],
      'owner-id': ({ accountId }) => [accountId],
      state: () => ['available'],
      'vpc-id': ({ id }) => [id],
    },
    idParameter: 'VpcId',
  });
  return { vpcSet: page.map((vpc) => render(call, vpc)), nextToken };
}

/**
 * Peerings go with the VPC, save that a request from another account must be rejected first (VPC Peering Guide,
 * "Delete a VPC peering connection").
 */
function remove(call: Ec2Call): XmlChildren {
  const { state, now, accountId } = call;
  const vpc = own(call, 'vpc', state.vpcs, call.parameters.require('VpcId'));
  const routeTables = state.routeTables.by('vpc', vpc.id);
  const groups = state.securityGroups.by('vpc', vpc.id);
  const peerings = [
    ...state.peerings.by('requesterVpc', vpc.id),
    ...state.peerings.by('accepterVpc', vpc.id),
  ];
  const hasDependencies =
    state.subnets.countBy('vpc', vpc.id) > 0 ||
    routeTables.some((table) => table.mainAssociationId === undefined) ||
    groups.some((group) => group.name !== 'default') ||
    peerings.some((peering) => isPending(peering, now) && peering.requester.accountId !== accountId);
  if (hasDependencies) {
    throw new AwsError('DependencyViolation', `The vpc '${vpc.id}' has dependencies and cannot be deleted.`);
  }
  for (const peering of peerings) {
    if (isPending(peering, now) || isConnected(peering, now)) deletePeering(state, peering, accountId);
  }
  for (const table of routeTables) {
    state.routeTables.remove(table.id);
    removeAllTags(call, table.id);
  }
  for (const group of groups) {
    for (const rule of state.securityGroupRules.by('group', group.id))
      state.securityGroupRules.remove(rule.id);
    state.securityGroups.remove(group.id);
    removeAllTags(call, group.id);
  }
  state.vpcs.remove(vpc.id);
  removeAllTags(call, vpc.id);
  return { return: true };
}

/**
 * A VPC's further blocks may not overlap its peers', and not be added while its own request waits for an answer;
 * one added at the accepter's end that overlaps fails the request (VPC User Guide, "IPv4 CIDR block association
 * restrictions"). The codes of these two refusals are not documented.
 */
function associateCidr(call: Ec2Call): XmlChildren {
  const { state, parameters, now } = call;
  const vpc = own(call, 'vpc', state.vpcs, parameters.require('VpcId'));
  refuseIpv6(call);
  const cidr = readVpcCidr(parameters.require('CidrBlock'));
  if (vpc.cidrs.length >= MAX_CIDRS_PER_VPC) {
    const message = `This network '${vpc.id}' has met its maximum number of allowed CIDRs: ${MAX_CIDRS_PER_VPC}`;
    throw new AwsError('CidrLimitExceeded', message);
  }
  if (vpc.cidrs.some((one) => ipv4BlocksOverlap(one.cidr, cidr))) {
    throw new AwsError(
      'InvalidVpc.Range',
      `The CIDR '${cidr}' conflicts with another CIDR of the VPC ${vpc.id}.`,
    );
  }
  const requested = state.peerings.by('requesterVpc', vpc.id);
  const received = state.peerings.by('accepterVpc', vpc.id);
  if (requested.some((peering) => isPending(peering, now))) {
    const message = `The vpc '${vpc.id}' has a pending VPC peering connection request: no CIDR block can be added.`;
    throw new AwsError('OperationNotPermitted', message);
  }
  for (const peering of [...requested, ...received]) {
    const isRequester = peering.requester.vpcId === vpc.id;
    const peer = vpcOf(state, isRequester ? peering.accepter : peering.requester);
    const overlaps = peer?.cidrs.some((one) => ipv4BlocksOverlap(one.cidr, cidr)) ?? false;
    if (!overlaps) continue;
    if (isPending(peering, now)) {
      state.peerings.update(peering.id, { failedAt: now });
    } else if (isConnected(peering, now)) {
      const message = `The CIDR '${cidr}' conflicts with a CIDR of the VPC peered by ${peering.id}.`;
      throw new AwsError('InvalidVpc.Range', message);
    }
  }
  const association = { associationId: newId('vpc-cidr-assoc'), cidr };
  state.vpcs.update(vpc.id, { cidrs: [...vpc.cidrs, association] });
  return { vpcId: vpc.id, cidrBlockAssociation: renderCidr(association, 'associating') };
}

function disassociateCidr(call: Ec2Call): XmlChildren {
  const { state } = call;
  const id = call.parameters.require('AssociationId');
  const vpc = state.vpcs.by('cidrAssociation', id).find((candidate) => homeKey(candidate) === homeKey(call));
  const association = vpc?.cidrs.find((one) => one.associationId === id);
  if (vpc === undefined || association === undefined) {
    throw new AwsError(
      'InvalidVpcCidrBlockAssociationID.NotFound',
      `The vpc CIDR block association ID '${id}' does not exist`,
    );
  }
  if (association === vpc.cidrs[0]) {
    throw new AwsError(
      'OperationNotPermitted',
      `The vpc CIDR block with association ID ${id} may not be disassociated. It is the primary IPv4 CIDR block of the VPC`,
    );
  }
  if (state.subnets.by('vpc', vpc.id).some((subnet) => ipv4BlocksOverlap(subnet.cidr, association.cidr))) {
    throw new AwsError(
      'DependencyViolation',
      `The vpc CIDR block with association ID ${id} has dependencies and cannot be disassociated.`,
    );
  }
  state.vpcs.update(vpc.id, { cidrs: vpc.cidrs.filter((one) => one !== association) });
  return { vpcId: vpc.id, cidrBlockAssociation: renderCidr(association, 'disassociating') };
}

function modifyAttribute(call: Ec2Call): XmlChildren {
  const { state, parameters } = call;
  const vpc = own(call, 'vpc', state.vpcs, parameters.require('VpcId'));
  const changed = ATTRIBUTES.flatMap((name) => {
    const value = parameters.boolean(`${name.charAt(0).toUpperCase()}${name.slice(1)}.Value`);
    return value === undefined ? [] : [[name, value] as const];
  });
  if (changed.length === 0) throw missingParameter('attribute');
  if (changed.length > 1) {
    throw new AwsError('InvalidParameterCombination', 'Fields for multiple attribute types specified');
  }
  state.vpcs.update(vpc.id, Object.fromEntries(changed));
  return { return: true };
}

function describeAttribute(call: Ec2Call): XmlChildren {
  const vpc = own(call, 'vpc', call.state.vpcs, call.parameters.require('VpcId'));
  const wanted = call.parameters.require('Attribute');
  const attribute = ATTRIBUTES.find((name) => name === wanted);
  if (attribute === undefined) throw invalidParameterValue(wanted, 'attribute', 'Unknown attribute.');
  return { vpcId: vpc.id, [attribute]: { value: vpc[attribute] } };
}

/** A block of a VPC in canonical form. Throws InvalidParameterValue, and InvalidVpc.Range beyond /16 to /28. */
function readVpcCidr(text: string): string {
  const block = parseIpv4Block(text);
  if (block === undefined) throw invalidParameterValue(text, 'cidrBlock', 'This is not a valid CIDR block.');
  if (block.prefixLength < 16 || block.prefixLength > 28) {
    throw new AwsError('InvalidVpc.Range', `The CIDR '${text}' is invalid.`);
  }
  return formatIpv4Block(block);
}

function refuseIpv6({ parameters }: Ec2Call): void {
  if (parameters.boolean('AmazonProvidedIpv6CidrBlock') === true) {
    throw new AwsError('UnsupportedOperation', 'IPv6 CIDR blocks are not simulated.');
  }
}

function render(call: Ec2Call, vpc: Vpc): XmlChildren {
  return {
    vpcId: vpc.id,
    ownerId: vpc.accountId,
    state: 'available',
    cidrBlock: vpc.cidrs[0]?.cidr,
    cidrBlockAssociationSet: vpc.cidrs.map((cidr) => renderCidr(cidr, 'associated')),
    dhcpOptionsId: DHCP_OPTIONS_ID,
    tagSet: tagsOf(call, vpc.id).map(({ key, value }) => ({ key, value })),
    instanceTenancy: vpc.instanceTenancy,
    isDefault: false,
  };
}

function renderCidr({ associationId, cidr }: Vpc['cidrs'][number], state: string): XmlChildren {
  return { associationId, cidrBlock: cidr, cidrBlockState: { state } };
}
