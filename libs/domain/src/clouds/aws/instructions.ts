/**
 * What an AWS customer does, as console steps, AWS CLI and Terraform text, filled in. Facts: Amazon VPC Peering Guide
 * (creating a connection, route tables, security groups, DNS resolution); AWS CLI reference of EC2; documentation of
 * HashiCorp's AWS provider.
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

const IAM = { tool: 'AWS CLI', system: 'IAM' } as const;

/** The regions of China are a partition of their own, with its own accounts and console. */
const isInChina = (region: string): boolean => region.startsWith('cn-');

function consoleUrl(region: string, page: string): string {
  const host = isInChina(region) ? 'console.amazonaws.cn' : 'console.aws.amazon.com';
  return `https://${region}.${host}/vpcconsole/home?region=${region}#${page}:`;
}

function createRequest({ network, spec, locale }: InstructionContext): NextAction {
  const { accountId, region, vpcId, deploymentId } = network;
  const ownVpc = spec['vpcId'];
  const cidrs = listed(network.cidrs, locale);
  const signIn = isInChina(region)
    ? choose(
        locale,
        `Sign in to Amazon Web Services China: ${region} can be peered with from accounts of China only.`,
        `请登录亚马逊云科技中国区域的控制台：${region} 仅支持与中国区域的账户建立对等连接。`,
      )
    : choose(locale, 'Sign in to the AWS Management Console.', '登录 AWS 管理控制台。');
  const requester = choose(
    locale,
    `Under VPC ID (Requester), select your VPC${named(ownVpc)}. Its CIDR blocks must not overlap ${cidrs}: AWS fails such a request at once.`,
    `在“VPC ID（请求方）”中选择您的 VPC${named(ownVpc)}。其 CIDR 块不得与 ${cidrs} 重叠，否则请求会立即失败。`,
  );
  return {
    actor: 'customer',
    code: 'create_peering_request',
    title: choose(locale, 'Create a VPC peering connection request', '创建 VPC 对等连接请求'),
    steps: [
      signIn,
      choose(
        locale,
        `In the VPC console of ${region}, choose Peering connections > Create peering connection.`,
        `在 ${region} 区域的 VPC 控制台中，选择“对等连接 > 创建对等连接”。`,
      ),
      requester,
      choose(
        locale,
        `Under Account, choose Another account and enter ${accountId}; keep This Region (${region}); under VPC ID (Accepter), enter ${vpcId}. Then choose Create peering connection.`,
        `“账户”选择“另一个账户”并输入 ${accountId}；“区域”保持“此区域”（${region}）；在“VPC ID（接受方）”中输入 ${vpcId}。然后选择“创建对等连接”。`,
      ),
      choose(
        locale,
        'Give the ID of the request (pcx-…), your account ID and your VPC ID to the platform; the AWS CLI and Terraform texts print all three under the names of the fields. The platform then accepts the request by itself; AWS drops it if that has not happened after 7 days.',
        '将请求的 ID（pcx-…）、您的账户 ID 和 VPC ID 提交给平台；AWS CLI 和 Terraform 会按相应的字段名输出这三个值。随后平台会自动接受请求；7 天内未被接受的请求将过期。',
      ),
      needsPermissions(IAM, locale, 'ec2:CreateVpcPeeringConnection', 'ec2:CreateTags'),
    ],
    artifacts: {
      console: consoleUrl(region, 'CreatePeeringConnection'),
      cli: command(
        'aws ec2 create-vpc-peering-connection',
        `--region ${region}`,
        `--vpc-id ${ownVpc ?? '<your-vpc-id>'}`,
        `--peer-owner-id ${accountId}`,
        `--peer-vpc-id ${vpcId}`,
        `--peer-region ${region}`,
        `--tag-specifications 'ResourceType=vpc-peering-connection,Tags=[{Key=Name,Value=${deploymentId}}]'`,
        `--query 'VpcPeeringConnection.{connectionId:VpcPeeringConnectionId,accountId:RequesterVpcInfo.OwnerId,vpcId:RequesterVpcInfo.VpcId}'`,
        '--output json',
      ),
      terraform: `${providerNote('aws', region, locale)}
${onceMoreNote('aws_vpc_peering_connection.platform', locale)}
data "aws_caller_identity" "requester" {}

resource "aws_vpc_peering_connection" "platform" {
  vpc_id        = "${ownVpc ?? '<your-vpc-id>'}"
  peer_owner_id = "${accountId}"
  peer_vpc_id   = "${vpcId}"
  peer_region   = "${region}"

  tags = {
    Name = "${deploymentId}"
  }
}

output "peering_request" {
  value = {
    connectionId = aws_vpc_peering_connection.platform.id
    accountId    = data.aws_caller_identity.requester.account_id
    vpcId        = aws_vpc_peering_connection.platform.vpc_id
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
        `In the VPC console of ${region}, choose Route tables and select the table of the subnets that should reach the deployment; a subnet without a table of its own uses the main route table.`,
        `在 ${region} 区域的 VPC 控制台中，选择“路由表”，然后选择需要访问部署的子网所关联的路由表；未显式关联路由表的子网使用主路由表。`,
      ),
      choose(
        locale,
        'On the Routes tab, choose Edit routes > Add route.',
        '在“路由”选项卡中，选择“编辑路由 > 添加路由”。',
      ),
      ...cidrs.map((cidr) =>
        choose(
          locale,
          `As destination enter ${cidr}; as target choose Peering Connection and ${providerId}.`,
          `“目的地”输入 ${cidr}，“目标”选择“对等连接”和 ${providerId}。`,
        ),
      ),
      choose(
        locale,
        'Choose Save changes, and do the same in every other route table that needs it.',
        '选择“保存更改”，并对其他需要的路由表执行相同操作。',
      ),
      needsPermissions(IAM, locale, 'ec2:CreateRoute'),
    ],
    artifacts: {
      console: consoleUrl(region, 'RouteTables'),
      cli: cidrs
        .map((cidr) =>
          command(
            'aws ec2 create-route',
            `--region ${region}`,
            '--route-table-id <your-route-table-id>',
            `--destination-cidr-block ${cidr}`,
            `--vpc-peering-connection-id ${providerId}`,
          ),
        )
        .join('\n'),
      terraform: `${providerNote('aws', region, locale)}
resource "aws_route" "platform" {
  for_each = ${cidrSet(cidrs)}

  route_table_id            = "<your-route-table-id>"
  destination_cidr_block    = each.value
  vpc_peering_connection_id = "${providerId}"
}`,
    },
  };
}

function allowTraffic({ network, providerId, locale }: InstructionContext): NextAction {
  const { cidrs, region, deploymentId } = network;
  return {
    actor: 'customer',
    code: 'allow_traffic',
    title: choose(locale, 'Let the platform network in', '放行来自平台网络的流量'),
    steps: [
      onlyWhereReached(locale),
      choose(
        locale,
        `In the VPC console of ${region}, choose Security groups, select the group of the service, and choose Inbound rules > Edit inbound rules > Add rule.`,
        `在 ${region} 区域的 VPC 控制台中，选择“安全组”，选中服务所用的安全组，然后选择“入站规则 > 编辑入站规则 > 添加规则”。`,
      ),
      ...cidrs.map((cidr) =>
        choose(
          locale,
          `Type Custom TCP, the port of your service, source ${cidr}.`,
          `类型选择“自定义 TCP”，端口范围输入您的服务端口，源输入 ${cidr}。`,
        ),
      ),
      choose(
        locale,
        'Choose Save rules. Network ACLs that you have changed have to allow the traffic too, in both directions.',
        '选择“保存规则”。如果您修改过网络 ACL，还需在其中放行双向流量。',
      ),
      ...(providerId === null ? [] : [resolveNames(network.region, providerId, locale)]),
      needsPermissions(IAM, locale, 'ec2:AuthorizeSecurityGroupIngress'),
    ],
    artifacts: {
      console: consoleUrl(region, 'SecurityGroups'),
      cli: cidrs
        .map((cidr) =>
          command(
            'aws ec2 authorize-security-group-ingress',
            `--region ${region}`,
            '--group-id <your-security-group-id>',
            `--ip-permissions IpProtocol=tcp,FromPort=<port>,ToPort=<port>,'IpRanges=[{CidrIp=${cidr},Description=${deploymentId}}]'`,
          ),
        )
        .join('\n'),
      terraform: `${providerNote('aws', region, locale)}
resource "aws_vpc_security_group_ingress_rule" "platform" {
  for_each = ${cidrSet(cidrs)}

  security_group_id = "<your-security-group-id>"
  description       = "${deploymentId}"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = <port>
  to_port           = <port>
}`,
    },
  };
}

/** Each side decides for its own hosts, once the connection is active: the requester's option is the customer's. */
function resolveNames(region: string, providerId: string, locale: Locale): string {
  const text = `aws ec2 modify-vpc-peering-connection-options --region ${region} --vpc-peering-connection-id ${providerId} --requester-peering-connection-options AllowDnsResolutionFromRemoteVpc=true`;
  return choose(
    locale,
    `Optional: to have the public DNS names of your instances lead the deployment to their private addresses, select ${providerId} under Peering connections, choose Actions > Edit DNS settings and allow Requester DNS resolution (your VPC needs DNS resolution and DNS hostnames enabled), or run: ${text}`,
    `可选：如需部署通过实例的公有 DNS 名称访问其私有地址，请在“对等连接”中选中 ${providerId}，选择“操作 > 编辑 DNS 设置”，启用“请求方 DNS 解析”（您的 VPC 需已启用 DNS 解析和 DNS 主机名），或运行：${text}`,
  );
}

export const awsInstructions: CloudInstructions = {
  createRequest,
  addRoute,
  allowTraffic,
  approve: () => null,
};
