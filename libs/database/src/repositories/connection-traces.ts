/** What is remembered of connections that no longer live, so that what they left in the cloud is known again. */
import type { OrphanTraces, PastConnection, TracedRoute } from '#domain';

import { statement } from '../statement.js';
import type { RunStatement } from './address-plan.js';

interface TraceRow {
  readonly id: string;
  readonly retryable: boolean;
  readonly held: string[];
  readonly routes: TracedRoute[];
}

/** The calls of the cloud in the history of a connection `p` that made a change of this kind. */
const callsOf = (kind: string): string =>
  `connection_events e WHERE e.connection_id = p.id AND e.type = 'peering.cloud_call'
     AND e.data->'action'->>'kind' = '${kind}'`;

/** The cloud's ids that a connection `p` has held: established while it did, or accepted for it. */
const HELD = `ARRAY(
  SELECT p.provider_id WHERE p.provider_id IS NOT NULL AND (p.status->>'established')::boolean
  UNION
  SELECT e.data->'action'->>'providerId' FROM ${callsOf('accept')} AND e.data->>'outcome' = 'ok'
)`;

/** Every route that was made for a connection `p`, whatever the answer was, and those that are on its record. */
const ROUTES = `(
  SELECT coalesce(json_agg(json_build_object(
    'routeTableId', made.table_id, 'destination', made.destination, 'target', made.target)), '[]')
  FROM (
    SELECT r->>'routeTableId' AS table_id, r->>'destination' AS destination, p.provider_id AS target
      FROM json_array_elements(p.status->'routes') AS r WHERE p.provider_id IS NOT NULL
    UNION
    SELECT e.data->'action'->>'routeTableId', e.data->'action'->>'destination', e.data->'action'->>'providerId'
      FROM ${callsOf('ensure_route')}
  ) AS made
)`;

/**
 * Begins with what was seen, not with the connections: of these there are ever more. What a live connection holds is its
 * own, and its history is not read.
 */
const OF_DEPLOYMENT = statement<TraceRow>(
  'traces.of_deployment',
  `WITH seen AS MATERIALIZED (
     SELECT s.id FROM unnest($2::text[]) AS s(id)
     WHERE NOT EXISTS (
       SELECT FROM peering_connections l WHERE l.deployment_id = $1 AND l.live AND l.provider_id = s.id)
   ), named AS MATERIALIZED (
     SELECT m.id FROM unnest($3::text[]) AS m(id)
     UNION
     SELECT h.id FROM seen JOIN peering_connections h ON h.provider_id = seen.id
       WHERE h.deployment_id = $1 AND NOT h.live
     UNION
     SELECT e.connection_id FROM seen JOIN connection_events e ON e.data->'action'->>'providerId' = seen.id
       WHERE e.type = 'peering.cloud_call' AND e.data->'action'->>'kind' IN ('accept', 'ensure_route')
   )
   SELECT p.id, p.state <> 'deleted' AS retryable, ${HELD} AS held, ${ROUTES} AS routes
   FROM named JOIN peering_connections p ON p.id = named.id
   WHERE p.deployment_id = $1 AND NOT p.live AND p.state <> 'deleting' AND p.due_at IS NULL
   UNION ALL
   SELECT f.id, false, f.held, f.routes
   FROM deployments d JOIN platform_accounts a ON a.id = d.platform_account_id
     JOIN former_connections f ON f.cloud = d.cloud AND f.account_id = a.account_id
       AND f.region = d.region AND f.vpc_id = d.vpc_id
   WHERE d.id = $1 AND (f.id = ANY ($3) OR f.provider_ids && ARRAY(SELECT id FROM seen))`,
);

/** Which connections of a deployment `p` own things in the cloud, or are still being taken back. */
export const OWNS_THINGS = `(p.live OR p.state = 'deleting' OR p.due_at IS NOT NULL)`;

/** What is remembered of those connections of a platform network that own nothing any more and have left such traces. */
export function pastConnections(
  run: RunStatement,
  deploymentId: string,
  { providerIds, marks }: OrphanTraces,
): Promise<PastConnection[]> {
  return run(OF_DEPLOYMENT, [deploymentId, providerIds, marks]);
}

const REMEMBER = statement(
  'traces.remember',
  `INSERT INTO former_connections (id, cloud, account_id, region, vpc_id, held, routes, provider_ids)
   SELECT *, held || ARRAY(SELECT r->>'target' FROM json_array_elements(routes) AS r)
   FROM (
   SELECT p.id, d.cloud, a.account_id, d.region, d.vpc_id, ${HELD} AS held, ${ROUTES} AS routes
   FROM peering_connections p JOIN deployments d ON d.id = p.deployment_id
     JOIN platform_accounts a ON a.id = d.platform_account_id
   WHERE p.deployment_id = $1 AND p.state = 'deleted'
   ) AS deleted
   ON CONFLICT (id) DO NOTHING`,
);

/** Keeps the traces of deleted connections whose deployment is about to be removed with them. */
export async function rememberConnections(run: RunStatement, deploymentId: string): Promise<void> {
  await run(REMEMBER, [deploymentId]);
}
