import type { TencentParameters } from './tencent-parameters.js';
import type { TencentState } from './tencent-state.js';

/** A verified call: who asks, where, and for what. */
export interface TencentCall {
  readonly state: TencentState;
  readonly accountId: string;
  /** From X-TC-Region; empty where the caller sends none, which CCN operations allow. */
  readonly region: string;
  readonly parameters: TencentParameters;
  /** Milliseconds since the epoch in simulated time. */
  readonly now: number;
  /** Whether an account of this UIN exists. */
  readonly isAccount: (uin: string) => boolean;
}

/** An action of the VPC API. */
export interface TencentOperation {
  readonly readOnly: boolean;
  /** Its top-level parameters. */
  readonly parameters: readonly string[];
  /** Calls per second that one account may make (API reference of each action). */
  readonly callsPerSecond: number;
  /** Performs it; returns the fields of `Response` but the request id. Throws TencentError. */
  readonly run: (call: TencentCall) => Readonly<Record<string, unknown>>;
}

/** Actions by name. */
export type TencentOperations = Readonly<Record<string, TencentOperation>>;

/** An action that changes nothing. */
export function reads(
  parameters: readonly string[],
  run: TencentOperation['run'],
  callsPerSecond = 100,
): TencentOperation {
  return { readOnly: true, parameters, callsPerSecond, run };
}

/** An action that changes something. */
export function writes(
  parameters: readonly string[],
  run: TencentOperation['run'],
  callsPerSecond = 100,
): TencentOperation {
  return { readOnly: false, parameters, callsPerSecond, run };
}
