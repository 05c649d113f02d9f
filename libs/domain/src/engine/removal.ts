/** How something of ours is removed from the cloud, and how the attempt to has fared. */
import type { ObservedPeering } from '../cloud-port.js';
import type { CloudProfile } from '../cloud-profile.js';
import type { CloudSpec } from '../cloud-spec.js';
import type { CloudAction, Intent, PeeringStatus } from '../peering-connection.js';

/** The change that takes back what was declared as `cloud`; null in a phase in which the platform cannot. */
export function removalOf(
  profile: CloudProfile,
  cloud: CloudSpec,
  { providerId, phase }: ObservedPeering,
): CloudAction | null {
  const { capabilities } = profile;
  if (!capabilities.removableIn.includes(phase)) return null;
  return capabilities.takeBackPending === 'withdraw'
    ? { kind: 'withdraw_attachment', providerId, ownerAccountId: profile.attachmentOwner(cloud) ?? '' }
    : { kind: phase === 'pending_platform' ? 'reject' : 'delete', providerId };
}

/** Whether the disappearance is the effect of our own change. */
export function removedByUs({ intent }: PeeringStatus, providerId: string | null): boolean {
  return intent !== null && isRemovalOf(intent, providerId) && intent.outcome?.ok === true;
}

/** Whether the cloud has said no to our removing it, as against not now. */
export function removalRefused({ intent }: PeeringStatus, providerId: string | null): boolean {
  if (intent === null || !isRemovalOf(intent, providerId)) return false;
  if (intent.outcome === null || intent.outcome.ok) return false;
  return !['throttled', 'transient', 'auth', 'conflict'].includes(intent.outcome.error.category);
}

export function isRemovalOf({ action }: Intent, providerId: string | null): boolean {
  return isRemoval(action) && action.providerId === providerId;
}

export function isRemoval({ kind }: CloudAction): boolean {
  return ['delete', 'reject', 'withdraw_attachment'].includes(kind);
}
