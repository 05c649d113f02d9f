import { CODES, invalidValue, missingParameter, OutscaleError } from './outscale-error.js';
import { own, reads, writes, type OapiAnswer, type OapiCall, type OapiOperations } from './oapi-operation.js';
import type { OapiParameters } from './oapi-parameters.js';
import { readBlock } from './net.operations.js';
import { homeKey, newId, type Rule, type SecurityGroup } from './outscale-state.js';
import { filterValues, readPage, tagsOf } from './read-options.js';
import { removeTags } from './tag.operations.js';

const FLOWS = ['Inbound', 'Outbound'] as const;
const SIMPLE_RULE_PARAMETERS = ['IpProtocol', 'FromPortRange', 'ToPortRange', 'IpRange'];
const RULE_FIELDS = new Set([
  'IpProtocol',
  'FromPortRange',
  'ToPortRange',
  'IpRanges',
  'SecurityGroupsMembers',
  'SecurityGroupRuleId',
]);
const MEMBER_FIELDS = new Set(['AccountId', 'SecurityGroupId', 'SecurityGroupName']);

/** A rule before it has an id, or one to be found again. */
type RuleContent = Omit<Rule, 'id' | 'flow'>;

/** Makes, shows, changes and removes security groups, which are all in Nets here. */
export const SECURITY_GROUP_OPERATIONS: OapiOperations = {
  CreateSecurityGroup: writes(['SecurityGroupName', 'Description', 'NetId'], create),
  ReadSecurityGroups: reads(read),
  DeleteSecurityGroup: writes(['SecurityGroupId', 'SecurityGroupName'], remove),
  CreateSecurityGroupRule: writes(
    [
      'SecurityGroupId',
      'Flow',
      'Rules',
      'SecurityGroupNameToLink',
      'SecurityGroupAccountIdToLink',
      ...SIMPLE_RULE_PARAMETERS,
    ],
    createRules,
  ),
  DeleteSecurityGroupRule: writes(
    [
      'SecurityGroupId',
      'Flow',
      'Rules',
      'SecurityGroupNameToUnlink',
      'SecurityGroupAccountIdToUnlink',
      ...SIMPLE_RULE_PARAMETERS,
    ],
    deleteRules,
  ),
};

function create(call: OapiCall): OapiAnswer {
  const { state, parameters, accountId, region } = call;
  const name = parameters.require('SecurityGroupName');
  const description = parameters.require('Description');
  const net = own(call, 'vpc', state.nets, parameters.require('NetId'));
  if (name.startsWith('sg-')) throw invalidValue('SecurityGroupName', name);
  if (state.securityGroups.by('net', net.id).some((group) => group.name === name))
    throw new OutscaleError(CODES.groupExists, `The Net has a security group '${name}' already.`);
  const everything = { protocol: '-1', fromPort: -1, toPort: -1, ipRanges: ['0.0.0.0/0'], groupIds: [] };
  const group = state.securityGroups.put({
    accountId,
    region,
    id: newId('sg'),
    netId: net.id,
    name,
    description,
    rules: [{ id: newId('sgrule'), flow: 'Outbound', ...everything }],
  });
  return { SecurityGroup: render(call, group) };
}

function read(call: OapiCall): OapiAnswer {
  const { state } = call;
  const byId = filterValues(call, 'SecurityGroupIds')?.flatMap((id) => state.securityGroups.get(id) ?? []);
  const candidates = byId ?? state.securityGroups.by('home', homeKey(call));
  const mine = candidates.filter((group) => homeKey(group) === homeKey(call));
  const ranges = (group: SecurityGroup, flow: Rule['flow']): string[] =>
    group.rules.filter((rule) => rule.flow === flow).flatMap((rule) => rule.ipRanges);
  const { page, next } = readPage(call, mine, {
    idOf: ({ id }) => id,
    sequenceOf: (id) => state.securityGroups.sequenceOf(id),
    filters: {
      Descriptions: ({ description }) => [description],
      InboundRuleIpRanges: (group) => ranges(group, 'Inbound'),
      NetIds: ({ netId }) => [netId],
      OutboundRuleIpRanges: (group) => ranges(group, 'Outbound'),
      SecurityGroupIds: ({ id }) => [id],
      SecurityGroupNames: ({ name }) => [name],
    },
    hasTags: true,
  });
  return { SecurityGroups: page.map((group) => render(call, group)), ...next };
}

function remove(call: OapiCall): OapiAnswer {
  const { state, parameters } = call;
  const group = ownGroup(call, parameters.require('SecurityGroupId'));
  const isUsed = state.securityGroups
    .by('net', group.netId)
    .some((other) => other.id !== group.id && other.rules.some((rule) => rule.groupIds.includes(group.id)));
  if (isUsed || group.name === 'default')
    throw new OutscaleError(CODES.inUse, `The security group '${group.id}' is in use.`);
  state.securityGroups.remove(group.id);
  removeTags(call, group.id);
  return {};
}

function createRules(call: OapiCall): OapiAnswer {
  const { state } = call;
  const { group, flow, contents } = readRules(call, 'SecurityGroupNameToLink');
  const rules = [...group.rules];
  for (const content of contents) {
    if (rules.some((rule) => rule.flow === flow && overlaps(rule, content)))
      throw new OutscaleError(CODES.ruleExists, `The security group '${group.id}' has this rule already.`);
    rules.push({ id: newId('sgrule'), flow, ...content });
  }
  if (rules.length > state.settings.rulesPerSecurityGroup)
    throw new OutscaleError(CODES.quota, `The limit of rules of '${group.id}' is reached.`);
  return { SecurityGroup: render(call, state.securityGroups.update(group.id, { rules })) };
}

