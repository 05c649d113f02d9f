/**
 * What the API may write into a connection: its birth, its completion, another attempt, and its end. Pure; everything
 * else about a status is the engine's to write.
 */
import { missingFields, type CloudProfile } from './cloud-profile.js';
import type { CloudSpec } from './cloud-spec.js';
import { freshStatus, isLive, type PeeringStatus } from './peering-connection.js';
import { isRetryable } from './peering-state.js';

/** What the customer declares. */
export interface DeclaredSpec {
  readonly cloud: CloudSpec;
  readonly cidrs: readonly string[];
}

/**
 * The status of a new attempt with this spec: a draft while anything is missing, else on its way. `since` of the
 * reason is `now`; the declared blocks count as claimed from the start.
 */
export function startAttempt(profile: CloudProfile, spec: DeclaredSpec, now: number): PeeringStatus {
  const missing = missingFields(profile, spec.cloud, spec.cidrs);
  const providerId = profile.declaredProviderId(spec.cloud);
  if (missing.length > 0) {
    const reason = {
      code: 'request_details_missing',
      params: { missing: missing.join(', ') },
      since: now,
    } as const;
    return freshStatus('awaiting_request', reason, providerId, spec.cidrs);
  }
  const code = profile.capabilities.initiator === 'customer' ? 'looking_for_request' : 'attach_in_progress';
  const state = profile.capabilities.initiator === 'customer' ? 'verifying' : 'requesting';
  return freshStatus(
    state,
    { code, params: { providerId: providerId ?? profile.peerKey(spec.cloud) ?? '' }, since: now },
    providerId,
    spec.cidrs,
  );
}

/** Whether the customer may change what they declared: only while nothing rests on it. */
export function mayComplete(status: PeeringStatus): boolean {
  if (status.ending !== null) return false;
  return (
    status.state === 'awaiting_request' ||
    (status.state === 'verifying' && !status.verified) ||
    isRetryable(status.state)
  );
}

/** Whether another attempt may start: the last one has ended and is fully taken back. */
export function mayRetry(status: PeeringStatus): boolean {
  return isRetryable(status.state) && status.ending === null;
}

/** The status from the moment that the customer asked for deletion; from a deleted connection, unchanged. */
export function startDeletion(status: PeeringStatus, now: number): PeeringStatus {
  if (status.state === 'deleting' || status.state === 'deleted') return status;
  return {
    ...status,
    released: !isLive(status),
    state: 'deleting',
    stateSince: now,
    deadline: null,
    reason: { code: 'removing_connection', params: { providerId: status.providerId ?? '' }, since: now },
  };
}
