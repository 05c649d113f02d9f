import type { Accounts, Credential } from '../accounts.js';
import { AlibabaError } from './alibaba-error.js';
import type { AlibabaState } from './alibaba-state.js';
import type { RequestParameters } from './request-parameters.js';

/** A verified call: who asks, and for what. Regional products read the region from `RegionId`. */
export interface ApiCall {
  readonly state: AlibabaState;
  readonly accounts: Accounts;
  readonly parameters: RequestParameters;
  readonly credential: Credential;
  readonly accountId: string;
  /** Milliseconds since the epoch in simulated time. */
  readonly now: number;
}

/** The fields of an answer, without RequestId. */
export type ApiAnswer = Readonly<Record<string, unknown>>;

/** An action of one version of one product. */
export interface ApiOperation {
  readonly readOnly: boolean;
  /** Whether it takes a ClientToken. */
  readonly repeatable: boolean;
  /** Performs it. Throws AlibabaError. */
  readonly run: (call: ApiCall) => ApiAnswer;
}

/** Actions by name. */
export type ApiOperations = Readonly<Record<string, ApiOperation>>;

/** An action that changes nothing. */
export function reads(run: ApiOperation['run']): ApiOperation {
  return { readOnly: true, repeatable: false, run };
}

/** An action that changes something, and that a ClientToken makes repeatable. */
export function writes(run: ApiOperation['run']): ApiOperation {
  return { readOnly: false, repeatable: true, run };
}

/** An action that changes something, and that takes no ClientToken. */
export function writesWithoutToken(run: ApiOperation['run']): ApiOperation {
  return { readOnly: false, repeatable: false, run };
}

/**
 * An account id as the wire has it: a JSON number of up to 20 digits, which a parser of double precision corrupts.
 */
export function numericId(accountId: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(accountId);
}

/** A time as the APIs write it: ISO 8601 with seconds. */
export function timestamp(at: number): string {
  return new Date(at).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** One page of a list, and where the next begins. */
export interface TokenPage<T> {
  readonly page: readonly T[];
  /** Absent on the last page. */
  readonly nextToken: string | undefined;
}

/** Cuts a page out of records in order of insertion. Throws the error of a token that was not given out. */
export function pageByToken<T>(
  records: readonly T[],
  sequenceOf: (record: T) => number,
  token: string | undefined,
  size: number,
): TokenPage<T> {
  const after = token === undefined ? 0 : readToken(token);
  const rest = records.filter((record) => sequenceOf(record) > after);
  const page = rest.slice(0, size);
  const last = page.at(-1);
  const nextToken =
    last !== undefined && rest.length > size
      ? Buffer.from(`after:${sequenceOf(last)}`).toString('base64url')
      : undefined;
  return { page, nextToken };
}

function readToken(token: string): number {
  const [, sequence] = /^after:(\d+)$/.exec(Buffer.from(token, 'base64url').toString()) ?? [];
  if (sequence === undefined) {
    throw new AlibabaError('IllegalParam.NextToken', 'The param of NextToken is illegal.');
  }
  return Number(sequence);
}

/** One page of a list that is paged by number, with what its answer says of the paging. */
export function pageByNumber<T>(
  parameters: RequestParameters,
  records: readonly T[],
): { readonly page: readonly T[]; readonly shown: ApiAnswer } {
  const wrong = (name: string): AlibabaError =>
    new AlibabaError(`InvalidParameter.${name}`, `The specified ${name} is not valid.`);
  const number = parameters.integer('PageNumber', 1, 1_000_000, 1, wrong);
  const size = parameters.integer('PageSize', 1, 50, 10, wrong);
  return {
    page: records.slice((number - 1) * size, number * size),
    shown: { PageNumber: number, PageSize: size, TotalCount: records.length },
  };
}
