/** What only one cloud has: Alibaba's CDT and its two names of a request, the VMs of OUTSCALE's Nets, Tencent's one CCN. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import type { AlibabaHarness } from '../contract/alibaba.harness.js';
import type { OutscaleHarness } from '../contract/outscale.harness.js';
import type { TencentHarness } from '../contract/tencent.harness.js';
import { CloudStage, CUSTOMER_CIDR, type StagedDeployment } from '../support/cloud-stage.js';
import { alibaba, outscale, tencent } from '../support/cloud-stage-table.js';
import { codeOf, makeEmptyNet } from '../support/simulated-outscale.js';
import { instance, makeCcn } from '../support/simulated-tencent.js';

describe('on Alibaba Cloud', () => {
  let stage: CloudStage<AlibabaHarness>;
  const activate = (accountId: string, opened: boolean) => stage.control('cdt', { accountId, opened });

  beforeAll(async () => {
    stage = await CloudStage.open(alibaba);
  });
  afterEach(() => stage.clear());
  afterAll(() => stage.close());

  it('Cloud Data Transfer is waited for, and a connection goes on by itself once it is activated', async () => {
    const { accountId } = stage.harness.alibaba.platform;
    const deployment = await stage.deploy();
    const request = await stage.request(deployment);
    await activate(accountId, false);
    const id = await stage.declare(deployment, alibaba.declare(request));
    const waiting = await stage.untilReason(id, 'cdt_not_activated');
    expect(waiting.status).toMatchObject({ state: 'accepting', ready: false });
    expect(waiting.status.nextActions.map(({ code }) => code)).toContain('activate_cdt');
    expect((await stage.holdings(deployment)).pending).toEqual([request.providerId]);
    await activate(accountId, true);
    await stage.until(id, 'running');
    expect((await stage.holdings(deployment)).joined).toEqual([request.providerId]);
  });

  it('a request that goes by two names stays with the connection that has it', async () => {
    const { deployment, request, id } = await stage.connect();
    const { providerId } = request;
    const again = await stage.declare(deployment, alibaba.declareOtherwise!(request));
    const { status } = await stage.until(again, 'failed');
    expect(status.reason.code).toBe('request_in_use');
    expect(status.reason.message).toContain(providerId);
    await stage.delete(again);
    await stage.until(again, 'deleted');
    expect((await stage.read(id)).status.state).toBe('running');
    expect(await stage.holdings(deployment)).toMatchObject({
      joined: [providerId],
      routes: [{ destination: CUSTOMER_CIDR, target: providerId }],
    });
    expect(stage.effects('DeleteVpcPeerConnection')).toBe(0);
  });
});

describe('the VM that OUTSCALE wants in each Net', () => {
  let stage: CloudStage<OutscaleHarness>;

  beforeAll(async () => {
    stage = await CloudStage.open(outscale);
  });
  afterEach(() => stage.clear());
  afterAll(() => stage.close());

  const request = (SourceNetId: string, { network }: StagedDeployment) =>
    stage.harness.customer('CreateNetPeering', {
      SourceNetId,
      AccepterNetId: network.vpcId,
      AccepterOwnerId: stage.harness.outscale.platform.accountId,
    });

  it('is asked of the customer by the cloud, while a draft waits for the request', async () => {
    const deployment = await stage.deploy();
    const { accountId } = stage.harness.outscale.customer;
    const netId = await makeEmptyNet(stage.harness.customer, CUSTOMER_CIDR);
    const id = await stage.declare(deployment, { cloud: { kind: 'outscale', accountId, netId } });
    const draft = await stage.read(id);
    const [told] = draft.status.nextActions;
    expect(told).toMatchObject({ code: 'create_peering_request' });
    expect(told!.steps.join('\n')).toMatch(/\bVM\b/);
    expect(await codeOf(request(netId, deployment))).not.toBe('none');
    await stage.control('put-vm', { netId });
    const { NetPeering } = await request(netId, deployment);
    const spec = { cloud: { netPeeringId: NetPeering.NetPeeringId } };
    expect(await stage.ask('PATCH', `peerings/${id}`, { spec })).toMatchObject({ status: 202 });
    await stage.until(id, 'running');
  });

  it('is waited for where only the acceptance asks for it', async () => {
    const message = "The Net 'vpc-12345678' must contain at least one VM.";
    const fault = { kind: 'error', operation: 'AcceptNetPeering', message } as const;
    stage.fault({ ...fault, code: '1004', status: 424 });
    const { id } = await stage.begin();
    const waiting = await stage.untilReason(id, 'prerequisite_missing');
    expect(waiting.status).toMatchObject({ state: 'accepting' });
    expect(waiting.status.reason.message).toContain(message);
    expect(waiting.status.nextActions.map(({ actor }) => actor)).toContain('customer');
    stage.mend();
    await stage.until(id, 'running');
  });
});

describe('the one CCN that a VPC can be in at Tencent Cloud', () => {
  let stage: CloudStage<TencentHarness>;

  beforeAll(async () => {
    stage = await CloudStage.open(tencent);
  });
  afterEach(() => stage.clear());
  afterAll(() => stage.close());

  const statesOf = ({ network }: StagedDeployment) => stage.harness.statesOf(network.vpcId);

  /** The connection fails for what is there already, which is not the broker's to touch, and can be deleted. */
  async function expectRefused(id: string, deployment: StagedDeployment, ccnId: string): Promise<void> {
    const { status } = await stage.until(id, 'failed');
    expect(status.reason.code).toBe('attachment_exists');
    for (const part of [ccnId, deployment.network.vpcId]) expect(status.reason.message).toContain(part);
    expect(status.nextActions).not.toEqual([]);
    await stage.delete(id);
    await stage.until(id, 'deleted');
    expect(await statesOf(deployment)).toEqual(['ACTIVE']);
    expect(stage.effects('DetachCcnInstances')).toBe(0);
  }

  it('is the one that the customer names, attached by hand before', async () => {
    const deployment = await stage.deploy();
    const request = await stage.request(deployment);
    const { providerId: ccnId, customer } = request;
    const { platform } = stage.harness;
    const Instances = [instance(deployment.network.vpcId)];
    await platform.AttachCcnInstances({ CcnId: ccnId, CcnUin: customer.accountId!, Instances });
    await stage.harness.answer.approve(request);
    stage.advance(1_000);
    stage.harness.simulators.cloud('tencent').calls.clear();
    const id = await stage.declare(deployment, tencent.declare(request));
    await expectRefused(id, deployment, ccnId);
  });

  it('is another one of the platform', async () => {
    const deployment = await stage.deploy();
    const { platform } = stage.harness;
    const ccnId = await makeCcn(platform);
    await platform.AttachCcnInstances({ CcnId: ccnId, Instances: [instance(deployment.network.vpcId)] });
    stage.advance(1_000);
    const id = await stage.declare(deployment, tencent.declare(await stage.request(deployment)));
    await expectRefused(id, deployment, ccnId);
  });
});
