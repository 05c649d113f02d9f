/** The engine's rules, an adapter and its cloud together, in the cloud's time: no database, no queue. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { connectors } from '#clouds';
import {
  CloudError,
  decide,
  DEFAULT_ENGINE_SETTINGS as settings,
  isAtRest,
  needsRoutes,
  profileOf,
  recordOutcome,
  startAttempt,
  startDeletion,
  type ChangeContext,
  type CloudAction,
  type CloudErrorInfo,
  type CloudPort,
  type CloudProfile,
  type DeclaredSpec,
  type PeeringConnection,
  type PlatformNetwork,
} from '#domain';
import type { Simulators } from '../../apps/cloud-sim/src/simulator.js';
import { alibabaSubject, type AlibabaHarness } from './alibaba.harness.js';
import type { CustomerRequest } from './cloud-harness.js';
import { huaweiSubject, type HuaweiHarness } from './huawei.harness.js';
import { CUSTOMER_CIDR } from './stage.js';

const PLATFORM_CIDR = '10.11.0.0/16';

/** One connection and the engine that looks after it. */
class Life {
  connection: PeeringConnection;
  readonly #profile: CloudProfile;

  constructor(
    private readonly simulators: Simulators,
    private readonly port: CloudPort,
    private readonly network: PlatformNetwork,
    spec: DeclaredSpec,
  ) {
    this.#profile = profileOf(network.cloud);
    this.connection = {
      id: 'peer_01k0000000000000000000000',
      tenantId: 'ten_1',
      deploymentId: network.deploymentId,
      cloud: network.cloud,
      createdAt: this.now,
      desired: 'present',
      spec,
      locked: false,
      status: startAttempt(this.#profile, spec, this.now),
    };
  }

  private get now(): number {
    return this.simulators.clock.now();
  }

  get shown() {
    const { state, reason } = this.connection.status;
    return { state, reason: reason.code };
  }

  delete(): void {
    const status = startDeletion(this.connection.status, this.now);
    this.connection = { ...this.connection, desired: 'absent', status };
  }

  /** Turns of the engine, each when it asked for it, until it rests or so much time has passed. */
  async go(ms = 60_000): Promise<void> {
    const until = this.now + ms;
    while (!isAtRest(this.connection)) {
      const { recheckInMs, acted } = await this.#turn();
      if (acted) continue;
      const next = this.now + (recheckInMs ?? Infinity);
      if (next > until) break;
      this.simulators.clock.advance(recheckInMs ?? 0);
    }
    this.simulators.clock.set(Math.max(this.now, until));
  }

  async #turn(): Promise<{ recheckInMs: number | null; acted: boolean }> {
    const at = this.now;
    const { status: before, spec } = this.connection;
    const [peerings, routeTables] = await Promise.all([
      this.port.observePeerings(this.network),
      needsRoutes(this.connection) ? this.port.observeRoutes(this.network) : null,
    ]);
    const peering = this.#profile.find(spec.cloud, peerings, before.providerId);
    const { status, action, recheckInMs } = decide({
      connection: this.connection,
      network: this.network,
      profile: this.#profile,
      plan: {
        reserved: [{ id: 'rsv_1', from: '10.10.0.0', to: '10.64.255.255', version: 1 }],
        deploymentCidrs: this.network.cidrs,
        peers: [],
      },
      sighting: { at, peering, routeTables },
      settings,
      now: at,
    });
    this.connection = { ...this.connection, status };
    if (action === null) return { recheckInMs, acted: false };
    let error: CloudErrorInfo | null = null;
    try {
      await this.#carryOut(action, { mark: this.connection.id, token: status.intent?.token ?? '' });
    } catch (thrown) {
      if (!(thrown instanceof CloudError)) throw thrown;
      error = thrown.info;
    }
    this.connection = { ...this.connection, status: recordOutcome(status, error, settings, this.now) };
    return { recheckInMs: 0, acted: true };
  }

  #carryOut(action: CloudAction, context: ChangeContext): Promise<unknown> {
    const { network, port } = this;
    switch (action.kind) {
      case 'accept':
        return port.acceptPeering(network, action.providerId, context);
      case 'reject':
        return port.rejectPeering(network, action.providerId, context);
      case 'delete':
        return port.deletePeering(network, action.providerId, context);
      case 'mark':
        return port.markPeering(network, action.providerId, context);
      case 'ensure_route':
      case 'remove_route': {
        const route = { ...action, target: action.providerId };
        return action.kind === 'ensure_route'
          ? port.ensureRoute(network, route, context)
          : port.removeRoute(network, route, context);
      }
      default:
        throw new Error(`Where the customer asks there is no reason to ${action.kind}.`);
    }
  }
}

