/**
 * Whatever happens, in whatever order: nothing is touched that is not this customer's, nothing is reported running
 * that is not, and a connection that is no longer wanted converges to nothing left in the cloud.
 *
 * A small model stands in for the cloud: one connection, one route table. Random histories drive it together with
 * `decide`; stale reads, lost answers, refusals and worker deaths between any two steps are among the events.
 */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { findConflicts, type AddressPlan } from '../address-plan.js';
import { parseCidrs } from '../cidr.js';
import type { CloudErrorInfo, ObservedPeering, ObservedRoute, ProviderPhase } from '../cloud-port.js';
import type { CloudProfile } from '../cloud-profile.js';
import { profileOf } from '../clouds/profiles.js';
import { decide, isAtRest, needsRoutes, recordOutcome } from './decide.js';
import { DEFAULT_ENGINE_SETTINGS, type Decision } from './decision.js';
import { mayRetry, startAttempt, startDeletion } from '../intents.js';
import {
  LIVE_PHASES,
  type CloudAction,
  type PeeringConnection,
  type PlatformNetwork,
} from '../peering-connection.js';
import type { PeeringState } from '../peering-state.js';

const settings = DEFAULT_ENGINE_SETTINGS;
const plan: AddressPlan = {
  reserved: [{ id: 'rsv_1', from: '10.10.0.0', to: '10.64.255.255', version: 1 }],
  deploymentCidrs: ['10.11.0.0/16'],
  peers: [{ connectionId: 'peer_other', cidrs: ['192.168.0.0/16'] }],
};

const aws = profileOf('aws');
/** A cloud where the platform asks and the customer approves within a window, and routes spread by themselves. */
const platformInitiated: CloudProfile = {
  ...aws,
  capabilities: {
    ...aws.capabilities,
    initiator: 'platform',
    approvalWindow: true,
    routing: 'cloud',
    takeBackPending: 'withdraw',
    removableIn: ['pending_customer', 'in_progress', 'active', 'rejected', 'expired'],
  },
  attachmentOwner: (spec) => spec['accountId'] ?? null,
  mismatches: () => [],
};

interface Scenario {
  readonly name: string;
  readonly profile: CloudProfile;
}
const SCENARIOS: readonly Scenario[] = [
  { name: 'where the customer asks', profile: aws },
  { name: 'where the platform asks', profile: platformInitiated },
];

const SPEC = {
  kind: 'aws',
  connectionId: 'pcx-00000001',
  accountId: '210987654321',
  vpcId: 'vpc-00000001',
} as const;
const network: PlatformNetwork = {
  deploymentId: 'dep_1',
  cloud: 'aws',
  region: 'eu-west-1',
  accountId: '123456789012',
  vpcId: 'vpc-0000000a',
  cidrs: ['10.11.0.0/16'],
  routeTableIds: null,
  driftPolicy: 'repair',
};

const BLOCKS = ['172.16.0.0/16', '172.17.0.0/16', '10.20.0.0/16', '192.168.7.0/24'] as const;

/** One of the things that can happen next. */
type Event =
  | { readonly kind: 'pass'; readonly ms: number }
  | {
      readonly kind: 'customer_asks';
      readonly wrong: 'nothing' | 'accountId' | 'vpcId' | 'accepter';
      readonly cidrs: readonly string[];
    }
  | {
      readonly kind:
        'customer_approves' | 'customer_rejects' | 'customer_deletes' | 'cloud_progresses' | 'cloud_expires';
    }
  | { readonly kind: 'customer_changes_cidrs'; readonly cidrs: readonly string[] }
  | { readonly kind: 'route_vanishes' | 'foreign_route_appears' | 'api_delete' | 'api_retry' }
  | { readonly kind: 'step'; readonly how: StepMode };

type StepMode =
  | 'well'
  | 'dies_before_the_call'
  | 'dies_after_the_call'
  | 'answer_lost'
  | 'refused'
  | 'throttled'
  | 'sees_the_past';

