import { join, relative } from 'node:path';

/** A path as a person at the terminal would type it: relative where that is shorter. */
export function displayPath(...segments: readonly string[]): string {
  const path = join(...segments);
  const near = relative(process.cwd(), path);
  return near.startsWith('..') || near === '' ? path : near;
}
