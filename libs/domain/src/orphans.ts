/**
 * What the broker has left behind in a platform VPC: which things are its own though no connection owns them any more,
 * and when they may be taken away. Pure.
 *
 * Two rules hold in every world, and tests hold this file to them: nothing is touched that a live connection owns, and
 * nothing without evidence that the broker made it. A thing without evidence is somebody else's business.
 */
import type { Capabilities, ObservedPeering, ObservedRoute, ObservedRouteTable } from './cloud-port.js';
import { sides, type CloudProfile } from './cloud-profile.js';
import type { PeeringConnection, PlatformNetwork, RecordedRoute } from './peering-connection.js';

/** What can be left behind: an entry of a route table, an accepted connection, an attachment or the request for one. */
export const ORPHAN_KINDS = ['route', 'peering', 'attachment'] as const;
export type OrphanKind = (typeof ORPHAN_KINDS)[number];

/**
 * What proves that the broker made a thing. `mark`: it carries the id of a connection of this network. `history`: a
 * connection of this network has held it, or made the route. `target`: a route without a mark, into what carries one.
 */
export const ORPHAN_EVIDENCE = ['mark', 'history', 'target'] as const;
export type OrphanEvidence = (typeof ORPHAN_EVIDENCE)[number];

/**
 * `found`: it will be removed once its grace is over. `removing`: its removal was decided, and is not confirmed yet.
 * `removed`: by the broker. `kept`: an operator wants it to stay, whatever later looks show. `gone`: it vanished, or belongs to a connection again.
 */
export const ORPHAN_STATES = ['found', 'removing', 'kept', 'removed', 'gone'] as const;
export type OrphanState = (typeof ORPHAN_STATES)[number];

/** A route with what it leads to. */
export interface TracedRoute extends RecordedRoute {
  readonly target: string;
}

/** What is remembered of a connection of this network that no longer lives. */
export interface PastConnection {
  readonly id: string;
  /** Its customer may still retry it, and finds then what was turned down. */
  readonly retryable: boolean;
  /** The cloud's ids of connections that were up while it held them, or that the broker accepted for it. */
  readonly held: readonly string[];
  /** Every route that the broker has made for it, or was about to make. */
  readonly routes: readonly TracedRoute[];
}

/** Everything about one platform network that tells whose things are. */
export interface OrphanSearch {
  readonly profile: CloudProfile;
  readonly network: PlatformNetwork;
  /** The connections that live, and those that are still being taken back: what they own is theirs. */
  readonly connections: readonly PeeringConnection[];
  /** Of all others that this network has ever had, at least those that {@link tracesIn} names. */
  readonly past: readonly PastConnection[];
  readonly peerings: readonly ObservedPeering[];
  /** Null where the cloud routes by itself. */
  readonly routeTables: readonly ObservedRouteTable[] | null;
}

/** What names a thing within its network. */
export interface OrphanIdentity {
  readonly kind: OrphanKind;
  /** The cloud's id of the connection or attachment; of a route, what it leads to. */
  readonly providerId: string;
  /** Null except for routes. */
  readonly route: RecordedRoute | null;
}

/** Something of the broker's that nobody owns, as one look has shown it. */
export interface OrphanSighting extends OrphanIdentity {
  /** The connection that left it behind. */
  readonly connectionId: string;
  readonly evidence: OrphanEvidence;
  readonly mark: string | null;
  /** Attachments: the account that owns what was joined, where the cloud tells. */
  readonly ownerAccountId: string | null;
  /**
   * Why it cannot be removed now; null: it can. `routes`: routes lead to it. `phase`: the cloud removes nothing that is
   * in such a state. `leaving`: it is on its way out already.
   */
  readonly obstacle: 'routes' | 'phase' | 'leaving' | null;
}

/** Everything of the broker's in this network that no live connection owns. */
export function findOrphans(search: OrphanSearch): OrphanSighting[] {
  const owned = ownershipOf(search);
  const past = new Map(search.past.map((connection) => [connection.id, connection]));
  const peerings = search.peerings.flatMap((peering) => orphanedPeering(peering, search, owned, past) ?? []);
  if (search.profile.capabilities.routing !== 'platform') return peerings;
  const marked = new Map(
    search.peerings.flatMap(({ providerId, mark }) =>
      mark !== undefined && past.has(mark) ? [[providerId, mark] as const] : [],
    ),
  );
  const routes = (search.routeTables ?? []).flatMap(({ routeTableId, routes: entries }) =>
    entries.flatMap((entry) => orphanedRoute(routeTableId, entry, owned, past, marked) ?? []),
  );
  // What leads to a connection goes before the connection.
  return [...routes, ...peerings];
}