const someCidrs = fc.subarray([...BLOCKS], { minLength: 1 });
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom<Event>({ kind: 'step', how: 'well' }) },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom<StepMode>(
        'dies_before_the_call',
        'dies_after_the_call',
        'answer_lost',
        'refused',
        'throttled',
        'sees_the_past',
      )
      .map((how): Event => ({ kind: 'step', how })),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom(300, 3_000, 10_000, 700_000).map((ms): Event => ({ kind: 'pass', ms })),
  },
  {
    weight: 3,
    arbitrary: fc
      .record({
        wrong: fc.constantFrom('nothing', 'nothing', 'nothing', 'accountId', 'vpcId', 'accepter' as const),
        cidrs: someCidrs,
      })
      .map(({ wrong, cidrs }): Event => ({ kind: 'customer_asks', wrong: wrong as 'nothing', cidrs })),
  },
  {
    weight: 5,
    arbitrary: fc
      .constantFrom(
        'customer_approves',
        'customer_rejects',
        'customer_deletes',
        'cloud_progresses',
        'cloud_progresses',
        'cloud_expires' as const,
      )
      .map((kind): Event => ({ kind: kind as 'customer_approves' })),
  },
  { weight: 1, arbitrary: someCidrs.map((cidrs): Event => ({ kind: 'customer_changes_cidrs', cidrs })) },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom('route_vanishes', 'foreign_route_appears', 'api_delete', 'api_retry' as const)
      .map((kind): Event => ({ kind: kind as 'api_retry' })),
  },
);

interface CloudState {
  readonly peering: ObservedPeering | null;
  readonly routes: readonly ObservedRoute[];
}

const MAIN = 'rtb-main';

class World {
  now = 1_000_000;
  cloud: CloudState = { peering: null, routes: [] };
  private past: CloudState = this.cloud;
  private changedAt = 0;
  /** For how long after a change a look may still show what was before it. */
  staleForMs = Number.POSITIVE_INFINITY;
  connection: PeeringConnection;
  /** Whether the customer has asked: clouds never use an id twice. */
  private asked = false;
  readonly violations: string[] = [];

  constructor(readonly profile: CloudProfile) {
    const spec = { cloud: SPEC, cidrs: [] };
    this.connection = {
      id: 'peer_1',
      tenantId: 'ten_1',
      deploymentId: 'dep_1',
      cloud: 'aws',
      createdAt: this.now,
      desired: 'present',
      spec,
      locked: false,
      status: startAttempt(profile, spec, this.now),
    };
  }

  get state(): PeeringState {
    return this.connection.status.state;
  }

  get customerAsks(): boolean {
    return this.profile.capabilities.initiator === 'customer';
  }

  private change(cloud: Partial<CloudState>): void {
    this.past = this.cloud;
    this.changedAt = this.now;
    this.cloud = { ...this.cloud, ...cloud };
  }

  private phase(from: readonly ProviderPhase[], to: ProviderPhase): void {
    const { peering } = this.cloud;
    if (!peering || !from.includes(peering.phase)) return;
    const routes =
      to === 'gone'
        ? this.cloud.routes.map((route) =>
            route.target === peering.providerId ? { ...route, state: 'blackhole' as const } : route,
          )
        : this.cloud.routes;
    this.change({ peering: to === 'gone' ? null : { ...peering, phase: to, providerState: to }, routes });
  }

  private request(wrong: string, cidrs: readonly string[], phase: ProviderPhase): void {
    const customer = {
      accountId: wrong === 'accountId' ? '999999999999' : SPEC.accountId,
      vpcId: wrong === 'vpcId' ? 'vpc-00000bad' : SPEC.vpcId,
      region: network.region,
      cidrs,
    };
    const platform = {
      accountId: network.accountId,
      vpcId: wrong === 'accepter' ? 'vpc-0000000b' : network.vpcId,
      region: network.region,
      cidrs: network.cidrs,
    };
    this.change({
      peering: {
        providerId: SPEC.connectionId,
        phase,
        providerState: phase,
        requester: this.customerAsks ? customer : platform,
        accepter: this.customerAsks ? platform : customer,
        expiresAt: this.now + 604_800_000,
        ...(this.customerAsks ? {} : { mark: this.connection.id }),
      },
    });
  }

