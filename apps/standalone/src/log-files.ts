import { createWriteStream, renameSync, statSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';

import { createLogger, type Logger } from '#runtime';

/** A file that is longer when a run begins becomes `….log.1` and a new one is begun. */
const LONGEST_BYTES = 20 * 1024 * 1024;

/** One file for each part, so that the terminal is left to people. */
export class LogFiles {
  readonly #streams: WriteStream[] = [];

  constructor(
    private readonly folder: string,
    private readonly level: string,
  ) {}

  /** A logger whose lines go to `<name>.log`. */
  logger(name: string): Logger {
    return createLogger({ name, level: this.level, destination: this.open(name) });
  }

  /** Takes lines of text to `<name>.log`. */
  lines(name: string): (line: string) => void {
    const stream = this.open(name);
    return (line) => {
      stream.write(line.endsWith('\n') ? line : `${line}\n`);
    };
  }

  /** Resolves once everything is written. */
  async close(): Promise<void> {
    await Promise.all(
      this.#streams.map(async (stream) => {
        stream.end();
        await finished(stream).catch(() => undefined);
      }),
    );
  }

  private open(name: string): WriteStream {
    const path = join(this.folder, `${name}.log`);
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    if (size > LONGEST_BYTES) renameSync(path, `${path}.1`);
    const stream = createWriteStream(path, { flags: 'a', mode: 0o600 });
    // A full disk must not end the broker: the line is lost, the work goes on.
    stream.on('error', () => undefined);
    this.#streams.push(stream);
    return stream;
  }
}
