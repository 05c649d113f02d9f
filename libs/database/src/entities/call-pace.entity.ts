import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';

import { PlatformAccountEntity } from './platform-account.entity.js';

@Entity('call_paces')
export class CallPaceEntity {
  @PrimaryColumn('text')
  @ForeignKey(() => PlatformAccountEntity, { onDelete: 'CASCADE' })
  platformAccountId: string;

  @PrimaryColumn('text')
  countedAs: string;

  @Column('double precision')
  nextAt: number;

  @Column('double precision', { nullable: true })
  firstAt: number | null;

  @Column('double precision')
  factor: number;

  @Column('double precision')
  slowedAt: number;
}