  happen(what: Event): void {
    switch (what.kind) {
      case 'pass':
        this.now += what.ms;
        return;
      case 'customer_asks':
        if (this.customerAsks && this.connection.desired === 'present' && !this.asked) {
          this.asked = true;
          this.request(what.wrong, what.cidrs, 'pending_platform');
        }
        return;
      case 'customer_approves': {
        this.phase(['pending_customer'], 'in_progress');
        return;
      }
      case 'customer_rejects': {
        this.phase(['pending_customer'], 'rejected');
        return;
      }
      case 'customer_deletes': {
        this.phase(['pending_platform', 'in_progress', 'active'], 'gone');
        return;
      }
      case 'cloud_progresses': {
        this.phase(['in_progress'], 'active');
        return;
      }
      case 'cloud_expires': {
        this.phase(['pending_platform', 'pending_customer'], 'expired');
        return;
      }
      case 'customer_changes_cidrs': {
        const { peering } = this.cloud;
        if (peering?.phase !== 'active') return;
        const side = this.customerAsks ? 'requester' : 'accepter';
        this.change({ peering: { ...peering, [side]: { ...peering[side], cidrs: what.cidrs } } });
        return;
      }
      case 'route_vanishes': {
        this.change({
          routes: this.cloud.routes.filter((route) => route.target !== SPEC.connectionId),
        });
        return;
      }
      case 'foreign_route_appears': {
        const destination = BLOCKS[1];
        if (this.cloud.routes.some((route) => route.destination === destination)) return;
        this.change({
          routes: [...this.cloud.routes, { destination, target: 'nat-1', state: 'active' }],
        });
        return;
      }
      case 'api_delete':
        this.connection = {
          ...this.connection,
          desired: 'absent',
          status: startDeletion(this.connection.status, this.now),
        };
        return;
      case 'api_retry':
        if (this.connection.desired === 'present' && mayRetry(this.connection.status)) {
          this.connection = {
            ...this.connection,
            status: startAttempt(this.profile, this.connection.spec, this.now),
          };
        }
        return;
      case 'step':
        this.step(what.how);
        return;
    }
  }

  /** One turn of the engine: look, decide, store, act, record. */
  step(how: StepMode | 'sees_a_lie' = 'well'): Decision {
    const isStale = how === 'sees_the_past' && this.now < this.changedAt + this.staleForMs;
    const shown = isStale ? this.past : this.cloud;
    const decision = decide({
      connection: this.connection,
      network,
      profile: this.profile,
      plan,
      sighting: {
        at: this.now,
        peering: shown.peering,
        routeTables: needsRoutes(this.connection)
          ? [{ routeTableId: MAIN, main: true, routes: shown.routes }]
          : null,
      },
      settings,
      now: this.now,
    });
    this.connection = { ...this.connection, status: decision.status };
    this.checkPace(decision);
    if (how === 'well') this.checkTruth();
    if (decision.action === null || how === 'dies_before_the_call') return decision;
    if (how === 'refused' || how === 'throttled') {
      this.record({
        category: how === 'refused' ? 'conflict' : 'throttled',
        code: how,
        message: '',
        operation: decision.action.kind,
      });
      return decision;
    }
    const error = this.carryOut(decision.action);
    if (how === 'dies_after_the_call') return decision;
    this.record(
      how === 'answer_lost'
        ? { category: 'transient', code: 'ECONNRESET', message: '', operation: decision.action.kind }
        : error,
    );
    return decision;
  }

  /** Whatever is in flight is looked at every minute at least, whatever runs every five. */
  private checkPace({ recheckInMs, action }: Decision): void {
    if (recheckInMs === null || action !== null) return;
    const limit = this.state === 'running' ? settings.steadyMs : settings.inFlightMs;
    if (recheckInMs > limit) this.violations.push(`${this.state} is looked at after ${recheckInMs} ms only`);
  }

  private record(error: CloudErrorInfo | null): void {
    this.connection = {
      ...this.connection,
      status: recordOutcome(this.connection.status, error, settings, this.now),
    };
  }

  private carryOut(action: CloudAction): CloudErrorInfo | null {
    const { peering } = this.cloud;
    const invalid: CloudErrorInfo = {
      category: 'invalid_state',
      code: 'InvalidState',
      message: '',
      operation: action.kind,
    };
    const touches = ['accept', 'reject', 'delete', 'withdraw_attachment'].includes(action.kind);
    if (touches && peering && this.profile.mismatches(SPEC, network, peering).length > 0) {
      this.violations.push(`${action.kind} of a request that is not this customer's`);
    }
    switch (action.kind) {
      case 'accept': {
        if (peering?.phase !== 'pending_platform') return invalid;
        const [conflict] = findConflicts(parseCidrs(peering.requester.cidrs), plan);
        if (conflict) this.violations.push(`accepted although ${conflict.cidr} collides`);
        this.phase(['pending_platform'], 'in_progress');
        return null;
      }
      case 'reject':
        if (peering?.phase !== 'pending_platform') return invalid;
        this.phase(['pending_platform'], 'rejected');
        return null;
      case 'withdraw_attachment':
        if (peering === null) return invalid;
        this.phase([...LIVE_PHASES, 'rejected', 'expired'], 'gone');
        return null;
      case 'delete':
        if (!peering || !LIVE_PHASES.includes(peering.phase)) return invalid;
        this.phase(LIVE_PHASES, 'gone');
        return null;
      case 'request_attachment':
        if (peering && LIVE_PHASES.includes(peering.phase)) return invalid;
        this.request('nothing', [BLOCKS[0]], 'pending_customer');
        return null;
      case 'mark':
        return null;
      case 'ensure_route': {
        const existing = this.cloud.routes.find((route) => route.destination === action.destination);
        if (existing && existing.target !== action.providerId) return { ...invalid, category: 'conflict' };
        const others = this.cloud.routes.filter((route) => route.destination !== action.destination);
        this.change({
          routes: [
            ...others,
            { destination: action.destination, target: action.providerId, state: 'active' },
          ],
        });
        return null;
      }
      case 'remove_route':
        this.change({
          routes: this.cloud.routes.filter(
            (route) => route.destination !== action.destination || route.target !== action.providerId,
          ),
        });
        return null;
    }
  }

