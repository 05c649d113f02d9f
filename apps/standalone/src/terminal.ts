import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** What the person sees: aligned lines, coloured only where a terminal shows colours. */
export class Terminal {
  readonly #colours: boolean;

  constructor(
    private readonly stream: NodeJS.WriteStream,
    env: Readonly<Record<string, string | undefined>>,
  ) {
    // A closed terminal or pipe is no reason to stop in disorder.
    stream.on('error', () => undefined);
    this.#colours = stream.isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
  }

  line(text = ''): void {
    this.stream.write(`${text}\n`);
  }

  heading(text: string): void {
    this.line();
    this.line(this.style('bold', text));
  }

  /** A line of a table: the columns but the last are as wide as they are told. */
  row(columns: readonly [text: string, width: number][], rest: string): void {
    const cells = columns.map(([text, width]) => text.padEnd(width));
    this.line(`  ${[...cells, rest].join('  ')}`.trimEnd());
  }

  style(style: Style, text: string): string {
    return this.#colours ? styleText(style, text, { validateStream: false }) : text;
  }
}
