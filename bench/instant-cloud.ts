/** A cloud that is part of the process and answers at once: what remains is the engine's own cost. */
import type { CloudConnector, CloudPort, NetworkRef, ObservedPeering, ObservedRouteTable } from '#domain';

import type { FleetNetwork } from './fleet.js';

export const INSTANT_REGION = 'eu-west-1';
export const INSTANT_ACCOUNT = '123456789012';
const CUSTOMER = '210987654321';
const PLATFORM_BLOCK = '10.11.0.0/16';

interface Shown {
  readonly peerings: ObservedPeering[];
  readonly tables: ObservedRouteTable[];
}

/** The nth network on AWS with so many connections, all of them established and routed. */
export function instantNetwork(network: number, each: number): FleetNetwork {
  return {
    vpcId: `vpc-${hex(network)}`,
    cidr: PLATFORM_BLOCK,
    connections: Array.from({ length: each }, (_, nth) => {
      const id = hex(network * each + nth);
      return {
        spec: { kind: 'aws', connectionId: `pcx-${id}`, accountId: CUSTOMER, vpcId: `vpc-c${id.slice(1)}` },
        providerId: `pcx-${id}`,
        cidr: `172.${16 + (nth >> 8)}.${nth & 255}.0/24`,
      };
    }),
  };
}

/** As clouds write the numbers of what they have. */
export function hex(value: number): string {
  return value.toString(16).padStart(17, '0');
}

/**
 * Shows all of these networks there are. Nothing is remembered from one look to the next, so that the memory of the
 * process is the engine's.
 * @param each connections of a network
 * @returns how to connect, and the port itself
 */
export function instantCloud(each: number): { connect: CloudConnector; port: CloudPort } {
  const look = ({ vpcId }: NetworkRef): Shown => show(instantNetwork(parseInt(vpcId.slice(4), 16), each));
  const refuse = (): Promise<never> => Promise.reject(new Error('Nothing is to be changed here.'));
  const port: CloudPort = {
    cloud: 'aws',
    describeNetwork: ({ vpcId }) =>
      Promise.resolve({ vpcId, accountId: INSTANT_ACCOUNT, cidrs: [PLATFORM_BLOCK], routeTableIds: [] }),
    observePeerings: (network) => Promise.resolve(look(network).peerings),
    observePeering: (network, providerId) =>
      Promise.resolve(look(network).peerings.find((peering) => peering.providerId === providerId) ?? null),
    observeRoutes: (network) => Promise.resolve(look(network).tables),
    acceptPeering: refuse,
    rejectPeering: refuse,
    deletePeering: refuse,
    requestAttachment: refuse,
    withdrawAttachment: refuse,
    markPeering: refuse,
    ensureRoute: refuse,
    removeRoute: refuse,
    close: () => undefined,
  };
  return { connect: () => port, port };
}

function show({ vpcId, cidr, connections }: FleetNetwork): Shown {
  const region = INSTANT_REGION;
  const peerings = connections.map(({ spec, providerId, cidr: block }) => ({
    providerId,
    phase: 'active' as const,
    providerState: 'active',
    requester: { accountId: CUSTOMER, vpcId: spec['vpcId'] ?? '', region, cidrs: [block] },
    accepter: { accountId: INSTANT_ACCOUNT, vpcId, region, cidrs: [cidr] },
  }));
  const routes = connections.map(({ providerId, cidr: destination }) => ({
    destination,
    target: providerId,
    state: 'active' as const,
  }));
  return { peerings, tables: [{ routeTableId: `rtb-${vpcId.slice(4)}`, main: true, routes }] };
}
