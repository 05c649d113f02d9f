import { describe, expect, it } from '@jest/globals';
import { ClientError, ServerError, ThrottlingError } from '@alicloud/openapi-core';
import { CloudError } from '#domain';
import { DeadlineError } from '../call-failure.js';
import { ALIBABA_ERRORS, meaningOf, toCloudError } from './errors.js';

const SECRET = 'a-secret-access-key-of-the-platform';

const translate = (error: unknown) => toCloudError(error, 'vpc', 'CreateRouteEntry', [SECRET]);

/** An error answer as the SDK throws it. */
function answered(body: Record<string, unknown>, statusCode = 400): Error {
  const given = { statusCode, code: String(body['Code']), message: `code: ${statusCode}`, data: body };
  if (given.code.includes('Throttling')) return new ThrottlingError(given);
  return statusCode < 500 ? new ClientError(given) : new ServerError(given);
}
const refused = (Code: string, Message = 'It did not work.', status = 400) =>
  answered({ Code, Message, RequestId: 'REQ-1' }, status);

describe('Error codes', () => {
  const known = Object.entries(ALIBABA_ERRORS).map(([code, meaning]) => ({ code, ...meaning }));

  it.each(known)('$code is $category', ({ code, category, reason }) => {
    expect(translate(refused(code)).info).toEqual({
      category,
      code,
      message: expect.stringContaining('It did not work.'),
      operation: 'CreateRouteEntry',
      requestId: 'REQ-1',
      ...(reason && { reason }),
    });
  });

  it.each([
    ['Throttling.Something', 'throttled'],
    ['QuotaExceeded.Something', 'quota'],
    ['ResourceNotFound.Something', 'not_found'],
    ['InvalidSomething.NotFound', 'not_found'],
    ['IncorrectStatus.Something', 'invalid_state'],
    ['constructor', 'unknown'],
  ] as const)('that no list names follow habits: %s is %s', (code, category) => {
    expect(translate(refused(code)).info).toMatchObject({ category, code });
  });
});

describe('An answer without a known code', () => {
  it.each([
    [400, 'unknown'],
    [401, 'auth'],
    [403, 'auth'],
    [404, 'unknown'],
    [429, 'throttled'],
    [500, 'transient'],
    [503, 'transient'],
  ] as const)('with status %i is %s', (status, category) => {
    expect(meaningOf('SomethingNew', status)).toEqual({ category });
    expect(translate(answered({}, status)).info).toMatchObject({ category, code: `HTTP${status}` });
  });

  it('in a form of its own is transient', () => {
    expect(translate(new SyntaxError('Unexpected token < in JSON')).info).toMatchObject({
      category: 'transient',
      code: 'UnreadableAnswer',
    });
  });
});

describe('No answer', () => {
  const named = (name: string) => Object.assign(new Error('ReadTimeout(50). '), { name });
  it.each([
    ['ECONNRESET', Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })],
    ['Timeout', named('RequestTimeoutError')],
    ['Timeout', new DeadlineError(50)],
  ])('is transient, with %s as its code', (code, error) => {
    expect(translate(error).info).toMatchObject({ category: 'transient', code });
  });
});

describe('The message', () => {
  it('names the permission that is missing', () => {
    expect(translate(refused('Forbidden.RAM', 'User not authorized.', 403)).info.message).toBe(
      "the platform's credentials lack the permission vpc:CreateRouteEntry. User not authorized.",
    );
  });

  it('leaves out the signed request', () => {
    const told =
      'Specified signature is not matched with our calculation. server string to sign is:ACS3-HMAC-SHA256\nabc';
    expect(translate(refused('SignatureDoesNotMatch', told)).info.message).toBe(
      'Specified signature is not matched with our calculation.',
    );
  });

  it('never holds a secret, and is cut where it is too long to read', () => {
    const error = translate(refused('SomethingNew', `${'x'.repeat(480)}${SECRET}${'y'.repeat(900)}`));
    expect(error.info.message).toContain('[redacted]');
    expect(error.info.message).toHaveLength(501);
    expect(error.cause).toBeUndefined();
  });
});

describe('What is no error of the SDK', () => {
  it('passes when it is a cloud error already, and is unknown otherwise', () => {
    const error = new CloudError({
      category: 'auth',
      code: 'NoPermission',
      message: '',
      operation: 'AssumeRole',
    });
    expect(translate(error)).toBe(error);
    expect(translate(new TypeError('x is not a function')).info).toMatchObject({
      category: 'unknown',
      code: 'TypeError',
    });
    expect(translate('thrown text').info).toMatchObject({ category: 'unknown', message: 'thrown text' });
  });
});
