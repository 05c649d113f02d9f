/** How something that was left behind lies in its row. */
import type { CloudId, OrphanEvidence, OrphanIdentity, OrphanKind, OrphanState, OrphanStatus } from '#domain';

import { toMs, toMsOrNull, toNumber } from './time.js';

/** Something of the broker's in a platform network that no live connection owns, and how it stands with it. */
export interface OrphanRecord extends OrphanIdentity, OrphanStatus {
  readonly id: string;
  readonly deploymentId: string;
  readonly cloud: CloudId;
  /** The connection that left it behind. */
  readonly connectionId: string;
  readonly mark: string | null;
  readonly evidence: OrphanEvidence;
  /** Grows by one with every write. */
  readonly version: number;
}

export interface OrphanRow {
  readonly id: string;
  readonly deployment_id: string;
  readonly cloud: CloudId;
  readonly kind: OrphanKind;
  readonly provider_id: string;
  readonly route_table_id: string;
  readonly destination: string;
  readonly connection_id: string;
  readonly mark: string | null;
  readonly evidence: OrphanEvidence;
  readonly state: OrphanState;
  readonly first_seen_at: Date;
  readonly last_seen_at: Date;
  readonly sightings: number;
  readonly remove_after: Date;
  readonly attempts: number;
  readonly attempted_at: Date | null;
  readonly last_error: string | null;
  readonly ended_at: Date | null;
  readonly version: string;
}

/** Every column of {@link OrphanRow}. */
export const ORPHAN_COLUMNS = `id, deployment_id, cloud, kind, provider_id, route_table_id, destination, connection_id, mark,
  evidence, state, first_seen_at, last_seen_at, sightings, remove_after, attempts, attempted_at, last_error, ended_at, version`;

export function toOrphan(row: OrphanRow): OrphanRecord {
  return {
    id: row.id,
    deploymentId: row.deployment_id,
    cloud: row.cloud,
    kind: row.kind,
    providerId: row.provider_id,
    route: row.kind === 'route' ? { routeTableId: row.route_table_id, destination: row.destination } : null,
    connectionId: row.connection_id,
    mark: row.mark,
    evidence: row.evidence,
    state: row.state,
    firstSeenAt: toMs(row.first_seen_at),
    lastSeenAt: toMs(row.last_seen_at),
    sightings: row.sightings,
    removeAfter: toMs(row.remove_after),
    attempts: row.attempts,
    attemptedAt: toMsOrNull(row.attempted_at),
    lastError: row.last_error,
    endedAt: toMsOrNull(row.ended_at),
    version: toNumber(row.version),
  };
}
