import type { CloudId } from '#domain';

/** Makes the platform's side of a deployment in a simulated cloud, which no real cloud would do for the asking. */
export interface PlatformNetworkPlan {
  readonly region: string;
  readonly cidr: string;
  /** The services whose endpoints lead to the simulator. */
  readonly services: readonly string[];
  /** Where the VPC is to be, as the simulator's control operation takes it. */
  readonly home: Readonly<Record<string, string>>;
}

/** One network in each cloud that the broker serves, in blocks that do not meet. */
export const PLATFORM_NETWORKS: Readonly<Partial<Record<CloudId, PlatformNetworkPlan>>> = {
  aws: {
    region: 'us-east-1',
    cidr: '10.11.0.0/16',
    services: ['ec2', 'sts'],
    home: { region: 'us-east-1' },
  },
  alibaba: {
    region: 'cn-hangzhou',
    cidr: '10.12.0.0/16',
    services: ['vpcpeer', 'vpc', 'sts'],
    home: { region: 'cn-hangzhou' },
  },
  tencent: {
    region: 'ap-guangzhou',
    cidr: '10.14.0.0/16',
    services: ['vpc', 'sts'],
    home: { region: 'ap-guangzhou' },
  },
};

/** @returns the id of a new VPC of the account */
export async function makePlatformNetwork(
  simulatorUrl: string,
  cloud: CloudId,
  { cidr, home }: PlatformNetworkPlan,
  accountId: string,
): Promise<string> {
  const prefixLength = Number(cidr.split('/')[1]);
  const { vpcs } = await askSimulator<{ vpcs: { vpcId: string }[] }>(
    `${simulatorUrl}/_sim/${cloud}/seed-vpcs`,
    { ...home, accountId, count: 1, from: cidr, prefixLength },
  );
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
