/**
 * What must hold at every moment of every history, by the cloud's books and the rows: watched at each change of a cloud,
 * when it arrives there, and at each commit.
 */
import {
  canMove,
  isLive,
  isRetryable,
  overlaps,
  profileOf,
  reservedInterval,
  type ObservedPeering,
  type PeeringStatus,
  type PlatformNetwork,
} from '#domain';
import type { NewEvent, PeeringRecord } from '#database';

import { AttachmentCloud, type AttachmentBook } from './attachment-cloud.js';
import { CALL_TIMEOUT_MS, CLOCK_DIFFERENCE_MS, type CloudChange } from './cloud-model.js';
import { blockOf, RESERVED, type Commit, type MemoryDatabase } from './memory-database.js';
import { PeeringCloud } from './peering-cloud.js';
import type { SimulatedApi } from './simulated-api.js';

/** A look is never older than this, in milliseconds; see the consistency of every cloud's capabilities. */
const STALE_MS = 3_000;

/** A guarantee that was broken: its name, and how. */
export class GuaranteeBroken extends Error {
  constructor(
    readonly guarantee: string,
    detail: string,
  ) {
    super(`${guarantee}: ${detail}`);
    this.name = 'GuaranteeBroken';
  }
}

export interface Watched {
  readonly database: MemoryDatabase;
  readonly cloud: PeeringCloud | AttachmentCloud;
  readonly networks: readonly PlatformNetwork[];
  readonly api: SimulatedApi;
  readonly approvalWindowMs: number;
  readonly now: () => number;
}

export class Guarantees {
  /** The first one that was broken. */
  broken: GuaranteeBroken | null = null;
  /** The highest fence that has written, by deployment. */
  readonly #fences = new Map<string, number>();
  /** The tokens of all intentions that were ever stored. */
  readonly #intended = new Set<string>();
  readonly #toldCalls = new Set<string>();
  /** When a customer last turned down what the broker had applied for, by connection. */
  readonly #refusedAt = new Map<string, number>();
  /** How the latest application of a connection was answered: taken, or not (or the answer was lost). */
  readonly #answered = new Map<string, boolean>();
  #watched: Watched | null = null;

  watch(watched: Watched): void {
    this.#watched = watched;
  }

  violate(guarantee: string, detail: string): void {
    this.broken ??= new GuaranteeBroken(guarantee, detail);
  }

  /** A customer has turned down, or ended, what the broker had applied for. */
  refusedByCustomer({ mark, phase }: AttachmentBook): void {
    const { database, now } = this.#world;
    const row = mark === null ? undefined : database.connections.get(mark);
    // What came and went while nobody looked has left nothing to be known by; an application that was turned down has.
    if (row === undefined || (phase === 'deleting' && row.status.lastSeen === null)) return;
    this.#refusedAt.set(row.id, now());
  }

  /** The approval window of an application has been over for a while, and nothing has kept the broker. */
  isWithdrawn({ ccn, mark, phase, vpcId, appliedAt }: AttachmentBook, since: number): void {
    const { api, cloud, database } = this.#world;
    if (mark === null || appliedAt !== since || phase !== 'pending_customer') return;
    if (!(cloud instanceof AttachmentCloud) || cloud.at(ccn.id, vpcId)?.appliedAt !== since) return;
    const lockedAt = api.acknowledged.get(mark)?.lockedAt ?? -Infinity;
    if (database.connections.get(mark)?.locked === true || lockedAt > since) return;
    this.violate('an application is withdrawn at its deadline', `${ccn.id} of ${mark}`);
  }

  get #world(): Watched {
    if (this.#watched === null) throw new Error('nothing is watched yet');
    return this.#watched;
  }

  // Changes of a cloud

  changing(change: CloudChange): void {
    const { database } = this.#world;
    const row = database.connections.get(change.connectionId);
    if (row === undefined) {
      this.violate('nothing is done for nobody', `${change.kind} for ${change.connectionId}`);
      return;
    }
    this.#isIntended(change, row);
    this.#isUnlocked(change, row);
    this.#isNotAnothers(change, row);
    switch (change.kind) {
      case 'accept':
        this.#mayAccept(change, row);
        return;
      case 'reject':
      case 'delete':
        this.#isDeclared(change, row, true);
        return;
      case 'ensure_route':
        this.#mayRoute(change, row);
        return;
      case 'request_attachment':
        this.#mayRequest(change, row);
        return;
      case 'withdraw_attachment':
        this.#mayWithdraw(change, row);
        return;
      default:
        return;
    }
  }

