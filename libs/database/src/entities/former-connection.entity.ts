import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

import type { CloudId, TracedRoute } from '#domain';

/** What a connection has left by which its leavings are known again, after its deployment is removed. */
@Entity('former_connections')
@Index('former_connections_network', ['cloud', 'accountId', 'region', 'vpcId'])
@Index('former_connections_provider_ids', ['providerIds'], { type: 'gin' })
export class FormerConnectionEntity {
  @PrimaryColumn('text')
  id: string;

  @Column('text')
  cloud: CloudId;

  @Column('text')
  accountId: string;

  @Column('text')
  region: string;

  @Column('text')
  vpcId: string;

  @Column('text', { array: true })
  held: string[];

  @Column('json')
  routes: TracedRoute[];

  /** All that was held or led to. */
  @Column('text', { array: true })
  providerIds: string[];

  @Column('timestamptz', { default: () => 'now()' })
  removedAt: Date;
}
