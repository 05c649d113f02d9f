import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import type { AccountsSnapshot } from './accounts.js';
import type { CloudId } from './cloud-simulator.js';
import type { StoreSnapshot } from './state-store.js';
import type { ClockSnapshot } from './virtual-clock.js';

/** Changes with the shape of what is saved, so that a file of another release is told from a damaged one. */
const FORMAT = 1;

/** A state of up to this many bytes is saved at once. */
const SMALL = 512 * 1024;
/** How many times as long as its latest save a larger one waits, so that saving never takes much of the time. */
const PATIENCE = 10;

/** Everything that outlives a restart: resources, accounts, keys and the clock. Not faults, settings or call logs. */
export interface SimulatorsSnapshot {
  readonly clock: ClockSnapshot;
  readonly clouds: Readonly<
    Partial<Record<CloudId, { readonly accounts: AccountsSnapshot; readonly store: StoreSnapshot }>>
  >;
}

/** The file cannot be read or is not one of this release. The message says what to do. */
export class StateFileError extends Error {}

/** What was saved last; undefined when there is no such file. Throws {@link StateFileError}. */
export function readStateFile(path: string): SimulatorsSnapshot | undefined {
  let content: Buffer;
  try {
    content = readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new StateFileError(`The simulators' state in ${path} cannot be read (${code ?? String(error)}).`);
  }
  const saved = decode(content);
  if (saved?.format !== FORMAT) {
    throw new StateFileError(
      `The simulators' state in ${path} is damaged or of another release: remove the file to start afresh.`,
    );
  }
  return saved;
}

function decode(content: Buffer): (SimulatorsSnapshot & { readonly format: number }) | undefined {
  try {
    return deserialize(content) as SimulatorsSnapshot & { readonly format: number };
  } catch {
    return undefined;
  }
}

/**
 * Keeps a file abreast of the simulators. While the state is small every change is in the file before its call is
 * answered, so that even a killed process forgets nothing; a large state is saved at intervals.
 */
export class StateFile {
  #saved: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastSave = { bytes: 0, ms: 0 };
  #isFailing = false;

  /**
   * @param revision rises with every change
   * @param snapshot takes the state as it is
   */
  constructor(
    private readonly path: string,
    private readonly revision: () => number,
    private readonly snapshot: () => SimulatorsSnapshot,
  ) {}

  /** Something may have changed: saves it now or soon. */
  keep(): void {
    if (this.#timer !== undefined || this.revision() === this.#saved) return;
    if (this.#lastSave.bytes <= SMALL) {
      this.save();
      return;
    }
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.save();
    }, this.#lastSave.ms * PATIENCE);
    this.#timer.unref();
  }

  /** Saves what has changed since the last time. A failure is reported on standard error, once until it is over. */
  save(): void {
    const revision = this.revision();
    if (revision === this.#saved) return;
    const started = performance.now();
    try {
      mkdirSync(dirname(this.path), { recursive: true });
      // The accounts' secret keys are in it.
      const content = serialize({ format: FORMAT, ...this.snapshot() });
      writeFileSync(`${this.path}.new`, content, { mode: 0o600 });
      renameSync(`${this.path}.new`, this.path);
      this.#lastSave = { bytes: content.length, ms: performance.now() - started };
      this.#saved = revision;
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) process.stderr.write(`cloud-sim: cannot save ${this.path}: ${String(error)}\n`);
      this.#isFailing = true;
    }
  }

  /** Saves for the last time. */
  close(): void {
    clearTimeout(this.#timer);
    this.save();
  }
}
