/** What every list takes. */
import type { PageRequest } from '#database';

import { Text, WholeNumber } from './request-fields.js';

/** Largest page, in items. */
export const MAX_PAGE = 200;

export class PageQuery {
  @WholeNumber({
    description: 'Items of a page.',
    min: 1,
    max: MAX_PAGE,
    example: 50,
    fallback: 50,
    required: false,
  })
  limit?: number;

  @Text({
    description: '`nextCursor` of the page before; the filters must be the same.',
    max: 500,
    example: 'c2FtcGxlIHBlZXJfMDFr',
    required: false,
  })
  cursor?: string;
}

/** The page that a query asks for. */
export function pageOf({ limit, cursor }: PageQuery): PageRequest {
  return { ...(limit === undefined ? {} : { limit }), ...(cursor === undefined ? {} : { cursor }) };
}
