import type { Account } from '../accounts.js';
import { CODES, OutscaleError } from './outscale-error.js';
import type { OapiParameters } from './oapi-parameters.js';
import type { Home, OutscaleState } from './outscale-state.js';

/** A verified call: who asks, where, and for what. */
export interface OapiCall extends Home {
  readonly state: OutscaleState;
  readonly parameters: OapiParameters;
  readonly account: Account;
  /** Milliseconds since the epoch in simulated time. */
  readonly now: number;
}

/** The fields of an answer but its ResponseContext. */
export type OapiAnswer = Readonly<Record<string, unknown>>;

/** An action of the API. */
export interface OapiOperation {
  readonly readOnly: boolean;
  /** Its parameters, without DryRun. */
  readonly parameters: ReadonlySet<string>;
  /** Performs it. Throws OutscaleError. */
  readonly run: (call: OapiCall) => OapiAnswer;
}

/** Actions by name. */
export type OapiOperations = Readonly<Record<string, OapiOperation>>;

const READ_PARAMETERS = new Set(['Filters', 'NextPageToken', 'ResultsPerPage', 'DryRun']);

/** An action that lists: its only parameters are filters and pages. */
export function reads(run: OapiOperation['run']): OapiOperation {
  return { readOnly: true, parameters: READ_PARAMETERS, run };
}

/** An action that changes something. */
export function writes(parameters: readonly string[], run: OapiOperation['run']): OapiOperation {
  return { readOnly: false, parameters: new Set([...parameters, 'DryRun']), run };
}

/** The kinds of id, with the code for one that is nobody's. */
const ID_KINDS = {
  vpc: { code: CODES.netNotFound, noun: 'NetId' },
  subnet: { code: CODES.subnetNotFound, noun: 'SubnetId' },
  i: { code: CODES.vmNotFound, noun: 'VmId' },
  pcx: { code: CODES.peeringNotFound, noun: 'NetPeeringId' },
  rtb: { code: CODES.routeTableNotFound, noun: 'RouteTableId' },
  sg: { code: CODES.groupNotFound, noun: 'SecurityGroupId' },
} as const;

/** A prefix of ids that operations look up. */
export type IdKind = keyof typeof ID_KINDS;

/** The kind that an id's prefix names; undefined for one that is not simulated. */
export function kindOf(id: string): IdKind | undefined {
  const prefix = id.split('-', 1)[0] ?? '';
  return Object.hasOwn(ID_KINDS, prefix) ? (prefix as IdKind) : undefined;
}

/** The resource does not exist, or is not the caller's to see: OAPI does not tell the two apart. */
export function notFound(kind: IdKind, id: string): OutscaleError {
  const { code, noun } = ID_KINDS[kind];
  return new OutscaleError(code, `The ${noun} '${id}' doesn't exist.`);
}

/** Throws 4104 for another prefix, 4105 unless 8 hexadecimal digits follow. */
export function checkId(kind: IdKind, id: string): void {
  if (!id.startsWith(`${kind}-`)) {
    const details = `The provided id '${id}' has an invalid prefix: it should start with '${kind}-'.`;
    throw new OutscaleError(CODES.wrongPrefix, details);
  }
  if (!/^[0-9a-f]{8}$/.test(id.slice(kind.length + 1)))
    throw new OutscaleError(CODES.malformedId, `The provided id '${id}' is malformed.`);
}

/** The caller's own resource by id, in the region that they call. Throws 4104, 4105 and the kind's 50xx. */
export function own<T extends Home>(
  call: OapiCall,
  kind: IdKind,
  table: { get(id: string): T | undefined },
  id: string,
): T {
  checkId(kind, id);
  const found = table.get(id);
  if (found?.accountId !== call.accountId || found.region !== call.region) throw notFound(kind, id);
  return found;
}
