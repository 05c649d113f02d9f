/**
 * EC2 and STS errors in the broker's taxonomy. Codes: Amazon EC2 API reference, "Error codes"; AWS STS API reference,
 * "Common errors".
 */
import { CloudError, type CloudErrorCategory } from '#domain';
import { categoryOfStatus, networkFailure, redact } from '../call-failure.js';
import type { ErrorMeaning } from '../vocabulary.js';

const as = (category: CloudErrorCategory, ...codes: string[]): Record<string, ErrorMeaning> =>
  Object.fromEntries(codes.map((code) => [code, { category }]));

/** The credentials are good, but what they belong to may not do this. */
const DENIALS: readonly string[] = ['UnauthorizedOperation', 'AccessDenied', 'AccessDeniedException'];

/** Every code that is known to matter here. Matched without regard to case: EC2 spells some of them both ways. */
export const AWS_ERRORS: Readonly<Record<string, ErrorMeaning>> = {
  ...as(
    'auth',
    ...DENIALS,
    'AuthFailure',
    'InvalidClientTokenId',
    'InvalidAccessKeyId',
    'UnrecognizedClientException',
    'SignatureDoesNotMatch',
    'InvalidSignatureException',
    'IncompleteSignature',
    'MissingAuthenticationToken',
    'ExpiredToken',
    'ExpiredTokenException',
    'RequestExpired',
    'OptInRequired',
    'RegionDisabledException',
    'PendingVerification',
    'Blocked',
  ),
  ...as(
    'throttled',
    'RequestLimitExceeded',
    'Throttling',
    'ThrottlingException',
    'ThrottledException',
    'RequestThrottled',
    'RequestThrottledException',
    'EC2ThrottledException',
    'TooManyRequestsException',
    'BandwidthLimitExceeded',
    'SlowDown',
  ),
  ...as(
    'quota',
    'ActiveVpcPeeringConnectionPerVpcLimitExceeded',
    'OutstandingVpcPeeringConnectionLimitExceeded',
    'VpcPeeringConnectionsPerVpcLimitExceeded',
    'RouteLimitExceeded',
    'RulesPerSecurityGroupLimitExceeded',
    'TagLimitExceeded',
    'ResourceLimitExceeded',
  ),
  ...as(
    'not_found',
    'InvalidVpcPeeringConnectionID.NotFound',
    'InvalidVpcPeeringConnectionId.Malformed',
    'InvalidVpcID.NotFound',
    'InvalidVpcId.Malformed',
    'InvalidRouteTableID.NotFound',
    'InvalidRouteTableId.Malformed',
    'InvalidRoute.NotFound',
    'InvalidPermission.NotFound',
    'InvalidVpcEndpointServiceId.NotFound',
  ),
  ...as(
    'invalid_state',
    'InvalidStateTransition',
    'InvalidState',
    'IncorrectState',
    'OperationNotPermitted',
    'InvalidRoute.InvalidState',
  ),
  ...as(
    'conflict',
    'RouteAlreadyExists',
    'VpcPeeringConnectionAlreadyExists',
    'InvalidPermission.Duplicate',
    'IdempotentParameterMismatch',
    'ConcurrentTagAccess',
  ),
  ...as('precondition', 'DependencyViolation', 'DryRunOperation', 'UnsupportedOperation'),
  ...as(
    'transient',
    'InternalError',
    'InternalFailure',
    'InternalServerError',
    'ServerInternal',
    'ServiceUnavailable',
    'ServiceUnavailableException',
    'Unavailable',
    'RequestTimeout',
    'RequestTimeoutException',
  ),
};

const MEANINGS: ReadonlyMap<string, ErrorMeaning> = new Map(
  Object.entries(AWS_ERRORS).map(([code, meaning]) => [code.toLowerCase(), meaning]),
);

/** What the codes that no list names have in common, in EC2's naming habits. */
const HABITS: readonly (readonly [RegExp, CloudErrorCategory])[] = [
  [/^throttl/i, 'throttled'],
  [/limitexceeded$/i, 'quota'],
  [/\.(notfound|malformed)$/i, 'not_found'],
];

/** Enough of a message for a person; some answers repeat the whole request. */
const MESSAGE_LENGTH = 500;

/** The meaning of a code, or else of the HTTP status that it came with. */
export function meaningOf(code: string, status: number | undefined): ErrorMeaning {
  const known = MEANINGS.get(code.toLowerCase());
  if (known) return known;
  const habit = HABITS.find(([pattern]) => pattern.test(code));
  return { category: habit ? habit[1] : categoryOfAnswer(status) };
}

/** EC2 has one path and says by code what it does not find: a 404 comes from something else that was reached instead. */
function categoryOfAnswer(status: number | undefined): CloudErrorCategory {
  const category = categoryOfStatus(status);
  return category === 'not_found' ? 'unknown' : category;
}

/** The part of the SDK's errors that is read here. */
interface SdkError {
  readonly name: string;
  readonly message: string;
  /** On errors that the service answered with, as against answers that could not be read. */
  readonly $fault?: 'client' | 'server';
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string };
}

/** The names that the SDK gives to error answers without a code. */
const NAMELESS: readonly string[] = ['Unknown', 'NotFound'];

/**
 * Whatever an SDK call threw, as the port's error. The original is not kept as its cause: it may hold what was
 * signed, and everything that it tells is told here.
 *
 * @param operation the API's name of what was called, such as `CreateRoute`
 * @param secrets what must not appear in the message
 */
export function toCloudError(
  error: unknown,
  service: 'ec2' | 'sts',
  operation: string,
  secrets: Iterable<string>,
): CloudError {
  if (error instanceof CloudError) return error;
  const network = networkFailure(error);
  if (network) {
    const message = redact(network.message, secrets);
    return new CloudError({ category: 'transient', code: network.code, message, operation });
  }
  const failure: SdkError = error instanceof Error ? error : new Error(String(error));
  const { httpStatusCode: status, requestId } = failure.$metadata ?? {};
  const known = { operation, ...(requestId === undefined ? {} : { requestId }) };
  const text = readable(redact(failure.message, secrets));
  if (status !== undefined && status < 400) {
    // The cloud agreed, but its answer was cut short or garbled: as with a lost one, the change may have been made.
    const message = `the answer could not be read: ${text}`;
    return new CloudError({ category: 'transient', code: 'UnreadableAnswer', message, ...known });
  }
  if (status !== undefined && (failure.$fault === undefined || NAMELESS.includes(failure.name))) {
    const message = `answered with HTTP status ${status} and no error code`;
    return new CloudError({ category: categoryOfAnswer(status), code: `HTTP${status}`, message, ...known });
  }
  const code = failure.name;
  const message = DENIALS.includes(code)
    ? `the platform's credentials lack the permission ${service}:${operation}. ${text}`
    : text;
  return new CloudError({ ...meaningOf(code, status), code, message, ...known });
}

/**
 * The first paragraph of what the cloud said. What may follow are the signed request with its headers (after
 * SignatureDoesNotMatch) and an encoded blob that only AWS can read (after UnauthorizedOperation).
 */
function readable(message: string): string {
  const [paragraph = ''] = message.trim().split(/\n\s*\n/);
  const text = paragraph.replace(/\s*Encoded authorization failure message:.*$/s, '');
  return text.length > MESSAGE_LENGTH ? `${text.slice(0, MESSAGE_LENGTH)}…` : text;
}
