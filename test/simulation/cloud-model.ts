/** What the models of all clouds have in common: the way to them, what goes wrong there, and how late they show things. */
import {
  CloudError,
  type Capabilities,
  type ChangeContext,
  type CloudAction,
  type CloudConnectionOptions,
  type CloudErrorCategory,
  type CloudId,
  type CloudPort,
  type NetworkRef,
  type ObservedNetwork,
  type ObservedPeering,
  type ObservedRouteTable,
  type PlatformNetwork,
} from '#domain';

import type { FaultPlan } from './fault-plan.js';
import type { Distance, Link } from './link.js';
import type { RandomSource } from './random-source.js';
import type { Process, VirtualScheduler } from './virtual-scheduler.js';

/** Deadline of one call of a cloud, in milliseconds. */
export const CALL_TIMEOUT_MS = 10_000;
/** By how much the clocks of two machines may differ, in milliseconds: half of it before, half of it behind the time. */
export const CLOCK_DIFFERENCE_MS = 500;

const CLOUD: Distance = {
  usual: [1, 60],
  slow: CALL_TIMEOUT_MS - 500,
  timeout: CALL_TIMEOUT_MS,
  faults: { before: 'call_lost_before', after: 'call_lost_after', slow: 'call_slow' },
  silence: (what) => cloudError('transient', 'ETIMEDOUT', what),
};

export function cloudError(
  category: CloudErrorCategory,
  code: string,
  operation: string,
  more: Partial<CloudError['info']> = {},
): CloudError {
  return new CloudError({ category, code, operation, message: `${operation} was refused`, ...more });
}

/** A change that a worker asks for, at the moment when the cloud takes it up. */
export interface CloudChange {
  readonly at: number;
  /** When the worker sent it. */
  readonly sentAt: number;
  readonly process: Process;
  readonly kind: CloudAction['kind'];
  readonly providerId: string;
  readonly connectionId: string;
  readonly token: string;
  readonly route: { readonly routeTableId: string; readonly destination: string } | null;
}

export interface CloudSurroundings {
  readonly scheduler: VirtualScheduler;
  readonly random: RandomSource;
  readonly faults: FaultPlan;
  readonly trace: (line: () => string) => void;
  /** Told of every change before it has its effect. */
  readonly onChange: (change: CloudChange) => void;
}

/** Something that readers may still see as it was a while ago. */
export class Timeline<Value> {
  #entries: { readonly at: number; readonly value: Value }[];

  constructor(value: Value) {
    this.#entries = [{ at: -Infinity, value }];
  }

  get latest(): Value {
    return this.asOf(Infinity);
  }