/** By what a look can be traced to connections that no longer live. */
export interface OrphanTraces {
  /** The cloud's ids of what may have been held, and of what routes lead to. */
  readonly providerIds: readonly string[];
  readonly marks: readonly string[];
}

/** What must be known of the past to judge a look: {@link findOrphans} needs no past connection that none of it names. */
export function tracesIn({
  profile,
  peerings,
  routeTables,
}: Pick<OrphanSearch, 'profile' | 'peerings' | 'routeTables'>): OrphanTraces {
  const { initiator, routing } = profile.capabilities;
  const routes = routing === 'platform' ? (routeTables ?? []).flatMap((table) => table.routes) : [];
  const held = initiator === 'platform' ? [] : peerings.map(({ providerId }) => providerId);
  const marks = [...peerings, ...routes].flatMap(({ mark }) => mark ?? []);
  const targets = routes.map(({ target }) => target).filter((target) => target !== '');
  return { providerIds: [...new Set([...held, ...targets])], marks: [...new Set(marks)] };
}

/** Whether the cloud still shows a thing, whosever it is. */
export function isThere(
  { kind, providerId, route }: OrphanIdentity,
  { peerings, routeTables }: Pick<OrphanSearch, 'peerings' | 'routeTables'>,
): boolean {
  if (kind !== 'route') {
    return peerings.some((peering) => peering.providerId === providerId && peering.phase !== 'gone');
  }
  const table = routeTables?.find(({ routeTableId }) => routeTableId === route?.routeTableId);
  return (
    table?.routes.some((entry) => entry.destination === route?.destination && entry.target === providerId) ??
    false
  );
}

/** Whether a live connection owns a thing: to be asked again right before it is removed. */
export function isOwned(
  { kind, providerId, route }: OrphanIdentity,
  mark: string | null,
  search: Pick<OrphanSearch, 'profile' | 'connections' | 'peerings'>,
): boolean {
  const owned = ownershipOf(search);
  if (owned.providerIds.has(providerId) || (mark !== null && owned.ids.has(mark))) return true;
  return kind === 'route' && route !== null && owned.claims(route);
}

/** The same for every sighting of one thing. */
export function orphanKey({ kind, providerId, route }: OrphanIdentity): string {
  return JSON.stringify([kind, providerId, route?.routeTableId ?? '', route?.destination ?? '']);
}

interface Ownership {
  readonly ids: ReadonlySet<string>;
  readonly providerIds: ReadonlySet<string>;
  /** Whether a connection that does not know yet what it leads to has put its name down for this route. */
  claims(route: RecordedRoute): boolean;
}

/** What live connections own: all that they hold, have declared, are doing, or would take for theirs. */
function ownershipOf({
  profile,
  connections,
  peerings,
}: Pick<OrphanSearch, 'profile' | 'connections' | 'peerings'>): Ownership {
  const providerIds = connections.flatMap(({ spec, status }) => [
    status.lastSeen?.peering.providerId,
    status.intent?.action.providerId,
    ...[{ cloud: spec.cloud, providerId: status.providerId }, ...(status.earlier ?? [])].flatMap(
      ({ cloud, providerId }) => [
        providerId,
        profile.declaredProviderId(cloud),
        profile.find(cloud, peerings, providerId)?.providerId,
      ],
    ),
  ]);
  const unsettled = connections.filter(({ status }) => status.providerId === null);
  return {
    ids: new Set(connections.map(({ id }) => id)),
    providerIds: new Set(providerIds.filter((id) => id !== null && id !== undefined)),
    claims: (route) => unsettled.some(({ status }) => status.routes.some((other) => isSame(other, route))),
  };
}

function orphanedPeering(
  peering: ObservedPeering,
  { profile, network, routeTables }: OrphanSearch,
  owned: Ownership,
  past: ReadonlyMap<string, PastConnection>,
): OrphanSighting | null {
  const { providerId, phase, mark } = peering;
  const { capabilities } = profile;
  if (owned.providerIds.has(providerId) || (mark !== undefined && owned.ids.has(mark))) return null;
  if (!isOfNetwork(peering, capabilities, network) || !isBrokersDoing(peering, capabilities)) return null;
  const whose = leftBy(peering, capabilities, past);
  if (whose === null) return null;
  if (whose.retryable && (phase === 'rejected' || phase === 'expired')) return null;
  const isLedTo = (routeTables ?? []).some(({ routes }) =>
    routes.some(({ target }) => target === providerId),
  );
  const isRemovable = capabilities.removableIn.includes(phase);
  return {
    kind: capabilities.initiator === 'platform' ? 'attachment' : 'peering',
    providerId,
    route: null,
    connectionId: whose.id,
    evidence: mark === undefined ? 'history' : 'mark',
    mark: mark ?? null,
    ownerAccountId: sides(capabilities, peering).customer.accountId ?? null,
    obstacle: phase === 'deleting' ? 'leaving' : !isRemovable ? 'phase' : isLedTo ? 'routes' : null,
  };
}

