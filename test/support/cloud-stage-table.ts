/** The clouds as the end-to-end suites take them: what differs between them, as data. */
import { RejectVpcPeeringConnectionCommand } from '@aws-sdk/client-ec2';
import type { CloudId, NetworkRef, ReasonCode } from '#domain';

import { alibabaSubject, type AlibabaHarness } from '../contract/alibaba.harness.js';
import { awsSubject, type AwsHarness } from '../contract/aws.harness.js';
import type { CloudHarness, CustomerRequest } from '../contract/cloud-harness.js';
import { huaweiSubject, type HuaweiHarness } from '../contract/huawei.harness.js';
import { outscaleSubject, type OutscaleHarness } from '../contract/outscale.harness.js';
import type { ContractSubject } from '../contract/stage.js';
import { tencentSubject, type TencentHarness } from '../contract/tencent.harness.js';
import { createVpc, requestPeering } from './aws-deployment.js';
import type { Declaration } from './cloud-stage.js';
import { makeVpc } from './simulated-tencent.js';

/** What the books of a cloud hold of one platform network. */
export interface Holdings {
  /** Ids of requests that could still become connections. */
  readonly pending: readonly string[];
  /** Ids of what takes part in the network, or is on its way in or out. */
  readonly joined: readonly string[];
  /** The tables that say where the network's traffic goes. */
  readonly tables: readonly string[];
  /** What somebody wrote there, or the cloud has learned. */
  readonly routes: readonly {
    readonly table: string;
    readonly destination: string;
    readonly target: string;
  }[];
}

/** A value that the customer has given wrongly, and how that ends. */
export interface WrongValue {
  readonly field: string;
  readonly value: string;
  readonly ends: ReasonCode;
  /** What the customer reads of it. */
  readonly told: (request: CustomerRequest) => readonly (string | undefined)[];
}

export interface StagedCloud<H extends CloudHarness = CloudHarness> {
  readonly cloud: CloudId;
  /** The calls of the cloud, and ids that nobody has. */
  readonly contract: ContractSubject<H>;
  /** Settings of the simulator under which the cloud does at once what it does by itself. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Settings under which an accepted connection takes hours to come up; absent where it is up at once. */
  readonly slowly?: Readonly<Record<string, unknown>>;
  /** What a customer declares who has made this request, with its blocks where they have to. */
  declare(request: CustomerRequest): Declaration;
  /** Another way to declare the same. */
  readonly declareOtherwise?: (request: CustomerRequest) => Declaration;
  readonly wrongValues: readonly WrongValue[];
  /** Where the cloud reports the customer's blocks: how one ends whose blocks are the deployment's own. */
  readonly ownAddresses?: ReasonCode;
  holdings(books: never, vpcId: string): Holdings;
  /** Customer-initiated clouds: somebody at the platform rejects the request in the console. */
  rejectAsPlatform?(harness: H, request: CustomerRequest): Promise<unknown>;
  /** Clouds that route by themselves: has the customer's network learn a route that it disables as a conflict. */
  disableRoute?(harness: H, request: CustomerRequest): Promise<void>;
  /** Clouds that peer across regions: a request from another region than the network's. */
  requestFromElsewhere?(
    harness: H,
    network: NetworkRef,
    cidr: string,
  ): Promise<{ readonly request: CustomerRequest; readonly region: string }>;
}

/** Sorts what takes part in a network by its state. */
function byState<Held extends { readonly id: string }>(
  all: readonly Held[],
  stateOf: (held: Held) => string,
  states: { readonly pending: readonly string[]; readonly joined: readonly string[] },
): Pick<Holdings, 'pending' | 'joined'> {
  const idsIn = (wanted: readonly string[]): string[] =>
    all.filter((held) => wanted.includes(stateOf(held))).map(({ id }) => id);
  return { pending: idsIn(states.pending), joined: idsIn(states.joined) };
}

interface AwsBooks {
  readonly peerings: readonly {
    readonly id: string;
    readonly status: string;
    readonly accepter: { readonly vpcId: string };
  }[];
  readonly routeTables: readonly {
    readonly id: string;
    readonly vpcId: string;
    readonly routes: readonly { readonly destination: string; readonly peeringId: string }[];
  }[];
}

