/**
 * The Huawei Cloud client of one platform account in one region: signed JSON over HTTP, with credentials, deadlines, and
 * errors in our terms. Our own, because the vendor's SDK prints security tokens on errors, drops error codes and has no
 * deadline.
 */
import { CloudError, type CloudConnectionOptions } from '#domain';
import { withDeadline } from '../call-failure.js';
import { Renewed, type Expiring } from '../renewed.js';
import { failureOf, refusalOf } from './errors.js';
import { signedHeaders, type SigningKeys } from './signature.js';

/** The services that are called, by the name of their endpoint override. */
export type Service = 'vpc' | 'iam' | 'sts';

/** One call. */
export interface Request {
  readonly service: Service;
  /** The vendor's name of the call, as in their SDKs: `AcceptVpcPeering`. */
  readonly operation: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** The path, given the platform's project. */
  readonly path: (projectId: string) => string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** What a call was answered. */
export interface Answer<T> {
  readonly body: T;
  readonly requestId: string | undefined;
}

/** Regions whose services are under a domain of their own. */
const OTHER_DOMAINS: Readonly<Record<string, string>> = { 'eu-west-101': 'myhuaweicloud.eu' };

/** Temporary credentials are renewed this long before they expire, in milliseconds. */
const RENEWAL_MS = 5 * 60_000;

const DEFAULT_SESSION_NAME = 'peering-broker';

/** Calls the APIs. */
export class HuaweiClient {
  /** Everything that must not appear in an error, temporary credentials included. */
  readonly #secrets: Set<string>;
  readonly #keys = new Renewed<SigningKeys>(() => this.#obtainKeys());
  #projectId: string;
  #lookedUpProject: Promise<string | undefined> | undefined;

  constructor(private readonly options: CloudConnectionOptions) {
    const { credentials } = options;
    const more = credentials.kind === 'assume_role' ? credentials.externalId : credentials.sessionToken;
    this.#secrets = new Set(
      [credentials.accessKeyId, credentials.secretAccessKey, more].filter((secret) => secret !== undefined),
    );
    this.#projectId = options.accountId;
  }

  /**
   * The project that the platform's resources in the region belong to: the account id, until the cloud has refused that
   * and named another.
   */
  get projectId(): string {
    return this.#projectId;
  }

  /**
   * Makes one call, once; again only if it was refused for the project, with the right one.
   *
   * @throws CloudError also when there is no answer within the deadline
   */
  async call<T>(request: Request): Promise<Answer<T>> {
    const projectId = this.#projectId;
    try {
      return await this.#sendAs<T>(request, projectId);
    } catch (error) {
      if (!isProjectRefusal(error)) throw error;
      // The account may be known by its own id (its "domain") and not by its project's in this region.
      const another = await (this.#lookedUpProject ??= this.#findProject());
      if (another === undefined || another === projectId) throw error;
      this.#projectId = another;
      return this.#sendAs<T>(request, another);
    }
  }

  /** @param projectId null for calls that are about no project */
  async #sendAs<T>(request: Request, projectId: string | null): Promise<Answer<T>> {
    const { admit, timeoutMs } = this.options;
    await admit?.(request.operation);
    try {
      return await withDeadline(timeoutMs, async (signal) =>
        this.#send<T>(request, await this.#keys.get(), projectId, signal),
      );
    } catch (error) {
      throw failureOf(error, request.operation, this.#secrets);
    }
  }

  async #send<T>(
    { service, operation, method, path, query = {}, body }: Request,
    keys: SigningKeys,
    projectId: string | null,
    signal: AbortSignal,
  ): Promise<Answer<T>> {
    const url = new URL(path(projectId ?? ''), this.#endpoint(service));
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const text = body === undefined ? '' : JSON.stringify(body);
    const headers = {
      'content-type': 'application/json',
      ...(projectId === null ? {} : { 'x-project-id': projectId }),
    };
    const response = await fetch(url, {
      method,
      headers: signedHeaders({ method, url, headers, body: text }, keys, new Date()),
      ...(text === '' ? {} : { body: text }),
      // What is signed is for the host that was asked, and for nobody that it names.
      redirect: 'manual',
      signal,
    });
    const answer = await response.text();
    const requestId = response.headers.get('x-request-id') ?? undefined;
    if (!response.ok) {
      throw refusalOf({ status: response.status, text: answer, requestId }, operation, this.#secrets);
    }
    return { body: (answer === '' ? undefined : JSON.parse(answer)) as T, requestId };
  }

  #endpoint(service: Service): string {
    const { endpoints, region } = this.options;
    return (
      endpoints[service] ?? `https://${service}.${region}.${OTHER_DOMAINS[region] ?? 'myhuaweicloud.com'}`
    );
  }

  /** The project of this region by IAM's list, which has one named after each region; undefined when there is none. */
  async #findProject(): Promise<string | undefined> {
    const { region, accountId } = this.options;
    const request: Request = {
      service: 'iam',
      operation: 'KeystoneListProjects',
      method: 'GET',
      path: () => '/v3/projects',
      query: { name: region },
    };
    try {
      const { body } = await this.#sendAs<{
        projects?: readonly { id?: string; name?: string; domain_id?: string }[];
      }>(request, null);
      const named = (body.projects ?? []).filter((project) => project.name === region);
      return (named.find((project) => project.domain_id === accountId) ?? named[0])?.id;
    } catch (error) {
      const failure = failureOf(error, request.operation, this.#secrets);
      // A refusal stands; a cloud in trouble is asked again another time.
      if (['transient', 'throttled'].includes(failure.info.category)) {
        this.#lookedUpProject = undefined;
        throw failure;
      }
      return undefined;
    }
  }

