import {
  CloudError,
  findOrphans,
  isOwned,
  isThere,
  judgeOrphan,
  orphanCheckAt,
  orphanKey,
  profileOf,
  tracesIn,
  type CloudErrorInfo,
  type CloudProfile,
  type ObservedPeering,
  type ObservedRouteTable,
  type OrphanSettings,
  type OrphanSighting,
} from '#domain';
import type { NetworkSnapshot, OrphanCheckTimes, OrphanCourtesy, OrphanRecord, OrphanStore } from '#database';
import { newId, type Clock, type Logger } from '#runtime';

import { tooLate } from '../accounts/call-queue.js';
import { PortUse } from '../accounts/port-use.js';
import type { CloudAccess } from '../accounts/account-pool.js';
import type { CloudBreaker, Passage } from '../breaker/cloud-breaker.js';
import { turnOfAccount } from '../engine/cloud-change.js';
import { FailurePacing } from '../engine/failure-pacing.js';
import { bothOf } from '../engine/in-parallel.js';
import { callMarginMs, type LeaseKeeper } from '../engine/lease-keeper.js';
import type { CloudAccounts, Store, Timers, Wake } from '../engine/reconcile-ports.js';
import { underLease } from '../engine/under-lease.js';
import type { WriteTurns } from '../engine/write-turns.js';
import { removeOrphan } from './orphan-removal.js';

/** Everything that a search is made of. */
export interface OrphanSearchParts {
  readonly store: Pick<Store, 'leaseDeployment' | 'renew' | 'release' | 'loadNetwork' | 'nextDue'>;
  readonly orphans: Pick<OrphanStore, 'check' | 'load' | 'owners' | 'save' | 'fail' | 'schedule'>;
  readonly accounts: CloudAccounts;
  readonly breaker: Pick<CloudBreaker, 'admit' | 'looked'>;
  readonly turns: Pick<WriteTurns, 'inTurn'>;
  readonly wake: Wake;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly settings: OrphanSearchSettings;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** Names this process in leases. */
  readonly owner: string;
}

/** Times in milliseconds. */
export interface OrphanSearchSettings {
  /** Between two searches of one network. */
  readonly intervalMs: number;
  /** How long what was found is left alone. */
  readonly graceMs: number;
  /** How long what is over is kept for reports, and what is kept without being seen. */
  readonly retentionMs: number;
  readonly leaseMs: number;
  /** Deadline of one call of a cloud. */
  readonly callTimeoutMs: number;
}

/** What the log says of a search that has ended in a way that nobody has foreseen. */
export const SEARCH_FAILED = 'the search for what was left behind in a platform network has failed';
/** What a search has left undone, or was asked for while it was under way, is seen to after this, in milliseconds. */
const SOON_MS = 5_000;
/** A network that cannot be looked at now is looked at again after this at the earliest, or at the latest. */
const RETRY_MIN_MS = 30_000;
const RETRY_MAX_MS = 1_800_000;
/** How long a paused cloud is left alone. */
const PAUSED_RECHECK_MS = 300_000;
/** The engine waits while a network is searched: no further removal is begun after this. */
const TURN_MS = 20_000;
/**
 * The engine keeps deadlines: a search does not begin where it is about to come. In a network where it always is, a search
 * that has waited for long enough is made all the same, and removes one thing at a time.
 */
export const COURTESY: OrphanCourtesy = { engineAheadMs: 30_000, patienceMs: 900_000 };

/** What one look showed of a network. */
interface Look {
  readonly at: number;
  readonly peerings: readonly ObservedPeering[];
  readonly routeTables: readonly ObservedRouteTable[] | null;
}

/** One search of one network. */
interface Search {
  readonly keeper: LeaseKeeper;
  readonly signal: AbortSignal;
  readonly check: OrphanCheckTimes;
  readonly snapshot: NetworkSnapshot;
  readonly profile: CloudProfile;
  readonly settings: OrphanSettings;
}

type Approach =
  | { readonly kind: 'go'; readonly access: CloudAccess; readonly passage: Passage }
  /** Not now: the cloud is not asked. */
  | { readonly kind: 'wait'; readonly dueAt: number };

/**
 * Looks through one platform network at a time for what the broker has left there and no connection owns, writes down
 * what it finds, and removes it once its grace is over. It holds the deployment's lease meanwhile, so that the engine and
 * it never act on what the other one is changing.
 */
export class OrphanSearcher {
  readonly #failures: FailurePacing;

