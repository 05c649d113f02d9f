/**
 * What a Tencent Cloud customer does, as console steps, TCCLI and Terraform text, filled in. Facts: API reference of VPC
 * 2017-03-12 ("CCN APIs", "Security Group APIs") and of CAM, GetUserAppId; "CAM-Enabled API", Virtual Private Cloud;
 * TCCLI's examples; source of Tencent Cloud's Terraform provider.
 */
import type { CloudInstructions, InstructionContext, NextAction } from '../../cloud-profile.js';
import type { Locale } from '../../reason.js';
import {
  choose,
  cidrSet,
  command,
  listed,
  needsPermissions,
  onceMoreNote,
  onlyWhereReached,
  providerNote,
} from '../instruction-text.js';

const CAM = { tool: 'TCCLI', system: 'CAM' } as const;

/** The China and the international site have consoles of their own; accounts belong to one of the two. */
function consoleUrl(locale: Locale, page: string): string {
  return `https://${choose(locale, 'console.tencentcloud.com', 'console.cloud.tencent.com')}/vpc/${page}`;
}

/** The customer's CCN within a sentence. */
const ccnNamed = (ccnId: string | undefined, locale: Locale): string =>
  choose(
    locale,
    `your CCN${ccnId === undefined ? '' : ` ${ccnId}`}`,
    `您的云联网${ccnId === undefined ? '' : ` ${ccnId} `}`,
  );

/** A call of TCCLI that names the members of structures one by one, so that none has to be quoted. */
const call = (action: string, region: string, ...options: readonly string[]): string =>
  command(`tccli vpc ${action} --cli-unfold-argument`, `--region ${region}`, ...options);

/** One VPC as the only element of the API's `Instances`. */
const instance = (vpcId: string, region: string): string[] => [
  `--Instances.0.InstanceId ${vpcId}`,
  `--Instances.0.InstanceRegion ${region}`,
  '--Instances.0.InstanceType VPC',
];

/** How the customer's CCN comes into what they are given: looked up where they have named it, else made. */
function requestTexts(
  ccnId: string | undefined,
  { region, deploymentId }: InstructionContext['network'],
): { readonly action: string; readonly cli: string; readonly terraform: string; readonly id: string } {
  if (ccnId !== undefined) {
    return {
      action: 'DescribeCcns',
      cli: call('DescribeCcns', region, `--CcnIds ${ccnId}`, "--filter 'CcnSet[0].{ccnId:CcnId}'"),
      terraform: `data "tencentcloud_ccn_instances" "network" {\n  ccn_id = "${ccnId}"\n}`,
      id: 'data.tencentcloud_ccn_instances.network.instance_list[0].ccn_id',
    };
  }
  return {
    action: 'CreateCcn',
    cli: call('CreateCcn', region, `--CcnName ${deploymentId}`, "--filter 'Ccn.{ccnId:CcnId}'"),
    terraform: `resource "tencentcloud_ccn" "network" {
  name                 = "${deploymentId}"
  charge_type          = "POSTPAID"
  bandwidth_limit_type = "OUTER_REGION_LIMIT"
}`,
    id: 'tencentcloud_ccn.network.id',
  };
}

