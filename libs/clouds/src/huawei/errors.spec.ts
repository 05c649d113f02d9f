import { describe, expect, it } from '@jest/globals';
import { CloudError } from '#domain';
import { DeadlineError } from '../call-failure.js';
import { failureOf, HUAWEI_ERRORS, readError, refusalOf } from './errors.js';

const SECRET = 'a-secret-access-key-of-the-platform';

const refused = (body: unknown, status = 400) =>
  refusalOf(
    { status, text: typeof body === 'string' ? body : JSON.stringify(body), requestId: 'req-1' },
    'AcceptVpcPeering',
    [SECRET],
  );
const failed = (error: unknown) => failureOf(error, 'AcceptVpcPeering', [SECRET]);

describe('The envelopes', () => {
  it.each([
    ['VPC v1', { code: 'VPC.0003', message: 'VPC does not exist.' }, 'VPC.0003'],
    ['the native API', { NeutronError: { type: 'OverQuota', message: 'x', detail: '' } }, 'OverQuota'],
    ['the gateway', { error_code: 'APIGW.0301', error_msg: 'x', request_id: 'r' }, 'APIGW.0301'],
    ['IAM', { error: { code: 403, title: 'Forbidden', message: 'x' } }, 'Forbidden'],
    ['another', { error: { error_code: 'EndPoint.0001', error_msg: 'x' } }, 'EndPoint.0001'],
    ['none', { something: 'else' }, undefined],
    ['no object', [1], undefined],
  ])('of %s is read', (_whose, body, code) => {
    expect(readError(body).code).toBe(code);
  });

  it('give their message', () => {
    expect(readError({ error_code: 'x', error_msg: 'Too many.' }).message).toBe('Too many.');
    expect(readError({ NeutronError: { type: 'x', message: 'Gone.' } }).message).toBe('Gone.');
    expect(readError({ code: 'x' }).message).toBe('');
    expect(readError(undefined)).toEqual({ code: undefined, message: '' });
  });
});

describe('Error codes', () => {
  const known = Object.entries(HUAWEI_ERRORS).map(([code, meaning]) => ({ code, ...meaning }));

  it.each(known)('$code is $category', ({ code, category }) => {
    expect(refused({ code, message: 'It did not work.' }).info).toEqual({
      category,
      code,
      message: expect.stringContaining('It did not work.'),
      operation: 'AcceptVpcPeering',
      requestId: 'req-1',
    });
  });

  it.each([
    [400, 'unknown'],
    [401, 'auth'],
    [403, 'auth'],
    [404, 'not_found'],
    [409, 'conflict'],
    [429, 'throttled'],
    [500, 'transient'],
    [503, 'transient'],
  ] as const)('that no list names are judged by status: %i is %s', (status, category) => {
    const told = { NeutronError: { type: 'SomethingNew', message: 'x' } };
    expect(refused(told, status).info).toMatchObject({ category, code: 'SomethingNew' });
  });

  it('that no list names are a quota where they say so', () => {
    const told = { NeutronError: { type: 'SomethingNew', message: "Quota exceeded for resources: ['x']." } };
    expect(refused(told, 409).info.category).toBe('quota');
    expect(refused(told, 500).info.category).toBe('transient');
  });
});

describe('An answer without a code', () => {
  it.each([
    [301, 'unknown'],
    [401, 'auth'],
    [404, 'unknown'],
    [429, 'throttled'],
    [502, 'transient'],
  ] as const)('with status %i is %s: it is not the API that says so', (status, category) => {
    expect(refused('<html>', status).info).toMatchObject({
      category,
      code: `HTTP${status}`,
      message: `answered with HTTP status ${status} and no error code`,
    });
  });
});

describe('No answer', () => {
  const fetchFailed = (cause: unknown) => Object.assign(new TypeError('fetch failed'), { cause });
  it.each([
    ['ECONNRESET', fetchFailed(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }))],
    ['NetworkError', fetchFailed(new Error('bad port'))],
    ['NetworkError', new TypeError('fetch failed')],
    ['Timeout', new DeadlineError(50)],
    ['UnreadableAnswer', new SyntaxError('Unexpected end of JSON input')],
  ])('is transient, with %s as its code', (code, error) => {
    expect(failed(error).info).toMatchObject({ category: 'transient', code, operation: 'AcceptVpcPeering' });
  });
});

describe('The message', () => {
  it('names the call that is not permitted', () => {
    const told = { code: 'VPC.2201', message: "Policy doesn't allow vpc:peerings:accept to be performed." };
    expect(refused(told, 403).info.message).toBe(
      "the platform's credentials may not call AcceptVpcPeering. Policy doesn't allow vpc:peerings:accept to be performed.",
    );
  });

  it('never holds a secret, and is cut where it is too long to read', () => {
    const error = refused({ code: 'x', message: `${'x'.repeat(480)}${SECRET}${'y'.repeat(900)}` });
    expect(error.info.message).toContain('[redacted]');
    expect(error.info.message).toHaveLength(501);
    expect(failed(new Error(`no ${SECRET}`)).info.message).toBe('no [redacted]');
    expect(failed(new Error('x', { cause: SECRET })).cause).toBeUndefined();
  });
});

describe('What is no answer of the cloud', () => {
  it('passes when it is a cloud error already, and is unknown otherwise', () => {
    const error = new CloudError({ category: 'auth', code: 'x', message: '', operation: 'AssumeAgency' });
    expect(failed(error)).toBe(error);
    expect(failed(new RangeError('x')).info).toMatchObject({ category: 'unknown', code: 'RangeError' });
    expect(failed('thrown text').info).toMatchObject({ category: 'unknown', message: 'thrown text' });
  });
});
