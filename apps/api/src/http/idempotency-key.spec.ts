import { describe, expect, test } from '@jest/globals';

import { keyedRequest } from './idempotency-key.js';

const request = (body: unknown, changes: object = {}) => ({
  method: 'POST',
  url: '/v1/deployments/dep_1/peerings',
  headers: { 'idempotency-key': 'k-1' },
  body,
  ...changes,
});

const hash = (...args: Parameters<typeof keyedRequest>): string =>
  keyedRequest(...args)!.requestHash.toString('hex');

describe('an Idempotency-Key', () => {
  const first = hash(request({ a: 1, b: [1, { c: 2, d: 3 }] }), 'key_1');

  test('is bound to the body whatever the order of its fields', () => {
    expect(hash(request({ b: [1, { d: 3, c: 2 }], a: 1 }), 'key_1')).toBe(first);
  });

  test.each([
    ['another value', request({ a: 2, b: [1, { c: 2, d: 3 }] }), 'key_1'],
    ['another order of a list', request({ a: 1, b: [{ c: 2, d: 3 }, 1] }), 'key_1'],
    ['an object for a list of pairs', request([['a', 1]]), 'key_1'],
    [
      'another path',
      request({ a: 1, b: [1, { c: 2, d: 3 }] }, { url: '/v1/deployments/dep_2/peerings' }),
      'key_1',
    ],
    ['another caller', request({ a: 1, b: [1, { c: 2, d: 3 }] }), 'key_2'],
  ])('tells %s apart', (_, other, keyId) => {
    expect(hash(other, keyId)).not.toBe(first);
  });

  test('counts an absent body as no body', () => {
    expect(hash(request(undefined), 'key_1')).toBe(hash(request(null), 'key_1'));
  });

  test('is for POST only', () => {
    expect(keyedRequest(request({}, { method: 'PATCH' }), 'key_1')).toBeNull();
    expect(keyedRequest(request({}, { headers: {} }), 'key_1')).toBeNull();
  });

  test.each(['', 'two words', 'ü', 'x'.repeat(256)])('cannot be %j', (key) => {
    const keyed = request({}, { headers: { 'idempotency-key': key } });
    expect(() => keyedRequest(keyed, 'key_1')).toThrow(
      expect.objectContaining({ code: 'validation_failed' }),
    );
  });
});
