/** Deployments as operators see them. */
import type { DeploymentRecord } from '#database';

import { deploymentView } from '../deployments/deployment.mapper.js';
import { DeploymentView, VpcView } from '../deployments/deployment.view.js';
import { NULLABLE, Shows, ShowsId, ShowsText } from '../http/view-fields.js';

export class OperatedVpcView extends VpcView {
  @Shows('The route tables that are programmed; null: every table of the VPC.', {
    type: 'array',
    items: { type: 'string' },
    nullable: true,
    example: null,
  })
  routeTableIds: readonly string[] | null;
}

export class OperatedDeploymentView extends DeploymentView {
  @ShowsId('The tenant that it belongs to.', 'ten')
  tenantId: string;

  @ShowsId('The platform account that owns the VPC.', 'acct')
  platformAccountId: string;

  @Shows('What happens when a route of the platform is missing or leads nowhere.', {
    type: 'string',
    enum: ['repair', 'report', 'ask'],
    example: 'repair',
  })
  driftPolicy: string;

  @Shows('The network of the deployment.', { type: OperatedVpcView })
  override vpc: OperatedVpcView;
}

export class OperatedDeploymentPageView {
  @Shows('Newest first.', { type: OperatedDeploymentView, isArray: true })
  items: readonly OperatedDeploymentView[];

  @ShowsText('Pass it as `cursor` for the next page; null on the last.', 'c2FtcGxlIGRlcF8w', NULLABLE)
  nextCursor: string | null;
}

export function operatedDeploymentView(record: DeploymentRecord): OperatedDeploymentView {
  const view = deploymentView(record);
  const { tenantId, platformAccountId, network } = record;
  return {
    ...view,
    vpc: { ...view.vpc, routeTableIds: network.routeTableIds },
    tenantId,
    platformAccountId,
    driftPolicy: network.driftPolicy,
  };
}
