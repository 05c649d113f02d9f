import { randomUUID } from 'node:crypto';
import type { CloudId, SimCall } from './cloud-simulator.js';

/** The failures that can be injected; see {@link FaultRule}. */
export const FAULT_KINDS = [
  'latency',
  'throttle',
  'server_error',
  'drop_before',
  'drop_after',
  'stale_read',
  'error',
] as const;

/** One of {@link FAULT_KINDS}. */
export type FaultKind = (typeof FAULT_KINDS)[number];

/** A failure to inject into the calls that it matches; an absent condition matches everything. */
export interface FaultRule {
  readonly cloud?: CloudId | undefined;
  readonly accountId?: string | undefined;
  /** The cloud's operation name; `*` stands for any run of characters, as in `Describe*`. */
  readonly operation?: string | undefined;
  /**
   * `latency` delays by `ms`; `throttle`, `server_error` and `error` answer so, without effect; `drop_before` closes
   * the connection without effect, `drop_after` with; `stale_read` answers reads from the state `ms` ago, or without
   * `ms` from before the latest change.
   */
  readonly kind: FaultKind;
  readonly ms?: number | undefined;
  /** How many calls it strikes before it is spent; unlimited when absent. */
  readonly times?: number | undefined;
  /** Chance from 0 to 1 that it strikes a call that it matches; 1 when absent. */
  readonly probability?: number | undefined;
  /** Makes the chances repeatable. */
  readonly seed?: number | undefined;
  /** The cloud's error code: required for `error`, optional for `throttle` and `server_error`. */
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  /** HTTP status of `error`, where the cloud's own for the code is not wanted. */
  readonly status?: number | undefined;
}

/** A rule in force, as the control API shows it. */
export interface Fault extends FaultRule {
  readonly id: string;
  /** How many calls it has struck. */
  readonly struck: number;
}

interface ArmedFault {
  readonly id: string;
  readonly rule: FaultRule;
  readonly operation: RegExp | undefined;
  readonly random: () => number;
  struck: number;
}

/** The faults in force over all clouds. */
export class FaultBook {
  readonly #armed = new Map<string, ArmedFault>();

  /** Puts a rule in force. */
  add(rule: FaultRule): Fault {
    const fault: ArmedFault = {
      id: `fault_${randomUUID()}`,
      rule,
      operation: rule.operation === undefined ? undefined : wildcard(rule.operation),
      random: rule.seed === undefined ? Math.random : seededRandom(rule.seed),
      struck: 0,
    };
    this.#armed.set(fault.id, fault);
    return show(fault);
  }

  list(): Fault[] {
    return [...this.#armed.values()].map(show);
  }

  /** Takes one rule out of force; false when there is none with this id. */
  remove(id: string): boolean {
    return this.#armed.delete(id);
  }

  clear(): void {
    this.#armed.clear();
  }

  /** The rules that strike this call, oldest first, each counted as having struck. */
  strike(cloud: CloudId, call: SimCall): FaultRule[] {
    if (this.#armed.size === 0) return [];
    const striking: FaultRule[] = [];
    for (const fault of this.#armed.values()) {
      const { rule } = fault;
      if (rule.cloud !== undefined && rule.cloud !== cloud) continue;
      if (rule.accountId !== undefined && rule.accountId !== call.accountId) continue;
      if (fault.operation && !fault.operation.test(call.operation)) continue;
      if (rule.kind === 'stale_read' && !call.readOnly) continue;
      if (rule.times !== undefined && fault.struck >= rule.times) continue;
      if (rule.probability !== undefined && fault.random() >= rule.probability) continue;
      fault.struck++;
      striking.push(rule);
    }
    return striking;
  }
}

function show(fault: ArmedFault): Fault {
  return { id: fault.id, ...fault.rule, struck: fault.struck };
}

function wildcard(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}

/** Mulberry32: a small generator whose whole state is its seed. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
