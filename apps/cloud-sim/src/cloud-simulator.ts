import type { Accounts, AccountAttributes } from './accounts.js';
import type { ControlOperation } from './control-fields.js';
import type { StateStore } from './state-store.js';
import type { VirtualClock } from './virtual-clock.js';

/** The clouds that can be simulated, in the order of their ports after the control port. */
export const CLOUD_IDS = ['aws', 'alibaba', 'huawei', 'tencent', 'outscale'] as const;

/** One of {@link CLOUD_IDS}. */
export type CloudId = (typeof CLOUD_IDS)[number];

/** A request as it came over the wire. Signatures cover raw bytes, so nothing is decoded here. */
export interface SimRequest {
  readonly method: string;
  /** Path without the query string, still percent-encoded: `/v2.0/vpc/peerings`. */
  readonly path: string;
  /** Query string without the `?`, still percent-encoded; empty when there is none. */
  readonly query: string;
  /** Header names in lower case; repeated headers are joined by `, `. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

/** A response as it goes over the wire. `content-length` and `date` are added by the server. */
export interface SimResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The error code that the body carries, for the call log; absent for success. */
  readonly errorCode?: string;
}

/** What a request asks for and who says they ask, before anything is verified. */
export interface SimCall {
  /** The cloud's own name of the operation, such as `AcceptVpcPeeringConnection`; empty when unreadable. */
  readonly operation: string;
  /** Owner of the access key that the request names; undefined for an unknown or missing key. */
  readonly accountId: string | undefined;
  readonly region: string | undefined;
  /** True for operations that change nothing. Only these can be answered from stale state. */
  readonly readOnly: boolean;
  /** The parameters worth showing in the call log: names to values, never a secret. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** An answer that a fault demands in place of the operation's own. */
export interface FaultAnswer {
  readonly kind: 'throttle' | 'server_error' | 'error';
  /** The cloud's error code for `error`; for the other kinds, replaces the cloud's usual one. */
  readonly code: string | undefined;
  readonly message: string | undefined;
  /** HTTP status, where the fault sets one. */
  readonly status: number | undefined;
}

/** What the clouds share. */
export interface SimulatorEnvironment {
  readonly clock: VirtualClock;
}

/**
 * One cloud on its real wire protocol.
 *
 * `execute` runs to its end without awaiting, so that calls never interleave and a stale read can roll the
 * state back around it. All resources live in `store` (see {@link StateStore}); what changes by itself with
 * time is either derived from `clock.now()` when read, or put on `store.agenda`.
 */
export interface CloudSimulator {
  readonly id: CloudId;
  readonly accounts: Accounts;
  readonly store: StateStore;
  /** What only a simulator can do, by its path segment: `POST /_sim/{cloud}/{name}`. */
  readonly controlOperations: Readonly<Record<string, ControlOperation>>;
  /** Reads the operation and caller out of a request. Never throws. */
  identify(request: SimRequest): SimCall;
  /** Verifies the signature and performs the operation. Every failure is an answer in the cloud's own form. */
  execute(request: SimRequest, call: SimCall): SimResponse;
  /** The cloud's own form of an injected failure, with its own code where the fault names none. */
  answerFault(answer: FaultAnswer, call: SimCall): SimResponse;
  /** Fills in what a new account needs and was not given: ids, keys, and the cloud's own attributes. */
  completeAccount(given: AccountAttributes): AccountAttributes;
  /** Every resource of every account as plain JSON, by kind, for assertions. */
  books(): Readonly<Record<string, unknown>>;
  /** Forgets what is not in `store` or `accounts`. Both are emptied, and default accounts made, by the caller. */
  reset(): void;
}

/** Makes a cloud's simulator; listed for each cloud in `simulator-registry.ts`. */
export type CloudSimulatorFactory = (environment: SimulatorEnvironment) => CloudSimulator;
