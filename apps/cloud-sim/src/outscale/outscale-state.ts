import { randomBytes } from 'node:crypto';
import { StateStore } from '../state-store.js';
import type { VirtualClock } from '../virtual-clock.js';

/** Whose and where: every resource but a Net peering belongs to one account in one region. */
export interface Home {
  readonly accountId: string;
  readonly region: string;
}

/** A network with one block of addresses, which never changes. */
export interface Net extends Home {
  readonly id: string;
  readonly ipRange: string;
  readonly tenancy: string;
}

/** A part of a Net's addresses. */
export interface Subnet extends Home {
  readonly id: string;
  readonly netId: string;
  readonly ipRange: string;
  readonly subregion: string;
}

/** A virtual machine in a Subnet. */
export interface Vm extends Home {
  readonly id: string;
  readonly netId: string;
  readonly subnetId: string;
  readonly imageId: string;
  readonly vmType: string;
  readonly privateIp: string;
  readonly createdAt: number;
  /** Set once it is deleted; it stays visible for an hour. */
  readonly terminatedAt?: number;
}

/** One end of a Net peering, as it was when the request was made. */
export interface PeeringEnd extends Home {
  readonly netId: string;
  /** Empty when there is no such Net. */
  readonly ipRange: string;
}

/** A Net peering as its events, in milliseconds of simulated time; its state follows from them and the clock. */
export interface NetPeering {
  readonly id: string;
  readonly source: PeeringEnd;
  readonly accepter: PeeringEnd;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** Whether the accepter's account has this Net: only then does it see the request. */
  readonly isAddressed: boolean;
  readonly failedAt?: number;
  readonly rejectedAt?: number;
  readonly acceptedAt?: number;
  readonly deletedAt?: number;
  readonly deletedBy?: string;
}

/** A route that somebody made. The one to the Net itself follows from the Net's block. */
export interface Route {
  /** IPv4 block in canonical form; unique in its table. */
  readonly destination: string;
  readonly target: { readonly kind: 'peering' | 'vm'; readonly id: string };
}

/** A route table; every Net has one main table. */
export interface RouteTable extends Home {
  readonly id: string;
  readonly netId: string;
  readonly mainLinkId: string | undefined;
  readonly subnets: readonly { readonly linkId: string; readonly subnetId: string }[];
  readonly routes: readonly Route[];
}

/** What a security group lets through: one protocol and port range, from or to these. */
export interface Rule {
  readonly id: string;
  readonly flow: 'Inbound' | 'Outbound';
  /** `tcp`, `udp`, `icmp`, another protocol's number, or `-1` for all. */
  readonly protocol: string;
  /** -1 for all. */
  readonly fromPort: number;
  readonly toPort: number;
  readonly ipRanges: readonly string[];
  readonly groupIds: readonly string[];
}

/** A security group of a Net; every Net has one called `default`. */
export interface SecurityGroup extends Home {
  readonly id: string;
  readonly netId: string;
  readonly name: string;
  readonly description: string;
  readonly rules: readonly Rule[];
}

/** A tag is seen only by the account that made it, whoever else has a part in the resource. */
export interface Tag extends Home {
  readonly resourceId: string;
  readonly key: string;
  readonly value: string;
}

/** What a simulator's operator may change. */
export interface OutscaleSettings {
  /**
   * Whether peered Nets must hold a VM before the peering is created (user guide, "Creating a Net Peering"). How the
   * API says that one does not is not documented; here it answers DependencyProblem.
   */
  readonly vmsRequired: boolean;
  /**
   * What a second acceptance, rejection or deletion of the same peering gets. The API reference documents InvalidState
   * for what is not in the right state and says nothing of repetition, which the API has been seen to accept.
   */
  readonly repeatedChanges: 'refused' | 'accepted';
  /** Calls per second and account, and per second, account and action; 0 for no limit. */
  readonly callsPerSecond: number;
  readonly callsPerSecondOfOneAction: number;
  readonly netsPerRegion: number;
  readonly routesPerTable: number;
  readonly rulesPerSecurityGroup: number;
}

/** Quotas are those of a new account, save the Nets: those are few there, and that would only hinder here. */
export const DEFAULT_SETTINGS: OutscaleSettings = {
  vmsRequired: true,
  repeatedChanges: 'refused',
  callsPerSecond: 0,
  callsPerSecondOfOneAction: 0,
  netsPerRegion: 100_000,
  routesPerTable: 200,
  rulesPerSecurityGroup: 100,
};

/** The key under which an account's resources of one region are filed. */
export function homeKey({ accountId, region }: Home): string {
  return `${accountId}/${region}`;
}

/** A fresh id as OAPI makes them: the type's prefix and 8 hexadecimal digits. */
export function newId(prefix: string): string {
  return `${prefix}-${randomBytes(4).toString('hex')}`;
}

/** All resources of all accounts and regions. */
export class OutscaleState {
  readonly store: StateStore;
  settings: OutscaleSettings = DEFAULT_SETTINGS;

  readonly nets;
  readonly subnets;
  readonly vms;
  readonly peerings;
  readonly routeTables;
  readonly securityGroups;
  readonly tags;

  constructor(readonly clock: VirtualClock) {
    const store = new StateStore(clock);
    this.store = store;
    this.nets = store.table('nets', {
      id: (net: Net) => net.id,
      indexes: { home: (net) => [homeKey(net)] },
    });
    this.subnets = store.table('subnets', {
      id: (subnet: Subnet) => subnet.id,
      indexes: { home: (subnet) => [homeKey(subnet)], net: (subnet) => [subnet.netId] },
    });
    this.vms = store.table('vms', {
      id: (vm: Vm) => vm.id,
      indexes: {
        home: (vm) => [homeKey(vm)],
        /** Those that are not deleted. */
        net: (vm) => (vm.terminatedAt === undefined ? [vm.netId] : []),
        subnet: (vm) => (vm.terminatedAt === undefined ? [vm.subnetId] : []),
      },
    });
    this.peerings = store.table('netPeerings', {
      id: (peering: NetPeering) => peering.id,
      indexes: {
        home: ({ source, accepter }) => [...new Set([homeKey(source), homeKey(accepter)])],
        sourceNet: ({ source }) => [source.netId],
        accepterNet: ({ accepter }) => [accepter.netId],
        /** Everything between two Nets, in the direction of the request. */
        pair: ({ source, accepter }) => [pairKey(source.netId, accepter.netId)],
      },
    });
    this.routeTables = store.table('routeTables', {
      id: (table: RouteTable) => table.id,
      indexes: {
        home: (table) => [homeKey(table)],
        net: (table) => [table.netId],
        link: ({ mainLinkId, subnets }) => [
          ...(mainLinkId === undefined ? [] : [mainLinkId]),
          ...subnets.map((link) => link.linkId),
        ],
      },
    });
    this.securityGroups = store.table('securityGroups', {
      id: (group: SecurityGroup) => group.id,
      indexes: { home: (group) => [homeKey(group)], net: (group) => [group.netId] },
    });
    this.tags = store.table('tags', {
      id: (tag: Tag) => `${homeKey(tag)}/${tag.resourceId}/${tag.key}`,
      indexes: { home: (tag) => [homeKey(tag)], resource: (tag) => [`${homeKey(tag)}/${tag.resourceId}`] },
    });
  }

  /** Back to the settings of the start; the store is emptied by whoever resets the simulator. */
  reset(): void {
    this.settings = DEFAULT_SETTINGS;
  }
}

/** The key of everything that one Net has asked of another. */
export function pairKey(sourceNetId: string, accepterNetId: string): string {
  return `${sourceNetId}>${accepterNetId}`;
}
