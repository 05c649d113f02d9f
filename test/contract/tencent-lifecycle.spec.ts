/** The engine's rules, Tencent's adapter and its cloud together, in the cloud's time: no database, no queue. */
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
  type CloudPort,
  type PeeringConnection,
  type PlatformNetwork,
} from '#domain';
import { codeOf, instance, makeCcn, makeVpc, REGION } from '../support/simulated-tencent.js';
import { TencentHarness } from './tencent.harness.js';

const profile = profileOf('tencent');
const WINDOW_MS = settings.approvalWindowMs;

/** One connection and the engine that looks after it. */
class Life {
  connection: PeeringConnection;

  constructor(
    private readonly harness: TencentHarness,
    private readonly port: CloudPort,
    private readonly network: PlatformNetwork,
    ccnId: string,
  ) {
    const ccnOwnerUin = harness.tencent.customer.accountId;
    const spec = { cloud: { kind: 'tencent', ccnId, ccnOwnerUin } as const, cidrs: [] };
    this.connection = {
      id: 'peer_01k0000000000000000000000',
      tenantId: 'ten_1',
      deploymentId: network.deploymentId,
      cloud: 'tencent',
      createdAt: this.now,
      desired: 'present',
      spec,
      locked: false,
      status: startAttempt(profile, spec, this.now),
    };
  }

  private get now(): number {
    return this.harness.simulators.clock.now();
  }

  get shown() {
    const { state, reason } = this.connection.status;
    return { state, reason: reason.code };
  }

  delete(): void {
    const status = startDeletion(this.connection.status, this.now);
    this.connection = { ...this.connection, desired: 'absent', status };
  }

  retry(): void {
    const status = startAttempt(profile, this.connection.spec, this.now);
    this.connection = { ...this.connection, status };
  }

  /** Turns of the engine, each when it asked for it, until it rests, waits for somebody, or so much time has passed. */
  async go(ms = 60_000): Promise<void> {
    const until = this.now + ms;
    while (!isAtRest(this.connection)) {
      const { recheckInMs, acted } = await this.#turn();
      if (acted) continue;
      const next = this.now + (recheckInMs ?? Infinity);
      if (next > until) break;
      this.harness.simulators.clock.advance(recheckInMs ?? 0);
    }
    this.harness.simulators.clock.set(Math.max(this.now, until));
  }

  async #turn(): Promise<{ recheckInMs: number | null; acted: boolean }> {
    const at = this.now;
    const [peerings, routeTables] = await Promise.all([
      this.port.observePeerings(this.network),
      needsRoutes(this.connection) ? this.port.observeRoutes(this.network) : null,
    ]);
    const { status, action, recheckInMs } = decide({
      connection: this.connection,
      network: this.network,
      profile,
      plan: {
        reserved: [{ id: 'rsv_1', from: '10.10.0.0', to: '10.64.255.255', version: 1 }],
        deploymentCidrs: this.network.cidrs,
        peers: [],
      },
      sighting: { at, peering: profile.find(this.connection.spec.cloud, peerings, null), routeTables },
      settings,
      now: at,
    });
    this.connection = { ...this.connection, status };
    if (action === null) return { recheckInMs, acted: false };
    let error = null;
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
    switch (action.kind) {
      case 'request_attachment':
        return this.port.requestAttachment(this.network, action, context);
      case 'withdraw_attachment':
        return this.port.withdrawAttachment(this.network, action, context);
      default:
        throw new Error(`On Tencent Cloud there is no reason to ${action.kind}.`);
    }
  }
}

