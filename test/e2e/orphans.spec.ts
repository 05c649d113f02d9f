/** What the broker has left in a platform network: found, reported, removed in its time, and nothing else with it. */
import {
  AcceptVpcPeeringConnectionCommand,
  CreateRouteCommand,
  CreateTagsCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '#runtime';

import type { AuditEventView } from '../../apps/api/src/audit/audit-event.view.js';
import type { OrphanView } from '../../apps/api/src/operator/orphan.view.js';
import type { AlibabaHarness } from '../contract/alibaba.harness.js';
import type { AwsHarness } from '../contract/aws.harness.js';
import type { CloudHarness } from '../contract/cloud-harness.js';
import type { HuaweiHarness } from '../contract/huawei.harness.js';
import type { OutscaleHarness } from '../contract/outscale.harness.js';
import type { TencentHarness } from '../contract/tencent.harness.js';
import {
  CloudStage,
  CUSTOMER_CIDR,
  PLATFORM_CIDR,
  type StagedConnection,
  type StagedDeployment,
} from '../support/cloud-stage.js';
import {
  alibaba,
  aws,
  huawei,
  outscale,
  tencent,
  type Holdings,
  type StagedCloud,
} from '../support/cloud-stage-table.js';
import { eventually } from '../support/eventually.js';
import { codeOf, instance } from '../support/simulated-tencent.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Searches as in production. */
const SEARCHED = {
  env: { ORPHAN_CHECK_SECONDS: '3600', ORPHAN_GRACE_SECONDS: '86400', WORKER_PORT: '0' },
};

/** Longer than it takes until the first search, a search by itself, or a removal to be confirmed. */
const A_WHILE_MS = 2 * MINUTE_MS;
const NEXT_SEARCH_MS = 1.2 * HOUR_MS;

interface OrphanPage {
  readonly items: readonly OrphanView[];
}

class Watch<H extends CloudHarness> {
  constructor(readonly stage: CloudStage<H>) {}

  async orphans({ id }: Pick<StagedDeployment, 'id'>, state?: string): Promise<readonly OrphanView[]> {
    const filter = state === undefined ? '' : `&state=${state}`;
    const { body } = await this.stage.operate<OrphanPage>('GET', `orphans?deployment=${id}${filter}`);
    return body.items;
  }

  /** Waits until what was found is as wanted; time passes meanwhile, so that what is due soon comes. */
  until(
    deployment: Pick<StagedDeployment, 'id'>,
    what: string,
    isAwaited: (orphans: readonly OrphanView[]) => boolean,
  ): Promise<readonly OrphanView[]> {
    return eventually(what, async () => {
      const shown = await this.orphans(deployment);
      if (isAwaited(shown)) return shown;
      this.stage.advance(5_000, { wakes: false });
      return false;
    });
  }

  /** Lets time pass, and waits until no search that is due by then is left. */
  async searched(deployment: Pick<StagedDeployment, 'id'>, afterMs: number): Promise<void> {
    this.stage.advance(afterMs, { wakes: false });
    await eventually(
      'the network is searched',
      async () => (await this.stage.nextSearch(deployment)) > this.stage.now(),
    );
  }

  async forget({ id }: StagedConnection): Promise<void> {
    const { status } = await this.stage.operate('POST', `peerings/${id}/forget`, { confirm: id });
    expect(status).toBe(200);
  }

  /** Forgets a connection that ran; what is found of it then: the connection in the cloud, and its route. */
  async leftBehind(connection: StagedConnection): Promise<readonly OrphanView[]> {
    await this.forget(connection);
    this.stage.advance(A_WHILE_MS, { wakes: false });
    return this.until(connection.deployment, 'it is found', ({ length }) => length === 2);
  }
}

const statesOf = (orphans: readonly OrphanView[]): string[] => orphans.map(({ state }) => state);
const are =
  (...states: readonly string[]) =>
  (orphans: readonly OrphanView[]): boolean =>
    orphans.length > 0 && orphans.every(({ state }) => states.includes(state));

/** What people at the platform do in the console of a cloud. */
interface Subject<H extends CloudHarness = CloudHarness> {
  readonly cloud: StagedCloud<H>;
  /** What proves that a route is the broker's. */
  readonly routeEvidence: 'mark' | 'history';
  readonly accept: (harness: H, providerId: string) => Promise<unknown>;
  readonly addRoute: (harness: H, table: string, cidr: string, providerId: string) => Promise<unknown>;
  /** Leaves the mark as the broker leaves its own. */
  readonly mark: (harness: H, providerId: string, mark: string, region: string) => Promise<unknown>;
}

const MARK_TAG = 'peering-broker:connection';

const onAws: Subject<AwsHarness> = {
  cloud: aws,
  routeEvidence: 'history',
  accept: ({ platform }, id) =>
    platform.send(new AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId: id })),
  addRoute: ({ platform }, table, cidr, id) => {
    const route = { RouteTableId: table, DestinationCidrBlock: cidr, VpcPeeringConnectionId: id };
    return platform.send(new CreateRouteCommand(route));
  },
  mark: ({ platform }, id, mark) =>
    platform.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key: MARK_TAG, Value: mark }] })),
};

