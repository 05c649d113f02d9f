import {
  CreateRouteCommand,
  CreateRouteTableCommand,
  CreateVpcCommand,
  CreateVpcPeeringConnectionCommand,
  DeleteVpcPeeringConnectionCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import type { NetworkRef } from '#domain';
import type { Account } from '../../apps/cloud-sim/src/accounts.js';
import { REGION, startSimulatedAws, type SimulatedAws } from '../support/simulated-aws.js';
import type { CloudHarness, CustomerRequest } from './cloud-harness.js';
import { CUSTOMER_CIDR, PLATFORM_CIDR, type ContractSubject, type Stage } from './stage.js';

const WEEK_SECONDS = 7 * 86_400;

/** AWS for the contract suite; the customer acts through the vendor's SDK. */
export class AwsHarness implements CloudHarness {
  #clients = new Map<string, EC2Client>();

  static async start(): Promise<AwsHarness> {
    return new AwsHarness(await startSimulatedAws());
  }

  private constructor(readonly aws: SimulatedAws) {}

  get simulators() {
    return this.aws.simulators;
  }

  reset(): void {
    this.simulators.reset();
    this.simulators.clock.freeze();
  }

  options() {
    const { accountId, accessKeyId, secretAccessKey } = this.aws.platform;
    return {
      region: REGION,
      accountId,
      credentials: { kind: 'static', accessKeyId, secretAccessKey } as const,
      endpoints: { ec2: this.aws.endpoint, sts: this.aws.endpoint },
      timeoutMs: 10_000,
    };
  }

  secrets(): readonly string[] {
    const { accessKeyId, secretAccessKey } = this.aws.platform;
    return [accessKeyId, secretAccessKey];
  }

  async createNetwork(cidr: string): Promise<NetworkRef> {
    return { vpcId: await this.createVpc(this.platform, cidr), region: REGION };
  }

  readonly tables = {
    create: async ({ vpcId }: NetworkRef): Promise<string> => {
      const { RouteTable } = await this.platform.send(new CreateRouteTableCommand({ VpcId: vpcId }));
      return RouteTable!.RouteTableId!;
    },
    /** To another peering of the VPC, the only kind of target that the simulator has. */
    putForeignRoute: async (network: NetworkRef, routeTableId: string, destination: string) => {
      const { providerId } = await this.createRequest(network, '172.31.0.0/16');
      await this.platform.send(
        new CreateRouteCommand({
          RouteTableId: routeTableId,
          DestinationCidrBlock: destination,
          VpcPeeringConnectionId: providerId,
        }),
      );
      return providerId;
    },
  };

  async createRequest(network: NetworkRef, cidr: string): Promise<CustomerRequest> {
    const vpcId = await this.createVpc(this.customer, cidr);
    const providerId = await this.requestPeering(this.customer, vpcId, network.vpcId);
    const { accountId } = this.aws.customer;
    return { providerId, customer: { accountId, vpcId, region: network.region, cidrs: [cidr] } };
  }

  async seedRequests({ vpcId }: NetworkRef, count: number): Promise<readonly string[]> {
    const { body } = await this.control('seed-peerings', {
      accepterVpcId: vpcId,
      requesterAccountId: this.aws.customer.accountId,
      count,
      from: '172.16.0.0/12',
      prefixLength: 28,
    });
    return (body['peerings'] as { peeringId: string }[]).map((peering) => peering.peeringId);
  }

  async deleteAsCustomer({ providerId }: CustomerRequest): Promise<void> {
    await this.customer.send(new DeleteVpcPeeringConnectionCommand({ VpcPeeringConnectionId: providerId }));
  }

  async close(): Promise<void> {
    this.#clients.clear();
    await this.aws.close();
  }

  get platform(): EC2Client {
    return this.clientOf(this.aws.platform);
  }

  get customer(): EC2Client {
    return this.clientOf(this.aws.customer);
  }

  async createVpc(client: EC2Client, cidr: string): Promise<string> {
    const { Vpc } = await client.send(new CreateVpcCommand({ CidrBlock: cidr }));
    return Vpc!.VpcId!;
  }

  async requestPeering(client: EC2Client, vpcId: string, platformVpcId: string): Promise<string> {
    const { VpcPeeringConnection: peering } = await client.send(
      new CreateVpcPeeringConnectionCommand({
        VpcId: vpcId,
        PeerVpcId: platformVpcId,
        PeerOwnerId: this.aws.platform.accountId,
      }),
    );
    return peering!.VpcPeeringConnectionId!;
  }

  /** What only the simulator can do: `POST /_sim/aws/{operation}`. */
  async control(operation: string, body: unknown) {
    const answer = await this.aws.control('POST', `/_sim/aws/${operation}`, body);
    if (answer.status !== 200) throw new Error(`${operation}: ${JSON.stringify(answer.body)}`);
    return answer;
  }

  /** The two default accounts have the same keys after every reset, so their clients outlive it. */
  private clientOf(account: Account): EC2Client {
    const known = this.#clients.get(account.accessKeyId);
    if (known) return known;
    const client = this.aws.ec2(account);
    this.#clients.set(account.accessKeyId, client);
    return client;
  }
}

type AwsStage = Stage<AwsHarness>;

/** Between two VPCs of the platform's own, which then also sees what EC2 shows to requesters only. */
async function requestWithin(stage: AwsStage, cidr: string): Promise<string> {
  const { harness } = stage;
  const vpcId = await harness.createVpc(harness.platform, cidr);
  return harness.requestPeering(harness.platform, vpcId, stage.network.vpcId);
}

const asked = async (stage: AwsStage): Promise<string> => (await stage.ask()).providerId;

const accept = (stage: AwsStage, providerId: string) =>
  stage.port.acceptPeering(stage.network, providerId, stage.context({ providerId }));

async function deleted(stage: AwsStage, deletingSeconds: number): Promise<string> {
  await stage.harness.control('settings', { peeringDeletingSeconds: deletingSeconds });
  const { providerId } = await stage.establish();
  await stage.port.deletePeering(stage.network, providerId, stage.context({ providerId }));
  return providerId;
}

export const awsSubject: ContractSubject<AwsHarness> = {
  cloud: 'aws',
  operations: {
    observePeerings: 'DescribeVpcPeeringConnections',
    observeRoutes: 'DescribeRouteTables',
    accept: 'AcceptVpcPeeringConnection',
    reject: 'RejectVpcPeeringConnection',
    delete: 'DeleteVpcPeeringConnection',
    ensureRoute: 'CreateRoute',
    removeRoute: 'DeleteRoute',
  },
  states: {
    'initiating-request': {
      phase: 'pending_platform',
      reach: async (stage) => {
        await stage.harness.control('settings', { peeringInitiatingSeconds: 60 });
        return requestWithin(stage, CUSTOMER_CIDR);
      },
    },
    'pending-acceptance': { phase: 'pending_platform', reach: asked },
    provisioning: {
      phase: 'in_progress',
      reach: async (stage) => {
        const providerId = await asked(stage);
        await accept(stage, providerId);
        return providerId;
      },
    },
    active: { phase: 'active', reach: async (stage) => (await stage.establish()).providerId },
    rejected: {
      phase: 'rejected',
      reach: async (stage) => {
        const providerId = await asked(stage);
        await stage.port.rejectPeering(stage.network, providerId, stage.context({ providerId }));
        return providerId;
      },
    },
    expired: {
      phase: 'expired',
      reach: async (stage) => {
        const providerId = await asked(stage);
        stage.harness.simulators.clock.advance(WEEK_SECONDS * 1000);
        return providerId;
      },
    },
    failed: { phase: 'failed', reach: (stage) => requestWithin(stage, PLATFORM_CIDR) },
    deleting: { phase: 'deleting', reach: (stage) => deleted(stage, 60) },
    deleted: { phase: 'gone', reach: (stage) => deleted(stage, 0) },
  },
  unknown: {
    providerId: 'pcx-0123456789abcdef0',
    vpcId: 'vpc-0123456789abcdef0',
    routeTableId: 'rtb-0123456789abcdef0',
  },
  unknownErrorCode: 'SomethingNewAtAmazon',
  beyondTwoPages: 2_001,
  beyondOnePageOfTables: 101,
  start: () => AwsHarness.start(),
};
