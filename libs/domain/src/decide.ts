/**
 * The rules of a connection's life as one pure function: from what is wanted, what was recorded and what the cloud
 * shows now, to the next status and at most one change of the cloud.
 *
 * It is level-triggered: it never asks what happened, only what is. The same input gives the same answer, so a worker
 * that died anywhere is replaced by one that looks again. Properties that tests hold it to: nothing is accepted,
 * rejected or deleted unless the observed request is this customer's and meant for this VPC; from every state a
 * connection that is no longer wanted converges to nothing left in the cloud.
 */
import { findConflicts, type AddressConflict, type AddressPlan } from './address-plan.js';
import { parseCidrs } from './cidr.js';
import type { CloudErrorInfo, ObservedPeering, ObservedRouteTable } from './cloud-port.js';
import { missingFields, sides, type CloudProfile, type Mismatch } from './cloud-profile.js';
import {
  LIVE_PHASES,
  type CloudAction,
  type Condition,
  type ConditionType,
  type Ending,
  type Intent,
  type PeeringConnection,
  type PeeringStatus,
  type PlatformNetwork,
} from './peering-connection.js';
import { assertTransition, isRetryable, type PeeringState } from './peering-state.js';
import type { ReasonCode, ReasonParams } from './reason.js';
import { planRoutes, wantedRoutes, withRoute, type RouteProblem } from './routing.js';

/** Times that the rules use, all in milliseconds. */
export interface EngineSettings {
  /** How long a customer has to approve where the platform asks. */
  readonly approvalWindowMs: number;
  /** How long a declared request may stay invisible before the connection fails. */
  readonly requestVisibleWithinMs: number;
  /** How long something that was there must be missing before it counts as gone. */
  readonly missingConfirmMs: number;
  /** Interval of looks while a customer's approval is awaited. */
  readonly approvalPollMs: number;
  /** Longest interval between looks while anything is in flight. */
  readonly inFlightMs: number;
  /** Interval between looks when all is well. */
  readonly steadyMs: number;
  /** Longest wait between attempts of a change that the cloud refuses. */
  readonly retryMaxMs: number;
  /** After this long without a successful look, a connection is marked stale. */
  readonly staleAfterMs: number;
}

export const DEFAULT_ENGINE_SETTINGS: EngineSettings = {
  approvalWindowMs: 600_000,
  requestVisibleWithinMs: 600_000,
  missingConfirmMs: 5_000,
  approvalPollMs: 2_000,
  inFlightMs: 60_000,
  steadyMs: 300_000,
  retryMaxMs: 300_000,
  staleAfterMs: 900_000,
};

/** What one look at the cloud showed of one connection. */
export interface Sighting {
  /** When the look began, in epoch milliseconds. */
  readonly at: number;
  readonly peering: ObservedPeering | null;
  /** Null when the route tables were not read (see {@link needsRoutes}). */
  readonly routeTables: readonly ObservedRouteTable[] | null;
}

export interface DecisionInput {
  readonly connection: PeeringConnection;
  readonly network: PlatformNetwork;
  readonly profile: CloudProfile;
  /** What is taken around the deployment, without this connection's own blocks. */
  readonly plan: AddressPlan;
  readonly sighting: Sighting;
  readonly settings: EngineSettings;
  /** Epoch milliseconds. */
  readonly now: number;
}

export interface Decision {
  /** To be stored before the action is carried out; `intent` in it names the action. */
  readonly status: PeeringStatus;
  readonly action: CloudAction | null;
  /** When to look again without being asked; null: not until somebody changes something. */
  readonly recheckInMs: number | null;
}

/** Errors after which trying again cannot help: the connection fails and says why. */
const TERMINAL_REASONS: ReadonlySet<ReasonCode> = new Set(['attachment_exists', 'unknown_peer_account']);

const MIN_POLL_MS = 200;

const CONFLICT_REASONS = {
  reserved: 'cidr_reserved',
  deployment: 'cidr_overlaps_deployment',
  peering: 'cidr_overlaps_peering',
  self: 'cidr_overlaps_itself',
  unroutable: 'cidr_unroutable',
} as const satisfies Record<AddressConflict['kind'], ReasonCode>;

const ROUTE_REASONS = {
  missing: 'route_missing',
  blackhole: 'route_blackhole',
  conflict: 'route_conflict',
  disabled: 'route_disabled',
} as const satisfies Record<RouteProblem['kind'], ReasonCode>;

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
  const { state, ending } = connection.status;
  if (state === 'deleted') return true;
  return (
    connection.desired === 'present' &&
    ending === null &&
    (state === 'awaiting_request' || isRetryable(state))
  );
}

