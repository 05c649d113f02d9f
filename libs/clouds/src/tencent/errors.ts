/**
 * Tencent Cloud errors in the broker's taxonomy. Codes: API 3.0, "Common error codes"; VPC 2017-03-12 API reference and
 * the vendor's Go SDK, error codes of each CCN action. They come with HTTP status 200; another status comes from the
 * gateway and has no code.
 */
import { CloudError, type CloudErrorCategory, type ReasonCode } from '#domain';
import { categoryOfStatus, networkFailure, redact } from '../call-failure.js';
import type { ErrorMeaning } from '../vocabulary.js';

const as = (category: CloudErrorCategory, ...codes: string[]): Record<string, ErrorMeaning> =>
  Object.fromEntries(codes.map((code) => [code, { category }]));

const because = (
  category: CloudErrorCategory,
  reason: ReasonCode,
  ...codes: string[]
): Record<string, ErrorMeaning> => Object.fromEntries(codes.map((code) => [code, { category, reason }]));

/** The credentials are good, but what they belong to may not do this. */
const DENIALS: readonly string[] = [
  'AuthFailure.UnauthorizedOperation',
  'UnauthorizedOperation',
  'UnauthorizedOperation.NoPermission',
];

/** Every code that is known to matter here. */
export const TENCENT_ERRORS: Readonly<Record<string, ErrorMeaning>> = {
  ...as(
    'auth',
    ...DENIALS,
    'AuthFailure',
    'AuthFailure.InvalidAuthorization',
    'AuthFailure.InvalidSecretId',
    'AuthFailure.MFAFailure',
    'AuthFailure.SecretIdNotFound',
    'AuthFailure.SignatureExpire',
    'AuthFailure.SignatureFailure',
    'AuthFailure.TokenFailure',
    'IpInBlacklist',
    'IpNotInWhitelist',
  ),
  ...as(
    'throttled',
    'RequestLimitExceeded',
    'RequestLimitExceeded.IPLimitExceeded',
    'RequestLimitExceeded.UinLimitExceeded',
    'RequestLimitExceeded.GlobalRegionUinLimitExceeded',
  ),
  // A VPC joins one CCN only.
  ...because(
    'conflict',
    'attachment_exists',
    'UnsupportedOperation.CcnAttached',
    'LimitExceeded.CurrentInstanceAttachedCcnInstances',
  ),
  ...because(
    'not_found',
    'unknown_peer_account',
    'UnsupportedOperation.UinNotFound',
    'UnsupportedOperation.AppIdNotFound',
  ),
  ...because(
    'precondition',
    'prerequisite_missing',
    'UnsupportedOperation.CcnCrossAccount',
    'UnsupportedOperation.UnableCrossBorder',
    'UnsupportedOperation.UnableCrossFinance',
    'UnsupportedOperation.IsNotFinanceAccount',
    'UnsupportedOperation.CcnOrdinaryAccountRefuseAttach',
    'UnsupportedOperation.InstanceOrdinaryAccountRefuseAttach',
    'UnsupportedOperation.CcnRouteTableNotExist',
    'UnsupportedOperation.InstanceAndRtbNotMatch',
  ),
  ...as('quota', 'LimitExceeded', 'ResourceInsufficient', 'UnsupportedOperation.PurchaseLimit'),
  ...as(
    'not_found',
    'ResourceNotFound',
    'InvalidParameterValue.Malformed',
    'UnsupportedOperation.CcnNotAttached',
  ),
  ...as(
    'invalid_state',
    'UnsupportedOperation',
    'UnsupportedOperation.InvalidState',
    'UnsupportedOperation.InvalidInstanceState',
    'UnsupportedOperation.NotPendingCcnInstance',
    'UnsupportedOperation.AppIdMismatch',
  ),
  // Another change is under way, or the same one is: look, and try again.
  ...as(
    'conflict',
    'UnsupportedOperation.MutexOperationTaskRunning',
    'InvalidParameterValue.Duplicate',
    'ResourceInUse',
    'ResourceUnavailable',
    'ResourceBusy',
  ),
  ...as('precondition', 'DryRunOperation'),
  ...as('transient', 'InternalError', 'FailedOperation', 'ServiceUnavailable', 'GatewayTimeout'),
};

