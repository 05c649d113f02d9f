import type { CloudId } from '#domain';

/** The platform's side of a deployment in a simulated cloud. */
export interface PlatformNetworkPlan {
  readonly region: string;
  readonly cidr: string;
  /** The services whose endpoints lead to the simulator. */
  readonly services: readonly string[];
  /** Where the VPC is to be, as the simulator's control operation takes it; the region where it takes that. */
  readonly home?: Readonly<Record<string, string>>;
}

/** One network in each cloud, in blocks that do not meet. */
export const PLATFORM_NETWORKS: Readonly<Record<CloudId, PlatformNetworkPlan>> = {
  aws: { region: 'us-east-1', cidr: '10.11.0.0/16', services: ['ec2', 'sts'] },
  alibaba: { region: 'cn-hangzhou', cidr: '10.12.0.0/16', services: ['vpcpeer', 'vpc', 'sts'] },
  // A project stands for a region there, and the account's own is that of this region.
  huawei: { region: 'cn-north-4', cidr: '10.13.0.0/16', services: ['vpc', 'iam', 'sts'], home: {} },
  tencent: { region: 'ap-guangzhou', cidr: '10.14.0.0/16', services: ['vpc', 'sts'] },
  outscale: { region: 'eu-west-2', cidr: '10.15.0.0/16', services: ['api'] },
};

/** @returns the id of a new VPC of the account, made through the simulator's control API */
export async function makePlatformNetwork(
  simulatorUrl: string,
  cloud: CloudId,
  { region, cidr, home = { region } }: PlatformNetworkPlan,
  accountId: string,
): Promise<string> {
  const control = `${simulatorUrl}/_sim/${cloud}`;
  // OUTSCALE accepts no peering with a Net that has no VM in it; this makes one.
  if (cloud === 'outscale') {
    const net = await askSimulator<{ netId: string }>(`${control}/put-net`, {
      ...home,
      accountId,
      ipRange: cidr,
    });
    return net.netId;
  }
  const prefixLength = Number(cidr.split('/')[1]);
  const many = { ...home, accountId, count: 1, from: cidr, prefixLength };
  const { vpcs } = await askSimulator<{ vpcs: { vpcId: string }[] }>(`${control}/seed-vpcs`, many);
  const [vpc] = vpcs;
  if (vpc === undefined) throw new Error(`The simulator of ${cloud} made no VPC.`);
  return vpc.vpcId;
}

/** Whether a simulated cloud still holds something with this id. */
export async function hasResource(simulatorUrl: string, cloud: CloudId, id: string): Promise<boolean> {
  const books = await askSimulator<unknown>(`${simulatorUrl}/_sim/${cloud}/books`);
  return JSON.stringify(books).includes(`"${id}"`);
}

async function askSimulator<T>(url: string, body?: unknown): Promise<T> {
  const response = await fetch(url, body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) });
  const answer: unknown = await response.json();
  if (!response.ok) throw new Error(`${url} was answered with ${JSON.stringify(answer)}`);
  return answer as T;
}
