import { AwsError } from './aws-error.js';
import { homeKey, newId, type SecurityGroup, type SecurityGroupRule } from './aws-state.js';
import { describePage, exactValues, readFilters, tagsOf } from './describe-options.js';
import {
  DESCRIBE_PARAMETERS,
  own,
  reads,
  writes,
  type Ec2Call,
  type Ec2Operations,
} from './ec2-operation.js';
import {
  describePermission,
  permissionKey,
  readPermissions,
  renderPermissions,
  type Permission,
} from './security-group-permissions.js';
import { putTags, readTagSpecifications, removeAllTags } from './tag.operations.js';
import type { XmlChildren } from './xml-document.js';

const PERMISSION_PARAMETERS = [
  'GroupId',
  'GroupName',
  'IpPermissions',
  'IpProtocol',
  'FromPort',
  'ToPort',
  'CidrIp',
];

/** Makes, shows and removes security groups and their rules. */
export const SECURITY_GROUP_OPERATIONS: Ec2Operations = {
  CreateSecurityGroup: writes(['VpcId', 'GroupName', 'GroupDescription', 'TagSpecification'], create),
  DescribeSecurityGroups: reads(['GroupId', 'GroupName', ...DESCRIBE_PARAMETERS], describe),
  DeleteSecurityGroup: writes(['GroupId', 'GroupName'], remove),
  AuthorizeSecurityGroupIngress: writes([...PERMISSION_PARAMETERS, 'TagSpecification'], (call) =>
    authorize(call, false),
  ),
  AuthorizeSecurityGroupEgress: writes([...PERMISSION_PARAMETERS, 'TagSpecification'], (call) =>
    authorize(call, true),
  ),
  RevokeSecurityGroupIngress: writes([...PERMISSION_PARAMETERS, 'SecurityGroupRuleId'], (call) =>
    revoke(call, false),
  ),
  RevokeSecurityGroupEgress: writes([...PERMISSION_PARAMETERS, 'SecurityGroupRuleId'], (call) =>
    revoke(call, true),
  ),
  DescribeSecurityGroupRules: reads(['SecurityGroupRuleId', ...DESCRIBE_PARAMETERS], describeRules),
};

function create(call: Ec2Call): XmlChildren {
  const { state, parameters, accountId, region } = call;
  const name = parameters.require('GroupName');
  const description = parameters.require('GroupDescription');
  const vpcId = parameters.get('VpcId');
  if (vpcId === undefined) throw new AwsError('VPCIdNotSpecified', 'No default VPC for this user');
  const vpc = own(call, 'vpc', state.vpcs, vpcId);
  if (name === 'default')
    throw new AwsError('InvalidParameterValue', "Cannot use reserved security group name: 'default'");
  if (state.securityGroups.by('vpc', vpc.id).some((group) => group.name === name)) {
    throw new AwsError(
      'InvalidGroup.Duplicate',
      `The security group '${name}' already exists for VPC '${vpc.id}'`,
    );
  }
  const tags = readTagSpecifications(parameters, 'security-group');
  const group = state.securityGroups.put({
    accountId,
    region,
    id: newId('sg'),
    vpcId: vpc.id,
    name,
    description,
  });
  state.securityGroupRules.put({
    accountId,
    region,
    id: newId('sgr'),
    groupId: group.id,
    egress: true,
    protocol: '-1',
    fromPort: undefined,
    toPort: undefined,
    peer: { kind: 'ipv4', cidr: '0.0.0.0/0' },
    description: undefined,
  });
  putTags(call, group.id, tags);
  return {
    return: true,
    groupId: group.id,
    securityGroupArn: arnOf(call, group),
    tagSet: tagsOf(call, group.id),
  };
}

