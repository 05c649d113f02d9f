/** The EC2 client of one platform account in one region: credentials, deadlines, sockets, and errors in our terms. */
import {
  EC2Client,
  type $Command,
  type EC2ClientConfig,
  type EC2ClientResolvedConfig,
  type ServiceInputTypes,
  type ServiceOutputTypes,
} from '@aws-sdk/client-ec2';
import type { CloudConnectionOptions } from '#domain';
import { withDeadline } from '../call-failure.js';
import { toCloudError } from './errors.js';

/** Calls of one port at once; the engine makes few, and an account's rate limits are shared by all its ports. */
const MAX_SOCKETS = 25;

/** Idle sockets are given up before AWS does it, so that no request is sent into a closing connection. */
const IDLE_SOCKET_MS = 15_000;

const DEFAULT_SESSION_NAME = 'peering-broker';

type CredentialProvider = Exclude<NonNullable<EC2ClientConfig['credentials']>, { accessKeyId: string }>;

/** Sends EC2 commands. */
export class AwsClient {
  readonly #ec2: EC2Client;
  readonly #timeoutMs: number;
  readonly #admit: CloudConnectionOptions['admit'];
  /** Everything that must not appear in an error, temporary credentials included. */
  readonly #secrets: Set<string>;

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
    this.#ec2 = new EC2Client({
      region,
      ...(endpoints['ec2'] === undefined ? {} : { endpoint: endpoints['ec2'] }),
      credentials: credentials.kind === 'static' ? credentials : this.#assumeRole(options),
      // The engine decides when to try again: it looks first.
      maxAttempts: 1,
      requestHandler: {
        httpAgent: { keepAlive: true, maxSockets: MAX_SOCKETS, timeout: IDLE_SOCKET_MS },
        httpsAgent: { keepAlive: true, maxSockets: MAX_SOCKETS, timeout: IDLE_SOCKET_MS },
        // The SDK calls STS without our signal. This ends a call that hangs, for which all later ones would wait.
        socketTimeout: timeoutMs,
      },
    });
  }

  /**
   * Sends one command, once.
   *
   * @param operation the API's name of the command, for errors
   * @throws CloudError also when there is no answer within the deadline
   */
  async send<Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(
    operation: string,
    command: $Command<Input, Output, EC2ClientResolvedConfig, ServiceInputTypes, ServiceOutputTypes>,
  ): Promise<Output> {
    await this.#admit?.(operation);
    try {
      return await withDeadline(this.#timeoutMs, (abortSignal) => this.#ec2.send(command, { abortSignal }));
    } catch (error) {
      throw toCloudError(error, 'ec2', operation, this.#secrets);
    }
  }

  /** Closes all sockets, those of calls in flight too. */
  close(): void {
    this.#ec2.destroy();
  }

  /** Credentials from STS; the EC2 client keeps them and asks again some minutes before they expire. */
  #assumeRole({ credentials, endpoints, region }: CloudConnectionOptions): CredentialProvider {
    if (credentials.kind !== 'assume_role') throw new Error('There is no role to assume.');
    const { roleArn, externalId, sessionName, durationSeconds, accessKeyId, secretAccessKey } = credentials;
    let provider: CredentialProvider | undefined;
    return async (properties) => {
      try {
        const { fromTemporaryCredentials } = await import('@aws-sdk/credential-providers');
        provider ??= fromTemporaryCredentials({
          masterCredentials: { accessKeyId, secretAccessKey },
          params: {
            RoleArn: roleArn,
            RoleSessionName: sessionName ?? DEFAULT_SESSION_NAME,
            ...(externalId === undefined ? {} : { ExternalId: externalId }),
            ...(durationSeconds === undefined ? {} : { DurationSeconds: durationSeconds }),
          },
          clientConfig: {
            region,
            maxAttempts: 1,
            requestHandler: this.#ec2.config.requestHandler,
            ...(endpoints['sts'] === undefined ? {} : { endpoint: endpoints['sts'] }),
          },
        });
        const identity = await provider(properties);
        for (const secret of [identity.accessKeyId, identity.secretAccessKey, identity.sessionToken]) {
          if (secret !== undefined) this.#secrets.add(secret);
        }
        return identity;
      } catch (error) {
        throw toCloudError(error, 'sts', 'AssumeRole', this.#secrets);
      }
    };
  }
}
