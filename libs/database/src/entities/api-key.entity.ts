import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

import type { Role } from '../records.js';
import { TenantEntity } from './tenant.entity.js';

@Entity('api_keys')
@Index('api_keys_tenant', ['tenantId', 'id'])
@Check(
  'api_keys_role_check',
  `role IN ('operator', 'administrator', 'project_admin', 'project_user', 'accountant', 'auditor')`,
)
@Check('api_keys_check', `(role = 'operator') = (tenant_id IS NULL)`)
export class ApiKeyEntity {
  @PrimaryColumn('text')
  id: string;

  @Column('text', { nullable: true })
  @ForeignKey(() => TenantEntity)
  tenantId: string | null;

  @Column('text')
  role: Role;

  @Column('text', { array: true, nullable: true })
  projectIds: string[] | null;

  @Column('text', { default: '' })
  displayName: string;

  @Column('bytea')
  secretHash: Buffer;

  @Column('timestamptz', { default: () => 'now()' })
  createdAt: Date;

  @Column('timestamptz', { nullable: true })
  expiresAt: Date | null;

  @Column('timestamptz', { nullable: true })
  revokedAt: Date | null;
}
