/**
 * What a Huawei Cloud customer does, as console steps, KooCLI and Terraform text, filled in. Facts: VPC API reference
 * ("VPC Peering Connection", "Route Table", "Security Group Rule") with its "Permissions and Supported Actions"; STS API
 * reference, GetCallerIdentity; KooCLI user guide; documentation of Huawei Cloud's Terraform provider.
 */
import type { CloudInstructions, InstructionContext, NextAction } from '../../cloud-profile.js';
import type { Locale } from '../../reason.js';
import {
  choose,
  cidrSet,
  command,
  listed,
  named,
  needsPermissions,
  onceMoreNote,
  onlyWhereReached,
  providerNote,
} from '../instruction-text.js';

const IAM = { tool: 'KooCLI', system: 'IAM' } as const;

/** The Chinese and the international site have consoles of their own; accounts belong to one of the two. */
function consoleUrl(locale: Locale, region: string, page: string): string {
  const host = choose(locale, 'console-intl.huaweicloud.com', 'console.huaweicloud.com');
  return `https://${host}/vpc/?region=${region}#/vpc/${page}`;
}

function createRequest({ network, spec, locale }: InstructionContext): NextAction {
  const { accountId, region, vpcId, deploymentId } = network;
  const ownVpc = spec['vpcId'];
  const requester = ownVpc ?? '<your-vpc-id>';
  const cidrs = listed(network.cidrs, locale);
  return {
    actor: 'customer',
    code: 'create_peering_request',
    title: choose(locale, 'Create a VPC peering connection', '创建 VPC 对等连接'),
    steps: [
      choose(
        locale,
        `In the VPC console of ${region}, choose VPC Peering Connections > Create VPC Peering Connection.`,
        `在 ${region} 的虚拟私有云控制台选择“对等连接 > 创建对等连接”。`,
      ),
      choose(
        locale,
        `As local VPC choose your VPC${named(ownVpc)}. Its CIDR blocks must not overlap ${cidrs} of the deployment: Huawei Cloud would take such a request, but the platform does not accept it.`,
        `本端 VPC 选择您的 VPC${named(ownVpc)}。其网段不得与部署的 ${cidrs} 重叠：华为云允许创建此类请求，但平台不会接受。`,
      ),
      choose(
        locale,
        `As account choose Another account, with peer project ID ${accountId} and peer VPC ID ${vpcId}.`,
        `账户选择“其他账户”，对端项目 ID ${accountId}，对端 VPC ID ${vpcId}。`,
      ),
      choose(
        locale,
        'Give the ID of the connection, the ID of your VPC and its CIDR blocks, and your IAM user ID (My Credentials > API Credentials) to the platform; the KooCLI and Terraform texts print them under the names of the fields. The platform then accepts the request by itself.',
        '将对等连接 ID、您的 VPC ID 及其网段、您的 IAM 用户 ID（我的凭证 > API 凭证）提交给平台；KooCLI 和 Terraform 会按相应的字段名输出这些值。随后平台会自动接受请求。',
      ),
      needsPermissions(IAM, locale, 'vpc:peerings:create', 'vpc:vpcs:get'),
    ],
    artifacts: {
      console: consoleUrl(locale, region, 'vpcPeering/list'),
      cli: [
        command(
          'hcloud VPC CreateVpcPeering',
          `--cli-region=${region}`,
          `--peering.name=${deploymentId}`,
          `--peering.request_vpc_info.vpc_id=${requester}`,
          `--peering.accept_vpc_info.vpc_id=${vpcId}`,
          `--peering.accept_vpc_info.tenant_id=${accountId}`,
          "--cli-query='peering.{connectionId:id,vpcId:request_vpc_info.vpc_id,projectId:request_vpc_info.tenant_id}'",
        ),
        command(
          'hcloud VPC ShowVpc/v3',
          `--cli-region=${region}`,
          `--vpc_id=${requester}`,
          "--cli-query='{cidrs:[vpc.cidr,vpc.extend_cidrs][]}'",
        ),
        command(
          'hcloud STS GetCallerIdentity',
          `--cli-region=${region}`,
          "--cli-query='{userId:principal_id}'",
        ),
      ].join('\n'),
      terraform: `${providerNote('huaweicloud', region, locale)}
${onceMoreNote('huaweicloud_vpc_peering_connection.platform', locale)}
data "huaweicloud_account" "requester" {}

data "huaweicloud_vpc" "requester" {
  id = "${requester}"
}

resource "huaweicloud_vpc_peering_connection" "platform" {
  name           = "${deploymentId}"
  vpc_id         = data.huaweicloud_vpc.requester.id
  peer_vpc_id    = "${vpcId}"
  peer_tenant_id = "${accountId}"
}

output "peering_request" {
  value = {
    connectionId = huaweicloud_vpc_peering_connection.platform.id
    vpcId        = huaweicloud_vpc_peering_connection.platform.vpc_id
    userId       = data.huaweicloud_account.requester.user_id
  }
}

output "cidrs" {
  value = concat(
    [data.huaweicloud_vpc.requester.cidr],
    coalesce(data.huaweicloud_vpc.requester.secondary_cidrs, []),
  )
}`,
    },
  };
}

