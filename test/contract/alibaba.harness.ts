import vpcSdk from '@alicloud/vpc20160428';
import type { NetworkRef } from '#domain';
import {
  REGION,
  startSimulatedAlibaba,
  type Keys,
  type SimulatedAlibaba,
} from '../support/simulated-alibaba.js';
import type { CloudHarness, CustomerRequest } from './cloud-harness.js';
import type { ContractSubject, Stage } from './stage.js';

const WEEK_MS = 7 * 86_400_000;

/** Alibaba Cloud for the contract suite; the customer acts through the vendor's SDK. */
export class AlibabaHarness implements CloudHarness {
  static async start(): Promise<AlibabaHarness> {
    return new AlibabaHarness(await startSimulatedAlibaba());
  }

  private constructor(readonly alibaba: SimulatedAlibaba) {}

  readonly tables = {
    create: async ({ vpcId }: NetworkRef): Promise<string> => {
      const request = new vpcSdk.CreateRouteTableRequest({ regionId: REGION, vpcId });
      const { body } = await this.alibaba.vpc(this.alibaba.platform).createRouteTable(request);
      return body!.routeTableId!;
    },
    /** To another peering of the VPC, the only kind of target that the simulator has. */
    putForeignRoute: async (network: NetworkRef, routeTableId: string, destination: string) => {
      const { providerId } = await this.createRequest(network, '172.31.0.0/16');
      await this.peer(this.alibaba.platform, 'AcceptVpcPeerConnection', providerId);
      this.simulators.clock.advance(1_000);
      await this.addRoute(routeTableId, destination, providerId);
      return providerId;
    },
  };

  get simulators() {
    return this.alibaba.simulators;
  }

  /** Route entries are made and removed at once, unless a test says otherwise. */
  reset(): void {
    this.simulators.reset();
    this.simulators.clock.freeze();
    this.settings({ routeEntrySeconds: 0 });
  }

  options() {
    const { accountId, accessKeyId, secretAccessKey } = this.alibaba.platform;
    const { endpoint } = this.alibaba;
    return {
      region: REGION,
      accountId,
      credentials: { kind: 'static', accessKeyId, secretAccessKey } as const,
      endpoints: { vpcpeer: endpoint, vpc: endpoint, sts: endpoint },
      timeoutMs: 10_000,
    };
  }

  secrets(): readonly string[] {
    const { accessKeyId, secretAccessKey } = this.alibaba.platform;
    return [accessKeyId, secretAccessKey];
  }

  async createNetwork(cidr: string): Promise<NetworkRef> {
    return { vpcId: await this.createVpc(this.alibaba.platform, cidr), region: REGION };
  }

  async createRequest(network: NetworkRef, cidr: string): Promise<CustomerRequest> {
    const { customer, platform } = this.alibaba;
    const vpcId = await this.createVpc(customer, cidr);
    const answer = await this.alibaba.call(customer, 'VpcPeer', 'CreateVpcPeerConnection', {
      VpcId: vpcId,
      AcceptingAliUid: platform.accountId,
      AcceptingRegionId: network.region,
      AcceptingVpcId: network.vpcId,
    });
    return {
      providerId: String(answer['InstanceId']),
      customer: { accountId: customer.accountId, vpcId, region: REGION, cidrs: [cidr] },
    };
  }

  async seedRequests({ vpcId }: NetworkRef, count: number): Promise<readonly string[]> {
    const { body } = await this.alibaba.control('POST', '/_sim/alibaba/seed-peerings', {
      accepterVpcId: vpcId,
      requesterAccountId: this.alibaba.customer.accountId,
      count,
      from: '172.16.0.0/12',
      prefixLength: 28,
    });
    return (body['peerings'] as { instanceId: string }[]).map((peering) => peering.instanceId);
  }

  async deleteAsCustomer({ providerId }: CustomerRequest): Promise<void> {
    await this.peer(this.alibaba.customer, 'DeleteVpcPeerConnection', providerId);
  }

