import openapi from '@alicloud/openapi-core';
import vpcSdk from '@alicloud/vpc20160428';
import { startSimulators, type Simulators } from '../../apps/cloud-sim/src/simulator.js';
import type { Account } from '../../apps/cloud-sim/src/accounts.js';
import type { ControlAnswer } from './simulated-aws.js';

/** The region of calls that name none. */
export const REGION = 'cn-hangzhou';

/** API versions by product. */
const VERSIONS = { VpcPeer: '2022-01-01', Vpc: '2016-04-28', Ecs: '2014-05-26', Sts: '2015-04-01' } as const;

/** A product of Alibaba Cloud. */
export type Product = keyof typeof VERSIONS;

/** Keys that sign; a token makes them temporary. */
export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly securityToken?: string;
}

/** How a call is sent, where it differs from what the vendor's SDKs do. */
export interface Sending {
  /** `v2` is the SDK's name of the older signature 1.0. */
  readonly signatureAlgorithm?: 'v2';
  /** Where the parameters travel; the form when absent. */
  readonly place?: 'query' | 'form';
}

/** A simulated Alibaba Cloud of a test's own, with callers that sign as its accounts. */
export interface SimulatedAlibaba {
  readonly simulators: Simulators;
  readonly endpoint: string;
  readonly platform: Account;
  readonly customer: Account;
  /** The vendor's own client of the Vpc API. */
  vpc(keys: Keys): InstanceType<typeof vpcSdk.default>;
  /** Any action through the vendor's generic client; answers with the raw text. Throws the vendor's errors. */
  text(
    keys: Keys,
    product: Product,
    action: string,
    parameters: Record<string, unknown>,
    sending?: Sending,
  ): Promise<string>;
  /** The same, parsed as the vendor's SDK parses it: with ids above 2^53 corrupted. */
  call(
    keys: Keys,
    product: Product,
    action: string,
    parameters: Record<string, unknown>,
    sending?: Sending,
  ): Promise<Record<string, unknown>>;
  control(method: string, path: string, body?: unknown): Promise<ControlAnswer>;
  close(): Promise<void>;
}

/** Starts Alibaba Cloud alone, on ports of the system's choice, with simulated time standing still. */
export async function startSimulatedAlibaba(): Promise<SimulatedAlibaba> {
  const simulators = await startSimulators({ ports: 'ephemeral', clouds: ['alibaba'] });
  simulators.clock.freeze();
  const endpoint = simulators.endpoints.alibaba;
  const config = ({ accessKeyId, secretAccessKey, securityToken }: Keys, signatureAlgorithm?: string) =>
    new openapi.$OpenApiUtil.Config({
      accessKeyId,
      accessKeySecret: secretAccessKey,
      securityToken,
      endpoint: new URL(endpoint).host,
      protocol: 'http',
      regionId: REGION,
      ...(signatureAlgorithm === undefined ? {} : { signatureAlgorithm }),
    });
  const text: SimulatedAlibaba['text'] = async (keys, product, action, parameters, sending = {}) => {
    const client = new openapi.default(config(keys, sending.signatureAlgorithm));
    const flat = openapi.OpenApiUtil.query({ RegionId: REGION, ...parameters });
    const request = new openapi.$OpenApiUtil.OpenApiRequest(
      sending.place === 'query' ? { query: flat } : { body: flat },
    );
    const params = new openapi.$OpenApiUtil.Params({
      action,
      version: VERSIONS[product],
      protocol: 'HTTP',
      pathname: '/',
      method: 'POST',
      authType: 'AK',
      style: 'RPC',
      reqBodyType: 'formData',
      bodyType: 'string',
    });
    const answer = await client.callApi(params, request, {} as never);
    return String(answer['body']);
  };
  return {
    simulators,
    endpoint,
    platform: simulators.account('alibaba', 'platform'),
    customer: simulators.account('alibaba', 'customer'),
    vpc: (keys) => new vpcSdk.default(config(keys)),
    text,
    call: async (...given) => JSON.parse(await text(...given)) as Record<string, unknown>,
    async control(method, path, body) {
      const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
      const response = await fetch(`${simulators.controlUrl}${path}`, init);
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    },
    close: () => simulators.close(),
  };
}

/** The error code that a call fails with, as the vendor's SDK names it; `none` when it succeeds. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'none';
  } catch (error) {
    return String((error as { code?: unknown }).code);
  }
}
