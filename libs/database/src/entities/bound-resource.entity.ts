import { Column, Entity, ForeignKey, Index, PrimaryColumn, Unique } from 'typeorm';

import { DeploymentEntity } from './deployment.entity.js';
import { PeeringConnectionEntity } from './peering-connection.entity.js';

@Entity('bound_resources')
@ForeignKey(() => DeploymentEntity, ['tenantId', 'deploymentId'], ['tenantId', 'id'])
@ForeignKey(() => PeeringConnectionEntity, ['tenantId', 'connectionId'], ['tenantId', 'id'])
@Unique(['deploymentId', 'kind', 'name'])
@Index('bound_resources_connection', ['connectionId'])
export class BoundResourceEntity {
  @PrimaryColumn('text')
  id: string;

  @Column('text')
  tenantId: string;

  @Column('text')
  deploymentId: string;

  @Column('text')
  connectionId: string;

  @Column('text')
  kind: string;

  @Column('text')
  name: string;

  @Column('timestamptz', { default: () => 'now()' })
  createdAt: Date;
}
