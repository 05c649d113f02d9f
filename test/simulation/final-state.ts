/** What is wrong with a world in which nothing goes wrong any more: by the rows and by the cloud's own books. */
import {
  LIVE_PHASES,
  overlaps,
  profileOf,
  reservedInterval,
  type ObservedPeering,
  type PlatformNetwork,
} from '#domain';
import type { PeeringRecord } from '#database';

import { AttachmentCloud } from './attachment-cloud.js';
import { blockOf, RESERVED, type MemoryDatabase } from './memory-database.js';
import { PeeringCloud } from './peering-cloud.js';
import type { SimulatedApi } from './simulated-api.js';

export interface FinalWorld {
  readonly database: MemoryDatabase;
  readonly cloud: PeeringCloud | AttachmentCloud;
  readonly networks: readonly PlatformNetwork[];
  readonly api: SimulatedApi;
}

/** States in which nothing more happens by itself, or only watching. */
const SETTLED = ['awaiting_request', 'running', 'degraded', 'failed', 'rejected', 'expired', 'deleted'];

/** Everything that is not as it must be once all has settled; empty: all is well. */
export function problemsOf(world: FinalWorld): string[] {
  const rows = [...world.database.connections.values()];
  return [
    ...rows.flatMap((row) => [...lost(row, world), ...ofConnection(row, world)]),
    ...world.networks.flatMap((network) => orphans(network, world)),
    ...overlapping(world),
  ];
}

/** What was acknowledged and is not in the row. */
function lost(row: PeeringRecord, { api }: FinalWorld): string[] {
  const known = api.acknowledged.get(row.id);
  const isKept =
    known?.desired === row.desired &&
    known.lockedNote === row.lockedNote &&
    JSON.stringify(known.spec) === JSON.stringify(row.spec);
  return isKept ? [] : [`an acknowledged request for ${row.id} was lost`];
}

function ofConnection(row: PeeringRecord, world: FinalWorld): string[] {
  const { desired, id, status } = row;
  const { ending, state } = status;
  if (!SETTLED.includes(state)) return [`${id} is still ${state} (${status.reason.code})`];
  if (desired === 'absent' && state !== 'deleted') return [`${id} is to be deleted and is ${state}`];
  if (ending !== null) return [`${id} is still being taken back (${ending.reason.code})`];
  const claimed = world.database.claims.filter(({ connectionId }) => connectionId === id);
  if (state === 'running' || state === 'degraded') {
    const admitted = [...status.admittedCidrs].sort().join();
    const held = claimed
      .map(({ block }) => block.text)
      .sort()
      .join();
    return [
      ...(held === admitted ? [] : [`${id} carries ${admitted} and claims ${held}`]),
      ...ofEstablished(row, world),
    ];
  }
  return [
    ...(claimed.length > 0 && state !== 'awaiting_request'
      ? [`${id} is ${state} and still claims blocks`]
      : []),
    ...left(row, world),
  ];
}

function ofEstablished(row: PeeringRecord, { cloud, database }: FinalWorld): string[] {
  const { id, network, status } = row;
  const profile = profileOf(row.cloud);
  const peering = trueSight(cloud, row).find(({ providerId }) => providerId === status.providerId);
  if (peering?.phase !== 'active')
    return [`${id} is ${status.state} and ${status.providerId} ${peering?.phase ?? 'gone'}`];
  if (profile.mismatches(row.spec.cloud, network, peering).length > 0)
    return [`${id} is established with another's request`];
  const side = profile.capabilities.initiator === 'customer' ? peering.requester : peering.accepter;
  const cidrs = profile.capabilities.cidrObservable ? side.cidrs : row.spec.cidrs;
  const others = database.claims.filter(
    (claim) => claim.deploymentId === row.deploymentId && claim.connectionId !== id,
  );
  const refused = cidrs.filter(
    (cidr) =>
      others.some(({ block }) => overlaps(block, blockOf(cidr))) ||
      RESERVED.some((range) => overlaps(reservedInterval(range), blockOf(cidr))),
  );
  const allowed = cidrs.filter((cidr) => !refused.includes(cidr));
  const problems: string[] = [];
  const missing = allowed.filter((cidr) => !status.admittedCidrs.includes(cidr));
  if (missing.length > 0) problems.push(`${id} does not carry ${missing.join()}`);
  const surplus = status.admittedCidrs.filter((cidr) => !cidrs.includes(cidr));
  if (surplus.length > 0) problems.push(`${id} still carries ${surplus.join()}`);
  let isHindered = refused.length > 0;
  if (cloud instanceof PeeringCloud) {
    for (const table of cloud.trueRoutes(network)) {
      for (const cidr of status.admittedCidrs) {
        const entry = table.routes.find(({ destination }) => destination === cidr);
        if (entry?.target === status.providerId) continue;
        if (entry === undefined) problems.push(`${id} has no route to ${cidr} in ${table.routeTableId}`);
        else isHindered = true;
      }
      for (const { destination, mark } of table.routes) {
        if (mark === id && !status.admittedCidrs.includes(destination)) {
          problems.push(`${id} has a route too many, to ${destination}`);
        }
      }
    }
  }
  const expected = isHindered ? 'degraded' : 'running';
  if (problems.length === 0 && status.state !== expected) {
    problems.push(`${id} is ${status.state} (${status.reason.code}) where ${expected} is right`);
  }
  return problems;
}