export const aws: StagedCloud<AwsHarness> = {
  cloud: 'aws',
  contract: awsSubject,
  settings: { peeringProvisioningSeconds: 0 },
  slowly: { peeringProvisioningSeconds: 3_600 },
  declare: ({ providerId, customer }) => ({
    cloud: {
      kind: 'aws',
      connectionId: providerId,
      accountId: customer.accountId!,
      vpcId: customer.vpcId!,
    },
  }),
  wrongValues: [
    {
      field: 'accountId',
      value: '999999999999',
      ends: 'requester_mismatch',
      told: ({ customer }) => ['accountId', '999999999999', customer.accountId],
    },
    {
      field: 'vpcId',
      value: 'vpc-0123456789abcdef0',
      ends: 'requester_mismatch',
      told: ({ customer }) => ['vpcId', 'vpc-0123456789abcdef0', customer.vpcId],
    },
  ],
  // EC2 fails such a request out of the accepter's sight.
  ownAddresses: 'request_not_found',
  holdings({ peerings, routeTables }: AwsBooks, vpcId) {
    const tables = routeTables.filter((table) => table.vpcId === vpcId);
    return {
      ...byState(
        peerings.filter(({ accepter }) => accepter.vpcId === vpcId),
        ({ status }) => status,
        {
          pending: ['initiating-request', 'pending-acceptance'],
          joined: ['provisioning', 'active', 'deleting'],
        },
      ),
      tables: tables.map(({ id }) => id),
      routes: tables.flatMap(({ id, routes }) =>
        routes.map(({ destination, peeringId }) => ({ table: id, destination, target: peeringId })),
      ),
    };
  },
  rejectAsPlatform: ({ platform }, { providerId }) =>
    platform.send(new RejectVpcPeeringConnectionCommand({ VpcPeeringConnectionId: providerId })),
  async requestFromElsewhere({ aws: cloud }, network, cidr) {
    const region = 'eu-west-1';
    const { accountId } = cloud.customer;
    const elsewhere = cloud.ec2(cloud.customer, { region });
    const vpcId = await createVpc(elsewhere, cidr);
    const target = { vpcId, peerVpcId: network.vpcId, peerAccountId: cloud.platform.accountId };
    const providerId = await requestPeering(elsewhere, target, network.region);
    return { request: { providerId, customer: { accountId, vpcId, region, cidrs: [cidr] } }, region };
  },
};

interface AlibabaBooks extends Omit<AwsBooks, 'routeTables'> {
  readonly routeTables: readonly { readonly id: string; readonly vpcId: string }[];
  readonly routeEntries: readonly {
    readonly routeTableId: string;
    readonly destination: string;
    readonly nextHopId: string;
  }[];
}