describe('a connection on Tencent Cloud', () => {
  let harness: TencentHarness;
  let port: CloudPort;
  let network: PlatformNetwork;
  let ccnId: string;
  let life: Life;

  beforeAll(async () => {
    harness = await TencentHarness.start();
    port = connectors.tencent!(harness.options());
  });
  afterAll(async () => {
    port.close();
    await harness.close();
  });

  beforeEach(async () => {
    harness.reset();
    // Hours pass in a second here.
    await harness.control('settings', { rateLimits: false });
    const { vpcId } = await harness.createNetwork('10.11.0.0/16');
    network = {
      deploymentId: 'dep_1',
      cloud: 'tencent',
      region: REGION,
      accountId: harness.tencent.platform.accountId,
      vpcId,
      cidrs: ['10.11.0.0/16'],
      routeTableIds: null,
      driftPolicy: 'repair',
    };
    ccnId = await makeCcn(harness.customer);
    await harness.join(ccnId, await makeVpc(harness.customer, '172.16.0.0/16'));
    life = new Life(harness, port, network, ccnId);
  });

  const platform = () => ({ CcnId: ccnId, Instances: [instance(network.vpcId)] });
  const named = () => ({ ccnId, instanceId: network.vpcId });
  const approve = () => harness.customer.AcceptAttachCcnInstances(platform());
  const left = () => harness.statesOf(network.vpcId);

  it('runs once the customer has approved', async () => {
    await life.go();
    expect(life.shown).toEqual({ state: 'awaiting_approval', reason: 'approval_required' });
    await approve();
    await life.go();
    expect(life.shown).toEqual({ state: 'running', reason: 'ready' });
    expect(life.connection.status.admittedCidrs).toEqual(['172.16.0.0/16']);
  });

  it('is withdrawn within seconds of its deadline, cannot be approved later, and can be retried', async () => {
    await life.go(WINDOW_MS - 5_000);
    expect(await left()).toEqual(['PENDING']);
    await life.go(10_000);
    expect(life.shown).toEqual({ state: 'failed', reason: 'approval_window_elapsed' });
    expect(await left()).toEqual([]);
    expect(await codeOf(approve())).toBe('UnsupportedOperation.CcnNotAttached');
    life.retry();
    await life.go();
    await approve();
    await life.go();
    expect(life.shown.state).toBe('running');
  });

  it('counts as approved when nobody looked until after the deadline', async () => {
    await life.go(1_000);
    harness.simulators.clock.advance(WINDOW_MS - 60_000);
    await approve();
    harness.simulators.clock.advance(120_000);
    await life.go();
    expect(life.shown.state).toBe('running');
  });

  it('takes back what is approved while it is being withdrawn', async () => {
    await life.go(1_000);
    harness.simulators.clock.advance(WINDOW_MS);
    harness.simulators.faults.add({ operation: 'DetachCcnInstances', kind: 'drop_before', times: 1 });
    await life.go(0);
    await approve();
    await life.go();
    expect(life.shown).toEqual({ state: 'failed', reason: 'approval_window_elapsed' });
    expect(await left()).toEqual([]);
  });

  it('asks once although answers are lost and looks are stale', async () => {
    const { faults } = harness.simulators;
    faults.add({ operation: 'AttachCcnInstances', kind: 'drop_after', times: 1 });
    faults.add({ operation: 'DescribeCcnAttachedInstances', kind: 'stale_read', times: 3 });
    await life.go();
    expect(life.shown.state).toBe('awaiting_approval');
    expect(await left()).toEqual(['PENDING']);
  });

  it('that was rejected is asked for again in place', async () => {
    await life.go(1_000);
    await harness.customer.RejectAttachCcnInstances(platform());
    await life.go();
    expect(life.shown).toEqual({ state: 'rejected', reason: 'rejected_by_peer' });
    life.retry();
    harness.simulators.faults.add({
      operation: 'DescribeCcnAttachedInstances',
      kind: 'stale_read',
      times: 1,
    });
    await life.go();
    expect(life.shown.state).toBe('awaiting_approval');
  });

  it('that the customer detaches fails, and nobody asks again', async () => {
    await life.go(1_000);
    await approve();
    await life.go();
    await harness.customer.DetachCcnInstances(platform());
    await life.go(settings.steadyMs * 2);
    expect(life.shown).toEqual({ state: 'failed', reason: 'deleted_by_peer' });
    expect(await left()).toEqual([]);
  });

  it.each([
    ['no such CCN', 'ccn-00000000', 'peer_network_not_found'],
    ['a CCN that is none', 'ccn-zzzzzzzz', 'peer_network_not_found'],
  ])('that names %s fails and says so', async (_, wrong, reason) => {
    life = new Life(harness, port, network, wrong);
    await life.go();
    expect(life.shown).toEqual({ state: 'failed', reason });
  });

  it('of a VPC that is in another CCN fails and says so', async () => {
    const other = await makeCcn(harness.platform);
    await harness.platform.AttachCcnInstances({ CcnId: other, Instances: [instance(network.vpcId)] });
    await life.go();
    expect(life.shown).toEqual({ state: 'failed', reason: 'attachment_exists' });
    expect(life.connection.status.reason.params['detail']).toContain(other);
    expect(await left()).toEqual(['ACTIVE']);
  });

  it('whose CCN has the deployment’s own block is taken back', async () => {
    await harness.join(ccnId, await makeVpc(harness.customer, '10.11.128.0/20'));
    await life.go(1_000);
    await approve();
    await life.go();
    expect(life.shown.state).toBe('failed');
    expect(life.shown.reason).toMatch(/^cidr_/);
    expect(await left()).toEqual([]);
  });

  it('is degraded while a route of the CCN is disabled', async () => {
    await life.go(1_000);
    await approve();
    await life.go();
    await harness.join(ccnId, await makeVpc(harness.customer, '172.16.64.0/20'));
    await life.go(settings.steadyMs);
    expect(life.shown).toEqual({ state: 'degraded', reason: 'route_disabled' });
  });

  it.each<[string, () => Promise<unknown>]>([
    ['pending', () => Promise.resolve()],
    ['being attached', approve],
    ['rejected', () => harness.customer.RejectAttachCcnInstances(platform())],
    ['expired', () => harness.control('set-attachment-state', { ...named(), state: 'EXPIRED' })],
    ['detached by the customer', () => harness.customer.DetachCcnInstances(platform())],
    ['failed', () => harness.control('set-attachment-state', { ...named(), state: 'FAILED' })],
  ])('that is deleted while it is %s leaves nothing', async (_, happen) => {
    await life.go(1_000);
    await happen();
    life.delete();
    await life.go();
    expect(life.shown).toEqual({ state: 'deleted', reason: 'removed' });
    expect(await left()).toEqual([]);
  });

  it('that is deleted before anybody has seen its request leaves nothing', async () => {
    harness.simulators.faults.add({ operation: 'AttachCcnInstances', kind: 'drop_after', times: 1 });
    await life.go(0);
    life.delete();
    harness.simulators.faults.add({
      operation: 'DescribeCcnAttachedInstances',
      kind: 'stale_read',
      times: 1,
    });
    await life.go();
    expect(life.shown.state).toBe('deleted');
    expect(await left()).toEqual([]);
  });
});
