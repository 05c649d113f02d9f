import { Hash } from '@smithy/hash-node';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Account } from '../../apps/cloud-sim/src/accounts.js';
import { startSimulators, type Simulators } from '../../apps/cloud-sim/src/simulator.js';

/** The region of clients that name none. */
export const REGION = 'eu-west-2';

/** What OAPI answered, read as the fields that tests look at. */
export interface OapiBody {
  readonly ResponseContext: { readonly RequestId: string };
  readonly NextPageToken?: string;
  readonly Net: { readonly NetId: string; readonly IpRange: string; readonly State: string };
  readonly Nets: readonly OapiBody['Net'][];
  readonly Subnet: { readonly SubnetId: string; readonly AvailableIpsCount: number };
  readonly Subnets: readonly OapiBody['Subnet'][];
  readonly Vms: readonly { readonly VmId: string; readonly State: string; readonly NetId: string }[];
  readonly NetPeering: OapiPeering;
  readonly NetPeerings: readonly OapiPeering[];
  readonly RouteTable: OapiRouteTable;
  readonly RouteTables: readonly OapiRouteTable[];
  readonly LinkRouteTableId: string;
  readonly SecurityGroup: OapiSecurityGroup;
  readonly SecurityGroups: readonly OapiSecurityGroup[];
  readonly Tags: readonly {
    readonly Key: string;
    readonly Value: string;
    readonly ResourceId: string;
    readonly ResourceType: string;
  }[];
  readonly Accounts: readonly { readonly AccountId: string }[];
  readonly Regions: readonly { readonly RegionName: string }[];
}

export interface OapiPeering {
  readonly NetPeeringId: string;
  readonly State: { readonly Name: string; readonly Message: string };
  readonly SourceNet: { readonly AccountId: string; readonly NetId: string; readonly IpRange: string };
  readonly AccepterNet: OapiPeering['SourceNet'];
  readonly ExpirationDate: string | null;
  readonly Tags: readonly { readonly Key: string; readonly Value: string }[];
}

export interface OapiRouteTable {
  readonly RouteTableId: string;
  readonly NetId: string;
  readonly Routes: readonly {
    readonly DestinationIpRange: string;
    readonly NetPeeringId?: string;
    readonly VmId?: string;
    readonly State: string;
    readonly CreationMethod: string;
  }[];
  readonly LinkRouteTables: readonly {
    readonly LinkRouteTableId: string;
    readonly Main: boolean;
    readonly SubnetId?: string;
  }[];
}

export interface OapiSecurityGroup {
  readonly SecurityGroupId: string;
  readonly SecurityGroupName: string;
  readonly InboundRules: readonly {
    readonly IpProtocol: string;
    readonly FromPortRange: number;
    readonly ToPortRange: number;
    readonly IpRanges?: readonly string[];
  }[];
  readonly OutboundRules: OapiSecurityGroup['InboundRules'];
}

/** A refusal, as it came. */
export class OapiFailure extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly type: string,
    details: string,
  ) {
    super(`${status} ${type} ${code}: ${details}`);
  }
}

/** Calls an action as one account. Throws {@link OapiFailure}. */
export type OapiClient = (action: string, body?: unknown) => Promise<OapiBody>;

/** How a client signs. */
export interface OapiClientOptions {
  readonly region?: string;
  readonly service?: string;
  /** When it believes that it is, in epoch milliseconds. */
  readonly signedAt?: number;
  readonly contentType?: string;
}

/** What a client signs with. */
export type OapiKey = Pick<Account, 'accessKeyId' | 'secretAccessKey'>;

/** A simulated OUTSCALE of a test's own, with clients that sign as its accounts. */
export interface SimulatedOutscale {
  readonly simulators: Simulators;
  readonly endpoint: string;
  readonly platform: Account;
  readonly customer: Account;
  oapi(key: OapiKey, options?: OapiClientOptions): OapiClient;
  /** The address of an action, and headers that sign a body for it. */
  sign(
    key: OapiKey,
    action: string,
    body: string,
    options?: OapiClientOptions,
  ): Promise<{ url: URL; headers: Record<string, string> }>;
  control(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: Record<string, unknown> }>;
  close(): Promise<void>;
}

/** Starts OUTSCALE alone, on ports of the system's choice, with simulated time standing still. */
export async function startSimulatedOutscale(): Promise<SimulatedOutscale> {
  const simulators = await startSimulators({ ports: 'ephemeral', clouds: ['outscale'] });
  simulators.clock.freeze();
  const endpoint = simulators.endpoints.outscale;
  return {
    simulators,
    endpoint,
    platform: simulators.account('outscale', 'platform'),
    customer: simulators.account('outscale', 'customer'),
    oapi: (key, options) => oapiClient(endpoint, key, options),
    sign: (key, action, body, options = {}) => signRequest(endpoint, key, action, body, options),
    async control(method, path, body) {
      const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
      const response = await fetch(`${simulators.controlUrl}${path}`, init);
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    },
    close: () => simulators.close(),
  };
}

function oapiClient(endpoint: string, key: OapiKey, options: OapiClientOptions = {}): OapiClient {
  return async (action, body = {}) => {
    const text = JSON.stringify(body);
    const { url, headers } = await signRequest(endpoint, key, action, text, options);
    const response = await fetch(url, { method: 'POST', headers, body: text });
    const answer = (await response.json()) as OapiBody & {
      readonly Errors?: readonly {
        readonly Code: string;
        readonly Type: string;
        readonly Details: string;
      }[];
    };
    const [error] = answer.Errors ?? [];
    if (error) throw new OapiFailure(response.status, error.Code, error.Type, error.Details);
    return answer;
  };
}

/** The address of an action, and headers that sign a body for it. */
async function signRequest(
  endpoint: string,
  { accessKeyId, secretAccessKey }: OapiKey,
  action: string,
  body: string,
  { region = REGION, service = 'api', signedAt, contentType = 'application/json' }: OapiClientOptions,
): Promise<{ url: URL; headers: Record<string, string> }> {
  const url = new URL(`/api/v1/${action}`, endpoint);
  const credentials = { accessKeyId, secretAccessKey };
  const signer = new SignatureV4({ credentials, region, service, sha256: Hash.bind(null, 'sha256') });
  const request = {
    method: 'POST',
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    headers: { host: url.host, 'content-type': contentType },
    body,
  };
  const { headers } = await signer.sign(request, {
    ...(signedAt !== undefined && { signingDate: new Date(signedAt) }),
  });
  return { url, headers };
}

/** The error code that a call fails with; `none` when it succeeds. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'none';
  } catch (error) {
    if (error instanceof OapiFailure) return error.code;
    throw error;
  }
}

/** A new Net without a VM; its id. */
export async function makeEmptyNet(client: OapiClient, ipRange: string): Promise<string> {
  return (await client('CreateNet', { IpRange: ipRange })).Net.NetId;
}

/** A new Net with one VM, which peerings need; its id. */
export async function makeNet(client: OapiClient, ipRange: string): Promise<string> {
  const netId = await makeEmptyNet(client, ipRange);
  const { Subnet } = await client('CreateSubnet', { NetId: netId, IpRange: ipRange });
  await client('CreateVms', { ImageId: 'ami-12345678', SubnetId: Subnet.SubnetId });
  return netId;
}

/** A peering as an account sees it; undefined when it does not. */
export async function peeringOf(client: OapiClient, netPeeringId: string): Promise<OapiPeering | undefined> {
  const { NetPeerings } = await client('ReadNetPeerings', { Filters: { NetPeeringIds: [netPeeringId] } });
  return NetPeerings[0];
}
