/**
 * The floor: what a server costs that only does the SQL of creating and listing connections. Bare Fastify and `pg`, no
 * authentication, no validation, no rules; the statements are those that the API sends, and travel together just so.
 */
import { randomUUID } from 'node:crypto';

import Fastify from 'fastify';
import pg from 'pg';

interface PostBody {
  readonly displayName: string;
  readonly spec: { readonly cloud: Readonly<Record<string, string>>; readonly cidrs: readonly string[] };
}

const { DATABASE_URL, FLOOR_PORT, FLOOR_TENANT } = process.env;
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 10, ...{ pipeline: true } });
const open = `BEGIN; SET LOCAL ROLE peering_broker_tenant; SET LOCAL peering_broker.tenant_id = ${pg.escapeLiteral(FLOOR_TENANT ?? '')}`;

const NETWORK = `a.account_id, d.vpc_id, d.route_table_ids, d.drift_policy,
  ARRAY(SELECT c.block::cidr::text FROM address_claims c
        WHERE c.deployment_id = d.id AND c.connection_id IS NULL ORDER BY c.block) AS network_cidrs`;
const GET_DEPLOYMENT = `SELECT d.id AS deployment_id, d.tenant_id, d.project_id, d.name, d.cloud, d.region, d.edition,
    d.status, d.platform_account_id, d.vpc_checked_at, d.vpc_problem, d.created_at, d.updated_at, ${NETWORK}
  FROM deployments d JOIN platform_accounts a ON a.id = d.platform_account_id
  WHERE d.id = $1 AND d.tenant_id = coalesce($2, d.tenant_id)`;
const CLAIMS_TOUCHING = `SELECT connection_id, block::cidr::text AS cidr FROM address_claims
     WHERE deployment_id = $1 AND connection_id IS NULL
   UNION
   SELECT c.connection_id, c.block::cidr::text FROM unnest($2::inet[]) AS wanted
     JOIN address_claims c ON c.deployment_id = $1 AND c.block && wanted`;
const RESERVED = `SELECT r.id, r.version, host(r.range_from) AS range_from, host(r.range_to) AS range_to
   FROM reserved_ranges r
   WHERE (r.cloud IS NULL OR r.cloud = (SELECT cloud FROM deployments WHERE id = $1))
     AND r.effective_from <= $2 AND (r.effective_until IS NULL OR r.effective_until > $2)
   ORDER BY r.range_from, r.id`;
const COUNT_LIVE = `SELECT count(*) AS in_tenant, count(*) FILTER (WHERE deployment_id = $2) AS in_deployment
   FROM peering_connections WHERE live AND tenant_id = (SELECT tenant_id FROM deployments WHERE id = $2)
     AND ($1::text IS NULL OR tenant_id = $1)`;
const QUOTAS = 'SELECT tenant_id, name, value, updated_at FROM quotas WHERE tenant_id = $1 ORDER BY name';
const INSERT = `WITH connection AS (
     INSERT INTO peering_connections (id, tenant_id, project_id, deployment_id, cloud, region, display_name, spec, state,
       reason_code, status, provider_id, peer_key, sole, live, due_at, deadline_at, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $18)
   ), claims AS (
     INSERT INTO address_claims (deployment_id, tenant_id, connection_id, block, created_at)
     SELECT $4, $2, $1, block, $18 FROM unnest($19::inet[]) AS block
   )
   INSERT INTO connection_events (id, tenant_id, connection_id, type, actor, data, created_at)
   SELECT id, $2, $1, type, actor, data::json, $18
   FROM unnest($20::text[], $21::text[], $22::text[], $23::text[]) AS event (id, type, actor, data)`;
const AUDIT = `INSERT INTO audit_events (id, tenant_id, actor_key_id, action, target, outcome, request_id, data, created_at)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`;
const LIST = `SELECT p.id, p.tenant_id, p.project_id, p.deployment_id, p.cloud, p.region, p.display_name,
    p.desired, p.spec, p.locked_note, p.status, p.due_at, p.last_observed_at, p.version, p.created_at, p.updated_at,
    p.deleted_at, ${NETWORK}
  FROM peering_connections p
    JOIN deployments d ON d.id = p.deployment_id
    JOIN platform_accounts a ON a.id = d.platform_account_id
  WHERE ($1::text IS NULL OR p.id < $1) AND p.tenant_id = ANY ($3) AND p.deployment_id = ANY ($4)
  ORDER BY p.id DESC LIMIT $2`;

type Run = (name: string, text: string, values: unknown[]) => Promise<pg.QueryResult>;

async function transaction<T>(work: (run: Run) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    const opened = client.query(open);
    const result = await work((name, text, values) => client.query({ name, text, values }));
    await opened;
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

const server = Fastify();

server.get('/healthz', () => ({ status: 'ok' }));

server.post<{ Params: { id: string }; Body: PostBody }>('/deployments/:id/peerings', (request, reply) => {
  const { id: deploymentId } = request.params;
  const { displayName, spec } = request.body;
  const now = new Date();
  return transaction(async (run) => {
    const [deployment] = await Promise.all([
      run('deployment', GET_DEPLOYMENT, [deploymentId, FLOOR_TENANT]),
      run('claims', CLAIMS_TOUCHING, [deploymentId, spec.cidrs]),
      run('reserved', RESERVED, [deploymentId, now]),
      run('count', COUNT_LIVE, [FLOOR_TENANT, deploymentId]),
      run('quotas', QUOTAS, [FLOOR_TENANT]),
    ]);
    const row = deployment.rows[0] as { project_id: string; cloud: string; region: string };
    const id = `peer_${randomUUID()}`;
    const status = {
      state: 'verifying',
      stateSince: now.getTime(),
      reason: {
        code: 'looking_for_request',
        params: { providerId: spec.cloud['connectionId'] },
        since: now.getTime(),
      },
      conditions: [],
      deadline: null,
      providerId: spec.cloud['connectionId'],
      lastSeen: null,
      missingSince: null,
      verified: false,
      established: false,
      admittedCidrs: spec.cidrs,
      routes: [],
      marked: false,
      intent: null,
      ending: null,
    };
    await Promise.all([
      run('insert', INSERT, [
        id,
        FLOOR_TENANT,
        row.project_id,
        deploymentId,
        row.cloud,
        row.region,
        displayName,
        JSON.stringify(spec),
        'verifying',
        'looking_for_request',
        JSON.stringify(status),
        spec.cloud['connectionId'],
        spec.cloud['vpcId'],
        false,
        true,
        now,
        null,
        now,
        spec.cidrs,
        [`evt_${randomUUID()}`],
        ['peering.created'],
        ['key'],
        [JSON.stringify({ state: 'verifying', spec })],
      ]),
      run('audit', AUDIT, [
        `aud_${randomUUID()}`,
        FLOOR_TENANT,
        'key',
        'peering.create',
        id,
        'accepted',
        request.id,
        JSON.stringify({ deploymentId }),
        now,
      ]),
    ]);
    return reply.code(202).send({ id, deploymentId, displayName, spec, status, createdAt: now });
  });
});

server.get<{ Params: { id: string }; Querystring: { limit: string } }>(
  '/deployments/:id/peerings',
  (request) =>
    transaction(async (run) => {
      const limit = Number(request.query.limit);
      const values = [null, limit + 1, [FLOOR_TENANT], [request.params.id]];
      const { rows } = await run('list', LIST, values);
      return { items: rows.slice(0, limit), nextCursor: null };
    }),
);

await server.listen({ host: '127.0.0.1', port: Number(FLOOR_PORT) });
process.once('SIGTERM', () => {
  void server.close().then(() => pool.end());
});
