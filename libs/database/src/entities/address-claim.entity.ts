import { Check, Column, Entity, Exclusion, ForeignKey, Index, PrimaryColumn } from 'typeorm';

import { DeploymentEntity } from './deployment.entity.js';
import { PeeringConnectionEntity } from './peering-connection.entity.js';

@Entity('address_claims')
@ForeignKey(() => DeploymentEntity, ['tenantId', 'deploymentId'], ['tenantId', 'id'], { onDelete: 'CASCADE' })
@ForeignKey(() => PeeringConnectionEntity, ['tenantId', 'connectionId'], ['tenantId', 'id'], {
  onDelete: 'CASCADE',
})
@Index('address_claims_connection', ['connectionId'])
@Index('address_claims_own', ['deploymentId'], { where: 'connection_id IS NULL' })
@Check('address_claims_block_check', 'network(block) = block')
@Exclusion('address_claims_disjoint', 'USING gist (deployment_id WITH =, block inet_ops WITH &&)')
export class AddressClaimEntity {
  @PrimaryColumn('text')
  deploymentId: string;

  @PrimaryColumn('inet')
  block: string;

  @Column('text')
  tenantId: string;

  /** Null: the deployment's own block. */
  @Column('text', { nullable: true })
  connectionId: string | null;

  @Column('timestamptz', { default: () => 'now()' })
  createdAt: Date;
}
