import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Credential } from '../accounts.js';
import type { SimRequest } from '../cloud-simulator.js';
import { AwsError } from './aws-error.js';

/** Who signed, and for what. */
export interface VerifiedSigner {
  readonly credential: Credential;
  readonly region: string;
  readonly service: string;
}

/** What verification looks up and compares with. */
export interface SignatureContext {
  readonly credential: (accessKeyId: string) => Credential | undefined;
  /** Milliseconds since the epoch on the clock that clients sign with. */
  readonly wallNow: number;
  /** Milliseconds since the epoch in simulated time, by which temporary credentials expire. */
  readonly now: number;
  /** The service whose API is called: `ec2` or `sts`. */
  readonly service: string;
  readonly isRegion: (region: string) => boolean;
}

/** What a request says of its signature, before anything is verified. */
export interface ClaimedSignature {
  readonly accessKeyId: string;
  /** `20261120` */
  readonly scopeDate: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** `20261120T153127Z`; empty when absent. */
  readonly dateTime: string;
  readonly sessionToken: string | undefined;
  /** Set when the signature is in the query string (a presigned URL). */
  readonly presignedSeconds: number | undefined;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
/** How far a request's own time may be from now: EC2 and STS allow five minutes. */
const FRESHNESS_MS = 5 * 60_000;

/** Reads the claim out of the Authorization header or a presigned query. Undefined when there is none. */
export function readSignature(request: SimRequest): ClaimedSignature | undefined {
  const { authorization } = request.headers;
  if (authorization === undefined) return readPresigned(request);
  if (!authorization.startsWith(`${ALGORITHM} `)) return undefined;
  const parts = new Map<string, string>();
  for (const part of authorization.slice(ALGORITHM.length).split(',')) {
    const equals = part.indexOf('=');
    parts.set(part.slice(0, equals).trim(), part.slice(equals + 1).trim());
  }
  const { headers } = request;
  return claim({
    credential: parts.get('Credential'),
    signedHeaders: parts.get('SignedHeaders'),
    signature: parts.get('Signature'),
    dateTime: headers['x-amz-date'] ?? compactDate(headers['date']),
    sessionToken: headers['x-amz-security-token'],
    presignedSeconds: undefined,
  });
}

/**
 * Recomputes the signature over what arrived. Throws AwsError: IncompleteSignature, InvalidClientTokenId,
 * RequestExpired, ExpiredToken, SignatureDoesNotMatch.
 */
export function verifySignature(
  request: SimRequest,
  claimed: ClaimedSignature | undefined,
  context: SignatureContext,
): VerifiedSigner {
  if (claimed === undefined) {
    throw new AwsError('MissingAuthenticationToken', 'Request is missing Authentication Token', 403);
  }
  const { scopeDate, region, service } = claimed;
  if (!claimed.signedHeaders.includes('host')) {
    throw new AwsError('IncompleteSignature', "'Host' must be a 'SignedHeader' in the AWS Authorization.");
  }
  const credential = context.credential(claimed.accessKeyId);
  const isTokenRight = credential?.sessionToken === claimed.sessionToken;
  if (credential === undefined || !isTokenRight) {
    throw new AwsError('InvalidClientTokenId', 'The security token included in the request is invalid.', 403);
  }
  verifyFreshness(claimed, context.wallNow);
  if (credential.expiresAt !== undefined && credential.expiresAt <= context.now) {
    if (context.service === 'ec2') throw new AwsError('RequestExpired', 'Request has expired.');
    throw new AwsError('ExpiredToken', 'The security token included in the request is expired', 403);
  }
  if (service !== context.service) {
    throw mismatch(`Credential should be scoped to correct service: '${context.service}'. `);
  }
  if (!context.isRegion(region))
    throw mismatch(`Credential should be scoped to a valid region, not '${region}'. `);

  const scope = `${scopeDate}/${region}/${service}/aws4_request`;
  const toSign = [ALGORITHM, claimed.dateTime, scope, sha256(canonicalRequest(request, claimed))].join('\n');
  const key = signingKey(credential.secretAccessKey, scopeDate, region, service);
  const expected = createHmac('sha256', key).update(toSign).digest();
  const given = Buffer.from(claimed.signature, 'hex');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw mismatch(
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret ' +
        'Access Key and signing method. Consult the service documentation for details.',
    );
  }
  return { credential, region, service };
}

