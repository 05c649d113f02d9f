/**
 * The fields of requests as decorators: each checks a value and describes it in the API's document, so that the two
 * cannot differ. A check names what is wrong by code; the words come later, in the language of the caller.
 *
 * This is not class-validator, for two reasons: class-transformer drops fields that are named like a method of every
 * object (`hasOwnProperty`) without a word, and messages here are chosen by language after the fact.
 */
import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';

import { CidrError, blockAt, parseAddress, parseCidr } from '#domain';
import { isId, type IdPrefix } from '#runtime';

import { pointerStep, type FieldIssue } from './field-issues.js';

/** What is wrong with a value; pointers are relative to the value. Empty when nothing is. */
export type Check = (value: unknown) => FieldIssue[];

/** What every field says of itself. */
export interface FieldTraits {
  readonly description: string;
  readonly required?: boolean;
}

/** How one field is read. */
export interface FieldRule {
  readonly check: Check;
  /** In a query every value arrives as text, repeated where it was given twice. */
  readonly fromText?: (value: unknown) => unknown;
  /** For an object with fields of its own. */
  readonly nested?: () => RequestClass;
}

/** A class whose fields are decorated with those of this file. */
export type RequestClass<T extends object = object> = new () => T;

const RULES = new WeakMap<object, Map<string, FieldRule>>();

/** The rules of a class and of those that it extends, by field. */
export function rulesOf(target: RequestClass): ReadonlyMap<string, FieldRule> {
  const rules = new Map<string, FieldRule>();
  for (
    let prototype = target.prototype as object | null;
    prototype !== null;
    prototype = Object.getPrototypeOf(prototype) as object | null
  ) {
    for (const [name, rule] of RULES.get(prototype) ?? []) if (!rules.has(name)) rules.set(name, rule);
  }
  return rules;
}

/** A field with a check of its own. */
export function Field(
  check: Check,
  traits: FieldTraits,
  api: ApiPropertyOptions,
  reading: Omit<FieldRule, 'check'> = {},
): PropertyDecorator {
  const required = traits.required ?? true;
  const describeInDocument = ApiProperty({
    ...api,
    description: traits.description,
    required,
  } as ApiPropertyOptions);
  const checked: Check = (value) => {
    if (value !== undefined) return check(value);
    return required ? [{ pointer: '', code: 'required', params: describe(api) }] : [];
  };
  return (target, propertyName) => {
    describeInDocument(target, propertyName);
    const rules = RULES.get(target) ?? new Map<string, FieldRule>();
    RULES.set(target, rules.set(String(propertyName), { ...reading, check: checked }));
  };
}

function describe(api: ApiPropertyOptions): { readonly expected: string; readonly example: string } {
  const type = 'type' in api && typeof api.type === 'string' ? api.type : 'object';
  const isArray = 'isArray' in api && api.isArray === true;
  const example: unknown = 'example' in api ? api.example : undefined;
  return { expected: isArray ? NAMES.array : (NAMES[type] ?? type), example: JSON.stringify(example ?? {}) };
}

const NAMES: Readonly<Record<string, string>> & { readonly array: string } = {
  string: 'a string',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
  null: 'null',
};

/** The kind of a JSON value in words. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  const kind = Array.isArray(value) ? 'array' : typeof value;
  return NAMES[kind] ?? kind;
}

/** The value in a message: short, and only ever what the caller sent. */
export function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined');
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

/** The one issue that a value is of another kind. */
export function wrongType(value: unknown, kind: string, example: string): FieldIssue[] {
  return [
    {
      pointer: '',
      code: 'wrong_type',
      params: { given: kindOf(value), expected: NAMES[kind] ?? kind, example },
    },
  ];
}

