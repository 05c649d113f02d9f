/** Reads bodies and queries into their classes, and refuses what does not fit with every issue at once. */
import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';

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
  const issues: FieldIssue[] = [];
  const rules = cachedRules(target);
  const pointerTo = (name: string): string => (pointer === '?' ? `?${name}` : pointer + pointerStep(name));
  for (const name of Object.keys(value)) {
    if (!rules.has(name)) {
      issues.push({
        pointer: pointerTo(name),
        code: 'unknown_field',
        params: { known: [...rules.keys()].join(', ') },
      });
    }
  }
  for (const [name, rule] of rules) {
    const given = Object.hasOwn(value, name) ? value[name] : undefined;
    const field = place === 'query' && given !== undefined && rule.fromText ? rule.fromText(given) : given;
    const found = rule.check(field);
    if (found.length > 0) {
      issues.push(...found.map((issue) => ({ ...issue, pointer: pointerTo(name) + issue.pointer })));
    } else if (field !== undefined) {
      const inner = rule.nested ? readObject(rule.nested, field, place, pointerTo(name)) : null;
      issues.push(...(inner?.issues ?? []));
      (instance as Record<string, unknown>)[name] = inner ? inner.instance : field;
    }
  }
  return { instance, issues };
}
