import { randomBytes } from 'node:crypto';
import { StateStore } from '../state-store.js';
import type { VirtualClock } from '../virtual-clock.js';
import type { AlibabaError } from './alibaba-error.js';

/** Whose and where: every resource but a peering belongs to one account in one region. */
export interface Home {
  /** 15 to 20 digits; text here, a JSON number on the wire. */
  readonly accountId: string;
  readonly region: string;
}

/** A VPC. */
export interface Vpc extends Home {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  /** The block that it was made with. */
  readonly cidr: string;
  readonly secondaryCidrs: readonly string[];
  readonly userCidrs: readonly string[];
  readonly routerId: string;
  readonly createdAt: number;
  /** When `Pending` becomes `Available`. */
  readonly availableAt: number;
}

/** One end of a peering. */
export interface PeeringSide extends Home {
  readonly vpcId: string;
}

/** A peering as its events, in milliseconds of simulated time; its status follows from them and the clock. */
export interface Peering {
  readonly id: string;
  readonly requester: PeeringSide;
  readonly accepter: PeeringSide;
  readonly name: string;
  readonly description: string;
  /** Mbit/s; -1 for unlimited. */
  readonly bandwidth: number;
  readonly createdAt: number;
  /** When `Creating` becomes `Accepting`, or `Activated` within one account. */
  readonly readyAt: number;
  readonly expiresAt: number;
  readonly modifiedAt: number;
  readonly rejectedAt?: number;
  readonly acceptedAt?: number;
  /** When `Updating` becomes `Activated`. */
  readonly activeAt?: number;
  readonly deletingAt?: number;
  /** When `Deleting` becomes `Deleted`. */
  readonly deletedAt?: number;
}

/** A change of a peering keeps others away from both of its VPCs until it is done. */
export interface VpcTask {
  readonly vpcId: string;
  readonly peeringId: string;
  readonly until: number;
}

/** A route table; every VPC has one of type `System`. */
export interface RouteTable extends Home {
  readonly id: string;
  readonly vpcId: string;
  readonly type: 'System' | 'Custom';
  readonly name: string;
  readonly createdAt: number;
  /** Until then one change of an entry is under way, and another is a TaskConflict. */
  readonly busyUntil: number;
}

/** A custom route. */
export interface RouteEntry {
  readonly id: string;
  readonly routeTableId: string;
  readonly destination: string;
  readonly nextHopType: 'VpcPeer';
  readonly nextHopId: string;
  readonly name: string;
  readonly description: string;
  readonly createdAt: number;
  /** When `Pending` becomes `Available`. */
  readonly availableAt: number;
  /** When an entry that is being deleted is gone. */
  readonly goneAt?: number;
}

/** A security group. */
export interface SecurityGroup extends Home {
  readonly id: string;
  readonly vpcId: string;
  readonly name: string;
  readonly description: string;
  readonly createdAt: number;
}

/** An inbound rule of a security group. */
export interface SecurityGroupRule {
  readonly id: string;
  readonly groupId: string;
  /** `TCP`, `UDP`, `ICMP`, `GRE` or `ALL`. */
  readonly protocol: string;
  /** `443/443`; `-1/-1` for all. */
  readonly portRange: string;
  readonly sourceCidr: string;
  readonly policy: 'Accept' | 'Drop';
  readonly priority: number;
  readonly description: string;
}

/** A tag is seen only by the account that made it, whichever side of the peering it is on. */
export interface Tag {
  readonly accountId: string;
  readonly resourceId: string;
  readonly key: string;
  readonly value: string;
}

/** What a call that carried a client token was answered. */
export interface RememberedAnswer {
  /** `{accountId}/{action}/{token}` */
  readonly id: string;
  /** The call's parameters without the token: the same token for another request is an error. */
  readonly request: string;
  readonly answer: Readonly<Record<string, unknown>> | AlibabaError;
}

/** An account that has not activated Cloud Data Transfer. */
export interface CdtNotOpened {
  readonly accountId: string;
}

/** A role that other accounts may assume. */
export interface Role {
  readonly accountId: string;
  readonly name: string;
  readonly trustedAccountIds: readonly string[];
  readonly externalId: string | undefined;
}

/** What a simulator's operator may change; times in seconds. */
export interface AlibabaSettings {
  readonly peeringCreatingSeconds: number;
  readonly peeringUpdatingSeconds: number;
  readonly peeringDeletingSeconds: number;
  /** How long a deleted peering is still shown as `Deleted`; the vendor does not say. */
  readonly deletedVisibleSeconds: number;
  readonly routeEntrySeconds: number;
  readonly vpcPendingSeconds: number;
  /**
   * Whether a client token also brings back a refusal. The vendor's Terraform provider takes a fresh token after
   * each failed deletion, so a client has to expect it.
   */
  readonly tokensRememberRefusals: boolean;
  readonly peeringsPerVpc: number;
  readonly routesPerTable: number;
}

