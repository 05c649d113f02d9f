import { describe, expect, test } from '@jest/globals';

import { PROBLEMS, type Locale } from '#domain';

import { describeIssue, FIELD_ISSUES, pointerStep, type FieldIssueCode } from './field-issues.js';
import { problemBody } from './problem-body.js';
import { PROBLEM_STATUS } from './problem-status.js';
import { RequestProblem } from './request-problem.js';

const CODES = Object.keys(FIELD_ISSUES) as FieldIssueCode[];
const names = (text: string): string[] =>
  [...text.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name).sort();

describe('the catalogue of field errors', () => {
  test.each(CODES)('%s is explained in both languages, with the same values', (code) => {
    const { detail, fix } = FIELD_ISSUES[code];
    expect(detail.zh).toMatch(/[\u4e00-\u9fff]/);
    expect(fix.zh).toMatch(/[\u4e00-\u9fff]/);
    expect(names(detail.zh)).toEqual(names(detail.en));
    // Where a fix depends on the value it comes from the rule that refused it, in English; the others say it alike.
    if (fix.en !== '{help}') expect(names(fix.zh)).toEqual(names(fix.en));
  });

  test('values are given in the language where they have one', () => {
    const issue = {
      pointer: '/x',
      code: 'wrong_type',
      params: { given: { en: 'a number', zh: '数字' }, expected: 'text', example: '"a"' },
    } as const;
    expect(describeIssue(issue, 'en').detail).toBe('This is a number, not text.');
    expect(describeIssue(issue, 'zh').detail).toBe('此处为 数字，应为 text。');
  });
});

describe('a pointer', () => {
  test.each([
    ['a', '/a'],
    [0, '/0'],
    ['a/b', '/a~1b'],
    ['m~n', '/m~0n'],
    ['', '/'],
  ])('to %j is %s', (key, pointer) => {
    expect(pointerStep(key)).toBe(pointer);
  });
});

describe('the body of a problem', () => {
  const request = { path: '/v1/x', id: 'r-1' };

  test.each(['en', 'zh'] as const satisfies readonly Locale[])('names things in %s', (locale) => {
    const body = problemBody(new RequestProblem('not_found', { what: 'peering' }), locale, request);
    expect(body).toEqual({
      type: '/v1/meta/errors#not_found',
      title: locale === 'en' ? 'There is no such peering connection.' : '不存在该对等连接。',
      status: 404,
      code: 'not_found',
      errors: [],
      conflicts: [],
      retryable: false,
      fix: expect.any(String),
      instance: '/v1/x',
      requestId: 'r-1',
    });
  });

  test('repeats the first three field errors in its detail', () => {
    const issues = ['/a', '/b', '/c', '/d'].map(
      (pointer) => ({ pointer, code: 'bad_length', params: { given: pointer, min: '1', max: '2' } }) as const,
    );
    const body = problemBody(new RequestProblem('validation_failed', {}, { issues }), 'en', request);
    expect(body.errors).toHaveLength(4);
    expect(body.detail).toContain('/c');
    expect(body.detail).not.toContain('/d');
  });

  test('retryable problems are not the fault of the request', () => {
    for (const [code, { retryable }] of Object.entries(PROBLEMS)) {
      const status = PROBLEM_STATUS[code as keyof typeof PROBLEM_STATUS];
      if (retryable) expect([409, 423, 429, 500, 503]).toContain(status);
    }
  });
});
