import type { CloudErrorInfo, CloudId, decide, EngineSettings } from '#domain';
import type { CircuitStore } from '#database';
import type { Clock, Logger } from '#runtime';

import type { CircuitMonitor } from '../breaker/cloud-breaker.js';
import type { CloudAccounts, Store, Timers, Wake } from './reconcile-ports.js';
import type { WriteTurns } from './write-turns.js';

/** Times of the engine itself, in milliseconds; those of the rules are in {@link EngineSettings}. */
export interface ReconcilerSettings {
  readonly engine: EngineSettings;
  readonly leaseMs: number;
  /** Deadline of one call of a cloud: no change is begun unless the lease outlasts it. */
  readonly callTimeoutMs: number;
}

/** Told what the engine does, for metrics. */
export interface EngineMonitor extends CircuitMonitor {
  /** One look and what followed from it. */
  passed(cloud: CloudId, outcome: 'seen' | CloudErrorInfo['category'], ms: number): void;
}

/** Everything that the engine is made of; a simulation replaces the lot. */
export interface EngineParts {
  readonly store: Store;
  /** The circuit breakers of the platform accounts. */
  readonly circuits: Pick<CircuitStore, 'change'>;
  /** Turns at changes that a cloud wants one after the other. */
  readonly turns: Pick<WriteTurns, 'inTurn'>;
  readonly accounts: CloudAccounts;
  readonly wake: Wake;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly settings: ReconcilerSettings;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  readonly monitor: EngineMonitor;
  /** Names this process in leases. */
  readonly owner: string;
  /** The rules; absent, those of the domain. A simulation that looks for planted defects has others. */
  readonly decide?: typeof decide;
}
