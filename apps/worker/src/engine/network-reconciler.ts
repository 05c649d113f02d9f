import { CloudError, profileOf, type CloudErrorInfo } from '#domain';
import type { NetworkSnapshot } from '#database';

import { HELD_BACK, OPENING } from '../accounts/account-gate.js';
import type { CloudAccess } from '../accounts/account-pool.js';
import { CloudBreaker, isTrial, type Barred, type Passage } from '../breaker/cloud-breaker.js';
import type { EngineParts } from './engine-parts.js';
import { FailurePacing } from './failure-pacing.js';
import { bothOf } from './in-parallel.js';
import type { LeaseKeeper } from './lease-keeper.js';
import { look, type Look } from './look.js';
import { NetworkPass } from './network-pass.js';
import { postpone } from './status-write.js';
import { underLease } from './under-lease.js';
import { compareVpc } from './vpc-check.js';

/** Waits up to this are spent with the lease in hand; longer ones by coming back, in milliseconds. */
const STAY_MS = 250;
/** One turn ends after this many passes or this long, so that a busy deployment does not starve the others. */
const MAX_PASSES = 40;
const TURN_MS = 5_000;
/** What is due this soon is due: the clocks of two machines differ by so much, in milliseconds. */
const SOON_MS = 500;
/** How long a paused deployment is left alone. */
const PAUSED_RECHECK_MS = 30_000;
/** A moment, after which others have written down what they have found, in milliseconds. */
const MOMENT_MS = 1_000;
/** A refusal that this process has seen is in the database after this, unless writing it has failed. */
const REFUSAL_SETTLES_MS = 5_000;
/** Distance of looks that fail because of the network or the cloud. */
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 60_000;
/** A VPC that is not as declared is compared again after this. */
const VPC_RECHECK_MS = 300_000;

/** So many others want to ask that it is put off. */
const BUSY: CloudErrorInfo = {
  category: 'throttled',
  code: HELD_BACK,
  message: 'as many others want to ask the cloud as it lets this account ask',
  operation: 'look',
};

/** How a pass over a deployment begins. */
type Approach =
  | { readonly kind: 'go'; readonly access: CloudAccess; readonly passage: Passage }
  /** Not now: the cloud is not asked. */
  | { readonly kind: 'wait'; readonly error: CloudErrorInfo | null; readonly dueAt: number };

/**
 * The engine: brings the connections of one deployment closer to what is wanted, under a lease that keeps others away.
 * It remembers nothing between turns that a restart may not forget; everything else is in the database.
 */
export class NetworkReconciler {
  readonly #looks: FailurePacing;
  readonly #breaker: CloudBreaker;

  constructor(private readonly parts: EngineParts) {
    this.#looks = new FailurePacing(RETRY_MIN_MS, RETRY_MAX_MS, parts.random);
    this.#breaker = new CloudBreaker(parts);
  }

  /**
   * Works on a deployment until nothing is left to be done at once, and sees to it that somebody comes back when
   * something is. Does nothing while somebody else holds the lease.
   * @param signal aborted when the process shuts down: no further pass is begun, and no further change
   * @throws whatever keeps the database from answering
   */
  async reconcile(deploymentId: string, signal: AbortSignal): Promise<void> {
    await underLease(this.parts, deploymentId, (keeper) => this.#turn(keeper, signal));
  }

  /** Answers whose deployment it is, as far as it was read. */
  async #turn(keeper: LeaseKeeper, signal: AbortSignal): Promise<string | undefined> {
    const { clock, store, timers } = this.parts;
    const began = clock.now();
    const planConflicts = new Map<string, number>();
    let tenantId: string | undefined;
    for (let pass = 1; pass <= MAX_PASSES && clock.now() - began < TURN_MS; pass += 1) {
      if (signal.aborted || keeper.isLost()) break;
      const snapshot = await store.loadNetwork(keeper.lease);
      if (snapshot === null) break;
      ({ tenantId } = snapshot);
      const againInMs = await this.#pass(keeper, snapshot, planConflicts, signal);
      if (againInMs === null || againInMs > STAY_MS) break;
      if (againInMs > 0) await timers.sleep(againInMs);
    }
    return tenantId;
  }

