/**
 * The fields of requests as decorators: each checks a value, by class-validator, and describes it in the API's document,
 * so that the two cannot differ. A check names what is wrong by code; the words come later, in the caller's language.
 */
import { applyDecorators } from '@nestjs/common';
import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { getMetadataStorage, ValidateBy } from 'class-validator';

import type { IdPrefix } from '#runtime';

import type { LocalText } from './field-issues.js';
import {
  choiceCheck,
  EXAMPLE_TIME,
  exampleId,
  idCheck,
  isPlainObject,
  kindName,
  listCheck,
  textCheck,
  timeCheck,
  wholeNumberCheck,
  wrongType,
  type Check,
  type ListBounds,
  type TextBounds,
} from './value-checks.js';

/** What every field says of itself. Fields are required unless they say otherwise. */
export interface FieldTraits {
  readonly description: string;
  readonly required?: boolean;
}

/** How one field is read. */
export interface FieldRule {
  readonly check: Check;
  /** In a query every value arrives as text, or as a list of texts where it was given twice. */
  readonly fromText?: (value: unknown) => unknown;
  /** For an object with fields of its own. */
  readonly nested?: RequestClass;
}

/** A class whose fields are decorated with those of this file. */
export type RequestClass<T extends object = object> = new () => T;

/** The constraint under which class-validator knows our checks. */
export const FIELD = 'field';

/** The rules of a class and of those that it extends, by field. */
export function rulesOf(target: RequestClass): ReadonlyMap<string, FieldRule> {
  return new Map(
    getMetadataStorage()
      .getTargetValidationMetadatas(target, '', true, false)
      .filter(({ name }) => name === FIELD)
      .map(({ propertyName, context }) => [propertyName, context as FieldRule]),
  );
}

/** A field with a check of its own. */
export function Field(
  check: Check,
  traits: FieldTraits,
  api: ApiPropertyOptions,
  reading: Omit<FieldRule, 'check'> = {},
): PropertyDecorator {
  const required = traits.required ?? true;
  const checked: Check = (value) => {
    if (value !== undefined) return check(value);
    return required ? [{ pointer: '', code: 'required', params: describe(api) }] : [];
  };
  const validator = { validate: (value: unknown) => checked(value).length === 0 };
  return applyDecorators(
    ApiProperty({ ...api, description: traits.description, required } as ApiPropertyOptions),
    ValidateBy({ name: FIELD, validator }, { context: { ...reading, check: checked } satisfies FieldRule }),
  );
}

function describe(api: ApiPropertyOptions): { readonly expected: LocalText; readonly example: string } {
  const type = 'enum' in api ? 'string' : 'type' in api && typeof api.type === 'string' ? api.type : 'object';
  const isArray = 'isArray' in api && api.isArray;
  const example: unknown = 'example' in api ? api.example : undefined;
  return { expected: kindName(isArray ? 'array' : type), example: JSON.stringify(example ?? {}) };
}

/** Text: one line. */
export function Text(options: FieldTraits & TextBounds): PropertyDecorator {
  return Field(textCheck(options), options, {
    type: 'string',
    minLength: options.min ?? 1,
    maxLength: options.max,
    example: options.example,
    ...(options.form ? { pattern: options.form.pattern.source } : {}),
  });
}

/** A reference to something of ours. */
export function Id(options: FieldTraits & { readonly prefix: IdPrefix }): PropertyDecorator {
  return Field(idCheck(options.prefix), options, { type: 'string', example: exampleId(options.prefix) });
}

/** One of a few words. */
export function Choice(options: FieldTraits & { readonly values: readonly string[] }): PropertyDecorator {
  return Field(choiceCheck(options.values), options, {
    type: 'string',
    enum: [...options.values],
    example: options.values[0],
  });
}

/** A list of text-like values; in a query repeated, or separated by commas. `values` only documents the choice. */
export function List(
  options: FieldTraits & ListBounds & { readonly each: Check; readonly values?: readonly string[] },
): PropertyDecorator {
  return Field(
    listCheck(options.each, options),
    options,
    {
      type: 'array',
      items: { type: 'string', ...(options.values ? { enum: [...options.values] } : {}) },
      minItems: options.min ?? 0,
      maxItems: options.max,
      example: [...options.example],
    },
    { fromText: splitCommas },
  );
}

function splitCommas(value: unknown): unknown {
  const parts = (Array.isArray(value) ? value : [value]) as unknown[];
  return parts.flatMap((part) =>
    typeof part === 'string' ? part.split(',').filter((entry) => entry !== '') : [part],
  );
}

/** A whole number; in a query it arrives as text. */
export function WholeNumber(
  options: FieldTraits & {
    readonly min: number;
    readonly max: number;
    readonly example: number;
    readonly fallback?: number;
  },
): PropertyDecorator {
  return Field(
    wholeNumberCheck(options.min, options.max, options.example),
    options,
    {
      type: 'integer',
      minimum: options.min,
      maximum: options.max,
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
  return Field(timeCheck, options, { type: 'string', format: 'date-time', example: EXAMPLE_TIME });
}

/** An object with fields of its own. */
export function Nested(
  type: RequestClass,
  options: FieldTraits & { readonly example: object },
): PropertyDecorator {
  return Field(
    (value) => (isPlainObject(value) ? [] : wrongType(value, 'object', JSON.stringify(options.example))),
    options,
    { type, example: options.example },
    { nested: type },
  );
}
