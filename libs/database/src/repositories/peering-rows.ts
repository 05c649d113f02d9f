/** How a connection lies in its row. */
import {
  isLive,
  profileOf,
  type CloudId,
  type DriftPolicy,
  type PeeringIntent,
  type PeeringStatus,
  type PlatformNetwork,
} from '#domain';

import type { PeeringRecord } from '../records.js';
import type { Holding } from '../refusal.js';
import { toMs, toMsOrNull, toNumber } from './time.js';

/** The platform side of a deployment, in the rows of everything that belongs to it. */
export interface NetworkRow {
  readonly deployment_id: string;
  readonly cloud: CloudId;
  readonly region: string;
  readonly account_id: string;
  readonly vpc_id: string;
  readonly network_cidrs: string[];
  readonly route_table_ids: string[] | null;
  readonly drift_policy: DriftPolicy;
}

/** For `deployments d JOIN platform_accounts a`. */
export const NETWORK_COLUMNS = `a.account_id, d.vpc_id, d.route_table_ids, d.drift_policy,
  ARRAY(SELECT c.block::cidr::text FROM address_claims c
        WHERE c.deployment_id = d.id AND c.connection_id IS NULL ORDER BY c.block) AS network_cidrs`;

/** A row of the table itself. */
export interface PeeringColumns {
  readonly id: string;
  readonly deployment_id: string;
  readonly cloud: CloudId;
  readonly region: string;
  readonly tenant_id: string;
  readonly project_id: string;
  readonly display_name: string;
  readonly desired: PeeringIntent['desired'];
  readonly spec: PeeringIntent['spec'];
  readonly locked_note: string | null;
  readonly status: PeeringStatus;
  readonly due_at: Date | null;
  readonly last_observed_at: Date | null;
  readonly version: string;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly deleted_at: Date | null;
}

/** Of `peering_connections p`, as {@link toPeeringOf} reads them. */
export const PEERING_COLUMNS = `p.id, p.tenant_id, p.project_id, p.deployment_id, p.cloud, p.region, p.display_name,
    p.desired, p.spec, p.locked_note, p.status, p.due_at, p.last_observed_at, p.version, p.created_at, p.updated_at,
    p.deleted_at`;

export interface PeeringRow extends PeeringColumns, NetworkRow {
  readonly deployment_id: string;
  readonly cloud: CloudId;
  readonly region: string;
}

/** Every column of {@link PeeringRow}; append a WHERE. */
export const SELECT_PEERINGS = `SELECT ${PEERING_COLUMNS}, ${NETWORK_COLUMNS}
  FROM peering_connections p
    JOIN deployments d ON d.id = p.deployment_id
    JOIN platform_accounts a ON a.id = d.platform_account_id`;

export function toNetwork(row: NetworkRow): PlatformNetwork {
  return {
    deploymentId: row.deployment_id,
    cloud: row.cloud,
    region: row.region,
    accountId: row.account_id,
    vpcId: row.vpc_id,
    cidrs: row.network_cidrs,
    routeTableIds: row.route_table_ids,
    driftPolicy: row.drift_policy,
  };
}

export function toPeering(row: PeeringRow): PeeringRecord {
  return toPeeringOf(row, toNetwork(row));
}

/** The connection of a row, in a network that was read already. */
export function toPeeringOf(row: PeeringColumns, network: PlatformNetwork): PeeringRecord {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    projectId: row.project_id,
    deploymentId: row.deployment_id,
    cloud: row.cloud,
    region: row.region,
    displayName: row.display_name,
    desired: row.desired,
    spec: row.spec,
    locked: row.locked_note !== null,
    lockedNote: row.locked_note,
    status: row.status,
    dueAt: toMsOrNull(row.due_at),
    lastObservedAt: toMsOrNull(row.last_observed_at),
    version: toNumber(row.version),
    createdAt: toMs(row.created_at),
    updatedAt: toMs(row.updated_at),
    deletedAt: toMsOrNull(row.deleted_at),
    network,
  };
}

/** What a connection claims: what it may carry, for as long as it is live. */
export function claimsOf(status: PeeringStatus): readonly string[] {
  return isLive(status) ? status.admittedCidrs : [];
}

/** What the row repeats of spec and status, so that indexes can hold their guarantees. */
export interface DerivedColumns {
  readonly peerKey: string | null;
  readonly sole: boolean;
  readonly live: boolean;
  readonly providerId: string | null;
  readonly deadlineAt: Date | null;
}

export function derive(cloud: CloudId, spec: PeeringIntent['spec'], status: PeeringStatus): DerivedColumns {
  const profile = profileOf(cloud);
  return {
    peerKey: profile.peerKey(spec.cloud),
    sole: profile.capabilities.maxLivePerNetwork === 1,
    live: isLive(status),
    providerId: status.providerId,
    deadlineAt: status.deadline === null ? null : new Date(status.deadline.at),
  };
}

/** What is wanted by a write, for explaining a refusal of it. */
export function holdingOf(
  connection: Pick<PeeringRecord, 'id' | 'deploymentId' | 'cloud' | 'spec' | 'status'>,
): Holding {
  const { peerKey, providerId } = derive(connection.cloud, connection.spec, connection.status);
  return {
    deploymentId: connection.deploymentId,
    connectionId: connection.id,
    peerKey,
    providerId,
    blocks: claimsOf(connection.status),
  };
}
