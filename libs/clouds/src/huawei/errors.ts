/**
 * Huawei Cloud errors in the broker's taxonomy. Codes: VPC API reference, "Error codes"; API Gateway user guide, "Error
 * codes". The native OpenStack API, which peerings belong to, has no list of its own types: there the HTTP status says
 * what is known, and the adapter looks again.
 */
import { CloudError, type CloudErrorCategory } from '#domain';
import { categoryOfStatus, networkFailure, redact } from '../call-failure.js';
import type { ErrorMeaning } from '../vocabulary.js';

const as = (category: CloudErrorCategory, ...codes: string[]): Record<string, ErrorMeaning> =>
  Object.fromEntries(codes.map((code) => [code, { category }]));

/** The credentials are good, but what they belong to may not do this. */
const DENIALS: readonly string[] = [
  'APIGW.0302',
  'APIGW.0306',
  'PolicyNotAuthorized',
  'VPC.0010',
  'VPC.2201',
  'VPC.2701',
];

/** Every code that is known to matter here. */
export const HUAWEI_ERRORS: Readonly<Record<string, ErrorMeaning>> = {
  ...as(
    'auth',
    ...DENIALS,
    'APIGW.0301',
    'APIGW.0303',
    'APIGW.0305',
    'APIGW.0307',
    'APIGW.0310',
    'APIGW.0402',
    'APIGW.0802',
    'VPC.0005',
    'VPC.0007',
    'VPC.0008',
    'VPC.0009',
  ),
  ...as('throttled', 'APIGW.0308'),
  ...as('quota', 'OverQuota', 'VPC.0114'),
  ...as('not_found', 'RouterNotFound', 'VPC.0003'),
  // The VPC is being made or changed.
  ...as('conflict', 'VPC.0004'),
  ...as('precondition', 'VPC.0011', 'VPC.0014'),
  ...as(
    'transient',
    'APIGW.0201',
    'APIGW.0202',
    'APIGW.0601',
    'APIGW.0605',
    'APIGW.0610',
    'APIGW.0613',
    'APIGW.0801',
    'VPC.0105',
  ),
  // It is the API that does not exist or was called wrongly, not what it was asked about.
  ...as('unknown', 'APIGW.0101', 'APIGW.0103', 'VPC.0101'),
};

/** Enough of a message for a person. */
const MESSAGE_LENGTH = 500;

/** What an error answer says, out of whichever envelope. */
interface ToldError {
  /** Undefined when the body has none. */
  readonly code: string | undefined;
  readonly message: string;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads the error out of a body. One host has them all: `{code, message}` (VPC v1), `{NeutronError: {type, message}}`
 * (the native API), `{error_code, error_msg}` (gateway, VPC v3, STS), `{error: {code, title, message}}` (IAM), or
 * `{error: {error_code, error_msg}}`.
 */
export function readError(body: unknown): ToldError {
  const outer = asObject(body);
  const inner = asObject(outer['NeutronError'] ?? outer['error'] ?? outer);
  const code = [inner['error_code'], inner['title'], inner['type'], inner['code']].find(
    (candidate) => typeof candidate === 'string' && candidate !== '',
  );
  const message = [inner['error_msg'], inner['message']].find((candidate) => typeof candidate === 'string');
  return { code: code as string | undefined, message: message ?? '' };
}

function asObject(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

/** The meaning of an error answer. */
export function meaningOf({ code, message }: ToldError, status: number): ErrorMeaning {
  const known = code !== undefined && Object.hasOwn(HUAWEI_ERRORS, code) ? HUAWEI_ERRORS[code] : undefined;
  if (known) return known;
  // Of what was refused for being too many, the codes differ from API to API; the wording is OpenStack's.
  if (status < 500 && /quota exceeded/i.test(message)) return { category: 'quota' };
  return { category: categoryOfStatus(status) };
}

/** An answer that is no agreement. */
export interface ErrorAnswer {
  readonly status: number;
  /** The body as it came. */
  readonly text: string;
  readonly requestId: string | undefined;
}

/**
 * An error answer as the port's error.
 *
 * @param operation the vendor's name of what was called, such as `AcceptVpcPeering`
 * @param secrets what must not appear in the message
 */
export function refusalOf(answer: ErrorAnswer, operation: string, secrets: Iterable<string>): CloudError {
  const { status, requestId } = answer;
  const told = readError(parsed(answer.text));
  const known = { operation, ...(requestId === undefined ? {} : { requestId }) };
  const text = shortened(redact(told.message, secrets));
  if (told.code === undefined) {
    const message = `answered with HTTP status ${status} and no error code${text === '' ? '' : `: ${text}`}`;
    const { category } = meaningOf(told, status);
    // Without a code it is not the API that says so, but something else that was reached instead.
    const honest = category === 'not_found' ? 'unknown' : category;
    return new CloudError({ category: honest, code: `HTTP${status}`, message, ...known });
  }
  const message = DENIALS.includes(told.code)
    ? `the platform's credentials may not call ${operation}. ${text}`
    : text;
  return new CloudError({ ...meaningOf(told, status), code: told.code, message, ...known });
}

/** A call that got no answer, or one that could not be read, as the port's error. */
export function failureOf(error: unknown, operation: string, secrets: Iterable<string>): CloudError {
  if (error instanceof CloudError) return error;
  const network = networkFailure(error);
  if (network) {
    const message = shortened(redact(network.message, secrets));
    return new CloudError({ category: 'transient', code: network.code, message, operation });
  }
  const failure = error instanceof Error ? error : new Error(String(error));
  if (failure.name === 'TypeError' && failure.message === 'fetch failed') {
    // By the Fetch standard, no answer came: the address cannot be reached, or may not be (a port that is barred).
    const cause = failure.cause instanceof Error ? failure.cause.message : failure.message;
    const message = shortened(redact(cause, secrets));
    return new CloudError({ category: 'transient', code: 'NetworkError', message, operation });
  }
  const message = shortened(redact(failure.message, secrets));
  if (failure instanceof SyntaxError) {
    // The cloud agreed, but its answer was cut short or garbled: as with a lost one, the change may have been made.
    const told = `the answer could not be read: ${message}`;
    return new CloudError({ category: 'transient', code: 'UnreadableAnswer', message: told, operation });
  }
  return new CloudError({ category: 'unknown', code: failure.name, message, operation });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function shortened(text: string): string {
  return text.length > MESSAGE_LENGTH ? `${text.slice(0, MESSAGE_LENGTH)}…` : text;
}
