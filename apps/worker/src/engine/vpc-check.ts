import { CloudError, type PlatformNetwork } from '#domain';

import type { CloudAccess } from '../accounts/account-pool.js';

/**
 * Compares the VPC that an operator declared for a deployment with the cloud.
 * @returns what is wrong with it, for the operator; null: nothing
 * @throws CloudError when the cloud could not be asked
 */
export async function compareVpc(
  { port, gate }: CloudAccess,
  network: PlatformNetwork,
): Promise<string | null> {
  const { vpcId, region, accountId } = network;
  try {
    const observed = await gate.pass('describeNetwork', () => port.describeNetwork(network));
    if (observed.accountId !== undefined && observed.accountId !== accountId) {
      return `The VPC ${vpcId} belongs to account ${observed.accountId}, not to the platform account ${accountId}.`;
    }
    const declared = [...network.cidrs].sort().join(', ');
    const found = [...observed.cidrs].sort().join(', ');
    if (declared !== found) {
      return `The cloud reports the blocks ${found} for the VPC ${vpcId}, but ${declared} were declared.`;
    }
    const missing = (network.routeTableIds ?? []).filter((id) => !observed.routeTableIds.includes(id));
    return missing.length === 0 ? null : `The VPC ${vpcId} has no route table ${missing.join(', ')}.`;
  } catch (error) {
    if (!(error instanceof CloudError) || error.info.category !== 'not_found') throw error;
    return `The account ${accountId} has no VPC ${vpcId} in ${region}.`;
  }
}
