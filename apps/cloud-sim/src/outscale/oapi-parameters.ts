import { CODES, invalidValue, missingParameter, OutscaleError } from './outscale-error.js';

/** A JSON object of a request: its top level, its filters, or an element of a list. */
export class OapiParameters {
  constructor(private readonly values: Readonly<Record<string, unknown>>) {}

  /** Throws 3001 for one that is not listed. */
  allow(names: ReadonlySet<string>): void {
    for (const name of Object.keys(this.values)) {
      if (!names.has(name))
        throw new OutscaleError(CODES.unknownParameter, `The parameter '${name}' is unknown.`);
    }
  }

  /** A string; undefined when absent or empty. */
  get(name: string): string | undefined {
    const value = this.values[name];
    if (isAbsent(value) || value === '') return undefined;
    if (typeof value !== 'string') throw wrongType(name, 'string');
    return value;
  }

  /** A string that must be there. */
  require(name: string): string {
    const value = this.get(name);
    if (value === undefined) throw missingParameter(name);
    return value;
  }

  /** A string that must be there and may be empty. */
  requireText(name: string): string {
    return this.values[name] === '' ? '' : this.require(name);
  }

  boolean(name: string): boolean | undefined {
    const value = this.values[name];
    if (isAbsent(value)) return undefined;
    if (typeof value !== 'boolean') throw wrongType(name, 'boolean');
    return value;
  }

  integer(name: string): number | undefined {
    const value = this.values[name];
    if (isAbsent(value)) return undefined;
    if (typeof value !== 'number' || !Number.isInteger(value)) throw wrongType(name, 'integer');
    return value;
  }

  /** A list of strings; undefined when absent. */
  strings(name: string): readonly string[] | undefined {
    const value = this.values[name];
    if (isAbsent(value)) return undefined;
    if (!Array.isArray(value) || value.some((item) => typeof item !== 'string'))
      throw wrongType(name, 'array of strings');
    return value as string[];
  }

  /** A list of strings that must hold one. */
  requireStrings(name: string): readonly string[] {
    const value = this.strings(name);
    if (value === undefined || value.length === 0) throw missingParameter(name);
    return value;
  }

  /** Numbers and booleans, alone or in lists, as filters compare them: text. Undefined when absent. */
  scalars(name: string): readonly string[] | undefined {
    const value = this.values[name];
    if (isAbsent(value)) return undefined;
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    return list.map((item) => {
      if (typeof item === 'string' || typeof item === 'number' || typeof item === 'boolean')
        return String(item);
      throw wrongType(name, 'array');
    });
  }

  /** An object; empty when absent. */
  object(name: string): OapiParameters {
    const value = this.values[name];
    if (isAbsent(value)) return new OapiParameters({});
    if (!isObject(value)) throw wrongType(name, 'object');
    return new OapiParameters(value);
  }

  /** A list of objects; undefined when absent. */
  objects(name: string): readonly OapiParameters[] | undefined {
    const value = this.values[name];
    if (isAbsent(value)) return undefined;
    if (!Array.isArray(value)) throw wrongType(name, 'array of objects');
    return value.map((item: unknown) => {
      if (!isObject(item)) throw wrongType(name, 'array of objects');
      return new OapiParameters(item);
    });
  }

  /** The names of what was given. */
  names(): readonly string[] {
    return Object.keys(this.values).filter((name) => !isAbsent(this.values[name]));
  }

  /** One of these, by its exact spelling; undefined when absent. */
  oneOf<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    const choice = choices.find((candidate) => candidate === value);
    if (choice === undefined) throw invalidValue(name, value, `Expected one of ${choices.join(', ')}.`);
    return choice;
  }
}

/** Reads a request's body: an object, or nothing at all. Throws 3002. */
export function parseBody(body: Buffer): OapiParameters {
  if (body.length === 0) return new OapiParameters({});
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    value = undefined;
  }
  if (!isObject(value)) throw new OutscaleError(CODES.unreadableBody, 'The body must be a JSON object.');
  return new OapiParameters(value);
}

function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrongType(name: string, expected: string): OutscaleError {
  return new OutscaleError(CODES.wrongType, `The parameter '${name}' must be of the type ${expected}.`);
}
