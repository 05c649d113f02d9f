import { Agenda, type Plan } from './agenda.js';
import type { VirtualClock } from './virtual-clock.js';

/** How far back a stale read can look: changes beyond this many are final. */
const JOURNAL_LENGTH = 50_000;

interface Row<T> {
  readonly record: T;
  /** Rises with every insertion into the table; an update keeps it. */
  readonly sequence: number;
}

interface Change {
  readonly table: { apply(id: string, row: Row<unknown> | undefined): void };
  readonly id: string;
  readonly before: Row<unknown> | undefined;
  readonly after: Row<unknown> | undefined;
  readonly at: number;
  readonly transaction: number;
}

/** What a table needs to know about its records. An index maps a record to the keys it is found by. */
export interface TableShape<T, I extends string> {
  readonly id: (record: T) => string;
  readonly indexes: Readonly<Record<I, (record: T) => readonly string[]>>;
}

/** The records of a table, as they can be saved. */
export interface TableSnapshot {
  readonly rows: readonly { readonly id: string; readonly record: unknown; readonly sequence: number }[];
  readonly sequence: number;
}

/** Everything that a store holds, save the past. */
export interface StoreSnapshot {
  readonly tables: Readonly<Record<string, TableSnapshot>>;
  readonly plans: readonly Plan[];
}

/** How far back a stale read looks: a number of milliseconds, or to before the latest change. */
export type Staleness = { readonly ms: number } | 'before_last_change';

/**
 * The state of one cloud: tables whose every change is journalled.
 *
 * The journal serves two purposes: a stale read undoes the latest changes, reads, and redoes them; and the call
 * log learns whether a call took effect from {@link StateStore.changeCount}.
 */
export class StateStore {
  readonly agenda: Agenda;
  readonly #tables = new Map<string, Table<never, string>>();
  #journal: Change[] = [];
  #changeCount = 0;
  #transaction = 0;
  #readingThePast = false;

  constructor(private readonly clock: VirtualClock) {
    this.agenda = new Agenda(clock);
  }

  /** Rises with every record put, changed or removed. */
  get changeCount(): number {
    return this.#changeCount;
  }

