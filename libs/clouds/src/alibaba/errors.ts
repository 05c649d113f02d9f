/**
 * Alibaba Cloud errors in the broker's taxonomy. Codes: API references of VpcPeer 2022-01-01 and Vpc 2016-04-28, "Error
 * codes"; the API gateway's public error codes; which codes are worth repeating, the vendor's Terraform provider. Most
 * of them come with HTTP status 400.
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
  'Forbidden',
  'Forbidden.NoPermission',
  'Forbidden.RAM',
  'Forbbiden.RAM',
  'Forbidden.SubUser',
  'NoPermission',
];

/** There is an entry at the destination of a route already: the same one, or one that leads elsewhere. */
export const DUPLICATE_ROUTE: readonly string[] = [
  'Duplicated.VpcNextHop',
  'InvalidCIDRBlock.Duplicate',
  'RouteConflict.AlreadyExist',
  'RouterEntryConflict.Duplicated',
];

/** Every code that is known to matter here. */
export const ALIBABA_ERRORS: Readonly<Record<string, ErrorMeaning>> = {
  ...as(
    'auth',
    ...DENIALS,
    'EntityNotExist.Role',
    'Forbidden.AccessKeyDisabled',
    'IncompleteSignature',
    'InvalidAccessKeyId',
    'InvalidAccessKeyId.Inactive',
    'InvalidAccessKeyId.NotFound',
    'InvalidSecurityToken.Expired',
    'InvalidSecurityToken.Malformed',
    'InvalidSecurityToken.MismatchWithAccessKey',
    'InvalidTimeStamp.Expired',
    'InvalidTimeStamp.Format',
    'MissingSecurityToken',
    'SignatureDoesNotMatch',
  ),
  ...as(
    'throttled',
    'QPS Limit Exceeded',
    'Rejected.Throttling',
    'Throttling',
    'Throttling.Api',
    'Throttling.User',
  ),
  // Another change of the VPC, the route table or the entry is under way: the same is possible a moment later.
  ...as(
    'conflict',
    'Conflict.Operation',
    'IncorrectRouteEntryStatus',
    'IncorrectStatus.RouteTableStatus',
    'IncorrectVpcStatus',
    'LastTokenProcessing',
    'OperationConflict',
    'OperationFailed.DistibuteLock',
    'OperationFailed.DistributeLock',
    'TaskConflict',
    ...DUPLICATE_ROUTE,
    'IdempotentParameterMismatch',
    'ResourceAlreadyExist.RouterInterface',
    'ResourceAlreadyExist.VpcPeer',
  ),
  ...as('invalid_state', 'IncorrectStatus.AcceptingVpc', 'IncorrectStatus.Vpc', 'IncorrectStatus.VpcPeer'),
  ...because(
    'precondition',
    'cdt_not_activated',
    'OperationFailed.AcceptUserCdtNotOpened',
    'OperationFailed.CdtNotOpened',
    'OperationFailed.CrossBorderCdtNotOpened',
  ),
  ...as(
    'precondition',
    'DryRunOperation',
    'IncorrectBusinessStatus.AcceptUserVpcPeer',
    'IncorrectBusinessStatus.AcceptVpcPeer',
    'IncorrectBusinessStatus.VpcPeer',
    'OperationDenied.RouteEntryExist',
    'OperationDenied.ServiceManagedInstance',
    'UnsupportedRegion',
  ),
  ...as(
    'quota',
    'QuotaExceeded.CrossRegionVpcPeerCountPerVpc',
    'QuotaExceeded.IntraRegionVpcPeerCountPerVpc',
    'QuotaExceeded.VpcPeerCountPerUserPerRegion',
    'QuotaExceeded.VpcPeerCountPerVpc',
  ),
  ...as(
    'not_found',
    'InvalidNextHopId.NotFound',
    'InvalidRouteEntry.NotFound',
    'InvalidRouteTableId.NotFound',
    'InvalidVpcID.NotFound',
    'ResourceNotFound.InstanceId',
    'ResourceNotFound.VpcPeer',
  ),
  ...as(
    'transient',
    'InternalError',
    'ServiceUnavailable',
    'SignatureNonceUsed',
    'SystemBusy',
    'UnknownError',
  ),
  // It is the API that does not exist, not what it was asked about.
  ...as('unknown', 'InvalidAction.NotFound', 'InvalidRegionId.NotFound'),
};