const onAlibaba: Subject<AlibabaHarness> = {
  cloud: alibaba,
  routeEvidence: 'mark',
  accept: (harness, id) => harness.peer(harness.alibaba.platform, 'AcceptVpcPeerConnection', id),
  addRoute: (harness, table, cidr, id) => harness.addRoute(table, cidr, id),
  mark: ({ alibaba: cloud }, id, mark, region) =>
    cloud.call(cloud.platform, 'VpcPeer', 'TagResources', {
      RegionId: region,
      ResourceType: 'PeerConnection',
      'ResourceId.1': id,
      'Tag.1.Key': MARK_TAG,
      'Tag.1.Value': mark,
    }),
};

const onHuawei: Subject<HuaweiHarness> = {
  cloud: huawei,
  routeEvidence: 'mark',
  accept: (harness, id) => harness.asPlatform('PUT', `/v2.0/vpc/peerings/${id}/accept`),
  addRoute: (harness, table, cidr, id) => harness.addRoute(table, cidr, id),
  mark: (harness, id, mark) =>
    harness.asPlatform('PUT', `/v2.0/vpc/peerings/${id}`, {
      peering: { description: `[${MARK_TAG}=${mark}]` },
    }),
};

const onOutscale: Subject<OutscaleHarness> = {
  cloud: outscale,
  routeEvidence: 'history',
  accept: ({ platform }, id) => platform('AcceptNetPeering', { NetPeeringId: id }),
  addRoute: ({ platform }, table, cidr, id) =>
    platform('CreateRoute', { RouteTableId: table, DestinationIpRange: cidr, NetPeeringId: id }),
  mark: ({ platform }, id, mark) =>
    platform('CreateTags', { ResourceIds: [id], Tags: [{ Key: MARK_TAG, Value: mark }] }),
};

const SUBJECTS = [onAws, onAlibaba, onHuawei, onOutscale] as unknown as readonly Subject[];

/**
 * What others have in the platform network: a connection that a person has accepted and routes to, one that another
 * broker marks as its own, and a request that nobody has answered. Answers with the ids of the connections.
 */
async function makeForeign(
  { accept, addRoute, mark }: Subject,
  { harness }: CloudStage,
  { network }: StagedDeployment,
  table: string,
): Promise<readonly string[]> {
  const join = async (cidr: string): Promise<string> => {
    const { providerId } = await harness.createRequest(network, cidr);
    await accept(harness, providerId);
    await addRoute(harness, table, cidr, providerId);
    return providerId;
  };
  const byHand = await join('172.30.0.0/16');
  const byAnother = await join('172.31.0.0/16');
  await mark(harness, byAnother, newId('peer'), network.region);
  await harness.createRequest(network, '172.29.0.0/16');
  return [byHand, byAnother];
}