/** The decision. Never throws for any state of the world; a throw is a defect in the transition table. */
export function decide(input: DecisionInput): Decision {
  const { connection } = input;
  if (isAtRest(connection)) return { status: connection.status, action: null, recheckInMs: null };
  const seen = takeIn(input);
  const draft =
    connection.desired === 'absent'
      ? remove(seen, input)
      : seen.ending
        ? unwind(seen, input)
        : advance(seen, input);
  const decision = finish(draft, input);
  assertTransition(connection.status.state, decision.status.state);
  return decision;
}

/** States before the connection is up: from them the way to `running` and `degraded` leads through `provisioning`. */
const EARLY_STATES: readonly PeeringState[] = ['verifying', 'accepting', 'requesting', 'awaiting_approval'];

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
      reason: reasonOf(status, 'platform_access_denied', { detail: describeError(error) }, now),
    };
    return withCondition(told, 'Fresh', 'Unknown', error.category, now);
  }
  if (now - lastObservedAt < settings.staleAfterMs) return status;
  return withCondition(status, 'Fresh', 'Unknown', error.category, now);
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

/** A status on its way to a decision. */
interface Draft {
  readonly status: PeeringStatus;
  readonly action: CloudAction | null;
  readonly recheckInMs: number | null;
}

/** Takes the sighting into the status: what is seen, since when something is missing, that the look is fresh. */
function takeIn(input: DecisionInput): PeeringStatus {
  const { connection, sighting, now } = input;
  const status = withCondition(connection.status, 'Fresh', 'True', 'observed', now);
  const { peering } = sighting;
  if (peering === null) {
    return { ...status, missingSince: isExpected(status, input) ? (status.missingSince ?? now) : null };
  }
  const unchanged = JSON.stringify(status.lastSeen?.peering) === JSON.stringify(peering);
  return {
    ...status,
    missingSince: null,
    providerId: peering.providerId,
    lastSeen: unchanged ? status.lastSeen : { peering, since: now },
  };
}

/**
 * Whether a look that shows nothing contradicts what is known. Such a look may come from before a change, so it counts
 * only once it has been the same for a while.
 */
function isExpected(status: PeeringStatus, { connection, profile }: DecisionInput): boolean {
  if (status.lastSeen !== null && LIVE_PHASES.includes(status.lastSeen.peering.phase)) return true;
  const takingDown = connection.desired === 'absent' || status.ending !== null;
  if (mayHaveRequested(status) && (takingDown || status.intent?.outcome?.ok === true)) return true;
  const declared = missingFields(profile, connection.spec.cloud, connection.spec.cidrs).length === 0;
  return (
    connection.desired === 'absent' &&
    profile.capabilities.initiator === 'customer' &&
    status.lastSeen === null &&
    declared
  );
}

// ---- wanted -------------------------------------------------------------------------------------------------------

function advance(status: PeeringStatus, input: DecisionInput): Draft {
  const { connection, network, profile, sighting } = input;
  const refusal = terminalRefusal(status, network);
  if (refusal) return unwind({ ...status, ending: refusal }, input);
  const { peering } = sighting;
  if (peering === null) return notThere(status, input);
  if (mayRequestAnew(status, input, peering)) return request(status, input);

  const mismatches = profile.mismatches(connection.spec.cloud, network, peering);
  const [mismatch] = mismatches;
  if (mismatch) return mismatched(status, input, mismatch);
  if (isForeignAttachment(status, input, peering)) {
    const params = { vpcId: network.vpcId, detail: peering.providerId };
    return unwind(ending(status, 'failed', 'attachment_exists', params), input);
  }
  const verified = withCondition(
    { ...status, verified: true },
    'Verified',
    'True',
    'matches_declaration',
    input.now,
  );
  const pending = peering.phase === 'pending_platform' || peering.phase === 'pending_customer';
  if (pending && !EARLY_STATES.includes(status.state)) {
    // A request does not become pending again: the cloud has answered from before its latest change.
    return { status: verified, action: null, recheckInMs: 5 * MIN_POLL_MS };
  }
  switch (peering.phase) {
    case 'pending_platform':
      return accept(verified, input, peering);
    case 'pending_customer':
      return awaitApproval(verified, input, peering);
    case 'in_progress':
      if (verified.established) return poll(verified, input);
      return poll(
        move(
          verified,
          'provisioning',
          'provider_provisioning',
          { providerState: peering.providerState },
          input.now,
        ),
        input,
      );
    case 'active':
      return activate(verified, input, peering);
    case 'rejected':
      if (verified.established) return unwind(ended(verified), input);
      return unwind(
        ending(
          verified,
          'rejected',
          profile.capabilities.initiator === 'customer' ? 'rejected_by_platform' : 'rejected_by_peer',
          {},
        ),
        input,
      );
    case 'expired':
      if (verified.established) return unwind(ended(verified), input);
      return unwind(ending(verified, 'expired', 'request_expired', {}), input);
    case 'failed':
      return unwind(
        ending(verified, 'failed', 'provider_failed', {
          message: peering.providerMessage ?? peering.providerState,
        }),
        input,
      );
    case 'deleting':
    case 'gone':
      return unwind(ended(verified), input);
  }
}

