/** The client of one platform account in one region: credentials, deadlines, sockets, and errors in our terms. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { CommonClient } from 'tencentcloud-sdk-nodejs/tencentcloud/common/common_client.js';
import type { ClientConfig, Credential } from 'tencentcloud-sdk-nodejs/tencentcloud/common/interface.js';
import type { Client } from 'tencentcloud-sdk-nodejs/tencentcloud/services/vpc/v20170312/vpc_client.js';
import { CloudError, type CloudConnectionOptions, type CloudCredentials } from '#domain';
import { withDeadline } from '../call-failure.js';
import { toCloudError } from './errors.js';

/** Calls of one port at once; the engine makes few, and an account's rate limits are shared by all its ports. */
const MAX_SOCKETS = 25;

/** Idle sockets are given up before the cloud does it, so that no request is sent into a closing connection. */
const IDLE_SOCKET_MS = 15_000;

const VPC_HOST = 'vpc.tencentcloudapi.com';
const VPC_VERSION = '2017-03-12';
const STS_HOST = 'sts.tencentcloudapi.com';
const STS_VERSION = '2018-08-13';

const DEFAULT_SESSION_NAME = 'peering-broker';

/** Temporary credentials are renewed this long before they expire. */
const RENEW_AHEAD_MS = 5 * 60_000;

/** What every answer carries. */
export interface Answer {
  readonly RequestId?: string | undefined;
}

/** The actions of the VPC product that are called here. */
type Action =
  | 'AttachCcnInstances'
  | 'DescribeCcnAttachedInstances'
  | 'DescribeCcnRoutes'
  | 'DescribeRouteTables'
  | 'DescribeVpcs'
  | 'DetachCcnInstances'
  | 'ModifyCcnAttachedInstancesAttribute'
  | 'ResetAttachCcnInstances';

/**
 * Calls actions of the VPC product. Their types are the SDK's; they are sent by its common client, because the methods
 * of its VPC client take no signal to end a call with.
 */
export class TencentClient {
  readonly #vpc: CommonClient;
  readonly #role: AssumedRole | null;
  readonly #agents: readonly HttpAgent[];
  readonly #timeoutMs: number;
  readonly #admit: CloudConnectionOptions['admit'];
  /** Everything that must not appear in an error, temporary credentials included. */
  readonly #secrets: Set<string>;
  #closed = false;

  constructor(options: CloudConnectionOptions) {
    const { admit, credentials, endpoints, region, timeoutMs } = options;
    const externalId = credentials.kind === 'assume_role' ? credentials.externalId : credentials.sessionToken;
    this.#secrets = new Set(
      [credentials.accessKeyId, credentials.secretAccessKey, externalId].filter(
        (secret) => secret !== undefined,
      ),
    );
    this.#timeoutMs = timeoutMs;
    this.#admit = admit;
    const agentOptions = { keepAlive: true, maxSockets: MAX_SOCKETS, timeout: IDLE_SOCKET_MS };
    const agents = { 'http://': new HttpAgent(agentOptions), 'https://': new HttpsAgent(agentOptions) };
    this.#agents = Object.values(agents);
    const configure = (service: 'vpc' | 'sts', credential: ClientConfig['credential']): ClientConfig => {
      const { protocol, host } = target(endpoints[service] ?? (service === 'vpc' ? VPC_HOST : STS_HOST));
      // With an agent of ours the SDK leaves the environment's proxies alone.
      const httpProfile = { endpoint: host, protocol, agent: agents[protocol], reqTimeout: timeoutMs / 1000 };
      return { credential, region, profile: { language: 'en-US', httpProfile } };
    };
    const own = { secretId: credentials.accessKeyId, secretKey: credentials.secretAccessKey };
    if (credentials.kind === 'static') {
      const token = credentials.sessionToken === undefined ? {} : { token: credentials.sessionToken };
      this.#role = null;
      this.#vpc = new CommonClient(VPC_HOST, VPC_VERSION, configure('vpc', { ...own, ...token }));
      return;
    }
    const sts = new CommonClient(STS_HOST, STS_VERSION, configure('sts', own));
    const role = new AssumedRole(sts, credentials, this.#secrets);
    this.#role = role;
    this.#vpc = new CommonClient(
      VPC_HOST,
      VPC_VERSION,
      configure('vpc', { getCredential: () => role.latest() }),
    );
  }

  /**
   * Calls one action, once.
   *
   * @throws CloudError also when there is no answer within the deadline
   */
  async send<A extends Action>(
    operation: A,
    input: Parameters<Client[A]>[0],
  ): Promise<Awaited<ReturnType<Client[A]>>> {
    await this.#admit?.(operation);
    if (this.#closed) {
      const message = 'this connection to the cloud has been closed';
      throw new CloudError({ category: 'transient', code: 'ConnectionClosed', message, operation });
    }
    try {
      return await withDeadline(this.#timeoutMs, async (signal) => {
        // The SDK would drop what exactly went wrong with the role, so it is assumed before the SDK asks for it.
        await this.#role?.credential();
        const answer: unknown = await this.#vpc.request(operation, input, { signal });
        return answer as Awaited<ReturnType<Client[A]>>;
      });
    } catch (error) {
      throw toCloudError(error, 'vpc', operation, this.#secrets);
    }
  }

  /** Closes all sockets, those of calls in flight too. */
  close(): void {
    this.#closed = true;
    for (const agent of this.#agents) agent.destroy();
  }
}