  /** What the status says must be so, right after a look that saw the present. */
  private checkTruth(): void {
    const { status, desired } = this.connection;
    const { peering, routes } = this.cloud;
    if (
      status.state === 'running' &&
      peering &&
      peering.phase !== 'active' &&
      !['in_progress', 'pending_platform', 'pending_customer'].includes(peering.phase)
    ) {
      this.violations.push(`running while the cloud says ${peering.phase}`);
    }
    if (
      status.state === 'running' &&
      peering?.phase === 'active' &&
      this.profile.capabilities.routing === 'platform'
    ) {
      for (const cidr of status.admittedCidrs) {
        if (
          !routes.some(
            (route) =>
              route.destination === cidr && route.target === peering.providerId && route.state === 'active',
          )
        ) {
          this.violations.push(`running without a route to ${cidr}`);
        }
      }
    }
    if (status.state === 'deleted' && desired === 'absent') this.checkNothingLeft();
  }

  checkNothingLeft(): void {
    const { peering, routes } = this.cloud;
    if (routes.some((route) => route.target === SPEC.connectionId))
      this.violations.push('a route of ours is left');
    const ours = peering !== null && this.profile.mismatches(SPEC, network, peering).length === 0;
    if (ours && LIVE_PHASES.includes(peering.phase))
      this.violations.push(`the cloud still holds it as ${peering.phase}`);
  }

  /** Turns of the engine, each when it asked for it, until it rests; the cloud finishes what it has begun. */
  settle(limit = 200): void {
    for (let turn = 0; turn < limit; turn += 1) {
      this.happen({ kind: 'cloud_progresses' });
      this.phase(['deleting'], 'gone');
      if (isAtRest(this.connection)) return;
      const { recheckInMs, action } = this.step();
      if (recheckInMs === null && action === null) return;
      this.now += recheckInMs ?? 0;
      if (this.state === 'running' && action === null && this.connection.desired === 'present') return;
    }
  }
}

describe.each(SCENARIOS)('any history, $name', ({ profile }) => {
  const history = fc.array(event, { maxLength: 40 });

  it('never touches what is not ours, never claims to run when it does not', () => {
    fc.assert(
      fc.property(history, (events) => {
        const world = new World(profile);
        for (const each of events) world.happen(each);
        expect(world.violations).toEqual([]);
      }),
      { numRuns: 3_000 },
    );
  });

  it('converges to nothing left once the connection is not wanted', () => {
    fc.assert(
      fc.property(history, (events) => {
        const world = new World(profile);
        for (const each of events) world.happen(each);
        world.happen({ kind: 'api_delete' });
        world.settle();
        expect(world.violations).toEqual([]);
        expect(world.state).toBe('deleted');
        world.checkNothingLeft();
        expect(world.violations).toEqual([]);
      }),
      { numRuns: 3_000 },
    );
  });

  it('leaves nothing behind that could still join the network once it rests', () => {
    fc.assert(
      fc.property(history, (events) => {
        const world = new World(profile);
        world.staleForMs = profile.capabilities.consistencyMs;
        for (const each of events) {
          world.happen(each);
          const waits = world.customerAsks && world.cloud.peering?.phase === 'pending_platform';
          if (isAtRest(world.connection) && !waits) world.checkNothingLeft();
        }
        expect(world.violations).toEqual([]);
      }),
      { numRuns: 3_000 },
    );
  });

  it('comes to rest while it is wanted, running or with an end that says why', () => {
    fc.assert(
      fc.property(history, (events) => {
        const world = new World(profile);
        for (const each of events) world.happen(each);
        world.happen({ kind: 'pass', ms: 10_000 });
        world.settle();
        world.now += settings.approvalWindowMs;
        world.settle();
        expect(['running', 'degraded', 'failed', 'rejected', 'expired', 'deleted']).toContain(world.state);
        expect(world.violations).toEqual([]);
      }),
      { numRuns: 1_500 },
    );
  });
});

