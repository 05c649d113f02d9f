import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';

import { migrate, openDatabase, peerings, revert, type Database } from '#database';

import { createEmptyDatabase, type TestDatabase } from '../support/postgres.js';

let place: TestDatabase;
let database: Database;
let client: pg.Client;

beforeAll(async () => {
  place = await createEmptyDatabase();
  database = await openDatabase({ url: place.url, poolSize: 4, applicationName: 'spec' });
  client = new pg.Client({ connectionString: place.url });
  await client.connect();
});

afterAll(async () => {
  await client.end();
  await database.close();
  await place.drop();
});

/** Every migration, oldest first. */
const MIGRATION_NAMES = [
  'InitialSchema1763600000000',
  'CircuitsAndWriteTurns1763700000000',
  'CallPaces1763710000000',
  'Orphans1763800000000',
];

async function rows(sql: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
  return (await client.query<Record<string, unknown>>(sql, [...values])).rows;
}

/** Everything in the schema but data, in one comparable text. */
async function fingerprint(): Promise<unknown[]> {
  return rows(`
    SELECT 'column' AS kind, table_name || '.' || column_name AS name,
      concat_ws(' ', data_type, udt_name, is_nullable, column_default, is_identity) AS definition
      FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT 'trigger', tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT 'function', proname, pg_get_functiondef(p.oid) FROM pg_proc p
      WHERE pronamespace = 'public'::regnamespace AND NOT EXISTS
        (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    UNION ALL SELECT 'policy', tablename || '.' || policyname, concat_ws(' ', roles, cmd, qual, with_check)
      FROM pg_policies WHERE schemaname = 'public'
    UNION ALL SELECT 'grant', table_name || '.' || grantee, string_agg(privilege_type, ',' ORDER BY privilege_type)
      FROM information_schema.table_privileges WHERE table_schema = 'public' GROUP BY table_name, grantee
    ORDER BY 1, 2, 3`);
}

describe('the migrations', () => {
  test('build everything from nothing, take it back to nothing, and build the same again', async () => {
    expect(await migrate(database)).toEqual(MIGRATION_NAMES);
    const first = await fingerprint();
    expect(first.length).toBeGreaterThan(100);
    for (let left = MIGRATION_NAMES.length; left > 0; left -= 1) await revert(database);
    expect(await rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).toEqual([
      { tablename: 'migrations' },
    ]);
    expect(await rows("SELECT FROM pg_policies WHERE schemaname = 'public'")).toEqual([]);
    expect(await migrate(database)).toEqual(MIGRATION_NAMES);
    expect(await fingerprint()).toEqual(first);
  });

  test('run once when several processes start at the same moment', async () => {
    const fresh = await createEmptyDatabase();
    const processes = await Promise.all(
      [1, 2, 3].map(() => openDatabase({ url: fresh.url, poolSize: 2, applicationName: 'spec' })),
    );
    try {
      const ran = await Promise.all(processes.map((each) => migrate(each)));
      expect(ran.flat()).toEqual(MIGRATION_NAMES);
    } finally {
      await Promise.all(processes.map((each) => each.close()));
      await fresh.drop();
    }
  });

  test('need no rights but those of an owner, once an administrator has granted the role of tenants', async () => {
    const home = await createEmptyDatabase();
    const admin = new pg.Client({ connectionString: home.url });
    await admin.connect();
    const url = new URL(home.url);
    const owner = `plain_${String(process.pid)}`;
    Object.assign(url, { username: owner, password: 'plain' });
    try {
      await admin.query(`CREATE ROLE ${owner} LOGIN PASSWORD 'plain'`);
      await admin.query(`ALTER DATABASE ${admin.escapeIdentifier(url.pathname.slice(1))} OWNER TO ${owner}`);
      const plain = await openDatabase({ url: url.href, poolSize: 2, applicationName: 'spec' });
      try {
        await expect(migrate(plain)).rejects.toThrow(`GRANT peering_broker_tenant TO ${owner}`);
        await admin.query(`GRANT peering_broker_tenant TO ${owner}`);
        expect(await migrate(plain)).toEqual(MIGRATION_NAMES);
        expect(await plain.asTenant('ten_1', (scope) => peerings.list(scope, {}))).toEqual({
          items: [],
          nextCursor: null,
        });
        for (let left = MIGRATION_NAMES.length; left > 0; left -= 1) await revert(plain);
      } finally {
        await plain.close();
      }
    } finally {
      await admin.end();
      await home.drop();
      await client.query(`DROP ROLE IF EXISTS ${owner}`);
    }
  });

  test('make the tables that the entities describe: columns, types, defaults, keys, indexes, constraint names', async () => {
    const { upQueries } = await database.source.driver.createSchemaBuilder().log();
    expect(upQueries.map(({ query }) => query)).toEqual([]);
  });

  test('make every table that there is an entity for, and no other', async () => {
    const described = database.source.entityMetadatas.map(({ tableName }) => tableName);
    const made = await rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
    expect(made.map(({ tablename }) => tablename).sort()).toEqual([...described, 'migrations'].sort());
  });

  test('carry what entities name but TypeORM does not compare: the conditions of checks and of partial indexes', async () => {
    for (const { tableName, checks, indices } of database.source.entityMetadatas) {
      for (const { name, expression } of checks) {
        // PostgreSQL prints a condition in its own words: have it print the entity's, too.
        await client.query(`ALTER TABLE ${tableName} ADD CONSTRAINT probe CHECK (${expression}) NOT VALID`);
        const [made] = await rows(
          `SELECT regexp_replace(pg_get_constraintdef(p.oid), ' NOT VALID$', '') = pg_get_constraintdef(c.oid) AS same
           FROM pg_constraint p, pg_constraint c
           WHERE p.conname = 'probe' AND c.conname = $1 AND c.conrelid = $2::regclass`,
          [name, tableName],
        );
        await client.query(`ALTER TABLE ${tableName} DROP CONSTRAINT probe`);
        expect({ name, same: made?.['same'] }).toEqual({ name, same: true });
      }
      for (const { name, where } of indices) {
        if (where === undefined) continue;
        await client.query(`CREATE INDEX probe ON ${tableName} ((1)) WHERE ${where}`);
        const [made] = await rows(
          `SELECT pg_get_expr(p.indpred, p.indrelid) = pg_get_expr(i.indpred, i.indrelid) AS same
           FROM pg_index p, pg_index i WHERE p.indexrelid = 'probe'::regclass AND i.indexrelid = $1::regclass`,
          [name],
        );
        await client.query('DROP INDEX probe');
        expect({ name, same: made?.['same'] }).toEqual({ name, same: true });
      }
    }
  });

  test('carry what TypeORM cannot express: the exclusion constraint and the triggers', async () => {
    expect(
      await rows(
        `SELECT conname, pg_get_constraintdef(oid) AS definition FROM pg_constraint WHERE contype = 'x'`,
      ),
    ).toEqual([
      {
        conname: 'address_claims_disjoint',
        definition: 'EXCLUDE USING gist (deployment_id WITH =, block inet_ops WITH &&)',
      },
    ]);
    expect(
      await rows(
        `SELECT tgname, tgrelid::regclass::text AS table FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1`,
      ),
    ).toEqual([
      { tgname: 'address_claims_not_reserved', table: 'address_claims' },
      { tgname: 'deployments_search', table: 'deployments' },
      { tgname: 'peering_connections_announce', table: 'peering_connections' },
      { tgname: 'peering_connections_search', table: 'peering_connections' },
    ]);
  });
});

