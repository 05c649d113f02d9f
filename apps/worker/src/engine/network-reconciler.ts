import { randomUUID } from 'node:crypto';

import { CloudError, profileOf, type CloudErrorInfo } from '#domain';
import type { NetworkSnapshot } from '#database';

import type { CloudAccess } from '../accounts/account-pool.js';
import type { EngineParts } from './engine-parts.js';
import { FailurePacing } from './failure-pacing.js';
import { bothOf } from './in-parallel.js';
import { LeaseKeeper } from './lease-keeper.js';
import { look, type Look } from './look.js';
import { NetworkPass } from './network-pass.js';
import { postpone } from './status-write.js';
import { compareVpc } from './vpc-check.js';

/** Waits up to this are spent with the lease in hand; longer ones by coming back, in milliseconds. */
const STAY_MS = 250;
/** One turn ends after this many passes or this long, so that a busy deployment does not starve the others. */
const MAX_PASSES = 40;
const TURN_MS = 20_000;
/** What is due this soon is due: the clocks of two machines differ by so much, in milliseconds. */
const SOON_MS = 500;
/** A delayed wake-up is asked for up to this far ahead; what is due later is left to the sweep. */
const WAKE_AHEAD_MS = 30_000;
/** How long a paused deployment is left alone. */
const PAUSED_RECHECK_MS = 30_000;
/** Distance of attempts with an account that the cloud refuses. */
const PROBE_MIN_MS = 60_000;
const PROBE_MAX_MS = 3_600_000;
/** An account that has worked for this long starts with the shortest distance again. */
const PROBE_FORGET_MS = 600_000;
/** A refusal that this process has seen is in the database after this, unless writing it has failed. */
const REFUSAL_SETTLES_MS = 5_000;
/** Distance of looks that fail because of the network or the cloud. */
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 60_000;
/** A VPC that is not as declared is compared again after this. */
const VPC_RECHECK_MS = 300_000;

/** How a pass over a deployment begins. */
type Approach =
  | { readonly kind: 'go'; readonly access: CloudAccess; readonly isProbe: boolean }
  /** Not now: the cloud is not asked. */
  | { readonly kind: 'wait'; readonly error: CloudErrorInfo | null; readonly dueAt: number };

/**
 * The engine: brings the connections of one deployment closer to what is wanted, under a lease that keeps others away.
 * It remembers nothing between turns that a restart may not forget; everything else is in the database.
 */
export class NetworkReconciler {
  readonly #looks: FailurePacing;
  readonly #probes: FailurePacing;

  constructor(private readonly parts: EngineParts) {
    this.#looks = new FailurePacing(RETRY_MIN_MS, RETRY_MAX_MS, parts.random);
    this.#probes = new FailurePacing(PROBE_MIN_MS, PROBE_MAX_MS, parts.random);
  }

  /**
   * Works on a deployment until nothing is left to be done at once, and sees to it that somebody comes back when
   * something is. Does nothing while somebody else holds the lease.
   * @param signal aborted when the process shuts down: the pass at hand is finished, no further one begun
   * @throws whatever keeps the database from answering
   */
  async reconcile(deploymentId: string, signal: AbortSignal): Promise<void> {
    const { clock, owner, settings, store, timers } = this.parts;
    const { leaseMs } = settings;
    // A lease is held by one turn, not by a process: two turns of one process exclude each other, too.
    const holder = `${owner}/${randomUUID()}`;
    const lease = await store.leaseDeployment(deploymentId, holder, clock.now(), leaseMs);
    if (lease === null) return;
    const keeper = new LeaseKeeper(store, lease, leaseMs, clock, timers);
    try {
      await this.#turn(keeper, signal);
    } finally {
      await keeper.stop();
      // A lost connection costs one attempt; a lease that nobody gives back runs out by itself.
      await store.release(keeper.lease).catch(() => store.release(keeper.lease).catch(() => undefined));
    }
    await this.#comeBack(deploymentId);
  }

