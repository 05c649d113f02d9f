import { countedAs, familyOf, profileOf, type CallLimits, type CloudId, type Pace } from '#domain';

import { CallQueue, tooLate, type CallQueueParts } from './call-queue.js';
import { currentUse } from './port-use.js';

/** Told how calls are paced. `counted` names the calls that a cloud counts together. */
export interface PaceObserver {
  /** A call was admitted. */
  waited(cloud: CloudId, family: string, ms: number): void;
  /** The pace of some calls is another from now on. */
  paced(cloud: CloudId, platformAccountId: string, counted: string, pace: Pace): void;
}

export interface CallPacerParts extends CallQueueParts {
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly observer: PaceObserver;
  /** Pieces of work that the process has under way at most. */
  readonly slots: number;
  /** What operators have set, in calls per second: by cloud, or by `cloud.family`. */
  readonly callsPerSecond: Readonly<Record<string, number>>;
}

/** A look that would wait longer than this does not begin: its place is somebody else's who need not wait. */
const TURN_PATIENCE_MS = 2_000;
/** Nor does one that would wait this long while half of all places are taken by those who wait for the same. */
const NOTICEABLE_MS = 100;
/** What was put off comes back no later than this. */
const FURTHEST_MS = 30_000;

interface Counted {
  readonly queue: CallQueue;
  readonly family: string;
  /** Null: of all regions. */
  readonly region: string | null;
}

/** Paces the calls of one platform account by what its cloud allows, together with all other workers. */
export class CallPacer {
  readonly #limits: CallLimits;
  readonly #counted = new Map<string, Counted>();
  /** When the work comes back that was put off last, by what it waits for. */
  readonly #appointments = new Map<string, number>();
  #isClosing = false;

  constructor(
    private readonly parts: CallPacerParts,
    private readonly cloud: CloudId,
    /** The row of the account. */
    private readonly platformAccountId: string,
  ) {
    this.#limits = limitsOf(cloud, parts.callsPerSecond);
  }

  /**
   * Resolves when a call may be made.
   * @throws CloudError `HeldBack` when that takes too long, when the process shuts down, or when whoever wanted the
   *   call must not make it any more
   */
  async admit(operation: string, region: string): Promise<void> {
    const { clock, observer } = this.parts;
    const use = currentUse();
    const { queue, family } = this.#countedOf(operation, region);
    const since = clock.now();
    await queue.admit(operation, use?.kind ?? 'look');
    const sentAt = clock.now();
    observer.waited(this.cloud, family, sentAt - since);
    if (use?.mayCall() === false) throw tooLate(operation);
    use?.admitted(operation, queue, sentAt, sentAt - since);
  }

  /**
   * When a look in a region may begin, if not now: once for each that asks, spread as their calls can be made. Null when
   * it may begin now.
   * @param waiting how many calls of the account wait elsewhere in this process, before they come here
   */
  appointment(region: string, waiting: number): number | null {
    const { clock, slots } = this.parts;
    const now = clock.now();
    const busiest = this.#busiest(region, now);
    if (busiest === null) return null;
    const waitMs = busiest.backlogMs(now) + waiting * busiest.intervalMs(now);
    const isCrowded = waitMs > NOTICEABLE_MS && busiest.waiting + waiting >= slots / 2;
    return waitMs > TURN_PATIENCE_MS || isCrowded
      ? this.#putOff(region, waitMs, busiest.intervalMs(now))
      : null;
  }

  /** When a change comes back whose call was held back: once for each that asks, spread as the calls can be made. */
  comeBack(operation: string, region: string): number {
    const now = this.parts.clock.now();
    const { queue } = this.#countedOf(operation, region);
    return this.#putOff(`${operation} ${region}`, queue.backlogMs(now), queue.intervalMs(now));
  }

  #putOff(what: string, waitMs: number, intervalMs: number): number {
    const { clock, random } = this.parts;
    const now = clock.now();
    const after = Math.max(this.#appointments.get(what) ?? 0, now + waitMs / 2) + intervalMs;
    this.#appointments.set(what, Math.min(after, now + FURTHEST_MS));
    const spreadMs = (random() * Math.min(waitMs, TURN_PATIENCE_MS)) / 2;
    // Those who come back together at the furthest would only be put off again.
    return after <= now + FURTHEST_MS ? after + spreadMs : now + (FURTHEST_MS * (1 + random())) / 2;
  }

  /** The calls that wait longest of those that a look in a region may make. */
  #busiest(region: string, now: number): CallQueue | null {
    let busiest: CallQueue | null = null;
    for (const counted of this.#counted.values()) {
      const isOfRegion = counted.region === null || counted.region === region;
      if (!isOfRegion || !counted.queue.servesLooks) continue;
      if (busiest === null || counted.queue.backlogMs(now) > busiest.backlogMs(now)) busiest = counted.queue;
    }
    return busiest;
  }

  /** The process shuts down: nobody waits for long any more. */
  close(): void {
    this.#isClosing = true;
    for (const { queue } of this.#counted.values()) queue.close();
  }

  #countedOf(operation: string, region: string): Counted {
    const family = familyOf(this.#limits, operation);
    const name = countedAs(family, operation, region);
    const known = this.#counted.get(name);
    if (known !== undefined) return known;
    const { cloud, platformAccountId } = this;
    const key = { platformAccountId, countedAs: name };
    const queue = new CallQueue(this.parts, key, family, (pace) =>
      this.parts.observer.paced(cloud, platformAccountId, name, pace),
    );
    if (this.#isClosing) queue.close();
    const counted = { queue, family: family.name, region: family.scope === 'account' ? null : region };
    this.#counted.set(name, counted);
    return counted;
  }
}

/** The limits of a cloud, with what operators have set in place of what is documented. */
export function limitsOf(cloud: CloudId, callsPerSecond: Readonly<Record<string, number>>): CallLimits {
  const { families, parallel } = profileOf(cloud).callLimits;
  return {
    parallel,
    families: families.map((family) => ({
      ...family,
      perSecond: callsPerSecond[`${cloud}.${family.name}`] ?? callsPerSecond[cloud] ?? family.perSecond,
    })),
  };
}
