import { InitialSchema1763600000000 } from './1763600000000-initial-schema.js';
import { CircuitsAndWriteTurns1763700000000 } from './1763700000000-circuits-and-write-turns.js';
import { CallPaces1763710000000 } from './1763710000000-call-paces.js';
import { Orphans1763800000000 } from './1763800000000-orphans.js';

/** Every migration, oldest first. */
export const MIGRATIONS = [
  InitialSchema1763600000000,
  CircuitsAndWriteTurns1763700000000,
  CallPaces1763710000000,
  Orphans1763800000000,
];