describe.each(SUBJECTS)('what is left on $cloud.cloud', (subject) => {
  const { cloud, routeEvidence } = subject;
  let stage: CloudStage;
  let watch: Watch<CloudHarness>;

  beforeAll(async () => {
    stage = await CloudStage.open(cloud, SEARCHED);
    watch = new Watch(stage);
  });
  afterEach(() => stage.clear());
  afterAll(() => stage.close());

  it('by a forgotten connection is reported, left alone for a day, and removed; what is others’ stays', async () => {
    const connection = await stage.connect();
    const { deployment, request } = connection;
    const { providerId } = request;
    const [table = ''] = (await stage.holdings(deployment)).tables;
    const foreign = await makeForeign(subject, stage, deployment, table);
    const before = await stage.holdings(deployment);
    expect([...before.joined].sort()).toEqual([providerId, ...foreign].sort());
    expect(before.pending).toHaveLength(1);

    const found = await watch.leftBehind(connection);
    expect([...found].sort((one, other) => (one.kind < other.kind ? -1 : 1))).toMatchObject([
      { kind: 'peering', evidence: 'mark', mark: connection.id, routeTableId: null, destination: null },
      { kind: 'route', evidence: routeEvidence, routeTableId: table, destination: CUSTOMER_CIDR },
    ]);
    for (const orphan of found) {
      expect(orphan).toMatchObject({ state: 'found', providerId, connectionId: connection.id, attempts: 0 });
      expect(Date.parse(orphan.removeAfter) - Date.parse(orphan.firstSeenAt)).toBe(DAY_MS);
      const { body } = await stage.operate<OrphanView>('GET', `orphans/${orphan.id}`);
      expect(body.id).toBe(orphan.id);
    }

    for (let searches = 0; searches < 3; searches += 1) await watch.searched(deployment, NEXT_SEARCH_MS);
    stage.advance(DAY_MS - 6 * HOUR_MS, { wakes: false });
    await watch.searched(deployment, 0);
    expect(statesOf(await watch.orphans(deployment))).toEqual(['found', 'found']);
    expect(await stage.holdings(deployment)).toEqual(before);

    stage.advance(6 * HOUR_MS, { wakes: false });
    const removed = await watch.until(deployment, 'all is removed', are('removed'));
    for (const { lastError, endedAt } of removed) {
      expect(lastError).toBeNull();
      expect(Date.parse(endedAt ?? '')).toBeGreaterThan(Date.parse(found[0]!.removeAfter));
    }
    expect(stage.effects(cloud.contract.operations.delete!)).toBe(1);
    expect(await stage.holdings(deployment)).toEqual({
      ...before,
      joined: before.joined.filter((id) => id !== providerId),
      routes: before.routes.filter(({ target }) => target !== providerId),
    } satisfies Holdings);
    await watch.searched(deployment, NEXT_SEARCH_MS);
    expect(await watch.orphans(deployment)).toEqual(removed);
  });
});