  set(at: number, value: Value): void {
    if (this.#entries.length > 12) this.#entries = this.#entries.slice(-6);
    this.#entries.push({ at, value });
  }

  asOf(at: number): Value {
    for (let index = this.#entries.length - 1; index > 0; index -= 1) {
      const entry = this.#entries[index];
      if (entry !== undefined && entry.at <= at) return entry.value;
    }
    return (this.#entries[0] as { readonly value: Value }).value;
  }
}

/** How a worker reaches a cloud. */
export interface Line {
  readonly link: Link;
  /** Awaited before every call, as `CloudConnectionOptions` has it; undefined: every call is made at once. */
  readonly admit: CloudConnectionOptions['admit'];
}

/** How a change is described to {@link CloudModel.change}. */
export type ChangeRequest = Pick<CloudChange, 'kind' | 'providerId' | 'route'>;

/**
 * One platform account in one cloud with everything around it, as its own books have it. Customers change it directly;
 * workers through a {@link CloudPort} that is as far away and as unreliable as a network makes it.
 */
export abstract class CloudModel {
  /** The platform's own account is refused. */
  isAccountRefused = false;
  #awayUntil = 0;

  constructor(
    readonly cloud: CloudId,
    protected readonly capabilities: Capabilities,
    protected readonly around: CloudSurroundings,
  ) {}

  protected get now(): number {
    return this.around.scheduler.now;
  }

  /** Everything works again. */
  recover(): void {
    this.#awayUntil = 0;
    this.isAccountRefused = false;
  }

  /** The port of a worker. */
  abstract port(line: Line, network: PlatformNetwork): CloudPort;

  /** What is true of a network now, beside what a look may show. */
  abstract trueSightOf(network: NetworkRef): readonly ObservedPeering[];

  /** Every route entry that is there now. */
  abstract trueRoutes(network: NetworkRef): readonly ObservedRouteTable[];

  protected async look<Answer>(
    { admit, link }: Line,
    what: string,
    read: (asOf: () => number) => Answer,
  ): Promise<Answer> {
    const [operation = ''] = what.split(' ');
    if (admit !== undefined) await admit(operation);
    return link.reach(what, CLOUD, () => {
      this.#mayAnswer(operation, false);
      const isStale = this.around.faults.strikes('stale_read');
      // The profile's time for a change to show covers what the clocks of cloud and workers differ by.
      const most = this.capabilities.consistencyMs - CLOCK_DIFFERENCE_MS;
      const { now } = this;
      const answer = read(() => (isStale ? now - this.around.random.between(0, most) : now));
      this.around.trace(
        () => `${link.process.name} cloud: ${what} -> ${isStale ? 'STALE ' : ''}${told(answer)}`,
      );
      return answer;
    });
  }

  protected async change<Answer>(
    { admit, link }: Line,
    request: ChangeRequest,
    { mark, token }: ChangeContext,
    effect: () => Answer,
  ): Promise<Answer> {
    const { kind, providerId, route } = request;
    const place = route === null ? '' : ` ${route.destination} in ${route.routeTableId}`;
    const what = `${kind} ${providerId}${place}`;
    if (admit !== undefined) await admit(kind);
    const sentAt = this.now;
    return link.reach(what, CLOUD, () => {
      const { trace, onChange } = this.around;
      try {
        this.#mayAnswer(kind, true);
        onChange({ ...request, at: this.now, sentAt, process: link.process, connectionId: mark, token });
        const answer = effect();
        trace(() => `${link.process.name} cloud: ${what} for ${mark} -> done`);
        return answer;
      } catch (error) {
        trace(() => `${link.process.name} cloud: ${what} for ${mark} -> ${(error as Error).message}`);
        throw error;
      }
    });
  }

  protected describe(line: Line, network: PlatformNetwork): Promise<ObservedNetwork> {
    return this.look(line, 'describeNetwork', () => {
      const { accountId, cidrs, routeTableIds, vpcId } = network;
      return { vpcId, accountId, cidrs, routeTableIds: routeTableIds ?? [] };
    });
  }

  #mayAnswer(operation: string, isChange: boolean): void {
    const { faults, random } = this.around;
    if (faults.strikes('cloud_outage')) this.#awayUntil = this.now + random.between(1_000, 40_000);
    if (faults.strikes('account_refused')) this.isAccountRefused = true;
    if (this.now < this.#awayUntil) throw cloudError('transient', 'ServiceUnavailable', operation);
    if (this.isAccountRefused) throw cloudError('auth', 'AuthFailure', operation);
    if (faults.strikes('throttled')) throw cloudError('throttled', 'RequestLimitExceeded', operation);
    if (isChange && faults.strikes('call_refused')) {
      const category = random.pick([
        'conflict',
        'quota',
        'precondition',
        'invalid_state',
        'unknown',
      ] as const);
      throw cloudError(category, `Simulated${category}`, operation);
    }
  }
}

function told(answer: unknown): string {
  if (answer === null) return 'nothing';
  if (!Array.isArray(answer)) return isPeering(answer) ? phaseIn(answer) : 'seen';
  const items: readonly unknown[] = answer;
  return items.length === 0
    ? 'nothing'
    : items.map((item) => (isPeering(item) ? phaseIn(item) : routesIn(item))).join(', ');
}

function isPeering(item: unknown): item is ObservedPeering {
  return typeof item === 'object' && item !== null && 'phase' in item;
}

function phaseIn({ providerId, phase, mark }: ObservedPeering): string {
  return `${providerId} ${phase}${mark === undefined ? '' : ` of ${mark}`}`;
}

function routesIn(item: unknown): string {
  const { routeTableId, routes } = item as ObservedRouteTable;
  return `${routeTableId} [${routes.map(({ destination, target, state }) => `${destination}>${target} ${state}`).join(' ')}]`;
}
