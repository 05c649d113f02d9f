import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity('write_turns')
export class WriteTurnEntity {
  @PrimaryColumn('text')
  key: string;

  @Column('text', { nullable: true })
  holder: string | null;

  @Column('timestamptz', { nullable: true })
  until: Date | null;

  @Column('bigint', { default: 0 })
  fence: string;
}