function createRequest({ network, spec, locale }: InstructionContext): NextAction {
  const { accountId, region, vpcId } = network;
  const ccnId = spec['ccnId'];
  const cidrs = listed(network.cidrs, locale);
  const texts = requestTexts(ccnId, network);
  return {
    actor: 'customer',
    code: 'create_peering_request',
    title: choose(locale, 'Name the CCN that the deployment is to join', '提供部署要加入的云联网'),
    steps: [
      ccnId === undefined
        ? choose(
            locale,
            'In the VPC console, choose Cloud Connect Network and create a CCN, unless you have one already: the TCCLI and Terraform texts create a new one.',
            '在私有网络控制台选择“云联网”，如尚无云联网实例，请新建；TCCLI 和 Terraform 文本会新建一个实例。',
          )
        : choose(
            locale,
            `In the VPC console, choose Cloud Connect Network and open your CCN ${ccnId}.`,
            `在私有网络控制台选择“云联网”，打开您的云联网 ${ccnId}。`,
          ),
      choose(
        locale,
        `No network in the CCN may overlap ${cidrs} of the deployment: a CCN leaves a route disabled that overlaps another.`,
        `云联网中的网络不得与部署的 ${cidrs} 重叠：与其他路由重叠的路由不会启用。`,
      ),
      choose(
        locale,
        'Give the ID of the CCN (ccn-…) and the account ID (UIN) of its owner to the platform; the TCCLI and Terraform texts print both under the names of the fields.',
        '将云联网 ID（ccn-…）和其所属账号 ID（UIN）提交给平台；TCCLI 和 Terraform 会按相应的字段名输出这两个值。',
      ),
      choose(
        locale,
        `The platform then asks to join with VPC ${vpcId} of account ${accountId} in ${region}; be ready to approve it within the approval window.`,
        `随后平台将以账号 ${accountId} 在 ${region} 的 VPC ${vpcId} 申请加入，请准备在审批窗口内同意。`,
      ),
      needsPermissions(CAM, locale, `vpc:${texts.action}`, 'cam:GetUserAppId'),
    ],
    artifacts: {
      console: consoleUrl(locale, 'ccn'),
      cli: [
        texts.cli,
        command('tccli cam GetUserAppId', `--region ${region}`, "--filter '{ccnOwnerUin:OwnerUin}'"),
      ].join('\n'),
      terraform: `${providerNote('tencentcloud', region, locale)}
data "tencentcloud_user_info" "owner" {}

${texts.terraform}

output "peering_request" {
  value = {
    ccnId       = ${texts.id}
    ccnOwnerUin = data.tencentcloud_user_info.owner.owner_uin
  }
}`,
    },
  };
}

function approve({ network, spec, locale }: InstructionContext): NextAction {
  const { vpcId, region, accountId } = network;
  const ccnId = spec['ccnId'];
  const again = onceMoreNote('tencentcloud_ccn_instances_accept_attach.platform', locale);
  return {
    actor: 'customer',
    code: 'approve_ccn_attachment',
    title: choose(locale, 'Approve the attachment in your CCN', '在云联网中同意加入申请'),
    steps: [
      choose(
        locale,
        `In the VPC console, choose Cloud Connect Network and open ${ccnNamed(ccnId, locale)}, tab Associated Instances.`,
        `在私有网络控制台选择“云联网”，打开${ccnNamed(ccnId, locale)}的“关联实例”页签。`,
      ),
      choose(
        locale,
        `Find VPC ${vpcId} (${region}) of account ${accountId} in the state Pending and choose Accept.`,
        `找到账号 ${accountId} 的 VPC ${vpcId}（${region}），状态为“申请中”，点击“同意”。`,
      ),
      choose(
        locale,
        'Do it before the window closes; after that the request is withdrawn and a retry opens a new window.',
        '请在窗口关闭前完成；逾期申请将被撤回，可重试以开启新的窗口。',
      ),
      needsPermissions(CAM, locale, 'vpc:AcceptAttachCcnInstances'),
    ],
    artifacts: {
      console: consoleUrl(locale, 'ccn'),
      cli: call(
        'AcceptAttachCcnInstances',
        region,
        `--CcnId ${ccnId ?? '<your-ccn-id>'}`,
        ...instance(vpcId, region),
      ),
      terraform: `${providerNote('tencentcloud', region, locale)}
${again}
resource "tencentcloud_ccn_instances_accept_attach" "platform" {
  ccn_id = "${ccnId ?? '<your-ccn-id>'}"

  instances {
    instance_id     = "${vpcId}"
    instance_region = "${region}"
    instance_type   = "VPC"
  }
}`,
    },
  };
}

