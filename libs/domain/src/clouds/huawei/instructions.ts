/** What a Huawei Cloud customer does, as console steps, KooCLI and Terraform text, filled in. */
import type { CloudInstructions, InstructionContext, NextAction } from '../../cloud-profile.js';
import type { Locale } from '../../reason.js';

const choose = (locale: Locale, en: string, zh: string): string => (locale === 'zh' ? zh : en);

/** The Chinese and the international site have consoles of their own; accounts belong to one of the two. */
function consoleUrl(locale: Locale, region: string, page: string): string {
  const host = choose(locale, 'console-intl.huaweicloud.com', 'console.huaweicloud.com');
  return `https://${host}/vpc/?region=${region}#/vpc/${page}`;
}

function createRequest({ network, spec, locale }: InstructionContext): NextAction {
  const { accountId, region, vpcId } = network;
  const requester = spec['vpcId'] ?? '<your-vpc-id>';
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
      choose(locale, `As local VPC choose your VPC ${requester}.`, `本端 VPC 选择您的 VPC ${requester}。`),
      choose(
        locale,
        `As account choose Another account, with peer project ID ${accountId} and peer VPC ID ${vpcId}.`,
        `账户选择“其他账户”，对端项目 ID ${accountId}，对端 VPC ID ${vpcId}。`,
      ),
      choose(
        locale,
        'Give the id of the connection, your VPC id and its address blocks, and your IAM user id to this connection.',
        '将对等连接 ID、您的 VPC ID 及其网段、您的 IAM 用户 ID 填入本连接。',
      ),
    ],
    artifacts: {
      console: consoleUrl(locale, region, 'vpcPeering/list'),
      cli:
        `hcloud VPC CreateVpcPeering --cli-region=${region} \\\n  --peering.name=<name> \\\n` +
        `  --peering.request_vpc_info.vpc_id=${requester} \\\n` +
        `  --peering.accept_vpc_info.vpc_id=${vpcId} \\\n` +
        `  --peering.accept_vpc_info.tenant_id=${accountId}`,
      terraform:
        `resource "huaweicloud_vpc_peering_connection" "platform" {\n  name           = "<name>"\n` +
        `  vpc_id         = "${requester}"\n  peer_vpc_id    = "${vpcId}"\n  peer_tenant_id = "${accountId}"\n}`,
    },
  };
}

function addRoute({ network, spec, providerId, locale }: InstructionContext): NextAction | null {
  if (providerId === null) return null;
  const { cidrs, region } = network;
  const vpcId = spec['vpcId'] ?? '<your-vpc-id>';
  return {
    actor: 'customer',
    code: 'add_route',
    title: choose(locale, 'Route the platform network through the connection', '添加到平台网络的路由'),
    steps: cidrs.map((cidr) =>
      choose(
        locale,
        `In the route table of each subnet of ${vpcId} that should reach the deployment, add ${cidr} with next hop type VPC peering connection and next hop ${providerId}.`,
        `在 ${vpcId} 中需要访问部署的每个子网的路由表中添加目的地址 ${cidr}，下一跳类型“对等连接”，下一跳 ${providerId}。`,
      ),
    ),
    artifacts: {
      console: consoleUrl(locale, region, 'routeTable/list'),
      cli: cidrs
        .map(
          (cidr) =>
            `hcloud VPC UpdateRouteTable --cli-region=${region} \\\n  --routetable_id=<your-route-table-id> \\\n` +
            `  --routetable.routes.add.1.type=peering \\\n` +
            `  --routetable.routes.add.1.destination=${cidr} \\\n` +
            `  --routetable.routes.add.1.nexthop=${providerId}`,
        )
        .join('\n'),
      terraform: cidrs
        .map(
          (cidr, index) =>
            `resource "huaweicloud_vpc_route" "platform_${String(index)}" {\n  vpc_id      = "${vpcId}"\n` +
            `  destination = "${cidr}"\n  type        = "peering"\n  nexthop     = "${providerId}"\n}`,
        )
        .join('\n'),
    },
  };
}

function allowTraffic({ network, locale }: InstructionContext): NextAction {
  const { cidrs, region } = network;
  return {
    actor: 'customer',
    code: 'allow_traffic',
    title: choose(locale, 'Let the platform network in', '放行平台网络'),
    steps: cidrs.map((cidr) =>
      choose(
        locale,
        `Where your side is to be reached by the deployment, allow inbound traffic from ${cidr} in its security group.`,
        `如需部署访问您的服务，请在其安全组中放行来自 ${cidr} 的入方向流量。`,
      ),
    ),
    artifacts: {
      console: consoleUrl(locale, region, 'secGroups/list'),
      cli: cidrs
        .map(
          (cidr) =>
            `hcloud VPC CreateSecurityGroupRule/v3 --cli-region=${region} \\\n` +
            `  --security_group_rule.security_group_id=<your-security-group-id> \\\n` +
            `  --security_group_rule.direction=ingress --security_group_rule.ethertype=IPv4 \\\n` +
            `  --security_group_rule.protocol=tcp --security_group_rule.multiport=<port> \\\n` +
            `  --security_group_rule.remote_ip_prefix=${cidr}`,
        )
        .join('\n'),
      terraform: cidrs
        .map(
          (cidr, index) =>
            `resource "huaweicloud_networking_secgroup_rule" "platform_${String(index)}" {\n` +
            `  security_group_id = "<your-security-group-id>"\n  direction         = "ingress"\n` +
            `  ethertype         = "IPv4"\n  protocol          = "tcp"\n  ports             = "<port>"\n` +
            `  remote_ip_prefix  = "${cidr}"\n}`,
        )
        .join('\n'),
    },
  };
}

export const huaweiInstructions: CloudInstructions = {
  createRequest,
  addRoute,
  allowTraffic,
  approve: () => null,
};
