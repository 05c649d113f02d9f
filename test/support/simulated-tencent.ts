import { Client } from 'tencentcloud-sdk-nodejs/tencentcloud/services/vpc/v20170312/vpc_client.js';
import type {
  CcnAttachedInstance,
  CcnRoute,
} from 'tencentcloud-sdk-nodejs/tencentcloud/services/vpc/v20170312/vpc_models.js';
import type { Account } from '../../apps/cloud-sim/src/accounts.js';
import { startSimulators, type Simulators } from '../../apps/cloud-sim/src/simulator.js';

/** The region of clients that name none. */
export const REGION = 'ap-guangzhou';

/** A client of the VPC product: the vendor's own SDK, pointed at the simulator. */
export type VpcClient = InstanceType<typeof Client>;

/** What a client signs with. */
export interface TencentKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** A simulated Tencent Cloud of a test's own, with clients that sign as its accounts. */
export interface SimulatedTencent {
  readonly simulators: Simulators;
  /** `127.0.0.1:4004`, as the SDK's httpProfile wants it. */
  readonly host: string;
  readonly platform: Account;
  readonly customer: Account;
  vpc(key: TencentKey, region?: string): VpcClient;
  control(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: Record<string, unknown> }>;
  close(): Promise<void>;
}

/** Starts Tencent Cloud alone, on ports of the system's choice, with simulated time standing still. */
export async function startSimulatedTencent(): Promise<SimulatedTencent> {
  const simulators = await startSimulators({ ports: 'ephemeral', clouds: ['tencent'] });
  simulators.clock.freeze();
  const { host } = new URL(simulators.endpoints.tencent);
  return {
    simulators,
    host,
    platform: simulators.account('tencent', 'platform'),
    customer: simulators.account('tencent', 'customer'),
    vpc: ({ accessKeyId, secretAccessKey, sessionToken }, region = REGION) =>
      new Client({
        region,
        credential: {
          secretId: accessKeyId,
          secretKey: secretAccessKey,
          ...(sessionToken === undefined ? {} : { token: sessionToken }),
        },
        profile: { httpProfile: { endpoint: host, protocol: 'http://' } },
      }),
    async control(method, path, body) {
      const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
      const response = await fetch(`${simulators.controlUrl}${path}`, init);
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    },
    close: () => simulators.close(),
  };
}

/** One VPC as an element of `Instances`. */
export function instance(vpcId: string, description?: string) {
  return {
    InstanceId: vpcId,
    InstanceRegion: REGION,
    InstanceType: 'VPC',
    ...(description === undefined ? {} : { Description: description }),
  };
}

/** A new VPC that publishes its block to CCNs; its id. */
export async function makeVpc(client: VpcClient, cidr: string): Promise<string> {
  const { Vpc } = await client.CreateVpc({ VpcName: cidr, CidrBlock: cidr, EnableRouteVpcPublish: true });
  return Vpc!.VpcId!;
}

/** A new CCN; its id. */
export async function makeCcn(client: VpcClient, name = 'network'): Promise<string> {
  const { Ccn } = await client.CreateCcn({ CcnName: name });
  return Ccn!.CcnId!;
}

/** The attachments of a VPC that an account sees, in every CCN. */
export async function attachmentsOf(client: VpcClient, vpcId: string): Promise<CcnAttachedInstance[]> {
  const Filters = [{ Name: 'instance-id', Values: [vpcId] }];
  return (await client.DescribeCcnAttachedInstances({ Filters, Limit: 100 })).InstanceSet!;
}

/** The routes of a CCN as `{cidr: enabled}`. */
export async function routesOf(client: VpcClient, ccnId: string): Promise<Record<string, boolean>> {
  const { RouteSet } = await client.DescribeCcnRoutes({ CcnId: ccnId, Limit: 100 });
  const entry = (route: CcnRoute) => [route.DestinationCidrBlock!, route.Enabled!] as const;
  return Object.fromEntries(RouteSet!.map(entry));
}

/** The error code that a call fails with; `none` when it succeeds, `HTTP …` when there is a status and no code. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'none';
  } catch (error) {
    const { code, httpCode } = error as { code?: string; httpCode?: number };
    return code ?? `HTTP ${httpCode ?? 'failed'}`;
  }
}
