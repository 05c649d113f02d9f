import type { NetworkRef } from '#domain';
import {
  makeNet,
  REGION,
  startSimulatedOutscale,
  type OapiClient,
  type SimulatedOutscale,
} from '../support/simulated-outscale.js';
import type { CloudHarness, CustomerRequest } from './cloud-harness.js';
import { PLATFORM_CIDR, type ContractSubject, type Stage } from './stage.js';

const WEEK_MS = 7 * 86_400_000;

/** OUTSCALE for the contract suite; the customer acts through a signed client of the tests' own. */
export class OutscaleHarness implements CloudHarness {
  static async start(): Promise<OutscaleHarness> {
    return new OutscaleHarness(await startSimulatedOutscale());
  }

  private constructor(readonly outscale: SimulatedOutscale) {}

  readonly tables = {
    create: async ({ vpcId }: NetworkRef): Promise<string> =>
      (await this.platform('CreateRouteTable', { NetId: vpcId })).RouteTable.RouteTableId,
    /** To the VM that every Net here holds. */
    putForeignRoute: async ({ vpcId }: NetworkRef, RouteTableId: string, DestinationIpRange: string) => {
      const { Vms } = await this.platform('ReadVms', { Filters: { NetIds: [vpcId] } });
      const { VmId } = Vms[0]!;
      await this.platform('CreateRoute', { RouteTableId, DestinationIpRange, VmId });
      return VmId;
    },
  };

  get simulators() {
    return this.outscale.simulators;
  }

  get platform(): OapiClient {
    return this.outscale.oapi(this.outscale.platform);
  }

  get customer(): OapiClient {
    return this.outscale.oapi(this.outscale.customer);
  }

  reset(): void {
    this.simulators.reset();
    this.simulators.clock.freeze();
  }

  options() {
    const { accountId, accessKeyId, secretAccessKey } = this.outscale.platform;
    return {
      region: REGION,
      accountId,
      credentials: { kind: 'static', accessKeyId, secretAccessKey } as const,
      endpoints: { api: this.outscale.endpoint },
      timeoutMs: 10_000,
    };
  }

  secrets(): readonly string[] {
    const { accessKeyId, secretAccessKey } = this.outscale.platform;
    return [accessKeyId, secretAccessKey];
  }

  async createNetwork(cidr: string): Promise<NetworkRef> {
    return { vpcId: await makeNet(this.platform, cidr), region: REGION };
  }

  async createRequest({ vpcId }: NetworkRef, cidr: string): Promise<CustomerRequest> {
    const netId = await makeNet(this.customer, cidr);
    const { NetPeering } = await this.customer('CreateNetPeering', {
      SourceNetId: netId,
      AccepterNetId: vpcId,
      AccepterOwnerId: this.outscale.platform.accountId,
    });
    const { accountId } = this.outscale.customer;
    return { providerId: NetPeering.NetPeeringId, customer: { accountId, vpcId: netId, cidrs: [cidr] } };
  }

  async seedRequests({ vpcId }: NetworkRef, count: number): Promise<readonly string[]> {
    const { peerings } = await this.control('seed-peerings', {
      accepterNetId: vpcId,
      sourceAccountId: this.outscale.customer.accountId,
      count,
      from: '172.16.0.0/12',
      prefixLength: 28,
    });
    return (peerings as { netPeeringId: string }[]).map((peering) => peering.netPeeringId);
  }

  async deleteAsCustomer({ providerId }: CustomerRequest): Promise<void> {
    await this.customer('DeleteNetPeering', { NetPeeringId: providerId });
  }

  /** What only the simulator can do: `POST /_sim/outscale/{operation}`. */
  async control(operation: string, body: unknown): Promise<Record<string, unknown>> {
    const answer = await this.outscale.control('POST', `/_sim/outscale/${operation}`, body);
    if (answer.status !== 200) throw new Error(`${operation}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  async close(): Promise<void> {
    await this.outscale.close();
  }
}

type OutscaleStage = Stage<OutscaleHarness>;

const asked = async (stage: OutscaleStage): Promise<string> => (await stage.ask()).providerId;

export const outscaleSubject: ContractSubject<OutscaleHarness> = {
  cloud: 'outscale',
  operations: {
    observePeerings: 'ReadNetPeerings',
    observeRoutes: 'ReadRouteTables',
    accept: 'AcceptNetPeering',
    reject: 'RejectNetPeering',
    delete: 'DeleteNetPeering',
    ensureRoute: 'CreateRoute',
    removeRoute: 'DeleteRoute',
  },
  states: {
    'pending-acceptance': { phase: 'pending_platform', reach: asked },
    active: { phase: 'active', reach: async (stage) => (await stage.establish()).providerId },
    rejected: {
      phase: 'rejected',
      reach: async (stage) => {
        const providerId = await asked(stage);
        await stage.port.rejectPeering(stage.network, providerId, stage.context({ providerId }));
        return providerId;
      },
    },
    failed: {
      phase: 'failed',
      reach: async ({ harness, network }) => (await harness.createRequest(network, PLATFORM_CIDR)).providerId,
    },
    expired: {
      phase: 'expired',
      reach: async (stage) => {
        const providerId = await asked(stage);
        stage.harness.simulators.clock.advance(WEEK_MS);
        return providerId;
      },
    },
    deleted: {
      phase: 'gone',
      reach: async (stage) => {
        const { providerId } = await stage.establish();
        await stage.port.deletePeering(stage.network, providerId, stage.context({ providerId }));
        return providerId;
      },
    },
  },
  unknown: { providerId: 'pcx-12345678', vpcId: 'vpc-12345678', routeTableId: 'rtb-12345678' },
  unknownErrorCode: '3999',
  beyondTwoPages: 2_001,
  start: () => OutscaleHarness.start(),
};
