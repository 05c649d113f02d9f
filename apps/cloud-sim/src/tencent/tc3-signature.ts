/** TC3-HMAC-SHA256 as Tencent Cloud's API 3.0 documents it, with what its Node.js SDK makes of other endpoints. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Credential } from '../accounts.js';
import type { SimRequest } from '../cloud-simulator.js';
import { TencentError } from './tencent-error.js';

/** What verification looks up and compares with. */
export interface SignatureContext {
  readonly credential: (secretId: string) => Credential | undefined;
  /** Milliseconds since the epoch on the clock that clients sign with. */
  readonly wallNow: number;
  /** Milliseconds since the epoch in simulated time, by which temporary credentials expire. */
  readonly now: number;
  /** The product whose API is called: `vpc` or `sts`. */
  readonly product: string;
}

/** What a request says of its signature, before anything is verified. */
export interface ClaimedSignature {
  readonly secretId: string;
  /** `2026-11-20` */
  readonly date: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

const ALGORITHM = 'TC3-HMAC-SHA256';
/** "The difference between Timestamp and server time must not exceed five minutes" (common error codes). */
const FRESHNESS_MS = 5 * 60_000;

/** Reads the claim out of the Authorization header. Undefined when there is none of this form. */
export function readSignature(request: SimRequest): ClaimedSignature | undefined {
  const { authorization } = request.headers;
  if (!authorization?.startsWith(`${ALGORITHM} `)) return undefined;
  const parts = new Map<string, string>();
  for (const part of authorization.slice(ALGORITHM.length).split(',')) {
    const equals = part.indexOf('=');
    parts.set(part.slice(0, equals).trim(), part.slice(equals + 1).trim());
  }
  const [secretId, date, service, terminator] = parts.get('Credential')?.split('/') ?? [];
  const signature = parts.get('Signature');
  const signedHeaders = parts.get('SignedHeaders')?.split(';');
  if (secretId === undefined || date === undefined || service === undefined) return undefined;
  if (terminator !== 'tc3_request' || signature === undefined || signedHeaders === undefined)
    return undefined;
  return { secretId, date, service, signedHeaders, signature };
}

/**
 * Recomputes the signature over what arrived; returns whose it is. Throws TencentError `AuthFailure.…`.
 *
 * Two habits of the vendor's SDK show on any host but the vendor's: it signs for the service that the endpoint's first
 * label names (`127` for 127.0.0.1), and it signs the host without the port that the Host header has.
 */
export function verifySignature(
  request: SimRequest,
  claimed: ClaimedSignature | undefined,
  context: SignatureContext,
): Credential {
  if (claimed === undefined) {
    throw new TencentError(
      'AuthFailure.InvalidAuthorization',
      'The `Authorization` in the request header does not comply with the Tencent Cloud standard.',
    );
  }
  const timestamp = Number(request.headers['x-tc-timestamp']);
  if (!Number.isInteger(timestamp)) {
    throw new TencentError('MissingParameter', 'The request is missing a required parameter `Timestamp`.');
  }
  if (Math.abs(timestamp * 1000 - context.wallNow) > FRESHNESS_MS) {
    throw new TencentError(
      'AuthFailure.SignatureExpire',
      'The provided credentials could not be validated because of exceeding request time limit.',
    );
  }
  const credential = context.credential(claimed.secretId);
  if (credential === undefined) {
    throw new TencentError(
      'AuthFailure.SecretIdNotFound',
      'The SecretId is not found, please ensure that your SecretId is correct.',
    );
  }
  const isExpired = credential.expiresAt !== undefined && credential.expiresAt <= context.now;
  if (credential.sessionToken !== request.headers['x-tc-token'] || isExpired) {
    throw new TencentError('AuthFailure.TokenFailure', 'The token is invalid or has expired.');
  }
  if (!isSigned(request, claimed, credential, timestamp, context.product)) {
    throw new TencentError(
      'AuthFailure.SignatureFailure',
      'The provided credentials could not be validated. Please check your signature is correct.',
    );
  }
  return credential;
}

function isSigned(
  request: SimRequest,
  claimed: ClaimedSignature,
  credential: Credential,
  timestamp: number,
  product: string,
): boolean {
  const host = request.headers['host'] ?? '';
  const isService = claimed.service === product || claimed.service === host.split('.')[0];
  const isDay = claimed.date === new Date(timestamp * 1000).toISOString().slice(0, 10);
  const covers = ['content-type', 'host'].every((name) => claimed.signedHeaders.includes(name));
  if (!isService || !isDay || !covers) return false;
  const given = Buffer.from(claimed.signature, 'hex');
  const key = signingKey(credential.secretAccessKey, claimed.date, claimed.service);
  return [host, host.replace(/:\d+$/, '')].some((signedHost) => {
    const expected = createHmac('sha256', key)
      .update(stringToSign(request, claimed, timestamp, signedHost))
      .digest();
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

function stringToSign(
  request: SimRequest,
  claimed: ClaimedSignature,
  timestamp: number,
  signedHost: string,
): string {
  const headers = claimed.signedHeaders.map((name) => {
    const value = name === 'host' ? signedHost : (request.headers[name] ?? '').trim();
    return `${name}:${value}\n`;
  });
  const canonical = [
    request.method,
    request.path,
    request.query,
    headers.join(''),
    claimed.signedHeaders.join(';'),
    sha256(request.body),
  ].join('\n');
  return [
    ALGORITHM,
    String(timestamp),
    `${claimed.date}/${claimed.service}/tc3_request`,
    sha256(canonical),
  ].join('\n');
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

const signingKeys = new Map<string, Buffer>();

/** Derived keys are kept: three hashes a request otherwise, for a handful of distinct keys. */
function signingKey(secret: string, date: string, service: string): Buffer {
  const name = `${secret}/${date}/${service}`;
  const known = signingKeys.get(name);
  if (known) return known;
  if (signingKeys.size > 1000) signingKeys.clear();
  let key = createHmac('sha256', `TC3${secret}`).update(date).digest();
  for (const part of [service, 'tc3_request']) key = createHmac('sha256', key).update(part).digest();
  signingKeys.set(name, key);
  return key;
}
