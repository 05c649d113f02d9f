/**
 * The Alibaba Cloud client of one platform account in one region: the vendor's generic client with credentials,
 * deadlines, lossless answers, and errors in our terms.
 */
import openapi from '@alicloud/openapi-core';
import sdk from '@darabonba/typescript';
import { createHash } from 'node:crypto';
import type { CloudConnectionOptions, CloudError } from '#domain';
import { withDeadline } from '../call-failure.js';
import { Renewed, type Expiring } from '../renewed.js';
import { toCloudError } from './errors.js';

/** The services that are called, by the name of their endpoint override. */
const SERVICES = {
  vpcpeer: { version: '2022-01-01', product: 'vpc' },
  vpc: { version: '2016-04-28', product: 'vpc' },
  sts: { version: '2015-04-01', product: 'sts' },
} as const;

/** One of {@link SERVICES}. */
export type Service = keyof typeof SERVICES;

/** What every answer carries. */
export interface Answer {
  readonly RequestId?: string;
}

/** The parameters of a call; lists and structures are spelt out by the SDK as `Name.1.Field`. */
export type Parameters = Readonly<Record<string, unknown>>;

/** Regions whose Vpc API answers at the central host (SDK vpc20160428, endpoint map). */
const CENTRAL_VPC_REGIONS: readonly string[] = [
  'cn-hangzhou',
  'cn-hangzhou-finance',
  'cn-north-2-gov-1',
  'cn-shanghai-finance-1',
  'cn-shenzhen-finance-1',
];

/** Temporary credentials are renewed this long before they expire, in milliseconds. */
const RENEWAL_MS = 5 * 60_000;

const DEFAULT_SESSION_NAME = 'peering-broker';

type SdkClient = InstanceType<typeof openapi.default>;

/** Keys that sign. */
interface Keys {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken?: string | undefined;
}

/** Keys with the clients that sign with them. */
interface Session {
  readonly keys: Keys;
  readonly clients: Map<Service, SdkClient>;
}

/** Calls the APIs. */
export class AlibabaClient {
  readonly #tokens = new TokenBook();
  /** Everything that must not appear in an error, temporary credentials included. */
  readonly #secrets: Set<string>;
  readonly #session = new Renewed<Session>(() => this.#open());

