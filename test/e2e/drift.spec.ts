/**
 * What changes under a connection that runs: each is noticed within one interval, told with its cause, put right where
 * that is the broker's to do, and never mistaken for what it is not.
 */
import {
  AssociateVpcCidrBlockCommand,
  DescribeVpcsCommand,
  DisassociateVpcCidrBlockCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { connectors } from '#clouds';
import { DEFAULT_ENGINE_SETTINGS, profileOf, type CloudId, type DriftPolicy } from '#domain';

import type {
  PeeringEventPageView,
  PeeringEventView,
} from '../../apps/api/src/peerings/peering-reads.view.js';
import type { PeeringView } from '../../apps/api/src/peerings/peering.view.js';
import type { AwsHarness } from '../contract/aws.harness.js';
import type { AlibabaHarness } from '../contract/alibaba.harness.js';
import type { CloudHarness } from '../contract/cloud-harness.js';
import type { TencentHarness } from '../contract/tencent.harness.js';
import { CloudStage, CUSTOMER_CIDR, type StagedConnection } from '../support/cloud-stage.js';
import { alibaba, STAGED_CLOUDS, tencent, type StagedCloud } from '../support/cloud-stage-table.js';
import { eventually } from '../support/eventually.js';
import { makeVpc } from '../support/simulated-tencent.js';

const { inFlightMs, missingConfirmMs, staleAfterMs, steadyMs } = DEFAULT_ENGINE_SETTINGS;
const RESERVED_CIDR = '10.20.0.0/16';
const SECOND_CIDR = '172.17.0.0/16';

/** Waits until the broker has nothing to do but to look now and then; time is moved where it waits for its own doing. */
async function calm<H extends CloudHarness>(stage: CloudStage<H>, id: string): Promise<PeeringView> {
  return eventually(`${id} is left alone`, async () => {
    const shown = await stage.read(id);
    const leftMs = Date.parse(shown.status.nextCheckAt ?? '') - stage.now();
    if (leftMs > inFlightMs) return shown;
    if (leftMs > 0) stage.advance(leftMs);
    return false;
  });
}

/** Does something behind the broker's back, and sees what comes of it; that takes one interval at most. */
async function within<H extends CloudHarness, Found>(
  stage: CloudStage<H>,
  change: () => Promise<unknown>,
  awaited: () => Promise<Found>,
): Promise<Found> {
  const before = stage.now();
  await change();
  const found = await awaited();
  expect(stage.now() - before).toBeLessThanOrEqual(steadyMs + 2 * missingConfirmMs);
  return found;
}

/** Waits until the broker has looked again, successfully; time is moved to where it looks. */
async function nextLook<H extends CloudHarness>(stage: CloudStage<H>, id: string): Promise<PeeringView> {
  const { lastObservedAt } = (await stage.read(id)).status;
  return eventually('there was another look', () =>
    driven(stage, id, ({ status }) => status.lastObservedAt !== lastObservedAt),
  );
}

/** The connection if it is as awaited; else time is moved to where the broker does something next. */
async function driven<H extends CloudHarness>(
  stage: CloudStage<H>,
  id: string,
  isAwaited: (shown: PeeringView) => boolean | Promise<boolean>,
): Promise<PeeringView | false> {
  const shown = await stage.read(id);
  if (await isAwaited(shown)) return shown;
  const leftMs = Date.parse(shown.status.nextCheckAt ?? '') - stage.now();
  if (leftMs > 0) stage.advance(leftMs);
  return false;
}

async function eventsOf<H extends CloudHarness>(
  stage: CloudStage<H>,
  id: string,
  type: string,
): Promise<PeeringEventView[]> {
  const { body } = await stage.ask<PeeringEventPageView>('GET', `peerings/${id}/events?limit=200`);
  return body.items.filter((event) => event.type === type);
}

async function runs<H extends CloudHarness>(
  stage: CloudStage<H>,
  cidr = CUSTOMER_CIDR,
): Promise<StagedConnection> {
  const connection = await stage.connect(cidr);
  await calm(stage, connection.id);
  return connection;
}

describe.each(STAGED_CLOUDS)('under a connection that runs on $cloud', (subject) => {
  const { operations } = subject.contract;
  const joining = operations.accept ?? operations.request!;
  let stage: CloudStage;

  beforeAll(async () => {
    stage = await CloudStage.open(subject);
  });
  afterEach(() => stage.clear());
  afterAll(() => stage.close());

  it('is looked at again and again, at most five minutes apart', async () => {
    const { id } = await runs(stage);
    for (let look = 0; look < 3; look += 1) {
      const { lastObservedAt, nextCheckAt } = (await stage.read(id)).status;
      const apartMs = Date.parse(nextCheckAt!) - Date.parse(lastObservedAt!);
      expect(apartMs).toBeGreaterThan(inFlightMs);
      expect(apartMs).toBeLessThanOrEqual(steadyMs);
      await nextLook(stage, id);
    }
  });

  it('the customer deletes their side: it ends, nothing is left, and nothing is made anew', async () => {
    const { id, deployment, request } = await runs(stage);
    const { status } = await within(
      stage,
      () => stage.harness.deleteAsCustomer(request),
      () => stage.until(id, 'failed'),
    );
    expect(status.reason.code).toBe('deleted_by_peer');
    stage.advance(3 * steadyMs);
    stage.advance(3 * steadyMs);
    expect((await stage.read(id)).status.state).toBe('failed');
    const { pending, joined, routes } = await stage.holdings(deployment);
    expect({ pending, joined, routes }).toEqual({ pending: [], joined: [], routes: [] });
    expect(stage.effects(joining)).toBe(1);
  });

  it.each([
    ['connections', operations.observePeerings],
    ['routes', operations.observeRoutes],
  ])('one look that shows the %s of before it was made changes nothing', async (_, operation) => {
    const deployment = await stage.deploy();
    const request = await stage.request(deployment);
    stage.advance(5_000);
    const beforeAt = stage.now();
    stage.advance(5_000);
    const id = await stage.declare(deployment, subject.declare(request));
    await stage.approve({ id, deployment, request });
    await stage.until(id, 'running');
    const { nextCheckAt } = (await calm(stage, id)).status;
    const held = await stage.holdings(deployment);
    const events = async () => [
      ...(await eventsOf(stage, id, 'peering.state_changed')),
      ...(await eventsOf(stage, id, 'peering.cloud_call')),
      ...(await eventsOf(stage, id, 'peering.route_drift')),
    ];
    const before = await events();
    const ms = Date.parse(nextCheckAt!) - beforeAt;
    const fault = stage.fault({ kind: 'stale_read', ms, operation, times: 1 });
    await nextLook(stage, id);
    await stage.untilStruck(fault);
    expect((await stage.read(id)).status).toMatchObject({ state: 'running', reason: { code: 'ready' } });
    await nextLook(stage, id);
    const { status } = await calm(stage, id);
    expect(status).toMatchObject({ state: 'running', ready: true, reason: { code: 'ready' } });
    expect(await events()).toEqual(before);
    expect(await stage.holdings(deployment)).toEqual(held);
  });

  const isFresh = ({ status }: PeeringView): boolean =>
    status.conditions.some((condition) => condition.type === 'Fresh' && condition.status === 'True');

  it('an outage leaves the state alone and marks it stale after a while', async () => {
    const { id } = await runs(stage);
    const changes = (await eventsOf(stage, id, 'peering.state_changed')).length;
    const seenAt = Date.parse((await stage.read(id)).status.lastObservedAt!);
    stage.fault({ kind: 'server_error' });
    const stale = await eventually('it is stale', () => driven(stage, id, (shown) => !isFresh(shown)));
    expect(stale.status).toMatchObject({ state: 'running', reason: { code: 'ready' } });
    expect(stage.now() - seenAt).toBeGreaterThanOrEqual(staleAfterMs);
    stage.mend();
    await eventually('it is fresh', () => driven(stage, id, isFresh));
    expect(await eventsOf(stage, id, 'peering.state_changed')).toHaveLength(changes);
  });

  it('throttled looks leave the state alone', async () => {
    const { id } = await runs(stage);
    const changes = (await eventsOf(stage, id, 'peering.state_changed')).length;
    const { lastObservedAt } = (await stage.read(id)).status;
    const fault = stage.fault({ kind: 'throttle', operation: operations.observePeerings, times: 2 });
    await eventually('it is seen again', () =>
      driven(stage, id, ({ status }) => status.lastObservedAt !== lastObservedAt),
    );
    await stage.untilStruck(fault);
    const seen = await stage.read(id);
    expect(seen.status).toMatchObject({ state: 'running', reason: { code: 'ready' } });
    expect(await eventsOf(stage, id, 'peering.state_changed')).toHaveLength(changes);
  });

  it('an operator reserves its addresses: it runs on and is reported, and no other one gets them', async () => {
    const { id, deployment } = await runs(stage);
    const before = await stage.holdings(deployment);
    // The database counts by the machine's clock, which has not moved.
    const effectiveFrom = '2020-01-01T00:00:00Z';
    const reserved = { from: '172.16.0.0', to: '172.16.0.255', version: 2, effectiveFrom };
    const { body: range } = await stage.operate<{ id: string; affectedPeerings: number }>(
      'POST',
      'reserved-ranges',
      reserved,
    );
    const { body: affected } = await stage.operate<{ items: { id: string; cidrs: string[] }[] }>(
      'GET',
      `reserved-ranges/${range.id}/affected-peerings`,
    );
    expect(affected.items.filter((each) => each.id === id)).toMatchObject([{ cidrs: [CUSTOMER_CIDR] }]);
    expect(range.affectedPeerings).toBe(affected.items.length);
    await nextLook(stage, id);
    await nextLook(stage, id);
    expect((await stage.read(id)).status).toMatchObject({ state: 'running', reason: { code: 'ready' } });
    expect(await stage.holdings(deployment)).toEqual(before);
    const other = await stage.deploy();
    const spec = { ...subject.declare(await stage.request(other)), cidrs: [CUSTOMER_CIDR] };
    expect(await stage.post(other, spec)).toMatchObject({
      status: 422,
      body: { conflicts: [{ kind: 'reserved', cidr: CUSTOMER_CIDR }] },
    });
    expect(await stage.operate('DELETE', `reserved-ranges/${range.id}`)).toMatchObject({ status: 204 });
  });

  it('the permissions of the platform account are revoked: that is told, and nothing else happens', async () => {
    const { id, deployment } = await runs(stage);
    const before = await stage.holdings(deployment);
    const { accountId } = stage.harness.options();
    const permit = (denied: boolean) =>
      stage.control('permissions', { accountId, operation: operations.observePeerings, denied });
    const { status } = await within(
      stage,
      () => permit(true),
      () => stage.untilReason(id, 'platform_access_denied'),
    );
    expect(status).toMatchObject({ state: 'running', nextActions: [{ actor: 'operator' }, {}, {}] });
    await permit(false);
    await stage.untilReason(id, 'ready');
    // That is the one thing that operators are told of as an error.
    const told = stage.troubles.splice(0).filter(({ level }) => level === 'error');
    expect(told.map(({ msg }) => msg)).toEqual([
      expect.stringContaining('the cloud refuses the platform account'),
    ]);
    expect(await stage.holdings(deployment)).toEqual(before);
  });
});

const WHERE_THE_PLATFORM_ROUTES = STAGED_CLOUDS.filter(
  ({ cloud }) => profileOf(cloud).capabilities.routing === 'platform',
);

describe.each(WHERE_THE_PLATFORM_ROUTES)('a route that somebody removes on $cloud', (subject) => {
  let stage: CloudStage;

  beforeAll(async () => {
    stage = await CloudStage.open(subject);
  });
  afterEach(() => stage.clear());
  afterAll(() => stage.close());

  /** Somebody at the platform does it. */
  async function removeRoutes({ deployment }: StagedConnection): Promise<void> {
    const port = connectors[subject.cloud]!(stage.harness.options());
    const { routes } = await stage.holdings(deployment);
    for (const { table, destination, target } of routes) {
      const context = { mark: 'somebody', token: `removal-of-${table}-${destination}` };
      await port.removeRoute(deployment.network, { routeTableId: table, destination, target }, context);
    }
    port.close();
    expect((await stage.holdings(deployment)).routes).toEqual([]);
  }

  async function underPolicy(driftPolicy: DriftPolicy): Promise<StagedConnection> {
    const deployment = await stage.deploy();
    const { status } = await stage.operate('PATCH', `deployments/${deployment.id}`, { driftPolicy });
    expect(status).toBe(200);
    const connection = await stage.connect(CUSTOMER_CIDR, deployment);
    await calm(stage, connection.id);
    return connection;
  }

  it('is put back, and what was wanted, recorded and observed is told', async () => {
    const connection = await runs(stage);
    const { id, deployment, request } = connection;
    const before = (await stage.holdings(deployment)).routes;
    await within(
      stage,
      () => removeRoutes(connection),
      async () => {
        await eventually('the route is back', () =>
          driven(stage, id, async () => (await stage.holdings(deployment)).routes.length === before.length),
        );
      },
    );
    await stage.until(id, 'running');
    expect((await stage.holdings(deployment)).routes).toEqual(before);
    const [table] = before;
    const place = { routeTableId: table!.table, destination: CUSTOMER_CIDR };
    const drift = await eventsOf(stage, id, 'peering.route_drift');
    expect(drift.map(({ data }) => data)).toEqual([
      {
        wanted: [{ ...place, target: request.providerId }],
        recorded: [place],
        observed: [{ ...place, state: 'missing' }],
      },
    ]);
    const moves = (await eventsOf(stage, id, 'peering.state_changed')).slice(-2);
    expect(moves.map(({ data }) => [data['to'], data['reason']])).toEqual([
      ['degraded', 'route_missing'],
      ['running', 'ready'],
    ]);
  });

  it('is only told where the deployment reports', async () => {
    const connection = await underPolicy('report');
    const { status } = await within(
      stage,
      () => removeRoutes(connection),
      () => stage.until(connection.id, 'degraded'),
    );
    expect(status).toMatchObject({ reason: { code: 'route_missing' }, nextActions: [{ actor: 'operator' }] });
    expect(await stage.ask('POST', `peerings/${connection.id}/repair`)).toMatchObject({
      status: 409,
      body: { code: 'drift_only_reported' },
    });
    stage.advance(inFlightMs);
    await nextLook(stage, connection.id);
    expect((await stage.holdings(connection.deployment)).routes).toEqual([]);
  });

  it('is put back once the customer says yes where the deployment asks; the next one is asked about anew', async () => {
    const connection = await underPolicy('ask');
    const { id, deployment } = connection;
    for (let times = 0; times < 2; times += 1) {
      await within(
        stage,
        () => removeRoutes(connection),
        () => stage.until(id, 'degraded'),
      );
      await nextLook(stage, id);
      const { status } = await stage.read(id);
      expect(status).toMatchObject({ state: 'degraded', nextActions: [{ code: 'approve_repair' }] });
      expect((await stage.holdings(deployment)).routes).toEqual([]);
      expect(await stage.ask('POST', `peerings/${id}/repair`)).toMatchObject({ status: 202 });
      await stage.until(id, 'running');
      expect((await stage.holdings(deployment)).routes).toHaveLength(1);
      await calm(stage, id);
    }
    expect(await eventsOf(stage, id, 'peering.repair_granted')).toHaveLength(2);
    expect(await eventsOf(stage, id, 'peering.route_drift')).toHaveLength(2);
  });
});

describe('a route that leads nowhere on aws', () => {
  const aws = STAGED_CLOUDS.find(({ cloud }) => cloud === 'aws')! as unknown as StagedCloud<AwsHarness>;
  let stage: CloudStage<AwsHarness>;

  beforeAll(async () => {
    stage = await CloudStage.open(aws);
  });
  afterEach(() => stage.clear());
  afterAll(() => stage.close());

  it('is replaced, and told as what it was', async () => {
    const { id, deployment } = await runs(stage);
    const [route] = (await stage.holdings(deployment)).routes;
    const { table, destination, target } = route!;
    await within(
      stage,
      () => stage.control('break-route', { routeTableId: table, destination }),
      () => stage.untilReason(id, 'route_blackhole'),
    );
    await stage.until(id, 'running');
    expect(stage.effects('ReplaceRoute')).toBe(1);
    const [drift] = await eventsOf(stage, id, 'peering.route_drift');
    expect(drift?.data).toMatchObject({
      observed: [{ routeTableId: table, destination, state: 'blackhole', target }],
    });
  });
});

/** How customers add and remove blocks of their network, where the cloud tells the platform of them. */
interface Blocks {
  readonly cloud: CloudId;
  open(): Promise<{
    readonly stage: CloudStage;
    add(connection: StagedConnection, cidr: string): Promise<unknown>;
    remove(connection: StagedConnection, cidr: string): Promise<unknown>;
  }>;
}

const BLOCKS: readonly Blocks[] = [
  {
    cloud: 'aws',
    async open() {
      const subject = STAGED_CLOUDS.find(
        ({ cloud }) => cloud === 'aws',
      )! as unknown as StagedCloud<AwsHarness>;
      const stage = await CloudStage.open(subject);
      const { customer } = stage.harness;
      return {
        stage: stage as unknown as CloudStage,
        add: ({ request }, CidrBlock) =>
          customer.send(new AssociateVpcCidrBlockCommand({ VpcId: request.customer.vpcId, CidrBlock })),
        remove: async ({ request }, cidr) => {
          const { Vpcs } = await customer.send(
            new DescribeVpcsCommand({ VpcIds: [request.customer.vpcId!] }),
          );
          const association = Vpcs?.[0]?.CidrBlockAssociationSet?.find(({ CidrBlock }) => CidrBlock === cidr);
          return customer.send(
            new DisassociateVpcCidrBlockCommand({ AssociationId: association?.AssociationId }),
          );
        },
      };
    },
  },
  {
    cloud: 'alibaba',
    async open() {
      const stage = await CloudStage.open<AlibabaHarness>(alibaba);
      const { alibaba: cloud } = stage.harness;
      const change = (
        { deployment, request }: StagedConnection,
        operation: string,
        SecondaryCidrBlock: string,
      ) =>
        cloud.call(cloud.customer, 'Vpc', operation, {
          RegionId: deployment.network.region,
          VpcId: request.customer.vpcId!,
          SecondaryCidrBlock,
        });
      return {
        stage: stage as unknown as CloudStage,
        add: (connection, cidr) => change(connection, 'AssociateVpcCidrBlock', cidr),
        remove: (connection, cidr) => change(connection, 'UnassociateVpcCidrBlock', cidr),
      };
    },
  },
  {
    cloud: 'tencent',
    async open() {
      const stage = await CloudStage.open<TencentHarness>(tencent);
      const vpcs = new Map<string, string>();
      return {
        stage: stage as unknown as CloudStage,
        add: async ({ request }, cidr) => {
          const vpcId = await makeVpc(stage.harness.customer, cidr);
          vpcs.set(cidr, vpcId);
          await stage.harness.join(request.providerId, vpcId);
        },
        remove: ({ request }, cidr) =>
          stage.harness.customer.DetachCcnInstances({
            CcnId: request.providerId,
            Instances: [
              {
                InstanceId: vpcs.get(cidr)!,
                InstanceRegion: stage.harness.options().region,
                InstanceType: 'VPC',
              },
            ],
          }),
      };
    },
  },
];

describe.each(BLOCKS)('a customer on $cloud who', (blocks) => {
  let opened: Awaited<ReturnType<Blocks['open']>>;
  let stage: CloudStage;

  beforeAll(async () => {
    opened = await blocks.open();
    stage = opened.stage;
  });
  afterEach(() => stage.clear());
  afterAll(() => stage.close());

  const destinations = async ({ deployment }: StagedConnection): Promise<string[]> =>
    (await stage.holdings(deployment)).routes.map(({ destination }) => destination).sort();
  const isRouted = profileOf(blocks.cloud).capabilities.routing === 'platform';

  it('adds a block later has it admitted and routed, and taken back with the block', async () => {
    const connection = await runs(stage);
    const { id } = connection;
    const preview = async (): Promise<readonly string[]> =>
      (await stage.ask<{ cidrs: string[] }>('GET', `peerings/${id}/deletion-preview`)).body.cidrs;
    const untilAdmitted = (cidrs: readonly string[]) =>
      eventually(`${cidrs.join(', ')} are admitted`, () =>
        driven(stage, id, async () => (await preview()).join() === cidrs.join()),
      );
    await within(
      stage,
      () => opened.add(connection, SECOND_CIDR),
      () => untilAdmitted([CUSTOMER_CIDR, SECOND_CIDR]),
    );
    await stage.until(id, 'running');
    await calm(stage, id);
    if (isRouted) expect(await destinations(connection)).toEqual([CUSTOMER_CIDR, SECOND_CIDR]);
    await within(
      stage,
      () => opened.remove(connection, SECOND_CIDR),
      () => untilAdmitted([CUSTOMER_CIDR]),
    );
    await calm(stage, id);
    if (isRouted) expect(await destinations(connection)).toEqual([CUSTOMER_CIDR]);
    expect((await stage.read(id)).status.state).toBe('running');
  });

  it('adds a reserved block is told so; the rest goes on, and all is well when it is gone', async () => {
    const connection = await runs(stage);
    const { id } = connection;
    const { status } = await within(
      stage,
      () => opened.add(connection, RESERVED_CIDR),
      () => stage.untilReason(id, 'peer_cidr_conflict'),
    );
    expect(status.state).toBe('degraded');
    expect(status.reason.message).toContain(RESERVED_CIDR);
    expect(status.nextActions.map(({ code }) => code)).toEqual(['choose_other_cidr']);
    if (isRouted) expect(await destinations(connection)).toEqual([CUSTOMER_CIDR]);
    await within(
      stage,
      () => opened.remove(connection, RESERVED_CIDR),
      () => stage.until(id, 'running'),
    );
  });
});
