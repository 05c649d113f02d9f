/** What an Alibaba Cloud customer does, as console steps, Alibaba Cloud CLI and Terraform text, filled in. */
import type { CloudInstructions, InstructionContext, NextAction } from '../../cloud-profile.js';
import type { Locale } from '../../reason.js';

const choose = (locale: Locale, en: string, zh: string): string => (locale === 'zh' ? zh : en);

function consoleUrl(region: string, page: string): string {
  return `https://vpc.console.aliyun.com/${page.replace('{region}', region)}`;
}

/** The customer's VPC, where they have named it. */
function ownVpc(spec: InstructionContext['spec']): string {
  const id = spec['requesterInstanceId'];
  return id?.startsWith('vpc-') ? id : '<your-vpc-id>';
}

function createRequest({ network, spec, locale }: InstructionContext): NextAction {
  const { accountId, region, vpcId } = network;
  const requester = ownVpc(spec);
  return {
    actor: 'customer',
    code: 'create_peering_request',
    title: choose(locale, 'Create a VPC peering connection', '创建 VPC 对等连接'),
    steps: [
      choose(
        locale,
        'Cloud Data Transfer (CDT) has to be active on your account; the console offers to activate it when it is not.',
        '您的账号需已开通云数据传输（CDT）；若未开通，控制台会提示开通。',
      ),
      choose(
        locale,
        `In the VPC console of ${region}, choose VPC Peering Connection > Create VPC Peering Connection.`,
        `在 ${region} 的专有网络控制台选择“VPC 对等连接 > 创建对等连接”。`,
      ),
      choose(locale, `As requester choose your VPC ${requester}.`, `发起端选择您的 VPC ${requester}。`),
      choose(
        locale,
        `As accepter choose Cross-account with account UID ${accountId}, Intra-region, and VPC ID ${vpcId}.`,
        `接收端选择“跨账号”，账号 UID ${accountId}，“同地域”，VPC ID ${vpcId}。`,
      ),
      choose(
        locale,
        'Give the id of the connection (pcc-…), or of your VPC (vpc-…), to this connection.',
        '将对等连接 ID（pcc-…）或您的 VPC ID（vpc-…）填入本连接。',
      ),
    ],
    artifacts: {
      console: consoleUrl(region, 'vpcpeer/{region}/vpcpeers'),
      cli:
        `aliyun vpcpeer CreateVpcPeerConnection --region ${region} --RegionId ${region} \\\n` +
        `  --VpcId ${requester} \\\n  --AcceptingAliUid ${accountId} \\\n` +
        `  --AcceptingRegionId ${region} \\\n  --AcceptingVpcId ${vpcId}`,
      terraform:
        `resource "alicloud_vpc_peer_connection" "platform" {\n  vpc_id              = "${requester}"\n` +
        `  accepting_ali_uid   = "${accountId}"\n  accepting_region_id = "${region}"\n` +
        `  accepting_vpc_id    = "${vpcId}"\n}`,
    },
  };
}

function addRoute({ network, providerId, locale }: InstructionContext): NextAction | null {
  if (providerId === null) return null;
  const { cidrs, region } = network;
  return {
    actor: 'customer',
    code: 'add_route',
    title: choose(locale, 'Route the platform network through the connection', '添加到平台网络的路由'),
    steps: cidrs.map((cidr) =>
      choose(
        locale,
        `In the route table of each vSwitch that should reach the deployment, add ${cidr} with next hop type VPC Peering Connection and next hop ${providerId}.`,
        `在需要访问部署的每个交换机的路由表中添加目标网段 ${cidr}，下一跳类型“VPC 对等连接”，下一跳 ${providerId}。`,
      ),
    ),
    artifacts: {
      console: consoleUrl(region, 'vpc/{region}/route-tables'),
      cli: cidrs
        .map(
          (cidr) =>
            `aliyun vpc CreateRouteEntry --region ${region} --RegionId ${region} \\\n` +
            `  --RouteTableId <your-route-table-id> \\\n  --DestinationCidrBlock ${cidr} \\\n` +
            `  --NextHopType VpcPeer --NextHopId ${providerId}`,
        )
        .join('\n'),
      terraform: cidrs
        .map(
          (cidr, index) =>
            `resource "alicloud_route_entry" "platform_${String(index)}" {\n` +
            `  route_table_id        = "<your-route-table-id>"\n  destination_cidrblock = "${cidr}"\n` +
            `  nexthop_type          = "VpcPeer"\n  nexthop_id            = "${providerId}"\n}`,
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
      console: `https://ecs.console.aliyun.com/securityGroup/region/${region}`,
      cli: cidrs
        .map(
          (cidr) =>
            `aliyun ecs AuthorizeSecurityGroup --region ${region} --RegionId ${region} \\\n` +
            `  --SecurityGroupId <your-security-group-id> \\\n` +
            `  --Permissions.1.IpProtocol TCP --Permissions.1.PortRange <port>/<port> \\\n` +
            `  --Permissions.1.SourceCidrIp ${cidr} --Permissions.1.Policy accept`,
        )
        .join('\n'),
      terraform: cidrs
        .map(
          (cidr, index) =>
            `resource "alicloud_security_group_rule" "platform_${String(index)}" {\n` +
            `  security_group_id = "<your-security-group-id>"\n  type              = "ingress"\n` +
            `  ip_protocol       = "tcp"\n  port_range        = "<port>/<port>"\n` +
            `  policy            = "accept"\n  cidr_ip           = "${cidr}"\n}`,
        )
        .join('\n'),
    },
  };
}

export const alibabaInstructions: CloudInstructions = {
  createRequest,
  addRoute,
  allowTraffic,
  approve: () => null,
};
