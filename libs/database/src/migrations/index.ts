import { InitialSchema1763600000000 } from './1763600000000-initial-schema.js';
import { CircuitsAndWriteTurns1763700000000 } from './1763700000000-circuits-and-write-turns.js';

/** Every migration, oldest first. */
export const MIGRATIONS = [InitialSchema1763600000000, CircuitsAndWriteTurns1763700000000];
