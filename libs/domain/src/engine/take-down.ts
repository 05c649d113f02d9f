/**
 * The way down: a connection that is not wanted any more, and one that is wanted but has come to an end. Both take back
 * what was done in the same order: our routes first, then the request or the attachment, then a look that nothing is left.
 */
import type { CloudAction, Ending, PeeringStatus } from '../peering-connection.js';
import { planRoutes } from '../routing.js';
import type { DecisionInput, Draft } from './decision.js';
import { takeBackEarlier, untilNextLookForEarlier } from './earlier.js';
import { isForeignAttachment, mayHaveRequested } from './ownership.js';
import { act, poll } from './pacing.js';
import { isRemoval, removalOf, removalRefused, removedByUs } from './removal.js';
import { missedRoutes } from './routes.js';
import { move, reasonOf } from './status-changes.js';

/** Takes a connection down: our routes first, then the request or attachment, then a look that nothing is left. */
export function remove(status: PeeringStatus, input: DecisionInput): Draft {
  const deleting = { ...status, ending: null, deadline: null };
  const earlier = takeBackEarlier(deleting, input);
  if (earlier !== null) return earlier;
  const undone = undo(deleting, input, true);
  const untilLook = untilNextLookForEarlier(deleting, input);
  if (undone.left === null && untilLook !== null) {
    const { intent } = undone.status;
    // What was asked of the present request has shown that it is over: nothing keeps the earlier ones waiting.
    const settled = { ...undone.status, intent: intent && isRemoval(intent.action) ? intent : null };
    return { status: settled, action: null, recheckInMs: untilLook };
  }
  if (undone.left === null) {
    const gone = { ...undone.status, admittedCidrs: [], routes: [], intent: null, missingSince: null };
    if (gone.state === 'deleting')
      return { status: move(gone, 'deleted', 'removed', {}, input.now), action: null, recheckInMs: null };
    return {
      status: move(
        undone.status,
        'deleting',
        'removing_connection',
        { providerId: status.providerId ?? '' },
        input.now,
      ),
      action: null,
      recheckInMs: 0,
    };
  }
  const shown =
    undone.left === 'routes'
      ? move(undone.status, 'deleting', 'removing_routes', {}, input.now)
      : move(
          undone.status,
          'deleting',
          'removing_connection',
          { providerId: status.providerId ?? '' },
          input.now,
        );
  return undone.action ? act(shown, input, undone.action) : { ...poll(shown, input), ...undone.wait };
}

/** Ends a connection that is still wanted but cannot be: takes back what was done, then rests in the ending's state. */
export function unwind(status: PeeringStatus, input: DecisionInput): Draft {
  const { now } = input;
  const { ending: end } = status;
  if (end === null) return { status, action: null, recheckInMs: null };
  const undone = undo(status, input, false);
  if (undone.left === 'connection') {
    const shown = { ...undone.status, reason: takingBack(undone.status, end, now) };
    if (undone.action) return act(shown, input, undone.action);
    // The state stays what it was, perhaps for long: the reason is as old as the end.
    return { ...poll(shown, input, shown.reason.since), ...undone.wait };
  }
  const rested = move(
    { ...undone.status, deadline: null },
    end.state,
    end.reason.code,
    end.reason.params,
    now,
  );
  if (undone.left === 'routes')
    return undone.action ? act(rested, input, undone.action) : { ...poll(rested, input), ...undone.wait };
  return {
    status: { ...rested, ending: null, admittedCidrs: [], routes: [], intent: null, missingSince: null },
    action: null,
    recheckInMs: null,
  };
}

function takingBack(status: PeeringStatus, end: Ending, now: number): PeeringStatus['reason'] {
  return end.reason.code === 'approval_window_elapsed'
    ? reasonOf(status, 'withdrawing_request', {}, now)
    : reasonOf(status, 'removing_connection', { providerId: status.providerId ?? '' }, now);
}

interface Undone {
  readonly status: PeeringStatus;
  /** What is still there because of us; null: nothing. */
  readonly left: 'routes' | 'connection' | null;
  readonly action: CloudAction | null;
  readonly wait?: { readonly recheckInMs: number };
}

/**
 * The next step towards nothing left. `everything` also takes back a request that was never accepted, and one that was
 * turned down; without it such a request stays, so that a retry finds it.
 */
function undo(status: PeeringStatus, input: DecisionInput, everything: boolean): Undone {
  const { connection, network, profile, sighting, settings, now } = input;
  const { capabilities } = profile;
  const { peering, routeTables } = sighting;
  const target = peering?.providerId ?? status.providerId ?? '';
  let current = status;
  if (status.routes.length > 0) {
    if (routeTables === null) return { status, left: 'routes', action: null, wait: { recheckInMs: 0 } };
    const plan = planRoutes([], status.routes, routeTables, target);
    const missed = missedRoutes(status, input, plan.recorded);
    current = { ...status, routes: [...plan.recorded, ...missed.routes] };
    const [route] = plan.surplus;
    if (route)
      return {
        status: current,
        left: 'routes',
        action: { kind: 'remove_route', providerId: target, ...route },
      };
    if (missed.routes.length > 0)
      return { status: current, left: 'routes', action: null, wait: { recheckInMs: missed.forMs } };
  }
  if (peering === null) {
    const doubtful = status.missingSince !== null || mayHaveRequested(status);
    const since = status.missingSince ?? status.intent?.lastAt ?? now;
    const remaining = since + Math.max(settings.missingConfirmMs, capabilities.consistencyMs) - sighting.at;
    if (doubtful && !removedByUs(status, status.providerId) && remaining > 0) {
      return { status: current, left: 'connection', action: null, wait: { recheckInMs: remaining } };
    }
    return { status: current, left: null, action: null };
  }
  const ours =
    profile.mismatches(connection.spec.cloud, network, peering).length === 0 &&
    !isForeignAttachment(status, input, peering);
  if (!ours || peering.phase === 'gone') return { status: current, left: null, action: null };
  if (peering.phase === 'deleting') return { status: current, left: 'connection', action: null };
  const pending = peering.phase === 'pending_platform';
  const turnedDown = peering.phase === 'rejected' || peering.phase === 'expired';
  const acceptedMs = pending ? untilAcceptanceShows(status, input) : 0;
  if (acceptedMs > 0) {
    return { status: current, left: 'connection', action: null, wait: { recheckInMs: acceptedMs } };
  }
  if ((pending || turnedDown) && !everything) return { status: current, left: null, action: null };
  // What was turned down can come to nothing any more: where the cloud keeps it, it may.
  if (turnedDown && removalRefused(status, peering.providerId))
    return { status: current, left: null, action: null };
  const action = removalOf(profile, connection.spec.cloud, peering);
  if (action === null) {
    const left = peering.phase === 'in_progress' ? 'connection' : null;
    return { status: current, left, action };
  }
  return { status: current, left: 'connection', action };
}

/**
 * A request that still seems to wait may have been accepted by us just before: how long until a look shows it, in
 * milliseconds.
 */
function untilAcceptanceShows({ intent }: PeeringStatus, { profile, sighting }: DecisionInput): number {
  if (intent?.action.kind !== 'accept') return 0;
  return (intent.outcome?.at ?? intent.lastAt) + profile.capabilities.consistencyMs - sighting.at;
}
