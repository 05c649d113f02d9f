import type { PeerSide } from '../cloud-port.js';
import type { Mismatch } from '../cloud-profile.js';

/**
 * Compares one observed side with what it should be. Each entry is the name that the customer knows, the observed
 * field, and the value that it must have; a value that the cloud does not report counts as different, because nothing
 * is accepted on trust.
 */
export function compareSides(
  side: Mismatch['side'],
  observed: PeerSide,
  expected: readonly (readonly [
    field: string,
    key: 'accountId' | 'projectId' | 'vpcId' | 'region',
    value: string | undefined,
  ])[],
): Mismatch[] {
  return expected
    .filter(([, key, value]) => value === undefined || observed[key] !== value)
    .map(([field, key, value]) => ({ side, field, declared: value ?? '', observed: observed[key] ?? '' }));
}
