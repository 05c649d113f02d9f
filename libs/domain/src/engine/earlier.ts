/**
 * Earlier requests: what the customer declared before they declared something else for the same connection. Whatever of
 * it is in the cloud and theirs is taken back before the present one goes on, and before a deletion ends.
 */
import type { ObservedPeering } from '../cloud-port.js';
import type { EarlierRequest, PeeringStatus } from '../peering-connection.js';
import { MIN_POLL_MS, type DecisionInput, type Draft } from './decision.js';
import { act, poll } from './pacing.js';
import { isRemoval, isRemovalOf, removalOf, removalRefused, removedByUs } from './removal.js';
import { reasonOf } from './status-changes.js';

/** Takes in what was seen of the earlier requests: those of which nothing of ours can be left are let go. */
export function takeInEarlier(status: PeeringStatus, input: DecisionInput): PeeringStatus {
  const { earlier = [] } = status;
  const seen = input.sighting.earlier;
  if (earlier.length === 0 || seen === undefined) return status;
  const remaining = earlier.flatMap((request, index) => {
    const peering = seen[index] ?? null;
    if (peering === null) return isOver(status, input, request) ? [] : [missing(request, input.now)];
    return mayBeLeft(status, input, request, peering)
      ? [{ ...request, providerId: peering.providerId, missingSince: null }]
      : [];
  });
  const { intent } = status;
  const wasAbout = (request: EarlierRequest): boolean =>
    intent !== null && isRemovalOf(intent, request.providerId);
  // How a request was taken back must not be read as how the present one has fared.
  const isDone = earlier.some(wasAbout) && !remaining.some(wasAbout);
  return { ...status, earlier: remaining, ...(isDone ? { intent: null } : {}) };
}

function missing(request: EarlierRequest, now: number): EarlierRequest {
  return { ...request, missingSince: request.missingSince ?? now };
}

/** Whether a request that this look does not show can be let go: looks may be old, and requests may take time to show. */
function isOver(status: PeeringStatus, input: DecisionInput, request: EarlierRequest): boolean {
  if (removedByUs(status, request.providerId)) return true;
  const { connection, settings, sighting } = input;
  const isConfirmed = sighting.at >= confirmedAt(request, input);
  const isVisibleBy = request.since + settings.requestVisibleWithinMs;
  return isConfirmed && (connection.desired === 'absent' || sighting.at >= isVisibleBy);
}

/** From when on an absence counts. */
function confirmedAt({ missingSince }: EarlierRequest, { profile, settings, now }: DecisionInput): number {
  return (missingSince ?? now) + Math.max(settings.missingConfirmMs, profile.capabilities.consistencyMs);
}

/** Whether what is seen of a request is still this connection's to take back. */
function mayBeLeft(
  status: PeeringStatus,
  { connection, network, profile, sighting, holders }: DecisionInput,
  { cloud }: EarlierRequest,
  peering: ObservedPeering,
): boolean {
  const { providerId, phase } = peering;
  // By another name it may be what is declared now, or what another connection of the deployment has.
  if (sighting.peering?.providerId === providerId) return false;
  if ((holders?.get(providerId) ?? connection.id) !== connection.id) return false;
  if (profile.mismatches(cloud, network, peering).length > 0) return false;
  if (profile.capabilities.initiator === 'platform' && peering.mark !== connection.id) return false;
  if (phase === 'deleting' || phase === 'in_progress') return true;
  if (!profile.capabilities.removableIn.includes(phase)) return false;
  // What was turned down can come to nothing any more: where the cloud keeps it, it may.
  const isTurnedDown = phase === 'rejected' || phase === 'expired' || phase === 'failed';
  return !(isTurnedDown && removalRefused(status, providerId));
}

/**
 * The next step of taking back what the latest look showed of earlier requests; null when it showed nothing, or when
 * a change of the present request has to show first: how that one went is known from its intent alone.
 */
export function takeBackEarlier(status: PeeringStatus, input: DecisionInput): Draft | null {
  const shown = (status.earlier ?? []).filter(({ missingSince }) => missingSince === null);
  if (shown.length === 0 || input.sighting.earlier === undefined || !isSettled(status, input)) return null;
  for (const { cloud, providerId } of shown) {
    const peering = input.sighting.earlier.find((each) => each?.providerId === providerId) ?? null;
    const action = peering && removalOf(input.profile, cloud, peering);
    if (action) return act(told(status, input, action.providerId), input, action);
  }
  return poll(told(status, input, shown[0]?.providerId ?? ''), input);
}

/** What is to be read while it is taken back: only where the present request is on its way. */
function told(
  status: PeeringStatus,
  { connection, now }: DecisionInput,
  providerId: string | null,
): PeeringStatus {
  if (status.verified && connection.desired === 'present') return status;
  return {
    ...status,
    reason: reasonOf(status, 'removing_connection', { providerId: providerId ?? '' }, now),
  };
}

function isSettled({ intent }: PeeringStatus, { profile, sighting }: DecisionInput): boolean {
  if (intent === null || isRemoval(intent.action)) return true;
  if (intent.outcome?.ok !== true || sighting.peering === null) return false;
  return sighting.at >= intent.outcome.at + profile.capabilities.consistencyMs;
}

/** When to look for earlier requests again that have not been seen; null: there are none. */
export function untilNextLookForEarlier(
  { earlier = [] }: PeeringStatus,
  input: DecisionInput,
): number | null {
  const { connection, settings, now } = input;
  if (earlier.length === 0) return null;
  if (earlier.some(({ missingSince }) => missingSince === null)) return MIN_POLL_MS;
  if (connection.desired === 'present') return settings.inFlightMs;
  return Math.max(MIN_POLL_MS, Math.max(...earlier.map((request) => confirmedAt(request, input))) - now);
}
