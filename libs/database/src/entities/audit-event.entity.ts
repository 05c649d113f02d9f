import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

@Entity('audit_events')
@Index('audit_events_tenant', ['tenantId', 'id'])
export class AuditEventEntity {
  @PrimaryColumn('text')
  id: string;

  @Column('text', { nullable: true })
  tenantId: string | null;

  @Column('text')
  actorKeyId: string;

  @Column('text')
  action: string;

  @Column('text')
  target: string;

  @Column('text')
  outcome: string;

  @Column('text')
  requestId: string;

  @Column('json', { default: {} })
  data: Record<string, unknown>;

  @Column('timestamptz', { default: () => 'now()' })
  createdAt: Date;
}