/** The ending of a connection whose cloud side has vanished: the cause follows from what it was before. */
function ended(status: PeeringStatus): PeeringStatus {
  return status.established
    ? ending(status, 'failed', 'deleted_by_peer', {})
    : ending(status, 'failed', 'request_withdrawn', {});
}

function notThere(status: PeeringStatus, input: DecisionInput): Draft {
  const { network, profile, settings, now, connection } = input;
  const asked = status.intent?.action.kind === 'request_attachment' && status.intent.outcome?.ok === true;
  if (status.lastSeen === null && !asked) {
    if (profile.capabilities.initiator === 'platform') return request(status, input);
    const providerId = profile.declaredProviderId(connection.spec.cloud) ?? '';
    const params = { providerId, vpcId: network.vpcId, region: network.region };
    const elapsed = now - status.stateSince;
    if (elapsed >= settings.requestVisibleWithinMs) {
      return unwind(ending(status, 'failed', 'request_not_found', params), input);
    }
    const code = elapsed < settings.missingConfirmMs ? 'looking_for_request' : 'request_not_found';
    return {
      status: move(status, 'verifying', code, params, now),
      action: null,
      recheckInMs: clamp(elapsed / 4, 2 * MIN_POLL_MS, settings.inFlightMs / 2),
    };
  }
  const missingSince = status.missingSince ?? now;
  const remaining = missingSince + settings.missingConfirmMs - now;
  if (remaining > 0) return { status: { ...status, missingSince }, action: null, recheckInMs: remaining };
  const last = status.lastSeen?.peering;
  if (!status.established && last?.expiresAt !== undefined && now >= last.expiresAt) {
    return unwind(ending(status, 'expired', 'request_expired', {}), input);
  }
  return unwind(ended(status), input);
}

function mismatched(status: PeeringStatus, input: DecisionInput, mismatch: Mismatch): Draft {
  const code = mismatch.side === 'requester' ? 'requester_mismatch' : 'accepter_mismatch';
  const { field, declared, observed } = mismatch;
  const marked = withCondition(status, 'Verified', 'False', code, input.now);
  if (status.established) {
    return {
      status: move(marked, 'degraded', code, { field, declared, observed }, input.now),
      action: null,
      recheckInMs: input.settings.inFlightMs,
    };
  }
  return unwind(ending(marked, 'failed', code, { field, declared, observed }), input);
}

/** The cloud's own terminal answers to what we asked, such as an account that does not exist. */
function terminalRefusal(status: PeeringStatus, network: PlatformNetwork): Ending | null {
  const outcome = status.intent?.outcome;
  if (
    !outcome ||
    outcome.ok ||
    outcome.error.reason === undefined ||
    !TERMINAL_REASONS.has(outcome.error.reason)
  )
    return null;
  return {
    state: 'failed',
    reason: {
      code: outcome.error.reason,
      params: { detail: describeError(outcome.error), vpcId: network.vpcId },
    },
  };
}

/** Where the platform asks: an earlier application that has ended does not stand in the way of a new one. */
function mayRequestAnew(
  status: PeeringStatus,
  { profile }: DecisionInput,
  peering: ObservedPeering,
): boolean {
  return (
    profile.capabilities.initiator === 'platform' &&
    status.state === 'requesting' &&
    !(status.intent?.action.kind === 'request_attachment' && status.intent.outcome?.ok === true) &&
    !LIVE_PHASES.includes(peering.phase)
  );
}

/** Where the platform asks, every application carries our mark: one without it belongs to somebody else. */
function isForeignAttachment(
  status: PeeringStatus,
  { profile, connection }: DecisionInput,
  peering: ObservedPeering,
): boolean {
  return profile.capabilities.initiator === 'platform' && !status.verified && peering.mark !== connection.id;
}

