import { Column, Entity, ForeignKey, Index, PrimaryColumn, Unique } from 'typeorm';

import { DeploymentEntity } from './deployment.entity.js';
import { PeeringConnectionEntity } from './peering-connection.entity.js';
import { TenantEntity } from './tenant.entity.js';

@Entity('bound_resources')
@Unique(['deploymentId', 'kind', 'name'])
@Index('bound_resources_connection', ['connectionId'])
export class BoundResourceEntity {
  @PrimaryColumn('text')
  id: string;

  @Column('text')
  @ForeignKey(() => TenantEntity)
  tenantId: string;

  @Column('text')
  @ForeignKey(() => DeploymentEntity)
  deploymentId: string;

  @Column('text')
  @ForeignKey(() => PeeringConnectionEntity)
  connectionId: string;

  @Column('text')
  kind: string;

  @Column('text')
  name: string;

  @Column('timestamptz', { default: () => 'now()' })
  createdAt: Date;
}