/** Quotas as Alibaba Cloud publishes them, save `peeringsPerVpc`, which is 10 there until raised on request. */
export const DEFAULT_SETTINGS: AlibabaSettings = {
  peeringCreatingSeconds: 0,
  peeringUpdatingSeconds: 0.5,
  peeringDeletingSeconds: 0.5,
  deletedVisibleSeconds: 60,
  routeEntrySeconds: 0.3,
  vpcPendingSeconds: 0,
  tokensRememberRefusals: true,
  peeringsPerVpc: 200,
  routesPerTable: 200,
};

/** The key under which an account's resources of one region are filed. */
export function homeKey({ accountId, region }: Home): string {
  return `${accountId}/${region}`;
}

/** A fresh id as Alibaba Cloud makes them: the type's prefix and lower-case letters and digits. */
export function newId(prefix: string): string {
  return `${prefix}-${randomText(21, 'abcdefghijklmnopqrstuvwxyz0123456789')}`;
}

/** Random letters of an alphabet of at most 256. */
export function randomText(length: number, alphabet: string): string {
  return Array.from(randomBytes(length), (byte) => alphabet[byte % alphabet.length] ?? '').join('');
}

/** All resources of all accounts and regions. */
export class AlibabaState {
  readonly store: StateStore;
  settings: AlibabaSettings = DEFAULT_SETTINGS;
  /** By id. Not in the store, because a refusal changes nothing, not even when it is remembered. */
  readonly rememberedRefusals = new Map<string, RememberedAnswer>();

  readonly vpcs;
  readonly peerings;
  readonly vpcTasks;
  readonly routeTables;
  readonly routeEntries;
  readonly securityGroups;
  readonly securityGroupRules;
  readonly tags;
  readonly rememberedAnswers;
  readonly cdtNotOpened;
  readonly roles;

  constructor(readonly clock: VirtualClock) {
    const store = new StateStore(clock);
    this.store = store;
    this.vpcs = store.table('vpcs', {
      id: (vpc: Vpc) => vpc.id,
      indexes: { home: (vpc) => [homeKey(vpc)] },
    });
    this.peerings = store.table('peerings', {
      id: (peering: Peering) => peering.id,
      indexes: {
        home: ({ requester, accepter }) => [...new Set([homeKey(requester), homeKey(accepter)])],
        vpc: ({ requester, accepter }) => [...new Set([requester.vpcId, accepter.vpcId])],
        /** Everything between two VPCs, whoever asked. */
        pair: ({ requester, accepter }) => [pairKey(requester.vpcId, accepter.vpcId)],
        /** Everything that is not deleted, by either VPC. */
        undeletedByVpc: ({ requester, accepter, deletingAt }) =>
          deletingAt === undefined ? [...new Set([requester.vpcId, accepter.vpcId])] : [],
      },
    });
    this.vpcTasks = store.table('vpcTasks', { id: (task: VpcTask) => task.vpcId, indexes: {} });
    this.routeTables = store.table('routeTables', {
      id: (table: RouteTable) => table.id,
      indexes: { home: (table) => [homeKey(table)], vpc: (table) => [table.vpcId] },
    });
    this.routeEntries = store.table('routeEntries', {
      id: (entry: RouteEntry) => entry.id,
      indexes: {
        table: (entry) => [entry.routeTableId],
        destination: (entry) => [`${entry.routeTableId}/${entry.destination}`],
        nextHop: (entry) => [entry.nextHopId],
      },
    });
    this.securityGroups = store.table('securityGroups', {
      id: (group: SecurityGroup) => group.id,
      indexes: { home: (group) => [homeKey(group)], vpc: (group) => [group.vpcId] },
    });
    this.securityGroupRules = store.table('securityGroupRules', {
      id: (rule: SecurityGroupRule) => rule.id,
      indexes: { group: (rule) => [rule.groupId] },
    });
    this.tags = store.table('tags', {
      id: (tag: Tag) => `${tag.accountId}/${tag.resourceId}/${tag.key}`,
      indexes: {
        holding: (tag) => [`${tag.accountId}/${tag.resourceId}`],
        resource: (tag) => [tag.resourceId],
      },
    });
    this.rememberedAnswers = store.table('rememberedAnswers', {
      id: (answer: RememberedAnswer) => answer.id,
      indexes: {},
    });
    this.cdtNotOpened = store.table('cdtNotOpened', {
      id: (account: CdtNotOpened) => account.accountId,
      indexes: {},
    });
    this.roles = store.table('roles', {
      id: (role: Role) => `${role.accountId}/${role.name.toLowerCase()}`,
      indexes: {},
    });
  }

  /** Back to the settings of the start; the store is emptied by whoever resets the simulator. */
  reset(): void {
    this.settings = DEFAULT_SETTINGS;
    this.rememberedRefusals.clear();
  }
}

/** The key of two VPCs, in whichever order they are given. */
export function pairKey(one: string, other: string): string {
  return [one, other].sort().join('+');
}
