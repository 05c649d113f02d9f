/**
 * What to do about a reason that somebody has to act on. The steps follow from the state: nothing is advised that the
 * API refuses there.
 */
import type { Capabilities } from './cloud-port.js';
import type { NextAction } from './cloud-profile.js';
import type { DriftPolicy, PeeringStatus } from './peering-connection.js';
import { STATE_MACHINE, type PeeringState } from './peering-state.js';
import type { Locale, ReasonCode } from './reason.js';

type Text = Readonly<Record<Locale, string>>;

interface Step extends Text {
  /** Said only in states in which customers may do this. */
  readonly verb?: 'complete' | 'retry' | 'repair' | 'delete';
}

/** One thing to do. `{id}` and `{deploymentId}` in a step are the connection's. */
export interface Advice {
  readonly actor: NextAction['actor'];
  readonly code: NextAction['code'];
  readonly title: Text;
  readonly steps: readonly Step[];
  /** Where the customer asks, a new request has to be created in the cloud first. */
  readonly newRequest?: boolean;
}

const RETRY_STEP: Step = {
  verb: 'retry',
  en: 'POST /v1/peerings/{id}/retry starts another attempt with nothing to re-type; PATCH /v1/peerings/{id} instead if a value was wrong.',
  zh: '调用 POST /v1/peerings/{id}/retry 即可重试，无需重新填写；若有字段错误，请改用 PATCH /v1/peerings/{id} 更正。',
};

const DELETE_STEP: Step = {
  verb: 'delete',
  en: 'DELETE /v1/peerings/{id} if it is not wanted any more.',
  zh: '若不再需要，请调用 DELETE /v1/peerings/{id} 将其删除。',
};

const RETRY: Advice = {
  actor: 'customer',
  code: 'retry',
  title: { en: 'Retry in place', zh: '原地重试' },
  steps: [RETRY_STEP, DELETE_STEP],
};

const NEW_REQUEST: Advice = {
  actor: 'customer',
  code: 'complete_request_details',
  title: { en: 'Name the new request', zh: '填写新的请求' },
  newRequest: true,
  steps: [
    {
      verb: 'complete',
      en: 'Once the cause is removed and a new request exists, PATCH /v1/peerings/{id} with its ID: that starts another attempt.',
      zh: '排除原因并新建请求后，使用其 ID 调用 PATCH /v1/peerings/{id}，即可开始新的尝试。',
    },
    DELETE_STEP,
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
      verb: 'complete',
      en: 'Where this connection holds a wrong value, PATCH /v1/peerings/{id} with the right one; where the request does, create it again and PATCH its ID.',
      zh: '若本连接填写有误，请使用正确的值调用 PATCH /v1/peerings/{id}；若请求本身有误，请重新创建，并通过 PATCH 填写其 ID。',
    },
    RETRY_STEP,
  ],
};

const CHECK_DECLARATION: Advice = {
  ...CHECK_REQUEST,
  title: { en: 'Check what was declared', zh: '核对申报的信息' },
  steps: [
    {
      verb: 'complete',
      en: 'Compare the values of this connection with your console and PATCH /v1/peerings/{id} with the right ones.',
      zh: '将本连接填写的值与控制台进行核对，并使用正确的值调用 PATCH /v1/peerings/{id}。',
    },
    RETRY_STEP,
  ],
};

const REPLACE: Advice = {
  actor: 'customer',
  code: 'delete',
  title: { en: 'Replace the connection', zh: '更换连接' },
  steps: [
    {
      verb: 'delete',
      en: 'The broker leaves a connection alone that is not what was declared. DELETE /v1/peerings/{id}, then create it anew.',
      zh: '系统不会处理与申报不符的连接。请调用 DELETE /v1/peerings/{id} 将其删除，然后重新创建。',
    },
  ],
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
    {
      verb: 'complete',
      en: 'Connect a network with such blocks: PATCH /v1/peerings/{id} with its values. Or remove the colliding block from yours and retry.',
      zh: '请改用地址段不冲突的网络，并使用其信息调用 PATCH /v1/peerings/{id}；或从您的网络中移除冲突的地址段后重试。',
    },
    RETRY_STEP,
  ],
};

const FREE_CIDR: Advice = {
  ...OTHER_CIDR,
  steps: [
    {
      en: 'Nothing else is needed: once the blocks do not collide any more, the broker routes them by itself.',
      zh: '除此之外无需其他操作：地址段不再冲突后，系统会自动为其添加路由。',
    },
  ],
};

