/** What is remembered of connections that no longer live, so that what they left in the cloud is known again. */
import type { PastConnection, TracedRoute } from '#domain';

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

const OF_DEPLOYMENT = statement<TraceRow>(
  'traces.of_deployment',
  `SELECT p.id, p.state <> 'deleted' AS retryable, ${HELD} AS held, ${ROUTES} AS routes
   FROM peering_connections p
   WHERE p.deployment_id = $1 AND NOT p.live AND p.state <> 'deleting' AND p.due_at IS NULL
   UNION ALL
   SELECT f.id, false, f.held, f.routes
   FROM deployments d JOIN platform_accounts a ON a.id = d.platform_account_id
     JOIN former_connections f ON f.cloud = d.cloud AND f.account_id = a.account_id
       AND f.region = d.region AND f.vpc_id = d.vpc_id
   WHERE d.id = $1`,
);

/** Which connections of a deployment `p` own things in the cloud, or are still being taken back. */
export const OWNS_THINGS = `(p.live OR p.state = 'deleting' OR p.due_at IS NOT NULL)`;

/** What is remembered of the connections of a platform network that own nothing any more. */
export function pastConnections(run: RunStatement, deploymentId: string): Promise<PastConnection[]> {
  return run(OF_DEPLOYMENT, [deploymentId]);
}

const REMEMBER = statement(
  'traces.remember',
  `INSERT INTO former_connections (id, cloud, account_id, region, vpc_id, held, routes)
   SELECT p.id, d.cloud, a.account_id, d.region, d.vpc_id, ${HELD}, ${ROUTES}
   FROM peering_connections p JOIN deployments d ON d.id = p.deployment_id
     JOIN platform_accounts a ON a.id = d.platform_account_id
   WHERE p.deployment_id = $1 AND p.state = 'deleted'
   ON CONFLICT (id) DO NOTHING`,
);

/** Keeps the traces of deleted connections whose deployment is about to be removed with them. */
export async function rememberConnections(run: RunStatement, deploymentId: string): Promise<void> {
  await run(REMEMBER, [deploymentId]);
}
