import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

import { DeploymentEntity } from './deployment.entity.js';

/** When a platform network is searched for what was left behind. */
@Entity('orphan_checks')
@Index('orphan_checks_due', ['dueAt'])
export class OrphanCheckEntity {
  @PrimaryColumn('text')
  @ForeignKey(() => DeploymentEntity, { onDelete: 'CASCADE' })
  deploymentId: string;

  @Column('timestamptz')
  dueAt: Date;

  @Column('bigint', { default: 0 })
  asked: string;

  @Column('timestamptz', { nullable: true })
  checkedAt: Date | null;
}