function describe(call: Ec2Call): XmlChildren {
  const { state, parameters } = call;
  const filters = readFilters(parameters);
  const ids = parameters.list('GroupId');
  const names = new Set(parameters.list('GroupName'));
  const inVpc = exactValues(filters, 'vpc-id');
  const candidates =
    ids.length > 0
      ? ids.map((id) => own(call, 'sg', state.securityGroups, id))
      : (inVpc?.flatMap((id) => state.securityGroups.by('vpc', id)) ??
        state.securityGroups.by('home', homeKey(call)));
  const mine = candidates.filter(
    (group) => homeKey(group) === homeKey(call) && (names.size === 0 || names.has(group.name)),
  );
  const rules = (group: SecurityGroup, egress: boolean) =>
    state.securityGroupRules.by('group', group.id).filter((rule) => rule.egress === egress);
  const ruleFilters = Object.fromEntries(
    [false, true].flatMap((egress) => {
      const prefix = egress ? 'egress.ip-permission.' : 'ip-permission.';
      const values =
        (read: (rule: SecurityGroupRule) => string | number | undefined) => (group: SecurityGroup) =>
          rules(group, egress).map((rule) => read(rule)?.toString());
      return [
        [`${prefix}cidr`, values(({ peer }) => (peer.kind === 'ipv4' ? peer.cidr : undefined))],
        [`${prefix}from-port`, values((rule) => rule.fromPort)],
        [`${prefix}group-id`, values(({ peer }) => (peer.kind === 'group' ? peer.groupId : undefined))],
        [`${prefix}protocol`, values((rule) => rule.protocol)],
        [`${prefix}to-port`, values((rule) => rule.toPort)],
      ] as const;
    }),
  );
  const { page, nextToken } = describePage(call, mine, filters, {
    idOf: (group) => group.id,
    sequenceOf: (id) => state.securityGroups.sequenceOf(id),
    filters: {
      description: ({ description }) => [description],
      'group-id': ({ id }) => [id],
      'group-name': ({ name }) => [name],
      'owner-id': ({ accountId }) => [accountId],
      'vpc-id': ({ vpcId }) => [vpcId],
      ...ruleFilters,
    },
    idParameter: 'GroupId',
  });
  const securityGroupInfo = page.map((group) => ({
    ownerId: group.accountId,
    groupId: group.id,
    groupName: group.name,
    groupDescription: group.description,
    vpcId: group.vpcId,
    securityGroupArn: arnOf(call, group),
    ipPermissions: renderPermissions(rules(group, false)),
    ipPermissionsEgress: renderPermissions(rules(group, true)),
    tagSet: tagsOf(call, group.id),
  }));
  return { securityGroupInfo, nextToken };
}

function remove(call: Ec2Call): XmlChildren {
  const { state } = call;
  const group = own(call, 'sg', state.securityGroups, call.parameters.require('GroupId'));
  if (group.name === 'default') {
    throw new AwsError(
      'CannotDelete',
      `the specified group: "${group.id}" name: "default" cannot be deleted by a user`,
    );
  }
  const isReferenced = state.securityGroups
    .by('vpc', group.vpcId)
    .filter((other) => other.id !== group.id)
    .some((other) =>
      state.securityGroupRules
        .by('group', other.id)
        .some(({ peer }) => peer.kind === 'group' && peer.groupId === group.id),
    );
  if (isReferenced) throw new AwsError('DependencyViolation', `resource ${group.id} has a dependent object`);
  for (const rule of state.securityGroupRules.by('group', group.id)) state.securityGroupRules.remove(rule.id);
  state.securityGroups.remove(group.id);
  removeAllTags(call, group.id);
  return { return: true, groupId: group.id };
}

function authorize(call: Ec2Call, egress: boolean): XmlChildren {
  const { state, parameters, accountId, region } = call;
  const group = own(call, 'sg', state.securityGroups, parameters.require('GroupId'));
  const tags = readTagSpecifications(parameters, 'security-group-rule');
  const made = readPermissions(call, group).map((permission) => {
    const existing = state.securityGroupRules.by('group', group.id).filter((rule) => rule.egress === egress);
    if (existing.some((rule) => permissionKey(rule) === permissionKey(permission))) {
      const message = `the specified rule "${describePermission(permission)}" already exists`;
      throw new AwsError('InvalidPermission.Duplicate', message);
    }
    if (existing.length >= state.settings.rulesPerSecurityGroup) {
      throw new AwsError(
        'RulesPerSecurityGroupLimitExceeded',
        'The maximum number of rules per security group has been reached.',
      );
    }
    const rule = { accountId, region, id: newId('sgr'), groupId: group.id, egress, ...permission };
    putTags(call, rule.id, tags);
    return state.securityGroupRules.put(rule);
  });
  return { return: true, securityGroupRuleSet: made.map((rule) => renderRule(call, rule)) };
}

