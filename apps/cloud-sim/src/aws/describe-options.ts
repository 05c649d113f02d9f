import { AwsError, invalidParameterValue } from './aws-error.js';
import type { Ec2Call } from './ec2-operation.js';
import type { QueryParameters } from './query-parameters.js';

/** A condition of a describe call: the record must have one of the values. */
export interface Filter {
  readonly name: string;
  readonly values: readonly string[];
}

/** For each filter that an operation knows, the values that a record has under it. */
export type FilterValues<T> = Readonly<Record<string, (record: T) => readonly (string | undefined)[]>>;

/** What an operation that describes many needs to know of its records. */
export interface Describable<T> {
  readonly idOf: (record: T) => string;
  /** Order of creation, which pages follow; see `Table.sequenceOf`. */
  readonly sequenceOf: (id: string) => number;
  readonly filters: FilterValues<T>;
  /** The name of the parameter that lists ids; it cannot be used with MaxResults. */
  readonly idParameter: string;
  readonly maxPageSize?: number;
}

/** The filters of a call. */
export function readFilters(parameters: QueryParameters): Filter[] {
  return parameters
    .structures('Filter')
    .map((filter) => ({ name: filter.require('Name'), values: filter.list('Value') }));
}

/** A filter's values, when they can be looked up as they stand; undefined when it is absent or has wildcards. */
export function exactValues(filters: readonly Filter[], name: string): readonly string[] | undefined {
  const filter = filters.find((candidate) => candidate.name === name);
  return filter?.values.some((value) => /[*?\\]/.test(value)) ? undefined : filter?.values;
}

/** Keeps what matches every filter, then cuts the page that the call asks for. `candidates` are in any order. */
export function describePage<T>(
  call: Ec2Call,
  candidates: readonly T[],
  filters: readonly Filter[],
  shape: Describable<T>,
): { readonly page: readonly T[]; readonly nextToken: string | undefined } {
  const matches = filters.map((filter) => matcher(call, filter, shape));
  const sequence = (record: T): number => shape.sequenceOf(shape.idOf(record));
  const matching = candidates
    .filter((record) => matches.every((match) => match(record)))
    .sort((a, b) => sequence(a) - sequence(b));

  const maxResults = readMaxResults(call.parameters, shape);
  const after = readToken(call.parameters.get('NextToken'));
  const rest = after === undefined ? matching : matching.filter((record) => sequence(record) > after);
  const page = maxResults === undefined ? rest : rest.slice(0, maxResults);
  const last = page.at(-1);
  const nextToken = last !== undefined && page.length < rest.length ? makeToken(sequence(last)) : undefined;
  return { page, nextToken };
}

/** The tags that the caller sees on a resource, by key. */
export function tagsOf(
  call: Ec2Call,
  resourceId: string,
): { readonly key: string; readonly value: string }[] {
  return call.state.tags
    .by('resource', `${call.accountId}/${call.region}/${resourceId}`)
    .map(({ key, value }) => ({ key, value }));
}

function matcher<T>(call: Ec2Call, filter: Filter, shape: Describable<T>): (record: T) => boolean {
  const patterns = filter.values.map(wildcard);
  const accepts = (value: string | undefined): boolean =>
    value !== undefined && patterns.some((pattern) => pattern(value));
  const tags = (record: T) => tagsOf(call, shape.idOf(record));
  if (filter.name === 'tag-key') return (record) => tags(record).some((tag) => accepts(tag.key));
  if (filter.name.startsWith('tag:')) {
    const key = filter.name.slice('tag:'.length);
    return (record) => tags(record).some((tag) => tag.key === key && accepts(tag.value));
  }
  const valuesOf = Object.hasOwn(shape.filters, filter.name) ? shape.filters[filter.name] : undefined;
  if (valuesOf === undefined)
    throw new AwsError('InvalidParameterValue', `The filter '${filter.name}' is invalid`);
  return (record) => valuesOf(record).some(accepts);
}

/** `*` is any run of characters, `?` any one, and `\` takes the next as it stands. */
function wildcard(pattern: string): (value: string) => boolean {
  if (!/[*?\\]/.test(pattern)) return (value) => value === pattern;
  const expression = pattern.replace(
    /\\(.)|([*?])|[.+^${}()|[\]\\]/g,
    (found, escaped?: string, wild?: string) => {
      if (wild !== undefined) return wild === '*' ? '.*' : '.';
      return (escaped ?? found).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    },
  );
  const regular = new RegExp(`^${expression}$`, 's');
  return (value) => regular.test(value);
}

function readMaxResults<T>(parameters: QueryParameters, shape: Describable<T>): number | undefined {
  const maxResults = parameters.integer('MaxResults');
  if (maxResults === undefined) return undefined;
  const most = shape.maxPageSize ?? 1000;
  if (maxResults < 5 || maxResults > most) {
    throw invalidParameterValue(` ${maxResults} `, 'maxResults', `Expecting a value between 5 and ${most}.`);
  }
  if (parameters.list(shape.idParameter).length > 0) {
    throw new AwsError(
      'InvalidParameterCombination',
      `The parameter ${shape.idParameter} cannot be used with the parameter MaxResults`,
    );
  }
  return maxResults;
}

function makeToken(sequence: number): string {
  return Buffer.from(`after:${sequence}`).toString('base64url');
}

function readToken(token: string | undefined): number | undefined {
  if (token === undefined) return undefined;
  const [, sequence] = /^after:(\d+)$/.exec(Buffer.from(token, 'base64url').toString()) ?? [];
  if (sequence === undefined) throw new AwsError('InvalidNextToken', 'The specified NextToken is invalid.');
  return Number(sequence);
}
