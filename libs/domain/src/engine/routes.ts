/** The platform's routes of an established connection: brought to what is admitted, and what they say of its state. */
import type { ObservedRouteTable } from '../cloud-port.js';
import type { CloudProfile } from '../cloud-profile.js';
import type { PeeringStatus, PlatformNetwork, RecordedRoute } from '../peering-connection.js';
import type { ReasonCode } from '../reason.js';
import { isRecorded, planRoutes, wantedRoutes, withRoute, type RouteProblem } from '../routing.js';
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
  const [surplus] = plan.surplus;
  const [problem] = plan.problems;
  const missed = missedRoutes(status, input, plan.recorded);
  const routes = [...plan.recorded, ...missed.routes];
  const recorded = withYesWhileNeeded({ ...status, routes }, plan.problems);
  const isOurs = (route: RecordedRoute): boolean => isRecorded(status.routes, route);
  const repairable = plan.problems.filter(isRepairable);
  if (plan.settling && !problem && !surplus && status.state !== 'running') {
    return poll(provisional(recorded), input);
  }
  const doubted = everRan ? untilBelieved(recorded, input, problem, isOurs) : null;
  if (doubted !== null) return doubted;
  const pass = EARLY_STATES.includes(status.state) && (repairable.length === 0 || !writes);
  const shown = pass
    ? provisional(recorded)
    : showRoutes(recorded, input, problem, !everRan && repairable.length > 0);
  if (surplus) return act(shown, input, { kind: 'remove_route', providerId: target, ...surplus });
  if (pass) return { status: shown, action: null, recheckInMs: 0 };
  if (!problem) {
    if (shown.marked || !writes) {
      const recheckInMs = missed.routes.length > 0 ? missed.forMs : settings.steadyMs;
      return { status: shown, action: null, recheckInMs };
    }
    return act(shown, input, { kind: 'mark', providerId: target });
  }
  const mayRepair = network.driftPolicy === 'repair' || mayRepairNow(status, network);
  const next = repairable.find((route) => mayRepair || !everRan || !isOurs(route));
  if (next === undefined || !writes) return { status: shown, action: null, recheckInMs: settings.inFlightMs };
  const route = { routeTableId: next.routeTableId, destination: next.destination };
  return act({ ...shown, routes: withRoute(shown.routes, route) }, input, {
    kind: 'ensure_route',
    providerId: target,
    ...route,
  });
}

/**
 * Recorded routes that a look does not show though they may be there: it came too shortly after our latest change. They
 * stay on record, or they would be left behind.
 * @param shown those that remain of interest by the look
 * @returns with how long until a look shows them if they are there, in milliseconds
 */
export function missedRoutes(
  { intent, routes }: PeeringStatus,
  { profile, sighting }: DecisionInput,
  shown: readonly RecordedRoute[],
): { readonly routes: readonly RecordedRoute[]; readonly forMs: number } {
  const changedAt = intent === null ? -Infinity : (intent.outcome?.at ?? intent.lastAt);
  const forMs = changedAt + profile.capabilities.consistencyMs - sighting.at;
  if (forMs <= 0) return { routes: [], forMs: 0 };
  const isRemoved = (route: RecordedRoute): boolean =>
    intent?.action.kind === 'remove_route' &&
    intent.outcome?.ok === true &&
    isRecorded([intent.action], route);
  return { routes: routes.filter((route) => !isRecorded(shown, route) && !isRemoved(route)), forMs };
}

function isRepairable({ kind }: RouteProblem): boolean {
  return kind === 'missing' || kind === 'blackhole';
}

function mayRepairNow({ repairGranted }: PeeringStatus, { driftPolicy }: PlatformNetwork): boolean {
  return driftPolicy === 'ask' && repairGranted === true;
}

/** A yes to a repair lasts until there is nothing left to repair: the next drift is asked about anew. */
function withYesWhileNeeded(status: PeeringStatus, problems: readonly RouteProblem[]): PeeringStatus {
  const isNeeded = status.repairGranted !== true || problems.some(isRepairable);
  return isNeeded ? status : { ...status, repairGranted: false };
}

/**
 * One look at the route tables may be odd: what says otherwise than the looks before it counts once it has been the same
 * for a while. Until then the state stays, and nothing is repaired. What we have changed ourselves is believed at once.
 * @returns what to do meanwhile; null when the look is believed
 */
function untilBelieved(
  status: PeeringStatus,
  { profile, settings, sighting, now }: DecisionInput,
  problem: RouteProblem | undefined,
  isOurs: (route: RecordedRoute) => boolean,
): Draft | null {
  const before = status.conditions.find(({ type }) => type === 'RoutesProgrammed');
  if (before === undefined) return null;
  const isBroken =
    status.state === 'degraded' && before.status !== 'True' && isRouteReason(status.reason.code);
  if (isBroken === (problem !== undefined)) return null;
  const isOwnDoing =
    problem === undefined
      ? status.intent?.action.kind === 'ensure_route' && status.intent.outcome?.ok === true
      : problem.kind === 'missing' && !isOurs(problem);
  if (isOwnDoing) return null;
  const reason = problem === undefined ? wellFor(profile) : ROUTE_REASONS[problem.kind];
  const doubted = withCondition(status, 'RoutesProgrammed', 'Unknown', reason, now);
  const since = before.status === 'Unknown' ? before.lastTransitionAt : now;
  const remaining = since + settings.missingConfirmMs - sighting.at;
  return remaining > 0 ? { status: doubted, action: null, recheckInMs: remaining } : null;
}

function isRouteReason(code: ReasonCode): boolean {
  return (Object.values(ROUTE_REASONS) as ReasonCode[]).includes(code);
}

/** What the condition says when the routes are as they should be. */
function wellFor({ capabilities }: CloudProfile): string {
  return capabilities.routing === 'platform' ? 'programmed' : 'learned';
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
    return withCondition(
      move(status, 'running', 'ready', { cidrs }, now),
      'RoutesProgrammed',
      'True',
      wellFor(profile),
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
