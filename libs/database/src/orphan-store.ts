/** What the worker reads and writes when it searches platform networks for what was left behind. */
import type { CloudId, OrphanState, OrphanTraces, PastConnection } from '#domain';

import type { Database } from './database.js';
import type { PeeringRecord } from './records.js';
import type { Lease } from './reconcile-store.js';
import { OWNS_THINGS, pastConnections } from './repositories/connection-traces.js';
import { ORPHAN_COLUMNS, toOrphan, type OrphanRecord, type OrphanRow } from './repositories/orphan-rows.js';
import { SELECT_PEERINGS, toPeering, type PeeringRow } from './repositories/peering-rows.js';
import { toDateOrNull, toMs, toNumber } from './repositories/time.js';
import { transactionOf } from './scope.js';
import { statement } from './statement.js';

/** Everything that tells whose a thing in a platform network is, as of one moment. */
export interface OrphanMemory {
  /** The connections that live, and those that are still being taken back. */
  readonly connections: readonly PeeringRecord[];
  /** Of all others that the network has ever had, those that a look can be traced to. */
  readonly past: readonly PastConnection[];
  /** What was found before and is not over. */
  readonly open: readonly OrphanRecord[];
}

/** When a network is searched. */
export interface OrphanCheckTimes {
  /** Epoch milliseconds. */
  readonly dueAt: number;
  /** How often somebody has asked for it, by which {@link OrphanStore.schedule} knows that somebody else has. */
  readonly asked: number;
}

const DUE = statement<{ deployment_id: string }>(
  'orphans.due',
  `SELECT c.deployment_id FROM orphan_checks c JOIN deployments d ON d.id = c.deployment_id
   WHERE c.due_at <= $1 AND (d.lease_until IS NULL OR d.lease_until <= $1)
     AND (c.due_at <= $4 OR (
       (d.vpc_check_due_at IS NULL OR d.vpc_check_due_at > $3)
       AND NOT EXISTS (SELECT FROM peering_connections p WHERE p.deployment_id = d.id AND p.due_at <= $3)))
   ORDER BY c.due_at LIMIT $2`,
);

const CHECK = statement<{ due_at: Date; asked: string }>(
  'orphans.check',
  'SELECT due_at, asked FROM orphan_checks WHERE deployment_id = $1',
);

const CONNECTIONS = statement<PeeringRow>(
  'orphans.connections',
  `${SELECT_PEERINGS} WHERE p.deployment_id = $1 AND p.tenant_id = (SELECT tenant_id FROM deployments WHERE id = $1)
     AND ${OWNS_THINGS} ORDER BY p.id`,
);

const OPEN = statement<OrphanRow>(
  'orphans.of_deployment',
  `SELECT ${ORPHAN_COLUMNS} FROM orphans
   WHERE deployment_id = $1 AND state IN ('found', 'removing', 'kept') ORDER BY id`,
);

/** Names of columns are those of the JSON objects; a row that somebody else has written since stays as it is. */
const SAVE = statement<{ id: string }>(
  'orphans.save',
  `WITH held AS (
     SELECT id FROM deployments WHERE id = $1 AND lease_owner = $2 AND fence = $3 FOR SHARE
   )
   INSERT INTO orphans (${ORPHAN_COLUMNS})
   SELECT ${ORPHAN_COLUMNS.replace(/\b(\w+)\b/g, 'o.$1')}
   FROM held, json_populate_recordset(NULL::orphans, $4) AS o
   ON CONFLICT (id) DO UPDATE SET state = excluded.state, last_seen_at = excluded.last_seen_at,
     sightings = excluded.sightings, attempts = excluded.attempts, attempted_at = excluded.attempted_at,
     last_error = excluded.last_error, ended_at = excluded.ended_at, version = excluded.version
   WHERE orphans.version = excluded.version - 1
   RETURNING id`,
);

/** Whoever has asked for a search while one was under way is not forgotten: then it is due soon again. */
const SCHEDULE = statement<{ deployment_id: string }>(
  'orphans.schedule',
  `UPDATE orphan_checks c SET checked_at = coalesce($7, c.checked_at),
     due_at = CASE WHEN c.asked = $4 THEN $5 ELSE least($5, $6::timestamptz) END
   FROM deployments d
   WHERE c.deployment_id = $1 AND d.id = $1 AND d.lease_owner = $2 AND d.fence = $3 RETURNING c.deployment_id`,
);

const FAIL = statement(
  'orphans.fail',
  'UPDATE orphans SET last_error = $2, version = version + 1 WHERE id = $1 AND version = $3',
);

const EXPIRE = statement('orphans.expire', 'DELETE FROM orphans WHERE ended_at < $1');

const COUNT = statement<{ cloud: CloudId; state: OrphanState; count: string }>(
  'orphans.count',
  'SELECT cloud, state, count(*) FROM orphans GROUP BY cloud, state',
);