  async #turn(keeper: LeaseKeeper, signal: AbortSignal): Promise<void> {
    const { clock, store, timers } = this.parts;
    const began = clock.now();
    const planConflicts = new Map<string, number>();
    for (let pass = 1; pass <= MAX_PASSES && clock.now() - began < TURN_MS; pass += 1) {
      if (signal.aborted || keeper.isLost()) return;
      const snapshot = await store.loadNetwork(keeper.lease);
      if (snapshot === null) return;
      const againInMs = await this.#pass(keeper, snapshot, planConflicts);
      if (againInMs === null || againInMs > STAY_MS) return;
      if (againInMs > 0) await timers.sleep(againInMs);
    }
  }

  /** Whoever has changed something during the turn found the lease taken: what is due now is seen to at once. */
  async #comeBack(deploymentId: string): Promise<void> {
    const { clock, store, wake } = this.parts;
    const dueAt = await store.nextDue(deploymentId);
    if (dueAt === null) return;
    const delayMs = Math.max(0, dueAt - clock.now());
    if (delayMs <= WAKE_AHEAD_MS) await wake.wake(deploymentId, delayMs);
  }

  /** One look and what follows from it; answers when to look again, in milliseconds. */
  async #pass(
    keeper: LeaseKeeper,
    snapshot: NetworkSnapshot,
    planConflicts: Map<string, number>,
  ): Promise<number | null> {
    const { clock, log, monitor, store } = this.parts;
    const { network, account, connections, vpcCheck } = snapshot;
    const began = clock.now();
    const isDue = (dueAt: number | null): boolean => dueAt !== null && dueAt <= began + SOON_MS;
    const checksVpc = isDue(vpcCheck.dueAt);
    // A wake-up call is only a hint, and may come twice.
    if (!checksVpc && !connections.some(({ dueAt }) => isDue(dueAt))) return null;

    const approach = await this.#approach(snapshot);
    if (approach.kind === 'wait') return this.#wait(keeper, snapshot, approach.error, approach.dueAt);
    const { access, isProbe } = approach;

    let seen: Look;
    try {
      const profile = profileOf(network.cloud);
      const [answer, hasCompared] = await bothOf(
        connections.length > 0 ? look(access, network, connections, profile, began) : Promise.resolve(null),
        checksVpc ? this.#compareVpc(keeper, snapshot, access) : Promise.resolve(false),
      );
      if (isProbe && (answer !== null || hasCompared)) await store.markAccountActive(account, clock.now());
      else if (began - account.statusAt > PROBE_FORGET_MS) this.#probes.succeeded(probeKey(account));
      this.#looks.succeeded(network.deploymentId);
      if (answer === null) return null;
      seen = answer;
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      monitor.passed(network.cloud, error.info.category, clock.now() - began);
      if (error.info.category === 'auth') return this.#refused(keeper, snapshot, access, error.info);
      log.warn({ err: error, deploymentId: network.deploymentId }, 'the cloud could not be looked at');
      const retryAt = clock.now() + this.#looks.failed(network.deploymentId);
      const dueAt = Math.max(retryAt, this.#afterPause(access));
      return this.#wait(keeper, snapshot, error.info, dueAt);
    }

    const pass = new NetworkPass(this.parts, keeper, snapshot, access, planConflicts);
    const result = await pass.settle(seen);
    monitor.passed(network.cloud, 'seen', clock.now() - began);
    if (result.refusal === null || keeper.isLost()) return keeper.isLost() ? null : result.againInMs;
    const reloaded = await store.loadNetwork(keeper.lease);
    return reloaded === null ? null : this.#refused(keeper, reloaded, access, result.refusal);
  }

  /** Whether the cloud may be asked now, and through which door. */
  async #approach(snapshot: NetworkSnapshot): Promise<Approach> {
    const { accounts, clock, random, store } = this.parts;
    const { account, network, pause } = snapshot;
    const now = clock.now();
    if (pause !== null) {
      return { kind: 'wait', error: null, dueAt: now + PAUSED_RECHECK_MS * (1 + random() / 5) };
    }
    const isProbe = account.status === 'refused';
    if (isProbe) {
      const probeAt = account.statusAt + this.#probes.wait(probeKey(account));
      const waitUntil = { kind: 'wait', error: refusalOf(snapshot) } as const;
      if (now < probeAt) return { ...waitUntil, dueAt: probeAt + random() * 1_000 };
      if (!(await store.takeProbe(account, now))) {
        return { ...waitUntil, dueAt: now + this.#probes.wait(probeKey(account)) };
      }
    }
    let access: CloudAccess;
    try {
      access = accounts.access(account, network.region);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const info = { category: 'auth', code: 'UnusableAccount', message, operation: 'openAccount' } as const;
      const dueAt = await this.#markRefused(snapshot, info);
      return { kind: 'wait', error: info, dueAt };
    }
    const { gate } = access;
    const { refusal } = gate;
    if (refusal !== null) {
      const isNewer = account.statusAt > gate.basis;
      const isUnsettled = now - refusal.at < REFUSAL_SETTLES_MS;
      if (isProbe || isNewer) gate.reopen();
      else {
        const dueAt = isUnsettled ? now + 1_000 : await this.#markRefused(snapshot, refusal.error);
        return { kind: 'wait', error: refusal.error, dueAt };
      }
    }
    gate.basis = Math.max(gate.basis, account.statusAt);
    if (gate.pausedUntil > now) return { kind: 'wait', error: null, dueAt: this.#afterPause(access) };
    return { kind: 'go', access, isProbe };
  }

  /** A time after the pause that a throttled answer has brought, spread so that not all come back together. */
  #afterPause({ gate }: CloudAccess): number {
    return gate.pausedUntil + this.parts.random() * 1_000;
  }

  /** The cloud has refused the platform's own account: nothing more is asked of it, and everybody is told. */
  async #refused(
    keeper: LeaseKeeper,
    snapshot: NetworkSnapshot,
    access: CloudAccess,
    error: CloudErrorInfo,
  ): Promise<number | null> {
    // Of all the turns that a refusal has stopped, the first one writes it down.
    const dueAt = access.gate.takeRefusal()
      ? await this.#markRefused(snapshot, error)
      : this.parts.clock.now() + 1_000;
    return this.#wait(keeper, snapshot, error, dueAt);
  }

  /** Answers when the account may be tried again. */
  async #markRefused({ account }: NetworkSnapshot, error: CloudErrorInfo): Promise<number> {
    const { clock, log, store } = this.parts;
    const now = clock.now();
    const dueAt = now + this.#probes.failed(probeKey(account));
    const isMarked = await store.markAccountRefused(account, `${error.code}: ${error.message}`, now);
    // An operator has changed the account since: whatever it now is shows with the next turn.
    if (!isMarked) return now + 1_000;
    log.error(
      { accountId: account.id, cloud: account.cloud, code: error.code, requestId: error.requestId },
      `the cloud refuses the platform account: ${error.message}`,
    );
    return dueAt;
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
    if (error?.category === 'auth') {
      // An operator who mended the account in the meantime has made everything due; that must not be lost.
      const current = await store.loadNetwork(keeper.lease);
      if (current !== null && current.account.updatedAt !== snapshot.account.updatedAt) return 0;
    }
    return Math.max(dueAt - now, STAY_MS + 1);
  }

  /**
   * Compares the declared VPC with the cloud; answers whether the cloud could be asked.
   * @throws CloudError only when the cloud refuses the account
   */
  async #compareVpc(keeper: LeaseKeeper, snapshot: NetworkSnapshot, access: CloudAccess): Promise<boolean> {
    const { clock, log, store } = this.parts;
    const { deploymentId } = snapshot.network;
    try {
      const problem = await compareVpc(access, snapshot.network);
      const now = clock.now();
      const dueAt = problem === null ? null : now + VPC_RECHECK_MS;
      await store.saveVpcCheck(keeper.lease, { checkedAt: now, problem, dueAt }, now);
      this.#looks.succeeded(`VPC of ${deploymentId}`);
      return true;
    } catch (error) {
      if (!(error instanceof CloudError) || error.info.category === 'auth') throw error;
      log.warn({ err: error, deploymentId }, 'the VPC could not be compared with the cloud');
      const now = clock.now();
      const dueAt = now + this.#looks.failed(`VPC of ${deploymentId}`);
      const { problem } = snapshot.vpcCheck;
      await store.saveVpcCheck(keeper.lease, { checkedAt: null, problem, dueAt }, now);
      return false;
    }
  }
}

/** Attempts are counted anew when an operator has changed the account. */
function probeKey({ id, updatedAt }: NetworkSnapshot['account']): string {
  return `${id} ${updatedAt}`;
}

/** What the database remembers of a refusal. */
function refusalOf({ account }: NetworkSnapshot): CloudErrorInfo {
  const [code = '', ...rest] = account.statusDetail.split(': ');
  return { category: 'auth', code, message: rest.join(': '), operation: 'openAccount' };
}
