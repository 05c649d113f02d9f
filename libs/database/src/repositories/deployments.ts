/** Deployments with their platform networks. */
import type { QueryDeepPartialEntity } from 'typeorm/query-builder/QueryPartialEntity.js';

import { newId } from '#runtime';
import type { CloudId } from '#domain';

import { DeploymentEntity } from '../entities/deployment.entity.js';
import { InUse } from '../errors.js';
import { planPage, toPage } from '../paging.js';
import type {
  DeploymentChanges,
  DeploymentRecord,
  DeploymentStatus,
  NewDeployment,
  Page,
  PageRequest,
} from '../records.js';
import { holding } from '../refusal.js';
import { transactionOf, type OperatorScope, type Scope } from '../scope.js';
import { statement } from '../statement.js';
import { rememberConnections } from './connection-traces.js';
import { NETWORK_COLUMNS, toNetwork, type NetworkRow } from './peering-rows.js';
import { toMs, toMsOrNull } from './time.js';

interface DeploymentRow extends NetworkRow {
  readonly tenant_id: string;
  readonly project_id: string;
  readonly name: string;
  readonly edition: string;
  readonly status: DeploymentStatus;
  readonly platform_account_id: string;
  readonly vpc_checked_at: Date | null;
  readonly vpc_problem: string | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

const SELECT = `SELECT d.id AS deployment_id, d.tenant_id, d.project_id, d.name, d.cloud, d.region, d.edition, d.status,
    d.platform_account_id, d.vpc_checked_at, d.vpc_problem, d.created_at, d.updated_at, ${NETWORK_COLUMNS}
  FROM deployments d JOIN platform_accounts a ON a.id = d.platform_account_id`;

function toDeployment(row: DeploymentRow): DeploymentRecord {
  return {
    id: row.deployment_id,
    tenantId: row.tenant_id,
    projectId: row.project_id,
    name: row.name,
    cloud: row.cloud,
    region: row.region,
    edition: row.edition,
    status: row.status,
    platformAccountId: row.platform_account_id,
    network: toNetwork(row),
    vpcCheckedAt: toMsOrNull(row.vpc_checked_at),
    vpcProblem: row.vpc_problem,
    createdAt: toMs(row.created_at),
    updatedAt: toMs(row.updated_at),
  };
}

const tenantOf = (scope: Scope): string | null => (scope.kind === 'tenant' ? scope.tenantId : null);

const GET = statement<DeploymentRow>(
  'deployments.get',
  `${SELECT} WHERE d.id = $1 AND d.tenant_id = coalesce($2, d.tenant_id)`,
);

/** One deployment; null when there is none that this scope sees. */
export async function get(scope: Scope, id: string): Promise<DeploymentRecord | null> {
  const [row] = await transactionOf(scope).rows(GET, [id, tenantOf(scope)]);
  return row ? toDeployment(row) : null;
}

export interface DeploymentFilters {
  readonly projectIds?: readonly string[];
  readonly clouds?: readonly CloudId[];
  /** Operators only. */
  readonly tenantIds?: readonly string[];
}

const LIST = statement<DeploymentRow>(
  'deployments.list',
  `${SELECT} WHERE ($1::text IS NULL OR d.id < $1) AND ($3::text[] IS NULL OR d.tenant_id = ANY ($3))
     AND ($4::text[] IS NULL OR d.project_id = ANY ($4)) AND ($5::text[] IS NULL OR d.cloud = ANY ($5))
   ORDER BY d.id DESC LIMIT $2`,
);

/** Deployments, newest first. @throws InvalidCursor */
export async function list(
  scope: Scope,
  filters: DeploymentFilters = {},
  request: PageRequest = {},
): Promise<Page<DeploymentRecord>> {
  const tenantId = tenantOf(scope);
  const chosen = [
    tenantId === null ? (filters.tenantIds ?? null) : [tenantId],
    filters.projectIds ?? null,
    filters.clouds ?? null,
  ].map((values) => (values === null ? null : [...values].sort()));
  const page = planPage('deployments', chosen, request);
  const rows = await transactionOf(scope).rows(LIST, [page.after, page.limit + 1, ...chosen]);
  return toPage(rows, page, (row) => row.deployment_id, toDeployment);
}

const CLAIM_OWN = statement(
  'deployments.claim_own',
  `INSERT INTO address_claims (deployment_id, tenant_id, connection_id, block)
   SELECT $1, $2, NULL, block FROM unnest($3::inet[]) AS block`,
);

const UNCLAIM_OWN = statement(
  'deployments.unclaim_own',
  'DELETE FROM address_claims WHERE deployment_id = $1 AND connection_id IS NULL AND block = ANY ($2::inet[])',
);

const ownHolding = (deploymentId: string, blocks: readonly string[]) => ({
  deploymentId,
  connectionId: null,
  peerKey: null,
  providerId: null,
  blocks,
});

/**
 * A new deployment; its VPC's blocks are claimed, and comparing the VPC with the cloud is due at once.
 * @throws Duplicate (`deployments_platform_account_id_region_vpc_id_key`) when another deployment has that VPC;
 *   MissingReference for an unknown tenant, project or platform account
 */
export async function create(scope: OperatorScope, deployment: NewDeployment): Promise<DeploymentRecord> {
  const { cidrs, ...columns } = deployment;
  const id = newId('dep');
  const transaction = transactionOf(scope);
  await transaction.manager.insert(DeploymentEntity, {
    ...columns,
    id,
    routeTableIds: columns.routeTableIds ? [...columns.routeTableIds] : null,
  });
  await holding(
    ownHolding(id, cidrs),
    transaction.rows(CLAIM_OWN, [id, deployment.tenantId, [...new Set(cidrs)]]),
  );
  const created = await get(scope, id);
  if (created === null) throw new Error(`The deployment ${id} vanished while it was made.`);
  return created;
}

/**
 * @returns the deployment as it is now; null when there is none
 * @throws ClaimConflict when a connection holds one of its new blocks
 */
export async function update(
  scope: OperatorScope,
  id: string,
  changes: DeploymentChanges,
): Promise<DeploymentRecord | null> {
  const before = await get(scope, id);
  if (before === null) return null;
  const transaction = transactionOf(scope);
  const { cidrs, routeTableIds, ...columns } = changes;
  const set: QueryDeepPartialEntity<DeploymentEntity> = { ...columns, updatedAt: () => 'now()' };
  if (routeTableIds !== undefined) set.routeTableIds = routeTableIds === null ? null : [...routeTableIds];
  if (cidrs !== undefined || routeTableIds !== undefined) set.vpcCheckDueAt = () => 'now()';
  await transaction.manager.update(DeploymentEntity, { id }, set);
  if (cidrs !== undefined) {
    const held = new Set(before.network.cidrs);
    const wanted = new Set(cidrs);
    await transaction.rows(UNCLAIM_OWN, [id, [...held].filter((block) => !wanted.has(block))]);
    const added = [...wanted].filter((block) => !held.has(block));
    await holding(ownHolding(id, added), transaction.rows(CLAIM_OWN, [id, before.tenantId, added]));
  }
  return get(scope, id);
}

const USERS = statement<{ kind: string; id: string }>(
  'deployments.users',
  `(SELECT 'peering' AS kind, id FROM peering_connections WHERE deployment_id = $1 AND state <> 'deleted' LIMIT 20)
   UNION ALL
   (SELECT 'resource', id FROM bound_resources WHERE deployment_id = $1 LIMIT 20)
   UNION ALL
   (SELECT 'orphan', id FROM orphans WHERE deployment_id = $1 AND state IN ('found', 'removing', 'kept') LIMIT 20)
   LIMIT 20`,
);

const REMOVE_TOMBSTONES = statement(
  'deployments.remove_tombstones',
  `DELETE FROM peering_connections WHERE deployment_id = $1 AND state = 'deleted'`,
);

/**
 * Removes a deployment and the history of its deleted connections, all but the traces by which what they left in the
 * cloud is known again.
 * @returns whether there was one
 * @throws InUse while a connection is not deleted, a resource is bound, or something is left behind in the cloud: when
 *   it is kept, too, since that decision would go with the deployment
 */
export async function remove(scope: OperatorScope, id: string): Promise<boolean> {
  const transaction = transactionOf(scope);
  const locked = await transaction.manager.findOne(DeploymentEntity, {
    where: { id },
    lock: { mode: 'pessimistic_write' },
  });
  if (locked === null) return false;
  const users = await transaction.rows(USERS, [id]);
  if (users.length > 0) throw new InUse(id, users);
  await rememberConnections((sql, values) => transaction.rows(sql, values), id);
  await transaction.rows(REMOVE_TOMBSTONES, [id]);
  await transaction.manager.delete(DeploymentEntity, { id });
  return true;
}

const OF_ACCOUNT = statement<{ id: string }>(
  'deployments.of_account',
  'SELECT id FROM deployments WHERE platform_account_id = $1 ORDER BY id',
);

/** The deployments of a platform account, for waking them when the account has changed. */
export async function idsOfAccount(scope: OperatorScope, platformAccountId: string): Promise<string[]> {
  const rows = await transactionOf(scope).rows(OF_ACCOUNT, [platformAccountId]);
  return rows.map(({ id }) => id);
}