  /** One look and what follows from it; answers when to look again, in milliseconds. */
  async #pass(
    keeper: LeaseKeeper,
    snapshot: NetworkSnapshot,
    planConflicts: Map<string, number>,
    signal: AbortSignal,
  ): Promise<number | null> {
    const { clock, log, monitor, store } = this.parts;
    const { network, connections, vpcCheck } = snapshot;
    const began = clock.now();
    const isDue = (dueAt: number | null): boolean => dueAt !== null && dueAt <= began + SOON_MS;
    const checksVpc = isDue(vpcCheck.dueAt);
    // A wake-up call is only a hint, and may come twice.
    if (!checksVpc && !connections.some(({ dueAt }) => isDue(dueAt))) return null;

    const approach = await this.#approach(snapshot);
    if (approach.kind === 'wait') return this.#wait(keeper, snapshot, approach.error, approach.dueAt);
    const { access, passage } = approach;

    let seen: Look;
    try {
      const profile = profileOf(network.cloud);
      const [answer, comparison] = await bothOf(
        connections.length > 0 ? look(access, network, connections, profile, began) : Promise.resolve(null),
        checksVpc ? this.#compareVpc(keeper, snapshot, access) : Promise.resolve(null),
      );
      await this.#breaker.looked(snapshot, passage, answer === null ? comparison : null);
      this.#looks.succeeded(network.deploymentId);
      if (answer === null) return null;
      seen = answer;
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      monitor.passed(network.cloud, error.info.category, clock.now() - began);
      if (error.info.category === 'auth') return this.#refused(keeper, snapshot, approach, error.info);
      const barred = await this.#breaker.looked(snapshot, passage, error.info);
      let retryAt = clock.now() + MOMENT_MS;
      if (error.info.code !== HELD_BACK) {
        log.warn({ err: error, deploymentId: network.deploymentId }, 'the cloud could not be looked at');
        retryAt = clock.now() + this.#looks.failed(network.deploymentId);
      }
      const dueAt = Math.max(barred?.dueAt ?? retryAt, access.appointment() ?? 0);
      return this.#wait(keeper, snapshot, error.info, dueAt);
    }

    const pass = new NetworkPass(this.parts, keeper, snapshot, access, planConflicts, signal);
    const result = await pass.settle(seen);
    monitor.passed(network.cloud, 'seen', clock.now() - began);
    if (result.refusal === null || keeper.isLost()) return keeper.isLost() ? null : result.againInMs;
    const reloaded = await store.loadNetwork(keeper.lease);
    if (reloaded === null) return null;
    // The look before it has been answered, and with that a trial has ended: the refusal belongs to what is now.
    const found = { access, passage: { ...passage, periods: reloaded.circuits } };
    return this.#refused(keeper, reloaded, found, result.refusal);
  }

  /** Whether the cloud may be asked now, and through which door. */
  async #approach(snapshot: NetworkSnapshot): Promise<Approach> {
    const { clock, random } = this.parts;
    const { account, pause } = snapshot;
    const now = clock.now();
    if (pause !== null) {
      return { kind: 'wait', error: null, dueAt: now + PAUSED_RECHECK_MS * (1 + random() / 5) };
    }
    const access = this.#open(snapshot);
    const appointment = 'gate' in access ? access.appointment() : null;
    if (appointment !== null) return { kind: 'wait', error: BUSY, dueAt: appointment };
    const passage = await this.#breaker.admit(snapshot);
    if (passage.kind === 'wait') return passage;
    if (!('gate' in access)) return this.#turnAway(snapshot, passage, access);
    const refusal = access.gate.refusalUnder(account.statusAt, passage.triesCredentials);
    if (refusal !== null) {
      return now - refusal.at < REFUSAL_SETTLES_MS && !isTrial(passage)
        ? { kind: 'wait', error: refusal.error, dueAt: now + MOMENT_MS }
        : this.#turnAway(snapshot, passage, refusal.error);
    }
    return { kind: 'go', access, passage };
  }

  /** The way to the cloud, or why there is none. */
  #open({ account, network }: NetworkSnapshot): CloudAccess | CloudErrorInfo {
    try {
      return this.parts.accounts.access(account, network.region);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { category: 'auth', code: 'UnusableAccount', message, operation: OPENING };
    }
  }

  /** The cloud has refused the platform's own account: nothing more is asked of it, and everybody is told. */
  async #refused(
    keeper: LeaseKeeper,
    snapshot: NetworkSnapshot,
    { access, passage }: { readonly access: CloudAccess; readonly passage: Passage },
    error: CloudErrorInfo,
  ): Promise<number | null> {
    // Of all the turns that a refusal has stopped, the first one writes it down.
    const isToTell = access.gate.takeRefusal() || isTrial(passage);
    const { dueAt } = isToTell
      ? await this.#turnAway(snapshot, passage, error)
      : { dueAt: this.parts.clock.now() + MOMENT_MS };
    return this.#wait(keeper, snapshot, error, dueAt);
  }

  /** Writes down that the account cannot be used; answers for how long. */
  async #turnAway(snapshot: NetworkSnapshot, passage: Passage, error: CloudErrorInfo): Promise<Barred> {
    const barred = await this.#breaker.looked(snapshot, passage, error);
    // Where nothing bars the way an operator has changed the account since: whatever it now is shows with the next turn.
    return { kind: 'wait', error, dueAt: barred?.dueAt ?? this.parts.clock.now() + MOMENT_MS };
  }

  /** Leaves the deployment until `dueAt`; answers how long that is. */
  async #wait(
    keeper: LeaseKeeper,
    snapshot: NetworkSnapshot,
    error: CloudErrorInfo | null,
    at: number,
  ): Promise<number | null> {
    const { clock, store } = this.parts;
    const now = clock.now();
    const dueAt = Math.round(at);
    const { vpcCheck } = snapshot;
    if (vpcCheck.dueAt !== null && vpcCheck.dueAt <= now) {
      const { problem } = vpcCheck;
      await store.saveVpcCheck(keeper.lease, { checkedAt: null, problem, dueAt }, now);
    }
    await postpone(this.parts, keeper, snapshot, error, dueAt);
    if (error !== null) {
      // An operator who mended the account in the meantime has made everything due; that must not be lost.
      const current = await store.loadNetwork(keeper.lease);
      if (current !== null && current.account.updatedAt !== snapshot.account.updatedAt) return 0;
    }
    return Math.max(dueAt - now, STAY_MS + 1);
  }

  /**
   * Compares the declared VPC with the cloud; answers why the cloud could not be asked, null when it could.
   * @throws CloudError only when the cloud refuses the account
   */
  async #compareVpc(
    keeper: LeaseKeeper,
    snapshot: NetworkSnapshot,
    access: CloudAccess,
  ): Promise<CloudErrorInfo | null> {
    const { clock, log, store } = this.parts;
    const { deploymentId } = snapshot.network;
    try {
      const problem = await compareVpc(access, snapshot.network);
      const now = clock.now();
      const dueAt = problem === null ? null : now + VPC_RECHECK_MS;
      await store.saveVpcCheck(keeper.lease, { checkedAt: now, problem, dueAt }, now);
      this.#looks.succeeded(`VPC of ${deploymentId}`);
      return null;
    } catch (error) {
      if (!(error instanceof CloudError) || error.info.category === 'auth') throw error;
      log.warn({ err: error, deploymentId }, 'the VPC could not be compared with the cloud');
      const now = clock.now();
      const dueAt = now + this.#looks.failed(`VPC of ${deploymentId}`);
      const { problem } = snapshot.vpcCheck;
      await store.saveVpcCheck(keeper.lease, { checkedAt: null, problem, dueAt }, now);
      return error.info;
    }
  }
}
