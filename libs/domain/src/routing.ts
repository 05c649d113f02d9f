/** Which platform routes a connection needs, which it has, and what stands in the way. Pure. */
import type { ObservedRoute, ObservedRouteTable } from './cloud-port.js';
import type { PlatformNetwork, RecordedRoute } from './peering-connection.js';

/** One wanted route that is not as it should be. */
export interface RouteProblem {
  readonly kind: 'missing' | 'blackhole' | 'conflict' | 'disabled';
  readonly routeTableId: string;
  readonly destination: string;
  /** What the entry leads to instead, for kind `conflict`. */
  readonly target: string;
}

export interface RoutePlan {
  /** Whether the cloud is still bringing a wanted route about. */
  readonly settling: boolean;
  /** Wanted routes that are missing, broken, or taken by something else. */
  readonly problems: readonly RouteProblem[];
  /** Recorded routes that are no longer wanted and that the cloud still has. */
  readonly surplus: readonly RecordedRoute[];
  /**
   * The recorded routes that remain of interest: wanted ones, surplus ones until they are gone, and those of tables that
   * were not shown, of which nothing is known.
   */
  readonly recorded: readonly RecordedRoute[];
}

const key = (route: RecordedRoute): string => `${route.routeTableId} ${route.destination}`;

function entryAt(tables: readonly ObservedRouteTable[], route: RecordedRoute): ObservedRoute | undefined {
  return tables
    .find((table) => table.routeTableId === route.routeTableId)
    ?.routes.find((entry) => entry.destination === route.destination);
}

/** Every route that a connection with these blocks needs: one per block in each table to program. */
export function wantedRoutes(
  network: Pick<PlatformNetwork, 'routeTableIds'>,
  tables: readonly ObservedRouteTable[],
  cidrs: readonly string[],
): RecordedRoute[] {
  const ids = network.routeTableIds ?? tables.map((table) => table.routeTableId);
  return ids.flatMap((routeTableId) => cidrs.map((destination) => ({ routeTableId, destination })));
}

/**
 * Compares what is wanted, what was recorded and what is there. An entry counts as ours only if it was recorded
 * before it was made and still leads to `target`.
 */
export function planRoutes(
  wanted: readonly RecordedRoute[],
  recorded: readonly RecordedRoute[],
  tables: readonly ObservedRouteTable[],
  target: string,
): RoutePlan {
  const problems: RouteProblem[] = [];
  let settling = false;
  for (const route of wanted) {
    const entry = entryAt(tables, route);
    if (entry === undefined) problems.push({ kind: 'missing', ...route, target });
    else if (entry.target !== target) problems.push({ kind: 'conflict', ...route, target: entry.target });
    else if (entry.state === 'blackhole') problems.push({ kind: 'blackhole', ...route, target });
    else if (entry.state === 'disabled') problems.push({ kind: 'disabled', ...route, target });
    else if (entry.state === 'pending') settling = true;
  }
  const wantedKeys = new Set(wanted.map(key));
  const surplus = recorded.filter(
    (route) => !wantedKeys.has(key(route)) && entryAt(tables, route)?.target === target,
  );
  const surplusKeys = new Set(surplus.map(key));
  const shownTables = new Set(tables.map(({ routeTableId }) => routeTableId));
  return {
    settling,
    problems,
    surplus,
    recorded: recorded.filter(
      (route) =>
        wantedKeys.has(key(route)) || surplusKeys.has(key(route)) || !shownTables.has(route.routeTableId),
    ),
  };
}

/** Whether a route is among the recorded ones. */
export function isRecorded(recorded: readonly RecordedRoute[], route: RecordedRoute): boolean {
  return recorded.some((other) => key(other) === key(route));
}

/** The record with one more route, unless it is there already. */
export function withRoute(recorded: readonly RecordedRoute[], route: RecordedRoute): RecordedRoute[] {
  const { routeTableId, destination } = route;
  return isRecorded(recorded, route) ? [...recorded] : [...recorded, { routeTableId, destination }];
}