  /** Adds a table. Records are never mutated: an update puts a new object in the old one's place. */
  table<T extends object, I extends string>(name: string, shape: TableShape<T, I>): Table<T, I> {
    if (this.#tables.has(name)) throw new Error(`This store already has a table named ${name}.`);
    const table = new Table<T, I>(shape, (change) => this.#record(change));
    this.#tables.set(name, table as unknown as Table<never, string>);
    return table;
  }

  /** Starts a new unit of change: what `before_last_change` undoes as a whole. */
  beginTransaction(): void {
    this.#transaction++;
    const excess = this.#journal.length - JOURNAL_LENGTH;
    if (excess > JOURNAL_LENGTH) this.#journal.splice(0, excess);
  }

  /** Runs the read `work` on the state as it was, then restores the present. `work` must neither write nor await. */
  asOf<T>(staleness: Staleness, work: () => T): T {
    const since = staleness === 'before_last_change' ? undefined : this.clock.now() - staleness.ms;
    const lastTransaction = this.#journal.at(-1)?.transaction;
    const isUndone = (change: Change): boolean =>
      since === undefined ? change.transaction === lastTransaction : change.at > since;
    let first = this.#journal.length;
    for (
      let change = this.#journal[first - 1];
      change && isUndone(change);
      change = this.#journal[first - 1]
    ) {
      first--;
      change.table.apply(change.id, change.before);
    }
    this.#readingThePast = true;
    try {
      return since === undefined ? work() : this.clock.viewedAt(since, work);
    } finally {
      this.#readingThePast = false;
      for (const change of this.#journal.slice(first)) change.table.apply(change.id, change.after);
    }
  }

  /** Runs `work`, which must not await; if it throws, takes back every change that it made to the tables. */
  atomically<T>(work: () => T): T {
    const [start, changeCount] = [this.#journal.length, this.#changeCount];
    try {
      return work();
    } catch (error) {
      this.#undo(start, changeCount);
      throw error;
    }
  }

  /** Runs `work`, which must not await, and takes back every change that it made to the tables: a dry run. */
  rehearse<T>(work: () => T): T {
    const [start, changeCount] = [this.#journal.length, this.#changeCount];
    try {
      return work();
    } finally {
      this.#undo(start, changeCount);
    }
  }

  /** Every table's records, by table name. */
  dump(): Record<string, unknown[]> {
    return Object.fromEntries([...this.#tables].map(([name, table]) => [name, [...table.values()]]));
  }

  /** What {@link StateStore.restore} takes. */
  snapshot(): StoreSnapshot {
    const tables = [...this.#tables].map(([name, table]) => [name, table.snapshot()] as const);
    return { tables: Object.fromEntries(tables), plans: this.agenda.plans() };
  }

  /** Puts a snapshot in the place of everything. Tables that it does not know are left empty. */
  restore(snapshot: StoreSnapshot): void {
    this.clear();
    for (const [name, table] of this.#tables) {
      const saved = snapshot.tables[name];
      if (saved) table.restore(saved);
    }
    for (const { at, kind, subject } of snapshot.plans) this.agenda.plan(at, kind, subject);
  }

  /** Empties every table, the journal and the agenda. */
  clear(): void {
    this.#changeCount++;
    for (const table of this.#tables.values()) table.clear();
    this.#journal = [];
    this.agenda.clear();
  }

  #undo(start: number, changeCount: number): void {
    for (const change of this.#journal.splice(start).reverse()) change.table.apply(change.id, change.before);
    this.#changeCount = changeCount;
  }

  #record(change: Omit<Change, 'at' | 'transaction'>): void {
    if (this.#readingThePast)
      throw new Error('A read-only operation tried to change state during a stale read.');
    this.#changeCount++;
    this.#journal.push({ ...change, at: this.clock.now(), transaction: this.#transaction });
  }
}

/** Records by id, with further indexes; iteration is in order of insertion. */
export class Table<T extends object, I extends string> {
  readonly #rows = new Map<string, Row<T>>();
  readonly #indexes: readonly { keys: (record: T) => readonly string[]; ids: Map<string, Set<string>> }[];
  readonly #indexByName: ReadonlyMap<string, Map<string, Set<string>>>;
  #sequence = 0;

  /** Made by {@link StateStore.table}, which passes where changes are journalled. */
  constructor(
    private readonly shape: TableShape<T, I>,
    private readonly journal: (change: Omit<Change, 'at' | 'transaction'>) => void,
  ) {
    const named = Object.entries<(record: T) => readonly string[]>(shape.indexes).map(([name, keys]) => ({
      name,
      keys,
      ids: new Map<string, Set<string>>(),
    }));
    this.#indexes = named;
    this.#indexByName = new Map(named.map(({ name, ids }) => [name, ids]));
  }

  get size(): number {
    return this.#rows.size;
  }

  has(id: string): boolean {
    return this.#rows.has(id);
  }

  get(id: string): T | undefined {
    return this.#rows.get(id)?.record;
  }

  /** Order of insertion, as a number that never changes for a record: what page tokens can be made of. */
  sequenceOf(id: string): number {
    return this.#rows.get(id)?.sequence ?? 0;
  }

  *values(): IterableIterator<T> {
    for (const row of this.#rows.values()) yield row.record;
  }

  /** The records that `index` files under `key`, in order of insertion. */
  by(index: I, key: string): T[] {
    const ids = this.#indexByName.get(index)?.get(key);
    if (ids === undefined) return [];
    const rows: Row<T>[] = [];
    for (const id of ids) rows.push(this.#rows.get(id) as Row<T>);
    rows.sort((a, b) => a.sequence - b.sequence);
    return rows.map((row) => row.record);
  }

  /** How many records `index` files under `key`. */
  countBy(index: I, key: string): number {
    return this.#indexByName.get(index)?.get(key)?.size ?? 0;
  }

  /** Inserts the record, or replaces the one with its id. Returns it. */
  put(record: T): T {
    const id = this.shape.id(record);
    const before = this.#rows.get(id);
    const after = { record, sequence: before?.sequence ?? ++this.#sequence };
    this.journal({ table: this, id, before, after });
    this.apply(id, after);
    return record;
  }

  /** Replaces some fields of a record. Throws when there is none with this id. */
  update(id: string, changes: Partial<T>): T {
    const record = this.get(id);
    if (record === undefined) throw new Error(`There is no record ${id} to update.`);
    return this.put({ ...record, ...changes });
  }

  /** Removes a record; false when there is none. */
  remove(id: string): boolean {
    const before = this.#rows.get(id);
    if (before === undefined) return false;
    this.journal({ table: this, id, before, after: undefined });
    this.apply(id, undefined);
    return true;
  }

  /** Sets or removes a row without a journal entry: for the store's own undoing and redoing. */
  apply(id: string, row: Row<T> | undefined): void {
    const old = this.#rows.get(id);
    for (const { keys, ids } of this.#indexes) {
      if (old) {
        for (const key of keys(old.record)) {
          const filed = ids.get(key);
          filed?.delete(id);
          if (filed?.size === 0) ids.delete(key);
        }
      }
      if (row) {
        for (const key of keys(row.record)) {
          const filed = ids.get(key);
          if (filed) filed.add(id);
          else ids.set(key, new Set([id]));
        }
      }
    }
    if (row) this.#rows.set(id, row);
    else this.#rows.delete(id);
  }

  /** Removes every record without a journal entry. */
  clear(): void {
    this.#rows.clear();
    for (const { ids } of this.#indexes) ids.clear();
  }
  snapshot(): TableSnapshot {
    return { rows: [...this.#rows].map(([id, row]) => ({ id, ...row })), sequence: this.#sequence };
  }

  /** Takes the rows of a snapshot into the empty table, without a journal entry. */
  restore({ rows, sequence }: TableSnapshot): void {
    for (const { id, record, sequence: place } of rows)
      this.apply(id, { record: record as T, sequence: place });
    this.#sequence = sequence;
  }
}