describe('a connection that runs', () => {
  type Sight = Pick<CloudState, 'peering' | 'routes'>;
  const CALM_MS = 60_000;

  /** A connection that has run for a while, over one or two blocks. */
  function runningWorld(profile: CloudProfile, cidrs: readonly string[]): World {
    const world = new World(profile);
    world.happen({ kind: 'customer_asks', wrong: 'nothing', cidrs });
    world.step();
    world.happen({ kind: 'customer_approves' });
    world.settle();
    world.happen({ kind: 'pass', ms: CALM_MS });
    world.settle();
    world.happen({ kind: 'pass', ms: CALM_MS });
    return world;
  }

  interface Lie {
    readonly phase: ProviderPhase | 'none';
    readonly isOurs: boolean;
    readonly cidrs: readonly string[];
    readonly routes: 'all' | 'none' | 'blackhole' | 'foreign';
  }

  const lie: fc.Arbitrary<Lie> = fc.record({
    phase: fc.constantFrom<ProviderPhase | 'none'>(
      'none',
      'pending_platform',
      'pending_customer',
      'in_progress',
      'active',
      'rejected',
      'expired',
      'failed',
      'deleting',
      'gone',
    ),
    isOurs: fc.boolean(),
    cidrs: someCidrs,
    routes: fc.constantFrom<'all' | 'none' | 'blackhole' | 'foreign'>('all', 'none', 'blackhole', 'foreign'),
  });

  function told(
    { peering, routes }: CloudState,
    { phase, isOurs, ...said }: Lie,
    customerAsks: boolean,
  ): Sight {
    const entries = {
      all: routes,
      none: [],
      blackhole: routes.map((route) => ({ ...route, state: 'blackhole' as const })),
      foreign: routes.map((route) => ({ ...route, target: 'nat-1' })),
    };
    const side = customerAsks ? 'requester' : 'accepter';
    const stranger = isOurs ? {} : { accountId: '999999999999' };
    return {
      peering:
        peering === null || phase === 'none'
          ? null
          : {
              ...peering,
              phase,
              providerState: phase,
              [side]: { ...peering[side], cidrs: said.cidrs, ...stranger },
            },
      routes: entries[said.routes],
    };
  }

  it.each(SCENARIOS)('$name, is not moved by one look that says otherwise', ({ profile }) => {
    fc.assert(
      fc.property(
        fc.subarray(['172.16.0.0/16', '172.17.0.0/16'], { minLength: 1 }),
        lie,
        fc.nat(4_000),
        (cidrs, said, ms) => {
          const world = runningWorld(profile, cidrs);
          expect(world.state).toBe('running');
          const truth = world.cloud;
          const reason = world.connection.status.reason.code;
          world.cloud = { ...truth, ...told(truth, said, world.customerAsks) };
          const { action } = world.step('sees_a_lie');
          world.cloud = truth;
          expect({ action, state: world.state, reason: world.connection.status.reason.code }).toEqual({
            action: null,
            state: 'running',
            reason,
          });
          for (const wait of [ms, 5_000, CALM_MS]) {
            world.happen({ kind: 'pass', ms: wait });
            expect(world.step().action).toBeNull();
            expect(world.state).toBe('running');
          }
          expect(world.violations).toEqual([]);
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each(SCENARIOS)('$name, comes to what is so when it stays so', ({ profile }) => {
    fc.assert(
      fc.property(
        fc.subarray(['172.16.0.0/16', '172.17.0.0/16'], { minLength: 1 }),
        someCidrs,
        (before, after) => {
          const world = runningWorld(profile, before);
          world.happen({ kind: 'customer_changes_cidrs', cidrs: after });
          world.step();
          world.happen({ kind: 'pass', ms: settings.missingConfirmMs });
          world.settle();
          const { status } = world.connection;
          const admitted = after.filter((cidr) => findConflicts(parseCidrs([cidr]), plan).length === 0);
          expect(status.admittedCidrs).toEqual(admitted);
          const isWell = admitted.length === after.length;
          expect(status.state).toBe(isWell ? 'running' : 'degraded');
          expect(status.reason.code).toBe(isWell ? 'ready' : 'peer_cidr_conflict');
          if (world.customerAsks) {
            expect(world.cloud.routes.map(({ destination }) => destination).sort()).toEqual(
              [...admitted].sort(),
            );
          }
          expect(world.violations).toEqual([]);
        },
      ),
      { numRuns: 300 },
    );
  });
});
