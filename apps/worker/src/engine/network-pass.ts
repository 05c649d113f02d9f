import { isDeepStrictEqual } from 'node:util';

import {
  CloudError,
  decide,
  profileOf,
  recordOutcome,
  withdrawIntent,
  type ChangeReceipt,
  type CloudAction,
  type CloudErrorInfo,
  type CloudProfile,
  type Decision,
  type Intent,
  type PeeringStatus,
} from '#domain';
import type { NetworkSnapshot, PeeringRecord, SaveResult, Touch } from '#database';

import { HELD_BACK } from '../accounts/account-gate.js';
import type { CloudAccess } from '../accounts/account-pool.js';
import { PortUse } from '../accounts/port-use.js';
import { carryOut, exclusionOf, type Exclusion } from './cloud-change.js';
import type { EngineParts } from './engine-parts.js';
import { inParallel } from './in-parallel.js';
import { callMarginMs, type LeaseKeeper } from './lease-keeper.js';
import { holdersIn, sightingOf, type Look } from './look.js';
import { cloudCallEvent, driftEvents, stateEvents, type ConnectionEvent } from './status-events.js';
import { WRITES_AT_A_TIME, writeStatus } from './status-write.js';

/** Changes of one pass; further ones are decided anew by the next, so that no pass is longer than its turn. */
const CHANGES_IN_A_PASS = 60;
/** When a change is tried again whose turn did not come, in milliseconds; up to as much again by chance. */
const LEFT_FOR_MS = 500;
/** Changes of one deployment in the cloud at a time. */
const CHANGES_AT_A_TIME = 6;
/** A look that shows nothing new is written down at most this often, in milliseconds. */
const SEEN_EVERY_MS = 5_000;
/** How often a connection whose blocks were taken by another is decided anew before it is left for a while. */
const PLAN_ATTEMPTS = 3;
const PLAN_PAUSE_MS = 5_000;
/** How long a connection is left alone when deciding about it has failed: a defect, not the world's fault. */
const DEFECT_PAUSE_MS = 60_000;

/** What one pass leaves to be done. */
export interface PassResult {
  /** When the deployment is to be looked at again, in milliseconds; null: not by itself. Zero: at once. */
  readonly againInMs: number | null;
  /** The cloud's refusal of the platform's own account, in the course of a change. */
  readonly refusal: CloudErrorInfo | null;
}

interface Change {
  /** With the intent written down. */
  readonly connection: PeeringRecord;
  readonly action: CloudAction;
  /** The intent before that one. */
  readonly before: Intent | null;
}

/**
 * One pass over a deployment under its lease: every connection is judged by the same look, what changes is written,
 * and then at most one change per connection is made in the cloud, each written down before it is made.
 */
export class NetworkPass {
  readonly #profile: CloudProfile;
  #holders: ReadonlyMap<string, string> = new Map();
  #againInMs: number | null = null;
  #refusal: CloudErrorInfo | null = null;

  constructor(
    private readonly parts: EngineParts,
    private readonly keeper: LeaseKeeper,
    private readonly snapshot: NetworkSnapshot,
    private readonly access: CloudAccess,
    /** How often the blocks of a connection were found taken while this lease lasts, by connection. */
    private readonly planConflicts: Map<string, number>,
    /** Aborted when the process shuts down: no further change is begun. */
    private readonly signal: AbortSignal,
  ) {
    this.#profile = profileOf(snapshot.network.cloud);
  }

  /** Judges every connection by what was seen, and acts on it. */
  async settle(seen: Look): Promise<PassResult> {
    this.#holders = holdersIn(seen, this.snapshot.connections, this.#profile);
    const touches: Touch[] = [];
    const writes: { readonly connection: PeeringRecord; readonly decision: Decision }[] = [];
    let intended = 0;
    for (const connection of this.snapshot.connections) {
      const decision = this.#decide(connection, seen);
      if (decision.action === null) this.#again(decision.recheckInMs);
      else if (intended === CHANGES_IN_A_PASS) {
        this.#again(0);
        continue;
      } else intended += 1;
      if (!isDeepStrictEqual(decision.status, connection.status)) writes.push({ connection, decision });
      else touches.push(...this.#touch(connection, seen.at, decision));
    }
    const changes = await inParallel(writes, WRITES_AT_A_TIME, ({ connection, decision }) =>
      this.#write(connection, decision, seen),
    );
    if (this.keeper.isLost()) return this.#result();
    await this.#change(changes.flat());
    // Before the next pass, which is at once, only what is due earlier than was written needs to be written.
    const due = this.#againInMs === 0 ? touches.filter(isEarlier) : touches;
    if (!this.keeper.isLost() && due.length > 0) {
      if ((await this.parts.store.touch(this.keeper.lease, due)) === null) this.keeper.lose();
    }
    return this.#result();
  }

  #result(): PassResult {
    return { againInMs: this.#againInMs, refusal: this.#refusal };
  }

  #again(ms: number | null): void {
    if (ms !== null) this.#againInMs = Math.min(this.#againInMs ?? ms, ms);
  }

