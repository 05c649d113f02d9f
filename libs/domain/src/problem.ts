/**
 * The one catalogue of error codes that the API answers with. Codes never change; texts may. `fix` tells the person
 * what to do next.
 */
import { fill, type Locale } from './reason.js';

interface ProblemText {
  /** Whether the same request may succeed later without being changed. */
  readonly retryable: boolean;
  readonly title: Readonly<Record<Locale, string>>;
  readonly fix: Readonly<Record<Locale, string>>;
}

export const PROBLEMS = {
  unauthenticated: {
    retryable: false,
    title: { en: 'The request carries no valid API key.', zh: '请求未携带有效的 API 密钥。' },
    fix: {
      en: 'Send the key id and secret as HTTP Basic, or as "Bearer <keyId>:<secret>".',
      zh: '请使用 HTTP Basic 或 "Bearer <keyId>:<secret>" 发送密钥 ID 与密钥。',
    },
  },
  forbidden: {
    retryable: false,
    title: { en: 'The API key may not do this.', zh: '该 API 密钥无权执行此操作。' },
    fix: { en: 'Use a key whose role allows it: {needed}.', zh: '请使用具备相应角色的密钥：{needed}。' },
  },
  not_found: {
    retryable: false,
    title: { en: 'There is no such {what}.', zh: '不存在该{what}。' },
    fix: {
      en: 'Check the id; list the {what}s that this key can see.',
      zh: '请检查 ID，或列出该密钥可见的{what}。',
    },
  },
  route_not_found: {
    retryable: false,
    title: { en: 'There is nothing at {path}.', zh: '路径 {path} 不存在。' },
    fix: { en: 'See /docs for the paths that exist.', zh: '可用路径请查看 /docs。' },
  },
  method_not_allowed: {
    retryable: false,
    title: { en: '{method} is not possible at {path}.', zh: '{path} 不支持 {method}。' },
    fix: { en: 'See /docs for what is.', zh: '支持的方法请查看 /docs。' },
  },
  malformed_body: {
    retryable: false,
    title: { en: 'The body is not valid JSON.', zh: '请求体不是有效的 JSON。' },
    fix: {
      en: 'Send one JSON object with content-type application/json.',
      zh: '请以 application/json 发送一个 JSON 对象。',
    },
  },
  malformed_url: {
    retryable: false,
    title: { en: 'The URL is not valid.', zh: '请求的 URL 无效。' },
    fix: {
      en: 'Percent-encode what is not a letter, digit, dash, dot or underscore, and keep ids as they were given.',
      zh: '请对特殊字符进行百分号编码，并原样使用返回的 ID。',
    },
  },
  unsupported_media_type: {
    retryable: false,
    title: { en: 'The body is of a type that is not understood.', zh: '不支持该请求体类型。' },
    fix: { en: 'Send JSON with content-type application/json.', zh: '请以 application/json 发送 JSON。' },
  },
  payload_too_large: {
    retryable: false,
    title: { en: 'The body is too large.', zh: '请求体过大。' },
    fix: { en: 'Keep it under {limit} bytes.', zh: '请控制在 {limit} 字节以内。' },
  },
  validation_failed: {
    retryable: false,
    title: { en: 'Some values are not acceptable.', zh: '部分字段的值不符合要求。' },
    fix: { en: 'Mend the fields that "errors" points at.', zh: '请修改 "errors" 所指的字段。' },
  },
  edition_required: {
    retryable: false,
    title: {
      en: 'Peering needs the dedicated professional edition; this deployment has {edition}.',
      zh: '对等连接需要专有版专业版，该部署为 {edition}。',
    },
    fix: {
      en: 'Upgrade the deployment to dedicated_professional.',
      zh: '请将部署升级到 dedicated_professional。',
    },
  },
  deployment_not_ready: {
    retryable: true,
    title: { en: 'The deployment is {status}, not active.', zh: '部署状态为 {status}，尚未就绪。' },
    fix: { en: 'Wait until it is active.', zh: '请等待部署就绪。' },
  },
  cloud_mismatch: {
    retryable: false,
    title: {
      en: 'The deployment runs on {expected}, the request is for {given}.',
      zh: '部署位于 {expected}，请求针对 {given}。',
    },
    fix: { en: 'Connect a network of the same cloud and region.', zh: '请使用同一云、同一区域的网络。' },
  },
  cidr_conflict: {
    retryable: false,
    title: { en: 'Address blocks collide with others.', zh: '地址段存在冲突。' },
    fix: {
      en: 'Use blocks that touch none of those in "conflicts"; GET …/cidr-suggestions lists free ones.',
      zh: '请避开 "conflicts" 中的地址段；可通过 …/cidr-suggestions 获取可用地址段。',
    },
  },
  connection_exists: {
    retryable: false,
    title: {
      en: 'These two networks already have a live connection: {connectionId}.',
      zh: '两个网络之间已存在连接：{connectionId}。',
    },
    fix: { en: 'Use that one, or delete it first.', zh: '请使用已有连接，或先将其删除。' },
  },
  network_full: {
    retryable: false,
    title: {
      en: 'The deployment takes at most {limit} live connection(s) on this cloud.',
      zh: '该云上每个部署最多 {limit} 个连接。',
    },
    fix: { en: 'Delete {connectionId} first.', zh: '请先删除 {connectionId}。' },
  },
  quota_exceeded: {
    retryable: false,
    title: { en: 'The quota {quota} of {limit} is used up.', zh: '配额 {quota}（{limit}）已用尽。' },
    fix: {
      en: 'Delete what is not needed, or ask an operator for a higher quota.',
      zh: '请清理不需要的资源，或联系运维提升配额。',
    },
  },
  state_conflict: {
    retryable: true,
    title: {
      en: 'This is not possible while the connection is {state}.',
      zh: '连接处于 {state} 状态时无法执行该操作。',
    },
    fix: {
      en: 'GET /v1/meta/state-machine lists what each state allows.',
      zh: '各状态允许的操作见 /v1/meta/state-machine。',
    },
  },
  still_cleaning_up: {
    retryable: true,
    title: { en: 'The last attempt is still being taken back in the cloud.', zh: '上一次尝试仍在云上清理。' },
    fix: { en: 'Try again in a few seconds.', zh: '请稍后重试。' },
  },
  drift_only_reported: {
    retryable: false,
    title: {
      en: 'The operator of this deployment decides about its routes: they are not put back on request.',
      zh: '该部署的路由由运维人员处理，无法通过请求恢复。',
    },
    fix: { en: 'Contact the operator.', zh: '请联系运维人员。' },
  },
  resources_bound: {
    retryable: false,
    title: {
      en: 'Data-integration resources depend on this connection.',
      zh: '仍有数据集成资源依赖该连接。',
    },
    fix: {
      en: 'Remove those in "conflicts" first, or send force=true with confirm=<the connection\'s display name or id>.',
      zh: '请先移除 "conflicts" 中的资源，或使用 force=true 并以 confirm=<连接名称或 ID> 确认。',
    },
  },
  locked: {
    retryable: true,
    title: { en: 'An operator has locked this connection: {note}', zh: '该连接已被运维锁定：{note}' },
    fix: { en: 'Contact the operator.', zh: '请联系运维人员。' },
  },
  version_stale: {
    retryable: false,
    title: { en: 'The connection has changed since it was read.', zh: '连接在读取之后已发生变化。' },
    fix: { en: 'GET it again and send its ETag as If-Match.', zh: '请重新获取，并以其 ETag 作为 If-Match。' },
  },
  idempotency_mismatch: {
    retryable: false,
    title: {
      en: 'This Idempotency-Key was used for another request.',
      zh: '该 Idempotency-Key 已用于其他请求。',
    },
    fix: { en: 'Use a new key for a new request.', zh: '新的请求请使用新的 key。' },
  },
  idempotency_in_progress: {
    retryable: true,
    title: {
      en: 'The first request with this Idempotency-Key is still being answered.',
      zh: '使用该 Idempotency-Key 的首个请求仍在处理中。',
    },
    fix: { en: 'Send it again in a second.', zh: '请一秒后重试。' },
  },
  in_use: {
    retryable: false,
    title: { en: 'It is still in use.', zh: '该资源仍在使用中。' },
    fix: { en: 'Remove what is listed in "conflicts" first.', zh: '请先移除 "conflicts" 中的内容。' },
  },
  already_exists: {
    retryable: false,
    title: { en: 'There is already such a {what}.', zh: '该{what}已存在。' },
    fix: { en: 'Use the existing one.', zh: '请使用已有的。' },
  },
  cloud_unreachable: {
    retryable: true,
    title: { en: 'The cloud could not be asked: {detail}', zh: '无法访问云平台：{detail}' },
    fix: {
      en: 'Try again; check the platform account when it persists.',
      zh: '请重试；若持续出现，请检查平台账号。',
    },
  },
  rate_limited: {
    retryable: true,
    title: { en: 'Too many requests.', zh: '请求过于频繁。' },
    fix: { en: 'Wait for the time in Retry-After.', zh: '请按 Retry-After 等待后重试。' },
  },
  unavailable: {
    retryable: true,
    title: { en: 'The service cannot answer right now.', zh: '服务暂时不可用。' },
    fix: { en: 'Try again in a few seconds.', zh: '请稍后重试。' },
  },
  internal: {
    retryable: true,
    title: { en: 'Something went wrong on our side.', zh: '服务内部错误。' },
    fix: {
      en: 'Try again; quote the requestId when it persists.',
      zh: '请重试；若持续出现，请提供 requestId。',
    },
  },
} as const satisfies Record<string, ProblemText>;

export type ProblemCode = keyof typeof PROBLEMS;

/** One field that is wrong: where (JSON Pointer), what, and how to mend it. */
export interface FieldError {
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
  readonly fix?: string;
}

/** Something that stands in the way. */
export interface ProblemConflict {
  readonly kind: string;
  readonly id?: string;
  readonly cidr?: string;
  readonly with?: string;
  readonly detail?: string;
}

/** Thrown wherever a request cannot be done; the API turns it into problem+json. */
export class Problem extends Error {
  constructor(
    readonly code: ProblemCode,
    readonly params: Readonly<Record<string, string>> = {},
    readonly extra: {
      readonly errors?: readonly FieldError[];
      readonly conflicts?: readonly ProblemConflict[];
    } = {},
  ) {
    super(fill(PROBLEMS[code].title.en, params));
    this.name = 'Problem';
  }
}

/** Title and fix of a problem in a language. */
export function problemText(
  code: ProblemCode,
  params: Readonly<Record<string, string>>,
  locale: Locale,
): { readonly title: string; readonly fix: string } {
  return { title: fill(PROBLEMS[code].title[locale], params), fix: fill(PROBLEMS[code].fix[locale], params) };
}
