import { Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn, Unique } from 'typeorm';

import { PeeringConnectionEntity } from './peering-connection.entity.js';

@Entity('connection_events')
@ForeignKey(() => PeeringConnectionEntity, ['tenantId', 'connectionId'], ['tenantId', 'id'], {
  onDelete: 'CASCADE',
})
@Unique(['id'])
@Index('connection_events_connection', ['connectionId', 'seq'])
@Index('connection_events_tenant', ['tenantId', 'seq'])
export class ConnectionEventEntity {
  /** The order in which things happened. */
  @PrimaryGeneratedColumn('identity', { type: 'bigint', generatedIdentity: 'ALWAYS' })
  seq: string;

  @Column('text')
  id: string;

  @Column('text')
  tenantId: string;

  @Column('text')
  connectionId: string;

  @Column('text')
  type: string;

  @Column('text')
  actor: string;

  @Column('json', { default: {} })
  data: Record<string, unknown>;

  @Column('timestamptz', { default: () => 'now()' })
  createdAt: Date;
}