function revoke(call: Ec2Call, egress: boolean): XmlChildren {
  const { state, parameters } = call;
  const group = own(call, 'sg', state.securityGroups, parameters.require('GroupId'));
  const rules = state.securityGroupRules.by('group', group.id).filter((rule) => rule.egress === egress);
  const ids = parameters.list('SecurityGroupRuleId');
  const revoked =
    ids.length > 0
      ? ids.map((id) => rulesById(rules, id))
      : rulesByPermission(rules, readPermissions(call, group));
  for (const rule of revoked) {
    state.securityGroupRules.remove(rule.id);
    removeAllTags(call, rule.id);
  }
  const revokedSecurityGroupRuleSet = revoked.map((rule) => ({
    ...renderRule(call, rule),
    tagSet: undefined,
    groupOwnerId: undefined,
  }));
  return { return: true, unknownIpPermissionSet: [], revokedSecurityGroupRuleSet };
}

function rulesById(rules: readonly SecurityGroupRule[], id: string): SecurityGroupRule {
  const rule = rules.find((candidate) => candidate.id === id);
  if (rule) return rule;
  throw new AwsError(
    'InvalidSecurityGroupRuleId.NotFound',
    `The security group rule ID '${id}' does not exist`,
  );
}

function rulesByPermission(
  rules: readonly SecurityGroupRule[],
  permissions: readonly Permission[],
): SecurityGroupRule[] {
  return permissions.map((permission) => {
    const rule = rules.find((candidate) => permissionKey(candidate) === permissionKey(permission));
    if (rule) return rule;
    throw new AwsError(
      'InvalidPermission.NotFound',
      'The specified rule does not exist in this security group.',
    );
  });
}

function describeRules(call: Ec2Call): XmlChildren {
  const { state, parameters } = call;
  const filters = readFilters(parameters);
  const ids = parameters.list('SecurityGroupRuleId');
  const inGroup = exactValues(filters, 'group-id');
  const candidates =
    ids.length > 0
      ? ids.map((id) => own(call, 'sgr', state.securityGroupRules, id))
      : (inGroup?.flatMap((id) => state.securityGroupRules.by('group', id)) ??
        state.securityGroupRules.by('home', homeKey(call)));
  const mine = candidates.filter((rule) => homeKey(rule) === homeKey(call));
  const { page, nextToken } = describePage(call, mine, filters, {
    idOf: (rule) => rule.id,
    sequenceOf: (id) => state.securityGroupRules.sequenceOf(id),
    filters: { 'group-id': ({ groupId }) => [groupId], 'security-group-rule-id': ({ id }) => [id] },
    idParameter: 'SecurityGroupRuleId',
  });
  return { securityGroupRuleSet: page.map((rule) => renderRule(call, rule)), nextToken };
}

function renderRule(call: Ec2Call, rule: SecurityGroupRule): XmlChildren {
  const { peer } = rule;
  return {
    securityGroupRuleId: rule.id,
    securityGroupRuleArn: `arn:${call.partition}:ec2:${rule.region}:${rule.accountId}:security-group-rule/${rule.id}`,
    groupId: rule.groupId,
    groupOwnerId: rule.accountId,
    isEgress: rule.egress,
    ipProtocol: rule.protocol,
    fromPort: rule.fromPort ?? -1,
    toPort: rule.toPort ?? -1,
    cidrIpv4: peer.kind === 'ipv4' ? peer.cidr : undefined,
    cidrIpv6: peer.kind === 'ipv6' ? peer.cidr : undefined,
    referencedGroupInfo:
      peer.kind === 'group' ? { groupId: peer.groupId, userId: peer.accountId } : undefined,
    description: rule.description,
    tagSet: tagsOf(call, rule.id),
  };
}

function arnOf({ partition }: Ec2Call, { region, accountId, id }: SecurityGroup): string {
  return `arn:${partition}:ec2:${region}:${accountId}:security-group/${id}`;
}