export const alibaba: StagedCloud<AlibabaHarness> = {
  cloud: 'alibaba',
  contract: alibabaSubject,
  settings: { peeringUpdatingSeconds: 0, peeringDeletingSeconds: 0, routeEntrySeconds: 0 },
  slowly: { peeringUpdatingSeconds: 3_600 },
  declare: ({ providerId, customer }) => ({
    cloud: { kind: 'alibaba', requesterInstanceId: providerId, accountId: customer.accountId! },
  }),
  declareOtherwise: ({ customer }) => ({
    cloud: { kind: 'alibaba', requesterInstanceId: customer.vpcId! },
  }),
  wrongValues: [
    {
      field: 'accountId',
      value: '1210123456123456',
      ends: 'requester_mismatch',
      told: ({ customer }) => ['accountId', '1210123456123456', customer.accountId],
    },
    {
      field: 'requesterInstanceId',
      value: alibabaSubject.unknown.vpcId,
      ends: 'request_not_found',
      told: () => [alibabaSubject.unknown.vpcId],
    },
  ],
  ownAddresses: 'cidr_overlaps_deployment',
  holdings({ peerings, routeTables, routeEntries }: AlibabaBooks, vpcId) {
    const tables = routeTables.filter((table) => table.vpcId === vpcId).map(({ id }) => id);
    return {
      ...byState(
        peerings.filter(({ accepter }) => accepter.vpcId === vpcId),
        ({ status }) => status,
        { pending: ['Creating', 'Accepting'], joined: ['Updating', 'Activated', 'Deleting'] },
      ),
      tables,
      routes: routeEntries
        .filter(({ routeTableId }) => tables.includes(routeTableId))
        .map(({ routeTableId, destination, nextHopId }) => ({
          table: routeTableId,
          destination,
          target: nextHopId,
        })),
    };
  },
  rejectAsPlatform: (harness, { providerId }) =>
    harness.peer(harness.alibaba.platform, 'RejectVpcPeerConnection', providerId),
  async requestFromElsewhere({ alibaba: cloud }, network, cidr) {
    const region = 'cn-shanghai';
    const { customer, platform } = cloud;
    const { VpcId: vpcId } = await cloud.call(customer, 'Vpc', 'CreateVpc', {
      RegionId: region,
      CidrBlock: cidr,
    });
    const answer = await cloud.call(customer, 'VpcPeer', 'CreateVpcPeerConnection', {
      RegionId: region,
      VpcId: vpcId,
      AcceptingAliUid: platform.accountId,
      AcceptingRegionId: network.region,
      AcceptingVpcId: network.vpcId,
    });
    const { accountId } = customer;
    const providerId = String(answer['InstanceId']);
    return { request: { providerId, customer: { accountId, vpcId: String(vpcId), cidrs: [cidr] } }, region };
  },
};

interface HuaweiBooks extends Omit<AwsBooks, 'routeTables'> {
  readonly routeTables: readonly {
    readonly id: string;
    readonly vpcId: string;
    readonly routes: readonly { readonly destination: string; readonly nexthop: string }[];
  }[];
}

export const huawei: StagedCloud<HuaweiHarness> = {
  cloud: 'huawei',
  contract: huaweiSubject,
  settings: {},
  declare: ({ providerId, customer }) => ({
    cloud: {
      kind: 'huawei',
      connectionId: providerId,
      vpcId: customer.vpcId!,
      userId: '7116d09f88fa41908676fdd4b039e95b',
      projectId: customer.projectId!,
    },
    cidrs: customer.cidrs,
  }),
  wrongValues: [
    {
      field: 'vpcId',
      value: huaweiSubject.unknown.vpcId,
      ends: 'requester_mismatch',
      told: ({ customer }) => ['vpcId', huaweiSubject.unknown.vpcId, customer.vpcId],
    },
    {
      field: 'projectId',
      value: 'f65e9ebced5d418ba9319a723718ba4e',
      ends: 'requester_mismatch',
      told: ({ customer }) => ['projectId', 'f65e9ebced5d418ba9319a723718ba4e', customer.projectId],
    },
  ],
  holdings({ peerings, routeTables }: HuaweiBooks, vpcId) {
    const tables = routeTables.filter((table) => table.vpcId === vpcId);
    return {
      ...byState(
        peerings.filter(({ accepter }) => accepter.vpcId === vpcId),
        ({ status }) => status,
        { pending: ['PENDING_ACCEPTANCE'], joined: ['ACTIVE'] },
      ),
      tables: tables.map(({ id }) => id),
      routes: tables.flatMap(({ id, routes }) =>
        routes.map(({ destination, nexthop }) => ({ table: id, destination, target: nexthop })),
      ),
    };
  },
  rejectAsPlatform: (harness, { providerId }) =>
    harness.asPlatform('PUT', `/v2.0/vpc/peerings/${providerId}/reject`),
};

interface TencentBooks {
  readonly attachments: readonly {
    readonly ccnId: string;
    readonly vpcId: string;
    readonly state: string;
  }[];
  readonly ccnRoutes: readonly { readonly ccnId: string; readonly vpcId: string; readonly cidr: string }[];
}

