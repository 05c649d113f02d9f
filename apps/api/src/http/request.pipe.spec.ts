import 'reflect-metadata';
import { describe, expect, test } from '@jest/globals';

import { Choice, Flag, Id, List, Nested, Text, Time, WholeNumber } from './request-fields.js';
import { read } from './request.pipe.js';
import { RequestProblem } from './request-problem.js';
import { cidrCheck, idCheck } from './value-checks.js';

class Inner {
  @Text({ description: 'a name', max: 5, example: 'abc' })
  name: string;
}

class Sample {
  @Text({ description: 'a label', max: 10, example: 'prod', required: false })
  label?: string;

  @Id({ description: 'a project', prefix: 'prj', required: false })
  projectId?: string;

  @Choice({ description: 'a cloud', values: ['aws', 'tencent'], required: false })
  cloud?: string;

  @List({ description: 'blocks', each: cidrCheck, max: 3, example: ['172.16.0.0/16'], required: false })
  cidrs?: string[];

  @Time({ description: 'a time', required: false })
  at?: string;

  @Nested(Inner, { description: 'inside', example: { name: 'abc' } })
  inner: Inner;
}

class SampleQuery {
  @WholeNumber({ description: 'page size', min: 1, max: 200, example: 50, required: false })
  limit?: number;

  @List({ description: 'deployments', each: idCheck('dep'), max: 50, example: [], required: false })
  deployment?: string[];

  @Flag({ description: 'force', fallback: false, required: false })
  force?: boolean;
}

function issues(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    if (!(error instanceof RequestProblem)) throw error;
    return (error.grounds.issues ?? []).map((issue) => `${issue.pointer} ${issue.code}`);
  }
  return [];
}

const inner = { name: 'abc' };

describe('a body', () => {
  test('that fits is read into its class', () => {
    const sample = read(Sample, { inner, label: 'prod', cidrs: ['172.16.0.0/16'] }, 'body');
    expect(sample).toBeInstanceOf(Sample);
    expect(sample.inner).toBeInstanceOf(Inner);
    expect(sample).toEqual({ inner, label: 'prod', cidrs: ['172.16.0.0/16'] });
  });

  test.each<[string, unknown, string[]]>([
    ['no object but a list', [], [' wrong_type']],
    ['no object but null', null, [' wrong_type']],
    ['no object but text', 'x', [' wrong_type']],
    ['nothing where a field is required', undefined, ['/inner required']],
    ['an unknown field', { inner, colour: 1 }, ['/colour unknown_field']],
    ['an unknown field inside', { inner: { name: 'abc', x: 1 } }, ['/inner/x unknown_field']],
    ['a name of Object.prototype as field', { inner, hasOwnProperty: 1 }, ['/hasOwnProperty unknown_field']],
    ['the name of what made it', { inner, constructor: 1 }, ['/constructor unknown_field']],
    ['a pointer that needs escaping', { inner, 'a/b~c': 1 }, ['/a~1b~0c unknown_field']],
    ['null for an optional field', { inner, label: null }, ['/label wrong_type']],
    ['text for an object', { inner: 'abc' }, ['/inner wrong_type']],
    ['a list for an object', { inner: [{ name: 'abc' }] }, ['/inner wrong_type']],
    ['too long a text inside', { inner: { name: 'abcdef' } }, ['/inner/name bad_length']],
    ['empty text', { inner: { name: '' } }, ['/inner/name bad_length']],
    ['a control character', { inner: { name: 'a\u0000b' } }, ['/inner/name bad_characters']],
    ['half of a surrogate pair', { inner: { name: 'a\ud800' } }, ['/inner/name bad_characters']],
    [
      'an id of another kind',
      { inner, projectId: 'dep_01k9x7m3c8e9vt5w2r4q6y0zab' },
      ['/projectId bad_format'],
    ],
    ['a word outside of the list', { inner, cloud: 'azure' }, ['/cloud not_one_of']],
    [
      'a wrong block among right ones',
      { inner, cidrs: ['10.0.0.0/16', '10.1.0.1/16'] },
      ['/cidrs/1 host_bits_set'],
    ],
    ['too many entries', { inner, cidrs: ['a', 'b', 'c', 'd'] }, ['/cidrs bad_count']],
    ['an object for a list', { inner, cidrs: {} }, ['/cidrs wrong_type']],
    ['a number for an entry', { inner, cidrs: [7] }, ['/cidrs/0 wrong_type']],
    ['a date that is none', { inner, at: '2026-13-01T00:00:00Z' }, ['/at bad_format']],
    ['a time without a zone', { inner, at: '2026-12-01T00:00:00' }, ['/at bad_format']],
    [
      'several at once',
      { label: 7, cidrs: ['x'] },
      ['/label wrong_type', '/cidrs/0 not_cidr', '/inner required'],
    ],
  ])('with %s is refused', (_, body, expected) => {
    expect(issues(() => read(Sample, body, 'body'))).toEqual(expected);
  });
});

describe('a query', () => {
  test('reads numbers, flags, and lists in both notations', () => {
    const first = 'dep_01k9x7m3c8e9vt5w2r4q6y0zab';
    const second = 'dep_01k9x7m3c8e9vt5w2r4q6y0zac';
    expect(
      read(SampleQuery, { limit: '20', deployment: [`${first},${second}`], force: 'true' }, 'query'),
    ).toEqual({
      limit: 20,
      deployment: [first, second],
      force: true,
    });
    expect(read(SampleQuery, { deployment: [first, second] }, 'query')).toEqual({
      deployment: [first, second],
    });
  });

  test.each<[Record<string, unknown>, string[]]>([
    [{ limit: '0' }, ['?limit out_of_range']],
    [{ limit: '201' }, ['?limit out_of_range']],
    [{ limit: '1e2' }, ['?limit wrong_type']],
    [{ limit: ['1', '2'] }, ['?limit wrong_type']],
    [{ page: '2' }, ['?page unknown_field']],
    [{ force: 'yes' }, ['?force wrong_type']],
    [{ force: ['true', 'true'] }, ['?force wrong_type']],
    [{ deployment: 'x' }, ['?deployment/0 bad_format']],
  ])('%j is refused', (query, expected) => {
    expect(issues(() => read(SampleQuery, query, 'query'))).toEqual(expected);
  });
});
