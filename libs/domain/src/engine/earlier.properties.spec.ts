/**
 * A customer who declares one request, then another: whatever they do in whatever order, nothing of any of them is left
 * once the connection is deleted, one at a time takes part in the network, and nothing else is touched.
 *
 * A small model stands in for the cloud: a few requests (or, where the platform asks, networks to join). Each look may
 * come from before the latest change, each answer may be lost, and the worker may die around each call.
 */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { CloudErrorInfo, ObservedPeering } from '../cloud-port.js';
import type { CloudProfile } from '../cloud-profile.js';
import type { CloudSpec } from '../cloud-spec.js';
import { profileOf } from '../clouds/profiles.js';
import { hasWork, mayComplete, mayDeclare, startAttempt, startDeletion } from '../intents.js';
import {
  LIVE_PHASES,
  type CloudAction,
  type PeeringConnection,
  type PlatformNetwork,
} from '../peering-connection.js';
import { decide, isAtRest, needsRoutes, recordOutcome } from './decide.js';
import { DEFAULT_ENGINE_SETTINGS as settings } from './decision.js';

const NAMES = [0, 1, 2] as const;
type Name = (typeof NAMES)[number];
/** What the customer of this connection has declared at some time belongs to them; the last one is somebody else's. */
const FOREIGN: Name = 2;
/** Of the first request the block collides with the reserved range: it is never accepted, and left as it is. */
const BLOCKS = ['10.20.0.0/16', '172.17.0.0/16', '172.18.0.0/16'] as const;

interface Scenario {
  readonly name: string;
  readonly profile: CloudProfile;
  specOf(name: Name): CloudSpec;
}

const SCENARIOS: readonly Scenario[] = [
  {
    name: 'where the customer asks',
    profile: profileOf('aws'),
    specOf: (name) => ({
      kind: 'aws',
      connectionId: `pcx-0000000${name}`,
      accountId: '210987654321',
      vpcId: `vpc-0000000${name}`,
    }),
  },
  {
    name: 'where what was turned down stays listed',
    profile: profileOf('alibaba'),
    specOf: (name) => ({
      kind: 'alibaba',
      requesterInstanceId: `pcc-00000${name}`,
      accountId: '1210123456123456',
    }),
  },
  {
    name: 'where the platform asks',
    profile: profileOf('tencent'),
    specOf: (name) => ({ kind: 'tencent', ccnId: `ccn-0000000${name}`, ccnOwnerUin: '100012345678' }),
  },
];

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
const plan = {
  reserved: [{ id: 'rsv_1', from: '10.10.0.0', to: '10.64.255.255', version: 1 }],
  deploymentCidrs: ['10.11.0.0/16'],
  peers: [],
};

const HOW = ['well', 'dies_before', 'dies_after', 'answer_lost', 'refused', 'sees_the_past'] as const;
type How = (typeof HOW)[number];

type Event =
  | { readonly kind: 'step'; readonly how: How }
  | { readonly kind: 'pass'; readonly ms: number }
  | {
      readonly kind: 'declare' | 'ask' | 'approve' | 'reject' | 'delete' | 'progress' | 'expire';
      readonly name: Name;
    }
  | { readonly kind: 'withdraw_declaration' };

const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Event>({ kind: 'step', how: 'well' }) },
  { weight: 3, arbitrary: fc.constantFrom(...HOW).map((how): Event => ({ kind: 'step', how })) },
  { weight: 3, arbitrary: fc.constantFrom(300, 4_000, 700_000).map((ms): Event => ({ kind: 'pass', ms })) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'declare',
        'declare',
        'ask',
        'ask',
        'approve',
        'reject',
        'delete',
        'progress',
        'expire',
      ),
      name: fc.constantFrom(...NAMES),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Event>({ kind: 'withdraw_declaration' }) },
);

type Requests = ReadonlyMap<string, ObservedPeering>;

class World {
  now = 1_000_000;
  requests: Requests = new Map();
  #past: Requests = this.requests;
  #changedAt = 0;
  #asked = new Set<string>();
  /** When something else was declared in place of a request. */
  #replacedAt = new Map<string, number>();
  connection: PeeringConnection;
  readonly violations: string[] = [];

  constructor(private readonly scenario: Scenario) {
    const spec = { cloud: scenario.specOf(0), cidrs: [] };
    this.connection = {
      id: 'peer_1',
      tenantId: 'ten_1',
      deploymentId: 'dep_1',
      cloud: scenario.profile.cloud,
      createdAt: this.now,
      desired: 'present',
      spec,
      locked: false,
      status: startAttempt(scenario.profile, spec, this.now),
    };
  }

