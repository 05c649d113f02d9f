/** Whose something in the cloud is, where the platform asks for attachments. */
import type { ObservedPeering } from '../cloud-port.js';
import { LIVE_PHASES, type PeeringStatus } from '../peering-connection.js';
import type { DecisionInput } from './decision.js';

/**
 * Where the platform asks, every application carries our mark: one without it belongs to somebody else, unless it was
 * found to be ours before and nothing has ended since.
 */
export function isForeignAttachment(
  status: PeeringStatus,
  { profile, connection }: DecisionInput,
  peering: ObservedPeering,
): boolean {
  const isKnown = status.verified && !status.released;
  return profile.capabilities.initiator === 'platform' && !isKnown && peering.mark !== connection.id;
}

/**
 * Where the platform asks: whether somebody else's application or attachment has come to the place of ours since the
 * latest look. Ours may have lost its mark, but is still the same one.
 */
export function isReplaced(
  { lastSeen }: PeeringStatus,
  { profile, connection }: DecisionInput,
  peering: ObservedPeering,
): boolean {
  return (
    profile.capabilities.initiator === 'platform' &&
    peering.mark !== connection.id &&
    lastSeen !== null &&
    lastSeen.peering.incarnation !== peering.incarnation
  );
}

/** Where the platform asks: whether this is our own application or attachment, and not over. */
export function isOwnAndLive(
  { profile, connection }: DecisionInput,
  peering: ObservedPeering | null,
): peering is ObservedPeering {
  return (
    profile.capabilities.initiator === 'platform' &&
    peering?.mark === connection.id &&
    LIVE_PHASES.includes(peering.phase)
  );
}

/** When the cloud took our latest request for an attachment; null when it did not, or there was none since. */
export function requestTakenAt({ intent }: PeeringStatus): number | null {
  const asked = intent?.action.kind === 'request_attachment' && intent.outcome?.ok === true;
  return asked ? intent.outcome.at : null;
}

/**
 * Whether we may have asked for an attachment that no look has shown yet. Even a refused attempt counts: an earlier
 * one of the same intent may have gone through unanswered.
 */
export function mayHaveRequested({ intent }: PeeringStatus): boolean {
  return intent?.action.kind === 'request_attachment';
}
