/** What a Tencent Cloud customer does, as console steps, TCCLI and Terraform text, filled in. */
import type { CloudInstructions, InstructionContext, NextAction } from '../../cloud-profile.js';
import type { Locale } from '../../reason.js';

const choose = (locale: Locale, en: string, zh: string): string => (locale === 'zh' ? zh : en);

/** The China and the international site have consoles of their own; accounts belong to one of the two. */
function consoleUrl(locale: Locale, page: string): string {
  return `https://${choose(locale, 'console.tencentcloud.com', 'console.cloud.tencent.com')}/vpc/${page}`;
}

/** One VPC as an element of the API's `Instances`, for TCCLI. */
function instances(vpcId: string, region: string): string {
  return `'[{"InstanceId":"${vpcId}","InstanceRegion":"${region}","InstanceType":"VPC"}]'`;
}

function createRequest({ network, spec, locale }: InstructionContext): NextAction {
  const ccnId = spec['ccnId'];
  const have =
    ccnId === undefined
      ? choose(
          locale,
          'In the VPC console, choose Cloud Connect Network and create a CCN, unless you have one already.',
          '在私有网络控制台选择“云联网”，如尚无云联网实例，请新建。',
        )
      : choose(locale, `Use your CCN ${ccnId}.`, `使用您的云联网 ${ccnId}。`);
  return {
    actor: 'customer',
    code: 'create_peering_request',
    title: choose(locale, 'Name the CCN that the deployment is to join', '提供部署要加入的云联网'),
    steps: [
      have,
      choose(
        locale,
        'Give the id of the CCN (ccn-…) and the account ID (UIN) of its owner to this connection.',
        '将云联网 ID（ccn-…）和其所属账号 ID（UIN）填入本连接。',
      ),
      choose(
        locale,
        `The platform then asks to join with VPC ${network.vpcId} of account ${network.accountId} in ${network.region}; be ready to approve it within the approval window.`,
        `随后平台将以账号 ${network.accountId} 在 ${network.region} 的 VPC ${network.vpcId} 申请加入，请准备在审批窗口内同意。`,
      ),
    ],
    artifacts: {
      console: consoleUrl(locale, 'ccn'),
      cli: `tccli vpc CreateCcn --region ${network.region} --CcnName <name>`,
      terraform:
        `resource "tencentcloud_ccn" "network" {\n  name                 = "<name>"\n` +
        `  charge_type          = "POSTPAID"\n  bandwidth_limit_type = "OUTER_REGION_LIMIT"\n}`,
    },
  };
}

function approve({ network, spec, locale }: InstructionContext): NextAction {
  const { vpcId, region, accountId } = network;
  const ccnId = spec['ccnId'] ?? '<your-ccn-id>';
  return {
    actor: 'customer',
    code: 'approve_ccn_attachment',
    title: choose(locale, 'Approve the attachment in your CCN', '在云联网中同意加入申请'),
    steps: [
      choose(
        locale,
        `In the VPC console, choose Cloud Connect Network and open ${ccnId}, tab Associated Instances.`,
        `在私有网络控制台选择“云联网”，打开 ${ccnId} 的“关联实例”页签。`,
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
    ],
    artifacts: {
      console: consoleUrl(locale, 'ccn'),
      cli:
        `tccli vpc AcceptAttachCcnInstances --region ${region} \\\n  --CcnId ${ccnId} \\\n` +
        `  --Instances ${instances(vpcId, region)}`,
      terraform:
        `resource "tencentcloud_ccn_instances_accept_attach" "platform" {\n  ccn_id = "${ccnId}"\n  instances {\n` +
        `    instance_id     = "${vpcId}"\n    instance_region = "${region}"\n    instance_type   = "VPC"\n  }\n}`,
    },
  };
}

/** A CCN spreads routes by itself, to and from whatever is in it. */
function addRoute({ network, spec, locale }: InstructionContext): NextAction {
  const ccnId = spec['ccnId'] ?? '<your-ccn-id>';
  const cidrs = network.cidrs.join(', ');
  return {
    actor: 'customer',
    code: 'add_route',
    title: choose(locale, 'Have your own VPCs in the CCN', '将您的 VPC 加入云联网'),
    steps: [
      choose(
        locale,
        `Each VPC that should reach the deployment has to be in ${ccnId}; there is no route to add: the CCN spreads ${cidrs} by itself.`,
        `需要访问部署的每个 VPC 都应加入 ${ccnId}；无需手动添加路由，云联网会自动传播 ${cidrs}。`,
      ),
      choose(
        locale,
        `In ${ccnId}, tab Route Tables, the routes to ${cidrs} must be enabled; one that overlaps another is not.`,
        `在 ${ccnId} 的“路由表”页签中，到 ${cidrs} 的路由应为启用状态；与其他路由重叠的路由不会启用。`,
      ),
    ],
    artifacts: {
      console: consoleUrl(locale, 'ccn'),
      cli:
        `tccli vpc AttachCcnInstances --region ${network.region} \\\n  --CcnId ${ccnId} \\\n` +
        `  --Instances ${instances('<your-vpc-id>', network.region)}`,
      terraform:
        `resource "tencentcloud_ccn_attachment" "own" {\n  ccn_id          = "${ccnId}"\n  instance_type   = "VPC"\n` +
        `  instance_id     = "<your-vpc-id>"\n  instance_region = "${network.region}"\n}`,
    },
  };
}

function allowTraffic({ network, locale }: InstructionContext): NextAction {
  const policies = network.cidrs.map(
    (cidr) => `{"Protocol":"TCP","Port":"<port>","CidrBlock":"${cidr}","Action":"ACCEPT"}`,
  );
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
      console: consoleUrl(locale, 'securitygroup'),
      cli:
        `tccli vpc CreateSecurityGroupPolicies --region ${network.region} \\\n` +
        `  --SecurityGroupId <your-security-group-id> \\\n` +
        `  --SecurityGroupPolicySet '{"Ingress":[${policies.join(',')}]}'`,
      terraform: network.cidrs
        .map(
          (cidr, index) =>
            `resource "tencentcloud_security_group_rule" "platform_${String(index)}" {\n` +
            `  security_group_id = "<your-security-group-id>"\n  type              = "ingress"\n` +
            `  cidr_ip           = "${cidr}"\n  ip_protocol       = "tcp"\n` +
            `  port_range        = "<port>"\n  policy            = "accept"\n}`,
        )
        .join('\n'),
    },
  };
}

export const tencentInstructions: CloudInstructions = { createRequest, addRoute, allowTraffic, approve };
