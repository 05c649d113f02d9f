/**
 * What an OUTSCALE customer does, as Cockpit steps, OSC CLI and Terraform text, filled in. Facts: OUTSCALE user guide
 * ("About Net Peerings", "Creating a Net Peering", "Creating a Route", "Adding Rules to a Security Group"); OUTSCALE
 * API reference; documentation of OUTSCALE's Terraform provider.
 */
import type { CloudInstructions, InstructionContext, NextAction } from '../../cloud-profile.js';
import type { Locale } from '../../reason.js';
import {
  choose,
  cidrSet,
  command,
  listed,
  named,
  onceMoreNote,
  onlyWhereReached,
  providerNote,
} from '../instruction-text.js';

/** Cockpit is one site for all regions; the region is chosen in it. */
const COCKPIT = 'https://cockpit.outscale.com/';

/** A call of OSC CLI. The region is that of the profile. */
const call = (action: string, ...options: readonly string[]): string =>
  command(`osc-cli api ${action} --profile default`, ...options);

/** A value for OSC CLI that is text though it looks like a number, such as an account ID: it takes those for numbers. */
const text = (digits: string): string => `'"${digits}"'`;

/** Makes JSON of OSC CLI's answer that has the names of the connection's own fields. */
const DECLARED =
  "jq '.NetPeering | {netPeeringId: .NetPeeringId, accountId: .SourceNet.AccountId, netId: .SourceNet.NetId}'";

/** That the command line and Terraform have to speak to the deployment's region, with these rights. */
function needs(region: string, locale: Locale, ...actions: string[]): string {
  const rights = actions.map((action) => `api:${action}`);
  return choose(
    locale,
    `The OSC CLI text uses the profile "default" of ~/.osc/config.json, whose region has to be ${region}; an EIM user needs the right to ${rights.join(' and ')}.`,
    `OSC CLI 使用 ~/.osc/config.json 中的 “default” 配置，其区域须为 ${region}；EIM 用户需要 ${rights.join(' 和 ')} 权限。`,
  );
}

function createRequest({ network, spec, locale }: InstructionContext): NextAction {
  const { accountId, region, vpcId, deploymentId } = network;
  const ownNet = spec['netId'];
  const cidrs = listed(network.cidrs, locale);
  return {
    actor: 'customer',
    code: 'create_peering_request',
    title: choose(locale, 'Request a Net peering', '创建 Net 对等连接（Net peering）请求'),
    steps: [
      choose(
        locale,
        `Have a Net in ${region} that contains at least one VM and does not overlap ${cidrs}: OUTSCALE peers no empty Net, none of another region, and fails a request between Nets that overlap.`,
        `准备一个位于 ${region}、至少包含一台虚拟机且不与 ${cidrs} 重叠的 Net：OUTSCALE 不支持空 Net 或跨区域的对等连接，网段重叠的请求会立即失败。`,
      ),
      choose(
        locale,
        `In Cockpit, select the region ${region}, open Net Peerings and click Create Net Peering.`,
        `在 Cockpit 中选择区域 ${region}，打开“Net Peerings”，点击“Create Net Peering”。`,
      ),
      choose(
        locale,
        `From the Source Net list, select your Net${named(ownNet)}.`,
        `在“Source Net”列表中选择您的 Net${named(ownNet)}。`,
      ),
      choose(
        locale,
        `Switch off My account; as Owner Account ID enter ${accountId}, as Target Net ${vpcId}. Then click Create.`,
        `关闭“My account”开关；“Owner Account ID”输入 ${accountId}，“Target Net”输入 ${vpcId}，然后点击“Create”。`,
      ),
      choose(
        locale,
        'Give the ID of the Net peering (pcx-…), your account ID and the ID of your Net (vpc-…) to the platform; the OSC CLI text (which needs jq) and the Terraform text print all three under the names of the fields. The platform then accepts the request by itself; OUTSCALE drops it if that has not happened after 7 days.',
        '将 Net 对等连接的 ID（pcx-…）、您的账号 ID 和 Net ID（vpc-…）提交给平台；OSC CLI（需安装 jq）和 Terraform 会按相应的字段名输出这三个值。随后平台会自动接受请求；7 天内未被接受的请求将过期。',
      ),
      needs(region, locale, 'CreateNetPeering'),
    ],
    artifacts: {
      console: COCKPIT,
      cli: call(
        'CreateNetPeering',
        `--SourceNetId ${ownNet ?? '<your-net-id>'}`,
        `--AccepterNetId ${vpcId}`,
        `--AccepterOwnerId ${text(accountId)}`,
        `| ${DECLARED}`,
      ),
      terraform: `${providerNote('outscale', region, locale)}
${onceMoreNote('outscale_net_peering.platform', locale)}
resource "outscale_net_peering" "platform" {
  source_net_id     = "${ownNet ?? '<your-net-id>'}"
  accepter_net_id   = "${vpcId}"
  accepter_owner_id = "${accountId}"

  tags {
    key   = "Name"
    value = "${deploymentId}"
  }
}

output "peering_request" {
  value = {
    netPeeringId = outscale_net_peering.platform.net_peering_id
    accountId    = outscale_net_peering.platform.source_net_account_id
    netId        = outscale_net_peering.platform.source_net_id
  }
}`,
    },
  };
}

