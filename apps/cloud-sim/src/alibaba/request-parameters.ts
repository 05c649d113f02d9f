import { AlibabaError, missingParameter } from './alibaba-error.js';

/**
 * The parameters of a call. Which ones travel in the query string and which in the form differs between products and
 * SDKs; the gateway merges them. Lists are flattened into `Name.1`, `Name.2`, or sent as one JSON text.
 */
export class RequestParameters {
  readonly #values: ReadonlyMap<string, string>;

  private constructor(values: ReadonlyMap<string, string>) {
    this.#values = values;
  }

  /** Merges a query string with a form body; the form wins. */
  static merge(query: string, form: string): RequestParameters {
    const values = new Map<string, string>();
    for (const source of [query, form]) {
      for (const [name, value] of new URLSearchParams(source)) values.set(name, value);
    }
    return new RequestParameters(values);
  }

  /** The value; undefined when absent or empty. */
  get(name: string): string | undefined {
    const value = this.#values.get(name);
    return value === '' ? undefined : value;
  }

  /** The value; throws the gateway's error when absent. */
  require(name: string): string {
    const value = this.get(name);
    if (value === undefined) throw missingParameter(name);
    return value;
  }

  /** A whole number from `min` to `max`; `otherwise` when absent. Throws `wrong` for anything else. */
  integer(name: string, min: number, max: number, otherwise: number, wrong: (name: string) => Error): number {
    const text = this.get(name);
    if (text === undefined) return otherwise;
    const value = Number(text);
    if (!Number.isInteger(value) || value < min || value > max) throw wrong(name);
    return value;
  }

  /** Whether the value is `true`. Throws AlibabaError for what is neither true nor false. */
  flag(name: string): boolean {
    const text = this.get(name)?.toLowerCase();
    if (text === undefined || text === 'false') return false;
    if (text === 'true') return true;
    throw new AlibabaError(`Invalid${name}`, `The specified ${name} is invalid.`);
  }

  /** The elements of a list; empty when absent. */
  list(name: string): string[] {
    const whole = this.get(name);
    if (whole !== undefined) return readJsonList(whole) ?? [whole];
    const found: string[] = [];
    for (let index = 1; ; index++) {
      const value = this.#values.get(`${name}.${index}`);
      if (value === undefined) return found;
      found.push(value);
    }
  }

  /** The elements of a list of structures: `Name.1.Field`, `Name.2.Field`; only the named fields. */
  records<F extends string>(name: string, fields: readonly F[]): Partial<Record<F, string>>[] {
    const found: Partial<Record<F, string>>[] = [];
    for (let index = 1; ; index++) {
      const record: Partial<Record<F, string>> = {};
      for (const field of fields) {
        const value = this.#values.get(`${name}.${index}.${field}`);
        if (value !== undefined) record[field] = value;
      }
      if (Object.keys(record).length === 0) return found;
      found.push(record);
    }
  }

  /** Every name and value but those that belong to the signature. */
  entries(): Record<string, string> {
    return Object.fromEntries([...this.#values].filter(([name]) => !SIGNATURE_PARAMETERS.has(name)));
  }

  /** Every name and value, in no particular order. */
  all(): IterableIterator<[string, string]> {
    return this.#values.entries();
  }
}

const SIGNATURE_PARAMETERS: ReadonlySet<string> = new Set([
  'AccessKeyId',
  'Format',
  'SecurityToken',
  'Signature',
  'SignatureMethod',
  'SignatureNonce',
  'SignatureType',
  'SignatureVersion',
  'Timestamp',
  'Version',
]);

function readJsonList(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.map(String) : undefined;
  } catch {
    return undefined;
  }
}
