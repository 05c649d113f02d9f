import { randomInt } from 'node:crypto';
import { StateStore } from '../state-store.js';
import type { VirtualClock } from '../virtual-clock.js';

/** Whose and where: CCNs belong to no region, everything else to one. */
export interface Home {
  readonly accountId: string;
  readonly region: string;
}

/** A VPC with the default route table that is made and removed with it. */
export interface Vpc extends Home {
  readonly id: string;
  readonly name: string;
  readonly cidr: string;
  readonly assistantCidrs: readonly string[];
  /** Whether a CCN learns the VPC's blocks rather than its subnets' (EnableRouteVpcPublish). */
  readonly publishesCidr: boolean;
  readonly routeTableId: string;
  readonly createdAt: number;
}

/** A part of a VPC's addresses; what a CCN learns unless the VPC publishes its blocks. */
export interface Subnet extends Home {
  readonly id: string;
  readonly vpcId: string;
  readonly name: string;
  readonly cidr: string;
  readonly zone: string;
  readonly createdAt: number;
}

/** A cloud connect network. */
export interface Ccn {
  readonly id: string;
  readonly accountId: string;
  readonly name: string;
  readonly description: string;
  readonly qosLevel: string;
  readonly instanceChargeType: string;
  readonly bandwidthLimitType: string;
  /** `ISOLATED`: unpaid, and stopped. */
  readonly state: 'AVAILABLE' | 'ISOLATED';
  readonly createdAt: number;
}

/** The states that DescribeCcnAttachedInstances documents, save DELETED: what is deleted is not listed. */
export const ATTACHMENT_STATES = [
  'PENDING',
  'ACTIVE',
  'EXPIRED',
  'REJECTED',
  'FAILED',
  'ATTACHING',
  'DETACHING',
  'DETACHFAILED',
] as const;

/** One of {@link ATTACHMENT_STATES}. */
export type AttachmentState = (typeof ATTACHMENT_STATES)[number];

/** A VPC that is in a CCN, or asks or asked to be. */
export interface Attachment {
  readonly ccnId: string;
  readonly ccnUin: string;
  readonly vpcId: string;
  readonly instanceUin: string;
  readonly region: string;
  readonly state: AttachmentState;
  readonly description: string;
  /** When it was asked for, or asked for again, in milliseconds of simulated time. */
  readonly attachedAt: number;
  /** When the state changes by itself: expiry of an application, end of a task, forced detachment of a failure. */
  readonly changesAt: number | undefined;
}

/** A route that a CCN has learned from a VPC in it. */
export interface CcnRoute {
  readonly id: string;
  readonly ccnId: string;
  readonly cidr: string;
  readonly vpcId: string;
  readonly instanceUin: string;
  readonly region: string;
  /** False when it overlapped an enabled one as it was learned, or was disabled by the CCN's owner. */
  readonly enabled: boolean;
  readonly updatedAt: number;
}

/** A role that other accounts may assume. */
export interface Role {
  readonly accountId: string;
  readonly name: string;
  readonly trustedAccountIds: readonly string[];
  readonly externalId: string | undefined;
}

/** What a simulator's operator may change; times in seconds. */
export interface TencentSettings {
  readonly attachingSeconds: number;
  readonly detachingSeconds: number;
  /** Tencent documents that applications expire, not when; seven days is what its VPC peering has. */
  readonly applicationExpirySeconds: number;
  /** Whether the owner of an attached VPC may list the routes of another account's CCN. */
  readonly membersSeeRoutes: boolean;
  /** Whether calls beyond the documented frequency are refused. */
  readonly rateLimits: boolean;
  readonly instancesPerCcn: number;
}

export const DEFAULT_SETTINGS: TencentSettings = {
  attachingSeconds: 1,
  detachingSeconds: 1,
  applicationExpirySeconds: 7 * 86_400,
  membersSeeRoutes: true,
  rateLimits: true,
  instancesPerCcn: 50,
};

const ID_ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** A fresh id as Tencent Cloud makes them: the type's prefix and eight letters or digits. */
export function newId(prefix: string): string {
  const letters = Array.from({ length: 8 }, () => ID_ALPHABET.charAt(randomInt(ID_ALPHABET.length)));
  return `${prefix}-${letters.join('')}`;
}

/** The key of an attachment. */
export function attachmentId({ ccnId, vpcId }: { readonly ccnId: string; readonly vpcId: string }): string {
  return `${ccnId}/${vpcId}`;
}

/** The key under which an account's resources of one region are filed. */
export function homeKey({ accountId, region }: Home): string {
  return `${accountId}/${region}`;
}

/** All resources of all accounts and regions. */
export class TencentState {
  readonly store: StateStore;
  settings: TencentSettings = DEFAULT_SETTINGS;

  readonly vpcs;
  readonly subnets;
  readonly ccns;
  readonly attachments;
  readonly routes;
  readonly roles;

  constructor(readonly clock: VirtualClock) {
    const store = new StateStore(clock);
    this.store = store;
    this.vpcs = store.table('vpcs', {
      id: (vpc: Vpc) => vpc.id,
      indexes: { home: (vpc) => [homeKey(vpc)] },
    });
    this.subnets = store.table('subnets', {
      id: (subnet: Subnet) => subnet.id,
      indexes: { home: (subnet) => [homeKey(subnet)], vpc: (subnet) => [subnet.vpcId] },
    });
    this.ccns = store.table('ccns', {
      id: (ccn: Ccn) => ccn.id,
      indexes: { account: (ccn) => [ccn.accountId] },
    });
    this.attachments = store.table('attachments', {
      id: (attachment: Attachment) => attachmentId(attachment),
      indexes: {
        ccn: ({ ccnId }) => [ccnId],
        vpc: ({ vpcId }) => [vpcId],
        /** Either owner sees it. */
        account: ({ ccnUin, instanceUin }) => [...new Set([ccnUin, instanceUin])],
      },
    });
    this.routes = store.table('ccnRoutes', {
      id: (route: CcnRoute) => route.id,
      indexes: { ccn: ({ ccnId }) => [ccnId], attachment: (route) => [attachmentId(route)] },
    });
    this.roles = store.table('roles', {
      id: (role: Role) => `${role.accountId}/${role.name}`,
      indexes: {},
    });
  }

  /** Back to the settings of the start; the store is emptied by whoever resets the simulator. */
  reset(): void {
    this.settings = DEFAULT_SETTINGS;
  }
}

/** A time as the VPC product writes it: `2026-11-20 16:21:00`, in Beijing. */
export function formatTime(at: number): string {
  return new Date(at + 8 * 3_600_000).toISOString().slice(0, 19).replace('T', ' ');
}
