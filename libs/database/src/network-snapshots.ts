/** Reads everything for a pass over each of many deployments, in one transaction that sees one moment. */
import type { CloudId } from '#domain';

import { circuitsOf, type CircuitsJson } from './circuit-store.js';
import { Coalescer } from './coalescer.js';
import type { Database } from './database.js';
import { BATCHES_AT_ONCE, leaseColumns, TOGETHER } from './lease-batches.js';
import type { CloudPauseRecord, DeploymentStatus, PlatformAccountStatus } from './records.js';
import type { Lease, NetworkSnapshot } from './reconcile-store.js';
import { planOf, toReservedRange, type ClaimRow, type RangeRow } from './repositories/address-plan.js';
import {
  NETWORK_COLUMNS,
  PEERING_COLUMNS,
  toNetwork,
  toPeeringOf,
  type NetworkRow,
  type PeeringColumns,
} from './repositories/peering-rows.js';
import { toMs, toMsOrNull, toNumber } from './repositories/time.js';
import { transactionOf } from './scope.js';
import { statement } from './statement.js';

interface SnapshotRow extends NetworkRow {
  readonly fence: string;
  readonly tenant_id: string;
  readonly status: DeploymentStatus;
  readonly vpc_checked_at: Date | null;
  readonly vpc_problem: string | null;
  readonly vpc_check_due_at: Date | null;
  readonly row_id: string;
  readonly credentials: Buffer;
  readonly credentials_kind: string;
  readonly endpoints: Record<string, string>;
  readonly account_status: PlatformAccountStatus;
  readonly status_detail: string;
  readonly status_at: Date;
  readonly account_updated_at: Date;
  readonly circuits: CircuitsJson | null;
}

const SNAPSHOT = statement<SnapshotRow>(
  'reconcile.snapshot',
  `SELECT d.id AS deployment_id, d.fence, d.tenant_id, d.status, d.cloud, d.region, d.vpc_checked_at, d.vpc_problem,
     d.vpc_check_due_at, a.id AS row_id, a.credentials, a.credentials_kind, a.endpoints, a.status AS account_status,
     a.status_detail, a.status_at, a.updated_at AS account_updated_at, ${NETWORK_COLUMNS},
     (SELECT json_agg(c) FROM cloud_circuits c
      WHERE c.platform_account_id = a.id AND c.region IN ('', d.region)) AS circuits
   FROM unnest($1::text[], $2::text[], $3::bigint[]) AS lease (id, owner, fence)
     JOIN deployments d ON d.id = lease.id AND d.lease_owner = lease.owner AND d.fence = lease.fence
     JOIN platform_accounts a ON a.id = d.platform_account_id`,
);

const CONNECTIONS = statement<PeeringColumns>(
  'reconcile.connections',
  `SELECT ${PEERING_COLUMNS} FROM peering_connections p
   WHERE p.deployment_id = ANY ($1) AND p.due_at IS NOT NULL ORDER BY p.id`,
);

const CLAIMS = statement<ClaimRow & { deployment_id: string }>(
  'reconcile.claims',
  `SELECT deployment_id, connection_id, block::cidr::text AS cidr FROM address_claims
   WHERE deployment_id = ANY ($1)`,
);

const RESERVED = statement<RangeRow & { cloud: CloudId | null }>(
  'reconcile.reserved',
  `SELECT id, version, cloud, host(range_from) AS range_from, host(range_to) AS range_to FROM reserved_ranges
   WHERE effective_from <= now() AND (effective_until IS NULL OR effective_until > now())
   ORDER BY reserved_ranges.range_from, id`,
);

interface PauseRow {
  readonly cloud: CloudId;
  /** Empty for all regions. */
  readonly region: string;
  readonly note: string;
  readonly paused_at: Date;
}

const PAUSES = statement<PauseRow>(
  'reconcile.pauses',
  'SELECT cloud, region, note, paused_at FROM cloud_pauses ORDER BY region',
);

/** Answers null for a lease that is lost. */
export function snapshotBatches(database: Database): Coalescer<Lease, NetworkSnapshot | null> {
  const together = async (leases: readonly Lease[]): Promise<(NetworkSnapshot | null)[]> => {
    const ids = [...new Set(leases.map(({ deploymentId }) => deploymentId))];
    const [rows, connections, claims, ranges, pauses] = await database.asObserver((scope) => {
      const transaction = transactionOf(scope);
      return Promise.all([
        transaction.rows(SNAPSHOT, leaseColumns(leases)),
        transaction.rows(CONNECTIONS, [ids]),
        transaction.rows(CLAIMS, [ids]),
        transaction.rows(RESERVED, []),
        transaction.rows(PAUSES, []),
      ]);
    });
    const rowOf = new Map(rows.map((row) => [`${row.deployment_id} ${toNumber(row.fence)}`, row]));
    const connectionsOf = Map.groupBy(connections, (row) => row.deployment_id);
    const claimsOf = Map.groupBy(claims, (row) => row.deployment_id);
    return leases.map(({ deploymentId, fence }) => {
      const row = rowOf.get(`${deploymentId} ${fence}`);
      if (row === undefined) return null;
      return toSnapshot(row, {
        connections: connectionsOf.get(deploymentId) ?? [],
        claims: claimsOf.get(deploymentId) ?? [],
        ranges: ranges.filter(({ cloud }) => cloud === null || cloud === row.cloud),
        // That of all regions comes before that of one.
        pause:
          pauses.find(
            ({ cloud, region }) => cloud === row.cloud && (region === '' || region === row.region),
          ) ?? null,
      });
    });
  };
  return new Coalescer({ together, most: TOGETHER, atOnce: BATCHES_AT_ONCE });
}

function toSnapshot(
  row: SnapshotRow,
  around: {
    readonly connections: readonly PeeringColumns[];
    readonly claims: readonly ClaimRow[];
    readonly ranges: readonly RangeRow[];
    readonly pause: PauseRow | null;
  },
): NetworkSnapshot {
  const { connections, claims, ranges, pause } = around;
  const network = toNetwork(row);
  const reserved = ranges.map(toReservedRange);
  return {
    tenantId: row.tenant_id,
    deploymentStatus: row.status,
    network,
    account: {
      id: row.row_id,
      accountId: row.account_id,
      cloud: row.cloud,
      credentials: row.credentials,
      credentialsKind: row.credentials_kind,
      endpoints: row.endpoints,
      status: row.account_status,
      statusDetail: row.status_detail,
      statusAt: toMs(row.status_at),
      updatedAt: toMs(row.account_updated_at),
    },
    connections: connections.map((connection) => toPeeringOf(connection, network)),
    reserved,
    planFor: (connectionId) => planOf(claims, reserved, connectionId),
    pause: pause === null ? null : toPause(pause),
    circuits: circuitsOf(row.circuits),
    vpcCheck: {
      checkedAt: toMsOrNull(row.vpc_checked_at),
      problem: row.vpc_problem,
      dueAt: toMsOrNull(row.vpc_check_due_at),
    },
  };
}

function toPause({ cloud, region, note, paused_at }: PauseRow): CloudPauseRecord {
  return { cloud, region: region === '' ? null : region, note, pausedAt: toMs(paused_at) };
}
