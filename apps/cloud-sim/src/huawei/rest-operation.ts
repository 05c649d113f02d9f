import type { Account, Accounts, Credential } from '../accounts.js';
import { HuaweiError, type ErrorEnvelope } from './huawei-error.js';
import type { HuaweiState } from './huawei-state.js';
import type { Project } from './huawei-projects.js';

/** A verified call: who asks, in which project, for what. */
export interface RestCall {
  readonly state: HuaweiState;
  readonly accounts: Accounts;
  readonly account: Account;
  readonly credential: Credential;
  readonly project: Project;
  /** What stands in the places of `{name}` in the path. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** The JSON body; an empty object when there is none. */
  readonly body: JsonFields;
  /** Base URL of this service as the caller sees it, for links to further pages. */
  readonly base: string;
  /** Milliseconds since the epoch in simulated time. */
  readonly now: number;
}

/** What an operation answers; `null` is an answer without a body. */
export interface RestAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>> | null;
}

/** A method and a path. */
export interface RestOperation {
  /** As the vendor's SDK calls it: `AcceptVpcPeering`. */
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** `/v1/{project_id}/vpcs/{vpc_id}` */
  readonly path: string;
  readonly envelope: ErrorEnvelope;
  /** Performs it. Throws HuaweiError. */
  readonly run: (call: RestCall) => RestAnswer;
}

/** Finds the operation for a method and a path, with what stands in the places of the path's names. */
export class OperationTable {
  readonly #byShape = new Map<string, { operation: RestOperation; segments: readonly string[] }[]>();

  constructor(operations: readonly RestOperation[]) {
    for (const operation of operations) {
      const segments = split(operation.path);
      const shape = `${operation.method} ${segments.length}`;
      this.#byShape.set(shape, [...(this.#byShape.get(shape) ?? []), { operation, segments }]);
    }
  }

  find(
    method: string,
    path: string,
  ): { operation: RestOperation; path: Readonly<Record<string, string>> } | undefined {
    const given = split(path);
    for (const { operation, segments } of this.#byShape.get(`${method} ${given.length}`) ?? []) {
      const names: Record<string, string> = {};
      const matches = segments.every((segment, index) => {
        const value = given[index] ?? '';
        if (!segment.startsWith('{')) return segment === value;
        names[segment.slice(1, -1)] = value;
        return true;
      });
      if (matches) return { operation, path: names };
    }
    return undefined;
  }
}

function split(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '');
}

/** A JSON object whose fields are read with a check of their type. */
export class JsonFields {
  readonly #value: Readonly<Record<string, unknown>>;

  constructor(value: Readonly<Record<string, unknown>>) {
    this.#value = value;
  }

  /** Reads a body; throws HuaweiError 400 when it is not a JSON object. */
  static parse(body: Buffer): JsonFields {
    if (body.length === 0) return new JsonFields({});
    try {
      const value: unknown = JSON.parse(body.toString('utf8'));
      if (isObject(value)) return new JsonFields(value);
    } catch {
      // Answered below, like any other body that is no object.
    }
    throw new HuaweiError(400, 'VPC.0101', 'Request body is not a JSON object.');
  }

  text(name: string): string | undefined {
    const value = this.#value[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string') throw invalid(name);
    return value;
  }

  /** Throws HuaweiError 400 when absent. */
  require(name: string): string {
    const value = this.text(name);
    if (value === undefined || value === '') throw invalid(name);
    return value;
  }

  number(name: string, otherwise: number): number {
    const value = this.#value[name];
    if (value === undefined || value === null) return otherwise;
    const number = typeof value === 'string' ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isFinite(number)) throw invalid(name);
    return number;
  }

  /** The object of this name; throws HuaweiError 400 when absent. */
  object(name: string): JsonFields {
    const value = this.#value[name];
    if (!isObject(value)) throw invalid(name);
    return new JsonFields(value);
  }

  /** The object of this name; undefined when absent. */
  optionalObject(name: string): JsonFields | undefined {
    return this.#value[name] === undefined ? undefined : this.object(name);
  }

  /** The objects of a list; empty when absent. */
  objects(name: string): JsonFields[] {
    const value = this.#value[name];
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) throw invalid(name);
    return value.map((item: unknown) => {
      if (!isObject(item)) throw invalid(name);
      return new JsonFields(item);
    });
  }

  /** The texts of a list; empty when absent. */
  texts(name: string): string[] {
    const value = this.#value[name];
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) throw invalid(name);
    return value;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(name: string): HuaweiError {
  return new HuaweiError(400, 'VPC.0101', `Param ${name} is invalid.`);
}

/** A page of a list, and whether more follow. */
export interface MarkerPage<T> {
  readonly page: readonly T[];
  readonly isLast: boolean;
}

/** Cuts the page of at most `limit` records after the one whose id is `marker`. Throws HuaweiError 400. */
export function pageByMarker<T extends { readonly id: string }>(
  query: URLSearchParams,
  records: readonly T[],
): MarkerPage<T> {
  const limitText = query.get('limit') ?? '2000';
  const limit = Number(limitText);
  if (!Number.isInteger(limit) || limit < 0 || limit > 2000) {
    throw new HuaweiError(400, 'VPC.0101', `Limit ${limitText} is invalid.`);
  }
  const marker = query.get('marker');
  const at = marker === null ? -1 : records.findIndex((record) => record.id === marker);
  if (marker !== null && at < 0)
    throw new HuaweiError(400, 'VPC.0101', `Marker ${marker} could not be found.`);
  const page = records.slice(at + 1, at + 1 + limit);
  return { page, isLast: at + 1 + limit >= records.length };
}

/** A time as the native API writes it: UTC without a zone. */
export function localTime(at: number): string {
  return new Date(at).toISOString().slice(0, 19);
}

/** A time as the VPC API writes it: UTC with its zone. */
export function zonedTime(at: number): string {
  return `${localTime(at)}Z`;
}