/** A check of text: one line without control characters, of a length, perhaps of a form. */
export function textCheck(options: {
  readonly min?: number;
  readonly max: number;
  readonly example: string;
  readonly pattern?: RegExp;
  /** What the form is called, and what to type. */
  readonly form?: { readonly expected: string; readonly help: string };
}): Check {
  const min = options.min ?? 1;
  return (value) => {
    if (typeof value !== 'string') return wrongType(value, 'string', JSON.stringify(options.example));
    const bounds = { min: String(min), max: String(options.max) };
    if (value.length < min || value.length > options.max) {
      return [{ pointer: '', code: 'bad_length', params: { given: String(value.length), ...bounds } }];
    }
    if (!value.isWellFormed() || CONTROL.test(value))
      return [{ pointer: '', code: 'bad_characters', params: {} }];
    if (options.pattern !== undefined && !options.pattern.test(value)) {
      const { expected, help } = options.form ?? { expected: String(options.pattern), help: '' };
      return [
        {
          pointer: '',
          code: 'bad_format',
          params: { given: shown(value), expected, help, example: options.example },
        },
      ];
    }
    return [];
  };
}

const CONTROL = /\p{Cc}/u;

/** Text: one line. */
export function Text(options: FieldTraits & Parameters<typeof textCheck>[0]): PropertyDecorator {
  return Field(textCheck(options), options, {
    type: 'string',
    minLength: options.min ?? 1,
    maxLength: options.max,
    example: options.example,
    ...(options.pattern ? { pattern: options.pattern.source } : {}),
  });
}

/** The id of something of ours. */
export function idCheck(prefix: IdPrefix): Check {
  const example = `${prefix}_01k9x7m3c8e9vt5w2r4q6y0zab`;
  return (value) => {
    if (typeof value !== 'string') return wrongType(value, 'string', JSON.stringify(example));
    if (isId(prefix, value)) return [];
    const params = {
      given: shown(value),
      expected: `an id that begins with ${prefix}_`,
      help: 'Copy it as it was given.',
      example,
    };
    return [{ pointer: '', code: 'bad_format', params }];
  };
}

/** A reference to something of ours. */
export function Id(options: FieldTraits & { readonly prefix: IdPrefix }): PropertyDecorator {
  return Field(idCheck(options.prefix), options, {
    type: 'string',
    example: `${options.prefix}_01k9x7m3c8e9vt5w2r4q6y0zab`,
  });
}

/** A check that a value is one of a few words. */
export function choiceCheck(values: readonly string[]): Check {
  return (value) => {
    if (typeof value === 'string' && values.includes(value)) return [];
    if (typeof value !== 'string') return wrongType(value, 'string', JSON.stringify(values[0]));
    return [{ pointer: '', code: 'not_one_of', params: { given: shown(value), allowed: values.join(', ') } }];
  };
}

/** One of a few words. */
export function Choice(
  options: FieldTraits & { readonly values: readonly string[]; readonly name?: string },
): PropertyDecorator {
  return Field(choiceCheck(options.values), options, {
    enum: [...options.values],
    example: options.values[0],
    ...(options.name === undefined ? {} : { enumName: options.name }),
  } as ApiPropertyOptions);
}

/** A check of a list: its length, and each entry. Repeated entries are left to the reader. */
export function listCheck(
  each: Check,
  bounds: { readonly min?: number; readonly max: number; readonly example: unknown },
): Check {
  const min = bounds.min ?? 0;
  return (value) => {
    if (!Array.isArray(value)) return wrongType(value, 'array', JSON.stringify(bounds.example));
    if (value.length < min || value.length > bounds.max) {
      const params = { given: String(value.length), min: String(min), max: String(bounds.max) };
      return [{ pointer: '', code: 'bad_count', params }];
    }
    return value.flatMap((entry: unknown, index) =>
      each(entry).map((issue) => ({ ...issue, pointer: pointerStep(index) + issue.pointer })),
    );
  };
}

/** A list of text-like values. */
export function List(
  options: FieldTraits & {
    readonly each: Check;
    readonly min?: number;
    readonly max: number;
    readonly example: readonly string[];
  },
): PropertyDecorator {
  return Field(
    listCheck(options.each, options),
    options,
    {
      type: 'string',
      isArray: true,
      minItems: options.min ?? 0,
      maxItems: options.max,
      example: [...options.example],
    } as ApiPropertyOptions,
    { fromText: splitCommas },
  );
}

