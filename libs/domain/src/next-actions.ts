/** What somebody has to do next for a connection, derived from its reason; nothing here is stored. */
import type { CloudProfile, InstructionContext, NextAction } from './cloud-profile.js';
import { sides } from './cloud-profile.js';
import type { PeeringConnection, PlatformNetwork } from './peering-connection.js';
import { fill, reasonMessage, REASONS, type Locale, type ReasonCode } from './reason.js';

interface Advice {
  readonly actor: NextAction['actor'];
  readonly code: NextAction['code'];
  readonly title: Readonly<Record<Locale, string>>;
  readonly steps: readonly Readonly<Record<Locale, string>>[];
}

const RETRY_STEP = {
  en: 'POST /v1/peerings/{id}/retry starts another attempt with nothing to re-type; PATCH first if a value was wrong.',
  zh: '调用 POST /v1/peerings/{id}/retry 即可重试，无需重新填写；若有字段错误，请先 PATCH。',
} as const;

const RETRY: Advice = {
  actor: 'customer',
  code: 'retry',
  title: { en: 'Retry in place', zh: '原地重试' },
  steps: [RETRY_STEP],
};

const OTHER_CIDR: Advice = {
  actor: 'customer',
  code: 'choose_other_cidr',
  title: { en: 'Use address blocks that do not collide', zh: '使用不冲突的地址段' },
  steps: [
    {
      en: 'GET /v1/deployments/{deploymentId}/cidr-suggestions lists blocks that are free.',
      zh: '通过 GET /v1/deployments/{deploymentId}/cidr-suggestions 查看可用地址段。',
    },
    RETRY_STEP,
  ],
};

const CHECK_REQUEST: Advice = {
  actor: 'customer',
  code: 'check_request',
  title: { en: 'Check the request against the offer', zh: '核对请求与对等连接信息' },
  steps: [
    {
      en: 'Compare the request in your console with GET /v1/deployments/{deploymentId}/peering-offer.',
      zh: '将控制台中的请求与 GET /v1/deployments/{deploymentId}/peering-offer 的内容进行核对。',
    },
    {
      en: 'PATCH /v1/peerings/{id} with the right values, or create the request again.',
      zh: '使用正确的值 PATCH /v1/peerings/{id}，或重新创建请求。',
    },
  ],
};

const OPERATOR: Advice = {
  actor: 'operator',
  code: 'contact_operator',
  title: { en: 'The operator has to act', zh: '需要运维人员处理' },
  steps: [{ en: 'Nothing is needed from the customer.', zh: '客户无需操作。' }],
};

const ROUTE_CONFLICT: Advice = {
  actor: 'operator',
  code: 'resolve_route_conflict',
  title: { en: 'Free the destination in the platform route table', zh: '释放平台路由表中的目标网段' },
  steps: [
    {
      en: 'Remove or narrow the other route; the broker then adds its own.',
      zh: '删除或缩小冲突路由后，系统会自动添加。',
    },
  ],
};

const ENABLE_ROUTE: Advice = {
  actor: 'customer',
  code: 'enable_route',
  title: { en: 'Enable the conflicting route', zh: '启用冲突的路由' },
  steps: [
    {
      en: 'Resolve the conflict in your network, then enable the route.',
      zh: '请在您的网络中解决冲突后启用该路由。',
    },
  ],
};

const ACTIVATE_CDT: Advice = {
  actor: 'customer',
  code: 'activate_cdt',
  title: { en: 'Activate Cloud Data Transfer (CDT)', zh: '开通云数据传输（CDT）' },
  steps: [
    {
      en: 'Activate CDT in the console of your account; the broker goes on by itself.',
      zh: '请在您的账号控制台开通 CDT，系统将自动继续。',
    },
  ],
};

const ADVICE: Readonly<Partial<Record<ReasonCode, Advice>>> = {
  request_not_found: CHECK_REQUEST,
  requester_mismatch: CHECK_REQUEST,
  accepter_mismatch: CHECK_REQUEST,
  cidr_reserved: OTHER_CIDR,
  cidr_unroutable: OTHER_CIDR,
  cidr_overlaps_deployment: OTHER_CIDR,
  cidr_overlaps_peering: OTHER_CIDR,
  cidr_overlaps_itself: OTHER_CIDR,
  peer_cidr_conflict: OTHER_CIDR,
  rejected_by_peer: RETRY,
  rejected_by_platform: CHECK_REQUEST,
  request_expired: CHECK_REQUEST,
  request_withdrawn: CHECK_REQUEST,
  approval_window_elapsed: RETRY,
  deleted_by_peer: CHECK_REQUEST,
  provider_failed: CHECK_REQUEST,
  attachment_exists: RETRY,
  unknown_peer_account: CHECK_REQUEST,
  peer_network_not_found: CHECK_REQUEST,
  prerequisite_missing: CHECK_REQUEST,
  cdt_not_activated: ACTIVATE_CDT,
  provider_quota: OPERATOR,
  platform_access_denied: OPERATOR,
  route_conflict: ROUTE_CONFLICT,
  route_disabled: ENABLE_ROUTE,
};

/** What is to be done now, most urgent first; empty where nobody has to do anything. */
export function nextActions(
  connection: PeeringConnection,
  network: PlatformNetwork,
  profile: CloudProfile,
  locale: Locale,
): NextAction[] {
  if (connection.desired === 'absent') return [];
  const { status, spec } = connection;
  const seen = status.lastSeen?.peering;
  const context: InstructionContext = {
    network,
    spec: spec.cloud,
    providerId: status.providerId,
    customerCidrs: seen ? sides(profile.capabilities, seen).customer.cidrs : spec.cidrs,
    locale,
  };
  const present = (action: NextAction | null): NextAction[] => (action ? [action] : []);
  switch (status.state) {
    case 'awaiting_request':
      return profile.capabilities.initiator === 'customer'
        ? [profile.instructions.createRequest(context), completeDetails(connection, locale)]
        : [completeDetails(connection, locale)];
    case 'awaiting_approval':
      return present(profile.instructions.approve(context));
    case 'running':
      return [
        ...present(profile.instructions.addRoute(context)),
        ...present(profile.instructions.allowTraffic(context)),
      ];
    default: {
      const advice = ADVICE[status.reason.code];
      return advice ? [advise(advice, connection, locale)] : [];
    }
  }
}

function completeDetails(connection: PeeringConnection, locale: Locale): NextAction {
  return {
    actor: 'customer',
    code: 'complete_request_details',
    title: locale === 'zh' ? '补充请求信息' : 'Complete the connection with the details of your request',
    steps: [
      reasonMessage(connection.status.reason, locale),
      fill(
        locale === 'zh' ? '调用 PATCH /v1/peerings/{id} 填写。' : 'Send them with PATCH /v1/peerings/{id}.',
        { id: connection.id },
      ),
    ],
    artifacts: {},
  };
}

function advise(advice: Advice, connection: PeeringConnection, locale: Locale): NextAction {
  const params = { id: connection.id, deploymentId: connection.deploymentId };
  return {
    actor: advice.actor,
    code: advice.code,
    title: advice.title[locale],
    steps: [
      reasonMessage(connection.status.reason, locale),
      ...advice.steps.map((step) => fill(step[locale], params)),
    ],
    artifacts: {},
  };
}

/** Who has to move for a reason to change. */
export function actorOf(code: ReasonCode): 'customer' | 'platform' | 'nobody' {
  return REASONS[code].actor;
}
