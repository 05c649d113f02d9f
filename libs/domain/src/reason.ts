/**
 * Why a connection is in its state: one stable code each, with the sentence that a person reads.
 * Codes never change; texts may. `{name}` in a text is filled from the reason's parameters.
 */
import type { Actor } from './peering-state.js';

/** The languages that people are answered in. */
export type Locale = 'en' | 'zh';

interface ReasonText {
  /** Who can change it. */
  readonly actor: Actor;
  readonly en: string;
  readonly zh: string;
  /** What is said instead while the customer's side shows no block to route to, as a CCN with nothing else in it. */
  readonly withoutCidrs?: Readonly<Record<Locale, string>>;
}

/** The catalogue of reasons. */
export const REASONS = {
  request_details_missing: {
    actor: 'customer',
    en: 'Waiting for the details of the peering request: {missing}.',
    zh: '等待补充对等连接请求的信息：{missing}。',
  },
  looking_for_request: {
    actor: 'platform',
    en: 'Looking for the request {providerId} in the cloud.',
    zh: '正在云上查找请求 {providerId}。',
  },
  request_not_found: {
    actor: 'customer',
    en: 'The cloud shows no request {providerId} addressed to VPC {vpcId} in {region}. Check the id, the region and the accepter account.',
    zh: '云上没有发往 {region} 区域 VPC {vpcId} 的请求 {providerId}。请检查 ID、区域和接受方账号。',
  },
  checking_request: {
    actor: 'platform',
    en: 'The request was found and is being checked.',
    zh: '已找到请求，正在核对。',
  },
  accept_in_progress: {
    actor: 'platform',
    en: 'The request matches what was declared and is being accepted.',
    zh: '请求与申报一致，正在接受。',
  },
  attach_in_progress: {
    actor: 'platform',
    en: 'The platform is asking to attach its VPC to {providerId}.',
    zh: '平台正在申请将其 VPC 加入 {providerId}。',
  },
  approval_required: {
    actor: 'customer',
    en: 'Approve the attachment of VPC {vpcId} in {providerId} before the window closes; after that the request is withdrawn.',
    zh: '请在窗口关闭前在 {providerId} 中同意 VPC {vpcId} 的加入申请；逾期将撤回申请。',
  },
  withdrawing_request: {
    actor: 'platform',
    en: 'The approval window has closed without an approval; the request is being withdrawn.',
    zh: '审批窗口已关闭且未获同意，正在撤回申请。',
  },
  provider_provisioning: {
    actor: 'platform',
    en: 'Accepted; the cloud is setting up the connection ({providerState}).',
    zh: '已接受，云平台正在建立连接（{providerState}）。',
  },
  programming_routes: {
    actor: 'platform',
    en: 'The connection is active; routes to {cidrs} are being added on the platform side.',
    zh: '连接已激活，正在平台侧添加到 {cidrs} 的路由。',
    withoutCidrs: {
      en: 'The connection is active; the customer side shows no address block to route to yet.',
      zh: '连接已激活，客户侧暂无可路由的网段。',
    },
  },
  ready: {
    actor: 'nobody',
    en: 'The connection is up and the platform routes to {cidrs}.',
    zh: '连接正常，平台已可路由至 {cidrs}。',
    withoutCidrs: {
      en: 'The connection is up; the customer side shows no address block to route to yet.',
      zh: '连接正常，客户侧暂无可路由的网段。',
    },
  },
  route_missing: {
    actor: 'platform',
    en: 'The route to {destination} is missing in {routeTableId}.',
    zh: '{routeTableId} 中缺少到 {destination} 的路由。',
  },
  route_blackhole: {
    actor: 'platform',
    en: 'The route to {destination} in {routeTableId} leads nowhere (blackhole).',
    zh: '{routeTableId} 中到 {destination} 的路由已失效（黑洞）。',
  },
  route_conflict: {
    actor: 'platform',
    en: 'In {routeTableId}, {destination} already leads to {target}. The broker never overwrites a route that is not its own.',
    zh: '{routeTableId} 中 {destination} 已指向 {target}。系统不会覆盖不属于自己的路由。',
  },
  route_disabled: {
    actor: 'customer',
    en: 'The route {destination} in {routeTableId} is disabled because it conflicts with another one. Enable it or remove the other.',
    zh: '{routeTableId} 中的路由 {destination} 因冲突被停用。请启用该路由或删除与其冲突的路由。',
  },
  peer_cidr_conflict: {
    actor: 'customer',
    en: 'The VPC now also has {cidr}, which touches {with}; that block is not routed. Remove it from the VPC or free the other.',
    zh: '该 VPC 新增的 {cidr} 与 {with} 重叠，不会为其添加路由。请从 VPC 中移除该网段或释放与其重叠的网段。',
  },
  request_in_use: {
    actor: 'customer',
    en: 'The request {providerId} already belongs to another connection of this deployment.',
    zh: '请求 {providerId} 已属于本部署的另一个连接。',
  },
  requester_mismatch: {
    actor: 'customer',
    en: 'The cloud reports {field} {observed} for this request, but {declared} was declared. It was left untouched.',
    zh: '云上该请求的 {field} 为 {observed}，与申报的 {declared} 不一致，未对其做任何操作。',
  },
  accepter_mismatch: {
    actor: 'customer',
    en: 'The request is not addressed to this deployment, whose {field} is {declared}. Create it again with the values of the offer.',
    zh: '请求并非发往本部署（{field} 应为 {declared}）。请按对等连接信息重新创建请求。',
  },
  cidr_reserved: {
    actor: 'customer',
    en: '{cidr} touches the reserved range {with}. Use a VPC whose address blocks lie outside of it.',
    zh: '{cidr} 与保留网段 {with} 重叠。请使用地址段不在该范围内的 VPC。',
  },
  cidr_unroutable: {
    actor: 'customer',
    en: '{cidr} lies in the special-purpose block {with}, which no VPC can route.',
    zh: '{cidr} 属于特殊用途网段 {with}，VPC 无法路由。',
  },
  cidr_overlaps_deployment: {
    actor: 'customer',
    en: '{cidr} overlaps {with} of the deployment itself. Networks that overlap cannot be connected.',
    zh: '{cidr} 与部署自身的 {with} 重叠，重叠的网络无法互联。',
  },
  cidr_overlaps_peering: {
    actor: 'customer',
    en: '{cidr} overlaps {with} of the connection {connectionId} of the same deployment.',
    zh: '{cidr} 与同一部署的连接 {connectionId} 的 {with} 重叠。',
  },
  cidr_overlaps_itself: {
    actor: 'customer',
    en: '{cidr} overlaps {with}, another block of the same request.',
    zh: '{cidr} 与同一请求中的 {with} 重叠。',
  },
  rejected_by_peer: {
    actor: 'customer',
    en: 'The request was rejected on the customer side.',
    zh: '请求已被客户侧拒绝。',
  },
  rejected_by_platform: {
    actor: 'customer',
    en: 'The request was rejected on the platform side. Create a new request and complete this connection with its id.',
    zh: '请求已被平台侧拒绝。请新建请求，并用其 ID 更新本连接。',
  },
  request_expired: {
    actor: 'customer',
    en: 'The request expired in the cloud before it was accepted.',
    zh: '请求在被接受前已在云上过期。',
  },
  request_withdrawn: {
    actor: 'customer',
    en: 'The request no longer exists in the cloud: the customer side deleted it before it became active.',
    zh: '请求在生效前已被客户侧删除，云上不再存在。',
  },
  approval_window_elapsed: {
    actor: 'customer',
    en: 'The attachment was not approved within {windowSeconds} seconds and was withdrawn. Retry to open a new window.',
    zh: '加入申请未在 {windowSeconds} 秒内获得同意，已撤回。可重试以开启新的窗口。',
  },
  deleted_by_peer: {
    actor: 'customer',
    en: 'The customer side deleted the connection. The platform removed its routes and will not re-create it.',
    zh: '客户侧已删除该连接。平台已移除相应路由，且不会重新创建。',
  },
  provider_failed: {
    actor: 'customer',
    en: 'The cloud reports that the connection failed: {message}',
    zh: '云平台报告连接失败：{message}',
  },
  attachment_exists: {
    actor: 'customer',
    en: 'VPC {vpcId} is already attached to a cloud connect network ({detail}). A VPC joins at most one.',
    zh: 'VPC {vpcId} 已加入云联网（{detail}）。一个 VPC 最多加入一个云联网。',
  },
  unknown_peer_account: {
    actor: 'customer',
    en: 'The cloud does not know the account that was declared: {detail}',
    zh: '云平台不存在所申报的账号：{detail}',
  },
  peer_network_not_found: {
    actor: 'customer',
    en: 'The cloud knows no {providerId} of the account that was declared: {detail}',
    zh: '所申报的账号下不存在 {providerId}：{detail}',
  },
  prerequisite_missing: {
    actor: 'customer',
    en: 'The cloud needs something first: {detail}',
    zh: '云平台要求先满足前提条件：{detail}',
  },
  cdt_not_activated: {
    actor: 'customer',
    en: 'Cloud Data Transfer (CDT) is not activated on an account. Activate it on both; the broker then goes on by itself.',
    zh: '账号未开通云数据传输（CDT）。请双方开通，系统将自动继续。',
  },
  provider_quota: {
    actor: 'platform',
    en: 'A quota of the cloud is exhausted: {detail}. The broker tries again by itself.',
    zh: '云平台配额已用尽：{detail}。系统将自动重试。',
  },
  provider_refused: {
    actor: 'platform',
    en: 'The cloud refused a change: {detail}. The broker looks again and tries again by itself.',
    zh: '云平台拒绝了变更：{detail}。系统将重新检查并自动重试。',
  },
  platform_access_denied: {
    actor: 'platform',
    en: "The cloud refused the platform's own account: {detail}. Operators have been alerted; nothing is lost.",
    zh: '云平台拒绝了平台账号的访问：{detail}。已通知运维人员，数据不会丢失。',
  },
  removing_routes: {
    actor: 'platform',
    en: 'Removing the platform routes of this connection.',
    zh: '正在移除该连接在平台侧的路由。',
  },
  removing_connection: {
    actor: 'platform',
    en: 'Removing {providerId} from the cloud.',
    zh: '正在从云上移除 {providerId}。',
  },
  removed: {
    actor: 'nobody',
    en: 'Nothing of this connection is left in the cloud.',
    zh: '该连接在云上已无任何残留。',
  },
  forgotten: {
    actor: 'nobody',
    en: 'An operator removed the connection from the books without touching the cloud.',
    zh: '操作员已将该连接从记录中移除，未对云上资源做任何操作。',
  },
} as const satisfies Record<string, ReasonText>;

export type ReasonCode = keyof typeof REASONS;

/** Values that fill a reason's text; strings only, so that they read the same everywhere. */
export type ReasonParams = Readonly<Record<string, string>>;

/** Why a connection is where it is. */
export interface Reason {
  readonly code: ReasonCode;
  readonly params: ReasonParams;
  /** When the connection first had this reason with these parameters, in epoch milliseconds. */
  readonly since: number;
}

/** Fills `{name}` in a text; a name without a value stays as it is, so that a missing one is seen. */
export function fill(text: string, params: ReasonParams): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => params[name] ?? whole);
}

/** The sentence of a reason in a language. */
export function reasonMessage(reason: Pick<Reason, 'code' | 'params'>, locale: Locale): string {
  const text: ReasonText = REASONS[reason.code];
  const said = reason.params['cidrs'] === '' ? (text.withoutCidrs ?? text) : text;
  return fill(said[locale], reason.params);
}
