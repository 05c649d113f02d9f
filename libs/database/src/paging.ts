/** Keyset paging: a cursor is the key of the last item and a mark of the filters that it belongs to. */
import { createHash } from 'node:crypto';

import { InvalidCursor } from './errors.js';
import type { Page, PageRequest } from './records.js';

export const DEFAULT_LIMIT = 50;
export const MAX_LIMIT = 200;

/** A page to be read: `after` is the key of the last item of the page before. */
export interface PagePlan {
  readonly limit: number;
  readonly after: string | null;
  readonly mark: string;
}

/**
 * @param list the name of the list
 * @param filters everything that decides which items belong to it
 * @throws InvalidCursor; RangeError for a limit outside of 1 to 200
 */
export function planPage(list: string, filters: unknown, request: PageRequest): PagePlan {
  const limit = request.limit ?? DEFAULT_LIMIT;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new RangeError(`A page has 1 to ${String(MAX_LIMIT)} items, not ${String(limit)}.`);
  }
  const mark = createHash('sha256')
    .update(JSON.stringify([list, filters]))
    .digest('base64url')
    .slice(0, 8);
  if (request.cursor === undefined || request.cursor === null) return { limit, after: null, mark };
  const [cursorMark, after, ...rest] = Buffer.from(request.cursor, 'base64url').toString('utf8').split(' ');
  if (cursorMark !== mark || !after || !/^\w+$/.test(after) || rest.length > 0) throw new InvalidCursor();
  return { limit, after, mark };
}

/** The page from one row more than its limit, which tells whether there is another one. */
export function toPage<Row, Item>(
  rows: readonly Row[],
  { limit, mark }: PagePlan,
  keyOf: (row: Row) => string,
  toItem: (row: Row) => Item,
): Page<Item> {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const nextCursor =
    rows.length > limit && last !== undefined
      ? Buffer.from(`${mark} ${keyOf(last)}`, 'utf8').toString('base64url')
      : null;
  return { items: page.map(toItem), nextCursor };
}
