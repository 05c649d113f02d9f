/** The route tables of a platform VPC in a cloud whose platform writes them. */
import type { ObservedRoute, ObservedRouteTable } from '#domain';

import { cloudError, Timeline } from './cloud-model.js';

interface Entry {
  readonly target: string;
  /** The connection for which the broker made it; null: somebody else's. */
  readonly mark: string | null;
  readonly madeAt: number;
}

/** What an entry leads to is up, not there, or still coming about. */
export type EntryState = (entry: {
  readonly target: string;
  readonly madeAt: number;
}) => ObservedRoute['state'];

export class RouteTables {
  readonly #tables: ReadonlyMap<string, Map<string, Timeline<Entry | null>>>;

  constructor(
    ids: readonly string[],
    private readonly stateOf: EntryState,
  ) {
    this.#tables = new Map(ids.map((id) => [id, new Map()]));
  }

  get ids(): readonly string[] {
    return [...this.#tables.keys()];
  }

  /** @param asOf the time as of which each entry is shown */
  show(asOf: () => number): ObservedRouteTable[] {
    return [...this.#tables].map(([routeTableId, entries], index) => ({
      routeTableId,
      main: index === 0,
      routes: [...entries].flatMap(([destination, timeline]) => {
        const entry = timeline.asOf(asOf());
        if (entry === null) return [];
        const { mark, target } = entry;
        return [{ destination, target, state: this.stateOf(entry), ...(mark === null ? {} : { mark }) }];
      }),
    }));
  }

  at(routeTableId: string, destination: string): Entry | null {
    return this.#tables.get(routeTableId)?.get(destination)?.latest ?? null;
  }

  /** @throws CloudError `conflict` where the entry leads elsewhere */
  ensure(now: number, routeTableId: string, destination: string, target: string, mark: string): void {
    const entry = this.at(routeTableId, destination);
    if (entry?.target === target) return;
    if (entry !== null) throw cloudError('conflict', 'RouteAlreadyExists', 'ensureRoute');
    this.put(now, routeTableId, destination, { target, mark });
  }

  /** What leads elsewhere is left alone. */
  remove(now: number, routeTableId: string, destination: string, target: string): void {
    if (this.at(routeTableId, destination)?.target !== target) return;
    this.put(now, routeTableId, destination, null);
  }

  /** What somebody does with a table, in whatever way. */
  put(now: number, routeTableId: string, destination: string, entry: Omit<Entry, 'madeAt'> | null): void {
    const table = this.#tables.get(routeTableId);
    if (table === undefined) throw cloudError('not_found', 'InvalidRouteTableID.NotFound', 'ensureRoute');
    let timeline = table.get(destination);
    if (timeline === undefined) {
      timeline = new Timeline<Entry | null>(null);
      table.set(destination, timeline);
    }
    timeline.set(now, entry === null ? null : { ...entry, madeAt: now });
  }
}
