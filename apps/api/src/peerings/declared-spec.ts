/** Reads what a customer declares about their side, and checks it against the cloud of the deployment. */
import {
  CLOUD_IDS,
  parseCidrs,
  type CloudProfile,
  type CloudSpec,
  type DeclaredSpec,
  type FieldSpec,
} from '#domain';

import { pointerStep, type FieldIssue } from '../http/field-issues.js';
import { RequestProblem } from '../http/request-problem.js';
import { choiceCheck, isPlainObject, shown, wrongType } from '../http/value-checks.js';

/** Where `cloud` stands in a request. */
const CLOUD = '/spec/cloud';

/** What a request may say of a connection's spec; the classes of the request have checked `cidrs` already. */
export interface SpecRequest {
  readonly cloud?: Readonly<Record<string, unknown>>;
  readonly cidrs?: readonly string[];
}

/** What a customer declared, and every issue of it. */
export interface DeclaredSpecReading {
  readonly spec: DeclaredSpec;
  readonly issues: readonly FieldIssue[];
}

/**
 * The spec of a request, laid over what was declared before: a field that is given replaces, null takes it back.
 * Blocks are returned in canonical text without repetitions.
 * @throws RequestProblem `cloud_mismatch` when it is for another cloud than the deployment's
 */
export function readSpec(
  profile: CloudProfile,
  request: SpecRequest,
  before: DeclaredSpec | null,
): DeclaredSpecReading {
  const given = request.cloud ?? {};
  const issues = request.cloud === undefined ? [] : kindIssues(profile, request.cloud, before !== null);
  const cloud = new Map<string, string>(Object.entries({ ...before?.cloud, kind: profile.cloud }));
  for (const [name, value] of Object.entries(given)) {
    if (name === 'kind') continue;
    const pointer = CLOUD + pointerStep(name);
    const field = profile.fields.find((each) => each.name === name);
    if (field === undefined) {
      const known = ['kind', ...profile.fields.map((each) => each.name)].join(', ');
      issues.push({ pointer, code: 'unknown_field', params: { known } });
    } else if (value === null && before !== null) {
      cloud.delete(name);
    } else if (typeof value !== 'string') {
      issues.push(
        ...wrongType(value, 'string', JSON.stringify(field.example)).map((issue) => ({ ...issue, pointer })),
      );
    } else if (!formOf(field).test(value)) {
      const params = { given: shown(value), expected: field.title, help: field.help, example: field.example };
      issues.push({ pointer, code: 'bad_format', params });
    } else {
      cloud.set(name, value);
    }
  }
  const cidrs = request.cidrs === undefined ? (before?.cidrs ?? []) : canonicalBlocks(request.cidrs);
  return { spec: { cloud: Object.fromEntries(cloud) as CloudSpec, cidrs }, issues };
}

const FORMS = new Map<string, RegExp>();

function formOf({ pattern }: FieldSpec): RegExp {
  let form = FORMS.get(pattern);
  if (form === undefined) FORMS.set(pattern, (form = new RegExp(pattern, 'u')));
  return form;
}

/**
 * Blocks in canonical text without repetitions.
 * @throws CidrError for a block that the request's class should have refused, which is a defect
 */
export function canonicalBlocks(cidrs: readonly string[]): string[] {
  return parseCidrs(cidrs).map((block) => block.text);
}

function kindIssues(
  profile: CloudProfile,
  given: Readonly<Record<string, unknown>>,
  mayLack: boolean,
): FieldIssue[] {
  const kind = given['kind'];
  const pointer = `${CLOUD}/kind`;
  if (kind === undefined) {
    if (mayLack) return [];
    const params = { expected: { en: 'the cloud', zh: '云类型' }, example: JSON.stringify(profile.cloud) };
    return [{ pointer, code: 'required', params }];
  }
  const issues = choiceCheck(CLOUD_IDS)(kind).map((issue) => ({ ...issue, pointer }));
  if (issues.length === 0 && kind !== profile.cloud) {
    const params = { expected: profile.cloud, given: shown(kind) };
    throw new RequestProblem('cloud_mismatch', params, {
      issues: [{ pointer, code: 'other_cloud', params }],
    });
  }
  return issues;
}

/** Whether a value may be read as `spec.cloud`; what is in it depends on the cloud. */
export function cloudSpecCheck(value: unknown): FieldIssue[] {
  return isPlainObject(value) ? [] : wrongType(value, 'object', '{"kind":"aws"}');
}
