/**
 * Every job that exists: what it carries, how a repetition is recognised, and how often it is tried. A job is a wake-up
 * call that names a row; what is to be done is always read from the database.
 */
import { isId } from '#runtime';

/** A payload that is not what its job carries. Trying again cannot help. */
export class InvalidPayload extends Error {
  constructor(job: string, problem: string) {
    super(`The payload of a ${job} job is not valid: ${problem}`);
    this.name = 'InvalidPayload';
  }
}

/** How one kind of job is handled. Times are in milliseconds. */
interface JobDefinition<Payload> {
  /** Checks a payload, when it is produced and again when it is consumed. @throws InvalidPayload */
  readonly parse: (payload: unknown) => Payload;
  /** Two jobs with the same key are one; a second one that comes while the first runs follows it. */
  readonly key: (payload: Payload) => string;
  /** How often it is tried when the handler throws. */
  readonly attempts: number;
  /** Wait before the second attempt; it doubles with each further one, with up to half of it taken off by chance. */
  readonly backoffMs: number;
  /** How many failed ones are kept for operators to see, and for how long. */
  readonly keepFailed: { readonly count: number; readonly ageMs: number };
}

const DAY_MS = 86_400_000;

/** The names of jobs are the names of their queues. */
export const JOBS = {
  /** Bring the connections of one deployment closer to what is wanted. */
  reconcile: {
    parse: (payload: unknown): { readonly deploymentId: string } => {
      const { deploymentId } = fields('reconcile', payload, ['deploymentId']);
      if (typeof deploymentId !== 'string' || !isId('dep', deploymentId)) {
        throw new InvalidPayload('reconcile', `deploymentId must be an id of a deployment (dep_…)`);
      }
      return { deploymentId };
    },
    key: ({ deploymentId }) => deploymentId,
    attempts: 3,
    backoffMs: 500,
    keepFailed: { count: 1000, ageMs: 7 * DAY_MS },
  } satisfies JobDefinition<{ readonly deploymentId: string }>,
} as const;

/** The name of a job. */
export type JobName = keyof typeof JOBS;
/** What a job carries. */
export type PayloadOf<Name extends JobName> = ReturnType<(typeof JOBS)[Name]['parse']>;

/** What a handler gets besides the payload. */
export interface JobContext {
  /** Aborted when the process shuts down: finish the step at hand and return. */
  readonly signal: AbortSignal;
}

/** One handler for every job: a missing one does not compile. */
export type JobHandlers = {
  readonly [Name in JobName]: (payload: PayloadOf<Name>, context: JobContext) => Promise<void>;
};

/** @throws InvalidPayload when the payload is no object with exactly these fields */
function fields<Name extends string>(
  job: string,
  payload: unknown,
  names: readonly Name[],
): Record<Name, unknown> {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) {
    throw new InvalidPayload(job, 'it must be an object');
  }
  const unknown = Object.keys(payload).filter((name) => !(names as readonly string[]).includes(name));
  if (unknown.length > 0) throw new InvalidPayload(job, `unknown fields: ${unknown.join(', ')}`);
  return payload as Record<Name, unknown>;
}
