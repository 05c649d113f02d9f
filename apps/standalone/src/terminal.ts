import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** What the person sees: aligned lines, coloured only where a terminal shows colours. */
export class Terminal {
  readonly #colours: boolean;
  /** Whether lines that were written can be changed. */
  readonly isLive: boolean;

  constructor(
    private readonly stream: NodeJS.WriteStream,
    env: Readonly<Record<string, string | undefined>>,
  ) {
    // A closed terminal or pipe is no reason to stop in disorder.
    stream.on('error', () => undefined);
    this.isLive = stream.isTTY && env['TERM'] !== 'dumb';
    this.#colours = stream.isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
  }

  line(text = ''): void {
    this.stream.write(`${text}\n`);
  }

  heading(text: string): void {
    this.line();
    this.line(this.style('bold', text));
  }

  /**
   * A line of a table: the columns but the last are as wide as they are told.
   * @param taken columns of the screen that stand before `rest`; given where the line must not wrap
   */
  row(columns: readonly (readonly [text: string, width: number])[], rest: string, taken?: number): void {
    const cells = columns.map(([text, width]) => text.padEnd(width));
    const room = taken === undefined || !this.isLive ? Infinity : Math.max(this.stream.columns - taken, 10);
    const cut = rest.length > room ? `${rest.slice(0, room - 1)}…` : rest;
    this.line(`  ${[...cells, cut].join('  ')}`.trimEnd());
  }

  /** Back to the beginning of a line that was written before, with everything from there on gone. */
  up(lines: number): void {
    this.stream.write(`\u001b[${String(lines)}A\u001b[J`);
  }

  style(style: Style, text: string): string {
    return this.#colours ? styleText(style, text, { validateStream: false }) : text;
  }
}
