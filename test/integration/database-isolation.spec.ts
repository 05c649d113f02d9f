import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';

import {
  apiKeys,
  auditEvents,
  boundResources,
  deployments,
  idempotency,
  peeringEvents,
  peerings,
  projects,
  quotas,
  tenants,
  type Database,
  type PeeringRecord,
  type TenantScope,
} from '#database';

import {
  openSeededDatabase,
  seedPeering,
  seedTenancy,
  type SeededDatabase,
  type Tenancy,
} from '../support/seeded-database.js';

interface Populated extends Tenancy {
  readonly connection: PeeringRecord;
  readonly keyId: string;
  readonly resourceId: string;
}

let place: SeededDatabase;
let database: Database;
let mine: Populated;
let theirs: Populated;
let client: pg.Client;

/** A tenant with at least one row in every table that has rows of tenants. */
async function populate(): Promise<Populated> {
  const tenancy = await seedTenancy(database);
  const { tenant, deployment } = tenancy;
  const connection = await seedPeering(database, deployment, 1, ['192.168.0.0/24']);
  return database.asOperator(async (scope) => {
    const key = await apiKeys.create(scope, {
      tenantId: tenant.id,
      role: 'administrator',
      projectIds: null,
      displayName: 'key',
      secretHash: Buffer.alloc(32, 7),
    });
    await quotas.set(scope, { tenantId: tenant.id, name: 'peerings', value: 7 });
    const resource = await boundResources.bind(scope, connection, { kind: 'connector', name: 'kafka' });
    const deed = {
      actorKeyId: key.id,
      action: 'peering.create',
      target: connection.id,
      outcome: 'ok',
      requestId: 'r',
    };
    await auditEvents.append(scope, { tenantId: tenant.id, ...deed }, Date.now());
    return { ...tenancy, connection, keyId: key.id, resourceId: resource.id };
  });
}

beforeAll(async () => {
  place = await openSeededDatabase();
  database = place.database;
  [mine, theirs] = [await populate(), await populate()];
  for (const { tenant } of [mine, theirs]) {
    const request = { key: 'same key', requestHash: Buffer.from(tenant.id) };
    await database.asTenant(tenant.id, async (scope) => {
      await idempotency.begin(scope, request);
      await idempotency.finish(
        scope,
        request,
        { status: 202, headers: {}, body: { of: tenant.id } },
        Date.now(),
      );
    });
  }
  client = new pg.Client({ connectionString: place.url });
  await client.connect();
});

afterAll(async () => {
  await client.end();
  await place.close();
});

/** Runs SQL as the tenant role, as every request of a customer does, and takes it back. */
async function asMe<T>(work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN');
  try {
    await client.query('SET LOCAL ROLE peering_broker_tenant');
    await client.query(`SET LOCAL peering_broker.tenant_id = '${mine.tenant.id}'`);
    return await work();
  } finally {
    await client.query('ROLLBACK');
  }
}

/** SQLSTATE of the refusal, or how many rows it hit. */
async function outcome(sql: string, values: readonly unknown[] = []): Promise<string | number> {
  return asMe(() =>
    client.query(sql, [...values]).then(
      ({ rowCount }) => rowCount ?? 0,
      (error: unknown) => (error as pg.DatabaseError).code ?? 'unknown',
    ),
  );
}

const FORBIDDEN = '42501';

async function tablesOfTenants(): Promise<{ table: string; column: string }[]> {
  const { rows } = await client.query<{ table: string; column: string }>(`
    SELECT c.relname AS table, a.attname AS column FROM pg_class c
      JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
      AND (a.attname = 'tenant_id' OR (c.relname = 'tenants' AND a.attname = 'id')
        OR (c.relname = 'idempotency_keys' AND a.attname = 'scope'))
    ORDER BY 1`);
  return rows;
}