/** What the codes that no list names have in common, in the vendor's naming habits. */
const HABITS: readonly (readonly [RegExp, CloudErrorCategory])[] = [
  [/throttling/i, 'throttled'],
  [/^quota ?exceed/i, 'quota'],
  [/^ResourceNotFound\.|\.NotFound$/, 'not_found'],
  [/^IncorrectStatus\./, 'invalid_state'],
];

/** Enough of a message for a person. */
const MESSAGE_LENGTH = 500;

/** The meaning of a code, or else of the HTTP status that it came with. */
export function meaningOf(code: string, status: number | undefined): ErrorMeaning {
  const known = Object.hasOwn(ALIBABA_ERRORS, code) ? ALIBABA_ERRORS[code] : undefined;
  if (known) return known;
  const habit = HABITS.find(([pattern]) => pattern.test(code));
  if (habit) return { category: habit[1] };
  // The API has one path and says by code what it does not find.
  const category = categoryOfStatus(status);
  return { category: category === 'not_found' ? 'unknown' : category };
}

/** The part of the SDK's errors that is read here. `data` is the parsed body of the answer. */
interface SdkError {
  readonly name: string;
  readonly message: string;
  readonly code?: unknown;
  readonly statusCode?: unknown;
  readonly requestId?: unknown;
  readonly data?: unknown;
}

/**
 * Whatever an SDK call threw, as the port's error. The original is not kept as its cause: it may hold what was signed,
 * and everything that it tells is told here.
 *
 * @param product the vendor's name of the API's product, as permissions are named: `vpc`, `sts`
 * @param operation the API's name of what was called, such as `CreateRouteEntry`
 * @param secrets what must not appear in the message
 */
export function toCloudError(
  error: unknown,
  product: string,
  operation: string,
  secrets: Iterable<string>,
): CloudError {
  if (error instanceof CloudError) return error;
  const failure: SdkError = error instanceof Error ? error : new Error(String(error));
  const status = typeof failure.statusCode === 'number' ? failure.statusCode : undefined;
  if (status === undefined) return unanswered(error, failure, operation, secrets);
  const body = failure.data as Readonly<Record<string, unknown>> | null | undefined;
  const requestId = textOf(body?.['RequestId']);
  const known = { operation, ...(requestId === undefined ? {} : { requestId }) };
  const code = textOf(body?.['Code']);
  if (code === undefined) {
    const message = `answered with HTTP status ${status} and no error code`;
    return new CloudError({ ...meaningOf('', status), code: `HTTP${status}`, message, ...known });
  }
  const text = readable(redact(textOf(body?.['Message']) ?? '', secrets));
  const message = DENIALS.includes(code)
    ? `the platform's credentials lack the permission ${product}:${operation}. ${text}`
    : text;
  return new CloudError({ ...meaningOf(code, status), code, message, ...known });
}

/** A call that got no answer, or none that the SDK could read. */
function unanswered(
  error: unknown,
  failure: SdkError,
  operation: string,
  secrets: Iterable<string>,
): CloudError {
  const network = networkFailure(error);
  if (network) {
    const message = readable(redact(network.message, secrets));
    return new CloudError({ category: 'transient', code: network.code, message, operation });
  }
  const message = readable(redact(failure.message, secrets));
  if (failure.name.startsWith('RequestTimeout')) {
    return new CloudError({ category: 'transient', code: 'Timeout', message, operation });
  }
  if (error instanceof SyntaxError) {
    // What stands between us and the API has answered in a form of its own, or the answer was cut short.
    const told = `the answer could not be read: ${message}`;
    return new CloudError({ category: 'transient', code: 'UnreadableAnswer', message: told, operation });
  }
  return new CloudError({ category: 'unknown', code: failure.name, message, operation });
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** What the cloud said. After SignatureDoesNotMatch it repeats the signed request with its headers: that is cut off. */
function readable(message: string): string {
  const text = message.split(/\s*server (?:string to sign|canonicalString) is/)[0] ?? '';
  return text.length > MESSAGE_LENGTH ? `${text.slice(0, MESSAGE_LENGTH)}…` : text;
}
