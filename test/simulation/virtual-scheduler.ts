/**
 * Time and turns of a simulated world. Nothing happens but tasks; each has its time, and among those whose time has come
 * chance decides. Time stands still while anything can run and jumps to the next task when nothing can.
 */
import type { RandomSource } from './random-source.js';

/** Something that runs, and that can be killed or stand still. */
export interface Process {
  readonly name: string;
  alive: boolean;
  /** Nothing of it goes on before this time (SIGSTOP, a long collection of garbage), in epoch milliseconds. */
  frozenUntil: number;
}

interface Task {
  at: number;
  readonly order: number;
  /** Whose turn this is; null: the world's. A dead process has no turns any more. */
  readonly process: Process | null;
  readonly run: () => void;
  cancelled: boolean;
}

/** Lets every promise that can go on do so. No timer: one turn of the event loop, when all of them have. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class VirtualScheduler {
  readonly #heap: Task[] = [];
  #hasResumed = false;

  constructor(
    private readonly random: RandomSource,
    /** Epoch milliseconds. */
    public now: number,
  ) {}

  /** Runs something at a time, or at once when that has passed. @returns how to call it off */
  at(time: number, process: Process | null, run: () => void): () => void {
    const order = this.random.next();
    const task: Task = { at: Math.max(time, this.now), order, process, run, cancelled: false };
    this.#push(task);
    return () => (task.cancelled = true);
  }

  after(ms: number, process: Process | null, run: () => void): () => void {
    return this.at(this.now + ms, process, run);
  }

  /** To be called by a task that has settled a promise: whoever waits for it goes on before the next task. */
  resumed(): void {
    this.#hasResumed = true;
  }

  /** A promise that is kept after a time, unless the process dies before. */
  sleep(ms: number, process: Process): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, process, () => {
        this.resumed();
        resolve();
      });
    });
  }

  /** Runs all that happens until `end`, and leaves it `end`. @param check called after each step */
  async runUntil(end: number, check: () => void): Promise<void> {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.at > end) break;
      this.#pop();
      if (next.cancelled || next.process?.alive === false) continue;
      if (next.process !== null && next.process.frozenUntil > next.at) {
        next.at = next.process.frozenUntil;
        this.#push(next);
        continue;
      }
      this.now = next.at;
      next.run();
      if (this.#hasResumed) {
        this.#hasResumed = false;
        await settled();
      }
      check();
    }
    this.now = end;
  }

  #push(task: Task): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(task);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as Task;
      if (isBefore(above, task)) break;
      heap[index] = above;
      heap[parent] = task;
      index = parent;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    heap[0] = last;
    for (;;) {
      const left = 2 * index + 1;
      if (left >= heap.length) return;
      const right = left + 1;
      const isRight = right < heap.length && isBefore(heap[right] as Task, heap[left] as Task);
      const child = isRight ? right : left;
      const below = heap[child] as Task;
      if (isBefore(last, below)) return;
      heap[index] = below;
      heap[child] = last;
      index = child;
    }
  }
}

function isBefore(a: Task, b: Task): boolean {
  return a.at < b.at || (a.at === b.at && a.order <= b.order);
}
