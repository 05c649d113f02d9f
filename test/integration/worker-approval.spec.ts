import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import {
  deployments,
  peerings,
  platformAccounts,
  type DeploymentRecord,
  type PeeringRecord,
} from '#database';
import { nextActions, profileOf, startAttempt, startDeletion, type PeeringState } from '#domain';

import { startBroker, type Broker } from '../support/broker.js';
import { eventually } from '../support/eventually.js';
import {
  attachmentsOf,
  codeOf,
  instance,
  makeCcn,
  makeVpc,
  REGION,
  startSimulatedTencent,
  type SimulatedTencent,
  type VpcClient,
} from '../support/simulated-tencent.js';

/** As long as no test waits; the clock is moved on to its end. */
const WINDOW_MS = 60_000;
const CIDR = '172.16.0.0/16';

/** Where the platform asks and the customer has a limited time to approve: Tencent Cloud's CCN. */
describe('a customer’s approval', () => {
  let broker: Broker;
  let tencent: SimulatedTencent;
  let platform: VpcClient;
  let customer: VpcClient;
  let accountRowId: string;
  let deployment: DeploymentRecord;
  let ccnId: string;

  beforeAll(async () => {
    broker = await startBroker({ engine: { approvalWindowMs: WINDOW_MS } });
    tencent = await startSimulatedTencent();
    tencent.simulators.clock.resume();
    await tencent.control('POST', '/_sim/tencent/settings', { rateLimits: false });
    platform = tencent.vpc(tencent.platform);
    customer = tencent.vpc(tencent.customer);
    const { accountId, accessKeyId, secretAccessKey } = tencent.platform;
    const endpoint = `http://${tencent.host}`;
    const account = await broker.database.asOperator((scope) =>
      platformAccounts.create(scope, {
        cloud: 'tencent',
        accountId,
        displayName: 'Simulated',
        credentials: broker.cipher.encrypt({ kind: 'static', accessKeyId, secretAccessKey }),
        credentialsKind: 'static',
        endpoints: { vpc: endpoint, sts: endpoint },
      }),
    );
    accountRowId = account.id;
  });
  afterAll(async () => {
    await broker.close();
    await tencent.close();
  });

  beforeEach(async () => {
    if (broker.workersRunning() === 0) await broker.startWorker();
    const vpcId = await makeVpc(platform, '10.11.0.0/16');
    deployment = await broker.database.asOperator((scope) =>
      deployments.create(scope, {
        tenantId: broker.tenant.id,
        projectId: broker.project.id,
        name: vpcId,
        cloud: 'tencent',
        region: REGION,
        edition: 'dedicated_professional',
        platformAccountId: accountRowId,
        vpcId,
        cidrs: ['10.11.0.0/16'],
      }),
    );
    ccnId = await makeCcn(customer);
    const theirs = await makeVpc(customer, CIDR);
    await customer.AttachCcnInstances({ CcnId: ccnId, Instances: [instance(theirs)] });
  });

  /** What POST and retry write. */
  const attempt = (now: number) => {
    const spec = {
      cloud: { kind: 'tencent', ccnId, ccnOwnerUin: tencent.customer.accountId },
      cidrs: [],
    } as const;
    return { spec, status: startAttempt(profileOf('tencent'), spec, now) };
  };

  async function declare(): Promise<string> {
    const now = broker.clock.now();
    const { id } = await broker.database.asTenant(broker.tenant.id, (scope) =>
      peerings.insert(scope, { deployment, displayName: '', ...attempt(now), dueAt: now, events: [], now }),
    );
    await broker.queues.wake(deployment.id);
    return id;
  }

  async function change(id: string, changes: (before: PeeringRecord, now: number) => object): Promise<void> {
    await broker.database.asOperator(async (scope) => {
      const before = (await peerings.getForUpdate(scope, id))!;
      const now = broker.clock.now();
      await peerings.change(scope, before, { ...changes(before, now), dueAt: now }, now);
    });
    await broker.queues.wake(deployment.id);
  }

  const connection = async (id: string): Promise<PeeringRecord> =>
    (await broker.database.asOperator((scope) => peerings.get(scope, id)))!;
  const until = (id: string, state: PeeringState): Promise<PeeringRecord> =>
    eventually(`${id} is ${state}`, async () => {
      const found = await connection(id);
      return found.status.state === state && found.status.ending === null && found;
    });
  const approve = () =>
    customer.AcceptAttachCcnInstances({ CcnId: ccnId, Instances: [instance(deployment.network.vpcId)] });
  /** The attachments of the platform VPC that take part in a network, or could still come to. */
  const live = async (): Promise<string[]> => {
    const states = (await attachmentsOf(platform, deployment.network.vpcId)).map(
      ({ State: state = '' }) => state,
    );
    return states.filter((state) => ['PENDING', 'ATTACHING', 'ACTIVE', 'DETACHING'].includes(state));
  };
  const requests = () => {
    const { accountId } = tencent.platform;
    const { calls } = tencent.simulators.cloud('tencent');
    return calls.list({ accountId }).filter(({ operation, parameters, tookEffect }) => {
      const isRequest = ['AttachCcnInstances', 'ResetAttachCcnInstances'].includes(operation);
      return isRequest && tookEffect && JSON.stringify(parameters).includes(deployment.network.vpcId);
    }).length;
  };

  it('in time brings the connection up, with the routes that the CCN has learned', async () => {
    const id = await declare();
    const waiting = await until(id, 'awaiting_approval');
    const { deadline, reason } = waiting.status;
    expect(reason.code).toBe('approval_required');
    expect(deadline).toMatchObject({ kind: 'customer_approval' });
    expect(deadline!.at - broker.clock.now()).toBeLessThanOrEqual(WINDOW_MS);
    const [advice] = nextActions(waiting, waiting.network, profileOf('tencent'), 'en');
    expect(advice?.code).toBe('approve_ccn_attachment');
    await approve();
    const running = await until(id, 'running');
    expect(running.status).toMatchObject({ admittedCidrs: [CIDR], deadline: null });
    expect(await live()).toEqual(['ACTIVE']);
    expect(requests()).toBe(1);
  });

  it('that does not come ends in a withdrawal, after which it is too late, and in a retry in place', async () => {
    const id = await declare();
    const { deadline } = (await until(id, 'awaiting_approval')).status;
    broker.clock.advance(deadline!.at - broker.clock.now());
    const failed = await until(id, 'failed');
    expect(failed.status.reason).toMatchObject({
      code: 'approval_window_elapsed',
      params: { windowSeconds: '60' },
    });
    expect(failed.status.stateSince).toBeGreaterThanOrEqual(deadline!.at);
    expect(failed.status.stateSince - deadline!.at).toBeLessThan(3_000);
    expect(await live()).toEqual([]);
    expect(await codeOf(approve())).not.toBe('none');

    await change(id, (_before, now) => attempt(now));
    const again = await until(id, 'awaiting_approval');
    expect(again.status.deadline!.at).toBeGreaterThan(deadline!.at);
    await approve();
    await until(id, 'running');
  });

  it('is still waited for after every worker was away, and its window is the same', async () => {
    const id = await declare();
    const { deadline } = (await until(id, 'awaiting_approval')).status;
    await broker.stopWorkers();
    const restartedAt = broker.clock.now();
    await broker.startWorker();
    await change(id, () => ({}));
    const looked = await eventually('it was looked at', async () => {
      const found = await connection(id);
      return (found.lastObservedAt ?? 0) > restartedAt && found;
    });
    expect(looked.status.deadline).toEqual(deadline);
    await approve();
    await until(id, 'running');
    expect(requests()).toBe(1);
  });

  it('counts when it came in time and nobody was there to see it', async () => {
    const id = await declare();
    await until(id, 'awaiting_approval');
    await broker.stopWorkers();
    await approve();
    broker.clock.advance(WINDOW_MS);
    await broker.startWorker();
    await until(id, 'running');
  });

  it('that did not come while nobody was there is withdrawn as soon as somebody is', async () => {
    const id = await declare();
    await until(id, 'awaiting_approval');
    await broker.stopWorkers();
    broker.clock.advance(WINDOW_MS);
    await broker.startWorker();
    const began = broker.clock.now();
    const { status } = await until(id, 'failed');
    expect(status.reason.code).toBe('approval_window_elapsed');
    expect(status.stateSince - began).toBeLessThan(3_000);
    expect(await live()).toEqual([]);
  });

  it('that is refused is never asked for again', async () => {
    const id = await declare();
    await until(id, 'awaiting_approval');
    await customer.RejectAttachCcnInstances({
      CcnId: ccnId,
      Instances: [instance(deployment.network.vpcId)],
    });
    const { status } = await until(id, 'rejected');
    expect(status.reason.code).toBe('rejected_by_peer');
    expect(requests()).toBe(1);
  });

  it.each(['requesting', 'awaiting_approval', 'running'] as const)(
    'is no more needed after a deletion from %s',
    async (state) => {
      const id = await declare();
      if (state !== 'requesting') await until(id, 'awaiting_approval');
      if (state === 'running') {
        await approve();
        await until(id, 'running');
      }
      await change(id, (before, now) => ({ desired: 'absent', status: startDeletion(before.status, now) }));
      await until(id, 'deleted');
      expect(await live()).toEqual([]);
    },
  );
});
