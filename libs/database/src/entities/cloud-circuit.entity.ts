import { Check, Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';

import type { CircuitKind, CircuitState } from '#domain';

import { PlatformAccountEntity } from './platform-account.entity.js';

@Entity('cloud_circuits')
@Check('cloud_circuits_kind_check', `kind IN ('outage', 'credentials')`)
@Check('cloud_circuits_state_check', `state IN ('closed', 'open', 'half_open')`)
@Check('cloud_circuits_check', `(next_attempt_at IS NULL) = (state = 'closed')`)
export class CloudCircuitEntity {
  @PrimaryColumn('text')
  @ForeignKey(() => PlatformAccountEntity, { onDelete: 'CASCADE' })
  platformAccountId: string;

  @PrimaryColumn('text')
  kind: CircuitKind;

  /** Empty: all regions. */
  @PrimaryColumn('text', { default: '' })
  region: string;

  @Column('text')
  state: CircuitState;

  @Column('timestamptz')
  since: Date;

  @Column('integer')
  failures: number;

  @Column('integer')
  openings: number;

  @Column('text', { nullable: true })
  causeCode: string | null;

  @Column('text', { nullable: true })
  causeMessage: string | null;

  @Column('timestamptz', { nullable: true })
  nextAttemptAt: Date | null;
}
