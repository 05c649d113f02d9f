/** Reads bodies and queries into their classes, and refuses what does not fit with every issue at once. */
import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import { validateSync } from 'class-validator';

import { pointerStep, type FieldIssue } from './field-issues.js';
import { rulesOf, type FieldRule, type RequestClass } from './request-fields.js';
import { refuseIssues } from './request-problem.js';
import { isPlainObject, wrongType } from './value-checks.js';

const PLAIN_TYPES: readonly unknown[] = [String, Number, Boolean, Array, Object];

/** Where a value came from. */
type Place = 'body' | 'query';

export class RequestPipe implements PipeTransform {
  transform(value: unknown, { metatype, type }: ArgumentMetadata): unknown {
    if (metatype === undefined || PLAIN_TYPES.includes(metatype)) return value;
    return read(metatype as RequestClass, value, type === 'query' ? 'query' : 'body');
  }
}

/**
 * A request's body or query as an instance of its class. An absent body counts as an empty object.
 * @throws RequestProblem `validation_failed`
 */
export function read<T extends object>(target: RequestClass<T>, value: unknown, place: Place): T {
  const { instance, issues } = readPartly(target, value, place);
  refuseIssues(issues);
  return instance;
}

/** As {@link read}, with what is right in the instance, and what is wrong in the issues. */
export function readPartly<T extends object>(
  target: RequestClass<T>,
  value: unknown,
  place: Place,
): { readonly instance: T; readonly issues: readonly FieldIssue[] } {
  const given = value === undefined ? {} : value;
  return readObject(target, given, place, place === 'query' ? '?' : '');
}

/** For a POST that needs nothing but its path. @throws RequestProblem `validation_failed` for a body with anything in it */
export function readNothing(body: unknown): void {
  if (body === undefined) return;
  if (!isPlainObject(body)) refuseIssues(wrongType(body, 'object', '{}'));
  refuseIssues(
    Object.keys(body as object).map((name) => ({
      pointer: pointerStep(name),
      code: 'unknown_field',
      params: { known: '-' },
    })),
  );
}

const RULES = new Map<RequestClass, ReadonlyMap<string, FieldRule>>();

function cachedRules(target: RequestClass): ReadonlyMap<string, FieldRule> {
  let rules = RULES.get(target);
  if (rules === undefined) RULES.set(target, (rules = rulesOf(target)));
  return rules;
}

/**
 * Fields that a class does not have are found here and never reach its instance: class-validator's own list of allowed
 * names takes those of every object's methods (`hasOwnProperty`) for allowed, and is led astray by `constructor`.
 */
function readObject<T extends object>(
  target: RequestClass<T>,
  value: unknown,
  place: Place,
  pointer: string,
): { readonly instance: T; readonly issues: FieldIssue[] } {
  const instance = new target();
  if (!isPlainObject(value)) {
    return { instance, issues: wrongType(value, 'object', '{}').map((issue) => ({ ...issue, pointer })) };
  }
  const rules = cachedRules(target);
  const pointerTo = (name: string): string => (pointer === '?' ? `?${name}` : pointer + pointerStep(name));
  const known = [...rules.keys()].join(', ');
  const issues = Object.keys(value)
    .filter((name) => !rules.has(name))
    .map((name): FieldIssue => ({ pointer: pointerTo(name), code: 'unknown_field', params: { known } }));
  const fields = instance as Record<string, unknown>;
  for (const [name, { fromText }] of rules) {
    const given = Object.hasOwn(value, name) ? value[name] : undefined;
    const field = place === 'query' && given !== undefined && fromText ? fromText(given) : given;
    if (field !== undefined) fields[name] = field;
  }
  for (const { property } of validateSync(instance, { forbidUnknownValues: false })) {
    const found = rules.get(property)?.check(fields[property]) ?? [];
    issues.push(...found.map((issue) => ({ ...issue, pointer: pointerTo(property) + issue.pointer })));
    Reflect.deleteProperty(instance, property);
  }
  for (const [name, { nested }] of rules) {
    if (nested === undefined || fields[name] === undefined) continue;
    const inner = readObject(nested, fields[name], place, pointerTo(name));
    issues.push(...inner.issues);
    fields[name] = inner.instance;
  }
  return { instance, issues };
}