function splitCommas(value: unknown): unknown {
  const parts = (Array.isArray(value) ? value : [value]) as unknown[];
  return parts.flatMap((part) =>
    typeof part === 'string' ? part.split(',').filter((entry) => entry !== '') : [part],
  );
}

/** A check of one CIDR block. */
export const cidrCheck: Check = (value) => {
  if (typeof value !== 'string') return wrongType(value, 'string', '"172.16.0.0/16"');
  try {
    parseCidr(value);
    return [];
  } catch (error) {
    if (!(error instanceof CidrError)) throw error;
    return [
      {
        pointer: '',
        code: error.problem,
        params: { given: shown(value), help: error.fix, network: networkOf(error) },
      },
    ];
  }
};

function networkOf({ problem, input }: CidrError): string {
  if (problem !== 'host_bits_set') return '';
  const [address = '', prefix = ''] = input.split('/');
  return blockAt(4, parseAddress(address).value, Number(prefix)).text;
}

/** A check of one address. */
export const addressCheck: Check = (value) => {
  if (typeof value !== 'string') return wrongType(value, 'string', '"10.10.0.0"');
  try {
    parseAddress(value);
    return [];
  } catch (error) {
    if (!(error instanceof CidrError)) throw error;
    return [
      { pointer: '', code: error.problem, params: { given: shown(value), help: error.fix, network: '' } },
    ];
  }
};

/** A whole number; in a query it arrives as text. */
export function WholeNumber(
  options: FieldTraits & {
    readonly min: number;
    readonly max: number;
    readonly example: number;
    readonly fallback?: number;
  },
): PropertyDecorator {
  const { min, max } = options;
  const check: Check = (value) => {
    if (typeof value !== 'number') return wrongType(value, 'integer', String(options.example));
    if (Number.isInteger(value) && value >= min && value <= max) return [];
    return [
      {
        pointer: '',
        code: 'out_of_range',
        params: { given: String(value), min: String(min), max: String(max) },
      },
    ];
  };
  return Field(
    check,
    options,
    {
      type: 'integer',
      minimum: min,
      maximum: max,
      example: options.example,
      ...(options.fallback === undefined ? {} : { default: options.fallback }),
    },
    { fromText: readNumber },
  );
}

/** Text that is no number stays text, and is refused as such. */
function readNumber(value: unknown): unknown {
  return typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value;
}

/** True or false; in a query it arrives as text. */
export function Flag(options: FieldTraits & { readonly fallback: boolean }): PropertyDecorator {
  const check: Check = (value) => (typeof value === 'boolean' ? [] : wrongType(value, 'boolean', 'true'));
  return Field(
    check,
    options,
    { type: 'boolean', default: options.fallback, example: true },
    { fromText: (value) => (value === 'true' ? true : value === 'false' ? false : value) },
  );
}

/** A point in time, ISO 8601 with a zone. */
export function Time(options: FieldTraits): PropertyDecorator {
  const example = '2026-12-01T00:00:00Z';
  const check: Check = (value) => {
    if (typeof value !== 'string') return wrongType(value, 'string', JSON.stringify(example));
    if (ISO_TIME.test(value) && !Number.isNaN(Date.parse(value))) return [];
    const params = {
      given: shown(value),
      expected: 'a time in ISO 8601',
      help: 'Give date, time and zone.',
      example,
    };
    return [{ pointer: '', code: 'bad_format', params }];
  };
  return Field(check, options, { type: 'string', format: 'date-time', example });
}

const ISO_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/;

/** An object with fields of its own. */
export function Nested(
  type: () => RequestClass,
  options: FieldTraits & { readonly example: object },
): PropertyDecorator {
  return Field(
    (value) => (isPlainObject(value) ? [] : wrongType(value, 'object', JSON.stringify(options.example))),
    options,
    { type, example: options.example } as ApiPropertyOptions,
    { nested: type },
  );
}

/** Whether a value is a JSON object. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