  #isIntended({ kind, providerId, route, token }: CloudChange, { id, status }: PeeringRecord): void {
    const { intent } = status;
    const named = intent?.action;
    const isSame =
      intent?.token === token &&
      named?.kind === kind &&
      (route === null ||
        ('destination' in named &&
          named.destination === route.destination &&
          named.routeTableId === route.routeTableId));
    // What the customer has declared anew meanwhile has no intention yet; what went before is taken back all the same.
    const isEarlier = (status.earlier ?? []).some((request) => request.providerId === providerId);
    if (isSame || (isEarlier && this.#intended.has(token))) return;
    this.violate('an intention is stored before its change', `${kind} for ${id} (${token})`);
  }

  #isUnlocked({ kind }: CloudChange, { id, locked, status }: PeeringRecord): void {
    const lockedAt = this.#world.api.acknowledged.get(id)?.lockedAt ?? -Infinity;
    if (locked && (status.intent?.lastAt ?? 0) > lockedAt + CLOCK_DIFFERENCE_MS) {
      this.violate('nothing is changed of what is locked', `${kind} for ${id}`);
    }
  }

  #isNotAnothers({ kind, providerId }: CloudChange, row: PeeringRecord): void {
    const { api, cloud, database } = this.#world;
    // What it has made itself is its own to take back, whoever waits for the place.
    const isOwn =
      cloud instanceof AttachmentCloud && cloud.at(providerId, row.network.vpcId)?.mark === row.id;
    if (isOwn) return;
    // Whoever comes while the cloud is already being asked comes too late to be known.
    const knownSince = (row.status.intent?.lastAt ?? 0) - CALL_TIMEOUT_MS - CLOCK_DIFFERENCE_MS;
    const holder = database
      .connectionsOf(row.deploymentId)
      .find(
        ({ id, status }) =>
          id !== row.id &&
          isLive(status) &&
          status.providerId === providerId &&
          (api.acknowledged.get(id)?.attemptAt ?? 0) < knownSince,
      );
    if (holder && !holder.status.released) {
      this.violate(
        'nothing is touched that another connection holds',
        `${kind} ${providerId} for ${row.id}, held by ${holder.id}`,
      );
    }
  }

  #truthOf(providerId: string, row: PeeringRecord): ObservedPeering | null {
    const { cloud } = this.#world;
    if (cloud instanceof PeeringCloud) return cloud.truthOf(providerId);
    return cloud.trueSightOf(row.network).find((each) => each.providerId === providerId) ?? null;
  }

  /** @param orEarlier what was declared before the present request counts, too */
  #isDeclared(
    { kind, providerId }: CloudChange,
    row: PeeringRecord,
    orEarlier: boolean,
  ): ObservedPeering | null {
    const truth = this.#truthOf(providerId, row);
    if (truth === null) return null;
    const profile = profileOf(row.cloud);
    const specs = [
      row.spec.cloud,
      ...(orEarlier ? (row.status.earlier ?? []).map(({ cloud }) => cloud) : []),
    ];
    const differences = specs.map((spec) => profile.mismatches(spec, row.network, truth));
    if (differences.every((each) => each.length > 0)) {
      const [first] = differences[0] ?? [];
      this.violate(
        'nothing is touched that was not declared, or is meant for another network',
        `${kind} ${providerId} for ${row.id}: ${JSON.stringify(first)}`,
      );
    }
    return truth;
  }

  #mayAccept(change: CloudChange, row: PeeringRecord): void {
    const truth = this.#isDeclared(change, row, false);
    const { cloud } = this.#world;
    const book = cloud instanceof PeeringCloud ? cloud.books.get(change.providerId) : undefined;
    // What came after the look that led to this shows with the next one, and is undone then.
    const lookedAt = (row.status.intent?.lastAt ?? 0) - CALL_TIMEOUT_MS - STALE_MS;
    const isShown = truth?.phase === 'pending_platform' && (book?.cidrsSince ?? Infinity) < lookedAt;
    const shown = isShown ? truth.requester.cidrs : [];
    for (const cidr of shown) {
      if (isReserved(cidr))
        this.violate('nothing touches a reserved range', `accept of ${cidr} for ${row.id}`);
    }
    if (row.desired === 'present' && row.status.ending !== null) {
      this.violate('what has ended is not accepted', `${change.providerId} for ${row.id}`);
    }
  }

  #mayRoute({ providerId, route }: CloudChange, row: PeeringRecord): void {
    const { cloud, database } = this.#world;
    const { id, status } = row;
    if (route === null || !(cloud instanceof PeeringCloud)) return;
    const { destination, routeTableId } = route;
    if (
      !status.routes.some((each) => each.destination === destination && each.routeTableId === routeTableId)
    ) {
      this.violate('a route is recorded before it is made', `${destination} for ${id}`);
    }
    if (providerId !== status.providerId || !status.established) {
      this.violate('a route leads to its connection', `${destination} for ${id} to ${providerId}`);
    }
    const isClaimed = database.claims.some(
      (claim) => claim.connectionId === id && claim.block.text === destination,
    );
    if (isLive(status) && !isClaimed) this.violate('what is routed is claimed', `${destination} for ${id}`);
    if (isReserved(destination))
      this.violate('nothing touches a reserved range', `route ${destination} for ${id}`);
    for (const table of cloud.trueRoutes(row.network)) {
      for (const entry of table.routes) {
        if (entry.mark === undefined || entry.mark === id) continue;
        if (
          table.routeTableId === routeTableId &&
          overlaps(blockOf(entry.destination), blockOf(destination))
        ) {
          this.violate(
            'no two connections overlap',
            `${destination} for ${id}, ${entry.destination} for ${entry.mark}`,
          );
        }
      }
    }
  }

  #mayRequest({ providerId }: CloudChange, { cloud, id, status }: PeeringRecord): void {
    const refusedAt = this.#refusedAt.get(id) ?? -Infinity;
    const attemptAt = this.#world.api.acknowledged.get(id)?.attemptAt ?? -Infinity;
    // A look may be this old, and the clock of whoever looked may differ.
    const { consistencyMs } = profileOf(cloud).capabilities;
    const knownAt = refusedAt + consistencyMs + CLOCK_DIFFERENCE_MS;
    if (refusedAt > attemptAt && (status.intent?.lastAt ?? 0) > knownAt) {
      this.violate('what a customer has turned down is not asked again', `${providerId} for ${id}`);
    }
  }

  #mayWithdraw({ providerId }: CloudChange, row: PeeringRecord): void {
    const { approvalWindowMs, cloud } = this.#world;
    if (!(cloud instanceof AttachmentCloud)) return;
    const book = cloud.at(providerId, row.network.vpcId);
    if (book === null) return;
    if (book.mark !== row.id) {
      this.violate(
        'nothing of a foreigner is touched',
        `${providerId} (of ${book.mark ?? 'nobody'}) for ${row.id}`,
      );
    }
    const { ending } = row.status;
    if (row.desired === 'absent' || ending?.reason.code !== 'approval_window_elapsed') return;
    const hasAnswer = this.#answered.get(row.id);
    // Of an application that was never heard of again, nobody knows when it was made.
    if (hasAnswer === undefined) return;
    const deadline = book.appliedAt + approvalWindowMs - (hasAnswer ? 0 : CALL_TIMEOUT_MS);
    const decidedAt = row.status.intent?.firstAt ?? 0;
    if (decidedAt < deadline - CLOCK_DIFFERENCE_MS) {
      this.violate(
        'the customer has the whole window to approve',
        `${deadline - decidedAt} ms too early for ${row.id}`,
      );
    }
    const { consistencyMs } = profileOf(row.cloud).capabilities;
    if (book.approvedAt !== null && book.approvedAt < deadline - consistencyMs - CLOCK_DIFFERENCE_MS) {
      this.violate('what is approved in time is kept', `${providerId} of ${row.id}`);
    }
  }

  // Commits

  committed({ before, after, events, writer }: Commit): void {
    this.#holds(after);
    if (writer.kind === 'api') return;
    if (before === null) {
      this.violate('a worker makes no connection', after.id);
      return;
    }
    const { deploymentId, fence } = writer.lease;
    const highest = this.#fences.get(deploymentId) ?? 0;
    if (fence < highest)
      this.violate(
        'whoever has lost the lease writes nothing',
        `${after.id}, fence ${fence} after ${highest}`,
      );
    this.#fences.set(deploymentId, Math.max(highest, fence));
    const { intent } = after.status;
    if (intent !== null) this.#intended.add(intent.token);
    if (intent?.action.kind === 'request_attachment') {
      if (intent.outcome === null) this.#answered.delete(after.id);
      else this.#answered.set(after.id, intent.outcome.ok);
    }
    if (before.status !== after.status) {
      this.#moves(before, after);
      this.#ends(before.status, after);
    }
    this.#tells(before, after, events);
  }

  /** What a live connection may carry is claimed, so that nobody else can come to it. */
  #holds({ id, status }: PeeringRecord): void {
    if (!isLive(status)) return;
    const { claims } = this.#world.database;
    const open = status.admittedCidrs.find(
      (cidr) => !claims.some(({ block, connectionId }) => connectionId === id && block.text === cidr),
    );
    if (open !== undefined)
      this.violate('a live connection holds its blocks', `${open} of ${id}, ${status.state}`);
  }

  #moves({ status: { state: from } }: PeeringRecord, { id, status }: PeeringRecord): void {
    if (!canMove(from, status.state))
      this.violate('every move is in the table', `${id} ${from} -> ${status.state}`);
    if (status.state !== 'deleted') return;
    const { cloud, networks } = this.#world;
    if (!(cloud instanceof PeeringCloud)) return;
    const left = networks.flatMap((network) => cloud.trueRoutes(network)).flatMap(({ routes }) => routes);
    const own = left.find(({ mark }) => mark === id);
    if (own) this.violate('a deletion leaves nothing', `the route ${own.destination} of ${id}`);
  }

  #tells(before: PeeringRecord, after: PeeringRecord, events: readonly NewEvent[]): void {
    const { id } = after;
    const changes = events.filter(({ type }) => type === 'peering.state_changed');
    const isOther =
      before.status.state !== after.status.state || before.status.reason.code !== after.status.reason.code;
    const [change] = changes;
    const isTold =
      changes.length === (isOther ? 1 : 0) &&
      (change === undefined ||
        (change.data['from'] === before.status.state && change.data['to'] === after.status.state));
    // What a call led to is told by the next look.
    const isCall = events.some(({ type }) => type === 'peering.cloud_call');
    if (!isTold && !isCall) {
      this.violate(
        'every change is told once',
        `${id} ${before.status.state} -> ${after.status.state}: ${JSON.stringify(changes)}`,
      );
    }
    for (const { data, type } of events) {
      if (type !== 'peering.cloud_call') continue;
      const token = after.status.intent?.token ?? before.status.intent?.token ?? '';
      const key = `${id} ${token} ${String(data['attempts'])}`;
      if (this.#toldCalls.has(key))
        this.violate('every change is told once', `${JSON.stringify(data)} of ${id}`);
      this.#toldCalls.add(key);
    }
  }

  /** An end has a cause in the cloud: nothing ends because of what a look has missed. */
  #ends(before: PeeringStatus, row: PeeringRecord): void {
    const { desired, id, status } = row;
    if (desired === 'absent') return;
    const isNew = status.ending !== null && before.ending === null;
    const isDirect = isRetryable(status.state) && !isRetryable(before.state) && before.ending === null;
    if (!isNew && !isDirect) return;
    const { code } = status.ending?.reason ?? status.reason;
    const excuse = this.#causeOf(code, row);
    if (excuse !== null) this.violate('nothing ends without a cause', `${id} ${code}: ${excuse}`);
  }

  /** What speaks against an end; null: nothing. */
  #causeOf(code: string, row: PeeringRecord): string | null {
    const { cloud, now } = this.#world;
    const { status } = row;
    const profile = profileOf(row.cloud);
    const truth = status.providerId === null ? null : this.#truthOf(status.providerId, row);
    const isUp =
      truth !== null &&
      ['pending_platform', 'pending_customer', 'in_progress', 'active'].includes(truth.phase);
    switch (code) {
      case 'request_not_found': {
        const found = profile.find(row.spec.cloud, cloud.trueSightOf(row.network), status.providerId);
        const book = found && cloud instanceof PeeringCloud ? cloud.books.get(found.providerId) : undefined;
        const isOld =
          book !== undefined && book.createdAt < now() - profile.capabilities.consistencyMs - 12_000;
        return isOld ? `${book.id} is there` : null;
      }
      case 'request_withdrawn':
      case 'deleted_by_peer':
        return isUp && !this.#wasReplaced(row) ? `${truth.providerId} is ${truth.phase}` : null;
      case 'rejected_by_platform':
      case 'rejected_by_peer':
      case 'request_expired':
      case 'provider_failed':
        return isUp && !this.#wasReplaced(row) ? `${truth.providerId} is ${truth.phase}` : null;
      case 'requester_mismatch':
      case 'accepter_mismatch':
        return truth !== null && profile.mismatches(row.spec.cloud, row.network, truth).length === 0
          ? 'nothing differs'
          : null;
      default:
        return null;
    }
  }

  /** Whether what is there now is another request than the one that ended, under the same id. */
  #wasReplaced({ id, network, status }: PeeringRecord): boolean {
    const { cloud } = this.#world;
    if (cloud instanceof PeeringCloud) {
      return (cloud.books.get(status.providerId ?? '')?.endedByOthersAt ?? null) !== null;
    }
    const book = cloud.at(status.providerId ?? '', network.vpcId);
    return book?.mark !== id;
  }
}

function isReserved(cidr: string): boolean {
  return RESERVED.some((range) => overlaps(blockOf(cidr), reservedInterval(range)));
}