/** What is there of a connection that is over. */
function left(row: PeeringRecord, world: FinalWorld): string[] {
  const { cloud, database } = world;
  const { id, status } = row;
  const profile = profileOf(row.cloud);
  const isHeldByOther = (providerId: string): boolean =>
    database
      .connectionsOf(row.deploymentId)
      .some((other) => other.id !== id && !isOver(other) && other.status.providerId === providerId);
  return trueSight(cloud, row).flatMap((peering) => {
    const { mark, phase, providerId } = peering;
    if (!LIVE_PHASES.includes(phase) || isHeldByOther(providerId)) return [];
    if (cloud instanceof AttachmentCloud) return mark === id ? [`${providerId} of ${id} is ${phase}`] : [];
    const book = cloud.books.get(providerId);
    if (book === undefined || profile.find(row.spec.cloud, [peering], status.providerId) === null) return [];
    if (profile.mismatches(row.spec.cloud, row.network, peering).length > 0) return [];
    const endedAt = row.deletedAt ?? status.stateSince;
    const isLater = book.createdAt > endedAt - profile.capabilities.consistencyMs;
    if (phase === 'pending_platform' && (status.state !== 'deleted' || isLater)) return [];
    return [`${providerId} of ${id} (${status.state}) is ${phase}`];
  });
}

/** What the broker made and nobody has. */
function orphans(network: PlatformNetwork, { cloud, database }: FinalWorld): string[] {
  const holders = database.connectionsOf(network.deploymentId).filter((row) => !isOver(row));
  const held = new Set(holders.map(({ status }) => status.providerId));
  if (cloud instanceof AttachmentCloud) {
    return cloud.trueSightOf(network).flatMap(({ mark, phase, providerId }) => {
      const isOwned = mark === undefined || holders.some(({ id }) => id === mark);
      return isOwned || !LIVE_PHASES.includes(phase)
        ? []
        : [`${providerId} of ${mark} is an orphan (${phase})`];
    });
  }
  const accepted = [...cloud.books.values()].filter(
    ({ acceptedAt, accepter, phase }) =>
      accepter.vpcId === network.vpcId && acceptedAt !== null && ['active', 'in_progress'].includes(phase),
  );
  return [
    ...accepted.flatMap(({ id }) => (held.has(id) ? [] : [`${id} was accepted for nobody`])),
    ...cloud
      .trueRoutes(network)
      .flatMap(({ routeTableId, routes }) =>
        routes.flatMap(({ destination, mark }) =>
          mark === undefined || holders.some(({ id }) => id === mark)
            ? []
            : [`the route to ${destination} of ${mark} in ${routeTableId} is an orphan`],
        ),
      ),
  ];
}

function overlapping({ database }: FinalWorld): string[] {
  return database.claims.flatMap((claim, index) =>
    database.claims
      .slice(0, index)
      .filter((other) => other.deploymentId === claim.deploymentId && overlaps(other.block, claim.block))
      .map((other) => `${claim.block.text} and ${other.block.text} overlap`),
  );
}

function isOver({ status }: PeeringRecord): boolean {
  return ['awaiting_request', 'failed', 'rejected', 'expired', 'deleted'].includes(status.state);
}

function trueSight(
  cloud: PeeringCloud | AttachmentCloud,
  { network }: PeeringRecord,
): readonly ObservedPeering[] {
  return cloud.trueSightOf(network);
}
