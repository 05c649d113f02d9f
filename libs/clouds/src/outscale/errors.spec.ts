import { describe, expect, it } from '@jest/globals';
import { CloudError, type CloudErrorCategory } from '#domain';
import { DeadlineError } from '../call-failure.js';
import { meaningOf, RefusedError, toCloudError } from './errors.js';

const SECRET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCD';

const refused = (status: number, code: string, type = 'SomeType', details = 'It did not work.') =>
  new RefusedError(
    status,
    JSON.stringify({
      Errors: [{ Code: code, Type: type, Details: details }],
      ResponseContext: { RequestId: 'req-1' },
    }),
  );

const translate = (error: unknown): CloudError => toCloudError(error, 'CreateRoute', [SECRET]);

describe('OAPI error codes', () => {
  const table: readonly (readonly [CloudErrorCategory, number, readonly string[]])[] = [
    ['auth', 401, ['1', '5', '7', '11', '13', '15']],
    ['auth', 403, ['4']],
    ['auth', 400, ['4120']],
    ['throttled', 503, ['6']],
    ['throttled', 429, ['24', '25']],
    ['not_found', 400, ['4104', '4105', '5035', '5046', '5065', '5999']],
    ['invalid_state', 409, ['6003', '6004']],
    ['invalid_state', 400, ['8011']],
    ['conflict', 409, ['9011', '9029', '9999']],
    ['quota', 400, ['10001', '10023']],
    ['precondition', 424, ['1003', '1004']],
    ['precondition', 400, ['8004']],
    ['transient', 500, ['2000', '2001']],
    ['unknown', 400, ['3001', '4047', '7000', '12000', '99999', 'Words']],
  ];
  const cases = table.flatMap(([category, status, codes]) =>
    codes.map((code) => ({ code, status, category })),
  );

  it.each(cases)('$code with HTTP $status is $category', ({ code, status, category }) => {
    expect(translate(refused(status, code)).info).toMatchObject({
      category,
      code,
      message: expect.stringContaining('It did not work.'),
      operation: 'CreateRoute',
      requestId: 'req-1',
    });
  });

  it('decide, not the type: throttling says AccessDenied too', () => {
    expect(translate(refused(429, '25', 'AccessDenied')).info.category).toBe('throttled');
    expect(translate(refused(503, '6', 'AccessDenied')).info.category).toBe('throttled');
  });

  it.each([
    [401, 'auth'],
    [429, 'throttled'],
    [503, 'transient'],
  ] as const)('that are not known are judged by HTTP status %i', (status, category) => {
    expect(translate(refused(status, '99', 'AccessDenied')).info.category).toBe(category);
  });

  it('of a range count with the status of their range only', () => {
    expect(meaningOf('5999', 400).category).toBe('not_found');
    expect(meaningOf('5999', 404).category).toBe('unknown');
    expect(meaningOf('5999', 503).category).toBe('transient');
  });

  it('may be numbers', () => {
    const text = JSON.stringify({ Errors: [{ Code: 5035 }] });
    expect(translate(new RefusedError(400, text)).info).toMatchObject({
      category: 'not_found',
      code: '5035',
    });
  });

  it('say what is missing first', () => {
    expect(translate(refused(424, '1004')).info.reason).toBe('prerequisite_missing');
  });
});

describe('An answer without an error code', () => {
  it.each([
    [307, 'unknown'],
    [400, 'unknown'],
    [401, 'auth'],
    [404, 'unknown'],
    [408, 'transient'],
    [429, 'throttled'],
    [500, 'transient'],
    [502, 'transient'],
  ] as const)('with status %i is %s', (status, category) => {
    for (const text of ['', '<html>', '{}', '[]', 'null', '{"Errors":[]}', '{"Errors":[{"Code":""}]}']) {
      expect(translate(new RefusedError(status, text)).info).toEqual({
        category,
        code: `HTTP${status}`,
        message: `answered with HTTP status ${status} and no error code`,
        operation: 'CreateRoute',
      });
    }
  });

  it('is as good as lost when the cloud agreed but cannot be understood', () => {
    expect(translate(new RefusedError(200, '{"Net')).info).toMatchObject({
      category: 'transient',
      code: 'UnreadableAnswer',
    });
  });
});

describe('No answer', () => {
  it.each([
    ['ECONNRESET', Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })],
    ['Timeout', Object.assign(new Error('aborted'), { name: 'AbortError' })],
    ['Timeout', new DeadlineError(50)],
  ])('is transient, with %s as its code', (code, error) => {
    expect(translate(error).info).toMatchObject({ category: 'transient', code, operation: 'CreateRoute' });
  });
});

describe('The message', () => {
  it('names the right that is missing', () => {
    expect(translate(refused(403, '4', 'AccessDenied', '')).info.message).toBe(
      "the platform's access key lacks the right to api:CreateRoute. AccessDenied",
    );
  });

  it('never holds a secret, wherever the cloud repeats it', () => {
    for (const told of [`key ${SECRET}`, `${'x'.repeat(450)}${SECRET}`]) {
      const error = translate(refused(400, '4047', 'InvalidParameterValue', told));
      expect(error.info.message).toContain('[redacted]');
      expect(`${String(error)} ${error.stack ?? ''}`).not.toContain(SECRET.slice(0, 10));
      expect(error.cause).toBeUndefined();
    }
  });

  it('is cut where it is too long to read', () => {
    expect(translate(refused(400, '4047', 'X', 'x'.repeat(5000))).info.message).toHaveLength(501);
  });
});

describe('What is no answer at all', () => {
  it('passes when it is a cloud error already', () => {
    const error = new CloudError({ category: 'auth', code: '1', message: 'no', operation: 'ReadNets' });
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
