/** PostgreSQL's timestamps as epoch milliseconds. */
export const toMs = (date: Date): number => date.getTime();
export const toMsOrNull = (date: Date | null): number | null => (date === null ? null : date.getTime());
export const toDateOrNull = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));

/** A bigint of PostgreSQL as a number. @throws RangeError where a double cannot hold it */
export function toNumber(bigint: string): number {
  const value = Number(bigint);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${bigint} does not fit a number.`);
  return value;
}