const SATISFY_CLOUD: Advice = {
  actor: 'customer',
  code: 'check_request',
  title: { en: 'Give the cloud what it needs', zh: '满足云平台的前提条件' },
  steps: [
    {
      en: 'Do what the cloud asks for; the broker tries again by itself.',
      zh: '请按云平台的要求处理，系统将自动重试。',
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
      zh: '删除冲突的路由或缩小其范围后，系统会自动添加自己的路由。',
    },
  ],
};

const APPROVE_REPAIR: Advice = {
  actor: 'customer',
  code: 'approve_repair',
  title: { en: 'Say yes to putting the platform routes back', zh: '同意恢复平台侧路由' },
  steps: [
    {
      verb: 'repair',
      en: 'Somebody has removed or broken a route of this connection on the platform side. POST /v1/peerings/{id}/repair has it put back.',
      zh: '该连接在平台侧的路由被删除或已失效。调用 POST /v1/peerings/{id}/repair 即可恢复。',
    },
  ],
};

const ENABLE_ROUTE: Advice = {
  actor: 'customer',
  code: 'enable_route',
  title: { en: 'Enable the conflicting route', zh: '启用冲突的路由' },
  steps: [
    {
      en: 'Resolve the conflict in your network, then enable the route in the CCN, tab Route Tables.',
      zh: '请在您的网络中解决冲突，然后在云联网的“路由表”页签中启用该路由。',
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
  request_in_use: CHECK_REQUEST,
  requester_mismatch: CHECK_REQUEST,
  accepter_mismatch: CHECK_REQUEST,
  cidr_reserved: OTHER_CIDR,
  cidr_unroutable: OTHER_CIDR,
  cidr_overlaps_deployment: OTHER_CIDR,
  cidr_overlaps_peering: OTHER_CIDR,
  cidr_overlaps_itself: OTHER_CIDR,
  peer_cidr_conflict: FREE_CIDR,
  rejected_by_peer: RETRY,
  rejected_by_platform: NEW_REQUEST,
  request_expired: NEW_REQUEST,
  request_withdrawn: NEW_REQUEST,
  approval_window_elapsed: RETRY,
  deleted_by_peer: NEW_REQUEST,
  provider_failed: NEW_REQUEST,
  attachment_exists: RETRY,
  unknown_peer_account: CHECK_DECLARATION,
  peer_network_not_found: CHECK_DECLARATION,
  prerequisite_missing: SATISFY_CLOUD,
  cdt_not_activated: ACTIVATE_CDT,
  provider_quota: OPERATOR,
  platform_access_denied: OPERATOR,
  route_conflict: ROUTE_CONFLICT,
  route_disabled: ENABLE_ROUTE,
};

/** Which advice stands in for another where the platform asks: there is no request for the customer to make. */
const WHERE_THE_PLATFORM_ASKS: ReadonlyMap<Advice, Advice> = new Map([
  [NEW_REQUEST, RETRY],
  [CHECK_REQUEST, CHECK_DECLARATION],
]);

/** What to do about a reason in a state; null where nobody has to do anything. */
export function adviceFor(
  code: ReasonCode,
  state: PeeringState,
  { initiator }: Pick<Capabilities, 'initiator'>,
): Advice | null {
  const general = ADVICE[code];
  if (general === undefined || state === 'deleted') return null;
  // What was once established takes no other values.
  if (state === 'degraded' && general === CHECK_REQUEST) return REPLACE;
  const advice = initiator === 'platform' ? (WHERE_THE_PLATFORM_ASKS.get(general) ?? general) : general;
  const verbs: readonly string[] = STATE_MACHINE[state].verbs;
  const steps = advice.steps.filter(({ verb }) => verb === undefined || verbs.includes(verb));
  return { ...advice, steps };
}

/** What to do about a lost route where the broker does not put it back by itself; null where there is nothing to do. */
export function adviceOnDrift(
  { state, reason, repairGranted }: Pick<PeeringStatus, 'state' | 'reason' | 'repairGranted'>,
  policy: DriftPolicy,
): Advice | null {
  const isLost = reason.code === 'route_missing' || reason.code === 'route_blackhole';
  if (state !== 'degraded' || !isLost || policy === 'repair') return null;
  if (policy === 'report') return OPERATOR;
  return repairGranted === true ? null : APPROVE_REPAIR;
}