function request(status: PeeringStatus, input: DecisionInput): Draft {
  const { connection, profile, now } = input;
  const { cloud } = connection.spec;
  const providerId = profile.declaredProviderId(cloud) ?? '';
  const ownerAccountId = profile.attachmentOwner(cloud) ?? '';
  return act(move(status, 'requesting', 'attach_in_progress', { providerId }, now), input, {
    kind: 'request_attachment',
    providerId,
    ownerAccountId,
  });
}

function awaitApproval(status: PeeringStatus, input: DecisionInput, peering: ObservedPeering): Draft {
  const { network, settings, sighting, now } = input;
  const at = status.deadline?.at ?? (status.intent?.lastAt ?? now) + settings.approvalWindowMs;
  const waiting = move(
    { ...status, deadline: { kind: 'customer_approval', at } },
    'awaiting_approval',
    'approval_required',
    { vpcId: network.vpcId, providerId: peering.providerId },
    now,
  );
  if (now < at)
    return { status: waiting, action: null, recheckInMs: Math.min(settings.approvalPollMs, at - now) };
  // What was seen before the deadline may have been approved since: the last look must begin after it.
  if (sighting.at < at) return { status: waiting, action: null, recheckInMs: 0 };
  const windowSeconds = String(Math.round(settings.approvalWindowMs / 1000));
  return unwind(ending(waiting, 'failed', 'approval_window_elapsed', { windowSeconds }), input);
}

function accept(status: PeeringStatus, input: DecisionInput, peering: ObservedPeering): Draft {
  const { connection, profile, plan, now } = input;
  const observed = sides(profile.capabilities, peering).customer.cidrs;
  const [conflict] = findConflicts(parseCidrs(observed.length > 0 ? observed : connection.spec.cidrs), plan);
  if (conflict) return unwind(conflicting(status, conflict), input);
  const deadline =
    peering.expiresAt === undefined ? null : ({ kind: 'provider_expiry', at: peering.expiresAt } as const);
  return act(move({ ...status, deadline }, 'accepting', 'accept_in_progress', {}, now), input, {
    kind: 'accept',
    providerId: peering.providerId,
  });
}

function conflicting(status: PeeringStatus, conflict: AddressConflict): PeeringStatus {
  return ending(status, 'failed', CONFLICT_REASONS[conflict.kind], {
    cidr: conflict.cidr,
    with: conflict.with,
    ...(conflict.connectionId === undefined ? {} : { connectionId: conflict.connectionId }),
  });
}

function activate(found: PeeringStatus, input: DecisionInput, peering: ObservedPeering): Draft {
  const { connection, profile, plan, settings, now } = input;
  const { capabilities } = profile;
  const status = withCondition({ ...found, deadline: null }, 'Accepted', 'True', 'active', now);
  const reported = sides(capabilities, peering).customer.cidrs;
  const cidrs = capabilities.cidrObservable ? reported : connection.spec.cidrs;
  if (cidrs.length === 0 && capabilities.routing === 'platform') {
    // Active, but the cloud has not published the peer's blocks yet; without them nothing can be checked or routed.
    if (status.established) return { status, action: null, recheckInMs: MIN_POLL_MS };
    return poll(
      move(status, 'provisioning', 'provider_provisioning', { providerState: peering.providerState }, now),
      input,
    );
  }
  const blocks = parseCidrs(cidrs);
  const unchecked = status.established
    ? blocks.filter((block) => !status.admittedCidrs.includes(block.text))
    : blocks;
  const conflicts = findConflicts(unchecked, plan);
  const [conflict] = conflicts;
  if (conflict && !status.established) return unwind(conflicting(status, conflict), input);
  const refused = new Set(conflicts.map((each) => each.cidr));
  const admittedCidrs = blocks.map((block) => block.text).filter((text) => !refused.has(text));
  const admitted = { ...status, established: true, admittedCidrs };
  const draft = keepRoutes(admitted, input, peering.providerId);
  if (conflict && draft.status.state === 'running' && draft.action === null) {
    const params = { cidr: conflict.cidr, with: conflict.with };
    return {
      ...draft,
      status: move({ ...draft.status, state: status.state }, 'degraded', 'peer_cidr_conflict', params, now),
      recheckInMs: settings.inFlightMs,
    };
  }
  return draft;
}

