/** How a simulated process reaches what lies outside of it: requests and answers travel, and get lost. */
import type { FaultKind, FaultPlan } from './fault-plan.js';
import type { RandomSource } from './random-source.js';
import type { Process, VirtualScheduler } from './virtual-scheduler.js';

/** What a kind of request is like. Times are in milliseconds. */
export interface Distance {
  readonly usual: readonly [number, number];
  /** How long a slow one takes at most; its answer included. */
  readonly slow: number;
  /** After how long without an answer the caller gives up. */
  readonly timeout: number;
  readonly faults: { readonly before: FaultKind; readonly after: FaultKind; readonly slow: FaultKind };
  /** What the caller is told when no answer comes. */
  readonly silence: (what: string) => Error;
}

export class Link {
  constructor(
    private readonly scheduler: VirtualScheduler,
    private readonly random: RandomSource,
    private readonly faults: FaultPlan,
    readonly process: Process,
    private readonly kill: (process: Process) => void,
  ) {}

  /** Has an effect at some later time, once or never, and tells the caller, or does not. */
  reach<Answer>(what: string, distance: Distance, effect: () => Answer): Promise<Answer> {
    const { faults, process, random, scheduler } = this;
    const began = scheduler.now;
    const isSlow = faults.strikes(distance.faults.slow);
    const [low, high] = isSlow ? [distance.usual[1], distance.slow / 2] : distance.usual;
    const there = random.between(low, high);
    const back = random.between(low, high);
    const isLostBefore = faults.strikes(distance.faults.before);
    const isLostAfter = !isLostBefore && faults.strikes(distance.faults.after);
    return new Promise<Answer>((resolve, reject) => {
      const silence = (): void => {
        // A broken connection shows at once, a lost packet when patience ends.
        const at = random.chance(0.5) ? scheduler.now + back : began + distance.timeout;
        scheduler.at(at, process, () => {
          scheduler.resumed();
          reject(distance.silence(what));
        });
      };
      if (faults.strikes('crash_before')) {
        this.kill(process);
        return;
      }
      if (isLostBefore) {
        silence();
        return;
      }
      // What has left a machine arrives, even when the machine has died since.
      scheduler.after(there, null, () => {
        let settle: () => void;
        try {
          const answer = effect();
          settle = () => resolve(answer);
        } catch (error) {
          const failure = error instanceof Error ? error : new Error(String(error));
          settle = () => reject(failure);
        }
        if (process.alive && faults.strikes('crash_after')) this.kill(process);
        if (faults.strikes('freeze')) process.frozenUntil = scheduler.now + random.between(500, 25_000);
        if (isLostAfter) silence();
        else {
          scheduler.after(back, process, () => {
            scheduler.resumed();
            settle();
          });
        }
      });
    });
  }
}