describe('what was left behind', () => {
  const cloud = aws;
  let stage: CloudStage<AwsHarness>;
  let watch: Watch<AwsHarness>;

  beforeAll(async () => {
    stage = await CloudStage.open(cloud, SEARCHED);
    watch = new Watch(stage);
  });
  afterEach(() => stage.clear());
  afterAll(() => stage.close());

  it('is removed at once when an operator says so, and never when one keeps it', async () => {
    const connection = await stage.connect();
    const { deployment } = connection;
    const before = await stage.holdings(deployment);
    const found = await watch.leftBehind(connection);
    for (const { id } of found) {
      const kept = await stage.operate<OrphanView>('POST', `orphans/${id}/keep`);
      expect(kept).toMatchObject({ status: 200, body: { id, state: 'kept' } });
    }
    stage.advance(2 * DAY_MS, { wakes: false });
    await watch.searched(deployment, NEXT_SEARCH_MS);
    expect(statesOf(await watch.orphans(deployment))).toEqual(['kept', 'kept']);
    expect(await stage.holdings(deployment)).toEqual(before);

    for (const { id } of found) {
      const released = await stage.operate<OrphanView>('POST', `orphans/${id}/remove`);
      expect(released).toMatchObject({ status: 200, body: { id, state: 'found' } });
    }
    await watch.until(deployment, 'all is removed', are('removed'));
    expect(await stage.holdings(deployment)).toMatchObject({ joined: [], routes: [] });
    const { body } = await stage.operate<{ readonly items: readonly AuditEventView[] }>(
      'GET',
      `audit-events?target=${found[0]!.id}`,
    );
    expect(body.items.map(({ action }) => action)).toEqual(['orphan.remove', 'orphan.keep']);
  });

  it('belongs to whoever declares it again, and is not touched any more', async () => {
    const connection = await stage.connect();
    const { deployment, request } = connection;
    const before = await stage.holdings(deployment);
    await watch.leftBehind(connection);
    const id = await stage.declare(deployment, cloud.declare(request));
    await stage.until(id, 'running');
    stage.advance(2 * DAY_MS, { wakes: false });
    await watch.until(deployment, 'nothing is orphaned', are('gone'));
    expect(await stage.holdings(deployment)).toEqual(before);
    expect((await stage.read(id)).status.state).toBe('running');
  });

  it('keeps its deployment on the books until it is seen to, when it is kept, too', async () => {
    const connection = await stage.connect();
    const { deployment } = connection;
    const found = await watch.leftBehind(connection);
    const isRefused = async (): Promise<void> => {
      const refused = await stage.undeploy(deployment);
      expect(refused).toMatchObject({ status: 409, body: { code: 'in_use' } });
      expect(refused.body.conflicts.map(({ id }) => id).sort()).toEqual(found.map(({ id }) => id).sort());
    };
    await isRefused();
    for (const { id } of found) await stage.operate('POST', `orphans/${id}/keep`);
    await isRefused();
  });

  it('before a search has found it is known again under the next deployment of its network', async () => {
    const connection = await stage.connect();
    const { deployment } = connection;
    await watch.forget(connection);
    expect(await stage.undeploy(deployment)).toMatchObject({ status: 204 });

    const again = await stage.deploy(PLATFORM_CIDR, deployment.network);
    stage.advance(A_WHILE_MS, { wakes: false });
    const refound = await watch.until(again, 'it is found again', ({ length }) => length === 2);
    for (const orphan of refound) expect(orphan).toMatchObject({ connectionId: connection.id });
    stage.advance(DAY_MS, { wakes: false });
    await watch.until(again, 'all is removed', are('removed'));
    expect(await stage.holdings(again)).toMatchObject({ joined: [], routes: [] });
  });

  it('waits while the cloud is paused, and while it does not answer', async () => {
    const connection = await stage.connect();
    const { deployment } = connection;
    await watch.leftBehind(connection);
    const asked = (): number => stage.calls(cloud.contract.operations.observePeerings).length;
    await stage.operate('POST', `clouds/${cloud.cloud}/pause`, {});
    const before = asked();
    await watch.searched(deployment, DAY_MS);
    expect(asked()).toBe(before);
    await stage.operate('POST', `clouds/${cloud.cloud}/resume`, {});

    const removal = stage.fault({ operation: cloud.contract.operations.removeRoute!, kind: 'server_error' });
    stage.advance(HOUR_MS, { wakes: false });
    await stage.untilStruck(removal);
    const failing = await watch.until(deployment, 'the error is told', (orphans) =>
      orphans.some(({ kind, lastError }) => kind === 'route' && lastError !== null),
    );
    expect(failing.find(({ kind }) => kind === 'route')).toMatchObject({ state: 'removing' });
    expect(failing.find(({ kind }) => kind === 'peering')).toMatchObject({ state: 'found' });
    stage.mend();
    stage.advance(HOUR_MS, { wakes: false });
    await watch.until(deployment, 'all is removed', are('removed'));
    expect(await stage.holdings(deployment)).toMatchObject({ joined: [], routes: [] });
  });

  it('comes to the same end with two workers, and when answers are lost', async () => {
    await stage.startWorker();
    const connection = await stage.connect();
    const { deployment } = connection;
    await watch.leftBehind(connection);
    stage.fault({ operation: 'DeleteRoute', kind: 'drop_after', times: 1 });
    stage.fault({ operation: 'DeleteVpcPeeringConnection', kind: 'drop_before', times: 1 });
    stage.advance(DAY_MS, { wakes: false });
    const removed = await watch.until(deployment, 'all is removed', are('removed'));
    // What had no effect is tried again; what had is not, though nobody was told.
    expect(removed.find(({ kind }) => kind === 'peering')?.attempts).toBeGreaterThanOrEqual(2);
    expect(stage.effects('DeleteRoute')).toBe(1);
    expect(stage.effects('DeleteVpcPeeringConnection')).toBe(1);
  });

  it('is removed by the next worker when one stops in the middle of it', async () => {
    const connection = await stage.connect();
    const { deployment } = connection;
    await watch.leftBehind(connection);
    const slow = stage.fault({ operation: 'DeleteRoute', kind: 'latency', ms: 300, times: 1 });
    stage.advance(DAY_MS, { wakes: false });
    await stage.untilStruck(slow);
    await stage.stopWorkers();
    const stopped = await watch.orphans(deployment);
    expect(stopped.map(({ kind, state }) => [kind, state]).sort()).toEqual([
      ['peering', 'found'],
      ['route', 'removing'],
    ]);
    await stage.startWorker();
    await watch.until(deployment, 'all is removed', are('removed'));
    expect(await stage.holdings(deployment)).toMatchObject({ joined: [], routes: [] });
  });

  it('is not asked for where the cloud refuses the account, in a network without any connection, too', async () => {
    const deployment = await stage.deploy();
    await watch.searched(deployment, A_WHILE_MS);
    const refusal = stage.fault({
      operation: 'DescribeVpcPeeringConnections',
      kind: 'error',
      code: 'AuthFailure',
    });
    await watch.searched(deployment, NEXT_SEARCH_MS);
    await stage.untilStruck(refusal);
    const asked = (): number => stage.calls('DescribeVpcPeeringConnections').length;
    const before = asked();
    for (let seconds = 0; seconds < 50; seconds += 10) await watch.searched(deployment, 10_000);
    expect(asked()).toBe(before);
    // Operators hear of the account, once.
    const told = stage.troubles.splice(0).filter(({ level }) => level !== 'warn');
    expect(told.map(({ msg }) => msg)).toEqual([expect.stringContaining('AuthFailure')]);
    stage.mend();
    await eventually('it is searched again', async () => {
      await watch.searched(deployment, MINUTE_MS);
      return asked() > before;
    });
  });

  it('shows in the measurements of a worker', async () => {
    const connection = await stage.connect();
    await watch.leftBehind(connection);
    const text = await (await fetch(`${stage.workerUrl()}/metrics`)).text();
    expect(text).toMatch(/peering_broker_orphans\{cloud="aws",state="found",app="worker"\} [1-9]/);
  });
});