/** What the codes that no list names have in common: the part before the dot says what kind they are. */
const HABITS: readonly (readonly [RegExp, CloudErrorCategory])[] = [
  [/^(AuthFailure|UnauthorizedOperation)\b/, 'auth'],
  [/^RequestLimitExceeded\b/, 'throttled'],
  [/^(LimitExceeded|ResourceInsufficient)\b/, 'quota'],
  [/^ResourceNotFound\b/, 'not_found'],
  // Policy routes, flow logs and the like that rest on the attachment.
  [/NotAllowedDetach$/, 'precondition'],
  [/^(InternalError|FailedOperation)\b/, 'transient'],
];

/** Enough of a message for a person. */
const MESSAGE_LENGTH = 500;

/** The meaning of a code; `unknown` for one that neither the list nor a habit explains. */
export function meaningOf(code: string): ErrorMeaning {
  const known = Object.hasOwn(TENCENT_ERRORS, code) ? TENCENT_ERRORS[code] : undefined;
  if (known) return known;
  const habit = HABITS.find(([pattern]) => pattern.test(code));
  return { category: habit ? habit[1] : 'unknown' };
}

/**
 * The part of the SDK's exceptions that is read here. It throws them for answers and for lost connections alike, always
 * with a trace id; what fails while it reads an answer comes as it is.
 */
interface SdkException extends Error {
  /** The API's error code; absent unless the API itself answered. */
  readonly code?: string;
  /** Status of an answer other than 200, which has no code. */
  readonly httpCode?: number;
  readonly requestId?: string;
  readonly traceId?: string | null;
}

/**
 * Whatever an SDK call threw, as the port's error. The original is not kept as its cause: everything that it tells is
 * told here.
 *
 * @param operation the API's name of what was called, such as `AttachCcnInstances`
 * @param secrets what must not appear in the message
 */
export function toCloudError(
  error: unknown,
  product: 'vpc' | 'sts',
  operation: string,
  secrets: Iterable<string>,
): CloudError {
  if (error instanceof CloudError) return error;
  const failure: SdkException = error instanceof Error ? error : new Error(String(error));
  const text = shorten(redact(failure.message, secrets));
  const failed = (category: CloudErrorCategory, code: string, message: string): CloudError =>
    new CloudError({ category, code, message, operation });
  const network = networkFailure(error);
  if (network) return failed('transient', network.code, text);
  if (!('traceId' in failure)) {
    // The answer was cut short or garbled: as with a lost one, the change may have been made.
    return failed('transient', 'UnreadableAnswer', `the answer could not be read: ${text}`);
  }
  const { code, httpCode: status, requestId } = failure;
  if (status !== undefined) {
    const category = categoryOfStatus(status);
    // The API says by code what it does not find: a 404 comes from something else that was reached instead.
    const judged = category === 'not_found' ? 'unknown' : category;
    return failed(judged, `HTTP${status}`, `answered with HTTP status ${status} and no error code`);
  }
  if (code === undefined) return failed('transient', codeIn(failure.message), text);
  const message = DENIALS.includes(code)
    ? `the platform's credentials lack the permission ${product}:${operation}. ${text}`
    : text;
  return new CloudError({
    ...meaningOf(code),
    code,
    message,
    operation,
    ...(requestId === undefined || requestId === '' ? {} : { requestId }),
  });
}

/** The SDK keeps only the text of a failed connection: `request to … failed, reason: connect ECONNREFUSED …`. */
function codeIn(message: string): string {
  return /\b(?:E[A-Z]{3,}|ERR_[A-Z_]+)\b/.exec(message)?.[0] ?? 'ConnectionFailed';
}

function shorten(message: string): string {
  const text = message.trim();
  return text.length > MESSAGE_LENGTH ? `${text.slice(0, MESSAGE_LENGTH)}…` : text;
}