  #obtainKeys(): Promise<Expiring<SigningKeys>> {
    const { credentials } = this.options;
    if (credentials.kind === 'assume_role') return this.#assumeAgency(credentials);
    const { accessKeyId, secretAccessKey, sessionToken: securityToken } = credentials;
    return Promise.resolve({
      value: { accessKeyId, secretAccessKey, securityToken },
      renewAt: Infinity,
    });
  }

  /** Temporary keys of an agency, which is what a role is called here; the role's ARN is the agency's URN. */
  async #assumeAgency(
    credentials: Extract<CloudConnectionOptions['credentials'], { kind: 'assume_role' }>,
  ): Promise<Expiring<SigningKeys>> {
    const { accessKeyId, secretAccessKey, roleArn, externalId, sessionName, durationSeconds } = credentials;
    const request: Request = {
      service: 'sts',
      operation: 'AssumeAgency',
      method: 'POST',
      path: () => '/v5/agencies/assume',
      body: {
        agency_urn: roleArn,
        agency_session_name: sessionName ?? DEFAULT_SESSION_NAME,
        ...(externalId === undefined ? {} : { external_id: externalId }),
        ...(durationSeconds === undefined ? {} : { duration_seconds: durationSeconds }),
      },
    };
    try {
      const { body } = await withDeadline(this.options.timeoutMs, (signal) =>
        this.#send<AssumedAgency>(request, { accessKeyId, secretAccessKey }, null, signal),
      );
      const { access_key_id, secret_access_key, security_token, expiration } = body.credentials;
      for (const secret of [access_key_id, secret_access_key, security_token]) this.#secrets.add(secret);
      return {
        value: {
          accessKeyId: access_key_id,
          secretAccessKey: secret_access_key,
          securityToken: security_token,
        },
        renewAt: Date.parse(expiration) - RENEWAL_MS,
      };
    } catch (error) {
      throw failureOf(error, request.operation, this.#secrets);
    }
  }
}

interface AssumedAgency {
  readonly credentials: {
    readonly access_key_id: string;
    readonly secret_access_key: string;
    readonly security_token: string;
    /** ISO 8601 */
    readonly expiration: string;
  };
}

/** Whether a call was refused because the project is not the caller's. */
function isProjectRefusal(error: unknown): boolean {
  if (!(error instanceof CloudError)) return false;
  const { category, code, message } = error.info;
  return code === 'VPC.0007' || (category === 'auth' && /project id/i.test(message));
}
