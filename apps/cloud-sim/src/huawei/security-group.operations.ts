import { randomUUID } from 'node:crypto';
import { parseIpv4Block } from '../ipv4-block.js';
import { HuaweiError } from './huawei-error.js';
import type { SecurityGroup, SecurityGroupRule } from './huawei-state.js';
import {
  pageByMarker,
  zonedTime,
  type JsonFields,
  type RestAnswer,
  type RestCall,
  type RestOperation,
} from './rest-operation.js';

const GROUPS = '/v3/{project_id}/vpc/security-groups';
const RULES = '/v3/{project_id}/vpc/security-group-rules';

/** Security groups and their rules, in version 3 of the VPC API. */
export const SECURITY_GROUP_OPERATIONS: readonly RestOperation[] = [
  { name: 'CreateSecurityGroup', method: 'POST', path: GROUPS, envelope: 'gateway', run: createGroup },
  {
    name: 'DeleteSecurityGroup',
    method: 'DELETE',
    path: `${GROUPS}/{id}`,
    envelope: 'gateway',
    run: removeGroup,
  },
  { name: 'CreateSecurityGroupRule', method: 'POST', path: RULES, envelope: 'gateway', run: createRule },
  { name: 'ListSecurityGroupRules', method: 'GET', path: RULES, envelope: 'gateway', run: listRules },
  {
    name: 'DeleteSecurityGroupRule',
    method: 'DELETE',
    path: `${RULES}/{id}`,
    envelope: 'gateway',
    run: removeRule,
  },
];

function createGroup(call: RestCall): RestAnswer {
  const { state, body, project, now } = call;
  const given = body.object('security_group');
  const group = state.securityGroups.put({
    id: randomUUID(),
    projectId: project.id,
    name: given.require('name'),
    description: given.text('description') ?? '',
    createdAt: now,
  });
  return {
    status: 201,
    body: {
      security_group: {
        id: group.id,
        name: group.name,
        description: group.description,
        project_id: group.projectId,
        enterprise_project_id: '0',
        security_group_rules: [],
        created_at: zonedTime(now),
        updated_at: zonedTime(now),
      },
    },
  };
}

function ownGroup({ state, project }: RestCall, id: string): SecurityGroup {
  const group = state.securityGroups.get(id);
  if (group?.projectId !== project.id) {
    throw new HuaweiError(404, 'VPC.0601', `Security group ${id} does not exist`);
  }
  return group;
}

function removeGroup(call: RestCall): RestAnswer {
  const { state } = call;
  const group = ownGroup(call, call.path['id'] ?? '');
  for (const rule of state.securityGroupRules.by('group', group.id)) state.securityGroupRules.remove(rule.id);
  state.securityGroups.remove(group.id);
  return { status: 204, body: null };
}

function createRule(call: RestCall): RestAnswer {
  const { state, body, project, now } = call;
  const given = body.object('security_group_rule');
  const group = ownGroup(call, given.require('security_group_id'));
  const remoteIpPrefix = given.text('remote_ip_prefix') ?? null;
  if (remoteIpPrefix !== null && parseIpv4Block(remoteIpPrefix) === undefined) {
    throw new HuaweiError(400, 'VPC.0602', `Param remote_ip_prefix ${remoteIpPrefix} is invalid.`);
  }
  const rule: SecurityGroupRule = {
    id: randomUUID(),
    projectId: project.id,
    groupId: group.id,
    direction: oneOf(given, 'direction', ['ingress', 'egress']),
    ethertype: given.text('ethertype') === 'IPv6' ? 'IPv6' : 'IPv4',
    protocol: given.text('protocol') ?? null,
    multiport: given.text('multiport') ?? null,
    remoteIpPrefix,
    action: given.text('action') === 'deny' ? 'deny' : 'allow',
    priority: given.number('priority', 1),
    description: given.text('description') ?? '',
    createdAt: now,
  };
  const isKnown = state.securityGroupRules
    .by('group', group.id)
    .some((other) => describe(other) === describe(rule));
  if (isKnown) throw new HuaweiError(409, 'VPC.0609', 'Security group rule already exists.');
  state.securityGroupRules.put(rule);
  return { status: 201, body: { security_group_rule: render(rule) } };
}

/** What makes two rules of a group the same. */
function describe(rule: SecurityGroupRule): string {
  const { direction, ethertype, protocol, multiport, remoteIpPrefix, action, priority } = rule;
  return JSON.stringify([direction, ethertype, protocol, multiport, remoteIpPrefix, action, priority]);
}

function oneOf<V extends string>(given: JsonFields, name: string, values: readonly V[]): V {
  const text = given.require(name);
  const value = values.find((known) => known === text);
  if (value === undefined) throw new HuaweiError(400, 'VPC.0602', `Param ${name} ${text} is invalid.`);
  return value;
}

function listRules({ state, query, project }: RestCall): RestAnswer {
  const groupId = query.get('security_group_id');
  const matching = state.securityGroupRules
    .by('project', project.id)
    .filter((rule) => groupId === null || rule.groupId === groupId);
  const { page } = pageByMarker(query, matching);
  return { status: 200, body: { security_group_rules: page.map(render) } };
}

function removeRule({ state, project, path }: RestCall): RestAnswer {
  const rule = state.securityGroupRules.get(path['id'] ?? '');
  if (rule?.projectId !== project.id)
    throw new HuaweiError(404, 'VPC.0608', 'Security group rule does not exist.');
  state.securityGroupRules.remove(rule.id);
  return { status: 204, body: null };
}

function render(rule: SecurityGroupRule): Readonly<Record<string, unknown>> {
  return {
    id: rule.id,
    project_id: rule.projectId,
    security_group_id: rule.groupId,
    direction: rule.direction,
    ethertype: rule.ethertype,
    protocol: rule.protocol,
    multiport: rule.multiport,
    remote_ip_prefix: rule.remoteIpPrefix,
    remote_group_id: null,
    remote_address_group_id: null,
    action: rule.action,
    priority: rule.priority,
    description: rule.description,
    created_at: zonedTime(rule.createdAt),
    updated_at: zonedTime(rule.createdAt),
  };
}