  close(): Promise<void> {
    return this.alibaba.close();
  }

  /** An action of the VpcPeer API that needs an id only. */
  peer(keys: Keys, action: string, providerId: string): Promise<Record<string, unknown>> {
    return this.alibaba.call(keys, 'VpcPeer', action, { InstanceId: providerId });
  }

  async createVpc(keys: Keys, cidrBlock: string): Promise<string> {
    const request = new vpcSdk.CreateVpcRequest({ regionId: REGION, cidrBlock });
    return (await this.alibaba.vpc(keys).createVpc(request)).body!.vpcId!;
  }

  /** A route of the platform's that is not the broker's. */
  async addRoute(routeTableId: string, destinationCidrBlock: string, nextHopId: string): Promise<void> {
    const fields = {
      regionId: REGION,
      routeTableId,
      destinationCidrBlock,
      nextHopType: 'VpcPeer',
      nextHopId,
    };
    const request = new vpcSdk.CreateRouteEntryRequest(fields);
    await this.alibaba.vpc(this.alibaba.platform).createRouteEntry(request);
  }

  /** Changes the simulator's settings. */
  settings(changes: Record<string, number>): void {
    this.simulators.cloud('alibaba').simulator.controlOperations['settings']!.run(changes);
  }
}

type AlibabaStage = Stage<AlibabaHarness>;

const asked = async (stage: AlibabaStage): Promise<string> => (await stage.ask()).providerId;

async function deleted(stage: AlibabaStage): Promise<string> {
  const { providerId } = await stage.establish();
  await stage.port.deletePeering(stage.network, providerId, stage.context({ providerId }));
  return providerId;
}

export const alibabaSubject: ContractSubject<AlibabaHarness> = {
  cloud: 'alibaba',
  operations: {
    observePeerings: 'ListVpcPeerConnections',
    observeRoutes: 'DescribeRouteEntryList',
    accept: 'AcceptVpcPeerConnection',
    reject: 'RejectVpcPeerConnection',
    delete: 'DeleteVpcPeerConnection',
    ensureRoute: 'CreateRouteEntry',
    removeRoute: 'DeleteRouteEntry',
  },
  states: {
    Creating: {
      phase: 'pending_platform',
      reach: (stage) => {
        stage.harness.settings({ peeringCreatingSeconds: 60 });
        return asked(stage);
      },
    },
    Accepting: { phase: 'pending_platform', reach: asked },
    Updating: {
      phase: 'in_progress',
      reach: async (stage) => {
        const providerId = await asked(stage);
        await stage.port.acceptPeering(stage.network, providerId, stage.context({ providerId }));
        return providerId;
      },
    },
    Activated: { phase: 'active', reach: async (stage) => (await stage.establish()).providerId },
    Rejected: {
      phase: 'rejected',
      reach: async (stage) => {
        const providerId = await asked(stage);
        await stage.port.rejectPeering(stage.network, providerId, stage.context({ providerId }));
        return providerId;
      },
    },
    Expired: {
      phase: 'expired',
      reach: async (stage) => {
        const providerId = await asked(stage);
        stage.harness.simulators.clock.advance(WEEK_MS);
        return providerId;
      },
    },
    Deleting: { phase: 'deleting', reach: deleted },
    Deleted: {
      phase: 'gone',
      reach: async (stage) => {
        const providerId = await deleted(stage);
        stage.harness.simulators.clock.advance(1_000);
        return providerId;
      },
    },
  },
  unknown: {
    providerId: 'pcc-00000000000000000a',
    vpcId: 'vpc-00000000000000000000a',
    routeTableId: 'vtb-00000000000000000000a',
  },
  unknownErrorCode: 'SomethingNew.AtAlibaba',
  beyondTwoPages: 201,
  beyondOnePageOfTables: 51,
  start: () => AlibabaHarness.start(),
};