  constructor(private readonly parts: OrphanSearchParts) {
    this.#failures = new FailurePacing(RETRY_MIN_MS, RETRY_MAX_MS, parts.random);
  }

  /**
   * Searches the network of a deployment if that is due and nobody works on it.
   * @param signal aborted when the process shuts down: no further removal is begun
   * @throws whatever keeps the database from answering
   */
  async search(deploymentId: string, signal: AbortSignal): Promise<void> {
    await underLease(this.parts, deploymentId, async (keeper) => {
      await this.#ifDue(keeper, signal);
      return undefined;
    });
  }

  async #ifDue(keeper: LeaseKeeper, signal: AbortSignal): Promise<void> {
    const { clock, orphans, store } = this.parts;
    const check = await orphans.check(keeper.lease.deploymentId);
    // Whoever was first has done it.
    if (check === null || check.dueAt > clock.now()) return;
    const { deploymentId } = keeper.lease;
    const isUrgent = check.dueAt <= clock.now() - COURTESY.patienceMs;
    // Still due, and listed again once the engine has been there.
    if (!isUrgent && (await this.#isEngineDue(deploymentId, COURTESY.engineAheadMs))) return;
    try {
      const snapshot = await store.loadNetwork(keeper.lease);
      if (snapshot !== null) await this.#inNetwork(snapshot, keeper, check, signal);
    } catch (error) {
      this.parts.log.error({ err: error, deploymentId }, SEARCH_FAILED);
      await this.#schedule({ keeper, check }, clock.now() + this.#failures.failed(deploymentId), null);
    }
  }

  async #isEngineDue(deploymentId: string, withinMs: number): Promise<boolean> {
    const { clock, store } = this.parts;
    const dueAt = await store.nextDue(deploymentId);
    return dueAt !== null && dueAt <= clock.now() + withinMs;
  }

