/**
 * What the API may write into a connection: its birth, its completion, another attempt, and its end. Pure; everything
 * else about a status is the engine's to write.
 */
import { missingFields, type CloudProfile } from './cloud-profile.js';
import type { CloudSpec } from './cloud-spec.js';
import {
  freshStatus,
  isLive,
  type DriftPolicy,
  type EarlierRequest,
  type PeeringStatus,
} from './peering-connection.js';
import { isRetryable } from './peering-state.js';

/** What the customer declares. */
export interface DeclaredSpec {
  readonly cloud: CloudSpec;
  readonly cidrs: readonly string[];
}

/** How far a connection had come when something else was declared for it, or another attempt was asked for. */
export interface LastAttempt {
  readonly spec: DeclaredSpec;
  readonly status: PeeringStatus;
}

/**
 * The status of a new attempt with this spec: a draft while anything is missing, else on its way. `since` of the
 * reason is `now`; the declared blocks count as claimed from the start. What the last attempt was about is not forgotten
 * when this one is about something else.
 */
export function startAttempt(
  profile: CloudProfile,
  spec: DeclaredSpec,
  now: number,
  last: LastAttempt | null = null,
): PeeringStatus {
  const earlier = last === null ? [] : earlierRequests(profile, spec.cloud, last, now);
  const missing = missingFields(profile, spec.cloud, spec.cidrs);
  const providerId = profile.declaredProviderId(spec.cloud);
  if (missing.length > 0) {
    const reason = {
      code: 'request_details_missing',
      params: { missing: missing.join(', ') },
      since: now,
    } as const;
    return freshStatus('awaiting_request', reason, providerId, spec.cidrs, earlier);
  }
  const code = profile.capabilities.initiator === 'customer' ? 'looking_for_request' : 'attach_in_progress';
  const state = profile.capabilities.initiator === 'customer' ? 'verifying' : 'requesting';
  return freshStatus(
    state,
    { code, params: { providerId: providerId ?? profile.peerKey(spec.cloud) ?? '' }, since: now },
    providerId,
    spec.cidrs,
    earlier,
  );
}

/** A draft has asked for nothing yet: what was declared of it can be in the cloud only once it was complete. */
function earlierRequests(
  profile: CloudProfile,
  cloud: CloudSpec,
  { spec, status }: LastAttempt,
  now: number,
): EarlierRequest[] {
  const { providerId, earlier = [] } = status;
  const isComplete = missingFields(profile, spec.cloud, spec.cidrs).length === 0;
  const latest = { cloud: spec.cloud, providerId, since: now, missingSince: null };
  return [...earlier, ...(isComplete ? [latest] : [])].filter(
    (request) => !isSameRequest(profile, request, cloud),
  );
}

/** Whether a spec is about a request: by its id in the cloud, or by the network where that is all that was declared. */
function isSameRequest(
  profile: CloudProfile,
  request: Pick<EarlierRequest, 'cloud' | 'providerId'>,
  cloud: CloudSpec,
): boolean {
  const declared = profile.declaredProviderId(cloud);
  if (declared !== null) return declared === request.providerId;
  return (
    profile.declaredProviderId(request.cloud) === null &&
    profile.peerKey(request.cloud) === profile.peerKey(cloud)
  );
}

/** Whether the engine has anything to do for an attempt that has just started. */
export function hasWork({ state, earlier = [] }: PeeringStatus): boolean {
  return state !== 'awaiting_request' || earlier.length > 0;
}

/** So many earlier requests are taken back at most at a time: whoever declares yet another one has to wait. */
const MAX_EARLIER = 32;

/**
 * Whether something else can be declared now. Not while what it is about is being taken back because it was declared
 * before: the cloud may have been told already. Nor while too much is left of earlier requests.
 */
export function mayDeclare(
  profile: CloudProfile,
  { intent, earlier = [] }: PeeringStatus,
  cloud: CloudSpec,
): boolean {
  const takenBack = earlier.find(({ providerId }) => providerId === intent?.action.providerId);
  const isAgain = takenBack !== undefined && isSameRequest(profile, takenBack, cloud);
  return !isAgain && earlier.length < MAX_EARLIER;
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

/**
 * What a yes of the customer to a repair of the routes comes to: `taken` is to be written, `needless` changes nothing,
 * because nothing is broken or the repair is under way. `refused`: there is nothing that could be repaired.
 * `operators`: by the deployment's policy drift is only reported.
 */
export function judgeRepair(
  { state, repairGranted, conditions }: PeeringStatus,
  policy: DriftPolicy,
): 'taken' | 'needless' | 'refused' | 'operators' {
  if (state === 'running') return 'needless';
  if (state !== 'degraded') return 'refused';
  if (policy === 'report') return 'operators';
  const routes = conditions.find(({ type }) => type === 'RoutesProgrammed');
  if (routes?.status !== 'False') return 'refused';
  return policy === 'repair' || repairGranted === true ? 'needless' : 'taken';
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
