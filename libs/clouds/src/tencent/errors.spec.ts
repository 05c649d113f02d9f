import { describe, expect, it } from '@jest/globals';
import type { CloudErrorCategory } from '#domain';
import { meaningOf, toCloudError } from './errors.js';

/** What the SDK throws: an answer with a code, an answer without one, or a connection that failed. */
function sdkException(message: string, more: { code?: string; httpCode?: number; requestId?: string } = {}) {
  return Object.assign(new Error(message), { requestId: '', traceId: 'trace', ...more });
}

const convert = (error: unknown, secrets: readonly string[] = []) =>
  toCloudError(error, 'vpc', 'AttachCcnInstances', secrets).info;

describe('codes of Tencent Cloud', () => {
  it.each<[string, CloudErrorCategory]>([
    ['AuthFailure.SomethingNew', 'auth'],
    ['UnauthorizedOperation.CamNoAuth', 'auth'],
    ['RequestLimitExceeded.SomethingNew', 'throttled'],
    ['LimitExceeded.CcnAttachedInstances', 'quota'],
    ['ResourceNotFound.SvcNotExist', 'not_found'],
    ['InternalError.ModuleError', 'transient'],
    ['UnsupportedOperation.CcnInstanceHasBoundPolicyRouteNotAllowedDetach', 'precondition'],
    ['InvalidParameterValue.TooLong', 'unknown'],
    ['UnsupportedOperation.SomethingNew', 'unknown'],
    ['toString', 'unknown'],
  ])('%s, which no list names, is %s', (code, category) => {
    expect(meaningOf(code)).toEqual({ category });
  });

  it('keep their code, message and request id', () => {
    const error = sdkException('The instance is attached.', {
      code: 'UnsupportedOperation.CcnAttached',
      requestId: 'req-1',
    });
    expect(convert(error)).toEqual({
      category: 'conflict',
      reason: 'attachment_exists',
      code: 'UnsupportedOperation.CcnAttached',
      message: 'The instance is attached.',
      operation: 'AttachCcnInstances',
      requestId: 'req-1',
    });
  });

  it('of a missing permission name it', () => {
    const error = sdkException('no', { code: 'AuthFailure.UnauthorizedOperation' });
    expect(convert(error).message).toContain('vpc:AttachCcnInstances');
  });
});

describe('failures without a code', () => {
  it.each<[number, CloudErrorCategory]>([
    [429, 'throttled'],
    [403, 'auth'],
    [404, 'unknown'],
    [502, 'transient'],
    [503, 'transient'],
  ])('with HTTP status %i are %s', (httpCode, category) => {
    expect(convert(sdkException('Bad Gateway', { httpCode }))).toMatchObject({
      category,
      code: `HTTP${httpCode}`,
    });
  });

  it.each([
    ['request to http://127.0.0.1:1/ failed, reason: connect ECONNREFUSED 127.0.0.1:1', 'ECONNREFUSED'],
    ['request to https://x/ failed, reason: getaddrinfo ENOTFOUND x', 'ENOTFOUND'],
    ['network timeout at: https://x/', 'ConnectionFailed'],
    ['request to https://x/ failed, reason: socket hang up', 'ConnectionFailed'],
  ])('say %s and are transient', (message, code) => {
    expect(convert(sdkException(message))).toMatchObject({ category: 'transient', code, message });
  });

  it('that come from an unreadable answer are transient, since the change may have been made', () => {
    const truncated = new SyntaxError('Unexpected end of JSON input');
    const empty = new TypeError("Cannot read properties of undefined (reading 'Error')");
    for (const error of [truncated, empty, 'thrown text']) {
      expect(convert(error)).toMatchObject({ category: 'transient', code: 'UnreadableAnswer' });
    }
  });
});

describe('messages', () => {
  it('hold no secret and end somewhere', () => {
    const error = sdkException(`key sEcReT0000 ${'x'.repeat(2_000)}`, { code: 'SomethingNew' });
    const { message } = convert(error, ['sEcReT0000']);
    expect(message).toContain('key [redacted] xxx');
    expect(message.length).toBeLessThan(600);
  });
});
