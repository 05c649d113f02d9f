import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

import type { CloudId } from '#domain';

@Entity('reserved_ranges')
@Check('reserved_ranges_check', 'range_to >= range_from AND family(range_to) = family(range_from)')
@Check('reserved_ranges_check1', 'effective_until > effective_from')
export class ReservedRangeEntity {
  @PrimaryColumn('text')
  id: string;

  @Column('integer')
  version: number;

  @Column('inet')
  rangeFrom: string;

  @Column('inet')
  rangeTo: string;

  @Column('text', { nullable: true })
  cloud: CloudId | null;

  @Column('text', { default: '' })
  note: string;

  @Column('timestamptz', { default: () => 'now()' })
  effectiveFrom: Date;

  @Column('timestamptz', { nullable: true })
  effectiveUntil: Date | null;

  @Column('timestamptz', { default: () => 'now()' })
  createdAt: Date;
}
