/** Connections, as the API reads and writes them. */
import { createHash } from 'node:crypto';

import type { AddressPlan } from '#domain';

import { Stale } from '../errors.js';
import { planPage, toPage } from '../paging.js';
import type {
  DeploymentRecord,
  NewPeering,
  Page,
  PageRequest,
  PeeringChanges,
  PeeringFilters,
  PeeringRecord,
} from '../records.js';
import { transactionOf, type Scope } from '../scope.js';
import { statement } from '../statement.js';
import { loadPlan, type RunStatement } from './address-plan.js';
import * as deployments from './deployments.js';
import { SELECT_PEERINGS, toPeering, type PeeringRow } from './peering-rows.js';
import { insertPeering, replacePeering } from './peering-writes.js';
import { toNumber } from './time.js';

const runIn = (scope: Scope): RunStatement => {
  const transaction = transactionOf(scope);
  return (sql, values) => transaction.rows(sql, values);
};

const tenantOf = (scope: Scope): string | null => (scope.kind === 'tenant' ? scope.tenantId : null);

const GET = statement<PeeringRow>(
  'peerings.get',
  `${SELECT_PEERINGS} WHERE p.id = $1 AND p.tenant_id = coalesce($2, p.tenant_id)`,
);

const GET_FOR_UPDATE = statement<PeeringRow>('peerings.get_for_update', `${GET.text} FOR NO KEY UPDATE OF p`);

/** One connection; null when there is none that this scope sees. */
export async function get(scope: Scope, id: string): Promise<PeeringRecord | null> {
  const [row] = await transactionOf(scope).rows(GET, [id, tenantOf(scope)]);
  return row ? toPeering(row) : null;
}

/** As {@link get}; nobody else can change the row until the scope ends. */
export async function getForUpdate(scope: Scope, id: string): Promise<PeeringRecord | null> {
  const [row] = await transactionOf(scope).rows(GET_FOR_UPDATE, [id, tenantOf(scope)]);
  return row ? toPeering(row) : null;
}

/**
 * A new connection with its claims and events, in one round trip.
 * @throws ClaimConflict, PairTaken, NetworkTaken
 */
export async function insert(scope: Scope, peering: NewPeering): Promise<PeeringRecord> {
  return insertPeering(runIn(scope), peering);
}

/**
 * Changes a connection that was read before (in this scope or an earlier one) and moves its claims along.
 * @throws Stale when it has changed since; ClaimConflict, PairTaken, NetworkTaken
 */
export async function change(
  scope: Scope,
  before: PeeringRecord,
  changes: PeeringChanges,
  now: number,
): Promise<PeeringRecord> {
  const { events = [], ...fields } = changes;
  const lockedNote = fields.lockedNote === undefined ? before.lockedNote : fields.lockedNote;
  const after = { ...before, ...fields, lockedNote, locked: lockedNote !== null };
  const written = await replacePeering(runIn(scope), before, after, events, now);
  if (written === null) throw new Stale(before.id);
  return written;
}

const SOON = statement<{ id: string }>(
  'peerings.soon',
  `UPDATE peering_connections SET due_at = $2 WHERE id = $1 AND due_at IS NOT NULL RETURNING id`,
);

/** Has the engine look at a connection now; its version stays. @returns whether the engine has anything to look at */
export async function refresh(scope: Scope, id: string, now: number): Promise<boolean> {
  const rows = await transactionOf(scope).rows(SOON, [id, new Date(now)]);
  return rows.length > 0;
}

/** Each filter as a condition on its parameter. */
const FILTERS = {
  tenantIds: 'p.tenant_id',
  projectIds: 'p.project_id',
  deploymentIds: 'p.deployment_id',
  states: 'p.state',
  clouds: 'p.cloud',
} as const satisfies Record<keyof PeeringFilters, string>;

