/** Optimistic concurrency: a change is made only to the version that the caller has seen (RFC 9110, 13.1.1). */
import { Problem } from '#domain';

import type { ApiRequest } from './api-request.js';
import { etagOf } from './answer.js';

/**
 * Does nothing where the caller sent no If-Match, or one that names this version.
 * @throws Problem `version_stale`
 */
export function requireVersion(request: Pick<ApiRequest, 'headers'>, version: number): void {
  const header = request.headers['if-match'];
  if (header === undefined) return;
  const tags = header.split(',').map((tag) => tag.trim());
  if (!tags.includes('*') && !tags.includes(etagOf(version))) throw new Problem('version_stale');
}
