import { describe, expect, it } from '@jest/globals';
import { categoryOfStatus, DeadlineError, networkFailure, redact, withDeadline } from './call-failure.js';

const coded = (code: string, message = code): Error => Object.assign(new Error(message), { code });

describe('networkFailure', () => {
  it.each([
    'ECONNRESET',
    'ECONNREFUSED',
    'EAI_AGAIN',
    'CERT_HAS_EXPIRED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'UND_ERR_SOCKET',
    'HPE_INVALID_CONSTANT',
  ])('recognises %s', (code) => expect(networkFailure(coded(code, 'why'))).toEqual({ code, message: 'why' }));

  it('looks behind the error that fetch throws', () => {
    const error = new TypeError('fetch failed', { cause: coded('ECONNREFUSED', 'connect ECONNREFUSED') });
    expect(networkFailure(error)).toEqual({ code: 'ECONNREFUSED', message: 'connect ECONNREFUSED' });
  });

  it.each([
    ['a mistake of the caller', coded('ERR_INVALID_ARG_TYPE')],
    ["a cloud's own code", coded('UnsupportedOperation.CcnAttached')],
    ['a defect', new TypeError('x is undefined')],
    ['no error', 'ECONNRESET'],
  ])('leaves %s alone', (_what, error) => expect(networkFailure(error)).toBeNull());
});

describe('withDeadline', () => {
  it('gives what the work gives, and its errors', async () => {
    await expect(withDeadline(1000, () => Promise.resolve(7))).resolves.toBe(7);
    await expect(withDeadline(1000, () => Promise.reject(coded('EPIPE')))).rejects.toThrow('EPIPE');
  });

  it('leaves no timer behind', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
    const before = timers();
    await withDeadline(60_000, () => Promise.resolve());
    expect(timers()).toBe(before);
  });

  it('ends work that never ends, and tells it', async () => {
    let signal: AbortSignal | undefined;
    const endless = withDeadline(10, (given) => {
      signal = given;
      return new Promise<never>(() => undefined);
    });
    await expect(endless).rejects.toEqual(new DeadlineError(10));
    expect(signal?.aborted).toBe(true);
  });

  it('says that time was up, not what the abort caused', async () => {
    const aborted = withDeadline(
      10,
      (signal) =>
        new Promise<never>((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('aborted')));
        }),
    );
    await expect(aborted).rejects.toBeInstanceOf(DeadlineError);
  });
});

describe('redact', () => {
  it('takes out every secret in every form, and nothing else', () => {
    const secrets = ['AKIAEXAMPLEEXAMPLE00', 'a/b+c=secret', 'short'];
    const text = 'AKIAEXAMPLEEXAMPLE00 a/b+c=secret a%2Fb%2Bc%3Dsecret short AKIAEXAMPLEEXAMPLE00';
    expect(redact(text, secrets)).toBe('[redacted] [redacted] [redacted] short [redacted]');
  });
});

it.each([
  [undefined, 'unknown'],
  [400, 'unknown'],
  [401, 'auth'],
  [403, 'auth'],
  [404, 'not_found'],
  [408, 'transient'],
  [409, 'conflict'],
  [429, 'throttled'],
  [500, 'transient'],
  [504, 'transient'],
] as const)('HTTP status %p alone means %s', (status, category) => {
  expect(categoryOfStatus(status)).toBe(category);
});