  constructor(private readonly options: CloudConnectionOptions) {
    const { credentials } = options;
    const more = credentials.kind === 'assume_role' ? credentials.externalId : credentials.sessionToken;
    this.#secrets = new Set(
      [credentials.accessKeyId, credentials.secretAccessKey, more].filter((secret) => secret !== undefined),
    );
  }

  /**
   * Calls one action, once. Numbers that a double cannot hold, such as account ids, come as text.
   *
   * @param token what makes repetitions of one change recognisable to the cloud, where the action takes such a token
   * @throws CloudError also when there is no answer within the deadline
   */
  async call<T extends Answer>(
    service: Service,
    operation: string,
    parameters: Parameters,
    token?: string,
  ): Promise<T> {
    await this.options.admit?.(operation);
    try {
      const given = token === undefined ? parameters : { ...parameters, ClientToken: this.#tokens.of(token) };
      return await withDeadline(this.options.timeoutMs, async () => {
        const { keys, clients } = await this.#session.get();
        let client = clients.get(service);
        if (client === undefined) {
          client = this.#client(service, keys);
          clients.set(service, client);
        }
        return this.#send<T>(client, service, operation, given);
      });
    } catch (error) {
      const failure = toCloudError(error, SERVICES[service].product, operation, this.#secrets);
      if (token !== undefined) this.#tokens.failed(token, failure);
      throw failure;
    }
  }

  async #send<T>(client: SdkClient, service: Service, operation: string, given: Parameters): Promise<T> {
    const params = new openapi.$OpenApiUtil.Params({
      action: operation,
      version: SERVICES[service].version,
      protocol: 'HTTPS',
      pathname: '/',
      method: 'POST',
      authType: 'AK',
      style: 'RPC',
      reqBodyType: 'formData',
      bodyType: 'string',
    });
    const request = new openapi.$OpenApiUtil.OpenApiRequest({ query: openapi.OpenApiUtil.query(given) });
    // Our deadline ends the waiting; these give the socket back. There are no retries: the engine looks first.
    const { timeoutMs } = this.options;
    const runtime = new sdk.RuntimeOptions({ readTimeout: timeoutMs, connectTimeout: timeoutMs });
    const { body } = await client.callApi(params, request, runtime);
    return parseLossless(String(body)) as T;
  }

  #client(service: Service, keys: Keys): SdkClient {
    const { region } = this.options;
    const { protocol, host } = new URL(this.#endpoint(service));
    return new openapi.default(
      new openapi.$OpenApiUtil.Config({
        ...keys,
        regionId: region,
        protocol: protocol.replace(':', ''),
        endpoint: host,
      }),
    );
  }

  #endpoint(service: Service): string {
    const { endpoints, region } = this.options;
    const override = endpoints[service];
    if (override !== undefined) return override;
    switch (service) {
      case 'vpcpeer':
        return 'https://vpcpeer.aliyuncs.com';
      case 'vpc':
        return CENTRAL_VPC_REGIONS.includes(region)
          ? 'https://vpc.aliyuncs.com'
          : `https://vpc.${region}.aliyuncs.com`;
      case 'sts':
        return `https://sts.${region}.aliyuncs.com`;
    }
  }

  #open(): Promise<Expiring<Session>> {
    const { credentials } = this.options;
    if (credentials.kind === 'assume_role') return this.#assumeRole(credentials);
    const { accessKeyId, secretAccessKey, sessionToken } = credentials;
    const keys = { accessKeyId, accessKeySecret: secretAccessKey, securityToken: sessionToken };
    return Promise.resolve({ value: { keys, clients: new Map() }, renewAt: Infinity });
  }

  async #assumeRole(
    credentials: Extract<CloudConnectionOptions['credentials'], { kind: 'assume_role' }>,
  ): Promise<Expiring<Session>> {
    const { accessKeyId, secretAccessKey, roleArn, externalId, sessionName, durationSeconds } = credentials;
    const sts = this.#client('sts', { accessKeyId, accessKeySecret: secretAccessKey });
    try {
      const { Credentials: issued } = await this.#send<AssumeRoleAnswer>(sts, 'sts', 'AssumeRole', {
        RoleArn: roleArn,
        RoleSessionName: sessionName ?? DEFAULT_SESSION_NAME,
        ...(externalId === undefined ? {} : { ExternalId: externalId }),
        ...(durationSeconds === undefined ? {} : { DurationSeconds: durationSeconds }),
      });
      const { AccessKeyId, AccessKeySecret, SecurityToken, Expiration } = issued;
      for (const secret of [AccessKeyId, AccessKeySecret, SecurityToken]) this.#secrets.add(secret);
      const keys = {
        accessKeyId: AccessKeyId,
        accessKeySecret: AccessKeySecret,
        securityToken: SecurityToken,
      };
      return { value: { keys, clients: new Map() }, renewAt: Date.parse(Expiration) - RENEWAL_MS };
    } catch (error) {
      throw toCloudError(error, 'sts', 'AssumeRole', this.#secrets);
    }
  }
}

interface AssumeRoleAnswer extends Answer {
  readonly Credentials: {
    readonly AccessKeyId: string;
    readonly AccessKeySecret: string;
    readonly SecurityToken: string;
    /** ISO 8601 */
    readonly Expiration: string;
  };
}

/** A number's text beside its value: what TypeScript's library does not know yet of JSON.parse. */
type LosslessReviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

/**
 * Parses JSON without rounding: a number that a double cannot hold exactly is kept as text. Account ids have up to 20
 * digits and come as numbers.
 *
 * @throws SyntaxError
 */
export function parseLossless(text: string): unknown {
  const keep: LosslessReviver = (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source ? source : value;
  return JSON.parse(text, keep as (key: string, value: unknown) => unknown);
}

/** The longest client token that the APIs take; ASCII only. */
const MAX_TOKEN_LENGTH = 64;
/** Tokens are short-lived: far more than are in use at once. */
const REMEMBERED_TOKENS = 1_000;

/**
 * The client tokens of changes. The cloud remembers what it answered to a token, a refusal too: a change that was
 * refused goes on under a token of its own, derived from the first. One whose answer was lost keeps its token, so that
 * it is not made twice.
 */
class TokenBook {
  readonly #refusals = new Map<string, number>();

  of(token: string): string {
    const refusals = this.#refusals.get(token) ?? 0;
    const text = refusals === 0 ? token : `${token}-${refusals}`;
    return text.length <= MAX_TOKEN_LENGTH && /^[\x21-\x7e]+$/.test(text)
      ? text
      : createHash('sha256').update(text).digest('hex');
  }

  failed(token: string, { info }: CloudError): void {
    if (info.category === 'transient' || info.category === 'throttled') return;
    const refusals = (this.#refusals.get(token) ?? 0) + 1;
    this.#refusals.delete(token);
    this.#refusals.set(token, refusals);
    const [oldest] = this.#refusals.keys();
    if (this.#refusals.size > REMEMBERED_TOKENS && oldest !== undefined) this.#refusals.delete(oldest);
  }
}
