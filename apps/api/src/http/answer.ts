/** What a request is answered with. */

/** A successful answer, before it is sent. */
export interface Answer<Body> {
  readonly status: 200 | 201 | 202 | 204;
  readonly body: Body;
  /** Version of what is shown: sent as ETag. */
  readonly version?: number;
  /** Where what was made or changed is to be found. */
  readonly location?: string;
}

/** ETag of a version (RFC 9110, 8.8.3). */
export function etagOf(version: number): string {
  return `"${String(version)}"`;
}

/** The headers that belong to an answer. */
export function headersOf({ version, location }: Answer<unknown>): Record<string, string> {
  return {
    ...(version === undefined ? {} : { etag: etagOf(version) }),
    ...(location === undefined ? {} : { location }),
  };
}