describe('under every table, a tenant', () => {
  test('sees its own rows and none of another', async () => {
    const seen = [];
    for (const { table, column } of await tablesOfTenants()) {
      const all = await client.query(`SELECT FROM ${table} WHERE ${column} = $1`, [theirs.tenant.id]);
      const counts = await asMe(() =>
        client.query<{ mine: number; others: number }>(
          `SELECT count(*) FILTER (WHERE ${column} = $1)::int AS mine,
             count(*) FILTER (WHERE ${column} IS DISTINCT FROM $1)::int AS others FROM ${table}`,
          [mine.tenant.id],
        ),
      );
      // A table that the populated tenant has no row in would prove nothing.
      expect({ table, theirRowsExist: (all.rowCount ?? 0) > 0 }).toEqual({ table, theirRowsExist: true });
      expect({ table, ...counts.rows[0] }).toEqual({ table, mine: all.rowCount, others: 0 });
      seen.push(table);
    }
    expect(seen.length).toBeGreaterThanOrEqual(11);
  });

  test('changes and deletes nothing of another', async () => {
    for (const { table, column } of await tablesOfTenants()) {
      const theirRows = [theirs.tenant.id];
      const update = await outcome(
        `UPDATE ${table} SET ${column} = ${column} WHERE ${column} = $1`,
        theirRows,
      );
      const remove = await outcome(`DELETE FROM ${table} WHERE ${column} = $1`, theirRows);
      expect({ table, update: [0, FORBIDDEN].includes(update) }).toEqual({ table, update: true });
      expect({ table, remove: [0, FORBIDDEN].includes(remove) }).toEqual({ table, remove: true });
    }
  });

  test('gives nothing of its own away', async () => {
    for (const { table, column } of await tablesOfTenants()) {
      const result = await outcome(`UPDATE ${table} SET ${column} = $1`, [theirs.tenant.id]);
      expect({ table, result }).toEqual({ table, result: FORBIDDEN });
    }
  });

  /** `hangs`: on a deployment or connection, which has an owner. */
  const plants: { what: string; hangs: boolean; sql: (tenantId: string) => string }[] = [
    {
      what: 'a key',
      hangs: false,
      sql: (tenantId) =>
        `INSERT INTO api_keys (id, tenant_id, role, secret_hash) VALUES ('key_x', '${tenantId}', 'administrator', '')`,
    },
    {
      what: 'a claim around a deployment',
      hangs: true,
      sql: (tenantId) =>
        `INSERT INTO address_claims (deployment_id, tenant_id, connection_id, block)
         VALUES ('${theirs.deployment.id}', '${tenantId}', '${theirs.connection.id}', '172.16.0.0/16')`,
    },
    {
      what: 'an event of a connection',
      hangs: true,
      sql: (tenantId) =>
        `INSERT INTO connection_events (id, tenant_id, connection_id, type, actor)
         VALUES ('evt_x', '${tenantId}', '${theirs.connection.id}', 'x', 'x')`,
    },
    {
      what: 'a resource bound to a connection',
      hangs: true,
      sql: (tenantId) =>
        `INSERT INTO bound_resources (id, tenant_id, deployment_id, connection_id, kind, name)
         VALUES ('res_x', '${tenantId}', '${theirs.deployment.id}', '${theirs.connection.id}', 'k', 'n')`,
    },
    {
      what: 'a connection of a deployment',
      hangs: true,
      sql: (tenantId) =>
        `INSERT INTO peering_connections
           (id, tenant_id, project_id, deployment_id, cloud, region, spec, state, reason_code, status)
         VALUES ('peer_x', '${tenantId}', '${theirs.project.id}', '${theirs.deployment.id}', 'aws', 'r', '{}', 's', 'r', '{}')`,
    },
    {
      what: 'an audit record',
      hangs: false,
      sql: (tenantId) =>
        `INSERT INTO audit_events (id, tenant_id, actor_key_id, action, target, outcome, request_id)
         VALUES ('aud_x', '${tenantId}', 'k', 'a', 't', 'o', 'r')`,
    },
    {
      what: 'an answer kept under a key',
      hangs: false,
      sql: (tenantId) =>
        `INSERT INTO idempotency_keys (scope, key, request_hash, response_status, response_headers, response_body)
         VALUES ('${tenantId}', 'new', '', 200, '{}', '{}')`,
    },
  ];

  test.each(plants)('cannot plant in the name of another: $what', async ({ sql }) => {
    expect(await outcome(sql(theirs.tenant.id))).toBe(FORBIDDEN);
  });

  const FOREIGN_KEY = '23503';
  test.each(plants.filter(({ hangs }) => hangs))(
    'cannot hang something of its own on what is of another: $what',
    async ({ sql }) => {
      expect(await outcome(sql(mine.tenant.id))).toBe(FOREIGN_KEY);
    },
  );

  test('cannot become an operator, or anybody else', async () => {
    expect(
      await outcome(`UPDATE api_keys SET role = 'operator', tenant_id = NULL WHERE tenant_id = $1`, [
        mine.tenant.id,
      ]),
    ).toBe(FORBIDDEN);
    expect(
      await outcome(`UPDATE api_keys SET role = 'operator' WHERE tenant_id = $1`, [mine.tenant.id]),
    ).toBe('23514');
  });

  test('cannot raise its quotas, free itself from a pause or a reserved range, or read credentials', async () => {
    expect(await outcome('UPDATE quotas SET value = 9999')).toBe(FORBIDDEN);
    expect(await outcome('DELETE FROM reserved_ranges')).toBe(FORBIDDEN);
    expect(await outcome('DELETE FROM cloud_pauses')).toBe(FORBIDDEN);
    expect(await outcome('SELECT credentials FROM platform_accounts')).toBe(FORBIDDEN);
    expect(await outcome('UPDATE deployments SET fence = 0, vpc_id = vpc_id')).toBe(FORBIDDEN);
    expect(await outcome('DELETE FROM audit_events')).toBe(FORBIDDEN);
  });

  test('that is nobody sees nothing', async () => {
    await client.query('BEGIN');
    await client.query('SET LOCAL ROLE peering_broker_tenant');
    // Whatever the setting is before anybody sets it: unknown, or left empty by an earlier transaction.
    const result = await client.query('SELECT FROM peering_connections').then(
      ({ rowCount }) => rowCount,
      (error: unknown) => (error as pg.DatabaseError).code,
    );
    await client.query('ROLLBACK');
    expect([0, '42704']).toContain(result);
  });
});

