/** API keys. Their secrets are never stored, only hashed. */
import { In, IsNull, type FindOptionsWhere } from 'typeorm';

import { newId } from '#runtime';

import type { Database } from '../database.js';
import { ApiKeyEntity } from '../entities/api-key.entity.js';
import type { Row } from '../entities/row.js';
import type { ApiKeyCredential, ApiKeyRecord, Page, PageRequest, Role } from '../records.js';
import { transactionOf, type Scope } from '../scope.js';
import { statement } from '../statement.js';
import { readPage } from './read-page.js';
import { toDateOrNull, toMs, toMsOrNull } from './time.js';

const toApiKey = (row: Row<ApiKeyEntity>): ApiKeyRecord => ({
  id: row.id,
  tenantId: row.tenantId,
  role: row.role,
  projectIds: row.projectIds,
  displayName: row.displayName,
  createdAt: toMs(row.createdAt),
  expiresAt: toMsOrNull(row.expiresAt),
  revokedAt: toMsOrNull(row.revokedAt),
});

interface CredentialRow {
  readonly id: string;
  readonly tenant_id: string | null;
  readonly role: Role;
  readonly project_ids: string[] | null;
  readonly display_name: string;
  readonly secret_hash: Buffer;
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly revoked_at: Date | null;
}

const FIND = statement<CredentialRow>(
  'api_keys.find',
  `SELECT id, tenant_id, role, project_ids, display_name, secret_hash, created_at, expires_at, revoked_at
   FROM api_keys WHERE id = $1`,
);

/** A key by its id, before anybody knows whose it is: for authentication only. One round trip, no scope. */
export async function findForAuthentication(
  database: Database,
  id: string,
): Promise<ApiKeyCredential | null> {
  const [row] = await database.single(FIND, [id]);
  if (!row) return null;
  return {
    id: row.id,
    tenantId: row.tenant_id,
    role: row.role,
    projectIds: row.project_ids,
    displayName: row.display_name,
    secretHash: row.secret_hash,
    createdAt: toMs(row.created_at),
    expiresAt: toMsOrNull(row.expires_at),
    revokedAt: toMsOrNull(row.revoked_at),
  };
}

export interface NewApiKey {
  /** Made when absent. */
  readonly id?: string;
  /** Null for operators. */
  readonly tenantId: string | null;
  readonly role: Role;
  readonly projectIds: readonly string[] | null;
  readonly displayName: string;
  /** SHA-256 of the secret. */
  readonly secretHash: Buffer;
  readonly expiresAt?: number | null;
}

/** @throws Duplicate for a known id, MissingReference for an unknown tenant */
export async function create(scope: Scope, key: NewApiKey): Promise<ApiKeyRecord> {
  const at = new Date();
  const row: Row<ApiKeyEntity> = {
    id: key.id ?? newId('key', at.getTime()),
    tenantId: key.tenantId,
    role: key.role,
    projectIds: key.projectIds === null ? null : [...key.projectIds],
    displayName: key.displayName,
    secretHash: key.secretHash,
    createdAt: at,
    expiresAt: toDateOrNull(key.expiresAt ?? null),
    revokedAt: null,
  };
  await transactionOf(scope).manager.insert(ApiKeyEntity, row);
  return toApiKey(row);
}

/** One key; null when there is none that this scope sees. */
export async function get(scope: Scope, id: string): Promise<ApiKeyRecord | null> {
  const row = await transactionOf(scope).manager.findOneBy(ApiKeyEntity, { id });
  return row ? toApiKey(row) : null;
}

export interface ApiKeyFilters {
  /** Operators only: the keys of a tenant, or with null those of operators. */
  readonly tenantId?: string | null;
  readonly roles?: readonly Role[];
}

/** Keys, newest first, the revoked ones among them. @throws InvalidCursor */
export async function list(
  scope: Scope,
  filters: ApiKeyFilters = {},
  request: PageRequest = {},
): Promise<Page<ApiKeyRecord>> {
  const tenantId = scope.kind === 'tenant' ? scope.tenantId : filters.tenantId;
  const where: FindOptionsWhere<ApiKeyEntity> = {
    ...(tenantId === undefined ? {} : { tenantId: tenantId ?? IsNull() }),
    ...(filters.roles === undefined ? {} : { role: In([...filters.roles].sort()) }),
  };
  return readPage(transactionOf(scope).manager, ApiKeyEntity, 'api_keys', where, request, toApiKey);
}

export interface ApiKeyChanges {
  readonly displayName?: string;
  readonly role?: Role;
  readonly projectIds?: readonly string[] | null;
  readonly expiresAt?: number | null;
}

/** @returns the key as it is now; null when there is none that this scope sees */
export async function update(scope: Scope, id: string, changes: ApiKeyChanges): Promise<ApiKeyRecord | null> {
  const { projectIds, expiresAt, ...columns } = changes;
  const set: Partial<ApiKeyEntity> = { ...columns };
  if (projectIds !== undefined) set.projectIds = projectIds === null ? null : [...projectIds];
  if (expiresAt !== undefined) set.expiresAt = toDateOrNull(expiresAt);
  if (Object.keys(set).length > 0) await transactionOf(scope).manager.update(ApiKeyEntity, { id }, set);
  return get(scope, id);
}

/** Revokes a key for good; a revoked one stays as it is. @returns the key; null when this scope sees none */
export async function revoke(scope: Scope, id: string, now: number): Promise<ApiKeyRecord | null> {
  await transactionOf(scope).manager.update(
    ApiKeyEntity,
    { id, revokedAt: IsNull() },
    { revokedAt: new Date(now) },
  );
  return get(scope, id);
}