/**
 * Temporary credentials of a role, renewed before they expire. The SDK's own STSCredential keeps a failed attempt for
 * good, and keeps of its error only the text.
 */
class AssumedRole {
  #current: { readonly credential: Credential; readonly expiresAt: number } | null = null;
  #attempt: Promise<Credential> | null = null;

  constructor(
    private readonly sts: CommonClient,
    private readonly role: Extract<CloudCredentials, { kind: 'assume_role' }>,
    private readonly secrets: Set<string>,
  ) {}

  /** What {@link credential} gave last, for the SDK to sign with. */
  latest(): Promise<Credential> {
    return this.#current === null ? this.credential() : Promise.resolve(this.#current.credential);
  }

  /** @throws CloudError in the name of AssumeRole */
  async credential(): Promise<Credential> {
    if (this.#current && Date.now() < this.#current.expiresAt - RENEW_AHEAD_MS)
      return this.#current.credential;
    this.#attempt ??= this.#assume().finally(() => {
      this.#attempt = null;
    });
    return this.#attempt;
  }

  async #assume(): Promise<Credential> {
    const { roleArn, sessionName, durationSeconds, externalId } = this.role;
    try {
      const { Credentials: issued, ExpiredTime: expiredTime } = (await this.sts.request('AssumeRole', {
        RoleArn: roleArn,
        RoleSessionName: sessionName ?? DEFAULT_SESSION_NAME,
        ...(durationSeconds === undefined ? {} : { DurationSeconds: durationSeconds }),
        ...(externalId === undefined ? {} : { ExternalId: externalId }),
      })) as AssumeRoleAnswer;
      const { TmpSecretId: secretId, TmpSecretKey: secretKey, Token: token } = issued;
      for (const secret of [secretId, secretKey, token]) this.secrets.add(secret);
      const credential = { secretId, secretKey, token };
      this.#current = { credential, expiresAt: expiredTime * 1000 };
      return credential;
    } catch (error) {
      throw toCloudError(error, 'sts', 'AssumeRole', this.secrets);
    }
  }
}

/** STS 2018-08-13, AssumeRole. */
interface AssumeRoleAnswer {
  readonly Credentials: {
    readonly TmpSecretId: string;
    readonly TmpSecretKey: string;
    readonly Token: string;
  };
  /** Unix time in seconds. */
  readonly ExpiredTime: number;
}

/** An endpoint as the SDK wants it. A bare host, such as `vpc.intl.tencentcloudapi.com`, is reached by HTTPS. */
function target(endpoint: string): { readonly protocol: 'http://' | 'https://'; readonly host: string } {
  const { protocol, host } = new URL(endpoint.includes('://') ? endpoint : `https://${endpoint}`);
  return { protocol: protocol === 'http:' ? 'http://' : 'https://', host };
}
