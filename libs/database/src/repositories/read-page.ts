import {
  LessThan,
  type EntityManager,
  type EntityTarget,
  type FindOptionsOrder,
  type FindOptionsWhere,
} from 'typeorm';

import { planPage, toPage } from '../paging.js';
import type { Page, PageRequest } from '../records.js';

/** A page of entities that have a sortable id, newest first. @throws InvalidCursor */
export async function readPage<Entity extends { id: string }, Item>(
  manager: EntityManager,
  target: EntityTarget<Entity>,
  list: string,
  where: FindOptionsWhere<Entity>,
  request: PageRequest,
  toItem: (entity: Entity) => Item,
): Promise<Page<Item>> {
  const page = planPage(list, where, request);
  const rows = await manager.find(target, {
    where: page.after === null ? where : { ...where, id: LessThan(page.after) },
    order: { id: 'DESC' } as FindOptionsOrder<Entity>,
    take: page.limit + 1,
  });
  return toPage(rows, page, (row) => row.id, toItem);
}
