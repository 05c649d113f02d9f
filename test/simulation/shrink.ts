/** Makes a history that breaks a guarantee easier to read: without the faults that it does not take. */
import { live, type History, type HistoryOptions } from './history.js';

/** More attempts would take too long for what they tell. */
const ATTEMPTS = 300;

/**
 * Spares one fault after the other, and keeps to it where the same guarantee is still broken.
 * @returns the history with the fewest faults that was found, traced
 */
export async function fewestFaults(seed: number, options: HistoryOptions = {}): Promise<History> {
  let best = await live(seed, { ...options, traced: true });
  const { broken } = best;
  let spared: ReadonlySet<number> = new Set();
  let attempts = 0;
  const spare = async (numbers: readonly number[]): Promise<boolean> => {
    attempts += 1;
    const more = new Set([...spared, ...numbers]);
    const history = await live(seed, { ...options, spared: more, traced: true });
    if (history.broken?.guarantee !== broken?.guarantee) return false;
    spared = more;
    best = history;
    return true;
  };
  if (broken === null) return best;
  // Large parts first: most faults have nothing to do with it.
  for (let size = best.struck.length; size >= 1; size = Math.floor(size / 2)) {
    for (let at = best.struck.length - size; at >= 0 && attempts < ATTEMPTS; at -= size) {
      await spare(best.struck.slice(at, at + size).map(({ number }) => number));
    }
  }
  return best;
}