  async #inNetwork(
    snapshot: NetworkSnapshot,
    keeper: LeaseKeeper,
    check: OrphanCheckTimes,
    signal: AbortSignal,
  ): Promise<void> {
    const profile = profileOf(snapshot.network.cloud);
    const { consistencyMs } = profile.capabilities;
    const { graceMs, retentionMs: absenceMs } = this.parts.settings;
    const settings = { graceMs, consistencyMs, absenceMs };
    const search: Search = { keeper, signal, check, snapshot, profile, settings };

    const approach = await this.#approach(snapshot);
    if (approach.kind === 'wait') {
      await this.#schedule(search, approach.dueAt, null);
      return;
    }
    const look = await this.#look(search, approach);
    if (look === null) return;
    await this.#judge(search, approach, look);
    this.#failures.succeeded(snapshot.network.deploymentId);
  }

  /** Whether the cloud may be asked now, and through which door. */
  async #approach(snapshot: NetworkSnapshot): Promise<Approach> {
    const { accounts, breaker, clock, random } = this.parts;
    const { account, network, pause } = snapshot;
    const now = clock.now();
    if (pause !== null) return { kind: 'wait', dueAt: now + PAUSED_RECHECK_MS * (1 + random() / 5) };
    let access: CloudAccess;
    try {
      access = accounts.access(account, network.region);
    } catch (error) {
      this.#warn(snapshot, error, 'the platform account cannot be used');
      return { kind: 'wait', dueAt: now + this.#failures.failed(network.deploymentId) };
    }
    const appointment = access.appointment();
    if (appointment !== null) return { kind: 'wait', dueAt: appointment + random() * RETRY_MIN_MS };
    const passage = await breaker.admit(snapshot);
    if (passage.kind === 'wait') return passage;
    const refusal = access.gate.refusalUnder(account.statusAt, passage.triesCredentials);
    if (refusal !== null) {
      // The engine has met this refusal and tells of it; here it is only a reason to wait.
      const barred = await breaker.looked(snapshot, passage, refusal.error);
      return barred ?? { kind: 'wait', dueAt: now + RETRY_MIN_MS };
    }
    return { kind: 'go', access, passage };
  }

  /** One look at everything in the network; null when the cloud did not answer, which is seen to then. */
  async #look(
    search: Search,
    { access, passage }: { readonly access: CloudAccess; readonly passage: Passage },
  ): Promise<Look | null> {
    const { breaker, clock } = this.parts;
    const { profile, snapshot } = search;
    const { network } = snapshot;
    const { gate, port } = access;
    const mayCall = (): boolean => !search.keeper.isLost();
    const at = clock.now();
    try {
      const [peerings, routeTables] = await bothOf(
        gate.pass('observePeerings', () => port.observePeerings(network), new PortUse('look', mayCall)),
        profile.capabilities.routing === 'platform'
          ? gate.pass('observeRoutes', () => port.observeRoutes(network), new PortUse('look', mayCall))
          : Promise.resolve(null),
      );
      await breaker.looked(snapshot, passage, null);
      return { at, peerings, routeTables };
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      this.#warn(snapshot, error, 'a platform network could not be searched');
      const barred = await breaker.looked(snapshot, passage, error.info);
      const retryAt = clock.now() + this.#failures.failed(network.deploymentId);
      await this.#schedule(search, barred?.dueAt ?? retryAt, null);
      return null;
    }
  }

  /** Writes down what the look has shown, and removes what is to be removed. */
  async #judge(
    search: Search,
    { access, passage }: { readonly access: CloudAccess; readonly passage: Passage },
    look: Look,
  ): Promise<void> {
    const { clock, orphans, random, settings } = this.parts;
    const { keeper, snapshot, profile, signal } = search;
    const { deploymentId } = snapshot.network;
    // Read after the look: whoever has come to own something by now keeps it.
    const { open, ...owners } = await orphans.load(deploymentId, tracesIn({ ...look, profile }));
    const sightings = findOrphans({ ...owners, ...look, profile, network: snapshot.network });
    const judged = judgeAll(open, sightings, look, search);
    const noted = judged.filter(({ remove }) => !remove).map(({ orphan }) => orphan);
    const saved = await orphans.save(keeper.lease, noted);
    for (const orphan of noted) if (saved.has(orphan.id)) this.#tell(orphan);

    const isUrgent = search.check.dueAt <= look.at - COURTESY.patienceMs;
    let begun = 0;
    let left = 0;
    for (const { orphan, remove } of judged) {
      if (!remove) continue;
      const isTime =
        clock.now() - look.at < TURN_MS &&
        !signal.aborted &&
        !keeper.isLost() &&
        ((isUrgent && begun === 0) || !(await this.#isEngineDue(deploymentId, 0)));
      if (isTime) begun += 1;
      const result = isTime ? await this.#removeInTurn(search, access, orphan, look) : 'left';
      if (result === 'left') left += 1;
      else if (result?.category === 'auth') {
        await this.parts.breaker.looked(snapshot, passage, result);
        break;
      }
    }
    const regular = look.at + settings.intervalMs * (0.9 + random() / 5);
    const own = judged.map(({ orphan }) => orphanCheckAt(orphan, search.settings) ?? regular);
    const dueAt = left > 0 ? clock.now() + SOON_MS : Math.min(regular, ...own);
    await this.#schedule(search, dueAt, look.at);
  }

  /** As {@link #remove}, in turn with everybody's changes where the cloud wants them so; `left` when it did not come. */
  async #removeInTurn(
    search: Search,
    access: CloudAccess,
    orphan: OrphanRecord,
    look: Look,
  ): Promise<CloudErrorInfo | null | 'left'> {
    const { settings, turns } = this.parts;
    const turn = turnOfAccount(search.profile.capabilities, search.snapshot.account.id);
    if (turn === null) return this.#remove(search, access, orphan, look);
    let result: CloudErrorInfo | null | 'left' = 'left';
    await turns.inTurn(turn, async (lasts) => {
      const isMine = await lasts(callMarginMs(settings));
      if (isMine) result = await this.#remove(search, access, orphan, look);
      return isMine;
    });
    return result;
  }

  /** Removes one thing, if still nobody owns it; answers why the cloud would not. */
  async #remove(
    { keeper, profile, snapshot }: Search,
    { gate, port }: CloudAccess,
    orphan: OrphanRecord,
    { peerings }: Look,
  ): Promise<CloudErrorInfo | null> {
    const { log, orphans, settings } = this.parts;
    const { network } = snapshot;
    if (!(await keeper.holdsFor(callMarginMs(settings)))) {
      keeper.lose();
      return null;
    }
    const findsOwner = async (): Promise<boolean> => {
      const connections = await orphans.owners(network.deploymentId);
      return isOwned(orphan, orphan.mark, { profile, connections, peerings });
    };
    if (await findsOwner()) return null;
    // The intention is stored before the cloud is told; an operator who decided otherwise in between has the last word.
    if (!(await orphans.save(keeper.lease, [orphan])).has(orphan.id)) return null;
    const about = aboutOf(orphan);
    const peering = peerings.find(({ providerId }) => providerId === orphan.providerId) ?? null;
    const owned = tooLate('removeOrphan');
    try {
      const { requestId } = await gate.pass(
        'removeOrphan',
        async () => {
          // Others' calls may have gone first: somebody may own it by now.
          if (await findsOwner()) throw owned;
          return removeOrphan(port, network, orphan, peering);
        },
        new PortUse('change', () => !keeper.isLost()),
      );
      log.info({ ...about, requestId }, 'what a former connection has left in a platform network is removed');
      return null;
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      // The next look tells that it is nobody's no longer.
      if (error === owned) return null;
      const { code, message } = error.info;
      log.warn({ ...about, err: error }, 'what a former connection has left could not be removed');
      await orphans.fail(orphan, `${code}: ${message}`);
      return error.info;
    }
  }

  #tell(orphan: OrphanRecord): void {
    const { log } = this.parts;
    const about = aboutOf(orphan);
    if (orphan.version === 1) {
      const removeAfter = new Date(orphan.removeAfter).toISOString();
      log.warn({ ...about, removeAfter }, 'a former connection has left something in a platform network');
    } else if (orphan.endedAt !== null) {
      const what =
        orphan.state === 'removed' ? 'is gone from the network' : 'has vanished, or has an owner again';
      log.info(about, `what a former connection has left ${what}`);
    }
  }

  async #schedule(
    { keeper, check }: Pick<Search, 'keeper' | 'check'>,
    dueAt: number,
    checkedAt: number | null,
  ): Promise<void> {
    const soonAt = this.parts.clock.now() + SOON_MS;
    const next = { dueAt: Math.round(dueAt), soonAt, checkedAt };
    await this.parts.orphans.schedule(keeper.lease, check, next);
  }

  #warn({ network }: NetworkSnapshot, error: unknown, message: string): void {
    this.parts.log.warn({ err: error, deploymentId: network.deploymentId, cloud: network.cloud }, message);
  }
}