describe('what is left on tencent', () => {
  let stage: CloudStage<TencentHarness>;
  let watch: Watch<TencentHarness>;

  beforeAll(async () => {
    stage = await CloudStage.open(tencent, SEARCHED);
    watch = new Watch(stage);
  });
  afterEach(() => stage.clear());
  afterAll(() => stage.close());

  it('by an approval that comes after its connection was forgotten is taken back', async () => {
    const connection = await stage.begin();
    const { deployment, request } = connection;
    await stage.until(connection.id, 'awaiting_approval');
    await watch.forget(connection);
    await stage.harness.answer.approve(request);
    expect(await stage.harness.statesOf(deployment.network.vpcId)).toEqual(['ACTIVE']);

    stage.advance(A_WHILE_MS, { wakes: false });
    const found = await watch.until(deployment, 'it is found', ({ length }) => length > 0);
    expect(found).toMatchObject([
      {
        kind: 'attachment',
        evidence: 'mark',
        mark: connection.id,
        connectionId: connection.id,
        providerId: request.providerId,
        state: 'found',
      },
    ]);
    stage.advance(DAY_MS, { wakes: false });
    await watch.until(deployment, 'it is removed', are('removed'));
    expect(await stage.harness.statesOf(deployment.network.vpcId)).toEqual([]);
  });

  it('as a request that nobody has answered is withdrawn, so that nobody can answer it later', async () => {
    const connection = await stage.begin();
    const { deployment, request } = connection;
    await stage.until(connection.id, 'awaiting_approval');
    await watch.forget(connection);
    stage.advance(A_WHILE_MS, { wakes: false });
    await watch.until(deployment, 'it is found', are('found'));
    stage.advance(DAY_MS, { wakes: false });
    await watch.until(deployment, 'it is removed', are('removed'));
    const Instances = [instance(deployment.network.vpcId)];
    const late = stage.harness.customer.AcceptAttachCcnInstances({ CcnId: request.providerId, Instances });
    expect(await codeOf(late)).toBe('UnsupportedOperation.CcnNotAttached');
  });

  it('by nobody of ours stays: an attachment that a person asked for, with words of their own', async () => {
    const deployment = await stage.deploy();
    const request = await stage.request(deployment);
    const { vpcId } = deployment.network;
    await stage.harness.platform.AttachCcnInstances({
      CcnId: request.providerId,
      CcnUin: request.customer.accountId!,
      Instances: [instance(vpcId, 'for the data team')],
    });
    await stage.harness.answer.approve(request);
    await watch.searched(deployment, A_WHILE_MS);
    await watch.searched(deployment, 2 * DAY_MS);
    expect(await watch.orphans(deployment)).toEqual([]);
    expect(await stage.harness.statesOf(vpcId)).toEqual(['ACTIVE']);
  });
});
