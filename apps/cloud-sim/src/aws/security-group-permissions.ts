import { isIPv6 } from 'node:net';
import { formatIpv4Block, parseIpv4Block } from '../ipv4-block.js';
import { AwsError, invalidParameterValue, missingParameter } from './aws-error.js';
import type { SecurityGroup, SecurityGroupRule } from './aws-state.js';
import { notFound, type Ec2Call } from './ec2-operation.js';
import { isConnected } from './peering-lifecycle.js';
import type { QueryParameters } from './query-parameters.js';
import type { XmlChildren } from './xml-document.js';

/** A rule as a caller states it, before it has an id. */
export type Permission = Pick<SecurityGroupRule, 'protocol' | 'fromPort' | 'toPort' | 'peer' | 'description'>;

const PROTOCOL_NAMES: Readonly<Record<string, string>> = {
  '6': 'tcp',
  '17': 'udp',
  '1': 'icmp',
  '58': 'icmpv6',
};

/** The rules that IpPermissions.N, or the older flat parameters, stand for: one for each source. */
export function readPermissions(call: Ec2Call, group: SecurityGroup): Permission[] {
  const { parameters } = call;
  const permissions = parameters.structures('IpPermissions').flatMap((permission) => {
    const ports = readPorts(permission);
    const peers = readPeers(call, group, permission);
    if (peers.length === 0) {
      throw new AwsError(
        'InvalidParameterValue',
        'A security group rule needs at least one source or destination.',
      );
    }
    return peers.map((peer) => ({ ...ports, ...peer }));
  });
  const cidr = parameters.get('CidrIp');
  if (cidr !== undefined) {
    permissions.push({ ...readPorts(parameters), peer: readIpv4(cidr), description: undefined });
  }
  if (permissions.length === 0) throw missingParameter('ipPermissions');
  return permissions;
}

/** What makes two rules the same: the description does not. */
export function permissionKey({ protocol, fromPort, toPort, peer }: Permission): string {
  return [protocol, fromPort, toPort, peer.kind === 'group' ? peer.groupId : peer.cidr].join(' ');
}

/** `peer: 10.0.0.0/16, TCP, from port: 443, to port: 443, ALLOW`, as EC2 names a rule in its messages. */
export function describePermission({ protocol, fromPort, toPort, peer }: Permission): string {
  const name = protocol === '-1' ? 'ALL' : protocol.toUpperCase();
  const ports = fromPort === undefined ? '' : `, from port: ${fromPort}, to port: ${toPort ?? fromPort}`;
  return `peer: ${peer.kind === 'group' ? peer.groupId : peer.cidr}, ${name}${ports}, ALLOW`;
}

/** Rules gathered by protocol and ports, as DescribeSecurityGroups shows them. */
export function renderPermissions(rules: readonly SecurityGroupRule[]): XmlChildren[] {
  const gathered = new Map<string, SecurityGroupRule[]>();
  for (const rule of rules) {
    const key = [rule.protocol, rule.fromPort, rule.toPort].join(' ');
    gathered.set(key, [...(gathered.get(key) ?? []), rule]);
  }
  return [...gathered.values()].map((alike) => {
    const [first] = alike;
    return {
      ipProtocol: first?.protocol,
      fromPort: first?.fromPort,
      toPort: first?.toPort,
      groups: alike.flatMap(({ peer, description }) =>
        peer.kind === 'group' ? [{ groupId: peer.groupId, userId: peer.accountId, description }] : [],
      ),
      ipRanges: alike.flatMap(({ peer, description }) =>
        peer.kind === 'ipv4' ? [{ cidrIp: peer.cidr, description }] : [],
      ),
      ipv6Ranges: alike.flatMap(({ peer, description }) =>
        peer.kind === 'ipv6' ? [{ cidrIpv6: peer.cidr, description }] : [],
      ),
      prefixListIds: [],
    };
  });
}

function readPorts(parameters: QueryParameters): Pick<Permission, 'protocol' | 'fromPort' | 'toPort'> {
  const given = parameters.require('IpProtocol').toLowerCase();
  const protocol = PROTOCOL_NAMES[given] ?? given;
  const [fromPort, toPort] = [parameters.integer('FromPort'), parameters.integer('ToPort')];
  if (protocol === 'tcp' || protocol === 'udp') {
    if (fromPort === undefined || toPort === undefined) {
      throw new AwsError(
        'InvalidParameterValue',
        'Invalid value for portRange. Must specify both from and to ports with TCP/UDP.',
      );
    }
    if (fromPort < 0 || toPort > 65_535 || fromPort > toPort) {
      throw new AwsError('InvalidParameterValue', `Invalid TCP/UDP port range (${fromPort}:${toPort})`);
    }
    return { protocol, fromPort, toPort };
  }
  if (protocol === 'icmp' || protocol === 'icmpv6')
    return { protocol, fromPort: fromPort ?? -1, toPort: toPort ?? -1 };
  if (!/^(-1|\d{1,3})$/.test(protocol) || Number(protocol) > 255) {
    throw invalidParameterValue(given, 'ipProtocol', 'Invalid IP protocol.');
  }
  return { protocol, fromPort: undefined, toPort: undefined };
}

function readPeers(
  call: Ec2Call,
  group: SecurityGroup,
  permission: QueryParameters,
): Pick<Permission, 'peer' | 'description'>[] {
  return [
    ...permission.structures('IpRanges').map((range) => ({
      peer: readIpv4(range.require('CidrIp')),
      description: range.get('Description'),
    })),
    ...permission.structures('Ipv6Ranges').map((range) => ({
      peer: readIpv6(range.require('CidrIpv6')),
      description: range.get('Description'),
    })),
    ...permission.structures('Groups').map((pair) => ({
      peer: readGroup(call, group, pair.require('GroupId')),
      description: pair.get('Description'),
    })),
  ];
}

function readIpv4(cidr: string): Permission['peer'] {
  const block = parseIpv4Block(cidr);
  if (block === undefined) throw new AwsError('InvalidParameterValue', `CIDR block ${cidr} is malformed`);
  return { kind: 'ipv4', cidr: formatIpv4Block(block) };
}

function readIpv6(cidr: string): Permission['peer'] {
  const [address = '', length = ''] = cidr.split('/');
  if (!isIPv6(address) || !/^\d{1,3}$/.test(length) || Number(length) > 128) {
    throw new AwsError('InvalidParameterValue', `CIDR block ${cidr} is malformed`);
  }
  return { kind: 'ipv6', cidr: cidr.toLowerCase() };
}

/** A group of the same VPC, or of one that is peered with it in the same region. */
function readGroup(call: Ec2Call, group: SecurityGroup, id: string): Permission['peer'] {
  const { state, now } = call;
  const other = state.securityGroups.get(id);
  if (other?.region !== group.region) throw notFound('sg', id);
  const isPeered =
    other.vpcId === group.vpcId ||
    [`${group.vpcId}>${other.vpcId}`, `${other.vpcId}>${group.vpcId}`].some((pair) =>
      state.peerings.by('pair', pair).some((peering) => isConnected(peering, now)),
    );
  if (!isPeered) throw notFound('sg', id);
  return { kind: 'group', groupId: id, accountId: other.accountId };
}
