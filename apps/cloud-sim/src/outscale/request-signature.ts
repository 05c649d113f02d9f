import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Credential } from '../accounts.js';
import type { SimRequest } from '../cloud-simulator.js';
import { CODES, OutscaleError } from './outscale-error.js';
import { REGIONS } from './outscale-regions.js';

/** The two spellings of the one scheme: AWS's own, and OUTSCALE's. */
interface Dialect {
  readonly algorithm: string;
  readonly secretPrefix: string;
  readonly dateHeader: string;
  readonly terminator: string;
}

const DIALECTS: readonly Dialect[] = [
  {
    algorithm: 'AWS4-HMAC-SHA256',
    secretPrefix: 'AWS4',
    dateHeader: 'x-amz-date',
    terminator: 'aws4_request',
  },
  {
    algorithm: 'OSC4-HMAC-SHA256',
    secretPrefix: 'OSC4',
    dateHeader: 'x-osc-date',
    terminator: 'osc4_request',
  },
];

/** The service that requests are signed for. */
const SERVICE = 'api';

/** How far a request's own time may be from now. */
const FRESHNESS_MS = 15 * 60_000;

/** What a request says of its signature, before anything is verified. */
export interface ClaimedSignature {
  readonly dialect: Dialect;
  readonly accessKeyId: string;
  /** `20261120` */
  readonly scopeDate: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** `20261120T153127Z`; empty when absent. */
  readonly dateTime: string;
}

/** What verification looks up and compares with. */
export interface SignatureContext {
  readonly credential: (accessKeyId: string) => Credential | undefined;
  /** Milliseconds since the epoch on the clock that clients sign with. */
  readonly wallNow: number;
}

/** Reads the claim out of the Authorization header. Undefined when there is none that can be read. */
export function readSignature({ headers }: SimRequest): ClaimedSignature | undefined {
  const { authorization = '' } = headers;
  const dialect = DIALECTS.find(({ algorithm }) => authorization.startsWith(`${algorithm} `));
  if (dialect === undefined) return undefined;
  const parts = new Map<string, string>();
  for (const part of authorization.slice(dialect.algorithm.length).split(',')) {
    const equals = part.indexOf('=');
    parts.set(part.slice(0, equals).trim(), part.slice(equals + 1).trim());
  }
  const [accessKeyId, scopeDate, region, service, terminator] = parts.get('Credential')?.split('/') ?? [];
  const signature = parts.get('Signature');
  if (accessKeyId === undefined || scopeDate === undefined || region === undefined) return undefined;
  if (service === undefined || terminator !== dialect.terminator || signature === undefined) return undefined;
  return {
    dialect,
    accessKeyId,
    scopeDate,
    region,
    service,
    signedHeaders: (parts.get('SignedHeaders') ?? '').split(';'),
    signature,
    dateTime: headers[dialect.dateHeader] ?? '',
  };
}

/**
 * Recomputes the signature over what arrived. Throws OutscaleError: 1 for a signature that is absent or wrong, 15 for
 * an old one, 4120 for a key that nobody has (HTTP 400, seen on the API in 2026).
 */
export function verifySignature(
  request: SimRequest,
  claimed: ClaimedSignature | undefined,
  context: SignatureContext,
): Credential {
  if (claimed === undefined) throw authenticationFailed('The request is not signed.');
  const credential = context.credential(claimed.accessKeyId);
  if (credential === undefined) {
    throw new OutscaleError(CODES.unknownAccessKey, 'The provided access key is unknown.');
  }
  verifyFreshness(claimed, context.wallNow);
  const { dialect, scopeDate, region, service, signedHeaders } = claimed;
  if (service !== SERVICE) throw authenticationFailed(`The service must be '${SERVICE}'.`);
  if (!REGIONS.includes(region)) throw authenticationFailed(`The region '${region}' is unknown.`);
  for (const name of ['host', dialect.dateHeader]) {
    if (!signedHeaders.includes(name)) throw authenticationFailed(`The header '${name}' must be signed.`);
  }
  const scope = [scopeDate, region, service, dialect.terminator];
  const toSign = [
    dialect.algorithm,
    claimed.dateTime,
    scope.join('/'),
    sha256(canonicalRequest(request, claimed)),
  ].join('\n');
  let key: Buffer | string = `${dialect.secretPrefix}${credential.secretAccessKey}`;
  for (const part of scope) key = createHmac('sha256', key).update(part).digest();
  const expected = createHmac('sha256', key).update(toSign).digest();
  const given = Buffer.from(claimed.signature, 'hex');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw authenticationFailed('The signature does not match.');
  }
  return credential;
}

function verifyFreshness({ dateTime }: ClaimedSignature, wallNow: number): void {
  const iso = dateTime.replace(/^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\dZ)$/, '$1-$2-$3:$4:$5');
  const signedAt = Date.parse(iso);
  if (Math.abs(signedAt - wallNow) <= FRESHNESS_MS) return;
  throw new OutscaleError(CODES.staleTimestamp, `The timestamp '${dateTime}' is too old or invalid.`);
}

function canonicalRequest(request: SimRequest, { signedHeaders }: ClaimedSignature): string {
  const headers = signedHeaders.map(
    (name) => `${name}:${(request.headers[name] ?? '').trim().replace(/ +/g, ' ')}\n`,
  );
  const path = request.path.split('/').map(encodeURIComponent).join('/');
  return [
    request.method,
    path,
    canonicalQuery(request.query),
    headers.join(''),
    signedHeaders.join(';'),
    sha256(request.body),
  ].join('\n');
}

/** OAPI has no query parameters, but what a client adds is signed all the same. */
function canonicalQuery(query: string): string {
  return [...new URLSearchParams(query)]
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .sort()
    .join('&');
}

function authenticationFailed(details: string): OutscaleError {
  return new OutscaleError(CODES.authenticationFailed, details);
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
