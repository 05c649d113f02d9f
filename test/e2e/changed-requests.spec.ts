/** A customer who names another request than before: the first one is not forgotten. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { profileOf } from '#domain';

import type { CloudHarness } from '../contract/cloud-harness.js';
import type { TencentHarness } from '../contract/tencent.harness.js';
import { CloudStage, type StagedConnection, type StagedDeployment } from '../support/cloud-stage.js';
import { STAGED_CLOUDS, tencent } from '../support/cloud-stage-table.js';
import { eventually } from '../support/eventually.js';

const RESERVED_CIDR = '10.20.0.0/16';
const OTHER_CIDR = '172.17.0.0/16';

async function change<H extends CloudHarness>(
  stage: CloudStage<H>,
  { id, deployment }: Pick<StagedConnection, 'id' | 'deployment'>,
): Promise<StagedConnection['request']> {
  const request = await stage.request(deployment, OTHER_CIDR);
  const { status, body } = await changeTo(stage, id, request);
  expect({ status, body }).toMatchObject({ status: 202 });
  return request;
}

function changeTo<H extends CloudHarness>(
  stage: CloudStage<H>,
  id: string,
  request: StagedConnection['request'],
) {
  return stage.ask('PATCH', `peerings/${id}`, { spec: stage.subject.declare(request) });
}

const WHERE_THE_CUSTOMER_ASKS = STAGED_CLOUDS.filter(
  ({ contract }) => contract.operations.reject !== undefined,
);

describe.each(WHERE_THE_CUSTOMER_ASKS)('on $cloud', (subject) => {
  const rejecting = subject.contract.operations.reject!;
  let stage: CloudStage;

  beforeAll(async () => {
    stage = await CloudStage.open(subject);
  });
  afterEach(() => stage.clear());
  afterAll(() => stage.close());

  it('the first request is rejected, and the connection comes up with the second', async () => {
    await stage.stopWorkers();
    const connection = await stage.begin();
    const second = await change(stage, connection);
    await stage.startWorker();
    await stage.until(connection.id, 'running');
    const { pending, joined } = await stage.holdings(connection.deployment);
    expect({ pending, joined }).toEqual({ pending: [], joined: [second.providerId] });
    expect(stage.effects(rejecting)).toBe(1);
  });

  it('a deletion rejects both', async () => {
    await stage.stopWorkers();
    const connection = await stage.begin();
    await change(stage, connection);
    await stage.delete(connection.id);
    await stage.startWorker();
    await stage.until(connection.id, 'deleted');
    const { pending, joined } = await stage.holdings(connection.deployment);
    expect({ pending, joined }).toEqual({ pending: [], joined: [] });
    expect(stage.effects(rejecting)).toBe(2);
  });

  it('the worker that is looking at the first one meanwhile writes nothing of it', async () => {
    const connection = await stage.begin();
    await stage.until(connection.id, 'running');
    const { deployment } = connection;
    const request = await stage.request(deployment, OTHER_CIDR);
    const second = await stage.request(deployment, '172.18.0.0/16');
    const { observePeerings } = subject.contract.operations;
    const fault = stage.fault({ kind: 'latency', ms: 500, operation: observePeerings, times: 1 });
    const id = await stage.declare(deployment, subject.declare(request));
    await stage.untilStruck(fault);
    const { status } = await changeTo(stage, id, second);
    expect(status).toBe(202);
    await stage.until(id, 'running');
    const { pending, joined } = await stage.holdings(deployment);
    expect(pending).toEqual([]);
    expect([...joined].sort()).toEqual([connection.request.providerId, second.providerId].sort());
  });

  it('a draft that takes its request back has it rejected, and waits for another', async () => {
    await stage.stopWorkers();
    const connection = await stage.begin();
    const { cloud } = subject.declare(connection.request);
    const nothing = Object.fromEntries(
      Object.keys(cloud).map((name) => [name, name === 'kind' ? cloud.kind : null]),
    );
    expect(await stage.ask('PATCH', `peerings/${connection.id}`, { spec: { cloud: nothing } })).toMatchObject(
      {
        status: 202,
        body: { status: { state: 'awaiting_request' } },
      },
    );
    await stage.startWorker();
    await eventually('nothing waits', async () => {
      stage.advance(0);
      return (await stage.holdings(connection.deployment)).pending.length === 0;
    });
    const { status } = await stage.read(connection.id);
    expect(status).toMatchObject({ state: 'awaiting_request', reason: { code: 'request_details_missing' } });
  });
});

/** Where the customer's blocks are seen before the request is accepted, it is left as it is when they collide. */
const WHERE_REQUESTS_ARE_LEFT = WHERE_THE_CUSTOMER_ASKS.filter(
  ({ cloud }) =>
    profileOf(cloud).capabilities.cidrVisibleWhilePending && profileOf(cloud).capabilities.cidrObservable,
);

