import { randomBytes } from 'node:crypto';
import { StateStore } from '../state-store.js';
import type { VirtualClock } from '../virtual-clock.js';

/** Whose and where: every resource but a peering belongs to one account in one region. */
export interface Home {
  readonly accountId: string;
  readonly region: string;
}

/** A CIDR block of a VPC; the first is the one that it was created with. */
export interface CidrAssociation {
  readonly associationId: string;
  readonly cidr: string;
}

/** A VPC with the defaults that are made and removed with it. */
export interface Vpc extends Home {
  readonly id: string;
  readonly cidrs: readonly CidrAssociation[];
  readonly instanceTenancy: string;
  readonly enableDnsSupport: boolean;
  readonly enableDnsHostnames: boolean;
  readonly enableNetworkAddressUsageMetrics: boolean;
  readonly networkAclId: string;
}

/** A part of a VPC's addresses in one zone. */
export interface Subnet extends Home {
  readonly id: string;
  readonly vpcId: string;
  readonly cidr: string;
  readonly zoneId: string;
  readonly zoneName: string;
  readonly mapPublicIpOnLaunch: boolean;
  readonly networkAclAssociationId: string;
}

/** One end of a peering, as its owner may change it. */
export interface PeeringSide extends Home {
  readonly vpcId: string;
  readonly allowDnsResolutionFromRemoteVpc: boolean;
}

/** A peering as its events, in milliseconds of simulated time; its status follows from them and the clock. */
export interface Peering {
  readonly id: string;
  readonly requester: PeeringSide;
  readonly accepter: PeeringSide;
  readonly createdAt: number;
  /** When `initiating-request` becomes `pending-acceptance`. */
  readonly pendingAt: number;
  readonly expiresAt: number;
  readonly failedAt?: number;
  readonly rejectedAt?: number;
  readonly acceptedAt?: number;
  /** When `provisioning` becomes `active`. */
  readonly activeAt?: number;
  readonly deletedBy?: string;
  readonly deletingAt?: number;
  /** When `deleting` becomes `deleted`. */
  readonly deletedAt?: number;
}

/** What a route that somebody made points at. The local routes follow from the VPC's CIDR blocks. */
export interface Route {
  /** IPv4 or IPv6 block in canonical form; unique in its table. */
  readonly destination: string;
  readonly peeringId: string;
  /** It leads nowhere although its peering is active: only the control API does that. */
  readonly broken?: boolean;
}

/** A route table; every VPC has one main table. */
export interface RouteTable extends Home {
  readonly id: string;
  readonly vpcId: string;
  readonly mainAssociationId: string | undefined;
  readonly subnets: readonly { readonly associationId: string; readonly subnetId: string }[];
  readonly routes: readonly Route[];
  /** The caller's own, by which a repeated request is known. */
  readonly clientToken: string | undefined;
}

/** A security group; every VPC has one called `default`. */
export interface SecurityGroup extends Home {
  readonly id: string;
  readonly vpcId: string;
  readonly name: string;
  readonly description: string;
}

/** One source or destination that a security group lets through. */
export interface SecurityGroupRule extends Home {
  readonly id: string;
  readonly groupId: string;
  readonly egress: boolean;
  /** `tcp`, `udp`, `icmp`, `icmpv6`, another protocol's number, or `-1` for all. */
  readonly protocol: string;
  /** -1 for all, of ICMP; undefined where the protocol has none. */
  readonly fromPort: number | undefined;
  readonly toPort: number | undefined;
  readonly peer:
    | { readonly kind: 'ipv4' | 'ipv6'; readonly cidr: string }
    | { readonly kind: 'group'; readonly groupId: string; readonly accountId: string };
  readonly description: string | undefined;
}

/** A tag is seen only by the account that made it, whoever owns the resource. */
export interface Tag extends Home {
  readonly resourceId: string;
  readonly key: string;
  readonly value: string;
}

/** A role that other accounts may assume. */
export interface Role {
  readonly accountId: string;
  readonly name: string;
  readonly trustedAccountIds: readonly string[];
  readonly externalId: string | undefined;
}

/** What a simulator's operator may change; times in seconds. */
export interface AwsSettings {
  readonly peeringInitiatingSeconds: number;
  readonly peeringProvisioningSeconds: number;
  readonly peeringDeletingSeconds: number;
  /**
   * Which CIDR blocks a peering shows before it is active. The API reference says `none`; the examples beside it
   * show the `requester`'s.
   */
  readonly cidrsWhilePending: 'none' | 'requester' | 'both';
  readonly activePeeringsPerVpc: number;
  readonly outstandingPeeringRequests: number;
  readonly routesPerTable: number;
  readonly rulesPerSecurityGroup: number;
  readonly vpcsPerRegion: number;
}

