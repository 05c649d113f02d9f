import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

import type { CloudId, OrphanEvidence, OrphanKind, OrphanState } from '#domain';

import { DeploymentEntity } from './deployment.entity.js';

@Entity('orphans')
@Index('orphans_open', ['deploymentId', 'kind', 'providerId', 'routeTableId', 'destination'], {
  unique: true,
  where: `state IN ('found', 'removing', 'kept')`,
})
@Index('orphans_deployment', ['deploymentId', 'id'])
@Index('orphans_state', ['state', 'id'])
@Index('orphans_ended', ['endedAt'], { where: 'ended_at IS NOT NULL' })
@Check('orphans_kind_check', `kind IN ('route', 'peering', 'attachment')`)
@Check('orphans_evidence_check', `evidence IN ('mark', 'history', 'target')`)
@Check('orphans_state_check', `state IN ('found', 'removing', 'kept', 'removed', 'gone')`)
export class OrphanEntity {
  @PrimaryColumn('text')
  id: string;

  @Column('text')
  @ForeignKey(() => DeploymentEntity, { onDelete: 'CASCADE' })
  deploymentId: string;

  @Column('text')
  cloud: CloudId;

  @Column('text')
  kind: OrphanKind;

  @Column('text')
  providerId: string;

  @Column('text', { default: '' })
  routeTableId: string;

  @Column('text', { default: '' })
  destination: string;

  @Column('text')
  connectionId: string;

  @Column('text', { nullable: true })
  mark: string | null;

  @Column('text')
  evidence: OrphanEvidence;

  @Column('text')
  state: OrphanState;

  @Column('timestamptz')
  firstSeenAt: Date;

  @Column('timestamptz')
  lastSeenAt: Date;

  @Column('integer')
  sightings: number;

  @Column('timestamptz')
  removeAfter: Date;

  @Column('integer', { default: 0 })
  attempts: number;

  @Column('timestamptz', { nullable: true })
  attemptedAt: Date | null;

  @Column('text', { nullable: true })
  lastError: string | null;

  @Column('timestamptz', { nullable: true })
  endedAt: Date | null;

  @Column('bigint', { default: 1 })
  version: string;
}
