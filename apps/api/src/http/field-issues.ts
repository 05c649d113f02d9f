/**
 * What can be wrong with one value of a request: a stable code each, what it is and how to mend it, in both languages.
 * `{name}` is filled from the issue's parameters.
 */
import { fill, REASONS, type FieldError, type Locale, type ReasonCode } from '#domain';

interface IssueText {
  readonly detail: LocalText;
  readonly fix: LocalText;
}

const OTHER_BLOCK = {
  en: 'Use a block that touches nothing; GET …/cidr-suggestions lists free ones.',
  zh: '请使用无冲突的地址段；可通过 GET …/cidr-suggestions 获取。',
} as const;

/** The sentence of a reason, which the engine uses for the same finding. */
function reasonDetail(code: ReasonCode): IssueText['detail'] {
  return { en: REASONS[code].en, zh: REASONS[code].zh };
}

export const FIELD_ISSUES = {
  required: {
    detail: { en: 'This is missing.', zh: '缺少该字段。' },
    fix: { en: 'Give {expected}, for example {example}.', zh: '请填写 {expected}，例如 {example}。' },
  },
  unknown_field: {
    detail: { en: 'There is no field of this name here.', zh: '此处没有该字段。' },
    fix: { en: 'Remove it. The fields are: {known}.', zh: '请删除该字段。可用字段：{known}。' },
  },
  wrong_type: {
    detail: { en: 'This is {given}, not {expected}.', zh: '此处为 {given}，应为 {expected}。' },
    fix: { en: 'Give {expected}, for example {example}.', zh: '请填写 {expected}，例如 {example}。' },
  },
  bad_length: {
    detail: {
      en: 'This has {given} characters; {min} to {max} are possible.',
      zh: '长度为 {given}，允许 {min} 至 {max} 个字符。',
    },
    fix: { en: 'Give {min} to {max} characters.', zh: '请填写 {min} 至 {max} 个字符。' },
  },
  bad_characters: {
    detail: {
      en: 'This contains control characters or broken Unicode.',
      zh: '包含控制字符或无效的 Unicode。',
    },
    fix: { en: 'Use printable characters only.', zh: '请仅使用可打印字符。' },
  },
  bad_format: {
    detail: { en: '"{given}" is not {expected}.', zh: '“{given}”不是 {expected}。' },
    fix: { en: '{help} Example: {example}.', zh: '{help} 示例：{example}。' },
  },
  not_one_of: {
    detail: { en: '"{given}" is none of the possible values.', zh: '“{given}”不在可选值中。' },
    fix: { en: 'Choose one of: {allowed}.', zh: '请选择其一：{allowed}。' },
  },
  out_of_range: {
    detail: { en: '{given} is outside of {min} to {max}.', zh: '{given} 超出 {min} 至 {max} 的范围。' },
    fix: { en: 'Give a whole number from {min} to {max}.', zh: '请填写 {min} 至 {max} 之间的整数。' },
  },
  bad_count: {
    detail: {
      en: 'There are {given} entries; {min} to {max} are possible.',
      zh: '共 {given} 项，允许 {min} 至 {max} 项。',
    },
    fix: { en: 'Give {min} to {max} entries.', zh: '请提供 {min} 至 {max} 项。' },
  },
  bad_cursor: {
    detail: {
      en: 'This is not a cursor of this list with these filters.',
      zh: '该游标不属于此列表及其过滤条件。',
    },
    fix: {
      en: 'Pass "nextCursor" of the page before as it is, with the same filters; leave it out for the first page.',
      zh: '请原样传入上一页的 "nextCursor" 并保持相同的过滤条件；首页无需传入。',
    },
  },
  not_confirmed: {
    detail: {
      en: 'The confirmation does not name what is to be removed.',
      zh: '确认内容与要移除的对象不符。',
    },
    fix: { en: 'Send confirm with {allowed}.', zh: '请将 confirm 设为 {allowed}。' },
  },
  not_combinable: {
    detail: { en: 'This cannot be given together with {other}.', zh: '不能与 {other} 同时使用。' },
    fix: { en: 'Leave one of them out.', zh: '请去掉其中之一。' },
  },
  no_such_reference: {
    detail: { en: 'There is no {what} {given}.', zh: '不存在 {what} {given}。' },
    fix: { en: 'List the existing ones and use an id from there.', zh: '请查询现有列表并使用其中的 ID。' },
  },
  other_cloud: {
    detail: {
      en: 'The deployment runs on {expected}, not on {given}.',
      zh: '部署位于 {expected}，而非 {given}。',
    },
    fix: {
      en: 'Set it to {expected} and give the fields of that cloud.',
      zh: '请改为 {expected} 并填写该云的字段。',
    },
  },
  account_of_other_cloud: {
    detail: {
      en: 'The account is one of {given}, the deployment runs on {expected}.',
      zh: '该账号属于 {given}，而部署位于 {expected}。',
    },
    fix: { en: 'Give a platform account of {expected}.', zh: '请填写 {expected} 的平台账号。' },
  },
  range_reversed: {
    detail: {
      en: 'The end {to} lies before the beginning {from}.',
      zh: '结束地址 {to} 早于起始地址 {from}。',
    },
    fix: { en: 'Give the lower address in "from".', zh: '请在 "from" 中填写较小的地址。' },
  },
  not_after: {
    detail: { en: '{given} is not after {earlier}.', zh: '{given} 不晚于 {earlier}。' },
    fix: { en: 'Give a later time.', zh: '请填写更晚的时间。' },
  },
  not_cidr: {
    detail: { en: '"{given}" is not an IPv4 network.', zh: '“{given}”不是 IPv4 地址段。' },
    fix: { en: '{help}', zh: '请使用类似 172.16.0.0/16 的写法。' },
  },
  bad_octet: {
    detail: {
      en: '"{given}" has a number outside of 0 to 255.',
      zh: '“{given}”含有不在 0 至 255 之间的数字。',
    },
    fix: { en: '{help}', zh: 'IPv4 地址的四个数字均应在 0 至 255 之间。' },
  },
  leading_zero: {
    detail: {
      en: '"{given}" has a leading zero, which some systems read as octal.',
      zh: '“{given}”含有前导零，部分系统会按八进制解析。',
    },
    fix: { en: '{help}', zh: '请去掉前导零。' },
  },
  bad_prefix: {
    detail: {
      en: '"{given}" has no prefix length from 0 to 32.',
      zh: '“{given}”的前缀长度不在 0 至 32 之间。',
    },
    fix: { en: '{help}', zh: '请填写普通数字作为前缀长度，例如 /16。' },
  },
  host_bits_set: {
    detail: {
      en: '"{given}" names an address inside a network, not the network (host bits are set).',
      zh: '“{given}”是网络内的地址而非网络本身（主机位不为零）。',
    },
    fix: { en: '{help}', zh: '请填写该地址所在的网络：{network}。' },
  },
  ipv6_unsupported: {
    detail: {
      en: '"{given}" is an IPv6 network; connections carry IPv4 only.',
      zh: '“{given}”为 IPv6 地址段，连接仅支持 IPv4。',
    },
    fix: { en: '{help}', zh: '请填写 VPC 的 IPv4 地址段。' },
  },
  cidr_reserved: { detail: reasonDetail('cidr_reserved'), fix: OTHER_BLOCK },
  cidr_unroutable: { detail: reasonDetail('cidr_unroutable'), fix: OTHER_BLOCK },
  cidr_overlaps_deployment: { detail: reasonDetail('cidr_overlaps_deployment'), fix: OTHER_BLOCK },
  cidr_overlaps_peering: { detail: reasonDetail('cidr_overlaps_peering'), fix: OTHER_BLOCK },
  cidr_overlaps_itself: {
    detail: reasonDetail('cidr_overlaps_itself'),
    fix: { en: 'Leave one of the two out.', zh: '请去掉其中之一。' },
  },
} as const satisfies Record<string, IssueText>;

export type FieldIssueCode = keyof typeof FIELD_ISSUES;

/** Text in every language that people are answered in. */
export type LocalText = Readonly<Record<Locale, string>>;

/** One value that is wrong, before it is put into words. */
export interface FieldIssue {
  /** JSON Pointer into the body; `?name` for a query parameter, the name followed by a colon for a header. */
  readonly pointer: string;
  readonly code: FieldIssueCode;
  readonly params: Readonly<Record<string, string | LocalText>>;
}

/** The issue in words. */
export function describeIssue({ pointer, code, params }: FieldIssue, locale: Locale): FieldError {
  const { detail, fix } = FIELD_ISSUES[code];
  const values = Object.fromEntries(
    Object.entries(params).map(([name, value]) => [name, typeof value === 'string' ? value : value[locale]]),
  );
  return { pointer, code, detail: fill(detail[locale], values), fix: fill(fix[locale], values) };
}

/** A step of a JSON Pointer (RFC 6901). */
export function pointerStep(key: string | number): string {
  return `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
