/** The profile of every cloud that the broker serves. */
import { CLOUD_IDS, type CloudId } from '../cloud-port.js';
import type { CloudProfile } from '../cloud-profile.js';
import { alibabaProfile } from './alibaba/profile.js';
import { awsProfile } from './aws/profile.js';
import { huaweiProfile } from './huawei/profile.js';
import { outscaleProfile } from './outscale/profile.js';
import { tencentProfile } from './tencent/profile.js';

const PROFILES: Readonly<Partial<Record<CloudId, CloudProfile>>> = {
  aws: awsProfile,
  alibaba: alibabaProfile,
  huawei: huaweiProfile,
  tencent: tencentProfile,
  outscale: outscaleProfile,
};

/** The clouds that connections can be made on. */
export const SERVED_CLOUDS: readonly CloudId[] = CLOUD_IDS.filter((cloud) => PROFILES[cloud] !== undefined);

/** @throws Error for a cloud that is not served */
export function profileOf(cloud: CloudId): CloudProfile {
  const profile = PROFILES[cloud];
  if (profile === undefined) throw new Error(`No connections can be made on ${cloud}.`);
  return profile;
}