/** How searches make way for the engine, in milliseconds. */
export interface OrphanCourtesy {
  /** A network that the engine is to look at within this time is not searched. */
  readonly engineAheadMs: number;
  /** Unless its search is overdue by this. */
  readonly patienceMs: number;
}

export class OrphanStore {
  constructor(private readonly database: Database) {}

  /** Deployments whose networks are to be searched and that nobody works on, or is about to, longest overdue first. */
  async dueDeployments(
    now: number,
    limit: number,
    { engineAheadMs, patienceMs }: OrphanCourtesy,
  ): Promise<string[]> {
    const times = [new Date(now + engineAheadMs), new Date(now - patienceMs)];
    const rows = await this.database.single(DUE, [new Date(now), limit, ...times]);
    return rows.map((row) => row.deployment_id);
  }

  /** When the network of a deployment is to be searched; null for an unknown deployment. */
  async check(deploymentId: string): Promise<OrphanCheckTimes | null> {
    const [row] = await this.database.single(CHECK, [deploymentId]);
    return row ? { dueAt: toMs(row.due_at), asked: toNumber(row.asked) } : null;
  }

  /** Everything by which a look is judged that shows these traces. What is read does not grow with the past. */
  async load(deploymentId: string, traces: OrphanTraces): Promise<OrphanMemory> {
    const [connections, past, open] = await this.database.asObserver((scope) => {
      const transaction = transactionOf(scope);
      return Promise.all([
        transaction.rows(CONNECTIONS, [deploymentId]),
        pastConnections((sql, values) => transaction.rows(sql, values), deploymentId, traces),
        transaction.rows(OPEN, [deploymentId]),
      ]);
    });
    return { connections: connections.map(toPeering), past, open: open.map(toOrphan) };
  }

  /** The connections that own things in the network, as of now. */
  async owners(deploymentId: string): Promise<PeeringRecord[]> {
    const rows = await this.database.single(CONNECTIONS, [deploymentId]);
    return rows.map(toPeering);
  }

  /**
   * Writes what was found, each with a version that is one higher than it was read with; new ones have version 1.
   * @returns the ids that were written: not those that an operator has changed since; none when the lease is lost
   * @throws DatabaseError
   */
  async save(lease: Lease, orphans: readonly OrphanRecord[]): Promise<ReadonlySet<string>> {
    if (orphans.length === 0) return new Set();
    const rows = await this.database.single(SAVE, [...keyOf(lease), JSON.stringify(orphans.map(rowOf))]);
    return new Set(rows.map(({ id }) => id));
  }

  /** Writes why a removal has failed, unless somebody has written the row since. */
  async fail({ id, version }: Pick<OrphanRecord, 'id' | 'version'>, error: string | null): Promise<void> {
    await this.database.single(FAIL, [id, error, version]);
  }

  /**
   * Says when to search again: at `dueAt`, or by `soonAt` when somebody has asked for it since `check` was read.
   * @param next `checkedAt` null: the cloud could not be asked
   * @returns false when the lease is lost
   */
  async schedule(
    lease: Lease,
    { asked }: OrphanCheckTimes,
    next: { readonly dueAt: number; readonly soonAt: number; readonly checkedAt: number | null },
  ): Promise<boolean> {
    const times = [new Date(next.dueAt), new Date(next.soonAt), toDateOrNull(next.checkedAt)];
    const rows = await this.database.single(SCHEDULE, [...keyOf(lease), asked, ...times]);
    return rows.length === 1;
  }

  /** Forgets those that were over before `before`, in epoch milliseconds. */
  async expire(before: number): Promise<void> {
    await this.database.single(EXPIRE, [new Date(before)]);
  }

  /** How many there are of each cloud in each state. */
  async count(): Promise<{ readonly cloud: CloudId; readonly state: OrphanState; readonly count: number }[]> {
    const rows = await this.database.single(COUNT, []);
    return rows.map((row) => ({ ...row, count: toNumber(row.count) }));
  }
}

function keyOf({ deploymentId, owner, fence }: Lease): [string, string, number] {
  return [deploymentId, owner, fence];
}

function rowOf(orphan: OrphanRecord): Readonly<Record<string, unknown>> {
  const time = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
  return {
    id: orphan.id,
    deployment_id: orphan.deploymentId,
    cloud: orphan.cloud,
    kind: orphan.kind,
    provider_id: orphan.providerId,
    route_table_id: orphan.route?.routeTableId ?? '',
    destination: orphan.route?.destination ?? '',
    connection_id: orphan.connectionId,
    mark: orphan.mark,
    evidence: orphan.evidence,
    state: orphan.state,
    first_seen_at: time(orphan.firstSeenAt),
    last_seen_at: time(orphan.lastSeenAt),
    sightings: orphan.sightings,
    remove_after: time(orphan.removeAfter),
    attempts: orphan.attempts,
    attempted_at: time(orphan.attemptedAt),
    last_error: orphan.lastError,
    ended_at: time(orphan.endedAt),
    version: orphan.version,
  };
}
