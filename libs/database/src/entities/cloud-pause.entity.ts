import { Column, Entity, PrimaryColumn } from 'typeorm';

import type { CloudId } from '#domain';

@Entity('cloud_pauses')
export class CloudPauseEntity {
  @PrimaryColumn('text')
  cloud: CloudId;

  /** Empty: all regions. */
  @PrimaryColumn('text', { default: '' })
  region: string;

  @Column('text', { default: '' })
  note: string;

  @Column('timestamptz', { default: () => 'now()' })
  pausedAt: Date;
}
