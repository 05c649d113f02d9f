/** What may be wrong with a value of a request, by kind of value. Pure; nothing here knows of classes or documents. */
import { blockAt, CidrError, parseAddress, parseCidr } from '#domain';
import { isId, type IdPrefix } from '#runtime';

import { pointerStep, type FieldIssue, type LocalText } from './field-issues.js';

/** What is wrong with a value; pointers are relative to the value. Empty when nothing is. */
export type Check = (value: unknown) => FieldIssue[];

const KINDS: Readonly<Record<string, LocalText>> = {
  string: { en: 'a string', zh: '字符串' },
  number: { en: 'a number', zh: '数字' },
  integer: { en: 'a whole number', zh: '整数' },
  boolean: { en: 'true or false', zh: 'true 或 false' },
  object: { en: 'an object', zh: '对象' },
  array: { en: 'a list', zh: '列表' },
  null: { en: 'null', zh: 'null' },
};

/** A kind of JSON value in words. */
export function kindName(kind: string): LocalText {
  return KINDS[kind] ?? { en: kind, zh: kind };
}

function kindOf(value: unknown): LocalText {
  return kindName(value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value);
}

/** The value in a message: short, and only ever what the caller sent. */
export function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

/** Whether a value is a JSON object. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The one issue that a value is of another kind. */
export function wrongType(value: unknown, kind: string, example: string): FieldIssue[] {
  const params = { given: kindOf(value), expected: kindName(kind), example };
  return [{ pointer: '', code: 'wrong_type', params }];
}

/** What a form of text is called, and what to type. */
interface FormWords {
  readonly expected: LocalText;
  readonly help: LocalText;
}

function badForm(value: string, { expected, help }: FormWords, example: string): FieldIssue[] {
  return [{ pointer: '', code: 'bad_format', params: { given: shown(value), expected, help, example } }];
}

/** Bounds of a text in characters, and its form where it has one. */
export interface TextBounds {
  readonly min?: number;
  readonly max: number;
  readonly example: string;
  readonly form?: FormWords & { readonly pattern: RegExp };
}

const CONTROL = /\p{Cc}/u;

/** Text: one line without control characters, of a length, perhaps of a form. */
export function textCheck({ min = 1, max, example, form }: TextBounds): Check {
  return (value) => {
    if (typeof value !== 'string') return wrongType(value, 'string', JSON.stringify(example));
    if (value.length < min || value.length > max) {
      const params = { given: String(value.length), min: String(min), max: String(max) };
      return [{ pointer: '', code: 'bad_length', params }];
    }
    if (!value.isWellFormed() || CONTROL.test(value)) {
      return [{ pointer: '', code: 'bad_characters', params: {} }];
    }
    return form === undefined || form.pattern.test(value) ? [] : badForm(value, form, example);
  };
}

/** An id of that kind, for examples. */
export function exampleId(prefix: IdPrefix): string {
  return `${prefix}_01k9x7m3c8e9vt5w2r4q6y0zab`;
}

/** The id of something of ours. */
export function idCheck(prefix: IdPrefix): Check {
  const words: FormWords = {
    expected: { en: `an id that begins with ${prefix}_`, zh: `以 ${prefix}_ 开头的 ID` },
    help: { en: 'Copy it as it was given.', zh: '请原样复制。' },
  };
  return (value) => {
    if (typeof value !== 'string') return wrongType(value, 'string', JSON.stringify(exampleId(prefix)));
    return isId(prefix, value) ? [] : badForm(value, words, exampleId(prefix));
  };
}

/** One of a few words. */
export function choiceCheck(values: readonly string[]): Check {
  return (value) => {
    if (typeof value !== 'string') return wrongType(value, 'string', JSON.stringify(values[0]));
    if (values.includes(value)) return [];
    return [{ pointer: '', code: 'not_one_of', params: { given: shown(value), allowed: values.join(', ') } }];
  };
}

/** Bounds of a list in entries. */
export interface ListBounds {
  readonly min?: number;
  readonly max: number;
  readonly example: readonly string[];
}

/** A list: its length, and each entry. */
export function listCheck(each: Check, { min = 0, max, example }: ListBounds): Check {
  return (value) => {
    if (!Array.isArray(value)) return wrongType(value, 'array', JSON.stringify(example));
    if (value.length < min || value.length > max) {
      const params = { given: String(value.length), min: String(min), max: String(max) };
      return [{ pointer: '', code: 'bad_count', params }];
    }
    return value.flatMap((entry: unknown, index) =>
      each(entry).map((issue) => ({ ...issue, pointer: pointerStep(index) + issue.pointer })),
    );
  };
}

/** One CIDR block. */
export const cidrCheck: Check = (value) => addressing(value, parseCidr, '172.16.0.0/16');

/** One IPv4 address. */
export const addressCheck: Check = (value) => addressing(value, parseAddress, '10.10.0.0');

function addressing(value: unknown, parse: (text: string) => unknown, example: string): FieldIssue[] {
  if (typeof value !== 'string') return wrongType(value, 'string', JSON.stringify(example));
  try {
    parse(value);
    return [];
  } catch (error) {
    if (!(error instanceof CidrError)) throw error;
    const params = { given: shown(value), help: error.fix, network: networkOf(error) };
    return [{ pointer: '', code: error.problem, params }];
  }
}

/** The network that was probably meant where host bits are set. */
function networkOf({ problem, input }: CidrError): string {
  if (problem !== 'host_bits_set') return '';
  const [address = '', prefix = ''] = input.split('/');
  return blockAt(4, parseAddress(address).value, Number(prefix)).text;
}

/** A whole number within bounds. */
export function wholeNumberCheck(min: number, max: number, example: number): Check {
  return (value) => {
    if (typeof value !== 'number') return wrongType(value, 'integer', String(example));
    if (Number.isInteger(value) && value >= min && value <= max) return [];
    const params = { given: String(value), min: String(min), max: String(max) };
    return [{ pointer: '', code: 'out_of_range', params }];
  };
}

const ISO_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/;
const TIME_WORDS: FormWords = {
  expected: { en: 'a time in ISO 8601', zh: 'ISO 8601 格式的时间' },
  help: { en: 'Give date, time and zone.', zh: '请包含日期、时间和时区。' },
};

/** A time for examples. */
export const EXAMPLE_TIME = '2026-12-01T00:00:00.000Z';

/** A point in time, ISO 8601 with a zone. */
export const timeCheck: Check = (value) => {
  if (typeof value !== 'string') return wrongType(value, 'string', JSON.stringify(EXAMPLE_TIME));
  return ISO_TIME.test(value) && !Number.isNaN(Date.parse(value))
    ? []
    : badForm(value, TIME_WORDS, EXAMPLE_TIME);
};
