/** What an AWS customer does, as console steps, AWS CLI and Terraform text, filled in. */
import type { CloudInstructions, InstructionContext, NextAction } from '../../cloud-profile.js';
import type { Locale } from '../../reason.js';

/** The console's host: China has its own partition. */
function consoleUrl(region: string, page: string): string {
  const host = region.startsWith('cn-') ? 'console.amazonaws.cn' : 'console.aws.amazon.com';
  return `https://${region}.${host}/vpcconsole/home?region=${region}#${page}`;
}

const choose = (locale: Locale, en: string, zh: string): string => (locale === 'zh' ? zh : en);

function createRequest({ network, spec, locale }: InstructionContext): NextAction {
  const vpcId = spec['vpcId'] ?? '<your-vpc-id>';
  return {
    actor: 'customer',
    code: 'create_peering_request',
    title: choose(locale, 'Create a VPC peering connection request', '创建 VPC 对等连接请求'),
    steps: [
      choose(
        locale,
        `In the VPC console of ${network.region}, choose Peering connections > Create peering connection.`,
        `在 ${network.region} 的 VPC 控制台选择“对等连接 > 创建对等连接”。`,
      ),
      choose(locale, `As requester choose your VPC ${vpcId}.`, `请求方选择您的 VPC ${vpcId}。`),
      choose(
        locale,
        `As accepter choose Another account, account ID ${network.accountId}, This region, VPC ID ${network.vpcId}.`,
        `接受方选择“其他账户”，账户 ID ${network.accountId}，“此区域”，VPC ID ${network.vpcId}。`,
      ),
      choose(
        locale,
        'Give the request id (pcx-…), your account id and your VPC id to this connection.',
        '将请求 ID（pcx-…）、您的账户 ID 和 VPC ID 填入本连接。',
      ),
    ],
    artifacts: {
      console: consoleUrl(network.region, 'CreatePeeringConnection:'),
      cli:
        `aws ec2 create-vpc-peering-connection --region ${network.region} \\\n` +
        `  --vpc-id ${vpcId} \\\n  --peer-owner-id ${network.accountId} \\\n  --peer-vpc-id ${network.vpcId}`,
      terraform:
        `resource "aws_vpc_peering_connection" "platform" {\n` +
        `  vpc_id        = "${vpcId}"\n  peer_owner_id = "${network.accountId}"\n  peer_vpc_id   = "${network.vpcId}"\n}`,
    },
  };
}

function addRoute({ network, providerId, locale }: InstructionContext): NextAction | null {
  if (providerId === null) return null;
  return {
    actor: 'customer',
    code: 'add_route',
    title: choose(locale, 'Route the platform network through the connection', '添加到平台网络的路由'),
    steps: network.cidrs.map((cidr) =>
      choose(
        locale,
        `In the route table of each subnet that should reach the deployment, add ${cidr} with target ${providerId}.`,
        `在需要访问部署的每个子网的路由表中添加目标 ${cidr}，下一跳 ${providerId}。`,
      ),
    ),
    artifacts: {
      console: consoleUrl(network.region, 'RouteTables:'),
      cli: network.cidrs
        .map(
          (cidr) =>
            `aws ec2 create-route --region ${network.region} \\\n  --route-table-id <your-route-table-id> \\\n` +
            `  --destination-cidr-block ${cidr} \\\n  --vpc-peering-connection-id ${providerId}`,
        )
        .join('\n'),
      terraform: network.cidrs
        .map(
          (cidr, index) =>
            `resource "aws_route" "platform_${String(index)}" {\n  route_table_id            = "<your-route-table-id>"\n` +
            `  destination_cidr_block    = "${cidr}"\n  vpc_peering_connection_id = "${providerId}"\n}`,
        )
        .join('\n'),
    },
  };
}

function allowTraffic({ network, locale }: InstructionContext): NextAction {
  return {
    actor: 'customer',
    code: 'allow_traffic',
    title: choose(locale, 'Let the platform network in', '放行平台网络'),
    steps: network.cidrs.map((cidr) =>
      choose(
        locale,
        `Where your side is to be reached by the deployment, allow inbound traffic from ${cidr} in its security group.`,
        `如需部署访问您的服务，请在其安全组中放行来自 ${cidr} 的入站流量。`,
      ),
    ),
    artifacts: {
      console: consoleUrl(network.region, 'SecurityGroups:'),
      cli: network.cidrs
        .map(
          (cidr) =>
            `aws ec2 authorize-security-group-ingress --region ${network.region} \\\n` +
            `  --group-id <your-security-group-id> \\\n  --protocol tcp --port <port> --cidr ${cidr}`,
        )
        .join('\n'),
      terraform: network.cidrs
        .map(
          (cidr, index) =>
            `resource "aws_vpc_security_group_ingress_rule" "platform_${String(index)}" {\n` +
            `  security_group_id = "<your-security-group-id>"\n  cidr_ipv4         = "${cidr}"\n` +
            `  ip_protocol       = "tcp"\n  from_port         = <port>\n  to_port           = <port>\n}`,
        )
        .join('\n'),
    },
  };
}

export const awsInstructions: CloudInstructions = {
  createRequest,
  addRoute,
  allowTraffic,
  approve: () => null,
};
