/** A cloud in this process that answers at once: what remains is the engine's own cost. */
import type { CloudConnector, CloudPort, NetworkRef, ObservedPeering, ObservedRouteTable } from '#domain';

import type { FleetNetwork } from './fleet.js';

export const INSTANT_REGION = 'eu-west-1';
export const INSTANT_ACCOUNT = '123456789012';
const CUSTOMER = '210987654321';

interface Shown {
  readonly peerings: ObservedPeering[];
  readonly tables: ObservedRouteTable[];
}

/** AWS networks with so many connections each, all of them established and routed. */
export function instantFleet(count: number, each: number): FleetNetwork[] {
  const hex = (value: number): string => value.toString(16).padStart(17, '0');
  return Array.from({ length: count }, (_, network) => ({
    vpcId: `vpc-${hex(network)}`,
    cidr: '10.11.0.0/16',
    connections: Array.from({ length: each }, (_, nth) => {
      const id = hex(network * each + nth);
      return {
        spec: { kind: 'aws', connectionId: `pcx-${id}`, accountId: CUSTOMER, vpcId: `vpc-c${id.slice(1)}` },
        providerId: `pcx-${id}`,
        cidr: `172.${16 + (nth >> 8)}.${nth & 255}.0/24`,
      };
    }),
  }));
}

/** @returns how to connect, and the port itself */
export function instantCloud(fleet: readonly FleetNetwork[]): { connect: CloudConnector; port: CloudPort } {
  const shown = new Map(fleet.map((network) => [network.vpcId, show(network)]));
  const look = <Part extends keyof Shown>(part: Part, { vpcId }: NetworkRef): Promise<Shown[Part]> => {
    const found = shown.get(vpcId);
    return found ? Promise.resolve(found[part]) : Promise.reject(new Error(`There is no ${vpcId}.`));
  };
  const refuse = (): Promise<never> => Promise.reject(new Error('Nothing is to be changed here.'));
  const port: CloudPort = {
    cloud: 'aws',
    describeNetwork: ({ vpcId }) =>
      Promise.resolve({ vpcId, accountId: INSTANT_ACCOUNT, cidrs: ['10.11.0.0/16'], routeTableIds: [] }),
    observePeerings: (network) => look('peerings', network),
    observePeering: async (network, providerId) =>
      (await look('peerings', network)).find((peering) => peering.providerId === providerId) ?? null,
    observeRoutes: (network) => look('tables', network),
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
