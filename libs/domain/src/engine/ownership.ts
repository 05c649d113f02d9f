/** Whose something in the cloud is, where the platform asks for attachments. */
import type { ObservedPeering } from '../cloud-port.js';
import type { PeeringStatus } from '../peering-connection.js';
import type { DecisionInput } from './decision.js';

/** Where the platform asks, every application carries our mark: one without it belongs to somebody else. */
export function isForeignAttachment(
  status: PeeringStatus,
  { profile, connection }: DecisionInput,
  peering: ObservedPeering,
): boolean {
  return profile.capabilities.initiator === 'platform' && !status.verified && peering.mark !== connection.id;
}

/**
 * Whether we may have asked for an attachment that no look has shown yet. Even a refused attempt counts: an earlier
 * one of the same intent may have gone through unanswered.
 */
export function mayHaveRequested({ intent }: PeeringStatus): boolean {
  return intent?.action.kind === 'request_attachment';
}
