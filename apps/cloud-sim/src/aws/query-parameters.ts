import { AwsError, invalidParameterValue, missingParameter } from './aws-error.js';

/**
 * The parameters of a Query API call, where lists and structures are flattened into names:
 * `Filter.1.Name`, `Filter.1.Value.2`.
 */
export class QueryParameters {
  private constructor(
    private readonly values: ReadonlyMap<string, string>,
    /** What this level's names are prefixed with in the whole call: `` or `Filter.1.`. */
    private readonly prefix: string,
  ) {}

  /** Reads a form body or a query string, less a presigned URL's own names; the last of repeated names wins. */
  static parse(encoded: string): QueryParameters {
    const pairs = [...new URLSearchParams(encoded)].filter(([name]) => !name.startsWith('X-Amz-'));
    return new QueryParameters(new Map(pairs), '');
  }

  /** All names and values, for the call log. */
  entries(): Record<string, string> {
    return Object.fromEntries(this.values);
  }

  /** The names before the first dot. */
  topLevelNames(): Set<string> {
    return new Set([...this.values.keys()].map((name) => name.split('.', 1)[0] ?? name));
  }

  /** A value; undefined when absent. An empty value counts as absent, as EC2 has it. */
  get(name: string): string | undefined {
    const value = this.values.get(this.prefix + name);
    return value === '' ? undefined : value;
  }

  /** A value, empty or not; undefined when absent. */
  getRaw(name: string): string | undefined {
    return this.values.get(this.prefix + name);
  }

  /** A value. Throws MissingParameter, which names parameters with a small first letter. */
  require(name: string): string {
    const value = this.get(name);
    if (value === undefined) throw missingParameter(lowerFirst(this.prefix + name));
    return value;
  }

  /** `true` or `false` in any case. Throws InvalidParameterValue. */
  boolean(name: string): boolean | undefined {
    const value = this.get(name)?.toLowerCase();
    if (value === undefined || value === 'true' || value === 'false')
      return value === undefined ? undefined : value === 'true';
    throw invalidParameterValue(value, lowerFirst(name), 'Expecting true or false.');
  }

  /** A decimal integer, possibly negative. Throws InvalidParameterValue. */
  integer(name: string): number | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    if (!/^-?\d{1,15}$/.test(value))
      throw invalidParameterValue(value, lowerFirst(name), 'Expecting an integer.');
    return Number(value);
  }

  /** The values of `name.1`, `name.2`, … in order of their numbers. */
  list(name: string): string[] {
    return this.#numbers(name).flatMap((number) => this.get(`${name}.${number}`) ?? []);
  }

  /** The structures `name.1.…`, `name.2.…` in order of their numbers. */
  structures(name: string): QueryParameters[] {
    return this.#numbers(name).map((number) => this.structure(`${name}.${number}`));
  }

  /** The structure `name.…`. */
  structure(name: string): QueryParameters {
    return new QueryParameters(this.values, `${this.prefix}${name}.`);
  }

  /** Whether anything at all is given under `name.…`. */
  hasStructure(name: string): boolean {
    const prefix = `${this.prefix}${name}.`;
    for (const key of this.values.keys()) if (key.startsWith(prefix)) return true;
    return false;
  }

  /**
   * Throws UnknownParameter for a top-level name that the operation does not take. A parameter of a feature that
   * is not simulated is among those: to ignore it would be to answer what was not asked.
   */
  refuseUnknown(known: ReadonlySet<string>): void {
    for (const name of this.topLevelNames()) {
      if (!known.has(name)) throw new AwsError('UnknownParameter', `The parameter ${name} is not recognized`);
    }
  }

  #numbers(name: string): number[] {
    const prefix = `${this.prefix}${name}.`;
    const numbers = new Set<number>();
    for (const key of this.values.keys()) {
      if (!key.startsWith(prefix)) continue;
      const number = Number(key.slice(prefix.length).split('.', 1)[0]);
      if (Number.isInteger(number)) numbers.add(number);
    }
    return [...numbers].sort((a, b) => a - b);
  }
}

function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}
