/** The platform's routes of an established connection: brought to what is admitted, and what they say of its state. */
import type { ObservedRouteTable } from '../cloud-port.js';
import type { PeeringStatus } from '../peering-connection.js';
import type { ReasonCode } from '../reason.js';
import { planRoutes, wantedRoutes, withRoute, type RouteProblem } from '../routing.js';
import { EARLY_STATES, type DecisionInput, type Draft } from './decision.js';
import { act, poll } from './pacing.js';
import { move, withCondition } from './status-changes.js';

const ROUTE_REASONS = {
  missing: 'route_missing',
  blackhole: 'route_blackhole',
  conflict: 'route_conflict',
  disabled: 'route_disabled',
} as const satisfies Record<RouteProblem['kind'], ReasonCode>;

/** Brings the platform's routes to what is admitted: surplus ones go, missing ones come, foreign ones stay. */
export function keepRoutes(status: PeeringStatus, input: DecisionInput, target: string): Draft {
  const { network, profile, sighting, settings, now } = input;
  const everRan = status.state === 'running' || status.state === 'degraded';
  const cidrs = status.admittedCidrs.join(', ');
  const tables = sighting.routeTables;
  const provisional = (of: PeeringStatus): PeeringStatus =>
    everRan ? of : move(of, 'provisioning', 'programming_routes', { cidrs }, now);
  if (tables === null) return { status: provisional(status), action: null, recheckInMs: 0 };
  const writes = profile.capabilities.routing === 'platform';
  const wanted = writes ? wantedRoutes(network, tables, status.admittedCidrs) : learnedRoutes(tables);
  const plan = planRoutes(wanted, status.routes, tables, target);
  const recorded = { ...status, routes: plan.recorded };
  const [surplus] = plan.surplus;
  const [problem] = plan.problems;
  const repairable = plan.problems.find((each) => each.kind === 'missing' || each.kind === 'blackhole');
  if (plan.settling && !problem && !surplus && status.state !== 'running') {
    return poll(provisional(recorded), input);
  }
  const pass = EARLY_STATES.includes(status.state) && (!repairable || !writes);
  const shown = pass
    ? provisional(recorded)
    : showRoutes(recorded, input, problem, !everRan && repairable !== undefined);
  if (surplus) return act(shown, input, { kind: 'remove_route', providerId: target, ...surplus });
  if (pass) return { status: shown, action: null, recheckInMs: 0 };
  if (!problem) {
    if (shown.marked || !writes) return { status: shown, action: null, recheckInMs: settings.steadyMs };
    return act(shown, input, { kind: 'mark', providerId: target });
  }
  const isDrift =
    everRan &&
    status.routes.some(
      ({ routeTableId, destination }) =>
        routeTableId === repairable?.routeTableId && destination === repairable.destination,
    );
  if (!repairable || !writes || (isDrift && network.driftPolicy !== 'repair')) {
    return { status: shown, action: null, recheckInMs: settings.inFlightMs };
  }
  const route = { routeTableId: repairable.routeTableId, destination: repairable.destination };
  return act({ ...shown, routes: withRoute(shown.routes, route) }, input, {
    kind: 'ensure_route',
    providerId: target,
    ...route,
  });
}

/** The state that the routes justify: running without a problem, else being set up or degraded. */
function showRoutes(
  status: PeeringStatus,
  { profile, now }: DecisionInput,
  problem: RouteProblem | undefined,
  settingUp: boolean,
): PeeringStatus {
  const cidrs = status.admittedCidrs.join(', ');
  if (problem === undefined) {
    const how = profile.capabilities.routing === 'platform' ? 'programmed' : 'learned';
    return withCondition(
      move(status, 'running', 'ready', { cidrs }, now),
      'RoutesProgrammed',
      'True',
      how,
      now,
    );
  }
  const { kind, routeTableId, destination, target } = problem;
  const broken = withCondition(status, 'RoutesProgrammed', 'False', ROUTE_REASONS[kind], now);
  return settingUp
    ? move(broken, 'provisioning', 'programming_routes', { cidrs }, now)
    : move(broken, 'degraded', ROUTE_REASONS[kind], { routeTableId, destination, target }, now);
}

/** Where the cloud routes by itself, what it has learned is what is wanted: only its state matters. */
function learnedRoutes(
  tables: readonly ObservedRouteTable[],
): { routeTableId: string; destination: string }[] {
  return tables.flatMap((table) =>
    table.routes
      .filter((route) => route.state === 'disabled')
      .map((route) => ({ routeTableId: table.routeTableId, destination: route.destination })),
  );
}
