/** Writes that travel together in one transaction. */

/** What each of several promises resolves to. */
type Results<T extends readonly Promise<unknown>[]> = { -readonly [K in keyof T]: Awaited<T[K]> };

/**
 * Waits for all, and throws what the first of them in order threw. When a query fails, PostgreSQL refuses those after
 * it in the same transaction, and Promise.all could report that refusal in place of the cause.
 */
export async function inOrder<T extends readonly Promise<unknown>[]>(...writes: T): Promise<Results<T>> {
  const settled = await Promise.allSettled(writes);
  return settled.map((each) => {
    if (each.status === 'rejected') throw each.reason;
    return each.value;
  }) as Results<T>;
}