function deleteRules(call: OapiCall): OapiAnswer {
  const { group, flow, contents } = readRules(call, 'SecurityGroupNameToUnlink');
  let { rules } = group;
  for (const content of contents) {
    if (!rules.some((rule) => rule.flow === flow && overlaps(rule, content)))
      throw new OutscaleError(CODES.ruleNotFound, `The security group '${group.id}' has no such rule.`);
    rules = rules.flatMap((rule) => (rule.flow === flow ? without(rule, content) : [rule]));
  }
  return { SecurityGroup: render(call, call.state.securityGroups.update(group.id, { rules })) };
}

/** The rules that a call names, one by one in its own parameters or many in `Rules`. */
function readRules(call: OapiCall, linkParameter: string) {
  const { parameters } = call;
  const group = ownGroup(call, parameters.require('SecurityGroupId'));
  const flow = parameters.oneOf('Flow', FLOWS);
  if (flow === undefined) throw missingParameter('Flow');
  const listed = parameters.objects('Rules');
  const linked = parameters.get(linkParameter);
  const isSimple = SIMPLE_RULE_PARAMETERS.some((name) => parameters.names().includes(name));
  if (listed !== undefined && (isSimple || linked !== undefined)) {
    throw new OutscaleError(
      CODES.unreadableBody,
      'Rules cannot be combined with the parameters of a single rule.',
    );
  }
  if (listed !== undefined) {
    if (listed.length === 0) throw missingParameter('Rules');
    return { group, flow, contents: listed.map((rule) => readListedRule(call, rule)) };
  }
  const ipRange = parameters.get('IpRange');
  if (ipRange === undefined && linked === undefined) throw missingParameter('IpRange');
  const content = {
    ...readPorts(parameters),
    ipRanges: ipRange === undefined ? [] : [readBlock('IpRange', ipRange)],
    groupIds: linked === undefined ? [] : [ownGroup(call, linked).id],
  };
  return { group, flow, contents: [content] };
}

function readListedRule(call: OapiCall, rule: OapiParameters): RuleContent {
  rule.allow(RULE_FIELDS);
  const members = rule.objects('SecurityGroupsMembers') ?? [];
  const ipRanges = (rule.strings('IpRanges') ?? []).map((range) => readBlock('IpRanges', range));
  if (ipRanges.length === 0 && members.length === 0) throw missingParameter('IpRanges');
  const groupIds = members.map((member) => {
    member.allow(MEMBER_FIELDS);
    return ownGroup(call, member.require('SecurityGroupId')).id;
  });
  return { ...readPorts(rule), ipRanges, groupIds };
}

function readPorts(rule: OapiParameters): Pick<Rule, 'protocol' | 'fromPort' | 'toPort'> {
  const protocol = rule.get('IpProtocol') ?? '-1';
  const isNumber = /^\d{1,3}$/.test(protocol) && Number(protocol) <= 255;
  if (!isNumber && !['tcp', 'udp', 'icmp', '-1'].includes(protocol))
    throw invalidValue('IpProtocol', protocol);
  if (protocol === '-1') return { protocol, fromPort: -1, toPort: -1 };
  const fromPort = rule.integer('FromPortRange');
  const toPort = rule.integer('ToPortRange');
  if (fromPort === undefined) throw missingParameter('FromPortRange');
  if (toPort === undefined) throw missingParameter('ToPortRange');
  if (fromPort < -1 || toPort > 65_535 || fromPort > toPort)
    throw invalidValue('FromPortRange', String(fromPort));
  return { protocol, fromPort, toPort };
}

function ownGroup(call: OapiCall, id: string): SecurityGroup {
  return own(call, 'sg', call.state.securityGroups, id);
}

function samePorts(one: RuleContent, other: RuleContent): boolean {
  return one.protocol === other.protocol && one.fromPort === other.fromPort && one.toPort === other.toPort;
}

/** Whether two rules of one flow let something through that is the same to the letter. */
function overlaps(one: RuleContent, other: RuleContent): boolean {
  return (
    samePorts(one, other) &&
    (one.ipRanges.some((range) => other.ipRanges.includes(range)) ||
      one.groupIds.some((id) => other.groupIds.includes(id)))
  );
}

/** What is left of a rule; nothing when all of it is taken away. */
function without(rule: Rule, content: RuleContent): Rule[] {
  if (!samePorts(rule, content)) return [rule];
  const ipRanges = rule.ipRanges.filter((range) => !content.ipRanges.includes(range));
  const groupIds = rule.groupIds.filter((id) => !content.groupIds.includes(id));
  return ipRanges.length + groupIds.length > 0 ? [{ ...rule, ipRanges, groupIds }] : [];
}

function render(call: OapiCall, group: SecurityGroup) {
  const rules = (flow: Rule['flow']) =>
    group.rules.filter((rule) => rule.flow === flow).map((rule) => renderRule(call, rule));
  return {
    SecurityGroupId: group.id,
    SecurityGroupName: group.name,
    Description: group.description,
    AccountId: group.accountId,
    NetId: group.netId,
    InboundRules: rules('Inbound'),
    OutboundRules: rules('Outbound'),
    Tags: tagsOf(call, group.id),
  };
}

function renderRule({ state }: OapiCall, rule: Rule) {
  const members = rule.groupIds.map((id) => ({
    AccountId: state.securityGroups.get(id)?.accountId ?? '',
    SecurityGroupId: id,
    SecurityGroupName: state.securityGroups.get(id)?.name ?? '',
  }));
  return {
    SecurityGroupRuleId: rule.id,
    IpProtocol: rule.protocol,
    FromPortRange: rule.fromPort,
    ToPortRange: rule.toPort,
    ...(rule.ipRanges.length > 0 && { IpRanges: rule.ipRanges }),
    ...(members.length > 0 && { SecurityGroupsMembers: members }),
  };
}
