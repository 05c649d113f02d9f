/** The way up: from a declared request to a running connection, and what ends it on the way or afterwards. */
import { findConflicts, type AddressConflict } from '../address-plan.js';
import { parseCidrs } from '../cidr.js';
import type { ObservedPeering } from '../cloud-port.js';
import { sides, type Mismatch } from '../cloud-profile.js';
import { LIVE_PHASES, type Ending, type PeeringStatus, type PlatformNetwork } from '../peering-connection.js';
import type { ReasonCode } from '../reason.js';
import { EARLY_STATES, MIN_POLL_MS, type DecisionInput, type Draft } from './decision.js';
import { isForeignAttachment, isOwnAndLive, requestTakenAt } from './ownership.js';
import { act, clamp, describeError, poll } from './pacing.js';
import { keepRoutes } from './routes.js';
import { ended, ending, move, withCondition } from './status-changes.js';
import { unwind } from './take-down.js';

/** Errors after which trying again cannot help: the connection fails and says why. */
const TERMINAL_REASONS: ReadonlySet<ReasonCode> = new Set([
  'attachment_exists',
  'unknown_peer_account',
  'peer_network_not_found',
]);

/** How long a call takes at most, in milliseconds; it may have waited for its turn for longer. */
const CALL_MS = 10_000;

const CONFLICT_REASONS = {
  reserved: 'cidr_reserved',
  deployment: 'cidr_overlaps_deployment',
  peering: 'cidr_overlaps_peering',
  self: 'cidr_overlaps_itself',
  unroutable: 'cidr_unroutable',
} as const satisfies Record<AddressConflict['kind'], ReasonCode>;