/** Connections, newest first. An empty filter list matches nothing. @throws InvalidCursor */
export async function list(
  scope: Scope,
  filters: PeeringFilters,
  request: PageRequest = {},
): Promise<Page<PeeringRecord>> {
  const tenantId = tenantOf(scope);
  const wanted: PeeringFilters = tenantId === null ? filters : { ...filters, tenantIds: [tenantId] };
  const given = (Object.keys(FILTERS) as (keyof PeeringFilters)[]).flatMap((name) => {
    const values = wanted[name];
    return values === undefined ? [] : [{ name, values: [...values].sort() }];
  });
  const page = planPage('peerings', given, request);
  // One text for each shape of the question, so that each has a plan that walks an index in the order of the list.
  const values: unknown[] = [page.limit + 1];
  const conditions = given.map(({ name, values: chosen }) => {
    const [only, ...others] = chosen;
    const isOne = only !== undefined && others.length === 0;
    values.push(isOne ? only : chosen);
    const place = `$${String(values.length)}`;
    return isOne ? `${FILTERS[name]} = ${place}` : `${FILTERS[name]} = ANY (${place})`;
  });
  if (page.after !== null) {
    values.push(page.after);
    conditions.push(`p.id < $${String(values.length)}`);
  }
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const text = `${SELECT_PEERINGS} ${where} ORDER BY p.id DESC LIMIT $1`;
  const rows = await transactionOf(scope).rows(
    statement<PeeringRow>(`peerings.list ${shapeOf(text)}`, text),
    values,
  );
  return toPage(rows, page, (row) => row.id, toPeering);
}

const shapeOf = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 12);

/** What a request for a connection is judged by. */
export interface Admission {
  readonly deployment: DeploymentRecord;
  /** Enough of the plan to judge the given blocks: of other connections, only what touches these. */
  readonly plan: AddressPlan;
  /** Live connections of the deployment. */
  readonly liveInDeployment: number;
  /** Live connections of the tenant. */
  readonly liveInTenant: number;
}

const COUNT_LIVE = statement<{ in_tenant: string; in_deployment: string }>(
  'peerings.count_live',
  `SELECT count(*) AS in_tenant, count(*) FILTER (WHERE deployment_id = $2) AS in_deployment
   FROM peering_connections WHERE live AND tenant_id = (SELECT tenant_id FROM deployments WHERE id = $2)
     AND ($1::text IS NULL OR tenant_id = $1)`,
);

/**
 * Everything that a new or changed request is judged by, in one round trip; null when there is no such deployment.
 * @param blocks canonical blocks of the request
 * @param exceptConnectionId the connection that is being changed: its own claims are not in the way
 */
export async function admission(
  scope: Scope,
  deploymentId: string,
  blocks: readonly string[],
  at: number,
  exceptConnectionId: string | null = null,
): Promise<Admission | null> {
  const run = runIn(scope);
  const [deployment, plan, [count]] = await Promise.all([
    deployments.get(scope, deploymentId),
    loadPlan(run, deploymentId, exceptConnectionId, at, blocks),
    run(COUNT_LIVE, [tenantOf(scope), deploymentId]),
  ]);
  if (deployment === null) return null;
  return {
    deployment,
    plan,
    liveInDeployment: toNumber(count?.in_deployment ?? '0'),
    liveInTenant: toNumber(count?.in_tenant ?? '0'),
  };
}

const COUNT_LIVE_OF_TENANT = statement<{ count: string }>(
  'peerings.count_live_of_tenant',
  'SELECT count(*) AS count FROM peering_connections WHERE live AND tenant_id = $1',
);

/** Live connections of a tenant. */
export async function countLive(scope: Scope, tenantId: string): Promise<number> {
  const [row] = await transactionOf(scope).rows(COUNT_LIVE_OF_TENANT, [tenantId]);
  return toNumber(row?.count ?? '0');
}

const LOCK_ADMISSIONS = statement(
  'peerings.lock_admissions',
  `SELECT pg_advisory_xact_lock(hashtextextended('peerings of ' || $1, 0))`,
);

/**
 * Makes admissions of one tenant wait for each other until the scope ends: for judging a quota that is nearly used up.
 * Read {@link admission} after it, not before.
 */
export async function lockAdmissions(scope: Scope, tenantId: string): Promise<void> {
  await transactionOf(scope).rows(LOCK_ADMISSIONS, [tenantId]);
}

/** Everything that is taken around a deployment, without what `exceptConnectionId` holds. */
export async function addressPlan(
  scope: Scope,
  deploymentId: string,
  at: number,
  exceptConnectionId: string | null = null,
): Promise<AddressPlan> {
  return loadPlan(runIn(scope), deploymentId, exceptConnectionId, at);
}
