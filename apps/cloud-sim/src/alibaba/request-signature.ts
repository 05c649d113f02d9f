import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Credential } from '../accounts.js';
import { canonicalPairs, canonicalQuery, encodeStrictly, sha256 } from '../canonical-request.js';
import type { SimRequest } from '../cloud-simulator.js';
import { AlibabaError } from './alibaba-error.js';
import type { RequestParameters } from './request-parameters.js';

/** What a request says of its signature, before anything is verified. */
export interface ClaimedSignature {
  /** `ACS3-HMAC-SHA256` in headers, or the older signature among the parameters (`1.0`). */
  readonly scheme: 'ACS3' | 'RPC';
  readonly accessKeyId: string;
  readonly signature: string;
  /** ISO 8601 with seconds, UTC. */
  readonly date: string;
  readonly nonce: string;
  readonly securityToken: string | undefined;
  /** Lower case; empty for `RPC`. */
  readonly signedHeaders: readonly string[];
}

/** What verification looks up and compares with. */
export interface SignatureContext {
  readonly credential: (accessKeyId: string) => Credential | undefined;
  readonly nonces: NonceMemory;
  /** Milliseconds since the epoch on the clock that clients sign with. */
  readonly wallNow: number;
  /** Milliseconds since the epoch in simulated time, by which temporary credentials expire. */
  readonly now: number;
}

const ACS3 = 'ACS3-HMAC-SHA256';
/** How far a request's own time may be from now. */
const FRESHNESS_MS = 15 * 60_000;

/** Reads the claim out of the headers or the parameters. Undefined when there is none. */
export function readSignature(
  request: SimRequest,
  parameters: RequestParameters,
): ClaimedSignature | undefined {
  const { headers } = request;
  const { authorization } = headers;
  if (authorization?.startsWith(`${ACS3} `)) {
    const parts = new Map(
      authorization
        .slice(ACS3.length)
        .split(',')
        .map((part) => {
          const equals = part.indexOf('=');
          return [part.slice(0, equals).trim(), part.slice(equals + 1).trim()] as const;
        }),
    );
    return {
      scheme: 'ACS3',
      accessKeyId: parts.get('Credential') ?? '',
      signature: parts.get('Signature') ?? '',
      signedHeaders: (parts.get('SignedHeaders') ?? '').split(';'),
      date: headers['x-acs-date'] ?? '',
      nonce: headers['x-acs-signature-nonce'] ?? '',
      securityToken: headers['x-acs-security-token'],
    };
  }
  const signature = parameters.get('Signature');
  if (signature === undefined) return undefined;
  return {
    scheme: 'RPC',
    accessKeyId: parameters.get('AccessKeyId') ?? '',
    signature,
    signedHeaders: [],
    date: parameters.get('Timestamp') ?? '',
    nonce: parameters.get('SignatureNonce') ?? '',
    securityToken: parameters.get('SecurityToken'),
  };
}

/**
 * Recomputes the signature over what arrived and returns whose key signed it. Throws AlibabaError:
 * IncompleteSignature, InvalidAccessKeyId.NotFound, MissingSecurityToken, InvalidSecurityToken.*,
 * InvalidTimeStamp.*, SignatureNonceUsed, SignatureDoesNotMatch.
 */
export function verifySignature(
  request: SimRequest,
  parameters: RequestParameters,
  claimed: ClaimedSignature | undefined,
  context: SignatureContext,
): Credential {
  if (claimed === undefined) {
    throw new AlibabaError(
      'IncompleteSignature',
      'The request signature does not conform to Aliyun standards.',
    );
  }
  const credential = context.credential(claimed.accessKeyId);
  if (credential === undefined) {
    throw new AlibabaError(
      'InvalidAccessKeyId.NotFound',
      'Specified access key is not found or invalid.',
      404,
    );
  }
  verifyToken(credential, claimed.securityToken, context.now);
  verifyFreshness(claimed.date, context.wallNow);
  const [canonical, expected] =
    claimed.scheme === 'ACS3'
      ? signAcs3(request, claimed, credential.secretAccessKey)
      : signRpc(request, parameters, credential.secretAccessKey);
  const given = Buffer.from(claimed.signature, claimed.scheme === 'ACS3' ? 'hex' : 'base64');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new AlibabaError(
      'SignatureDoesNotMatch',
      `Specified signature is not matched with our calculation. server string to sign is:${canonical}`,
    );
  }
  if (!context.nonces.use(`${claimed.accessKeyId}/${claimed.nonce}`, context.wallNow)) {
    throw new AlibabaError('SignatureNonceUsed', 'Specified signature nonce was used already.');
  }
  return credential;
}

