import { Check, Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';

import { TenantEntity } from './tenant.entity.js';

@Entity('quotas')
@Check('quotas_value_check', 'value >= 0')
export class QuotaEntity {
  @PrimaryColumn('text')
  @ForeignKey(() => TenantEntity)
  tenantId: string;

  @PrimaryColumn('text')
  name: string;

  @Column('integer')
  value: number;

  @Column('timestamptz', { default: () => 'now()' })
  updatedAt: Date;
}
