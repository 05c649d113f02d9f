import { StateStore } from '../state-store.js';
import type { VirtualClock } from '../virtual-clock.js';

/** A VPC. It lies in its project's region. */
export interface Vpc {
  readonly id: string;
  readonly projectId: string;
  readonly name: string;
  readonly description: string;
  /** The block that it was made with. */
  readonly cidr: string;
  readonly extendCidrs: readonly string[];
  readonly createdAt: number;
}

/** One end of a peering. There is no CIDR block here: the API shows none. */
export interface PeeringSide {
  readonly vpcId: string;
  readonly projectId: string;
}

/** A peering as its events, in milliseconds of simulated time; its status follows from them and the clock. */
export interface Peering {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly requester: PeeringSide;
  readonly accepter: PeeringSide;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly expiresAt: number;
  readonly acceptedAt?: number;
  readonly rejectedAt?: number;
  readonly deletedAt?: number;
}

/** An entry of a route table; the destination is unique in it. */
export interface Route {
  readonly type: 'peering';
  readonly destination: string;
  readonly nexthop: string;
  readonly description: string;
}

/** A route table; every VPC has one default table. */
export interface RouteTable {
  readonly id: string;
  readonly projectId: string;
  readonly vpcId: string;
  readonly name: string;
  readonly description: string;
  readonly isDefault: boolean;
  readonly routes: readonly Route[];
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** A security group. */
export interface SecurityGroup {
  readonly id: string;
  readonly projectId: string;
  readonly name: string;
  readonly description: string;
  readonly createdAt: number;
}

/** A rule of a security group. */
export interface SecurityGroupRule {
  readonly id: string;
  readonly projectId: string;
  readonly groupId: string;
  readonly direction: 'ingress' | 'egress';
  readonly ethertype: 'IPv4' | 'IPv6';
  /** `tcp`, `udp`, `icmp`, a protocol's number, or null for all. */
  readonly protocol: string | null;
  /** Ports and ranges of ports, comma-separated; null for all. */
  readonly multiport: string | null;
  readonly remoteIpPrefix: string | null;
  readonly action: 'allow' | 'deny';
  readonly priority: number;
  readonly description: string;
  readonly createdAt: number;
}

/** An agency (role) that other accounts may assume. */
export interface Agency {
  /** `iam::{domainId}:agency:{name}` */
  readonly urn: string;
  readonly accountId: string;
  readonly trustedAccountIds: readonly string[];
  readonly externalId: string | undefined;
}

/** What a simulator's operator may change; times in seconds. */
export interface HuaweiSettings {
  /** How long a request waits for an answer. The vendor documents the state EXPIRED, but not when it comes. */
  readonly requestLifetimeSeconds: number;
  /** How long a deleted peering is still shown, as DELETED; both sides lose sight of it at once otherwise. */
  readonly deletedVisibleSeconds: number;
  /** Whether deleting a peering takes the routes to it along, on both sides. The vendor's texts can be read both ways. */
  readonly deletionRemovesRoutes: boolean;
  readonly peeringsPerProject: number;
  readonly routesPerTable: number;
}

/** Quotas as Huawei Cloud publishes them, save `peeringsPerProject`, which is 50 there until raised on request. */
export const DEFAULT_SETTINGS: HuaweiSettings = {
  requestLifetimeSeconds: 7 * 86_400,
  deletedVisibleSeconds: 0,
  deletionRemovesRoutes: false,
  peeringsPerProject: 5_000,
  routesPerTable: 200,
};

/** All resources of all projects. */
export class HuaweiState {
  readonly store: StateStore;
  settings: HuaweiSettings = DEFAULT_SETTINGS;

  readonly vpcs;
  readonly peerings;
  readonly routeTables;
  readonly securityGroups;
  readonly securityGroupRules;
  readonly agencies;

  constructor(readonly clock: VirtualClock) {
    const store = new StateStore(clock);
    this.store = store;
    this.vpcs = store.table('vpcs', {
      id: (vpc: Vpc) => vpc.id,
      indexes: { project: (vpc) => [vpc.projectId] },
    });
    this.peerings = store.table('peerings', {
      id: (peering: Peering) => peering.id,
      indexes: {
        project: ({ requester, accepter }) => [...new Set([requester.projectId, accepter.projectId])],
        vpc: ({ requester, accepter }) => [...new Set([requester.vpcId, accepter.vpcId])],
        /** Everything between two VPCs, whoever asked. */
        pair: ({ requester, accepter }) => [pairKey(requester.vpcId, accepter.vpcId)],
      },
    });
    this.routeTables = store.table('routeTables', {
      id: (table: RouteTable) => table.id,
      indexes: {
        project: (table) => [table.projectId],
        vpc: (table) => [table.vpcId],
        nexthop: (table) => [...new Set(table.routes.map((route) => route.nexthop))],
      },
    });
    this.securityGroups = store.table('securityGroups', {
      id: (group: SecurityGroup) => group.id,
      indexes: { project: (group) => [group.projectId] },
    });
    this.securityGroupRules = store.table('securityGroupRules', {
      id: (rule: SecurityGroupRule) => rule.id,
      indexes: { project: (rule) => [rule.projectId], group: (rule) => [rule.groupId] },
    });
    this.agencies = store.table('agencies', { id: (agency: Agency) => agency.urn, indexes: {} });
  }

  /** Back to the settings of the start; the store is emptied by whoever resets the simulator. */
  reset(): void {
    this.settings = DEFAULT_SETTINGS;
  }
}

/** The key of two VPCs, in whichever order they are given. */
export function pairKey(one: string, other: string): string {
  return [one, other].sort().join('+');
}