describe('row-level security', () => {
  test('is on for every table that says whose its rows are, with a policy that the tenant role cannot pass by', async () => {
    const tables = await rows(`
      SELECT c.relname AS table, c.relrowsecurity AS enabled,
        EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid
          AND 'peering_broker_tenant'::regrole = ANY (p.polroles)
          AND pg_get_expr(p.polqual, p.polrelid) LIKE '%tenant_id = current_setting(''peering_broker.tenant_id''%') AS held
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
      WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1`);
    expect(tables.length).toBeGreaterThanOrEqual(9);
    expect(tables.filter(({ enabled, held }) => enabled !== true || held !== true)).toEqual([]);
  });

  test('leaves no table without it to the tenant role, but those that are the same for everybody', async () => {
    const open = await rows(`
      SELECT DISTINCT g.table_name FROM information_schema.column_privileges g
        JOIN pg_class c ON c.relname = g.table_name AND c.relnamespace = 'public'::regnamespace
      WHERE g.grantee = 'peering_broker_tenant' AND NOT c.relrowsecurity ORDER BY 1`);
    // Of platform_accounts it may read three columns: the next test says which.
    expect(open.map((each) => each['table_name'])).toEqual([
      'cloud_pauses',
      'platform_accounts',
      'reserved_ranges',
    ]);
    const writable = await rows(`
      SELECT table_name FROM information_schema.table_privileges
      WHERE grantee = 'peering_broker_tenant' AND privilege_type <> 'SELECT'
        AND table_name IN ('cloud_pauses', 'platform_accounts', 'reserved_ranges')`);
    expect(writable).toEqual([]);
  });

  test('never shows the tenant role a credential of the platform', async () => {
    const columns = await rows(`
      SELECT column_name FROM information_schema.column_privileges
      WHERE grantee = 'peering_broker_tenant' AND table_name = 'platform_accounts' ORDER BY 1`);
    expect(columns.map((each) => each['column_name'])).toEqual(['account_id', 'cloud', 'id']);
  });

  test('binds a role that cannot log in, own anything, or pass by policies', async () => {
    expect(
      await rows(`SELECT rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb,
          (SELECT count(*)::int FROM pg_class WHERE relowner = r.oid) AS owned
        FROM pg_roles r WHERE rolname = 'peering_broker_tenant'`),
    ).toEqual([
      {
        rolcanlogin: false,
        rolsuper: false,
        rolbypassrls: false,
        rolcreaterole: false,
        rolcreatedb: false,
        owned: 0,
      },
    ]);
  });
});
