/** The ten minutes in which a customer has to approve, where the platform asks: on a clock that the tests move. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import type { PeeringView } from '../../apps/api/src/peerings/peering.view.js';
import type { FaultRule } from '../../apps/cloud-sim/src/faults.js';
import type { TencentHarness } from '../contract/tencent.harness.js';
import { CloudStage, type StagedConnection } from '../support/cloud-stage.js';
import { tencent } from '../support/cloud-stage-table.js';
import { eventually } from '../support/eventually.js';
import { testRedisUrl } from '../support/redis.js';
import { codeOf, instance } from '../support/simulated-tencent.js';

const SECOND_MS = 1_000;
const WINDOW_MS = 600 * SECOND_MS;
const HOUR_MS = 3_600 * SECOND_MS;
/** What an approval hears when there is nothing to approve. */
const NOT_ATTACHED = 'UnsupportedOperation.CcnNotAttached';

/** A connection that waits for its customer, and when its window closes, in epoch milliseconds. */
interface Asked extends StagedConnection {
  readonly closesAt: number;
}

type Stage = CloudStage<TencentHarness>;

/** Asks, and waits until the broker has seen that the cloud has taken it. */
async function ask(stage: Stage): Promise<Asked> {
  const connection = await stage.begin();
  const { status } = await stage.until(connection.id, 'awaiting_approval');
  return { ...connection, closesAt: Date.parse(status.deadline!.at) };
}

/** It was withdrawn for want of an approval: the VPC is in no CCN, and nobody can put it there any more. */
async function expectElapsed(stage: Stage, asked: Asked): Promise<PeeringView> {
  const { id, deployment } = asked;
  const ended = await stage.until(id, 'failed');
  expect(ended.status).toMatchObject({ deadline: null, reason: { code: 'approval_window_elapsed' } });
  expect(ended.status.reason.message).toContain('600');
  expect(ended.status.nextActions.map(({ code }) => code)).toContain('retry');
  expect(await stage.harness.statesOf(deployment.network.vpcId)).toEqual([]);
  expect(await stage.holdings(deployment)).toMatchObject({ pending: [], joined: [], routes: [] });
  expect(await codeOf(approveUnseen(stage, asked))).toBe(NOT_ATTACHED);
  return ended;
}

/** What a customer does who does not look whether there is anything to approve. */
function approveUnseen(stage: Stage, { deployment, request }: Asked): Promise<unknown> {
  const Instances = [instance(deployment.network.vpcId)];
  return stage.harness.customer.AcceptAttachCcnInstances({ CcnId: request.providerId, Instances });
}