function addRoute({ network, providerId, locale }: InstructionContext): NextAction | null {
  if (providerId === null) return null;
  const { cidrs, region } = network;
  return {
    actor: 'customer',
    code: 'add_route',
    title: choose(locale, 'Route the platform network through the Net peering', '添加通往平台网络的路由'),
    steps: [
      choose(
        locale,
        `In Cockpit, select the region ${region}, open Route Tables and the table of the Subnets that should reach the deployment; a Subnet without a table of its own uses the main one of its Net.`,
        `在 Cockpit 中选择区域 ${region}，打开“Route Tables”以及需要访问部署的 Subnet 所关联的路由表；未关联路由表的 Subnet 使用其 Net 的主路由表。`,
      ),
      ...cidrs.map((cidr) =>
        choose(
          locale,
          `Create a route: as target choose the Net peering ${providerId}, as destination enter ${cidr}.`,
          `创建路由：目标（Target）选择 Net 对等连接 ${providerId}，目的网段（Destination）输入 ${cidr}。`,
        ),
      ),
      choose(
        locale,
        'Do the same in every other route table that needs it.',
        '对其他需要的路由表执行相同操作。',
      ),
      needs(region, locale, 'CreateRoute'),
    ],
    artifacts: {
      console: COCKPIT,
      cli: cidrs
        .map((cidr) =>
          call(
            'CreateRoute',
            '--RouteTableId <your-route-table-id>',
            `--DestinationIpRange ${cidr}`,
            `--NetPeeringId ${providerId}`,
          ),
        )
        .join('\n'),
      terraform: `${providerNote('outscale', region, locale)}
resource "outscale_route" "platform" {
  for_each = ${cidrSet(cidrs)}

  route_table_id       = "<your-route-table-id>"
  destination_ip_range = each.value
  net_peering_id       = "${providerId}"
}`,
    },
  };
}

function allowTraffic({ network, locale }: InstructionContext): NextAction {
  const { cidrs, region } = network;
  return {
    actor: 'customer',
    code: 'allow_traffic',
    title: choose(locale, 'Let the platform network in', '放行来自平台网络的流量'),
    steps: [
      onlyWhereReached(locale),
      choose(
        locale,
        `In Cockpit, select the region ${region}, open Security Groups and the group of the service, and click Create Inbound Rules.`,
        `在 Cockpit 中选择区域 ${region}，打开“Security Groups”中服务所用的安全组，点击“Create Inbound Rules”。`,
      ),
      ...cidrs.map((cidr) =>
        choose(
          locale,
          `Protocol tcp, the port of your service, IP range ${cidr}.`,
          `协议选择 tcp，端口输入您的服务端口，IP range 输入 ${cidr}。`,
        ),
      ),
      needs(region, locale, 'CreateSecurityGroupRule'),
    ],
    artifacts: {
      console: COCKPIT,
      cli: cidrs
        .map((cidr) =>
          call(
            'CreateSecurityGroupRule',
            '--SecurityGroupId <your-security-group-id>',
            '--Flow Inbound',
            '--IpProtocol tcp',
            '--FromPortRange <port>',
            '--ToPortRange <port>',
            `--IpRange ${cidr}`,
          ),
        )
        .join('\n'),
      terraform: `${providerNote('outscale', region, locale)}
resource "outscale_security_group_rule" "platform" {
  for_each = ${cidrSet(cidrs)}

  security_group_id = "<your-security-group-id>"
  flow              = "Inbound"
  ip_protocol       = "tcp"
  from_port_range   = <port>
  to_port_range     = <port>
  ip_range          = each.value
}`,
    },
  };
}

export const outscaleInstructions: CloudInstructions = {
  createRequest,
  addRoute,
  allowTraffic,
  approve: () => null,
};