interface Judged {
  /** As it is to be written. */
  readonly orphan: OrphanRecord;
  readonly remove: boolean;
}

/** What a look means for everything that was known or is new. */
function judgeAll(
  open: readonly OrphanRecord[],
  sightings: readonly OrphanSighting[],
  look: Look,
  { settings, snapshot }: Search,
): Judged[] {
  const seen = new Map(sightings.map((sighting) => [orphanKey(sighting), sighting]));
  const known = new Set(open.map(orphanKey));
  const knownOnes = open.flatMap((orphan) => {
    const sighting = seen.get(orphanKey(orphan)) ?? (isThere(orphan, look) ? 'disowned' : null);
    const verdict = judgeOrphan(orphan, sighting, settings, look.at);
    if (verdict === null) return [];
    const written = { ...orphan, ...verdict.status, version: orphan.version + 1 };
    return [{ orphan: written, remove: verdict.remove }];
  });
  // A listing may show a thing twice, as when it has moved between two pages.
  const newOnes = [...seen.values()].flatMap((sighting) => {
    const verdict = known.has(orphanKey(sighting)) ? null : judgeOrphan(null, sighting, settings, look.at);
    if (verdict === null) return [];
    const { kind, providerId, route, connectionId, mark, evidence } = sighting;
    const { deploymentId, cloud } = snapshot.network;
    const id = newId('orph', look.at);
    const identity = { id, deploymentId, cloud, kind, providerId, route, connectionId, mark, evidence };
    return [{ orphan: { ...identity, ...verdict.status, version: 1 }, remove: verdict.remove }];
  });
  // In the order of the sightings: what leads to a connection goes before the connection.
  const rank = new Map([...seen.keys()].map((key, index) => [key, index]));
  const rankOf = ({ orphan }: Judged): number => rank.get(orphanKey(orphan)) ?? rank.size;
  return [...knownOnes, ...newOnes].sort((one, other) => rankOf(one) - rankOf(other));
}

/** What a line of the log says of it. */
function aboutOf(orphan: OrphanRecord): Readonly<Record<string, unknown>> {
  const { id, deploymentId, cloud, kind, providerId, route, connectionId, evidence } = orphan;
  return { orphanId: id, deploymentId, cloud, kind, providerId, ...route, connectionId, evidence };
}