/** Whose a connection without a living owner was. A mark that this broker never gave out is somebody else's. */
function leftBy(
  { providerId, mark }: ObservedPeering,
  { initiator }: Capabilities,
  past: ReadonlyMap<string, PastConnection>,
): PastConnection | null {
  if (mark !== undefined) return past.get(mark) ?? null;
  // Every application of the broker carries its mark, and a CCN's id names more than one attachment over time.
  if (initiator === 'platform') return null;
  return [...past.values()].find(({ held }) => held.includes(providerId)) ?? null;
}

/** Whether the platform's side is this network, as far as the cloud tells. */
function isOfNetwork(
  peering: ObservedPeering,
  capabilities: Capabilities,
  { vpcId, accountId }: PlatformNetwork,
): boolean {
  const { platform } = sides(capabilities, peering);
  return (platform.vpcId ?? vpcId) === vpcId && (platform.accountId ?? accountId) === accountId;
}

/**
 * Whether anything about it can be the broker's doing. Where customers ask, a request that was not accepted, or has come
 * to nothing, is the customer's; where the platform asks, all of it is the platform's.
 */
function isBrokersDoing({ phase }: ObservedPeering, { initiator }: Capabilities): boolean {
  if (phase === 'gone') return false;
  return initiator === 'platform' || phase === 'active' || phase === 'in_progress' || phase === 'deleting';
}

function orphanedRoute(
  routeTableId: string,
  { destination, target, mark }: ObservedRoute,
  owned: Ownership,
  past: ReadonlyMap<string, PastConnection>,
  /** Connections in the cloud that carry the mark of a past one, with the mark. */
  marked: ReadonlyMap<string, string>,
): OrphanSighting | null {
  const route = { routeTableId, destination };
  if (target === '' || owned.providerIds.has(target) || owned.claims(route)) return null;
  if (mark !== undefined && owned.ids.has(mark)) return null;
  const found = (connectionId: string, evidence: OrphanEvidence): OrphanSighting => ({
    kind: 'route',
    providerId: target,
    route,
    connectionId,
    evidence,
    mark: mark ?? null,
    ownerAccountId: null,
    obstacle: null,
  });
  if (mark !== undefined) {
    // An entry that somebody has pointed elsewhere since is theirs, whatever it still says.
    const whose = past.get(mark);
    const ledThere = whose?.held.includes(target) || whose?.routes.some((other) => other.target === target);
    return whose !== undefined && ledThere ? found(whose.id, 'mark') : null;
  }
  const maker = [...past.values()].find(({ routes }) =>
    routes.some((other) => other.target === target && isSame(other, route)),
  );
  if (maker !== undefined) return found(maker.id, 'history');
  const owner = marked.get(target);
  return owner === undefined ? null : found(owner, 'target');
}

function isSame(one: RecordedRoute, other: RecordedRoute): boolean {
  return one.routeTableId === other.routeTableId && one.destination === other.destination;
}

/** How it stands with something that was found. Times are epoch milliseconds. */
export interface OrphanStatus {
  readonly state: OrphanState;
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
  /** Looks that have shown it. */
  readonly sightings: number;
  /** It is left alone until then. */
  readonly removeAfter: number;
  /** Removals begun, and when the latest one was. */
  readonly attempts: number;
  readonly attemptedAt: number | null;
  /** Why it could not be removed; null: nothing is known to stand in the way. */
  readonly lastError: string | null;
  /** When it ceased to be an orphan. */
  readonly endedAt: number | null;
}

/** Times by which orphans are judged, in milliseconds. */
export interface OrphanSettings {
  /** How long something is left alone after it was first seen. */
  readonly graceMs: number;
  /** How long the cloud may show the state before a change. */
  readonly consistencyMs: number;
  /** For how long no look must have shown what is kept before it is taken for gone. */
  readonly absenceMs: number;
}

/** Longest wait between attempts to remove one thing. */
const RETRY_MAX_MS = 3_600_000;

