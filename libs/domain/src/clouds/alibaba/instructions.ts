/**
 * What an Alibaba Cloud customer does, as console steps, Alibaba Cloud CLI and Terraform text, filled in. Facts: API
 * reference of VpcPeer 2022-01-01, Vpc 2016-04-28 and Ecs 2014-05-26 with their RAM actions; documentation of Alibaba
 * Cloud's Terraform provider.
 */
import type { CloudInstructions, InstructionContext, NextAction } from '../../cloud-profile.js';
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

const RAM = { tool: 'Alibaba Cloud CLI', system: 'RAM' } as const;

function consoleUrl(region: string, page: string): string {
  return `https://vpc.console.aliyun.com/${page.replace('{region}', region)}`;
}

/** The customer's VPC, where they have named it. */
function ownVpc(spec: InstructionContext['spec']): string | undefined {
  const id = spec['requesterInstanceId'];
  return id?.startsWith('vpc-') ? id : undefined;
}

function createRequest({ network, spec, locale }: InstructionContext): NextAction {
  const { accountId, region, vpcId, deploymentId } = network;
  const requester = ownVpc(spec);
  const cidrs = listed(network.cidrs, locale);
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
      choose(
        locale,
        `As requester choose your VPC${named(requester)}. Its CIDR blocks must not overlap ${cidrs} of the deployment: Alibaba Cloud would take such a request, but the platform does not accept it.`,
        `发起端选择您的 VPC${named(requester)}。其网段不得与部署的 ${cidrs} 重叠：阿里云允许创建此类请求，但平台不会接受。`,
      ),
      choose(
        locale,
        `As accepter choose Cross-account with account UID ${accountId}, Intra-region, and VPC ID ${vpcId}.`,
        `接收端选择“跨账号”，账号 UID ${accountId}，“同地域”，VPC ID ${vpcId}。`,
      ),
      choose(
        locale,
        'Give the ID of the connection (pcc-…), or of your VPC (vpc-…), to the platform; the Alibaba Cloud CLI text (3.2.5 or newer) and the Terraform text print the first under the name of the field. The platform then accepts the request by itself; it expires if that has not happened after 7 days.',
        '将对等连接 ID（pcc-…）或您的 VPC ID（vpc-…）提交给平台；Alibaba Cloud CLI（3.2.5 或更高版本）和 Terraform 会按相应的字段名输出前者。随后平台会自动接受请求；7 天内未被接受的请求将过期。',
      ),
      needsPermissions(RAM, locale, 'vpc:CreateVpcPeerConnection'),
    ],
    artifacts: {
      console: consoleUrl(region, 'vpcpeer/{region}/vpcpeers'),
      cli: command(
        'aliyun vpcpeer CreateVpcPeerConnection',
        `--region ${region}`,
        `--RegionId ${region}`,
        `--VpcId ${requester ?? '<your-vpc-id>'}`,
        `--AcceptingAliUid ${accountId}`,
        `--AcceptingRegionId ${region}`,
        `--AcceptingVpcId ${vpcId}`,
        `--Name ${deploymentId}`,
        "--cli-query '{requesterInstanceId:InstanceId}'",
      ),
      terraform: `${providerNote('alicloud', region, locale)}
${onceMoreNote('alicloud_vpc_peer_connection.platform', locale)}
data "alicloud_account" "requester" {}

resource "alicloud_vpc_peer_connection" "platform" {
  peer_connection_name = "${deploymentId}"
  vpc_id               = "${requester ?? '<your-vpc-id>'}"
  accepting_ali_uid    = ${accountId}
  accepting_region_id  = "${region}"
  accepting_vpc_id     = "${vpcId}"
}

output "peering_request" {
  value = {
    requesterInstanceId = alicloud_vpc_peer_connection.platform.id
    accountId           = data.alicloud_account.requester.id
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
    title: choose(locale, 'Route the platform network through the connection', '添加通往平台网络的路由'),
    steps: [
      choose(
        locale,
        `In the VPC console of ${region}, choose Route Tables and open the table of the vSwitches that should reach the deployment; a vSwitch without a table of its own uses the system route table.`,
        `在 ${region} 的专有网络控制台选择“路由表”，打开需要访问部署的交换机所绑定的路由表；未绑定自定义路由表的交换机使用系统路由表。`,
      ),
      ...cidrs.map((cidr) =>
        choose(
          locale,
          `On the Custom Route tab, add ${cidr} with next hop type VPC Peering Connection and next hop ${providerId}.`,
          `在“自定义路由条目”页签中添加目标网段 ${cidr}，下一跳类型“VPC 对等连接”，下一跳 ${providerId}。`,
        ),
      ),
      choose(
        locale,
        'Do the same in every other route table that needs it. A table takes one change at a time: run a command again that the cloud refuses because another change is under way.',
        '对其他需要的路由表执行相同操作。同一路由表一次只接受一个变更：若因其他变更正在进行而被拒绝，请重新执行该命令。',
      ),
      needsPermissions(RAM, locale, 'vpc:CreateRouteEntry'),
    ],
    artifacts: {
      console: consoleUrl(region, 'vpc/{region}/route-tables'),
      cli: cidrs
        .map((cidr) =>
          command(
            'aliyun vpc CreateRouteEntry',
            `--region ${region}`,
            `--RegionId ${region}`,
            '--RouteTableId <your-route-table-id>',
            `--DestinationCidrBlock ${cidr}`,
            '--NextHopType VpcPeer',
            `--NextHopId ${providerId}`,
          ),
        )
        .join('\n'),
      terraform: `${providerNote('alicloud', region, locale)}
resource "alicloud_route_entry" "platform" {
  for_each = ${cidrSet(cidrs)}

  route_table_id        = "<your-route-table-id>"
  destination_cidrblock = each.value
  nexthop_type          = "VpcPeer"
  nexthop_id            = "${providerId}"
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
        `In the ECS console of ${region}, choose Security Groups and open the inbound rules of the group of the service.`,
        `在 ${region} 的云服务器 ECS 控制台选择“安全组”，打开服务所用安全组的入方向规则。`,
      ),
      ...cidrs.map((cidr) =>
        choose(
          locale,
          `Add a rule: allow, custom TCP, the port of your service, source ${cidr}.`,
          `添加规则：允许，自定义 TCP，端口为您的服务端口，授权对象 ${cidr}。`,
        ),
      ),
      choose(
        locale,
        'Network ACLs that you have bound to the vSwitches have to allow the traffic too, in both directions.',
        '若交换机绑定了网络 ACL，还需在其中放行双向流量。',
      ),
      needsPermissions(RAM, locale, 'ecs:AuthorizeSecurityGroup'),
    ],
    artifacts: {
      console: `https://ecs.console.aliyun.com/securityGroup/region/${region}`,
      cli: cidrs
        .map((cidr) =>
          command(
            'aliyun ecs AuthorizeSecurityGroup',
            `--region ${region}`,
            `--RegionId ${region}`,
            '--SecurityGroupId <your-security-group-id>',
            '--Permissions.1.IpProtocol TCP',
            '--Permissions.1.PortRange <port>/<port>',
            `--Permissions.1.SourceCidrIp ${cidr}`,
            '--Permissions.1.Policy accept',
            `--Permissions.1.Description ${deploymentId}`,
          ),
        )
        .join('\n'),
      terraform: `${providerNote('alicloud', region, locale)}
resource "alicloud_security_group_rule" "platform" {
  for_each = ${cidrSet(cidrs)}

  security_group_id = "<your-security-group-id>"
  description       = "${deploymentId}"
  type              = "ingress"
  nic_type          = "intranet"
  ip_protocol       = "tcp"
  port_range        = "<port>/<port>"
  policy            = "accept"
  cidr_ip           = each.value
}`,
    },
  };
}

export const alibabaInstructions: CloudInstructions = {
  createRequest,
  addRoute,
  allowTraffic,
  approve: () => null,
};
