import { parseIpv4Block } from '../ipv4-block.js';
import { AlibabaError, missingParameter } from './alibaba-error.js';
import { homeKey, newId, type SecurityGroup, type SecurityGroupRule } from './alibaba-state.js';
import {
  reads,
  timestamp,
  writes,
  writesWithoutToken,
  type ApiAnswer,
  type ApiCall,
  type ApiOperations,
} from './api-operation.js';
import { homeOf, ownVpc } from './vpc.operations.js';

/** What a customer's side needs of the Ecs API 2014-05-26: security groups and their inbound rules. */
export const SECURITY_GROUP_OPERATIONS: ApiOperations = {
  CreateSecurityGroup: writes(create),
  DeleteSecurityGroup: writesWithoutToken(remove),
  AuthorizeSecurityGroup: writes(authorize),
  RevokeSecurityGroup: writes(revoke),
  DescribeSecurityGroupAttribute: reads(describe),
};

function create(call: ApiCall): ApiAnswer {
  const { state, parameters, now } = call;
  const home = homeOf(call);
  const vpc = ownVpc(call, parameters.require('VpcId'));
  const group = state.securityGroups.put({
    ...home,
    id: newId('sg'),
    vpcId: vpc.id,
    name: parameters.get('SecurityGroupName') ?? '',
    description: parameters.get('Description') ?? '',
    createdAt: now,
  });
  return { SecurityGroupId: group.id };
}

function ownGroup(call: ApiCall): SecurityGroup {
  const group = call.state.securityGroups.get(call.parameters.require('SecurityGroupId'));
  if (group === undefined || homeKey(group) !== homeKey(homeOf(call))) {
    throw new AlibabaError(
      'InvalidSecurityGroupId.NotFound',
      'The specified SecurityGroupId does not exist.',
      404,
    );
  }
  return group;
}

function remove(call: ApiCall): ApiAnswer {
  const { state } = call;
  const group = ownGroup(call);
  for (const rule of state.securityGroupRules.by('group', group.id)) state.securityGroupRules.remove(rule.id);
  state.securityGroups.remove(group.id);
  return {};
}

const PERMISSION_FIELDS = [
  'IpProtocol',
  'PortRange',
  'SourceCidrIp',
  'Policy',
  'Priority',
  'Description',
] as const;

type Permission = Partial<Record<(typeof PERMISSION_FIELDS)[number], string>>;

/** One permission may be spelt without a list, as before 2022. */
function readPermissions({ parameters }: ApiCall): Permission[] {
  const listed = parameters.records('Permissions', PERMISSION_FIELDS);
  if (listed.length > 0) return listed;
  const single: Permission = {};
  for (const field of PERMISSION_FIELDS) {
    const value = parameters.get(field);
    if (value !== undefined) single[field] = value;
  }
  return [single];
}

function toRule(groupId: string, permission: Permission): SecurityGroupRule {
  const { IpProtocol: protocol, SourceCidrIp: sourceCidr } = permission;
  if (protocol === undefined) throw missingParameter('IpProtocol');
  if (!['TCP', 'UDP', 'ICMP', 'ICMPV6', 'GRE', 'ALL'].includes(protocol.toUpperCase())) {
    throw new AlibabaError(
      'InvalidIpProtocol.ValueNotSupported',
      'The specified IpProtocol is not supported.',
    );
  }
  if (sourceCidr === undefined) throw missingParameter('SourceCidrIp');
  if (parseIpv4Block(sourceCidr.includes('/') ? sourceCidr : `${sourceCidr}/32`) === undefined) {
    throw new AlibabaError('InvalidSourceCidrIp.Malformed', 'The specified SourceCidrIp is not valid.');
  }
  const portRange = permission.PortRange ?? '-1/-1';
  if (!/^-?\d{1,5}\/-?\d{1,5}$/.test(portRange)) {
    throw new AlibabaError('InvalidPortRange.Malformed', 'The specified PortRange is not valid.');
  }
  return {
    id: newId('sgr'),
    groupId,
    protocol: protocol.toUpperCase(),
    portRange,
    sourceCidr,
    policy: permission.Policy?.toLowerCase() === 'drop' ? 'Drop' : 'Accept',
    priority: Number(permission.Priority ?? '1'),
    description: permission.Description ?? '',
  };
}

function isSame(one: SecurityGroupRule, other: SecurityGroupRule): boolean {
  return (
    one.protocol === other.protocol &&
    one.portRange === other.portRange &&
    one.sourceCidr === other.sourceCidr &&
    one.policy === other.policy &&
    one.priority === other.priority
  );
}

/** A rule that is there already is not made again, and is no error. */
function authorize(call: ApiCall): ApiAnswer {
  const { state } = call;
  const group = ownGroup(call);
  const existing = state.securityGroupRules.by('group', group.id);
  for (const permission of readPermissions(call)) {
    const rule = toRule(group.id, permission);
    if (!existing.some((other) => isSame(other, rule))) state.securityGroupRules.put(rule);
  }
  return {};
}

/** A rule that is not there is not removed, and is no error. */
function revoke(call: ApiCall): ApiAnswer {
  const { state, parameters } = call;
  const group = ownGroup(call);
  const ids = parameters.list('SecurityGroupRuleId');
  const unwanted =
    ids.length > 0 ? [] : readPermissions(call).map((permission) => toRule(group.id, permission));
  for (const rule of state.securityGroupRules.by('group', group.id)) {
    if (ids.includes(rule.id) || unwanted.some((other) => isSame(other, rule))) {
      state.securityGroupRules.remove(rule.id);
    }
  }
  return {};
}

function describe(call: ApiCall): ApiAnswer {
  const group = ownGroup(call);
  return {
    SecurityGroupId: group.id,
    SecurityGroupName: group.name,
    Description: group.description,
    RegionId: group.region,
    VpcId: group.vpcId,
    InnerAccessPolicy: 'Accept',
    Permissions: {
      Permission: call.state.securityGroupRules.by('group', group.id).map((rule) => ({
        SecurityGroupRuleId: rule.id,
        Direction: 'ingress',
        IpProtocol: rule.protocol,
        PortRange: rule.portRange,
        SourceCidrIp: rule.sourceCidr,
        Policy: rule.policy,
        Priority: String(rule.priority),
        Description: rule.description,
        NicType: 'intranet',
        CreateTime: timestamp(group.createdAt),
      })),
    },
  };
}