export function advance(status: PeeringStatus, input: DecisionInput): Draft {
  const { connection, network, profile, sighting } = input;
  const { peering } = sighting;
  const refusal = terminalRefusal(status, network);
  // A repeated request is refused because of the first one, whose answer was lost: what is seen counts for more.
  if (refusal && !isOwnAndLive(input, peering)) return unwind({ ...status, ending: refusal }, input);
  if (peering === null) return notThere(status, input);
  const stale = untilEarlierApplicationIsGone(status, input, peering);
  if (stale > 0) return { status, action: null, recheckInMs: Math.min(stale, 5 * MIN_POLL_MS) };
  if (mayRequestAnew(status, input, peering)) return request(status, input);

  const mismatches = profile.mismatches(connection.spec.cloud, network, peering);
  const doubtedMs = untilBelieved(status, input, peering, mismatches.length > 0);
  if (doubtedMs > 0) return { status, action: null, recheckInMs: doubtedMs };
  const mismatch = mismatches.find(({ side }) => side === 'accepter') ?? mismatches[0];
  if (mismatch) return mismatched(status, input, mismatch);
  if (isForeignAttachment(status, input, peering)) {
    if (status.established) return unwind(ended(status), input);
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
          { ...verified, deadline: null },
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

/** Reasons that what is seen of the connection itself has given. */
const REASONS_SEEN: readonly ReasonCode[] = ['requester_mismatch', 'accepter_mismatch', 'peer_cidr_conflict'];

/**
 * One look may be odd: of a connection that has run, what says otherwise than the looks before it counts once it has
 * been seen for a while. How long that still is, in milliseconds; 0 when the look can be believed.
 */
function untilBelieved(
  { state, reason, lastSeen, admittedCidrs }: PeeringStatus,
  { profile: { capabilities }, settings, sighting, now }: DecisionInput,
  peering: ObservedPeering,
  isMismatch: boolean,
): number {
  if (state !== 'running' && state !== 'degraded') return 0;
  const { cidrs } = sides(capabilities, peering).customer;
  const isOtherBlocks =
    capabilities.cidrObservable && [...cidrs].sort().join() !== [...admittedCidrs].sort().join();
  const isNew =
    peering.phase !== 'active' || isMismatch || isOtherBlocks || REASONS_SEEN.includes(reason.code);
  return isNew ? Math.max(0, (lastSeen?.since ?? now) + settings.missingConfirmMs - sighting.at) : 0;
}

function notThere(status: PeeringStatus, input: DecisionInput): Draft {
  const { network, profile, settings, sighting, now, connection } = input;
  if ((status.lastSeen === null || isLeftover(status, input)) && requestTakenAt(status) === null) {
    if (profile.capabilities.initiator === 'platform') return request(status, input);
    const { cloud } = connection.spec;
    // Where the customer named their network only, that is what is looked for.
    const providerId = profile.declaredProviderId(cloud) ?? profile.peerKey(cloud) ?? '';
    const params = { providerId, vpcId: network.vpcId, region: network.region };
    const elapsed = sighting.at - status.stateSince;
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
  // A look that took long shows what was when it began.
  const remaining = missingSince + settings.missingConfirmMs - sighting.at;
  if (remaining > 0) return { status: { ...status, missingSince }, action: null, recheckInMs: remaining };
  const last = status.lastSeen?.peering;
  if (!status.established && last?.expiresAt !== undefined && now >= last.expiresAt) {
    return unwind(ending(status, 'expired', 'request_expired', {}), input);
  }
  return unwind(ended(status), input);
}

/** Where the platform asks: whether all that was seen is what an earlier application had left. */
function isLeftover({ lastSeen, verified }: PeeringStatus, { profile }: DecisionInput): boolean {
  return (
    profile.capabilities.initiator === 'platform' &&
    !verified &&
    lastSeen !== null &&
    !LIVE_PHASES.includes(lastSeen.peering.phase)
  );
}

function mismatched(status: PeeringStatus, input: DecisionInput, mismatch: Mismatch): Draft {
  const code = mismatch.side === 'requester' ? 'requester_mismatch' : 'accepter_mismatch';
  const { field, declared, side } = mismatch;
  // What is addressed to another network is nobody's business here: whose it is, is not told.
  const params = { field, declared, ...(side === 'requester' ? { observed: mismatch.observed } : {}) };
  const marked = withCondition(status, 'Verified', 'False', code, input.now);
  if (status.established) {
    return {
      status: move(marked, 'degraded', code, params, input.now),
      action: null,
      recheckInMs: input.settings.inFlightMs,
    };
  }
  return unwind(ending(marked, 'failed', code, params), input);
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
      params: {
        detail: describeError(outcome.error),
        vpcId: network.vpcId,
        providerId: status.providerId ?? '',
      },
    },
  };
}

/**
 * Where the platform asks: an earlier application that has ended does not stand in the way of a new one. Nor does what
 * an earlier attempt of ours seems to have left: that was taken back, so the look is older. Asking twice does no harm.
 */
function mayRequestAnew(status: PeeringStatus, input: DecisionInput, peering: ObservedPeering): boolean {
  return (
    input.profile.capabilities.initiator === 'platform' &&
    status.state === 'requesting' &&
    requestTakenAt(status) === null &&
    !answeredUnseen(status, input, peering) &&
    (!LIVE_PHASES.includes(peering.phase) || (status.intent === null && isOwnAndLive(input, peering)))
  );
}

/**
 * Whether a request of ours whose answer never came was taken and turned down: our mark is on it, and the look is late
 * enough to show it. Asking again would override the customer.
 */
function answeredUnseen(
  { intent }: PeeringStatus,
  { connection, profile, sighting }: DecisionInput,
  peering: ObservedPeering,
): boolean {
  if (intent?.action.kind !== 'request_attachment' || peering.phase !== 'rejected') return false;
  const isOpen =
    intent.outcome === null || (!intent.outcome.ok && intent.outcome.error.category === 'transient');
  const mayShow = sighting.at >= intent.lastAt + profile.capabilities.consistencyMs;
  return isOpen && mayShow && peering.mark === connection.id;
}

/**
 * Where the platform asks again after an application that has ended, a look may come from before the cloud took the new
 * one and still show the old: believing it would leave a request behind that nobody watches. How long to wait, in
 * milliseconds; 0 when the look can be believed.
 */
function untilEarlierApplicationIsGone(
  status: PeeringStatus,
  { profile, settings, sighting }: DecisionInput,
  peering: ObservedPeering,
): number {
  const takenAt = requestTakenAt(status);
  if (takenAt === null || !EARLY_STATES.includes(status.state)) return 0;
  if (profile.capabilities.initiator !== 'platform' || LIVE_PHASES.includes(peering.phase)) return 0;
  const settledAt = takenAt + Math.max(settings.missingConfirmMs, profile.capabilities.consistencyMs);
  return Math.max(0, settledAt - sighting.at);
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
  const at = status.deadline?.at ?? appliedAt(status, now) + settings.approvalWindowMs;
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

/**
 * Since when an application counts whose answer was lost: it was made since the attempt was decided, and no longer before
 * its end than a call may take.
 */
function appliedAt({ intent }: PeeringStatus, now: number): number {
  if (intent === null) return now;
  const { outcome, lastAt } = intent;
  return Math.max(lastAt, (outcome?.at ?? lastAt) - CALL_MS);
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
    if (status.established) return { status, action: null, recheckInMs: settings.inFlightMs / 10 };
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
    // What led to running on the way is not so: the connection has not left the state that it was in.
    const { state, stateSince, reason } = status;
    return {
      ...draft,
      status: move(
        { ...draft.status, state, stateSince, reason },
        'degraded',
        'peer_cidr_conflict',
        params,
        now,
      ),
      recheckInMs: settings.inFlightMs,
    };
  }
  return draft;
}
