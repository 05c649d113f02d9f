import { AsyncLocalStorage } from 'node:async_hooks';

/** Where calls wait that are counted together, as far as a use of a port needs to know. */
interface Counted {
  throttled(sentAt: number): Promise<void>;
}

/** A look is worth nothing unless it is whole, so its calls wait; a change that is not begun may be left for later. */
export type UseKind = 'look' | 'change';

/** One use of a port, with the calls of the cloud that it comes down to. */
export class PortUse {
  readonly #calls = new Map<string, { readonly counted: Counted; readonly sentAt: number }>();
  #waitedMs = 0;

  constructor(
    readonly kind: UseKind,
    /** Whether calls may still be made; asked after each wait. */
    readonly mayCall: () => boolean = () => true,
  ) {}

  /** Whether any call was made. */
  get hasCalled(): boolean {
    return this.#calls.size > 0;
  }

  /** For how long its calls have waited to be admitted. */
  get waitedMs(): number {
    return this.#waitedMs;
  }

  admitted(operation: string, counted: Counted, sentAt: number, waitedMs: number): void {
    this.#calls.set(operation, { counted, sentAt });
    this.#waitedMs += waitedMs;
  }

  /** The cloud has answered a call that it wants fewer of its kind. */
  async throttled(operation: string): Promise<void> {
    const call = this.#calls.get(operation);
    await call?.counted.throttled(call.sentAt);
  }
}

const uses = new AsyncLocalStorage<PortUse>();

/** Runs `work` as one use of a port: calls that it makes find the use, however deep in an adapter they are made. */
export function usingPort<Result>(use: PortUse, work: () => Promise<Result>): Promise<Result> {
  return uses.run(use, work);
}

/** The use that this call belongs to; undefined outside of {@link usingPort}. */
export function currentUse(): PortUse | undefined {
  return uses.getStore();
}
