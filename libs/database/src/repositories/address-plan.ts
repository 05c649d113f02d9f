import type { QueryResultRow } from 'pg';

import type { AddressPlan, ReservedRange } from '#domain';

import { statement, type Statement } from '../statement.js';

/** Runs a statement somewhere: in a transaction, or by itself. */
export type RunStatement = <Row extends QueryResultRow>(
  statement: Statement<Row>,
  values: readonly unknown[],
) => Promise<Row[]>;

export interface ClaimRow {
  readonly connection_id: string | null;
  readonly cidr: string;
}

export interface RangeRow {
  readonly id: string;
  readonly version: number;
  readonly range_from: string;
  readonly range_to: string;
}

const CLAIMS: Statement<ClaimRow> = statement(
  'plan.claims',
  `SELECT connection_id, block::cidr::text AS cidr FROM address_claims
   WHERE deployment_id = $1 ORDER BY connection_id, block`,
);

/** Only the claims that touch the given blocks, and the deployment's own. */
const CLAIMS_TOUCHING: Statement<ClaimRow> = statement(
  'plan.claims_touching',
  `SELECT connection_id, block::cidr::text AS cidr FROM address_claims
     WHERE deployment_id = $1 AND connection_id IS NULL
   UNION
   SELECT c.connection_id, c.block::cidr::text FROM unnest($2::inet[]) AS wanted
     JOIN address_claims c ON c.deployment_id = $1 AND c.block && wanted`,
);

const RESERVED: Statement<RangeRow> = statement(
  'plan.reserved',
  `SELECT r.id, r.version, host(r.range_from) AS range_from, host(r.range_to) AS range_to
   FROM reserved_ranges r
   WHERE (r.cloud IS NULL OR r.cloud = (SELECT cloud FROM deployments WHERE id = $1))
     AND r.effective_from <= $2 AND (r.effective_until IS NULL OR r.effective_until > $2)
   ORDER BY r.range_from, r.id`,
);

export const toReservedRange = (row: RangeRow): ReservedRange => ({
  id: row.id,
  from: row.range_from,
  to: row.range_to,
  version: row.version,
});

/**
 * What is taken around a deployment, without what `exceptConnectionId` holds itself.
 * @param touching when given, only what touches these blocks is loaded of other connections: enough to check them
 */
export async function loadPlan(
  run: RunStatement,
  deploymentId: string,
  exceptConnectionId: string | null,
  at: number,
  touching?: readonly string[],
): Promise<AddressPlan> {
  const [claims, reserved] = await Promise.all([
    touching ? run(CLAIMS_TOUCHING, [deploymentId, touching]) : run(CLAIMS, [deploymentId]),
    run(RESERVED, [deploymentId, new Date(at)]),
  ]);
  return planOf(claims, reserved.map(toReservedRange), exceptConnectionId);
}

/** The plan from claims that were read already. */
export function planOf(
  claims: readonly ClaimRow[],
  reserved: readonly ReservedRange[],
  exceptConnectionId: string | null,
): AddressPlan {
  const deploymentCidrs: string[] = [];
  const peers = new Map<string, string[]>();
  for (const { connection_id: connectionId, cidr } of claims) {
    if (connectionId === null) deploymentCidrs.push(cidr);
    else if (connectionId !== exceptConnectionId) {
      const cidrs = peers.get(connectionId);
      if (cidrs) cidrs.push(cidr);
      else peers.set(connectionId, [cidr]);
    }
  }
  return {
    reserved,
    deploymentCidrs,
    peers: [...peers].map(([connectionId, cidrs]) => ({ connectionId, cidrs })),
  };
}