/** The nonces of the latest requests: each may be used once while its request's date is fresh. */
export class NonceMemory {
  #older = new Set<string>();
  #newer = new Set<string>();
  #startedAt = 0;

  /** Whether the nonce is new; from now on it is not. `now` in milliseconds since the epoch. */
  use(nonce: string, now: number): boolean {
    if (now - this.#startedAt > FRESHNESS_MS || this.#newer.size > 200_000) {
      this.#older = this.#newer;
      this.#newer = new Set();
      this.#startedAt = now;
    }
    if (this.#newer.has(nonce) || this.#older.has(nonce)) return false;
    this.#newer.add(nonce);
    return true;
  }

  clear(): void {
    this.#older.clear();
    this.#newer.clear();
  }
}

function verifyToken(credential: Credential, token: string | undefined, now: number): void {
  if (credential.sessionToken !== undefined && token === undefined) {
    throw new AlibabaError('MissingSecurityToken', 'SecurityToken is mandatory for this action.');
  }
  if (credential.sessionToken !== token) {
    throw new AlibabaError('InvalidSecurityToken.Malformed', 'Specified SecurityToken is malformed.');
  }
  if (credential.expiresAt !== undefined && credential.expiresAt <= now) {
    throw new AlibabaError('InvalidSecurityToken.Expired', 'Specified SecurityToken is expired.');
  }
}

function verifyFreshness(date: string, wallNow: number): void {
  const at = Date.parse(date);
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(date) || Number.isNaN(at)) {
    throw new AlibabaError(
      'InvalidTimeStamp.Format',
      'Specified time stamp or date value is not well formatted.',
    );
  }
  if (Math.abs(wallNow - at) > FRESHNESS_MS) {
    throw new AlibabaError('InvalidTimeStamp.Expired', 'Specified time stamp or date value is expired.');
  }
}

/** Headers that an ACS3 signature has to cover. */
const ALWAYS_SIGNED = [
  'host',
  'x-acs-action',
  'x-acs-content-sha256',
  'x-acs-date',
  'x-acs-signature-nonce',
  'x-acs-version',
];

/** Signature version 3: https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature */
function signAcs3(request: SimRequest, claimed: ClaimedSignature, secret: string): [string, Buffer] {
  const { headers, signedHeaders } = { headers: request.headers, signedHeaders: claimed.signedHeaders };
  const unsigned = ALWAYS_SIGNED.find((name) => !signedHeaders.includes(name));
  if (unsigned !== undefined) {
    throw new AlibabaError('IncompleteSignature', `The header ${unsigned} is not covered by the signature.`);
  }
  const payload = sha256(request.body);
  const canonical = [
    request.method,
    request.path,
    canonicalQuery(request.query),
    signedHeaders.map((name) => `${name}:${(headers[name] ?? '').trim()}\n`).join(''),
    signedHeaders.join(';'),
    payload,
  ].join('\n');
  const toSign = `${ACS3}\n${sha256(canonical)}`;
  return [
    `${toSign} server canonicalString is ${canonical}`,
    createHmac('sha256', secret).update(toSign).digest(),
  ];
}

/** Signature version 1.0 of RPC-style APIs, which the vendor's CLI and older SDKs use. */
function signRpc(request: SimRequest, parameters: RequestParameters, secret: string): [string, Buffer] {
  const method = parameters.get('SignatureMethod');
  const algorithm = method === 'HMAC-SHA256' ? 'sha256' : 'sha1';
  const canonical = canonicalPairs([...parameters.all()].filter(([name]) => name !== 'Signature'));
  const toSign = `${request.method}&${encodeStrictly('/')}&${encodeStrictly(canonical)}`;
  return [toSign, createHmac(algorithm, `${secret}&`).update(toSign).digest()];
}