/** Brings the platform's routes to what is admitted: surplus ones go, missing ones come, foreign ones stay. */
function keepRoutes(status: PeeringStatus, input: DecisionInput, target: string): Draft {
  const { network, profile, sighting, settings, now } = input;
  const everRan = status.state === 'running' || status.state === 'degraded';
  const cidrs = status.admittedCidrs.join(', ');
  const tables = sighting.routeTables;
  const provisional = (of: PeeringStatus): PeeringStatus =>
    everRan ? of : move(of, 'provisioning', 'programming_routes', { cidrs }, now);
  if (tables === null) return { status: provisional(status), action: null, recheckInMs: 0 };
  const writes = profile.capabilities.routing === 'platform';
  const wanted = writes ? wantedRoutes(network, tables, status.admittedCidrs) : learnedRoutes(tables);
  const plan = planRoutes(wanted, status.routes, tables, target);
  const recorded = { ...status, routes: plan.recorded };
  const [surplus] = plan.surplus;
  const [problem] = plan.problems;
  const repairable = plan.problems.find((each) => each.kind === 'missing' || each.kind === 'blackhole');
  const pass = EARLY_STATES.includes(status.state) && (!repairable || !writes);
  const shown = pass
    ? provisional(recorded)
    : showRoutes(recorded, input, problem, !everRan && repairable !== undefined);
  if (surplus) return act(shown, input, { kind: 'remove_route', providerId: target, ...surplus });
  if (pass) return { status: shown, action: null, recheckInMs: 0 };
  if (!problem) {
    if (shown.marked || !writes) return { status: shown, action: null, recheckInMs: settings.steadyMs };
    return act(shown, input, { kind: 'mark', providerId: target });
  }
  if (!repairable || !writes || (everRan && network.driftPolicy !== 'repair')) {
    return { status: shown, action: null, recheckInMs: settings.inFlightMs };
  }
  const route = { routeTableId: repairable.routeTableId, destination: repairable.destination };
  return act({ ...shown, routes: withRoute(shown.routes, route) }, input, {
    kind: 'ensure_route',
    providerId: target,
    ...route,
  });
}

/** The state that the routes justify: running without a problem, else being set up or degraded. */
function showRoutes(
  status: PeeringStatus,
  { profile, now }: DecisionInput,
  problem: RouteProblem | undefined,
  settingUp: boolean,
): PeeringStatus {
  const cidrs = status.admittedCidrs.join(', ');
  if (problem === undefined) {
    const how = profile.capabilities.routing === 'platform' ? 'programmed' : 'learned';
    return withCondition(
      move(status, 'running', 'ready', { cidrs }, now),
      'RoutesProgrammed',
      'True',
      how,
      now,
    );
  }
  const { kind, routeTableId, destination, target } = problem;
  const broken = withCondition(status, 'RoutesProgrammed', 'False', ROUTE_REASONS[kind], now);
  return settingUp
    ? move(broken, 'provisioning', 'programming_routes', { cidrs }, now)
    : move(broken, 'degraded', ROUTE_REASONS[kind], { routeTableId, destination, target }, now);
}

/** Where the cloud routes by itself, what it has learned is what is wanted: only its state matters. */
function learnedRoutes(
  tables: readonly ObservedRouteTable[],
): { routeTableId: string; destination: string }[] {
  return tables.flatMap((table) =>
    table.routes
      .filter((route) => route.state === 'disabled')
      .map((route) => ({ routeTableId: table.routeTableId, destination: route.destination })),
  );
}

// ---- not wanted ---------------------------------------------------------------------------------------------------