describe('through every repository, a tenant', () => {
  const reads: { what: string; read: (scope: TenantScope) => Promise<unknown> }[] = [
    { what: 'tenants.get', read: (scope) => tenants.get(scope, theirs.tenant.id) },
    { what: 'projects.get', read: (scope) => projects.get(scope, theirs.project.id) },
    { what: 'deployments.get', read: (scope) => deployments.get(scope, theirs.deployment.id) },
    { what: 'peerings.get', read: (scope) => peerings.get(scope, theirs.connection.id) },
    { what: 'peerings.getForUpdate', read: (scope) => peerings.getForUpdate(scope, theirs.connection.id) },
    {
      what: 'peerings.admission',
      read: (scope) => peerings.admission(scope, theirs.deployment.id, [], Date.now()),
    },
    { what: 'apiKeys.get', read: (scope) => apiKeys.get(scope, theirs.keyId) },
    { what: 'apiKeys.revoke', read: (scope) => apiKeys.revoke(scope, theirs.keyId, Date.now()) },
    { what: 'apiKeys.update', read: (scope) => apiKeys.update(scope, theirs.keyId, { displayName: 'x' }) },
    { what: 'boundResources.get', read: (scope) => boundResources.get(scope, theirs.resourceId) },
  ];

  test.each(reads)('gets nothing of another: $what', async ({ read }) => {
    expect(await database.asTenant(mine.tenant.id, read)).toBeNull();
  });

  const lists: { what: string; list: (scope: TenantScope, of: Populated) => Promise<readonly unknown[]> }[] =
    [
      { what: 'projects', list: async (scope) => (await projects.list(scope)).items },
      { what: 'deployments', list: async (scope) => (await deployments.list(scope)).items },
      {
        what: 'deployments of a named project',
        list: async (scope, of) => (await deployments.list(scope, { projectIds: [of.project.id] })).items,
      },
      { what: 'peerings', list: async (scope) => (await peerings.list(scope, {})).items },
      {
        what: 'peerings of a named deployment',
        list: async (scope, of) => (await peerings.list(scope, { deploymentIds: [of.deployment.id] })).items,
      },
      {
        what: 'peerings of a named tenant',
        list: async (scope, of) => (await peerings.list(scope, { tenantIds: [of.tenant.id] })).items,
      },
      {
        what: 'events of a connection',
        list: async (scope, of) => (await peeringEvents.list(scope, of.connection.id)).items,
      },
      { what: 'keys', list: async (scope) => (await apiKeys.list(scope)).items },
      {
        what: 'keys of a named tenant',
        list: async (scope, of) => (await apiKeys.list(scope, { tenantId: of.tenant.id })).items,
      },
      { what: 'audit records', list: async (scope) => (await auditEvents.list(scope)).items },
      { what: 'quotas', list: (scope, of) => quotas.list(scope, of.tenant.id) },
      {
        what: 'resources of a deployment',
        list: async (scope, of) =>
          (await boundResources.list(scope, { deploymentId: of.deployment.id })).items,
      },
      {
        what: 'resources of a connection',
        list: (scope, of) => boundResources.ofConnection(scope, of.connection.id),
      },
    ];

  test.each(lists)('lists its own and nothing of another: $what', async ({ list }) => {
    const own = await database.asTenant(mine.tenant.id, (scope) => list(scope, mine));
    const asked = await database.asTenant(mine.tenant.id, (scope) => list(scope, theirs));
    expect(own.length).toBeGreaterThan(0);
    const foreign = [
      theirs.tenant.id,
      theirs.deployment.id,
      theirs.connection.id,
      theirs.keyId,
      theirs.resourceId,
    ];
    for (const id of foreign) expect(JSON.stringify([own, asked])).not.toContain(id);
  });

  test('has its idempotency keys for itself', async () => {
    const request = { key: 'same key', requestHash: Buffer.from(mine.tenant.id) };
    const verdict = await database.asTenant(mine.tenant.id, (scope) => idempotency.begin(scope, request));
    expect(verdict).toEqual({
      kind: 'replay',
      answer: { status: 202, headers: {}, body: { of: mine.tenant.id } },
    });
  });
});
