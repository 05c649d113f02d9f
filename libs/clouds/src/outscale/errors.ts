/**
 * OAPI errors in the broker's taxonomy. The code decides, never the type: AccessDenied stands for a bad signature, a
 * missing right and throttling alike. Codes and their ranges: OUTSCALE API errors reference; those of Net peerings and of
 * keys that are unknown, as the API has been seen to answer.
 */
import { CloudError, type CloudErrorCategory } from '#domain';
import { categoryOfStatus, networkFailure, redact } from '../call-failure.js';
import type { ErrorMeaning } from '../vocabulary.js';

const as = (category: CloudErrorCategory, ...codes: string[]): Record<string, ErrorMeaning> =>
  Object.fromEntries(codes.map((code) => [code, { category }]));

/** The key is good, but whom it belongs to may not do this. */
const DENIALS: readonly string[] = ['4', '5'];

/** Every code that is known to matter here; others are judged by {@link RANGES}. */
export const OUTSCALE_ERRORS: Readonly<Record<string, ErrorMeaning>> = {
  ...as(
    'auth',
    ...DENIALS,
    // A bad signature; access denied by an API access rule; a lock-out after bad signatures; a timestamp far from now.
    '1',
    '7',
    '11',
    '13',
    '15',
    // An access key that nobody has.
    '4120',
  ),
  // Of the whole platform, of the account, of the account's calls of one action.
  ...as('throttled', '6', '24', '25'),
  ...as('transient', '2000'),
  ...as(
    'not_found',
    // Ids that cannot be one.
    '4104',
    '4105',
    // Of a Net peering, a route table, a Net.
    '5035',
    '5046',
    '5065',
  ),
  ...as(
    'invalid_state',
    '6004',
    // The Net peering is not the caller's to answer or to delete.
    '8011',
  ),
  ...as('conflict', '9029'),
  ...as('quota', '10001'),
};

/** What the codes that no list names have in common, with the HTTP status that they come with. */
const RANGES: readonly {
  readonly from: number;
  readonly to: number;
  readonly status: number;
  readonly meaning: ErrorMeaning;
}[] = [
  // DependencyProblem: something has to be there first, such as a VM in each Net.
  {
    from: 1_000,
    to: 1_999,
    status: 424,
    meaning: { category: 'precondition', reason: 'prerequisite_missing' },
  },
  { from: 2_000, to: 2_999, status: 500, meaning: { category: 'transient' } },
  { from: 5_000, to: 5_999, status: 400, meaning: { category: 'not_found' } },
  { from: 6_000, to: 6_999, status: 409, meaning: { category: 'invalid_state' } },
  { from: 8_000, to: 8_999, status: 400, meaning: { category: 'precondition' } },
  { from: 9_000, to: 9_999, status: 409, meaning: { category: 'conflict' } },
  { from: 10_000, to: 10_999, status: 400, meaning: { category: 'quota' } },
];

/** Enough of a message for a person. */
const MESSAGE_LENGTH = 500;

/** The meaning of a code, or else of the HTTP status that it came with. */
export function meaningOf(code: string, status: number): ErrorMeaning {
  const known = Object.hasOwn(OUTSCALE_ERRORS, code) ? OUTSCALE_ERRORS[code] : undefined;
  if (known) return known;
  const number = /^\d+$/.test(code) ? Number(code) : -1;
  const range = RANGES.find(({ from, to }) => from <= number && number <= to);
  if (range?.status === status) return range.meaning;
  return { category: categoryOfAnswer(status) };
}

/** OAPI says by code what it does not find: a 404 comes from something else that was reached instead. */
function categoryOfAnswer(status: number): CloudErrorCategory {
  const category = categoryOfStatus(status);
  return category === 'not_found' ? 'unknown' : category;
}

/** An HTTP answer that is not what was asked for. Everything that was sent back is in the text. */
export class RefusedError extends Error {
  constructor(
    readonly status: number,
    readonly text: string,
  ) {
    super(`answered with HTTP status ${status}`);
    this.name = 'RefusedError';
  }
}

/**
 * Whatever a call threw, as the port's error. The original is not kept as its cause: it may hold what was sent.
 *
 * @param operation the API's name of what was called, such as `CreateRoute`
 * @param secrets what must not appear in the message
 */
export function toCloudError(error: unknown, operation: string, secrets: Iterable<string>): CloudError {
  if (error instanceof CloudError) return error;
  if (error instanceof RefusedError) return toRefusal(error, operation, secrets);
  const network = networkFailure(error);
  if (network) {
    const message = redact(network.message, secrets);
    return new CloudError({ category: 'transient', code: network.code, message, operation });
  }
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return new CloudError({ category: 'unknown', code: name, message: redact(message, secrets), operation });
}

function toRefusal({ status, text }: RefusedError, operation: string, secrets: Iterable<string>): CloudError {
  const { code, type, details, requestId } = readErrors(text);
  const known = { operation, ...(requestId === undefined ? {} : { requestId }) };
  if (status < 300) {
    // The cloud agreed, but its answer was cut short or garbled: as with a lost one, the change may have been made.
    const message = 'the answer could not be read';
    return new CloudError({ category: 'transient', code: 'UnreadableAnswer', message, ...known });
  }
  if (code === undefined) {
    const message = `answered with HTTP status ${status} and no error code`;
    return new CloudError({ category: categoryOfAnswer(status), code: `HTTP${status}`, message, ...known });
  }
  const told = readable(redact([type, details].filter(Boolean).join(': '), secrets));
  const message = DENIALS.includes(code)
    ? `the platform's access key lacks the right to api:${operation}. ${told}`
    : told;
  return new CloudError({ ...meaningOf(code, status), code, message, ...known });
}

/** The first error of an answer, as far as it is one: `{Errors: [{Code, Type, Details}], ResponseContext}`. */
function readErrors(text: string) {
  const answer = asRecord(parse(text));
  const errors: unknown = answer['Errors'];
  const first = asRecord(Array.isArray(errors) ? errors[0] : undefined);
  return {
    code: asText(first['Code']),
    type: asText(first['Type']),
    details: asText(first['Details']),
    requestId: asText(asRecord(answer['ResponseContext'])['RequestId']),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function asText(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function readable(message: string): string {
  return message.length > MESSAGE_LENGTH ? `${message.slice(0, MESSAGE_LENGTH)}…` : message;
}
