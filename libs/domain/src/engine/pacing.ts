/** When a change may be made, when it is repeated, and when to look again. */
import type { CloudErrorInfo } from '../cloud-port.js';
import type { CloudAction, Intent, PeeringStatus } from '../peering-connection.js';
import type { ReasonCode } from '../reason.js';
import { MIN_POLL_MS, type Decision, type DecisionInput, type Draft } from './decision.js';
import { reasonOf } from './status-changes.js';

/**
 * Lets an action through, or holds it back: a change that was just made is given the cloud's consistency time to
 * show; one that was refused is repeated with growing distance and the refusal is shown as the reason.
 */
export function act(status: PeeringStatus, input: DecisionInput, action: CloudAction): Draft {
  const { profile, settings, now } = input;
  const { intent } = status;
  if (intent === null || !sameAction(intent.action, action)) return { status, action, recheckInMs: 0 };
  const { outcome } = intent;
  if (outcome === null || outcome.ok) {
    const settled = (outcome?.at ?? intent.lastAt) + profile.capabilities.consistencyMs;
    return settled > now
      ? { status, action: null, recheckInMs: Math.max(settled - now, MIN_POLL_MS) }
      : { status, action, recheckInMs: 0 };
  }
  const patience = clamp(500 * 2 ** (intent.attempts - 1), 500, settings.retryMaxMs);
  const again = outcome.at + patience;
  const shown =
    action.kind === 'mark' ? status : { ...status, reason: refusalReason(status, outcome.error, now) };
  return again > now
    ? { status: shown, action: null, recheckInMs: Math.min(again - now, settings.inFlightMs) }
    : { status: shown, action, recheckInMs: 0 };
}

/** Writes the chosen action into the status as an intent, and holds every change of a locked connection. */
export function finish(draft: Draft, { connection, settings, now }: DecisionInput): Decision {
  if (draft.action === null) return draft;
  if (connection.locked) return { status: draft.status, action: null, recheckInMs: settings.inFlightMs };
  const { action } = draft;
  const previous = draft.status.intent;
  // What was made and is needed again is another change: by the old token the cloud would take it for the first one.
  const repeated = previous !== null && previous.outcome?.ok !== true && sameAction(previous.action, action);
  const intent: Intent = {
    action,
    token: repeated ? previous.token : `${connection.id}-${action.kind}-${now.toString(36)}`,
    firstAt: repeated ? previous.firstAt : now,
    lastAt: now,
    attempts: repeated ? previous.attempts + 1 : 1,
    outcome: null,
  };
  return { status: { ...draft.status, intent }, action, recheckInMs: draft.recheckInMs };
}

/** Looks again after a time that grows with the time already spent, since then or in the state. */
export function poll(
  status: PeeringStatus,
  { settings, now }: DecisionInput,
  since = status.stateSince,
): Draft {
  return {
    status,
    action: null,
    recheckInMs: clamp((now - since) / 4, MIN_POLL_MS, settings.inFlightMs),
  };
}

export function describeError(error: CloudErrorInfo): string {
  return `${error.code} (${error.message})`;
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

function refusalReason(status: PeeringStatus, error: CloudErrorInfo, now: number): PeeringStatus['reason'] {
  if (error.category === 'throttled' || error.category === 'transient' || error.category === 'auth')
    return status.reason;
  const code: ReasonCode =
    error.reason ??
    (error.category === 'quota'
      ? 'provider_quota'
      : error.category === 'precondition'
        ? 'prerequisite_missing'
        : 'provider_refused');
  return reasonOf(status, code, { detail: describeError(error) }, now);
}

/** The key by which two actions are the same change. */
function sameAction(a: CloudAction, b: CloudAction): boolean {
  return JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
}
