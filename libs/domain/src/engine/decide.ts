/**
 * The rules of a connection's life as one pure function: from what is wanted, what was recorded and what the cloud
 * shows now, to the next status and at most one change of the cloud.
 *
 * It is level-triggered: it never asks what happened, only what is. The same input gives the same answer, so a worker
 * that died anywhere is replaced by one that looks again. Properties that tests hold it to: nothing is accepted,
 * rejected or deleted unless the observed request is this customer's and meant for this VPC; from every state a
 * connection that is no longer wanted converges to nothing left in the cloud.
 */
import type { CloudErrorInfo, ObservedPeering } from '../cloud-port.js';
import { missingFields } from '../cloud-profile.js';
import {
  LIVE_PHASES,
  type Intent,
  type PeeringConnection,
  type PeeringStatus,
} from '../peering-connection.js';
import { assertTransition, isRetryable } from '../peering-state.js';
import type { Decision, DecisionInput, Draft, EngineSettings } from './decision.js';
import { isReplaced, mayHaveRequested } from './ownership.js';
import { takeBackEarlier, takeInEarlier, untilNextLookForEarlier } from './earlier.js';
import { finish } from './pacing.js';
import { ending, reasonOf, withCondition } from './status-changes.js';
import { remove, unwind } from './take-down.js';
import { advance } from './way-up.js';

/** The decision. Never throws for any state of the world; a throw is a defect in the transition table. */
export function decide(given: DecisionInput): Decision {
  const { connection } = given;
  if (isAtRest(connection)) return { status: connection.status, action: null, recheckInMs: null };
  if (restsBut(connection)) return finish(rest(given), given);
  const { peering } = given.sighting;
  const holder = peering === null ? undefined : given.holders?.get(peering.providerId);
  const isTheirs = peering !== null && holder !== undefined && holder !== connection.id;
  const input = isTheirs ? { ...given, sighting: { ...given.sighting, peering: null } } : given;
  const seen = takeIn(input);
  const decision = finish(choose(seen, input, isTheirs ? peering.providerId : null), input);
  assertTransition(connection.status.state, decision.status.state);
  return decision;
}

/** @param takenId what was declared belongs to another live connection of the deployment; null: it does not */
function choose(status: PeeringStatus, input: DecisionInput, takenId: string | null): Draft {
  if (input.connection.desired === 'absent') return remove(status, input);
  if (status.ending) return unwind(status, input);
  if (takenId !== null) {
    return unwind(ending(status, 'failed', 'request_in_use', { providerId: takenId }), input);
  }
  const earlier = takeBackEarlier(status, input);
  // What has begun goes on while an earlier request is only waited for.
  if (earlier !== null && (earlier.action !== null || !status.verified)) return earlier;
  const draft = advance(status, input);
  const untilLook = untilNextLookForEarlier(draft.status, input);
  if (untilLook === null || draft.recheckInMs === null) return draft;
  return { ...draft, recheckInMs: Math.min(draft.recheckInMs, untilLook) };
}

/** Whether the next look must include the platform's route tables. */
export function needsRoutes(connection: PeeringConnection): boolean {
  const { state, routes } = connection.status;
  return (
    routes.length > 0 ||
    (connection.desired === 'present' && ['accepting', 'provisioning', 'running', 'degraded'].includes(state))
  );
}

/** Whether the engine has nothing to do for a connection until somebody changes what is wanted. */
export function isAtRest(connection: PeeringConnection): boolean {
  const { state, earlier = [] } = connection.status;
  return state === 'deleted' || (earlier.length === 0 && restsBut(connection));
}

/** Whether what is declared is at rest; earlier requests may not be. */
function restsBut({ desired, status: { state, ending } }: PeeringConnection): boolean {
  return desired === 'present' && ending === null && (state === 'awaiting_request' || isRetryable(state));
}

/** Sees to the earlier requests of a connection that rests: it stays what it is, and says why. */
function rest(input: DecisionInput): Draft {
  const status = takeInEarlier(input.connection.status, input);
  const { reason } = status;
  const draft = takeBackEarlier(status, input);
  if (draft !== null) return { ...draft, status: { ...draft.status, reason } };
  return { status, action: null, recheckInMs: untilNextLookForEarlier(status, input) };
}

