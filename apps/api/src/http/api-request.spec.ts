import { describe, expect, test } from '@jest/globals';

import { givenRequestId, negotiateLocale } from './api-request.js';

describe('the language of an answer', () => {
  test.each([
    ['zh', 'zh'],
    ['zh-CN,zh;q=0.9,en;q=0.8', 'zh'],
    ['zh-Hans-CN', 'zh'],
    ['en-GB,en;q=0.9,zh;q=0.8', 'en'],
    ['en;q=0.5, zh;q=0.6', 'zh'],
    ['zh;q=0.5, en;q=0.5', 'en'],
    ['ZH-cn', 'zh'],
    ['zh;q=0', 'en'],
    ['de, fr;q=0.9', 'en'],
    ['*', 'en'],
    ['', 'en'],
    ['zh;q=abc', 'en'],
  ])('%s is answered in %s', (header, locale) => {
    expect(negotiateLocale(header)).toBe(locale);
  });
});

describe('the request id of the caller', () => {
  test('is kept when it is fit for a log line and a header', () => {
    expect(givenRequestId('build-42.attempt_1~a')).toBe('build-42.attempt_1~a');
  });

  test.each([undefined, '', 'two words', 'a\nb', 'x'.repeat(129), ['a', 'b']])('%j is replaced', (header) => {
    expect(givenRequestId(header)).toBeNull();
  });
});