/** Takes a connection down: our routes first, then the request or attachment, then a look that nothing is left. */
function remove(status: PeeringStatus, input: DecisionInput): Draft {
  const deleting = { ...status, ending: null, deadline: null };
  const undone = undo(deleting, input, true);
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
function unwind(status: PeeringStatus, input: DecisionInput): Draft {
  const { now } = input;
  const { ending: end } = status;
  if (end === null) return { status, action: null, recheckInMs: null };
  const undone = undo(status, input, false);
  if (undone.left === 'connection') {
    const shown = { ...undone.status, reason: takingBack(undone.status, end, now) };
    return undone.action ? act(shown, input, undone.action) : { ...poll(shown, input), ...undone.wait };
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
 * The next step towards nothing left. `everything` also takes back a request that was never accepted; without it such
 * a request stays, so that a retry finds it.
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
    current = { ...status, routes: plan.recorded };
    const [route] = plan.surplus;
    if (route)
      return {
        status: current,
        left: 'routes',
        action: { kind: 'remove_route', providerId: target, ...route },
      };
  }
  if (peering === null) {
    const doubtful = status.missingSince !== null || mayHaveRequested(status);
    const since = status.missingSince ?? status.intent?.lastAt ?? now;
    const remaining = since + Math.max(settings.missingConfirmMs, capabilities.consistencyMs) - now;
    if (doubtful && !removedByUs(status) && remaining > 0) {
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
  if (pending && !everything) return { status: current, left: null, action: null };
  if (!capabilities.removableIn.includes(peering.phase)) {
    const left = peering.phase === 'in_progress' ? 'connection' : null;
    return { status: current, left, action: null };
  }
  const { providerId } = peering;
  const ownerAccountId = profile.attachmentOwner(connection.spec.cloud);
  const action: CloudAction =
    capabilities.takeBackPending === 'withdraw'
      ? { kind: 'withdraw_attachment', providerId, ownerAccountId: ownerAccountId ?? '' }
      : { kind: pending ? 'reject' : 'delete', providerId };
  return { status: current, left: 'connection', action };
}

/**
 * Whether we may have asked for an attachment that no look has shown yet. Even a refused attempt counts: an earlier
 * one of the same intent may have gone through unanswered.
 */
function mayHaveRequested({ intent }: PeeringStatus): boolean {
  return intent?.action.kind === 'request_attachment';
}

/** Whether the disappearance is the effect of our own change. */
function removedByUs(status: PeeringStatus): boolean {
  const { intent } = status;
  return (
    intent !== null &&
    ['delete', 'reject', 'withdraw_attachment'].includes(intent.action.kind) &&
    intent.outcome?.ok === true
  );
}

// ---- pacing and bookkeeping ---------------------------------------------------------------------------------------

/**
 * Lets an action through, or holds it back: a change that was just made is given the cloud's consistency time to
 * show; one that was refused is repeated with growing distance and the refusal is shown as the reason.
 */
function act(status: PeeringStatus, input: DecisionInput, action: CloudAction): Draft {
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
    ? { status: shown, action: null, recheckInMs: again - now }
    : { status: shown, action, recheckInMs: 0 };
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

function describeError(error: CloudErrorInfo): string {
  return `${error.code} (${error.message})`;
}

/** The key by which two actions are the same change. */
function sameAction(a: CloudAction, b: CloudAction): boolean {
  return JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
}

/** Writes the chosen action into the status as an intent, and holds every change of a locked connection. */
function finish(draft: Draft, { connection, settings, now }: DecisionInput): Decision {
  if (draft.action === null) return draft;
  if (connection.locked) return { status: draft.status, action: null, recheckInMs: settings.inFlightMs };
  const { action } = draft;
  const previous = draft.status.intent;
  const repeated = previous !== null && sameAction(previous.action, action);
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

/** Looks again after a time that grows with the time already spent in the state. */
function poll(status: PeeringStatus, { settings, now }: DecisionInput): Draft {
  return {
    status,
    action: null,
    recheckInMs: clamp((now - status.stateSince) / 4, MIN_POLL_MS, settings.inFlightMs),
  };
}

function ending(
  status: PeeringStatus,
  state: Ending['state'],
  code: ReasonCode,
  params: ReasonParams,
): PeeringStatus {
  return { ...status, ending: { state, reason: { code, params } } };
}

function move(
  status: PeeringStatus,
  state: PeeringState,
  code: ReasonCode,
  params: ReasonParams,
  now: number,
): PeeringStatus {
  return {
    ...status,
    state,
    stateSince: state === status.state ? status.stateSince : now,
    reason: reasonOf(status, code, params, now),
  };
}

function reasonOf(
  status: PeeringStatus,
  code: ReasonCode,
  params: ReasonParams,
  now: number,
): PeeringStatus['reason'] {
  const same = status.reason.code === code && JSON.stringify(status.reason.params) === JSON.stringify(params);
  return same ? status.reason : { code, params, since: now };
}

function withCondition(
  status: PeeringStatus,
  type: ConditionType,
  value: Condition['status'],
  reason: string,
  now: number,
): PeeringStatus {
  const old = status.conditions.find((condition) => condition.type === type);
  if (old?.status === value && old.reason === reason) return status;
  const next: Condition = {
    type,
    status: value,
    reason,
    lastTransitionAt: old?.status === value ? old.lastTransitionAt : now,
  };
  return {
    ...status,
    conditions: [...status.conditions.filter((condition) => condition.type !== type), next],
  };
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
