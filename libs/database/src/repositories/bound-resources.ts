/** Connectors and actions of data integration, each bound to the connection that it needs. */
import { newId } from '#runtime';

import { BoundResourceEntity } from '../entities/bound-resource.entity.js';
import type { Row } from '../entities/row.js';
import type { BoundResourceRecord, Page, PageRequest, PeeringRecord } from '../records.js';
import { transactionOf, type Scope } from '../scope.js';
import { readPage } from './read-page.js';
import { toMs } from './time.js';

const toResource = (row: Row<BoundResourceEntity>): BoundResourceRecord => ({
  ...row,
  createdAt: toMs(row.createdAt),
});

/**
 * Binds a resource to a connection that was read in this scope with `getForUpdate`.
 * @throws Duplicate (`bound_resources_deployment_id_kind_name_key`)
 */
export async function bind(
  scope: Scope,
  connection: Pick<PeeringRecord, 'id' | 'tenantId' | 'deploymentId'>,
  resource: { readonly kind: string; readonly name: string },
): Promise<BoundResourceRecord> {
  const row: Row<BoundResourceEntity> = {
    id: newId('res'),
    tenantId: connection.tenantId,
    deploymentId: connection.deploymentId,
    connectionId: connection.id,
    kind: resource.kind,
    name: resource.name,
    createdAt: new Date(),
  };
  await transactionOf(scope).manager.insert(BoundResourceEntity, row);
  return toResource(row);
}

/** One resource; null when there is none that this scope sees. */
export async function get(scope: Scope, id: string): Promise<BoundResourceRecord | null> {
  const row = await transactionOf(scope).manager.findOneBy(BoundResourceEntity, { id });
  return row ? toResource(row) : null;
}

/** The resources of a deployment, newest first. @throws InvalidCursor */
export async function list(
  scope: Scope,
  filters: { readonly deploymentId: string; readonly connectionId?: string },
  request: PageRequest = {},
): Promise<Page<BoundResourceRecord>> {
  const { manager } = transactionOf(scope);
  return readPage(manager, BoundResourceEntity, 'bound_resources', { ...filters }, request, toResource);
}

/** Everything that is bound to a connection, oldest first. */
export async function ofConnection(scope: Scope, connectionId: string): Promise<BoundResourceRecord[]> {
  const { manager } = transactionOf(scope);
  const rows = await manager.find(BoundResourceEntity, { where: { connectionId }, order: { id: 'ASC' } });
  return rows.map(toResource);
}

/** @returns whether there was one */
export async function unbind(scope: Scope, id: string): Promise<boolean> {
  const { affected } = await transactionOf(scope).manager.delete(BoundResourceEntity, { id });
  return affected === 1;
}

/** Unbinds everything from a connection, for a deletion by force. @returns how many there were */
export async function unbindAll(scope: Scope, connectionId: string): Promise<number> {
  const { affected } = await transactionOf(scope).manager.delete(BoundResourceEntity, { connectionId });
  return affected ?? 0;
}