interface Held {
  readonly id: string;
  readonly status: string;
}

/** What differs between the clouds. */
interface Case<H extends AlibabaHarness | HuaweiHarness> {
  readonly cloud: 'alibaba' | 'huawei';
  start(): Promise<H>;
  /** The cloud's own times and ways at their slowest. */
  slowDown(harness: H): void;
  declare(request: CustomerRequest): DeclaredSpec;
  rejectAsPlatform(harness: H, request: CustomerRequest): Promise<unknown>;
  /** What the cloud's books hold of what can carry traffic or come to it, and of routes. */
  left(books: never): { readonly peerings: readonly string[]; readonly routes: readonly string[] };
  readonly operations: {
    readonly look: string;
    readonly accept: string;
    readonly route: string;
    readonly end: string;
  };
}

const alibaba: Case<AlibabaHarness> = {
  cloud: 'alibaba',
  start: () => alibabaSubject.start(),
  slowDown: (harness) =>
    harness.settings({
      peeringUpdatingSeconds: 20,
      peeringDeletingSeconds: 20,
      routeEntrySeconds: 8,
      deletedVisibleSeconds: 600,
    }),
  declare: ({ providerId }) => ({
    cloud: { kind: 'alibaba', requesterInstanceId: providerId },
    cidrs: [],
  }),
  rejectAsPlatform: (harness, { providerId }) =>
    harness.peer(harness.alibaba.platform, 'RejectVpcPeerConnection', providerId),
  left: ({ peerings, routeEntries }: { peerings: Held[]; routeEntries: { destination: string }[] }) => ({
    peerings: peerings.filter(({ status }) => status !== 'Deleted').map(({ status }) => status),
    routes: routeEntries.map(({ destination }) => destination),
  }),
  operations: {
    look: 'ListVpcPeerConnections',
    accept: 'AcceptVpcPeerConnection',
    route: 'CreateRouteEntry',
    end: 'DeleteVpcPeerConnection',
  },
};

const huawei: Case<HuaweiHarness> = {
  cloud: 'huawei',
  start: () => huaweiSubject.start(),
  slowDown: (harness) => harness.settings({ deletedVisibleSeconds: 600 }),
  declare: ({ providerId, customer }) => ({
    cloud: {
      kind: 'huawei',
      connectionId: providerId,
      vpcId: customer.vpcId ?? '',
      userId: '0'.repeat(32),
    },
    cidrs: [...customer.cidrs],
  }),
  rejectAsPlatform: (harness, { providerId }) =>
    harness.asPlatform('PUT', `/v2.0/vpc/peerings/${providerId}/reject`),
  left: ({
    peerings,
    routeTables,
  }: {
    peerings: Held[];
    routeTables: { routes: { destination: string }[] }[];
  }) => ({
    peerings: peerings.filter(({ status }) => status !== 'DELETED').map(({ status }) => status),
    routes: routeTables.flatMap(({ routes }) => routes.map(({ destination }) => destination)),
  }),
  operations: {
    look: 'ListVpcPeerings',
    accept: 'AcceptVpcPeering',
    route: 'UpdateRouteTable',
    end: 'DeleteVpcPeering',
  },
};

