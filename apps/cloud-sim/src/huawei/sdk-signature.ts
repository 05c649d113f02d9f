import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Credential } from '../accounts.js';
import { canonicalQuery, encodeStrictly, sha256 } from '../canonical-request.js';
import type { SimRequest } from '../cloud-simulator.js';
import { unauthenticated } from './huawei-error.js';

/** What a request says of its signature, before anything is verified. */
export interface ClaimedSignature {
  readonly accessKeyId: string;
  /** Lower case. */
  readonly signedHeaders: readonly string[];
  /** Hexadecimal. */
  readonly signature: string;
}

/** What verification looks up and compares with. */
export interface SignatureContext {
  readonly credential: (accessKeyId: string) => Credential | undefined;
  /** Milliseconds since the epoch on the clock that clients sign with. */
  readonly wallNow: number;
  /** Milliseconds since the epoch in simulated time, by which temporary credentials expire. */
  readonly now: number;
}

const ALGORITHM = 'SDK-HMAC-SHA256';
/** How far a request's own time may be from now. */
const FRESHNESS_MS = 15 * 60_000;

/** Reads the claim out of the Authorization header. Undefined when there is none. */
export function readSignature({ headers }: SimRequest): ClaimedSignature | undefined {
  const { authorization } = headers;
  if (!authorization?.startsWith(`${ALGORITHM} `)) return undefined;
  const parts = new Map(
    authorization
      .slice(ALGORITHM.length)
      .split(',')
      .map((part) => {
        const equals = part.indexOf('=');
        return [part.slice(0, equals).trim(), part.slice(equals + 1).trim()] as const;
      }),
  );
  return {
    accessKeyId: parts.get('Access') ?? '',
    signedHeaders: (parts.get('SignedHeaders') ?? '').split(';'),
    signature: parts.get('Signature') ?? '',
  };
}

/**
 * Recomputes the signature over what arrived and returns whose key signed it. Throws HuaweiError: always APIGW.0301,
 * with a message that says what is wrong.
 */
export function verifySignature(
  request: SimRequest,
  claimed: ClaimedSignature | undefined,
  context: SignatureContext,
): Credential {
  if (claimed === undefined) throw unauthenticated('token is null');
  const credential = context.credential(claimed.accessKeyId);
  if (credential === undefined) throw unauthenticated(`ak ${claimed.accessKeyId} not exist`);
  const token = request.headers['x-security-token'];
  if (credential.sessionToken !== token) throw unauthenticated('decrypt token fail');
  if (credential.expiresAt !== undefined && credential.expiresAt <= context.now) {
    throw unauthenticated('token expires');
  }
  for (const name of ['host', 'x-sdk-date', ...(token === undefined ? [] : ['x-security-token'])]) {
    if (!claimed.signedHeaders.includes(name)) throw unauthenticated(`header ${name} is not signed`);
  }
  const date = request.headers['x-sdk-date'] ?? '';
  verifyFreshness(date, context.wallNow);
  const toSign = `${ALGORITHM}\n${date}\n${sha256(canonicalRequest(request, claimed))}`;
  const expected = createHmac('sha256', credential.secretAccessKey).update(toSign).digest();
  const given = Buffer.from(claimed.signature, 'hex');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw unauthenticated('verify aksk signature fail');
  }
  return credential;
}

function verifyFreshness(date: string, wallNow: number): void {
  const iso = date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\dZ)$/, '$1-$2-$3T$4:$5:$6');
  const at = Date.parse(iso);
  if (iso === date || Number.isNaN(at)) throw unauthenticated('x-sdk-date is malformed');
  if (Math.abs(wallNow - at) > FRESHNESS_MS) throw unauthenticated('signature expired');
}

/** https://support.huaweicloud.com/intl/en-us/devg-apisign/api-sign-algorithm-002.html */
function canonicalRequest(request: SimRequest, { signedHeaders }: ClaimedSignature): string {
  const path = request.path.split('/').map((segment) => encodeStrictly(decode(segment)));
  const uri = path.join('/');
  return [
    request.method,
    uri.endsWith('/') ? uri : `${uri}/`,
    canonicalQuery(request.query),
    signedHeaders.map((name) => `${name}:${(request.headers[name] ?? '').trim()}\n`).join(''),
    signedHeaders.join(';'),
    sha256(request.body),
  ].join('\n');
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