const OBSTACLES = {
  routes: 'Routes lead to it that are not removed.',
  phase: 'The cloud removes nothing that is in such a state.',
  leaving: null,
} as const;

export interface OrphanVerdict {
  readonly status: OrphanStatus;
  /** Whether to remove it now; the status that says so is to be stored before. */
  readonly remove: boolean;
}

/**
 * What a look means for one thing. The look that finds it never has it removed: it takes another one at least.
 * @param known how it stood before; null: it was not known
 * @param seen what the look has shown of it; `disowned`: it is there, but is (no longer) an orphan; null: it is not there
 * @param at when the look began, in epoch milliseconds
 * @returns null when there is nothing to remember
 */
export function judgeOrphan(
  known: OrphanStatus | null,
  seen: Pick<OrphanSighting, 'obstacle'> | 'disowned' | null,
  settings: OrphanSettings,
  at: number,
): OrphanVerdict | null {
  if (known === null) {
    if (seen === null || seen === 'disowned' || seen.obstacle === 'leaving') return null;
    return { status: newlyFound(settings, at), remove: false };
  }
  const stays = (status: OrphanStatus): OrphanVerdict => ({ status, remove: false });
  if (isOver(known)) return stays(known);
  if (known.state === 'kept') return stays(stillKept(known, seen, settings, at));
  if (seen === 'disowned') return stays({ ...known, state: 'gone', endedAt: at });
  if (seen === null) {
    if (known.state !== 'removing') return stays({ ...known, state: 'gone', endedAt: at });
    // A look from before the removal has taken effect proves nothing.
    const shows = at >= (known.attemptedAt ?? at) + settings.consistencyMs;
    return stays(shows ? { ...known, state: 'removed', lastError: null, endedAt: at } : known);
  }
  const status = { ...known, lastSeenAt: at, sightings: known.sightings + 1 };
  if (seen.obstacle === 'leaving') return stays(status);
  if (at < dueAt(status, settings)) return stays(status);
  if (seen.obstacle !== null) return stays({ ...status, lastError: OBSTACLES[seen.obstacle] });
  return {
    status: { ...status, state: 'removing', attempts: status.attempts + 1, attemptedAt: at, lastError: null },
    remove: true,
  };
}

/**
 * An operator's decision outlasts a listing that was not whole, and an owner that comes and goes: were it forgotten, what
 * is to be kept would be found anew, and removed.
 */
function stillKept(
  known: OrphanStatus,
  seen: Pick<OrphanSighting, 'obstacle'> | 'disowned' | null,
  { absenceMs }: OrphanSettings,
  at: number,
): OrphanStatus {
  if (seen === null)
    return at < known.lastSeenAt + absenceMs ? known : { ...known, state: 'gone', endedAt: at };
  return { ...known, lastSeenAt: at, sightings: known.sightings + (seen === 'disowned' ? 0 : 1) };
}

/** Whether it is an orphan no longer. */
export function isOver({ state }: Pick<OrphanStatus, 'state'>): boolean {
  return state === 'removed' || state === 'gone';
}

/**
 * When the network is to be looked at again for this one's sake, in epoch milliseconds; null: it can wait for the next
 * look that is made anyway.
 */
export function orphanCheckAt(status: OrphanStatus, settings: OrphanSettings): number | null {
  if (isOver(status) || status.state === 'kept') return null;
  const { attemptedAt, lastSeenAt, removeAfter, sightings, state } = status;
  const settledAt = lastSeenAt + settings.consistencyMs;
  if (state === 'removing') {
    const showsAt = (attemptedAt ?? lastSeenAt) + settings.consistencyMs;
    return lastSeenAt < showsAt ? showsAt : Math.max(dueAt(status, settings), settledAt);
  }
  if (removeAfter > lastSeenAt) return Math.max(removeAfter, settledAt);
  return sightings === 1 ? settledAt : null;
}

/** When it may be removed, or removed again. */
function dueAt(status: OrphanStatus, { consistencyMs }: OrphanSettings): number {
  if (status.state !== 'removing' || status.attemptedAt === null) return status.removeAfter;
  const wait = Math.max(consistencyMs, 1_000) * 2 ** Math.min(status.attempts - 1, 20);
  return status.attemptedAt + Math.min(wait, RETRY_MAX_MS);
}

function newlyFound({ graceMs }: OrphanSettings, at: number): OrphanStatus {
  return {
    state: 'found',
    firstSeenAt: at,
    lastSeenAt: at,
    sightings: 1,
    removeAfter: at + graceMs,
    attempts: 0,
    attemptedAt: null,
    lastError: null,
    endedAt: null,
  };
}