function addRoute({ network, spec, providerId, locale }: InstructionContext): NextAction | null {
  if (providerId === null) return null;
  const { cidrs, region } = network;
  const ownVpc = spec['vpcId'];
  const defaultTable = choose(
    locale,
    '# Without route_table_id, routes go to the default route table of the VPC.',
    '# 不填写 route_table_id 时，路由将添加到 VPC 的默认路由表。',
  );
  return {
    actor: 'customer',
    code: 'add_route',
    title: choose(locale, 'Route the platform network through the connection', '添加通往平台网络的路由'),
    steps: [
      choose(
        locale,
        `In the VPC console of ${region}, choose Route Tables and open, of your VPC${named(ownVpc)}, the table of the subnets that should reach the deployment; a subnet without a table of its own uses the default route table.`,
        `在 ${region} 的虚拟私有云控制台选择“路由表”，打开您的 VPC${named(ownVpc)} 中需要访问部署的子网所关联的路由表；未关联自定义路由表的子网使用默认路由表。`,
      ),
      ...cidrs.map((cidr) =>
        choose(
          locale,
          `Choose Add Route, with destination ${cidr}, next hop type VPC peering connection and next hop ${providerId}.`,
          `点击“添加路由”，目的地址 ${cidr}，下一跳类型“对等连接”，下一跳 ${providerId}。`,
        ),
      ),
      choose(
        locale,
        'Do the same in every other route table that needs it.',
        '对其他需要的路由表执行相同操作。',
      ),
      needsPermissions(IAM, locale, 'vpc:routeTables:update'),
    ],
    artifacts: {
      console: consoleUrl(locale, region, 'routeTable/list'),
      cli: command(
        'hcloud VPC UpdateRouteTable',
        `--cli-region=${region}`,
        '--routetable_id=<your-route-table-id>',
        ...cidrs.flatMap((cidr, index) => {
          const route = `--routetable.routes.add.${String(index + 1)}`;
          return [`${route}.type=peering`, `${route}.destination=${cidr}`, `${route}.nexthop=${providerId}`];
        }),
      ),
      terraform: `${providerNote('huaweicloud', region, locale)}
${defaultTable}
resource "huaweicloud_vpc_route" "platform" {
  for_each = ${cidrSet(cidrs)}

  vpc_id         = "${ownVpc ?? '<your-vpc-id>'}"
  route_table_id = "<your-route-table-id>"
  destination    = each.value
  type           = "peering"
  nexthop        = "${providerId}"
}`,
    },
  };
}

function allowTraffic({ network, locale }: InstructionContext): NextAction {
  const { cidrs, region, deploymentId } = network;
  return {
    actor: 'customer',
    code: 'allow_traffic',
    title: choose(locale, 'Let the platform network in', '放行来自平台网络的流量'),
    steps: [
      onlyWhereReached(locale),
      choose(
        locale,
        `In the VPC console of ${region}, choose Security Groups, open the group of the service, and choose Inbound Rules > Add Rule.`,
        `在 ${region} 的虚拟私有云控制台选择“安全组”，打开服务所用的安全组，选择“入方向规则 > 添加规则”。`,
      ),
      ...cidrs.map((cidr) =>
        choose(
          locale,
          `Action Allow, protocol TCP, the port of your service, source ${cidr}.`,
          `策略选择“允许”，协议选择 TCP，端口输入您的服务端口，源地址输入 ${cidr}。`,
        ),
      ),
      choose(
        locale,
        'Network ACLs of the subnets have to allow the traffic too, in both directions.',
        '若子网关联了网络 ACL，还需在其中放行双向流量。',
      ),
      needsPermissions(IAM, locale, 'vpc:securityGroupRules:create'),
    ],
    artifacts: {
      console: consoleUrl(locale, region, 'secGroups/list'),
      cli: cidrs
        .map((cidr) =>
          command(
            'hcloud VPC CreateSecurityGroupRule/v3',
            `--cli-region=${region}`,
            '--security_group_rule.security_group_id=<your-security-group-id>',
            `--security_group_rule.description=${deploymentId}`,
            '--security_group_rule.direction=ingress',
            '--security_group_rule.ethertype=IPv4',
            '--security_group_rule.protocol=tcp',
            '--security_group_rule.multiport=<port>',
            `--security_group_rule.remote_ip_prefix=${cidr}`,
          ),
        )
        .join('\n'),
      terraform: `${providerNote('huaweicloud', region, locale)}
resource "huaweicloud_networking_secgroup_rule" "platform" {
  for_each = ${cidrSet(cidrs)}

  security_group_id = "<your-security-group-id>"
  description       = "${deploymentId}"
  direction         = "ingress"
  ethertype         = "IPv4"
  protocol          = "tcp"
  ports             = "<port>"
  remote_ip_prefix  = each.value
}`,
    },
  };
}

export const huaweiInstructions: CloudInstructions = {
  createRequest,
  addRoute,
  allowTraffic,
  approve: () => null,
};
