import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The pace at which workers call clouds, which they keep together. */
export class CallPaces1763710000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- Unlogged: written many times a second and worth nothing after a crash, which leaves every pace unused.
      CREATE UNLOGGED TABLE call_paces (
        platform_account_id text NOT NULL REFERENCES platform_accounts ON DELETE CASCADE,
        -- the calls that the cloud counts together: family, operation and region, as far as it tells them apart
        counted_as text NOT NULL,
        -- epoch milliseconds with fractions, so that the arithmetic is that of the domain to the last bit
        next_at double precision NOT NULL,
        -- the first time of the latest reservation; null when that was refused
        first_at double precision,
        factor double precision NOT NULL,
        slowed_at double precision NOT NULL,
        PRIMARY KEY (platform_account_id, counted_as)
      ) WITH (fillfactor = 50);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE call_paces');
  }
}
