import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

@Entity('idempotency_keys')
@Index('idempotency_keys_age', ['createdAt'])
export class IdempotencyKeyEntity {
  @PrimaryColumn('text')
  scope: string;

  @PrimaryColumn('text')
  key: string;

  @Column('bytea')
  requestHash: Buffer;

  @Column('integer')
  responseStatus: number;

  @Column('json')
  responseHeaders: Record<string, string>;

  @Column('json')
  responseBody: unknown;

  @Column('timestamptz', { default: () => 'now()' })
  createdAt: Date;
}
