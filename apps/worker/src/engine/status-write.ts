import { isDeepStrictEqual } from 'node:util';

import { decideUnseen, type CloudErrorInfo, type PeeringStatus } from '#domain';
import type { NetworkSnapshot, PeeringRecord, SaveResult } from '#database';

import type { EngineParts } from './engine-parts.js';
import { inParallel } from './in-parallel.js';
import type { LeaseKeeper } from './lease-keeper.js';
import { stateEvents, type ConnectionEvent } from './status-events.js';

/** Writes of one deployment at a time. */
export const WRITES_AT_A_TIME = 6;

/** What is to be written of a connection. Times are epoch milliseconds. */
interface StatusChange {
  readonly status: PeeringStatus;
  readonly dueAt: number | null;
  /** Null: the cloud was not seen this time. */
  readonly observedAt: number | null;
  readonly events: readonly ConnectionEvent[];
}

/** Writes a status under the lease; a lost lease is told to its keeper. */
export async function writeStatus(
  { clock, store }: EngineParts,
  keeper: LeaseKeeper,
  connection: PeeringRecord,
  { events, ...change }: StatusChange,
): Promise<SaveResult> {
  const told = events.map((event) => ({ ...event, actor: 'worker' }));
  const write = { ...change, events: told, now: clock.now() };
  const result = await store.saveStatus(keeper.lease, connection, write);
  if (result.outcome === 'fenced') keeper.lose();
  return result;
}

/**
 * Leaves a deployment that cannot be looked at until `dueAt`: connections that are due wait until then, and a reader
 * is told what stands in the way. Without an error nothing stands in the way but time.
 */
export async function postpone(
  parts: EngineParts,
  keeper: LeaseKeeper,
  { connections }: NetworkSnapshot,
  error: CloudErrorInfo | null,
  dueAt: number,
): Promise<void> {
  const { clock, settings } = parts;
  const now = clock.now();
  await inParallel(connections, WRITES_AT_A_TIME, async (connection) => {
    const { status, lastObservedAt, createdAt } = connection;
    const seenAt = lastObservedAt ?? createdAt;
    const told = error === null ? status : decideUnseen(status, seenAt, error, settings.engine, now);
    const isDue = (connection.dueAt ?? now) <= now;
    if (!isDue && isDeepStrictEqual(told, status)) return;
    const events = stateEvents(status, told);
    await writeStatus(parts, keeper, connection, { status: told, dueAt, observedAt: null, events });
  });
}