describe.each(WHERE_REQUESTS_ARE_LEFT)('a request on $cloud that cannot be accepted', (subject) => {
  let stage: CloudStage;

  beforeAll(async () => {
    stage = await CloudStage.open(subject);
  });
  afterEach(() => stage.clear());
  afterAll(() => stage.close());

  it('is rejected once another one is named', async () => {
    const connection = await stage.begin(RESERVED_CIDR);
    await stage.until(connection.id, 'failed');
    const before = await stage.holdings(connection.deployment);
    expect(before.pending).toEqual([connection.request.providerId]);
    const second = await change(stage, connection);
    await stage.until(connection.id, 'running');
    const after = await stage.holdings(connection.deployment);
    expect(after).toMatchObject({ pending: [], joined: [second.providerId] });
  });
});

describe('on tencent', () => {
  let stage: CloudStage<TencentHarness>;

  beforeAll(async () => {
    stage = await CloudStage.open(tencent);
  });
  afterEach(() => stage.clear());
  afterAll(() => stage.close());

  const statesOf = ({ network }: StagedDeployment) => stage.harness.statesOf(network.vpcId);

  it('an application that the customer has yet to answer takes no other CCN, and is withdrawn with the connection', async () => {
    const connection = await stage.begin();
    await stage.until(connection.id, 'awaiting_approval');
    const second = await stage.request(connection.deployment, OTHER_CIDR);
    expect(await changeTo(stage, connection.id, second)).toMatchObject({
      status: 409,
      body: { code: 'state_conflict' },
    });
    await stage.delete(connection.id);
    await stage.until(connection.id, 'deleted');
    expect(await statesOf(connection.deployment)).toEqual([]);
  });

  it('nor does one whose answer was lost', async () => {
    const fault = stage.fault({ kind: 'drop_after', operation: 'AttachCcnInstances', times: 1 });
    const connection = await stage.begin();
    await stage.untilStruck(fault);
    const second = await stage.request(connection.deployment, OTHER_CIDR);
    expect(await changeTo(stage, connection.id, second)).toMatchObject({ status: 409 });
    await stage.delete(connection.id);
    await stage.until(connection.id, 'deleted');
    expect(await statesOf(connection.deployment)).toEqual([]);
    expect((await stage.holdings(connection.deployment)).pending).toEqual([]);
  });

  it('one that the customer has rejected is taken off the list before another CCN is asked', async () => {
    const connection = await stage.begin();
    await stage.until(connection.id, 'awaiting_approval');
    await stage.harness.answer.refuse(connection.request);
    await stage.until(connection.id, 'rejected');
    expect(await statesOf(connection.deployment)).toEqual(['REJECTED']);
    const second = await change(stage, connection);
    await stage.approve({ ...connection, request: second });
    await stage.until(connection.id, 'running');
    expect(await statesOf(connection.deployment)).toEqual(['ACTIVE']);
    expect((await stage.holdings(connection.deployment)).joined).toEqual([second.providerId]);
  });
});
