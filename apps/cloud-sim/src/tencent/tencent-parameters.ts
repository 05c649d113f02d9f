import { invalidValue, missingParameter, TencentError } from './tencent-error.js';

/** A JSON object of a request with its path for messages: the top level, or an element such as `Instances.0`. */
export class TencentParameters {
  constructor(
    private readonly values: Readonly<Record<string, unknown>>,
    private readonly prefix = '',
  ) {}

  /** Throws UnknownParameter for one that is not listed. */
  allow(names: readonly string[]): void {
    for (const name of Object.keys(this.values)) {
      if (!names.includes(name)) {
        throw new TencentError(
          'UnknownParameter',
          `The parameter \`${this.prefix}${name}\` is not recognized.`,
        );
      }
    }
  }

  /** A string; undefined when absent or empty. */
  get(name: string): string | undefined {
    const value = this.values[name];
    if (value === undefined || value === null || value === '') return undefined;
    if (typeof value !== 'string') throw this.#wrongType(name);
    return value;
  }

  /** A string that must be there. */
  require(name: string): string {
    const value = this.get(name);
    if (value === undefined) throw missingParameter(this.prefix + name);
    return value;
  }

  boolean(name: string): boolean | undefined {
    const value = this.values[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'boolean') throw this.#wrongType(name);
    return value;
  }

  /** An integer; some operations of the VPC product take it as text, such as DescribeVpcs' Limit. */
  integer(name: string): number | undefined {
    const value = this.values[name];
    if (value === undefined || value === null) return undefined;
    const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isInteger(number)) throw this.#wrongType(name);
    return number;
  }

  /** A list of strings; empty when absent. */
  strings(name: string): readonly string[] {
    const value = this.values[name];
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) throw this.#wrongType(name);
    return value as string[];
  }

  /** A list of objects; empty when absent. */
  objects(name: string): readonly TencentParameters[] {
    const value = this.values[name];
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) throw this.#wrongType(name);
    return value.map((item: unknown, index) => {
      if (item === null || typeof item !== 'object') throw this.#wrongType(`${name}.${index}`);
      return new TencentParameters(item as Record<string, unknown>, `${this.prefix}${name}.${index}.`);
    });
  }

  /** Throws TooLong when a text is longer than so many bytes. */
  limitBytes(name: string, most: number): void {
    const value = this.get(name);
    if (value !== undefined && Buffer.byteLength(value) > most)
      throw invalidValue(this.prefix + name, value, 'TooLong');
  }

  #wrongType(name: string): TencentError {
    return new TencentError(
      'InvalidParameter',
      `The value type of parameter \`${this.prefix}${name}\` is not valid.`,
    );
  }
}

/** One page of what a call asks for with Offset and Limit (20 when absent, at most 100). */
export function cutPage<T>(parameters: TencentParameters, all: readonly T[]): readonly T[] {
  const offset = parameters.integer('Offset') ?? 0;
  const limit = parameters.integer('Limit') ?? 20;
  if (offset < 0) throw invalidValue('Offset', String(offset), 'Range');
  if (limit < 1 || limit > 100) throw invalidValue('Limit', String(limit), 'Range');
  return all.slice(offset, offset + limit);
}

/** For each filter that an operation knows, the value that a record has under it. */
export type FilterValues<T> = Readonly<Record<string, (record: T) => string>>;

/** Values of one filter are alternatives; several filters must all match. */
export function applyFilters<T>(
  parameters: TencentParameters,
  records: readonly T[],
  known: FilterValues<T>,
): readonly T[] {
  return readFilters(parameters).reduce<readonly T[]>((left, { name, values }) => {
    const valueOf = Object.hasOwn(known, name) ? known[name] : undefined;
    if (valueOf === undefined)
      throw new TencentError('InvalidParameter', `The filter \`${name}\` is not valid.`);
    return left.filter((record) => values.includes(valueOf(record)));
  }, records);
}

/** The values of a filter, for finding candidates by an index; undefined when it is not given. */
export function filterValues(parameters: TencentParameters, name: string): readonly string[] | undefined {
  return readFilters(parameters).find((filter) => filter.name === name)?.values;
}

function readFilters(parameters: TencentParameters): { name: string; values: readonly string[] }[] {
  return parameters.objects('Filters').map((filter) => {
    filter.allow(['Name', 'Values']);
    return { name: filter.require('Name'), values: filter.strings('Values') };
  });
}
