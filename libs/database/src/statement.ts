import type { QueryResultRow } from 'pg';

/** SQL under a name: each connection of the pool parses and plans it once. */
export interface Statement<Row extends QueryResultRow = QueryResultRow> {
  readonly name: string;
  readonly text: string;
  /** Only for the compiler: the rows that it gives. */
  readonly row?: Row;
}

const texts = new Map<string, string>();

/**
 * @param name unique in this library; PostgreSQL keeps at most 63 bytes of it
 * @throws Error when the name is too long or taken by another text
 */
export function statement<Row extends QueryResultRow = QueryResultRow>(
  name: string,
  text: string,
): Statement<Row> {
  const known = texts.get(name);
  if (name.length > 63 || (known !== undefined && known !== text)) {
    throw new Error(`"${name}" cannot be the name of another statement.`);
  }
  texts.set(name, text);
  return { name, text };
}
