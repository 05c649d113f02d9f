import type { VirtualClock } from './virtual-clock.js';

/** Work as data, so that it can be saved: the kind says what to do, the subject to what. */
export interface Plan {
  /** Milliseconds since the epoch, in simulated time. */
  readonly at: number;
  readonly kind: string;
  /** Id of the record that the work is about. */
  readonly subject: string;
}

interface Entry extends Plan {
  readonly order: number;
}

/**
 * Work that a cloud does later by itself: finish provisioning, expire, forget. It runs when somebody next looks
 * (a call, the books), with the clock viewed at the moment it was due, so no timer is ever set and moving the
 * clock by a week does a week's work at once, in order.
 */
export class Agenda {
  /** Binary min-heap by due time, then by order of arrival. */
  readonly #heap: Entry[] = [];
  readonly #handlers = new Map<string, (subject: string, at: number) => void>();
  #order = 0;

  constructor(private readonly clock: VirtualClock) {}

  /**
   * Says what work of a kind does; it may plan more. `at` is when it was due, which tells it from work that was
   * planned since.
   */
  on(kind: string, work: (subject: string, at: number) => void): void {
    if (this.#handlers.has(kind)) throw new Error(`This agenda already knows how to ${kind}.`);
    this.#handlers.set(kind, work);
  }

  /** Does the work of this kind once simulated time reaches `at` (milliseconds since the epoch). */
  plan(at: number, kind: string, subject: string): void {
    this.#handlerOf(kind);
    const heap = this.#heap;
    let child = heap.push({ at, kind, subject, order: this.#order++ }) - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!this.#before(child, parent)) break;
      this.#swap(child, parent);
      child = parent;
    }
  }

  /** What is planned, in the order in which it will be done. */
  plans(): Plan[] {
    const inOrder = [...this.#heap].sort((a, b) => a.at - b.at || a.order - b.order);
    return inOrder.map(({ at, kind, subject }) => ({ at, kind, subject }));
  }

  /** Runs all that is due by now. */
  runDue(): void {
    const now = this.clock.now();
    for (let next = this.#heap[0]; next !== undefined && next.at <= now; next = this.#heap[0]) {
      this.#removeFirst();
      const { at, kind, subject } = next;
      const work = this.#handlerOf(kind);
      this.clock.viewedAt(at, () => {
        work(subject, at);
      });
    }
  }

  /** Forgets all that is planned. */
  clear(): void {
    this.#heap.length = 0;
  }

  #handlerOf(kind: string): (subject: string, at: number) => void {
    const handler = this.#handlers.get(kind);
    if (handler === undefined) throw new Error(`This agenda does not know how to ${kind}.`);
    return handler;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    let parent = 0;
    for (;;) {
      let first = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2]) {
        if (child < heap.length && this.#before(child, first)) first = child;
      }
      if (first === parent) return;
      this.#swap(first, parent);
      parent = first;
    }
  }

  #before(a: number, b: number): boolean {
    const [x, y] = [this.#heap[a] as Entry, this.#heap[b] as Entry];
    return x.at < y.at || (x.at === y.at && x.order < y.order);
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap;
    [heap[a], heap[b]] = [heap[b] as Entry, heap[a] as Entry];
  }
}
