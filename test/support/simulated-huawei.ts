import coreSdk from '@huaweicloud/huaweicloud-sdk-core';
import signing from '@huaweicloud/huaweicloud-sdk-core/auth/AKSKSigner.js';
import vpcV2 from '@huaweicloud/huaweicloud-sdk-vpc/v2/public-api.js';
import vpcV3 from '@huaweicloud/huaweicloud-sdk-vpc/v3/public-api.js';
import { startSimulators, type Simulators } from '../../apps/cloud-sim/src/simulator.js';
import type { Account } from '../../apps/cloud-sim/src/accounts.js';
import type { ControlAnswer } from './simulated-aws.js';

/** Keys that sign; a token makes them temporary. */
export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** The project to name; none when empty. */
  readonly accountId: string;
  readonly securityToken?: string;
}

/** What a call was answered. */
export interface RawAnswer {
  readonly status: number;
  /** Undefined when there is none. */
  readonly body: unknown;
  readonly requestId: string | null;
}

/** A simulated Huawei Cloud of a test's own, with callers that sign as its accounts. */
export interface SimulatedHuawei {
  readonly simulators: Simulators;
  readonly endpoint: string;
  readonly platform: Account;
  readonly customer: Account;
  /** The vendor's own clients. */
  v2(keys: Keys): vpcV2.VpcClient;
  v3(keys: Keys): vpcV3.VpcClient;
  /** Any call, signed by the vendor's own signer, with its answer as it came over the wire. */
  raw(keys: Keys, method: string, path: string, body?: unknown): Promise<RawAnswer>;
  control(method: string, path: string, body?: unknown): Promise<ControlAnswer>;
  close(): Promise<void>;
}

/** Starts Huawei Cloud alone, on ports of the system's choice, with simulated time standing still. */
export async function startSimulatedHuawei(): Promise<SimulatedHuawei> {
  const simulators = await startSimulators({ ports: 'ephemeral', clouds: ['huawei'] });
  simulators.clock.freeze();
  const endpoint = simulators.endpoints.huawei;
  const credential = ({ accessKeyId, secretAccessKey, accountId, securityToken }: Keys) => {
    const made = new coreSdk.BasicCredentials()
      .withAk(accessKeyId)
      .withSk(secretAccessKey)
      .withProjectId(accountId);
    return securityToken === undefined ? made : made.withSecurityToken(securityToken);
  };
  return {
    simulators,
    endpoint,
    platform: simulators.account('huawei', 'platform'),
    customer: simulators.account('huawei', 'customer'),
    v2: (keys) =>
      vpcV2.VpcClient.newBuilder().withCredential(credential(keys)).withEndpoint(endpoint).build(),
    v3: (keys) =>
      vpcV3.VpcClient.newBuilder().withCredential(credential(keys)).withEndpoint(endpoint).build(),
    async raw(keys, method, path, body) {
      const url = new URL(path, endpoint);
      const headers: Record<string, string> = { 'content-type': 'application/json' };
      if (keys.accountId !== '') headers['x-project-id'] = keys.accountId;
      if (keys.securityToken !== undefined) headers['x-security-token'] = keys.securityToken;
      const signed = signing.AKSKSigner.sign(
        {
          endpoint: `${url.origin}${url.pathname}`,
          method,
          headers,
          queryParams: Object.fromEntries(url.searchParams),
          data: body,
        },
        credential(keys),
      ) as Record<string, string>;
      delete signed['host'];
      const init = body === undefined ? {} : { body: JSON.stringify(body) };
      const response = await fetch(url, { method, headers: signed, ...init });
      const text = await response.text();
      return {
        status: response.status,
        body: text === '' ? undefined : (JSON.parse(text) as unknown),
        requestId: response.headers.get('x-request-id'),
      };
    },
    async control(method, path, body) {
      const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
      const response = await fetch(`${simulators.controlUrl}${path}`, init);
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    },
    close: () => simulators.close(),
  };
}