export const tencent: StagedCloud<TencentHarness> = {
  cloud: 'tencent',
  contract: tencentSubject,
  // The cloud limits calls by the machine's clock, and whole days pass in a second here.
  settings: { attachingSeconds: 0, detachingSeconds: 0, rateLimits: false },
  slowly: { attachingSeconds: 3_600 },
  declare: ({ providerId, customer }) => ({
    cloud: { kind: 'tencent', ccnId: providerId, ccnOwnerUin: customer.accountId! },
  }),
  wrongValues: [
    {
      field: 'ccnId',
      value: tencentSubject.unknown.providerId,
      ends: 'peer_network_not_found',
      told: () => [tencentSubject.unknown.providerId],
    },
    {
      field: 'ccnOwnerUin',
      value: '100099990000',
      ends: 'unknown_peer_account',
      told: () => ['100099990000'],
    },
    {
      // The platform's own account, which has no such CCN.
      field: 'ccnOwnerUin',
      value: '100011112222',
      ends: 'peer_network_not_found',
      told: ({ providerId }) => [providerId],
    },
  ],
  ownAddresses: 'cidr_overlaps_deployment',
  async disableRoute(harness, { providerId, customer }) {
    await harness.join(providerId, await makeVpc(harness.customer, customer.cidrs[0]!));
  },
  /** A CCN is the one table, and leads into itself. */
  holdings({ attachments, ccnRoutes }: TencentBooks, vpcId) {
    const own = attachments
      .filter((attachment) => attachment.vpcId === vpcId)
      .map(({ ccnId, state }) => ({ id: ccnId, state }));
    const held = byState(own, ({ state }) => state, {
      pending: ['PENDING'],
      joined: ['ATTACHING', 'ACTIVE', 'DETACHING', 'FAILED', 'DETACHFAILED'],
    });
    return {
      ...held,
      tables: held.joined,
      routes: ccnRoutes
        .filter((route) => route.vpcId === vpcId || held.joined.includes(route.ccnId))
        .map(({ ccnId, cidr }) => ({ table: ccnId, destination: cidr, target: ccnId })),
    };
  },
};

interface OutscaleBooks {
  readonly netPeerings: readonly {
    readonly id: string;
    readonly state: string;
    readonly accepter: { readonly netId: string };
  }[];
  readonly routeTables: readonly {
    readonly id: string;
    readonly netId: string;
    readonly routes: readonly { readonly destination: string; readonly target: { readonly id: string } }[];
  }[];
}

export const outscale: StagedCloud<OutscaleHarness> = {
  cloud: 'outscale',
  contract: outscaleSubject,
  settings: {},
  declare: ({ providerId, customer }) => ({
    cloud: {
      kind: 'outscale',
      netPeeringId: providerId,
      accountId: customer.accountId!,
      netId: customer.vpcId!,
    },
  }),
  wrongValues: [
    {
      field: 'accountId',
      value: '999999999999',
      ends: 'requester_mismatch',
      told: ({ customer }) => ['accountId', '999999999999', customer.accountId],
    },
    {
      field: 'netId',
      value: 'vpc-0a1b2c3d',
      ends: 'requester_mismatch',
      told: ({ customer }) => ['netId', 'vpc-0a1b2c3d', customer.vpcId],
    },
  ],
  ownAddresses: 'provider_failed',
  holdings({ netPeerings, routeTables }: OutscaleBooks, netId) {
    const tables = routeTables.filter((table) => table.netId === netId);
    return {
      ...byState(
        netPeerings.filter(({ accepter }) => accepter.netId === netId),
        ({ state }) => state,
        { pending: ['pending-acceptance'], joined: ['active'] },
      ),
      tables: tables.map(({ id }) => id),
      routes: tables.flatMap(({ id, routes }) =>
        routes.map(({ destination, target }) => ({ table: id, destination, target: target.id })),
      ),
    };
  },
  rejectAsPlatform: ({ platform }, { providerId }) =>
    platform('RejectNetPeering', { NetPeeringId: providerId }),
};

/** Every cloud that is served. */
export const STAGED_CLOUDS: readonly StagedCloud[] = [aws, alibaba, huawei, tencent, outscale];
