import { Column, Entity, ForeignKey, PrimaryColumn, Unique } from 'typeorm';

import { TenantEntity } from './tenant.entity.js';

@Entity('projects')
@Unique(['tenantId', 'name'])
@Unique(['tenantId', 'id'])
export class ProjectEntity {
  @PrimaryColumn('text')
  id: string;

  @Column('text')
  @ForeignKey(() => TenantEntity)
  tenantId: string;

  @Column('text')
  name: string;

  @Column('timestamptz', { default: () => 'now()' })
  createdAt: Date;

  @Column('timestamptz', { default: () => 'now()' })
  updatedAt: Date;
}