/** A CCN spreads routes by itself, to and from whatever is in it. */
function addRoute({ network, spec, locale }: InstructionContext): NextAction {
  const { region } = network;
  const ccnId = spec['ccnId'];
  const cidrs = listed(network.cidrs, locale);
  return {
    actor: 'customer',
    code: 'add_route',
    title: choose(locale, 'Have your own VPCs in the CCN', '将您的 VPC 加入云联网'),
    steps: [
      choose(
        locale,
        `Each VPC that should reach the deployment has to be in ${ccnNamed(ccnId, locale)}; there is no route to add: the CCN spreads ${cidrs} by itself. The TCCLI and Terraform texts attach a VPC in ${region}.`,
        `需要访问部署的每个 VPC 都应加入${ccnNamed(ccnId, locale).trimEnd()}；无需手动添加路由，云联网会自动传播 ${cidrs}。TCCLI 和 Terraform 文本以 ${region} 的 VPC 为例。`,
      ),
      choose(
        locale,
        `In the CCN, tab Route Tables, the routes to ${cidrs} must be enabled; one that overlaps another is not.`,
        `在云联网的“路由表”页签中，到 ${cidrs} 的路由应为启用状态；与其他路由重叠的路由不会启用。`,
      ),
      needsPermissions(CAM, locale, 'vpc:AttachCcnInstances'),
    ],
    artifacts: {
      console: consoleUrl(locale, 'ccn'),
      cli: call(
        'AttachCcnInstances',
        region,
        `--CcnId ${ccnId ?? '<your-ccn-id>'}`,
        ...instance('<your-vpc-id>', region),
      ),
      terraform: `${providerNote('tencentcloud', region, locale)}
resource "tencentcloud_ccn_attachment_v2" "own" {
  ccn_id          = "${ccnId ?? '<your-ccn-id>'}"
  instance_type   = "VPC"
  instance_id     = "<your-vpc-id>"
  instance_region = "${region}"
}`,
    },
  };
}

function allowTraffic({ network, locale }: InstructionContext): NextAction {
  const { cidrs, region, deploymentId } = network;
  const oneRuleAtATime = choose(
    locale,
    '# For groups that tencentcloud_security_group_rule_set manages, add ingress blocks there instead: it removes other rules.',
    '# 由 tencentcloud_security_group_rule_set 管理的安全组请在其中添加 ingress 块，因为它会删除其他规则。',
  );
  return {
    actor: 'customer',
    code: 'allow_traffic',
    title: choose(locale, 'Let the platform network in', '放行来自平台网络的流量'),
    steps: [
      onlyWhereReached(locale),
      choose(
        locale,
        `In the VPC console, choose Security > Security Groups, select ${region}, open the group of the service, and choose Inbound Rules > Add Rule.`,
        `在私有网络控制台选择“安全 > 安全组”，选择 ${region}，打开服务所用的安全组，选择“入站规则 > 添加规则”。`,
      ),
      ...cidrs.map((cidr) =>
        choose(
          locale,
          `Source ${cidr}, protocol and port TCP and the port of your service, policy Allow.`,
          `来源 ${cidr}，协议端口为 TCP 和您的服务端口，策略“允许”。`,
        ),
      ),
      choose(
        locale,
        'Network ACLs of the subnets have to allow the traffic too, in both directions.',
        '若子网关联了网络 ACL，还需在其中放行双向流量。',
      ),
      needsPermissions(CAM, locale, 'vpc:CreateSecurityGroupPolicies'),
    ],
    artifacts: {
      console: consoleUrl(locale, 'securitygroup'),
      cli: call(
        'CreateSecurityGroupPolicies',
        region,
        '--SecurityGroupId <your-security-group-id>',
        ...cidrs.flatMap((cidr, index) => {
          const rule = `--SecurityGroupPolicySet.Ingress.${String(index)}`;
          return [
            `${rule}.Protocol TCP`,
            `${rule}.Port <port>`,
            `${rule}.CidrBlock ${cidr}`,
            `${rule}.Action ACCEPT`,
            `${rule}.PolicyDescription ${deploymentId}`,
          ];
        }),
      ),
      terraform: `${providerNote('tencentcloud', region, locale)}
${oneRuleAtATime}
resource "tencentcloud_security_group_rule" "platform" {
  for_each = ${cidrSet(cidrs)}

  security_group_id = "<your-security-group-id>"
  description       = "${deploymentId}"
  type              = "ingress"
  ip_protocol       = "TCP"
  port_range        = "<port>"
  policy            = "ACCEPT"
  cidr_ip           = each.value
}`,
    },
  };
}

export const tencentInstructions: CloudInstructions = { createRequest, addRoute, allowTraffic, approve };
