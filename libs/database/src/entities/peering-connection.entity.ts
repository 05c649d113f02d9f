import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn, Unique } from 'typeorm';

import type { CloudId, PeeringIntent, PeeringState, PeeringStatus } from '#domain';

import { DeploymentEntity } from './deployment.entity.js';

@Entity('peering_connections')
@Unique(['tenantId', 'id'])
@ForeignKey(() => DeploymentEntity, ['tenantId', 'deploymentId'], ['tenantId', 'id'])
@Index('peering_connections_due', ['dueAt', 'deploymentId'], { where: 'due_at IS NOT NULL' })
@Index('peering_connections_engaged', ['deploymentId'], { where: 'due_at IS NOT NULL' })
@Index('peering_connections_deployment', ['deploymentId', 'id'])
@Index('peering_connections_state', ['state', 'id'])
@Index('peering_connections_live', ['tenantId', 'deploymentId'], { where: 'live' })
@Index('peering_connections_pair', ['deploymentId', 'peerKey'], {
  unique: true,
  where: 'live AND peer_key IS NOT NULL',
})
@Index('peering_connections_provider', ['deploymentId', 'providerId'], {
  unique: true,
  where: 'live AND provider_id IS NOT NULL',
})
@Index('peering_connections_past', ['providerId'], { where: 'NOT live AND provider_id IS NOT NULL' })
@Index('peering_connections_sole', ['deploymentId'], { unique: true, where: 'live AND sole' })
@Check('peering_connections_desired_check', `desired IN ('present', 'absent')`)
export class PeeringConnectionEntity {
  @PrimaryColumn('text')
  id: string;

  @Column('text')
  tenantId: string;

  @Column('text')
  projectId: string;

  @Column('text')
  deploymentId: string;

  @Column('text')
  cloud: CloudId;

  @Column('text')
  region: string;

  @Column('text', { default: '' })
  displayName: string;

  @Column('text', { default: 'present' })
  desired: PeeringIntent['desired'];

  @Column('json')
  spec: PeeringIntent['spec'];

  @Column('text', { nullable: true })
  lockedNote: string | null;

  @Column('text')
  state: PeeringState;

  @Column('text')
  reasonCode: string;

  @Column('json')
  status: PeeringStatus;

  @Column('text', { nullable: true })
  providerId: string | null;

  @Column('text', { nullable: true })
  peerKey: string | null;

  @Column('boolean', { default: false })
  sole: boolean;

  @Column('boolean', { default: true })
  live: boolean;

  @Column('timestamptz', { nullable: true })
  dueAt: Date | null;

  @Column('timestamptz', { nullable: true })
  deadlineAt: Date | null;

  @Column('timestamptz', { nullable: true })
  lastObservedAt: Date | null;

  @Column('bigint', { default: 1 })
  version: string;

  @Column('timestamptz', { default: () => 'now()' })
  createdAt: Date;

  @Column('timestamptz', { default: () => 'now()' })
  updatedAt: Date;

  @Column('timestamptz', { nullable: true })
  deletedAt: Date | null;
}
