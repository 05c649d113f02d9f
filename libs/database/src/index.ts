/** Storage: PostgreSQL behind scopes and repositories. Everything else in this library is private. */
export { openDatabase, type Database, type DatabaseOptions } from './database.js';
export { migrate, revert } from './migrate.js';
export type { PeeringListener } from './peering-announcements.js';
export type { OperatorScope, Scope, TenantScope } from './scope.js';

export {
  ClaimConflict,
  DatabaseError,
  DatabaseUnavailable,
  Duplicate,
  InUse,
  InvalidCursor,
  MissingReference,
  NetworkTaken,
  PairTaken,
  Stale,
} from './errors.js';
export * from './records.js';

export type { CallPaceStore, PaceKey, Reserved } from './call-pace-store.js';
export type { CircuitChange, CircuitKey, CircuitRecord, CircuitStore } from './circuit-store.js';
export type { OrphanCheckTimes, OrphanCourtesy, OrphanMemory, OrphanStore } from './orphan-store.js';
export type { OrphanRecord } from './repositories/orphan-rows.js';
export type { WriteTurn, WriteTurnStore } from './write-turn-store.js';
export type {
  Lease,
  NetworkAccount,
  NetworkSnapshot,
  ReconcileStore,
  SaveResult,
  StatusWrite,
  Touch,
} from './reconcile-store.js';

/** Repositories: functions that take a scope first. */
export * as apiKeys from './repositories/api-keys.js';
export * as auditEvents from './repositories/audit-events.js';
export * as boundResources from './repositories/bound-resources.js';
export * as circuits from './circuit-store.js';
export * as cloudPauses from './repositories/cloud-pauses.js';
export * as deployments from './repositories/deployments.js';
export * as idempotency from './repositories/idempotency.js';
export * as orphans from './repositories/orphans.js';
export * as peeringEvents from './repositories/peering-events.js';
export * as peerings from './repositories/peerings.js';
export * as platformAccounts from './repositories/platform-accounts.js';
export * as projects from './repositories/projects.js';
export * as quotas from './repositories/quotas.js';
export * as reservedRanges from './repositories/reserved-ranges.js';
export * as tenants from './repositories/tenants.js';
