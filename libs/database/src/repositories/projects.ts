/** Projects of a tenant: what keys can be limited to. */
import { newId } from '#runtime';

import { ProjectEntity } from '../entities/project.entity.js';
import type { Row } from '../entities/row.js';
import { InUse } from '../errors.js';
import type { Page, PageRequest, ProjectRecord } from '../records.js';
import { transactionOf, type OperatorScope, type Scope } from '../scope.js';
import { statement } from '../statement.js';
import { readPage } from './read-page.js';
import { toMs } from './time.js';

const toProject = (row: Row<ProjectEntity>): ProjectRecord => ({
  id: row.id,
  tenantId: row.tenantId,
  name: row.name,
  createdAt: toMs(row.createdAt),
  updatedAt: toMs(row.updatedAt),
});

/** @throws Duplicate (`projects_tenant_id_name_key`), MissingReference for an unknown tenant */
export async function create(
  scope: OperatorScope,
  project: { readonly tenantId: string; readonly name: string },
): Promise<ProjectRecord> {
  const at = new Date();
  const { tenantId, name } = project;
  const row = { id: newId('prj', at.getTime()), tenantId, name, createdAt: at, updatedAt: at };
  await transactionOf(scope).manager.insert(ProjectEntity, row);
  return toProject(row);
}

/** One project; null when there is none that this scope sees. */
export async function get(scope: Scope, id: string): Promise<ProjectRecord | null> {
  const row = await transactionOf(scope).manager.findOneBy(ProjectEntity, { id });
  return row ? toProject(row) : null;
}

/** Projects, newest first. @param filters `tenantId` for operators; a tenant sees its own @throws InvalidCursor */
export async function list(
  scope: Scope,
  filters: { readonly tenantId?: string } = {},
  request: PageRequest = {},
): Promise<Page<ProjectRecord>> {
  const tenantId = scope.kind === 'tenant' ? scope.tenantId : filters.tenantId;
  const where = tenantId === undefined ? {} : { tenantId };
  return readPage(transactionOf(scope).manager, ProjectEntity, 'projects', where, request, toProject);
}

/** @returns the project as it is now; null when there is none @throws Duplicate */
export async function update(
  scope: OperatorScope,
  id: string,
  changes: { readonly name: string },
): Promise<ProjectRecord | null> {
  const { manager } = transactionOf(scope);
  await manager.update(ProjectEntity, { id }, { name: changes.name, updatedAt: () => 'now()' });
  return get(scope, id);
}

const USERS = statement<{ kind: string; id: string }>(
  'projects.users',
  `SELECT 'deployment' AS kind, id FROM deployments WHERE project_id = $1 LIMIT 20`,
);

/** @returns whether there was one @throws InUse while it has deployments */
export async function remove(scope: OperatorScope, id: string): Promise<boolean> {
  const { manager } = transactionOf(scope);
  const locked = await manager.findOne(ProjectEntity, { where: { id }, lock: { mode: 'pessimistic_write' } });
  if (locked === null) return false;
  const users = await transactionOf(scope).rows(USERS, [id]);
  if (users.length > 0) throw new InUse(id, users);
  await manager.delete(ProjectEntity, { id });
  return true;
}