describe('the approval window', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await CloudStage.open(tencent);
  });
  afterEach(() => stage.clear());
  afterAll(() => stage.close());

  const goTo = (at: number): void => stage.advance(at - stage.now());
  const approve = ({ request }: Asked): Promise<void> => stage.harness.answer.approve(request);
  const refuse = ({ request }: Asked): Promise<void> => stage.harness.answer.refuse(request);

  /** How long it takes, in milliseconds of the moved clock, until the broker shows a state. */
  async function timeUntil(id: string, state: 'running' | 'rejected') {
    const since = stage.now();
    await stage.until(id, state);
    return stage.now() - since;
  }

  /** When the platform withdrew, in epoch milliseconds. */
  const withdrawals = (): number[] => stage.calls('DetachCcnInstances').map(({ at }) => Date.parse(at));

  /** Waits until the broker has looked at the cloud after this moment, and has nothing more to do about it. */
  async function untilLookedAfter({ id }: Asked, at: number): Promise<PeeringView> {
    return eventually('the broker has looked', async () => {
      const shown = await stage.read(id);
      const { lastObservedAt, nextCheckAt } = shown.status;
      const isDone = nextCheckAt !== null && Date.parse(nextCheckAt) > stage.now();
      return Date.parse(lastObservedAt ?? '') >= at && isDone && shown;
    });
  }

  describe('is shown', () => {
    it('with what is left of it, from the moment that the cloud took the request', async () => {
      const connection = await stage.begin();
      const asked = await stage.until(connection.id, 'awaiting_approval');
      const [{ at: takenAt } = { at: '' }] = stage.calls('AttachCcnInstances');
      const closesAt = new Date(Date.parse(takenAt) + WINDOW_MS).toISOString();
      expect(asked.status).toMatchObject({
        ready: false,
        reason: { code: 'approval_required' },
        observed: { providerState: 'PENDING' },
        deadline: { kind: 'customer_approval', at: closesAt, remainingSeconds: 600 },
      });
      const [told] = asked.status.nextActions;
      expect(told).toMatchObject({ actor: 'customer', code: 'approve_ccn_attachment' });
      for (const id of [connection.request.providerId, connection.deployment.network.vpcId]) {
        expect(JSON.stringify(told)).toContain(id);
      }
      for (const remainingSeconds of [431, 60, 1]) {
        goTo(Date.parse(closesAt) - remainingSeconds * SECOND_MS);
        const { status } = await untilLookedAfter({ ...connection, closesAt: 0 }, stage.now());
        expect(status).toMatchObject({
          state: 'awaiting_approval',
          deadline: { at: closesAt, remainingSeconds },
        });
      }
      expect(withdrawals()).toEqual([]);
    });

    it('in the offer, before anything is asked', async () => {
      const { id } = await stage.deploy();
      const offer = await stage.ask('GET', `deployments/${id}/peering-offer`);
      expect(offer.body).toMatchObject({ initiator: 'platform', approvalWindowSeconds: 600 });
    });
  });

  describe('in time', () => {
    it.each([
      ['at once', 0],
      ['in the last second', WINDOW_MS - 500],
    ])('an approval %s shows as running within five seconds', async (_, afterMs) => {
      const asked = await ask(stage);
      stage.advance(afterMs);
      await approve(asked);
      expect(await timeUntil(asked.id, 'running')).toBeLessThanOrEqual(5 * SECOND_MS);
      expect(await stage.harness.statesOf(asked.deployment.network.vpcId)).toEqual(['ACTIVE']);
      expect((await stage.read(asked.id)).status.deadline).toBeNull();
      goTo(asked.closesAt + HOUR_MS);
      await untilLookedAfter(asked, asked.closesAt);
      expect((await stage.read(asked.id)).status.state).toBe('running');
      expect(withdrawals()).toEqual([]);
    });

    it('a rejection shows as rejected within five seconds, and stays one', async () => {
      const asked = await ask(stage);
      stage.advance(100 * SECOND_MS);
      await untilLookedAfter(asked, stage.now());
      await refuse(asked);
      expect(await timeUntil(asked.id, 'rejected')).toBeLessThanOrEqual(5 * SECOND_MS);
      goTo(asked.closesAt + HOUR_MS);
      const { status } = await stage.read(asked.id);
      expect(status).toMatchObject({ state: 'rejected', deadline: null });
      expect(status.reason.code).toBe('rejected_by_peer');
      expect(stage.effects('AttachCcnInstances')).toBe(1);
    });
  });

  describe('once it is over', () => {
    it('the request is withdrawn within seconds, and not before', async () => {
      const asked = await ask(stage);
      goTo(asked.closesAt - 1);
      await untilLookedAfter(asked, stage.now());
      expect(await stage.harness.statesOf(asked.deployment.network.vpcId)).toEqual(['PENDING']);
      await expectElapsed(stage, asked);
      const [withdrawnAt, ...others] = withdrawals();
      expect(others).toEqual([]);
      expect(withdrawnAt).toBeGreaterThanOrEqual(asked.closesAt);
      expect(withdrawnAt).toBeLessThanOrEqual(asked.closesAt + 5 * SECOND_MS);
    });

    it('nobody is told to approve any more, nor may anybody retry before it is withdrawn', async () => {
      const asked = await ask(stage);
      stage.fault({ operation: 'DetachCcnInstances', kind: 'drop_before' });
      goTo(asked.closesAt);
      const { status } = await stage.untilReason(asked.id, 'withdrawing_request');
      expect(status).toMatchObject({ ready: false, deadline: { remainingSeconds: 0 }, nextActions: [] });
      expect(await stage.ask('POST', `peerings/${asked.id}/retry`)).toMatchObject({ status: 409 });
      stage.mend();
      await expectElapsed(stage, asked);
    });

    it('a retry opens a new one, with nothing to type again', async () => {
      const asked = await ask(stage);
      goTo(asked.closesAt);
      const { spec } = await expectElapsed(stage, asked);
      stage.advance(HOUR_MS);
      const retried = await stage.ask<PeeringView>('POST', `peerings/${asked.id}/retry`);
      expect(retried).toMatchObject({ status: 202, body: { id: asked.id, spec } });
      const again = await stage.until(asked.id, 'awaiting_approval');
      const closesAt = Date.parse(again.status.deadline!.at);
      expect(closesAt).toBe(stage.now() + WINDOW_MS);
      expect(closesAt).toBeGreaterThan(asked.closesAt + HOUR_MS);
      goTo(closesAt - SECOND_MS);
      await approve(asked);
      await stage.until(asked.id, 'running');
    });

    it('a retry has an end of its own, too', async () => {
      const asked = await ask(stage);
      await refuse(asked);
      await stage.until(asked.id, 'rejected');
      stage.advance(HOUR_MS);
      await stage.ask('POST', `peerings/${asked.id}/retry`);
      const again = await stage.until(asked.id, 'awaiting_approval');
      const closesAt = Date.parse(again.status.deadline!.at);
      expect(closesAt).toBe(stage.now() + WINDOW_MS);
      goTo(closesAt);
      await expectElapsed(stage, { ...asked, closesAt });
    });
  });

  /** What befalls the withdrawal, and what the customer hears who approves while it is under way. */
  const COLLISIONS: readonly (readonly [string, Omit<FaultRule, 'cloud' | 'accountId'>, ...string[]])[] = [
    ['is still on its way', { kind: 'latency', ms: 400 }, 'none', NOT_ATTACHED],
    ['is lost on its way', { kind: 'drop_before' }, 'none'],
    ['fails at the gateway', { kind: 'server_error' }, 'none'],
    ['is throttled', { kind: 'throttle' }, 'none'],
    ['is refused for now', { kind: 'error', code: 'UnsupportedOperation.MutexOperationTaskRunning' }, 'none'],
    ['has its answer lost', { kind: 'drop_after' }, NOT_ATTACHED],
  ];

  describe.each([
    ['at once', 0],
    ['in a while', 2],
  ])('an approval that makes the VPC join %s', (_, attachingSeconds) => {
    it.each(COLLISIONS)('while the withdrawal %s leaves it in no CCN', async (_story, fault, ...heard) => {
      await stage.settings({ attachingSeconds });
      const asked = await ask(stage);
      const struck = stage.fault({ operation: 'DetachCcnInstances', times: 1, ...fault });
      goTo(asked.closesAt);
      await stage.untilStruck(struck);
      expect(heard).toContain(await codeOf(approveUnseen(stage, asked)));
      await expectElapsed(stage, asked);
    });
  });

  describe('that ends while the cloud does not answer', () => {
    /** Nobody can be told anything new, and nothing is done on a guess. */
    async function endUnseen(asked: Asked, inTime: () => Promise<void>): Promise<void> {
      const blind = stage.fault({ operation: 'DescribeCcnAttachedInstances', kind: 'server_error' });
      goTo(asked.closesAt - 1);
      await inTime();
      goTo(asked.closesAt);
      await stage.untilStruck(blind);
      const deadline = { remainingSeconds: 0 };
      expect((await stage.read(asked.id)).status).toMatchObject({ state: 'awaiting_approval', deadline });
      expect(withdrawals()).toEqual([]);
      stage.mend();
    }

    it('ends once it answers again', async () => {
      const asked = await ask(stage);
      await endUnseen(asked, () => Promise.resolve());
      await expectElapsed(stage, asked);
    });

    it('has not ended for what was approved in time', async () => {
      const asked = await ask(stage);
      await endUnseen(asked, () => approve(asked));
      await stage.until(asked.id, 'running');
    });
  });

  describe('is kept', () => {
    it('by whoever works next, when no worker was alive at its end', async () => {
      const asked = await ask(stage);
      await stage.stopWorkers();
      goTo(asked.closesAt + HOUR_MS);
      const { status } = await stage.read(asked.id);
      expect(status).toMatchObject({ state: 'awaiting_approval', deadline: { remainingSeconds: 0 } });
      const since = stage.now();
      await stage.startWorker();
      await expectElapsed(stage, asked);
      expect(withdrawals()[0]! - since).toBeLessThanOrEqual(5 * SECOND_MS);
    });

    it('and an approval in time counts, though nobody was alive to see it', async () => {
      const asked = await ask(stage);
      await stage.stopWorkers();
      goTo(asked.closesAt - 1);
      await approve(asked);
      goTo(asked.closesAt + HOUR_MS);
      await stage.startWorker();
      await stage.until(asked.id, 'running');
      expect(withdrawals()).toEqual([]);
    });

    it('from the request on, when the worker died before it could write down that the cloud took it', async () => {
      const lost = stage.fault({ operation: 'AttachCcnInstances', kind: 'drop_after', times: 1 });
      const connection = await stage.begin();
      await stage.untilStruck(lost);
      const takenAt = Date.parse(stage.calls('AttachCcnInstances')[0]!.at);
      const { status } = await stage.until(connection.id, 'awaiting_approval');
      expect(Date.parse(status.deadline!.at)).toBe(takenAt + WINDOW_MS);
      expect(stage.effects('AttachCcnInstances')).toBe(1);
    });
  });
});

const QUEUE_PLACES = testRedisUrl() === null ? (['postgres'] as const) : (['postgres', 'redis'] as const);

describe.each(QUEUE_PLACES)('the approval window, with its wake-up calls lost from %s,', (queues) => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await CloudStage.open(tencent, { queues });
  });
  afterAll(() => stage.close());

  it('is kept all the same', async () => {
    const asked = await ask(stage);
    await stage.flushQueue();
    stage.advance(WINDOW_MS, { wakes: false });
    await expectElapsed(stage, asked);
    expect(Date.parse(stage.calls('DetachCcnInstances')[0]!.at)).toBeLessThanOrEqual(
      asked.closesAt + 5 * SECOND_MS,
    );
  });
});
