import type { Terminal } from '../terminal.js';

/** What one line shows. */
export interface LineState {
  readonly state: string;
  readonly detail: string;
}

type Mood = 'green' | 'red' | 'yellow' | 'cyan';

const MOODS: Readonly<Record<string, Mood>> = {
  running: 'green',
  failed: 'red',
  rejected: 'red',
  expired: 'red',
  degraded: 'yellow',
  awaiting_approval: 'yellow',
};

/** The column of the states is as wide as the longest. */
const STATE_WIDTH = 17;

/**
 * One line for each of several things that happen side by side. A terminal that can move its cursor shows each in its
 * place; anything else gets a line more for each change, with the time and the name.
 */
export class LiveLines {
  readonly #started = performance.now();
  readonly #states = new Map<string, LineState>();
  readonly #nameWidth: number;
  #drawn = false;

  constructor(
    private readonly terminal: Terminal,
    names: readonly string[],
  ) {
    this.#nameWidth = Math.max(...names.map((name) => name.length));
    for (const name of names) this.#states.set(name, { state: '', detail: '' });
  }

  /** Whether each thing has one line that changes. */
  get inPlace(): boolean {
    return this.terminal.isLive;
  }

  show(name: string, next: LineState): void {
    const before = this.#states.get(name);
    if (before?.state === next.state && before.detail === next.detail) return;
    this.#states.set(name, next);
    if (this.terminal.isLive) this.#redraw();
    else this.#write(name, next, this.#seconds());
  }

  #redraw(): void {
    if (this.#drawn) this.terminal.up(this.#states.size);
    this.#drawn = true;
    for (const [name, state] of this.#states) this.#write(name, state, null);
  }

  #write(name: string, { state, detail }: LineState, seconds: string | null): void {
    const mood = MOODS[state] ?? 'cyan';
    const time = seconds === null ? [] : [[this.terminal.style('dim', seconds), 0] as const];
    this.terminal.row(
      [...time, [name, this.#nameWidth], [this.terminal.style(mood, state.padEnd(STATE_WIDTH)), 0]],
      detail,
      (seconds === null ? 0 : seconds.length + 2) + this.#nameWidth + STATE_WIDTH + 6,
    );
  }

  #seconds(): string {
    return `${((performance.now() - this.#started) / 1000).toFixed(1).padStart(5)} s`;
  }
}
