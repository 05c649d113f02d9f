import {
  isLive,
  needsRoutes,
  type CloudPort,
  type CloudProfile,
  type NetworkRef,
  type ObservedPeering,
  type ObservedRouteTable,
  type PeeringConnection,
  type Sighting,
} from '#domain';

import type { PeeringRecord } from '#database';

import type { CloudAccess } from '../accounts/account-pool.js';
import { bothOf } from './in-parallel.js';

/** What one look at a platform network showed of all its connections. */
export interface Look {
  /** When the look began, in epoch milliseconds. */
  readonly at: number;
  readonly peerings: readonly ObservedPeering[];
  /** Null when no connection needed them. */
  readonly routeTables: readonly ObservedRouteTable[] | null;
  /** Declared requests that the listing of the network does not show, looked up one by one, by connection. */
  readonly elsewhere: ReadonlyMap<string, ObservedPeering>;
}

/**
 * Looks at everything that the connections need to be judged: the connections of the network in one listing and, at
 * the same time, its route tables. A declared request that was not verified yet and is not in the listing is
 * looked up by its id, which tells a request that was sent to another network from one that does not exist.
 * @throws CloudError when any part of the look failed: half a look is none
 */
export async function look(
  access: CloudAccess,
  network: NetworkRef,
  connections: readonly PeeringRecord[],
  profile: CloudProfile,
  now: number,
): Promise<Look> {
  const { port } = access;
  const ask = <Answer>(operation: keyof CloudPort, call: () => Promise<Answer>): Promise<Answer> =>
    access.gate.pass(operation, call);
  const [peerings, routeTables] = await bothOf(
    ask('observePeerings', () => port.observePeerings(network)),
    connections.some(needsRoutes)
      ? ask('observeRoutes', () => port.observeRoutes(network))
      : Promise.resolve(null),
  );
  const unseen = connections.filter(
    (connection) => (connection.dueAt ?? now) <= now && isToBeLookedUp(connection, profile, peerings),
  );
  const found = await Promise.all(
    unseen.map(async ({ id, spec }) => {
      const providerId = profile.declaredProviderId(spec.cloud) ?? '';
      const peering = await ask('observePeering', () => port.observePeering(network, providerId));
      return [id, peering] as const;
    }),
  );
  const elsewhere = new Map(found.flatMap(([id, peering]) => (peering ? [[id, peering] as const] : [])));
  return { at: now, peerings, routeTables, elsewhere };
}

/** What a look showed of one connection. */
export function sightingOf(
  { at, peerings, routeTables, elsewhere }: Look,
  { id, spec, status }: Pick<PeeringConnection, 'id' | 'spec' | 'status'>,
  profile: CloudProfile,
): Sighting {
  const peering = profile.find(spec.cloud, peerings, status.providerId) ?? elsewhere.get(id) ?? null;
  const earlier = status.earlier?.map((request) => profile.find(request.cloud, peerings, request.providerId));
  return { at, peering, routeTables, ...(earlier === undefined ? {} : { earlier }) };
}

/**
 * The live connection that holds each of the cloud's ids: the one that is tied to it, else the first one whose
 * declaration finds it now.
 */
export function holdersIn(
  seen: Look,
  connections: readonly Pick<PeeringConnection, 'id' | 'spec' | 'status'>[],
  profile: CloudProfile,
): ReadonlyMap<string, string> {
  const holders = new Map<string, string>();
  const live = connections.filter(({ status }) => isLive(status));
  for (const { id, status } of live) if (status.providerId !== null) holders.set(status.providerId, id);
  for (const connection of live) {
    if (connection.status.providerId !== null) continue;
    const found = sightingOf(seen, connection, profile).peering?.providerId;
    if (found !== undefined && !holders.has(found)) holders.set(found, connection.id);
  }
  return holders;
}

/** Whether a declared request is to be looked up by its id, wherever it leads: until it was found to be the right one. */
export function isToBeLookedUp(
  { desired, spec, status }: PeeringConnection,
  profile: CloudProfile,
  peerings: readonly ObservedPeering[],
): boolean {
  return (
    profile.capabilities.initiator === 'customer' &&
    desired === 'present' &&
    status.state === 'verifying' &&
    !status.verified &&
    profile.declaredProviderId(spec.cloud) !== null &&
    profile.find(spec.cloud, peerings, status.providerId) === null
  );
}
