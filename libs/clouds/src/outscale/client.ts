/**
 * The OAPI client of one platform account in one region: signatures, deadlines, sockets, and errors in our terms. Wire:
 * OUTSCALE API reference 1.40, JSON over POST, signed with Signature Version 4 for the service `api`.
 */
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { Hash } from '@smithy/hash-node';
import { SignatureV4 } from '@smithy/signature-v4';
import { CloudError, type CloudConnectionOptions } from '#domain';
import { withDeadline } from '../call-failure.js';
import { RefusedError, toCloudError } from './errors.js';

/** OUTSCALE's own SDKs keep to three calls of an account at once; its limits are lower than other clouds'. */
const MAX_SOCKETS = 3;

/** Idle sockets are given up before the cloud does it, so that no request is sent into a closing connection. */
const IDLE_SOCKET_MS = 15_000;

/** What every answer carries. */
export interface Answer {
  readonly ResponseContext?: { readonly RequestId?: string };
}

/** Calls actions of the API. */
export class OutscaleClient {
  readonly #signer: SignatureV4;
  readonly #base: URL;
  readonly #agent: HttpAgent;
  /** Everything that must not appear in an error. */
  readonly #secrets: ReadonlySet<string>;
  #closed = false;

  constructor(private readonly options: CloudConnectionOptions) {
    const { region, endpoints } = options;
    const { accessKeyId, secretAccessKey } = options.credentials;
    this.#secrets = new Set([accessKeyId, secretAccessKey]);
    this.#base = new URL(endpoints['api'] ?? `https://api.${region}.outscale.com`);
    const agentOptions = { keepAlive: true, maxSockets: MAX_SOCKETS, timeout: IDLE_SOCKET_MS };
    this.#agent = this.#isSecure ? new HttpsAgent(agentOptions) : new HttpAgent(agentOptions);
    this.#signer = new SignatureV4({
      // Access keys of OUTSCALE are for good: there is no session token to send.
      credentials: { accessKeyId, secretAccessKey },
      region,
      service: 'api',
      sha256: Hash.bind(null, 'sha256'),
      applyChecksum: false,
    });
  }

  /**
   * Calls one action, once.
   *
   * @throws CloudError also when there is no answer within the deadline
   */
  async call<T extends object>(operation: string, parameters: object): Promise<T & Answer> {
    this.#assertUsable(operation);
    await this.options.admit?.(operation);
    this.#assertUsable(operation);
    try {
      return await withDeadline(this.options.timeoutMs, (signal) =>
        this.#post<T & Answer>(operation, parameters, signal),
      );
    } catch (error) {
      throw toCloudError(error, operation, this.#secrets);
    }
  }

  /** Closes all sockets, those of calls in flight too. */
  close(): void {
    this.#closed = true;
    this.#agent.destroy();
  }

  get #isSecure(): boolean {
    return this.#base.protocol === 'https:';
  }

  #assertUsable(operation: string): void {
    if (this.#closed) {
      const message = 'this connection to the cloud was closed';
      throw new CloudError({ category: 'transient', code: 'PortClosed', message, operation });
    }
    if (this.options.credentials.kind === 'assume_role') {
      const message = 'OUTSCALE has no roles to assume: give this platform account an access key of its own';
      throw new CloudError({ category: 'auth', code: 'AssumeRoleUnsupported', message, operation });
    }
  }

  async #post<T>(operation: string, parameters: object, signal: AbortSignal): Promise<T> {
    const path = `${this.#base.pathname.replace(/\/(api(\/v1)?\/?)?$/, '')}/api/v1/${operation}`;
    const body = JSON.stringify(parameters);
    const { headers } = await this.#signer.sign({
      method: 'POST',
      protocol: this.#base.protocol,
      hostname: this.#base.hostname,
      path,
      headers: { host: this.#base.host, 'content-type': 'application/json' },
      body,
    });
    const { status, text } = await this.#send(new URL(path, this.#base), headers, body, signal);
    const answer = status === 200 ? parseObject(text) : undefined;
    if (answer === undefined) throw new RefusedError(status, text);
    return answer as T;
  }

  #send(
    url: URL,
    headers: Readonly<Record<string, string>>,
    body: string,
    signal: AbortSignal,
  ): Promise<{ readonly status: number; readonly text: string }> {
    const send = this.#isSecure ? httpsRequest : httpRequest;
    const length = { 'content-length': Buffer.byteLength(body), 'user-agent': 'peering-broker' };
    return new Promise((resolve, reject) => {
      const request = send(
        url,
        { method: 'POST', headers: { ...headers, ...length }, agent: this.#agent, signal },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') });
          });
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  }
}

function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
