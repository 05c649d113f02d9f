import { describe, expect, it } from '@jest/globals';
import { EC2ServiceException } from '@aws-sdk/client-ec2';
import { CloudError, type CloudErrorCategory } from '#domain';
import { DeadlineError } from '../call-failure.js';
import { AWS_ERRORS, meaningOf, toCloudError } from './errors.js';

const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';

function answered(code: string, message = 'It did not work.', httpStatusCode = 400): EC2ServiceException {
  return new EC2ServiceException({
    name: code,
    message,
    $fault: httpStatusCode < 500 ? 'client' : 'server',
    $metadata: { httpStatusCode, requestId: 'req-1' },
  });
}

/** What the SDK throws for an answer that is not the XML that it expects. */
function unreadable(httpStatusCode: number): Error {
  return Object.assign(new Error('XML parse error'), { $metadata: { httpStatusCode } });
}

const translate = (error: unknown): CloudError => toCloudError(error, 'ec2', 'CreateRoute', [SECRET]);

describe('EC2 error codes', () => {
  const table: readonly (readonly [CloudErrorCategory, readonly string[]])[] = [
    [
      'not_found',
      [
        'InvalidVpcPeeringConnectionID.NotFound',
        'InvalidVpcPeeringConnectionId.NotFound',
        'InvalidVpcPeeringConnectionId.Malformed',
        'InvalidVpcID.NotFound',
        'InvalidRoute.NotFound',
        'InvalidRouteTableID.NotFound',
        'InvalidPermission.NotFound',
        'InvalidVpcEndpointServiceId.NotFound',
        'InvalidSubnetID.NotFound',
      ],
    ],
    ['invalid_state', ['InvalidStateTransition', 'OperationNotPermitted', 'IncorrectState', 'InvalidState']],
    [
      'conflict',
      [
        'VpcPeeringConnectionAlreadyExists',
        'RouteAlreadyExists',
        'InvalidPermission.Duplicate',
        'IdempotentParameterMismatch',
      ],
    ],
    [
      'quota',
      [
        'ActiveVpcPeeringConnectionPerVpcLimitExceeded',
        'OutstandingVpcPeeringConnectionLimitExceeded',
        'VpcPeeringConnectionsPerVpcLimitExceeded',
        'RouteLimitExceeded',
        'RulesPerSecurityGroupLimitExceeded',
        'RouteTableLimitExceeded',
      ],
    ],
    [
      'throttled',
      ['RequestLimitExceeded', 'Throttling', 'ThrottlingException', 'ThrottledException', 'Throttling.Api'],
    ],
    [
      'auth',
      [
        'AuthFailure',
        'UnauthorizedOperation',
        'AccessDenied',
        'InvalidClientTokenId',
        'SignatureDoesNotMatch',
        'UnrecognizedClientException',
        'ExpiredToken',
        'ExpiredTokenException',
        'RequestExpired',
        'OptInRequired',
      ],
    ],
    ['precondition', ['DependencyViolation', 'DryRunOperation', 'UnsupportedOperation']],
    ['transient', ['InternalError', 'InternalFailure', 'Unavailable', 'ServiceUnavailable']],
    ['unknown', ['InvalidParameterValue', 'SomethingNew']],
  ];
  const cases = table.flatMap(([category, codes]) => codes.map((code) => ({ code, category })));

  it.each(cases)('$code is $category', ({ code, category }) => {
    expect(translate(answered(code)).info).toEqual({
      category,
      code,
      message: expect.stringContaining('It did not work.'),
      operation: 'CreateRoute',
      requestId: 'req-1',
    });
  });

  it('outweigh the HTTP status, which EC2 gives to throttling and outages alike', () => {
    expect(meaningOf('RequestLimitExceeded', 503).category).toBe('throttled');
    expect(meaningOf('InternalError', 400).category).toBe('transient');
  });

  it('are each listed once', () => {
    const lowered = Object.keys(AWS_ERRORS).map((code) => code.toLowerCase());
    expect(new Set(lowered).size).toBe(lowered.length);
  });
});

describe('An answer without a known code', () => {
  it.each([
    [400, 'unknown'],
    [401, 'auth'],
    [403, 'auth'],
    [408, 'transient'],
    [429, 'throttled'],
    [500, 'transient'],
    [503, 'transient'],
  ] as const)('with status %i is %s', (status, category) => {
    expect(translate(answered('SomethingNew', 'What?', status)).info.category).toBe(category);
    expect(translate(unreadable(status)).info).toMatchObject({ category, code: `HTTP${status}` });
  });

  it('is never an absence: what answers 404 is not EC2', () => {
    expect(translate(answered('NotFound', 'Unknown', 404)).info.category).toBe('unknown');
    expect(translate(unreadable(404)).info).toMatchObject({ category: 'unknown', code: 'HTTP404' });
  });

  it('is as good as lost when the cloud agreed but cannot be understood', () => {
    expect(translate(unreadable(200)).info).toMatchObject({
      category: 'transient',
      code: 'UnreadableAnswer',
    });
  });
});

describe('No answer', () => {
  it.each([
    ['ECONNRESET', Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })],
    ['ENOTFOUND', Object.assign(new Error('getaddrinfo ENOTFOUND x'), { code: 'ENOTFOUND' })],
    ['Timeout', Object.assign(new Error('Request aborted'), { name: 'AbortError' })],
    ['Timeout', new DeadlineError(50)],
  ])('is transient, with %s as its code', (code, error) => {
    expect(translate(error).info).toMatchObject({ category: 'transient', code, operation: 'CreateRoute' });
  });
});

describe('The message', () => {
  it('names the permission that is missing, and leaves out what only AWS can read', () => {
    const told =
      'You are not authorized to perform this operation. Encoded authorization failure message: aGVsbG8';
    expect(translate(answered('UnauthorizedOperation', told, 403)).info.message).toBe(
      "the platform's credentials lack the permission ec2:CreateRoute. You are not authorized to perform this operation.",
    );
  });

  it('leaves out the signed request', () => {
    const told =
      'The request signature we calculated does not match.\n\nThe Canonical String was\nx-amz-security-token:abc';
    const { message } = translate(answered('SignatureDoesNotMatch', told, 403)).info;
    expect(message).toBe('The request signature we calculated does not match.');
  });

  it('never holds a secret, wherever the cloud repeats it', () => {
    const padding = 'x'.repeat(480);
    for (const told of [`key ${SECRET}`, `token=${encodeURIComponent(SECRET)}`, `${padding}${SECRET}`]) {
      const error = translate(answered('InvalidParameterValue', told));
      expect(error.info.message).toContain('[redacted]');
      expect(`${String(error)} ${error.stack ?? ''}`).not.toContain(SECRET.slice(0, 10));
      expect(error.cause).toBeUndefined();
    }
  });

  it('is cut where it is too long to read', () => {
    expect(translate(answered('SomethingNew', 'x'.repeat(5000))).info.message).toHaveLength(501);
  });
});

describe('What is no error of the SDK', () => {
  it('passes when it is a cloud error already', () => {
    const error = new CloudError({
      category: 'auth',
      code: 'AccessDenied',
      message: 'no',
      operation: 'AssumeRole',
    });
    expect(translate(error)).toBe(error);
  });

  it('is unknown, under its own name', () => {
    expect(translate(new TypeError('x is not a function')).info).toMatchObject({
      category: 'unknown',
      code: 'TypeError',
      message: 'x is not a function',
    });
    expect(translate('thrown text').info).toMatchObject({ category: 'unknown', message: 'thrown text' });
  });
});