/**
 * Quotas as AWS publishes them (Amazon VPC quotas), save `vpcsPerRegion`, which is 5 there and would only hinder
 * here. Times are about what is seen in practice.
 */
export const DEFAULT_SETTINGS: AwsSettings = {
  peeringInitiatingSeconds: 0,
  peeringProvisioningSeconds: 1,
  peeringDeletingSeconds: 0,
  cidrsWhilePending: 'none',
  activePeeringsPerVpc: 50,
  outstandingPeeringRequests: 25,
  routesPerTable: 50,
  rulesPerSecurityGroup: 60,
  vpcsPerRegion: 100_000,
};

/** The key under which an account's resources of one region are filed. */
export function homeKey({ accountId, region }: Home): string {
  return `${accountId}/${region}`;
}

/** A fresh id as EC2 makes them: the type's prefix and 17 hexadecimal digits. */
export function newId(prefix: string): string {
  return `${prefix}-0${randomBytes(8).toString('hex')}`;
}

/** All resources of all accounts and regions. */
export class AwsState {
  readonly store: StateStore;
  settings: AwsSettings = DEFAULT_SETTINGS;
  /** By `{accountId}/{name}`. */
  readonly roles = new Map<string, Role>();

  readonly vpcs;
  readonly subnets;
  readonly peerings;
  readonly routeTables;
  readonly securityGroups;
  readonly securityGroupRules;
  readonly tags;

  constructor(readonly clock: VirtualClock) {
    const store = new StateStore(clock);
    this.store = store;
    this.vpcs = store.table('vpcs', {
      id: (vpc: Vpc) => vpc.id,
      indexes: {
        home: (vpc) => [homeKey(vpc)],
        cidrAssociation: (vpc) => vpc.cidrs.map((cidr) => cidr.associationId),
      },
    });
    this.subnets = store.table('subnets', {
      id: (subnet: Subnet) => subnet.id,
      indexes: { home: (subnet) => [homeKey(subnet)], vpc: (subnet) => [subnet.vpcId] },
    });
    this.peerings = store.table('peerings', {
      id: (peering: Peering) => peering.id,
      indexes: {
        home: ({ requester, accepter }) => [...new Set([homeKey(requester), homeKey(accepter)])],
        requesterVpc: ({ requester }) => [requester.vpcId],
        accepterVpc: ({ accepter }) => [accepter.vpcId],
        /** Requests that wait for an answer, by the requester's home. Expired ones are still among them. */
        openRequests: (peering) => (isOpen(peering) ? [homeKey(peering.requester)] : []),
        /** Accepted and not deleted, by either VPC. */
        acceptedByVpc: ({ requester, accepter, acceptedAt, deletingAt }) =>
          acceptedAt !== undefined && deletingAt === undefined ? [requester.vpcId, accepter.vpcId] : [],
        /** Everything between two VPCs, in the direction of the request. */
        pair: ({ requester, accepter }) => [`${requester.vpcId}>${accepter.vpcId}`],
      },
    });
    this.routeTables = store.table('routeTables', {
      id: (table: RouteTable) => table.id,
      indexes: {
        home: (table) => [homeKey(table)],
        vpc: (table) => [table.vpcId],
        peering: (table) => [...new Set(table.routes.map((route) => route.peeringId))],
        clientToken: (table) =>
          table.clientToken === undefined ? [] : [`${homeKey(table)}/${table.clientToken}`],
        association: (table) => [
          ...(table.mainAssociationId === undefined ? [] : [table.mainAssociationId]),
          ...table.subnets.map((subnet) => subnet.associationId),
        ],
      },
    });
    this.securityGroups = store.table('securityGroups', {
      id: (group: SecurityGroup) => group.id,
      indexes: { home: (group) => [homeKey(group)], vpc: (group) => [group.vpcId] },
    });
    this.securityGroupRules = store.table('securityGroupRules', {
      id: (rule: SecurityGroupRule) => rule.id,
      indexes: { home: (rule) => [homeKey(rule)], group: (rule) => [rule.groupId] },
    });
    this.tags = store.table('tags', {
      id: (tag: Tag) => `${homeKey(tag)}/${tag.resourceId}/${tag.key}`,
      indexes: { home: (tag) => [homeKey(tag)], resource: (tag) => [`${homeKey(tag)}/${tag.resourceId}`] },
    });
  }

  /** Back to the settings and roles of the start; the store is emptied by whoever resets the simulator. */
  reset(): void {
    this.settings = DEFAULT_SETTINGS;
    this.roles.clear();
  }
}

function isOpen({ failedAt, rejectedAt, acceptedAt, deletingAt }: Peering): boolean {
  return [failedAt, rejectedAt, acceptedAt, deletingAt].every((at) => at === undefined);
}