  get #customerAsks(): boolean {
    return this.scenario.profile.capabilities.initiator === 'customer';
  }

  #idOf(name: Name): string {
    return this.scenario.profile.declaredProviderId(this.scenario.specOf(name)) ?? '';
  }

  #write(id: string, peering: ObservedPeering | null): void {
    this.#past = this.requests;
    this.#changedAt = this.now;
    const next = new Map(this.requests);
    if (peering === null) next.delete(id);
    else next.set(id, peering);
    this.requests = next;
  }

  #move(id: string, from: readonly string[], phase: ObservedPeering['phase']): boolean {
    const peering = this.requests.get(id);
    if (!peering || !from.includes(peering.phase)) return false;
    this.#write(id, phase === 'gone' ? null : { ...peering, phase, providerState: phase });
    return true;
  }

  #ask(name: Name, mark?: string): void {
    const spec = this.scenario.specOf(name);
    const theirs = {
      accountId:
        name === FOREIGN && this.#customerAsks ? '999999999999' : (spec['accountId'] ?? spec['ccnOwnerUin']!),
      vpcId: spec['vpcId'] ?? spec['ccnId'] ?? `vpc-${name}`,
      region: network.region,
      cidrs: [BLOCKS[name]],
    };
    const { accountId, vpcId, region, cidrs } = network;
    const ours = { accountId, vpcId, region, cidrs };
    const phase = this.#customerAsks ? 'pending_platform' : 'pending_customer';
    this.#write(this.#idOf(name), {
      providerId: this.#idOf(name),
      phase,
      providerState: phase,
      requester: this.#customerAsks ? theirs : ours,
      accepter: this.#customerAsks ? ours : theirs,
      ...(mark === undefined ? {} : { mark }),
    });
  }

  happen(what: Event): void {
    switch (what.kind) {
      case 'pass':
        this.now += what.ms;
        return;
      case 'step':
        this.step(what.how);
        return;
      case 'ask': {
        // The customer's part where they ask; where the platform asks, somebody else's application to the third.
        if (this.#asked.has(this.#idOf(what.name))) return;
        if (!this.#customerAsks && what.name !== FOREIGN) return;
        // A request that is made long after another one was declared in its place is no business of the connection's.
        const replacedAt = this.#replacedAt.get(this.#idOf(what.name)) ?? this.now;
        if (this.now > replacedAt + settings.requestVisibleWithinMs - 10_000) return;
        this.#asked.add(this.#idOf(what.name));
        this.#ask(what.name, this.#customerAsks ? undefined : 'peer_else');
        return;
      }
      case 'approve':
        this.#move(this.#idOf(what.name), ['pending_customer'], 'in_progress');
        return;
      case 'reject':
        this.#move(this.#idOf(what.name), ['pending_customer'], 'rejected');
        return;
      case 'delete':
        this.#move(this.#idOf(what.name), LIVE_PHASES, 'gone');
        return;
      case 'progress':
        this.#move(this.#idOf(what.name), ['in_progress'], 'active');
        return;
      case 'expire':
        this.#move(this.#idOf(what.name), ['pending_platform', 'pending_customer'], 'expired');
        return;
      case 'declare':
        this.declare(this.scenario.specOf(what.name));
        return;
      case 'withdraw_declaration':
        this.declare({ kind: this.connection.cloud });
        return;
    }
  }

  /** As the API does it. */
  declare(cloud: CloudSpec): void {
    const { spec, status, desired } = this.connection;
    const { profile } = this.scenario;
    if (desired === 'absent' || !mayComplete(status) || !mayDeclare(profile, status, cloud)) return;
    if (status.providerId !== null) this.#replacedAt.set(status.providerId, this.now);
    const next = { cloud, cidrs: [] };
    this.connection = {
      ...this.connection,
      spec: next,
      status: startAttempt(profile, next, this.now, { spec, status }),
    };
  }

  delete(): void {
    const { status } = this.connection;
    this.connection = { ...this.connection, desired: 'absent', status: startDeletion(status, this.now) };
  }

  /** One turn of the engine: look, decide, store, act, record. */
  step(how: How = 'well'): number | null {
    const { profile } = this.scenario;
    const { status, spec } = this.connection;
    const isStale =
      how === 'sees_the_past' && this.now < this.#changedAt + profile.capabilities.consistencyMs;
    const shown = [...(isStale ? this.#past : this.requests).values()];
    const find = (cloud: CloudSpec, tiedTo: string | null) => profile.find(cloud, shown, tiedTo);
    const decision = decide({
      connection: this.connection,
      network,
      profile,
      plan,
      sighting: {
        at: this.now,
        peering: find(spec.cloud, status.providerId),
        routeTables: needsRoutes(this.connection) ? [] : null,
        earlier: (status.earlier ?? []).map(({ cloud, providerId }) => find(cloud, providerId)),
      },
      settings,
      now: this.now,
    });
    this.connection = { ...this.connection, status: decision.status };
    const { action } = decision;
    if (action === null || how === 'dies_before') return decision.recheckInMs;
    const refusal = (category: CloudErrorInfo['category']): CloudErrorInfo => ({
      category,
      code: category,
      message: '',
      operation: action.kind,
      ...(action.kind === 'request_attachment' && category === 'invalid_state'
        ? { reason: 'attachment_exists' }
        : {}),
    });
    const isDone = how !== 'refused' && this.#carryOut(action);
    const error = isDone ? null : refusal(how === 'refused' ? 'conflict' : 'invalid_state');
    if (how === 'dies_after') return 0;
    const told = how === 'answer_lost' ? refusal('transient') : error;
    this.connection = {
      ...this.connection,
      status: recordOutcome(this.connection.status, told, settings, this.now),
    };
    return 0;
  }

  #carryOut(action: CloudAction): boolean {
    const id = action.providerId;
    const peering = this.requests.get(id);
    const isForeign = id === this.#idOf(FOREIGN) && (this.#customerAsks || peering?.mark === 'peer_else');
    const touches = ['accept', 'reject', 'delete', 'withdraw_attachment'].includes(action.kind);
    if (touches && peering && isForeign) this.violations.push(`${action.kind} of what is somebody else's`);
    switch (action.kind) {
      case 'accept': {
        const joined = [...this.requests.values()].filter(({ phase }) =>
          ['in_progress', 'active'].includes(phase),
        );
        if (joined.length > 0) this.violations.push(`accepted ${id} beside ${joined[0]!.providerId}`);
        return this.#move(id, ['pending_platform'], 'in_progress');
      }
      case 'reject':
        return this.#move(id, ['pending_platform'], 'rejected');
      case 'withdraw_attachment':
        return this.#move(id, [...LIVE_PHASES, 'rejected', 'expired'], 'gone');
      case 'delete':
        return this.#move(id, [...LIVE_PHASES, 'rejected', 'expired'], 'gone');
      case 'request_attachment': {
        const isTaken = [...this.requests.values()].some(({ phase }) => LIVE_PHASES.includes(phase));
        const name = NAMES.find((each) => this.#idOf(each) === id);
        if (isTaken || name === undefined) return false;
        this.#asked.add(id);
        this.#ask(name, this.connection.id);
        return true;
      }
      default:
        return true;
    }
  }

  /** Turns of the engine, each when it asked for it, until it rests. */
  settle(limit = 300): void {
    for (let turn = 0; turn < limit && !isAtRest(this.connection); turn += 1) {
      for (const name of NAMES) this.happen({ kind: 'progress', name });
      const recheckInMs = this.step();
      this.now += recheckInMs ?? 0;
      const { state } = this.connection.status;
      if (state === 'running' && recheckInMs !== 0 && !this.connection.status.earlier?.length) return;
    }
  }

  /** Ids of what is this customer's and could take part in the network. */
  left(): string[] {
    return [...this.requests.values()]
      .filter(({ phase, providerId }) => LIVE_PHASES.includes(phase) && providerId !== this.#idOf(FOREIGN))
      .map(({ providerId }) => providerId);
  }
}

describe.each(SCENARIOS)('any history of declarations, $name', (scenario) => {
  const history = fc.array(event, { maxLength: 40 });

  it('leaves nothing of any request once the connection is deleted', () => {
    fc.assert(
      fc.property(history, (events) => {
        const world = new World(scenario);
        const declared = new Set<string>([world.connection.status.providerId ?? '']);
        for (const each of events) {
          world.happen(each);
          declared.add(world.connection.status.providerId ?? '');
        }
        world.delete();
        world.settle();
        expect(world.violations).toEqual([]);
        expect(world.connection.status.state).toBe('deleted');
        expect(world.left().filter((id) => declared.has(id))).toEqual([]);
      }),
      { numRuns: 3_000 },
    );
  });

  it('leaves only what is declared now once the connection rests or runs', () => {
    fc.assert(
      fc.property(history, (events) => {
        const world = new World(scenario);
        const declared = new Set<string>([world.connection.status.providerId ?? '']);
        for (const each of events) {
          world.happen(each);
          declared.add(world.connection.status.providerId ?? '');
        }
        world.happen({ kind: 'pass', ms: 10_000 });
        world.settle();
        world.now += settings.approvalWindowMs;
        world.settle();
        const { state, providerId, earlier = [] } = world.connection.status;
        expect(['awaiting_request', 'running', 'failed', 'rejected', 'expired']).toContain(state);
        expect(earlier).toEqual([]);
        expect(hasWork(world.connection.status) || isAtRest(world.connection)).toBe(true);
        expect(world.left().filter((id) => declared.has(id) && id !== providerId)).toEqual([]);
        expect(world.violations).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });
});
