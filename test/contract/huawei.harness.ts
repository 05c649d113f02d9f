import vpcV2 from '@huaweicloud/huaweicloud-sdk-vpc/v2/public-api.js';
import type { NetworkRef } from '#domain';
import { startSimulatedHuawei, type Keys, type SimulatedHuawei } from '../support/simulated-huawei.js';
import type { CloudHarness, CustomerRequest } from './cloud-harness.js';
import { CUSTOMER_CIDR, type ContractSubject, type Stage } from './stage.js';

const WEEK_MS = 7 * 86_400_000;
const REGION = 'cn-north-4';

/** Huawei Cloud for the contract suite; the customer acts through the vendor's SDK. */
export class HuaweiHarness implements CloudHarness {
  static async start(): Promise<HuaweiHarness> {
    return new HuaweiHarness(await startSimulatedHuawei());
  }

  private constructor(readonly huawei: SimulatedHuawei) {}

  readonly tables = {
    create: async ({ vpcId }: NetworkRef): Promise<string> => {
      const table = new vpcV2.CreateRouteTableReq().withVpcId(vpcId).withName('more');
      const body = new vpcV2.CreateRoutetableReqBody().withRoutetable(table);
      const request = new vpcV2.CreateRouteTableRequest().withBody(body);
      const answer = await this.huawei.v2(this.huawei.platform).createRouteTable(request);
      return answer.routetable!.id!;
    },
    /** To another peering of the VPC, the only kind of target that the simulator has. */
    putForeignRoute: async (network: NetworkRef, routeTableId: string, destination: string) => {
      const { providerId } = await this.createRequest(network, '172.31.0.0/16');
      await this.asPlatform('PUT', `/v2.0/vpc/peerings/${providerId}/accept`);
      await this.addRoute(routeTableId, destination, providerId);
      return providerId;
    },
  };

  get simulators() {
    return this.huawei.simulators;
  }

  reset(): void {
    this.simulators.reset();
    this.simulators.clock.freeze();
  }

  options() {
    const { accountId, accessKeyId, secretAccessKey } = this.huawei.platform;
    const { endpoint } = this.huawei;
    return {
      region: REGION,
      accountId,
      credentials: { kind: 'static', accessKeyId, secretAccessKey } as const,
      endpoints: { vpc: endpoint, iam: endpoint, sts: endpoint },
      timeoutMs: 10_000,
    };
  }

  secrets(): readonly string[] {
    const { accessKeyId, secretAccessKey } = this.huawei.platform;
    return [accessKeyId, secretAccessKey];
  }

  async createNetwork(cidr: string): Promise<NetworkRef> {
    return { vpcId: await this.createVpc(this.huawei.platform, cidr), region: REGION };
  }

  async createRequest(network: NetworkRef, cidr: string): Promise<CustomerRequest> {
    const { customer, platform } = this.huawei;
    const vpcId = await this.createVpc(customer, cidr);
    const peering = new vpcV2.CreateVpcPeeringOption()
      .withName('to-the-platform')
      .withRequestVpcInfo(new vpcV2.VpcInfo().withVpcId(vpcId))
      .withAcceptVpcInfo(new vpcV2.VpcInfo().withVpcId(network.vpcId).withTenantId(platform.accountId));
    const body = new vpcV2.CreateVpcPeeringRequestBody().withPeering(peering);
    const request = new vpcV2.CreateVpcPeeringRequest().withBody(body);
    const answer = await this.huawei.v2(customer).createVpcPeering(request);
    return {
      providerId: answer.peering!.id!,
      customer: { projectId: customer.accountId, vpcId, region: REGION, cidrs: [cidr] },
    };
  }

  async seedRequests({ vpcId }: NetworkRef, count: number): Promise<readonly string[]> {
    const { body } = await this.huawei.control('POST', '/_sim/huawei/seed-peerings', {
      accepterVpcId: vpcId,
      requesterAccountId: this.huawei.customer.accountId,
      count,
      from: '172.16.0.0/12',
      prefixLength: 28,
    });
    return (body['peerings'] as { peeringId: string }[]).map((peering) => peering.peeringId);
  }

  async deleteAsCustomer({ providerId }: CustomerRequest): Promise<void> {
    const request = new vpcV2.DeleteVpcPeeringRequest().withPeeringId(providerId);
    await this.huawei.v2(this.huawei.customer).deleteVpcPeering(request);
  }

  close(): Promise<void> {
    return this.huawei.close();
  }

  async createVpc(keys: Keys, cidr: string): Promise<string> {
    const vpc = new vpcV2.CreateVpcOption().withName('net').withCidr(cidr);
    const body = new vpcV2.CreateVpcRequestBody().withVpc(vpc);
    const answer = await this.huawei.v2(keys).createVpc(new vpcV2.CreateVpcRequest().withBody(body));
    return answer.vpc!.id!;
  }

  /** A call that the platform's operators make, and not the broker. */
  async asPlatform(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await this.huawei.raw(this.huawei.platform, method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  /** A route of the platform's that is not the broker's. */
  async addRoute(routeTableId: string, destination: string, nexthop: string): Promise<void> {
    await this.asPlatform('PUT', `/v1/${this.huawei.platform.accountId}/routetables/${routeTableId}`, {
      routetable: { routes: { add: [{ type: 'peering', destination, nexthop }] } },
    });
  }

  /** Changes the simulator's settings. */
  settings(changes: Record<string, number | boolean>): void {
    this.simulators.cloud('huawei').simulator.controlOperations['settings']!.run(changes);
  }
}

type HuaweiStage = Stage<HuaweiHarness>;

const asked = async (stage: HuaweiStage): Promise<string> => (await stage.ask(CUSTOMER_CIDR)).providerId;

export const huaweiSubject: ContractSubject<HuaweiHarness> = {
  cloud: 'huawei',
  operations: {
    observePeerings: 'ListVpcPeerings',
    observeRoutes: 'ShowRouteTable',
    accept: 'AcceptVpcPeering',
    reject: 'RejectVpcPeering',
    delete: 'DeleteVpcPeering',
    ensureRoute: 'UpdateRouteTable',
    removeRoute: 'UpdateRouteTable',
  },
  states: {
    PENDING_ACCEPTANCE: { phase: 'pending_platform', reach: asked },
    ACTIVE: { phase: 'active', reach: async (stage) => (await stage.establish()).providerId },
    REJECTED: {
      phase: 'rejected',
      reach: async (stage) => {
        const providerId = await asked(stage);
        await stage.port.rejectPeering(stage.network, providerId, stage.context({ providerId }));
        return providerId;
      },
    },
    EXPIRED: {
      phase: 'expired',
      reach: async (stage) => {
        const providerId = await asked(stage);
        stage.harness.simulators.clock.advance(WEEK_MS);
        return providerId;
      },
    },
    DELETED: {
      phase: 'gone',
      reach: async (stage) => {
        stage.harness.settings({ deletedVisibleSeconds: 60 });
        const { providerId } = await stage.establish();
        await stage.port.deletePeering(stage.network, providerId, stage.context({ providerId }));
        return providerId;
      },
    },
  },
  unknown: {
    providerId: '00000000-0000-4000-8000-00000000000a',
    vpcId: '00000000-0000-4000-8000-00000000000b',
    routeTableId: '00000000-0000-4000-8000-00000000000c',
  },
  unknownErrorCode: 'SomethingNewAtHuawei',
  beyondTwoPages: 2_001,
  start: () => HuaweiHarness.start(),
};
