/** From whatever was thrown to `application/problem+json` (RFC 9457). */
import type { Problem } from '#domain';
import {
  PROBLEMS,
  problemText,
  type FieldError,
  type Locale,
  type ProblemCode,
  type ProblemConflict,
} from '#domain';

import { describeIssue } from './field-issues.js';
import { PROBLEM_STATUS } from './problem-status.js';
import { describeConflict, RequestProblem } from './request-problem.js';

/** The body of every answer that is not a success. */
export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  readonly code: ProblemCode;
  readonly errors: readonly FieldError[];
  readonly conflicts: readonly ProblemConflict[];
  readonly retryable: boolean;
  readonly fix: string;
  readonly instance: string;
  readonly requestId: string;
}

/** What things are called in problems ("There is no such …"). */
export const NOUNS = {
  peering: { en: 'peering connection', zh: '对等连接' },
  deployment: { en: 'deployment', zh: '部署' },
  project: { en: 'project', zh: '项目' },
  tenant: { en: 'tenant', zh: '租户' },
  api_key: { en: 'API key', zh: 'API 密钥' },
  platform_account: { en: 'platform account', zh: '平台账号' },
  reserved_range: { en: 'reserved range', zh: '保留网段' },
  resource: { en: 'bound resource', zh: '绑定资源' },
  quota: { en: 'quota', zh: '配额' },
  cloud: { en: 'cloud', zh: '云' },
  orphan: { en: 'orphan', zh: '遗留资源' },
  job: { en: 'failed job', zh: '失败任务' },
  thing: { en: 'thing', zh: '资源' },
} as const satisfies Record<string, Readonly<Record<Locale, string>>>;

export type Noun = keyof typeof NOUNS;

/** What is missing, as a problem. */
export function notFound(what: Noun): RequestProblem {
  return new RequestProblem('not_found', { what });
}

function nameThings(
  params: Readonly<Record<string, string>>,
  locale: Locale,
): Readonly<Record<string, string>> {
  const what = params['what'];
  return what !== undefined && Object.hasOwn(NOUNS, what)
    ? { ...params, what: NOUNS[what as Noun][locale] }
    : params;
}

/** How many of the field errors are repeated in `detail`. */
const DETAILED_ERRORS = 3;

/** The body for a problem, in a language. */
export function problemBody(
  problem: Problem,
  locale: Locale,
  request: { readonly path: string; readonly id: string },
): ProblemBody {
  const { title, fix } = problemText(problem.code, nameThings(problem.params, locale), locale);
  const grounds = problem instanceof RequestProblem ? problem.grounds : {};
  const errors = [
    ...(problem.extra.errors ?? []),
    ...(grounds.issues ?? []).map((issue) => describeIssue(issue, locale)),
  ];
  const conflicts = [
    ...(problem.extra.conflicts ?? []),
    ...(grounds.conflicts ?? []).map((conflict) => describeConflict(conflict, locale)),
  ];
  const detail = (errors.length > 0 ? errors : conflicts)
    .slice(0, DETAILED_ERRORS)
    .flatMap((entry) => entry.detail ?? [])
    .join(' ');
  return {
    type: `/v1/meta/errors#${problem.code}`,
    title,
    status: PROBLEM_STATUS[problem.code],
    ...(detail === '' ? {} : { detail }),
    code: problem.code,
    errors,
    conflicts,
    retryable: PROBLEMS[problem.code].retryable,
    fix,
    instance: request.path,
    requestId: request.id,
  };
}
