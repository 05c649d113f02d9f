import { Check, Column, Entity, PrimaryColumn, Unique } from 'typeorm';

import type { CloudId } from '#domain';

import type { PlatformAccountStatus } from '../records.js';

@Entity('platform_accounts')
@Unique(['cloud', 'accountId'])
@Check('platform_accounts_status_check', `status IN ('active', 'refused')`)
export class PlatformAccountEntity {
  @PrimaryColumn('text')
  id: string;

  @Column('text')
  cloud: CloudId;

  @Column('text')
  accountId: string;

  @Column('text', { default: '' })
  displayName: string;

  @Column('bytea')
  credentials: Buffer;

  @Column('text')
  credentialsKind: string;

  @Column('jsonb', { default: {} })
  endpoints: Record<string, string>;

  @Column('text', { default: 'active' })
  status: PlatformAccountStatus;

  @Column('text', { default: '' })
  statusDetail: string;

  @Column('timestamptz', { default: () => 'now()' })
  statusAt: Date;

  @Column('timestamptz', { default: () => 'now()' })
  createdAt: Date;

  @Column('timestamptz', { default: () => 'now()' })
  updatedAt: Date;
}
