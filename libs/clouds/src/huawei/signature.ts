/**
 * Huawei Cloud's request signature, SDK-HMAC-SHA256:
 * https://support.huaweicloud.com/intl/en-us/devg-apisign/api-sign-algorithm.html
 */
import { createHash, createHmac } from 'node:crypto';

const ALGORITHM = 'SDK-HMAC-SHA256';

/** Keys that sign; the token of temporary ones is signed and sent along. */
export interface SigningKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly securityToken?: string | undefined;
}

/** A request as it will be sent. */
export interface UnsignedRequest {
  readonly method: string;
  readonly url: URL;
  /** Names in lower case. All are signed, and the host with them. */
  readonly headers: Readonly<Record<string, string>>;
  /** Empty when there is none. */
  readonly body: string;
}

/** The headers to send, with the signature; `host` is signed, and left for the HTTP client to set. */
export function signedHeaders(request: UnsignedRequest, keys: SigningKeys, at: Date): Record<string, string> {
  const { method, url, body } = request;
  const date = at.toISOString().replace(/[-:]|\.\d{3}/g, '');
  const headers: Record<string, string> = { ...request.headers, 'x-sdk-date': date };
  if (keys.securityToken !== undefined) headers['x-security-token'] = keys.securityToken;
  const signed = Object.entries({ ...headers, host: url.host }).sort(([a], [b]) => compare(a, b));
  const names = signed.map(([name]) => name).join(';');
  const path = url.pathname.split('/').map((segment) => encodeStrictly(decodeURIComponent(segment)));
  const canonical = [
    method,
    // The canonical path ends with a slash, whether or not the path does.
    path.at(-1) === '' ? path.join('/') : `${path.join('/')}/`,
    canonicalQuery(url),
    signed.map(([name, value]) => `${name}:${value.trim()}\n`).join(''),
    names,
    sha256(body),
  ].join('\n');
  const signature = createHmac('sha256', keys.secretAccessKey)
    .update(`${ALGORITHM}\n${date}\n${sha256(canonical)}`)
    .digest('hex');
  return {
    ...headers,
    authorization: `${ALGORITHM} Access=${keys.accessKeyId}, SignedHeaders=${names}, Signature=${signature}`,
  };
}

function canonicalQuery({ searchParams }: URL): string {
  return [...searchParams]
    .sort(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map(([name, value]) => `${encodeStrictly(name)}=${encodeStrictly(value)}`)
    .join('&');
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Percent-encodes all but the unreserved characters of RFC 3986. */
function encodeStrictly(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