function verifyFreshness(claimed: ClaimedSignature, wallNow: number): void {
  const [, date, time] = /^(\d{8})T(\d{6})Z$/.exec(claimed.dateTime) ?? [];
  if (date === undefined || time === undefined) {
    throw new AwsError(
      'IncompleteSignature',
      `Date must be in ISO-8601 'basic format'. Got '${claimed.dateTime}'.`,
    );
  }
  if (date !== claimed.scopeDate) {
    throw mismatch(
      `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${claimed.scopeDate}' != '${date}'.`,
    );
  }
  const iso = claimed.dateTime.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5');
  const signedAt = Date.parse(iso);
  const lifetime = claimed.presignedSeconds === undefined ? FRESHNESS_MS : claimed.presignedSeconds * 1000;
  const isFresh = signedAt - FRESHNESS_MS <= wallNow && wallNow <= signedAt + lifetime;
  if (!isFresh) throw new AwsError('RequestExpired', 'Request has expired.');
}

function mismatch(message: string): AwsError {
  return new AwsError('SignatureDoesNotMatch', message, 403);
}

function claim(parts: {
  credential: string | undefined;
  signedHeaders: string | undefined;
  signature: string | undefined;
  dateTime: string | undefined;
  sessionToken: string | undefined;
  presignedSeconds: number | undefined;
}): ClaimedSignature | undefined {
  const [accessKeyId, scopeDate, region, service, terminator] = parts.credential?.split('/') ?? [];
  if (accessKeyId === undefined || scopeDate === undefined || region === undefined || service === undefined)
    return undefined;
  if (terminator !== 'aws4_request' || parts.signature === undefined) return undefined;
  return {
    accessKeyId,
    scopeDate,
    region,
    service,
    signedHeaders: (parts.signedHeaders ?? '').split(';'),
    signature: parts.signature,
    dateTime: parts.dateTime ?? '',
    sessionToken: parts.sessionToken,
    presignedSeconds: parts.presignedSeconds,
  };
}

function readPresigned(request: SimRequest): ClaimedSignature | undefined {
  if (!request.query.includes('X-Amz-Signature=')) return undefined;
  const query = new URLSearchParams(request.query);
  if (query.get('X-Amz-Algorithm') !== ALGORITHM) return undefined;
  return claim({
    credential: query.get('X-Amz-Credential') ?? undefined,
    signedHeaders: query.get('X-Amz-SignedHeaders') ?? undefined,
    signature: query.get('X-Amz-Signature') ?? undefined,
    dateTime: query.get('X-Amz-Date') ?? undefined,
    sessionToken: query.get('X-Amz-Security-Token') ?? undefined,
    presignedSeconds: Number(query.get('X-Amz-Expires') ?? '900'),
  });
}

function canonicalRequest(request: SimRequest, claimed: ClaimedSignature): string {
  const headers = claimed.signedHeaders.map((name) => {
    const value = request.headers[name] ?? '';
    return `${name}:${value.trim().replace(/ +/g, ' ')}\n`;
  });
  const path = request.path.split('/').map(encodeStrictly).join('/');
  return [
    request.method,
    path === '' ? '/' : path,
    canonicalQuery(request.query),
    headers.join(''),
    claimed.signedHeaders.join(';'),
    sha256(request.body),
  ].join('\n');
}

function canonicalQuery(query: string): string {
  if (query === '') return '';
  return query
    .split('&')
    .map((pair) => {
      const equals = pair.indexOf('=');
      const [name, value] = equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
      return [encodeStrictly(decode(name)), encodeStrictly(decode(value))] as const;
    })
    .filter(([name]) => name !== 'X-Amz-Signature')
    .sort(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', '%20'));
  } catch {
    return text;
  }
}

/** Percent-encodes all but the unreserved characters of RFC 3986. */
function encodeStrictly(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function compactDate(date: string | undefined): string | undefined {
  const at = date === undefined ? Number.NaN : Date.parse(date);
  return Number.isNaN(at) ? date : new Date(at).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

const signingKeys = new Map<string, Buffer>();

/** Derived keys are kept: four hashes a request otherwise, for a handful of distinct keys. */
function signingKey(secret: string, date: string, region: string, service: string): Buffer {
  const name = `${secret}/${date}/${region}/${service}`;
  const known = signingKeys.get(name);
  if (known) return known;
  if (signingKeys.size > 1000) signingKeys.clear();
  let key: Buffer | string = `AWS4${secret}`;
  for (const part of [date, region, service, 'aws4_request'])
    key = createHmac('sha256', key).update(part).digest();
  signingKeys.set(name, key as Buffer);
  return key as Buffer;
}