function describeLife<H extends AlibabaHarness | HuaweiHarness>(subject: Case<H>): void {
  describe(`a connection on ${subject.cloud}`, () => {
    let harness: H;
    let port: CloudPort;
    let network: PlatformNetwork;
    let request: CustomerRequest;
    let life: Life;

    beforeAll(async () => {
      harness = await subject.start();
      port = connectors[subject.cloud]!(harness.options());
    });
    afterAll(async () => {
      port.close();
      await harness.close();
    });
    beforeEach(async () => {
      harness.reset();
      subject.slowDown(harness);
      const { accountId, region } = harness.options();
      const { vpcId } = await harness.createNetwork(PLATFORM_CIDR);
      network = {
        deploymentId: 'dep_1',
        cloud: subject.cloud,
        region,
        accountId,
        vpcId,
        cidrs: [PLATFORM_CIDR],
        routeTableIds: null,
        driftPolicy: 'repair',
      };
      request = await harness.createRequest(network, CUSTOMER_CIDR);
      life = new Life(harness.simulators, port, network, subject.declare(request));
    });

    const left = () => {
      const { simulator } = harness.simulators.cloud(subject.cloud);
      simulator.store.agenda.runDue();
      return subject.left(simulator.books() as never);
    };
    const effects = (operation: string) =>
      harness.simulators
        .cloud(subject.cloud)
        .calls.list({ operation })
        .filter((call) => call.tookEffect).length;
    const upset = (
      operation: string,
      kind: 'drop_after' | 'drop_before' | 'stale_read' | 'throttle',
      times = 1,
    ) => harness.simulators.faults.add({ operation, kind, times });

    it('runs, with a route in every table, made one at a time where the cloud wants it so', async () => {
      await harness.tables.create(network);
      await harness.tables.create(network);
      await life.go();
      expect(life.shown).toEqual({ state: 'running', reason: 'ready' });
      expect(life.connection.status.marked).toBe(true);
      expect(left().routes).toEqual([CUSTOMER_CIDR, CUSTOMER_CIDR, CUSTOMER_CIDR]);
      expect(effects(subject.operations.accept)).toBe(1);
      expect(effects(subject.operations.route)).toBe(3);
    });

    it('runs with one accept and one route although answers are lost, looks are stale and calls throttled', async () => {
      const { accept, look, route } = subject.operations;
      upset(accept, 'throttle');
      upset(accept, 'drop_after');
      upset(look, 'stale_read', 2);
      upset(route, 'drop_before');
      upset(route, 'drop_after');
      await life.go(120_000);
      expect(life.shown).toEqual({ state: 'running', reason: 'ready' });
      expect(effects(accept)).toBe(1);
      expect(effects(route)).toBe(1);
      expect(left().routes).toEqual([CUSTOMER_CIDR]);
    });

    it('gets back a route that somebody has removed, again and again', async () => {
      await life.go();
      const routeTableId = life.connection.status.routes[0]?.routeTableId ?? '';
      const route = { routeTableId, destination: CUSTOMER_CIDR, target: request.providerId };
      for (let time = 0; time < 3; time++) {
        await port.removeRoute(network, route, { mark: 'x', token: `by hand ${time}` });
        harness.simulators.clock.advance(10_000);
        expect(left().routes).toEqual([]);
        await life.go(settings.steadyMs + 60_000);
        expect(life.shown.state).toBe('running');
        expect(left().routes).toEqual([CUSTOMER_CIDR]);
      }
    });

    it('that the customer deletes fails, takes its routes along, and nobody accepts what they ask next', async () => {
      await life.go();
      await harness.deleteAsCustomer(request);
      await life.go(settings.steadyMs * 2);
      expect(life.shown).toEqual({ state: 'failed', reason: 'deleted_by_peer' });
      expect(left()).toEqual({ peerings: [], routes: [] });
      await harness.createRequest(network, '172.20.0.0/16');
      await life.go(settings.steadyMs * 2);
      expect(effects(subject.operations.accept)).toBe(1);
    });

    it('that was rejected at the platform stays to be seen, until it is deleted', async () => {
      await subject.rejectAsPlatform(harness, request);
      await life.go();
      expect(life.shown).toEqual({ state: 'rejected', reason: 'rejected_by_platform' });
      expect(left().peerings).toHaveLength(1);
      life.delete();
      await life.go();
      expect(life.shown).toEqual({ state: 'deleted', reason: 'removed' });
      expect(left().peerings).toEqual([]);
    });

    it.each<[string, () => Promise<unknown>]>([
      ['waits', () => Promise.resolve()],
      ['is being accepted', () => life.go(0)],
      ['runs', () => life.go()],
      ['was rejected', () => subject.rejectAsPlatform(harness, request)],
      [
        'has expired',
        () => {
          harness.simulators.clock.advance(7 * 86_400_000);
          return Promise.resolve();
        },
      ],
      ['was deleted by the customer', () => harness.deleteAsCustomer(request)],
      [
        'runs, and is deleted by the customer at the same time',
        async () => {
          await life.go();
          await harness.deleteAsCustomer(request);
        },
      ],
    ])('that is deleted while it %s leaves nothing', async (_while, happen) => {
      await happen();
      life.delete();
      upset(subject.operations.end, 'drop_after');
      await life.go(300_000);
      expect(life.shown).toEqual({ state: 'deleted', reason: 'removed' });
      expect(left()).toEqual({ peerings: [], routes: [] });
    });
  });
}

describeLife(alibaba);
describeLife(huawei);