  #decide(connection: PeeringRecord, seen: Look): Decision {
    const { clock, log, settings } = this.parts;
    const judge = this.parts.decide ?? decide;
    try {
      return judge({
        connection,
        network: this.snapshot.network,
        profile: this.#profile,
        plan: this.snapshot.planFor(connection.id),
        sighting: sightingOf(seen, connection, this.#profile),
        holders: this.#holders,
        settings: settings.engine,
        now: clock.now(),
      });
    } catch (error) {
      log.error({ err: error, connectionId: connection.id }, 'no decision could be made about a connection');
      return { status: connection.status, action: null, recheckInMs: DEFECT_PAUSE_MS };
    }
  }

  /** A due time that spreads what would otherwise come all at once; never later than asked for. */
  #dueAt(recheckInMs: number | null): number | null {
    if (recheckInMs === null) return null;
    const spread = recheckInMs > 1_000 ? 1 - this.parts.random() / 5 : 1;
    return this.parts.clock.now() + Math.round(recheckInMs * spread);
  }

  #touch(connection: PeeringRecord, at: number, { recheckInMs }: Decision): Touch[] {
    const dueAt = this.#dueAt(recheckInMs);
    const { dueAt: before, lastObservedAt } = connection;
    const isDue = before === null || before <= at || (dueAt !== null && dueAt < before);
    if (!isDue && at - (lastObservedAt ?? 0) < SEEN_EVERY_MS) return [];
    return [{ connection, dueAt, observedAt: at }];
  }

  /** Writes a decision down; answers with the change that it allows from then on. */
  async #write(connection: PeeringRecord, decision: Decision, seen: Look): Promise<Change[]> {
    const { status, action, recheckInMs } = decision;
    const before = connection.status;
    const events = [
      ...stateEvents(before, status),
      ...driftEvents(before, status, this.snapshot.network, seen.routeTables),
    ];
    const dueAt = this.#dueAt(action === null ? recheckInMs : 0);
    const saved = await this.#save(connection, status, dueAt, seen.at, events);
    if (saved.outcome === 'saved') {
      return action === null ? [] : [{ connection: saved.connection, action, before: before.intent }];
    }
    this.#again(saved.outcome === 'claim_conflict' ? await this.#planAnew(connection) : 0);
    return [];
  }

  /**
   * Another holder has come to a block since the plan was read: the next pass reads it again, though not for ever.
   * Answers when, in milliseconds.
   */
  async #planAnew(connection: PeeringRecord): Promise<number> {
    const attempts = (this.planConflicts.get(connection.id) ?? 0) + 1;
    this.planConflicts.set(connection.id, attempts);
    if (attempts < PLAN_ATTEMPTS) return 0;
    this.parts.log.warn({ connectionId: connection.id }, 'what a connection needs is held by another one');
    await this.#save(connection, connection.status, this.#dueAt(PLAN_PAUSE_MS), null, []);
    return PLAN_PAUSE_MS;
  }

  async #change(changes: readonly Change[]): Promise<void> {
    const { account } = this.snapshot;
    const inOrder = new Map<string, { readonly exclusion: Exclusion; readonly sequence: Change[] }>();
    for (const change of changes) {
      const { connection, action } = change;
      const exclusion = exclusionOf(this.#profile.capabilities, account.id, connection.id, action);
      const known = inOrder.get(exclusion.key);
      if (known === undefined) inOrder.set(exclusion.key, { exclusion, sequence: [change] });
      else known.sequence.push(change);
    }
    await inParallel([...inOrder.values()], CHANGES_AT_A_TIME, ({ exclusion, sequence }) =>
      this.#changeInTurn(exclusion, sequence),
    );
  }

  /** Makes changes that exclude each other; where others make such changes, too, each when its turn comes. */
  async #changeInTurn({ key, reach }: Exclusion, sequence: readonly Change[]): Promise<void> {
    for (const [index, change] of sequence.entries()) {
      if (this.signal.aborted) return;
      if (reach === 'pass') {
        await this.#makeChange(change);
        continue;
      }
      const isMade = await this.parts.turns.inTurn(key, async (lasts) => {
        if (!(await lasts(callMarginMs(this.parts.settings)))) return false;
        await this.#makeChange(change);
        return true;
      });
      if (isMade) continue;
      // Others are at it: those behind would wait as long, one after the other.
      await inParallel(sequence.slice(index), WRITES_AT_A_TIME, (left) => this.#leave(left));
      return;
    }
  }

  /** Leaves a change for a little later: it has not been made, and counts as no attempt. */
  async #leave(change: Change, at?: number): Promise<void> {
    const now = this.parts.clock.now();
    const dueAt = Math.round(at ?? now + LEFT_FOR_MS * (1 + this.parts.random()));
    this.#again(dueAt - now);
    await this.#amend(change, ({ status }) => [withdrawIntent(status, change.before), dueAt, []]);
  }

  /**
   * Makes a change that is written down. Without a lease that outlasts it, or when the process shuts down, whoever comes
   * next finds it unanswered.
   */
  async #makeChange(change: Change): Promise<void> {
    if (this.signal.aborted) return;
    const { connection, action } = change;
    if (!(await this.keeper.holdsFor(callMarginMs(this.parts.settings)))) {
      this.keeper.lose();
      return;
    }
    const context = { mark: connection.id, token: connection.status.intent?.token ?? connection.id };
    let error: CloudErrorInfo | null = null;
    let requestId: string | undefined;
    const { port, gate, comeBack } = this.access;
    // What has begun goes on to its end.
    const use: PortUse = new PortUse(
      'change',
      () => !this.keeper.isLost() && (use.hasCalled || !this.signal.aborted),
    );
    try {
      const call = (): Promise<ChangeReceipt> => carryOut(port, this.snapshot.network, action, context);
      const receipt = await gate.pass(action.kind, call, use);
      requestId = receipt.requestId;
    } catch (thrown) {
      if (!(thrown instanceof CloudError)) throw thrown;
      error = thrown.info;
      if (error.category === 'auth') this.#refusal = error;
      if (error.code === HELD_BACK && !use.hasCalled) {
        await this.#leave(change, comeBack(error.operation));
        return;
      }
    }
    this.#again(0);
    await this.#record(change, { error, requestId });
  }

  /** Writes down how a change went. */
  async #record(
    change: Change,
    result: { readonly error: CloudErrorInfo | null; readonly requestId: string | undefined },
  ): Promise<void> {
    const { clock, settings } = this.parts;
    const at = clock.now();
    await this.#amend(change, ({ status }, intent) => [
      recordOutcome(status, result.error, settings.engine, at),
      at,
      [cloudCallEvent(intent, result)],
    ]);
  }

  /** Writes what became of a change, even when the API has written the connection in the meantime. */
  async #amend(
    { connection: made }: Change,
    amended: (
      connection: PeeringRecord,
      intent: Intent,
    ) => [status: PeeringStatus, dueAt: number, events: readonly ConnectionEvent[]],
  ): Promise<void> {
    const token = made.status.intent?.token;
    let connection: PeeringRecord | undefined = made;
    while (connection?.status.intent?.token === token && connection?.status.intent != null) {
      const [status, dueAt, events] = amended(connection, connection.status.intent);
      const { outcome } = await this.#save(connection, status, dueAt, null, events);
      if (outcome !== 'stale') return;
      const reloaded = await this.parts.store.loadNetwork(this.keeper.lease);
      connection = reloaded?.connections.find(({ id }) => id === made.id);
    }
  }

  #save(
    connection: PeeringRecord,
    status: PeeringStatus,
    dueAt: number | null,
    observedAt: number | null,
    events: readonly ConnectionEvent[],
  ): Promise<SaveResult> {
    return writeStatus(this.parts, this.keeper, connection, { status, dueAt, observedAt, events });
  }
}

function isEarlier({ connection, dueAt }: Touch): boolean {
  return dueAt !== null && connection.dueAt !== null && dueAt < connection.dueAt;
}
