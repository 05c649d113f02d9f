import { CODES, invalidValue, OutscaleError } from './outscale-error.js';
import type { OapiCall } from './oapi-operation.js';

/** For each filter that an operation knows, the values that a record has under it. */
export type FilterValues<T> = Readonly<Record<string, (record: T) => readonly (string | undefined)[]>>;

/** What an operation that lists needs to know of its records. */
export interface Readable<T> {
  readonly idOf: (record: T) => string;
  /** Order of creation, which pages follow; see `Table.sequenceOf`. */
  readonly sequenceOf: (id: string) => number;
  readonly filters: FilterValues<T>;
  /** Whether the records carry tags, and with them the filters TagKeys, TagValues and Tags. */
  readonly hasTags?: boolean;
}

/** The largest page, and the one of a call that does not ask for a size. */
const MOST_PER_PAGE = 1000;

/** Values of one filter are alternatives; several filters must all match. `candidates` are in any order. */
export function readPage<T>(
  call: OapiCall,
  candidates: readonly T[],
  shape: Readable<T>,
): { readonly page: readonly T[]; readonly next: { readonly NextPageToken?: string } } {
  const sequence = (record: T): number => shape.sequenceOf(shape.idOf(record));
  const matching = matchers(call, shape)
    .reduce<readonly T[]>((left, accepts) => left.filter(accepts), candidates)
    .toSorted((a, b) => sequence(a) - sequence(b));
  const after = readToken(call.parameters.get('NextPageToken'));
  const rest = after === undefined ? matching : matching.filter((record) => sequence(record) > after);
  const page = rest.slice(0, readSize(call));
  const last = page.at(-1);
  const hasMore = last !== undefined && page.length < rest.length;
  return { page, next: hasMore ? { NextPageToken: makeToken(sequence(last)) } : {} };
}

/** A filter's values, for finding candidates by an index; undefined when it is not given. */
export function filterValues(call: OapiCall, name: string): readonly string[] | undefined {
  return call.parameters.object('Filters').scalars(name);
}

/** The tags that the caller sees on a resource. */
export function tagsOf(
  call: OapiCall,
  resourceId: string,
): { readonly Key: string; readonly Value: string }[] {
  return call.state.tags
    .by('resource', `${call.accountId}/${call.region}/${resourceId}`)
    .map(({ key, value }) => ({ Key: key, Value: value }));
}

function matchers<T>(call: OapiCall, shape: Readable<T>): ((record: T) => boolean)[] {
  const tags = (record: T) => tagsOf(call, shape.idOf(record));
  const tagFilters: FilterValues<T> = {
    TagKeys: (record) => tags(record).map((tag) => tag.Key),
    TagValues: (record) => tags(record).map((tag) => tag.Value),
    Tags: (record) => tags(record).map((tag) => `${tag.Key}=${tag.Value}`),
  };
  const known: FilterValues<T> = shape.hasTags === true ? { ...shape.filters, ...tagFilters } : shape.filters;
  const filters = call.parameters.object('Filters');
  return filters.names().map((name) => {
    const valuesOf = Object.hasOwn(known, name) ? known[name] : undefined;
    if (valuesOf === undefined)
      throw new OutscaleError(CODES.unknownParameter, `The filter '${name}' is unknown.`);
    const wanted = new Set(filters.scalars(name));
    return (record) => valuesOf(record).some((value) => value !== undefined && wanted.has(value));
  });
}

function readSize({ parameters }: OapiCall): number {
  const size = parameters.integer('ResultsPerPage');
  if (size === undefined) return MOST_PER_PAGE;
  if (size < 1 || size > MOST_PER_PAGE)
    throw invalidValue('ResultsPerPage', String(size), `Expected a value between 1 and ${MOST_PER_PAGE}.`);
  return size;
}

function makeToken(sequence: number): string {
  return Buffer.from(`after:${sequence}`).toString('base64url');
}

function readToken(token: string | undefined): number | undefined {
  if (token === undefined) return undefined;
  const [, sequence] = /^after:(\d+)$/.exec(Buffer.from(token, 'base64url').toString()) ?? [];
  if (sequence === undefined) throw invalidValue('NextPageToken', token);
  return Number(sequence);
}
