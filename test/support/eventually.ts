import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until `look` gives something that is neither null, undefined nor false. @throws Error with what was awaited */
export async function eventually<Found>(
  what: string,
  look: () => Promise<Found> | Found,
  limitMs = 15_000,
): Promise<NonNullable<Exclude<Found, false>>> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) {
      return found as NonNullable<Exclude<Found, false>>;
    }
    if (Date.now() > deadline) throw new Error(`Not within ${limitMs} ms: ${what}.`);
    await sleep(10);
  }
}
