import { Check, Column, Entity, Exclusion, ForeignKey, Index, PrimaryColumn } from 'typeorm';

import { DeploymentEntity } from './deployment.entity.js';
import { PeeringConnectionEntity } from './peering-connection.entity.js';
import { TenantEntity } from './tenant.entity.js';

@Entity('address_claims')
@Index('address_claims_connection', ['connectionId'])
@Index('address_claims_own', ['deploymentId'], { where: 'connection_id IS NULL' })
@Check('address_claims_block_check', 'network(block) = block')
@Exclusion('address_claims_disjoint', 'USING gist (deployment_id WITH =, block inet_ops WITH &&)')
export class AddressClaimEntity {
  @PrimaryColumn('text')
  @ForeignKey(() => DeploymentEntity, { onDelete: 'CASCADE' })
  deploymentId: string;

  @PrimaryColumn('inet')
  block: string;

  @Column('text')
  @ForeignKey(() => TenantEntity)
  tenantId: string;

  /** Null: the deployment's own block. */
  @Column('text', { nullable: true })
  @ForeignKey(() => PeeringConnectionEntity, { onDelete: 'CASCADE' })
  connectionId: string | null;

  @Column('timestamptz', { default: () => 'now()' })
  createdAt: Date;
}
