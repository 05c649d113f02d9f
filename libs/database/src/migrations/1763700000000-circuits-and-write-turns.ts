import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What workers share about a platform account: whether the cloud is asked at all, and whose turn it is to write. */
export class CircuitsAndWriteTurns1763700000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- The circuit breakers: no row is a closed circuit.
      CREATE TABLE cloud_circuits (
        platform_account_id text NOT NULL REFERENCES platform_accounts ON DELETE CASCADE,
        kind text NOT NULL CHECK (kind IN ('outage', 'credentials')),
        -- '' where it is about all regions, as credentials are
        region text NOT NULL DEFAULT '',
        state text NOT NULL CHECK (state IN ('closed', 'open', 'half_open')),
        since timestamptz NOT NULL,
        failures integer NOT NULL,
        openings integer NOT NULL,
        cause_code text,
        cause_message text,
        next_attempt_at timestamptz CHECK ((next_attempt_at IS NULL) = (state = 'closed')),
        PRIMARY KEY (platform_account_id, kind, region)
      );
      INSERT INTO cloud_circuits
        SELECT id, 'credentials', '', 'open', date_trunc('milliseconds', status_at), 1, 1,
          split_part(status_detail, ': ', 1), substr(status_detail, length(split_part(status_detail, ': ', 1)) + 3), now()
        FROM platform_accounts WHERE status = 'refused';

      -- Changes that a cloud wants one after the other, from whichever worker: who may make one, and until when.
      CREATE TABLE write_turns (
        key text PRIMARY KEY,
        holder text,
        until timestamptz,
        fence bigint NOT NULL DEFAULT 0
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE write_turns, cloud_circuits');
  }
}
