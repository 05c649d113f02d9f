import type { NetworkRef } from '#domain';
import type { Account } from '../../apps/cloud-sim/src/accounts.js';
import {
  attachmentsOf,
  instance,
  makeCcn,
  makeVpc,
  REGION,
  startSimulatedTencent,
  type SimulatedTencent,
  type VpcClient,
} from '../support/simulated-tencent.js';
import type { CloudHarness, CustomerRequest } from './cloud-harness.js';
import type { ContractSubject, Stage } from './stage.js';

const WEEK_MS = 7 * 86_400_000;

/** Tencent Cloud for the contract suite; the customer acts through the vendor's SDK. */
export class TencentHarness implements CloudHarness {
  static async start(): Promise<TencentHarness> {
    return new TencentHarness(await startSimulatedTencent());
  }

  private constructor(readonly tencent: SimulatedTencent) {}

  get simulators() {
    return this.tencent.simulators;
  }

  get platform(): VpcClient {
    return this.tencent.vpc(this.tencent.platform);
  }

  get customer(): VpcClient {
    return this.tencent.vpc(this.tencent.customer);
  }

  reset(): void {
    this.simulators.reset();
    this.simulators.clock.freeze();
  }

  options() {
    const { accountId, accessKeyId, secretAccessKey }: Account = this.tencent.platform;
    const endpoint = `http://${this.tencent.host}`;
    return {
      region: REGION,
      accountId,
      credentials: { kind: 'static', accessKeyId, secretAccessKey } as const,
      endpoints: { vpc: endpoint, sts: endpoint },
      timeoutMs: 10_000,
    };
  }

  secrets(): readonly string[] {
    const { accessKeyId, secretAccessKey } = this.tencent.platform;
    return [accessKeyId, secretAccessKey];
  }

  async createNetwork(cidr: string): Promise<NetworkRef> {
    return { vpcId: await makeVpc(this.platform, cidr), region: REGION };
  }

  /** A CCN with one VPC of the customer in it. */
  async createRequest(_network: NetworkRef, cidr: string): Promise<CustomerRequest> {
    const providerId = await makeCcn(this.customer);
    await this.join(providerId, await makeVpc(this.customer, cidr));
    const { accountId } = this.tencent.customer;
    return { providerId, customer: { accountId, vpcId: providerId, cidrs: [cidr] } };
  }

  /** Puts a VPC of the customer into their CCN, and waits until it is in. */
  async join(ccnId: string, vpcId: string): Promise<void> {
    await this.customer.AttachCcnInstances({ CcnId: ccnId, Instances: [instance(vpcId)] });
    this.simulators.clock.advance(1_000);
  }

  async deleteAsCustomer({ providerId }: CustomerRequest): Promise<void> {
    const { InstanceSet = [] } = await this.customer.DescribeCcnAttachedInstances({ CcnId: providerId });
    const theirs = InstanceSet.filter(({ InstanceUin: uin }) => uin === this.tencent.platform.accountId);
    const Instances = theirs.map(({ InstanceId: vpcId = '' }) => instance(vpcId));
    await this.customer.DetachCcnInstances({ CcnId: providerId, Instances });
  }

  readonly answer = {
    approve: async ({ providerId }: CustomerRequest): Promise<void> => {
      await this.customer.AcceptAttachCcnInstances(await this.#application(providerId));
    },
    refuse: async ({ providerId }: CustomerRequest): Promise<void> => {
      await this.customer.RejectAttachCcnInstances(await this.#application(providerId));
    },
  };

  async close(): Promise<void> {
    await this.tencent.close();
  }

  /** What only the simulator can do: `POST /_sim/tencent/{operation}`. */
  async control(operation: string, body: unknown): Promise<Record<string, unknown>> {
    const answer = await this.tencent.control('POST', `/_sim/tencent/${operation}`, body);
    if (answer.status !== 200) throw new Error(`${operation}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  /** Every state that the VPC's attachments are in, as the platform's own client lists them. */
  async statesOf(vpcId: string): Promise<readonly string[]> {
    return (await attachmentsOf(this.platform, vpcId)).map(({ State: state = '' }) => state);
  }

  async #application(ccnId: string) {
    const { InstanceSet = [] } = await this.customer.DescribeCcnAttachedInstances({ CcnId: ccnId });
    const pending = InstanceSet.filter(({ State: state }) => state === 'PENDING');
    return { CcnId: ccnId, Instances: pending.map(({ InstanceId: vpcId = '' }) => instance(vpcId)) };
  }
}

type TencentStage = Stage<TencentHarness>;

const asked = async (stage: TencentStage): Promise<string> => (await stage.ask()).providerId;

async function forced(stage: TencentStage, state: string): Promise<string> {
  const providerId = await asked(stage);
  const named = { ccnId: providerId, instanceId: stage.network.vpcId };
  await stage.harness.control('set-attachment-state', { ...named, state });
  return providerId;
}

export const tencentSubject: ContractSubject<TencentHarness> = {
  cloud: 'tencent',
  operations: {
    observePeerings: 'DescribeCcnAttachedInstances',
    observeRoutes: 'DescribeCcnRoutes',
    request: 'AttachCcnInstances',
    withdraw: 'DetachCcnInstances',
  },
  states: {
    PENDING: { phase: 'pending_customer', reach: asked },
    ATTACHING: {
      phase: 'in_progress',
      reach: async (stage) => {
        const request = await stage.ask();
        await stage.harness.answer.approve(request);
        return request.providerId;
      },
    },
    ACTIVE: { phase: 'active', reach: async (stage) => (await stage.establish()).providerId },
    REJECTED: {
      phase: 'rejected',
      reach: async (stage) => {
        const request = await stage.ask();
        await stage.harness.answer.refuse(request);
        return request.providerId;
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
    FAILED: { phase: 'failed', reach: (stage) => forced(stage, 'FAILED') },
    DETACHING: {
      phase: 'deleting',
      reach: async (stage) => {
        const request = await stage.establish();
        await stage.harness.deleteAsCustomer(request);
        return request.providerId;
      },
    },
    DETACHFAILED: { phase: 'failed', reach: (stage) => forced(stage, 'DETACHFAILED') },
    DELETED: { phase: 'gone', hidden: 'what is detached leaves the list' },
  },
  unknown: { providerId: 'ccn-00000000', vpcId: 'vpc-00000000', routeTableId: 'ccn-00000000' },
  unknownErrorCode: 'SomethingNew.AtTencent',
  start: () => TencentHarness.start(),
};
