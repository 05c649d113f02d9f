/** From stored deployments to what is shown. Pure. */
import type { DeploymentRecord } from '#database';
import { offerInstructions, profileOf, type Locale, type ReservedRange } from '#domain';

import { isoTime, isoTimeOrNull } from '../http/view-fields.js';
import { specSchema } from '../peerings/cloud-spec-schema.js';
import type { DeploymentView, OfferView } from './deployment.view.js';

export function deploymentView(record: DeploymentRecord): DeploymentView {
  const { network } = record;
  return {
    id: record.id,
    name: record.name,
    cloud: record.cloud,
    region: record.region,
    edition: record.edition,
    status: record.status,
    projectId: record.projectId,
    vpc: {
      id: network.vpcId,
      cidrs: network.cidrs,
      checkedAt: isoTimeOrNull(record.vpcCheckedAt),
      problem: record.vpcProblem,
    },
    platform: { accountId: network.accountId },
    createdAt: isoTime(record.createdAt),
    updatedAt: isoTime(record.updatedAt),
  };
}

/** @param approvalWindowMs how long a customer has to approve where the platform asks */
export function offerView(
  { cloud, region, network }: DeploymentRecord,
  reserved: readonly ReservedRange[],
  approvalWindowMs: number,
  locale: Locale,
): OfferView {
  const profile = profileOf(cloud);
  const { initiator, approvalWindow } = profile.capabilities;
  const { steps, artifacts } = offerInstructions(network, profile, locale);
  return {
    cloud,
    region,
    initiator,
    platform: { accountId: network.accountId, vpcId: network.vpcId, cidrs: network.cidrs },
    ...(approvalWindow ? { approvalWindowSeconds: Math.round(approvalWindowMs / 1000) } : {}),
    fields: specSchema(profile, locale),
    reservedRanges: reserved.map(({ from, to }) => ({ from, to })),
    steps,
    artifacts,
  };
}