/**
 * The status after a look that failed: the state never changes, so an outage never fails a connection. After
 * `staleAfterMs` without a successful look the condition `Fresh` says so; when the platform's own account was refused,
 * at once, and the reason names it.
 */
export function decideUnseen(
  status: PeeringStatus,
  lastObservedAt: number,
  error: CloudErrorInfo,
  settings: EngineSettings,
  now: number,
): PeeringStatus {
  if (error.category === 'auth') {
    const told = {
      ...status,
      reason: reasonOf(status, 'platform_access_denied', { detail: error.code }, now),
    };
    return withCondition(told, 'Fresh', 'Unknown', error.category, now);
  }
  if (now - lastObservedAt < settings.staleAfterMs) return status;
  return withCondition(status, 'Fresh', 'Unknown', error.category, now);
}

/**
 * The status when the intended action was not carried out and never will be under this intent, since something else had
 * to come first: the intent is again what it was before, so that it counts as no attempt.
 * @param before the intent of the status that was decided about
 */
export function withdrawIntent(status: PeeringStatus, before: Intent | null): PeeringStatus {
  return { ...status, intent: before };
}

/** The status after an action was carried out or refused. */
export function recordOutcome(
  status: PeeringStatus,
  error: CloudErrorInfo | null,
  settings: EngineSettings,
  now: number,
): PeeringStatus {
  if (status.intent === null) return status;
  const outcome =
    error === null ? ({ ok: true, at: now } as const) : ({ ok: false, at: now, error } as const);
  const next = { ...status, intent: { ...status.intent, outcome } };
  const { kind } = status.intent.action;
  if (kind === 'mark' && error === null) return { ...next, marked: true };
  if (kind === 'request_attachment' && error === null) {
    return { ...next, deadline: { kind: 'customer_approval', at: now + settings.approvalWindowMs } };
  }
  return next;
}

/** Takes the sighting into the status: what is seen, since when something is missing, that the look is fresh. */
function takeIn(input: DecisionInput): PeeringStatus {
  const { connection, sighting, now } = input;
  const status = takeInEarlier(withCondition(connection.status, 'Fresh', 'True', 'observed', now), input);
  const { peering } = sighting;
  if (peering === null) {
    return { ...status, missingSince: isExpected(status, input) ? (status.missingSince ?? now) : null };
  }
  const known = ofThisNetwork(peering, input);
  const unchanged = JSON.stringify(status.lastSeen?.peering) === JSON.stringify(known);
  return {
    ...status,
    missingSince: null,
    ...(isReplaced(status, input, peering) ? { verified: false } : {}),
    providerId: peering.providerId,
    lastSeen: unchanged ? status.lastSeen : { peering: known, since: now },
  };
}

/** What may be kept of a sighting: of a request that is addressed elsewhere, nothing of whose it is. */
function ofThisNetwork(
  peering: ObservedPeering,
  { connection, network, profile }: DecisionInput,
): ObservedPeering {
  const mismatches = profile.mismatches(connection.spec.cloud, network, peering);
  if (!mismatches.some(({ side }) => side === 'accepter')) return peering;
  const { providerId, phase, providerState } = peering;
  return { providerId, phase, providerState, requester: { cidrs: [] }, accepter: { cidrs: [] } };
}

/**
 * Whether a look that shows nothing contradicts what is known. Such a look may come from before a change, so it counts
 * only once it has been the same for a while.
 */
function isExpected(status: PeeringStatus, { connection, profile }: DecisionInput): boolean {
  if (status.lastSeen !== null && LIVE_PHASES.includes(status.lastSeen.peering.phase)) return true;
  const takingDown = connection.desired === 'absent' || status.ending !== null;
  // What was seen is missed even if the latest look, which nothing was made of yet, showed its end.
  if (status.lastSeen !== null && !takingDown) return true;
  if (mayHaveRequested(status) && (takingDown || status.intent?.outcome?.ok === true)) return true;
  const declared = missingFields(profile, connection.spec.cloud, connection.spec.cidrs).length === 0;
  return (
    connection.desired === 'absent' &&
    profile.capabilities.initiator === 'customer' &&
    status.lastSeen === null &&
    declared
  );
}
