import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn, Unique } from 'typeorm';

import type { CloudId, DriftPolicy } from '#domain';

import type { DeploymentStatus } from '../records.js';
import { PlatformAccountEntity } from './platform-account.entity.js';
import { ProjectEntity } from './project.entity.js';

@Entity('deployments')
@Unique(['platformAccountId', 'region', 'vpcId'])
@Unique(['tenantId', 'id'])
@Index('deployments_project', ['projectId', 'id'])
@Index('deployments_check_due', ['vpcCheckDueAt'], { where: 'vpc_check_due_at IS NOT NULL' })
@ForeignKey(() => ProjectEntity, ['tenantId', 'projectId'], ['tenantId', 'id'])
@Check('deployments_status_check', `status IN ('creating', 'active', 'stopped')`)
@Check('deployments_drift_policy_check', `drift_policy IN ('repair', 'report', 'ask')`)
export class DeploymentEntity {
  @PrimaryColumn('text')
  id: string;

  @Column('text')
  tenantId: string;

  @Column('text')
  projectId: string;

  @Column('text')
  name: string;

  @Column('text')
  cloud: CloudId;

  @Column('text')
  region: string;

  @Column('text')
  edition: string;

  @Column('text', { default: 'active' })
  status: DeploymentStatus;

  @Column('text')
  @ForeignKey(() => PlatformAccountEntity)
  platformAccountId: string;

  @Column('text')
  vpcId: string;

  @Column('text', { array: true, nullable: true })
  routeTableIds: string[] | null;

  @Column('text', { default: 'repair' })
  driftPolicy: DriftPolicy;

  @Column('timestamptz', { nullable: true })
  vpcCheckedAt: Date | null;

  @Column('text', { nullable: true })
  vpcProblem: string | null;

  @Column('timestamptz', { nullable: true, default: () => 'now()' })
  vpcCheckDueAt: Date | null;

  @Column('text', { nullable: true })
  leaseOwner: string | null;

  @Column('timestamptz', { nullable: true })
  leaseUntil: Date | null;

  @Column('bigint', { default: 0 })
  fence: string;

  @Column('timestamptz', { default: () => 'now()' })
  createdAt: Date;

  @Column('timestamptz', { default: () => 'now()' })
  updatedAt: Date;
}
