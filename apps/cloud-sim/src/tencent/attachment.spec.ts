import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  attachmentsOf,
  codeOf,
  instance,
  makeCcn,
  makeVpc,
  REGION,
  routesOf,
  startSimulatedTencent,
  type SimulatedTencent,
  type VpcClient,
} from '../../../../test/support/simulated-tencent.js';

const HOUR = 3600;
const DAY = 24 * HOUR;

describe('attaching a VPC to another account’s CCN', () => {
  let tencent: SimulatedTencent;
  let platform: VpcClient;
  let customer: VpcClient;
  let vpcId: string;
  let ccnId: string;

  beforeAll(async () => {
    tencent = await startSimulatedTencent();
    platform = tencent.vpc(tencent.platform);
    customer = tencent.vpc(tencent.customer);
  });
  afterAll(() => tencent.close());

  beforeEach(async () => {
    tencent.simulators.reset();
    tencent.simulators.clock.freeze();
    vpcId = await makeVpc(platform, '10.11.0.0/16');
    ccnId = await makeCcn(customer);
  });

  const named = (description?: string) => ({ CcnId: ccnId, Instances: [instance(vpcId, description)] });
  const attach = (description?: string) =>
    platform.AttachCcnInstances({ ...named(description), CcnUin: tencent.customer.accountId });
  const reset = (description?: string) =>
    platform.ResetAttachCcnInstances({ ...named(description), CcnUin: tencent.customer.accountId });
  const approve = () => customer.AcceptAttachCcnInstances(named());
  const reject = () => customer.RejectAttachCcnInstances(named());
  const detach = (client = platform) => client.DetachCcnInstances(named());
  const pass = (seconds: number) => tencent.simulators.clock.advance(seconds * 1000);

  /** The state that the platform sees; `unseen` when the attachment is not listed. */
  async function state(client = platform): Promise<string> {
    return (await attachmentsOf(client, vpcId))[0]?.State ?? 'unseen';
  }

  it('waits for the owner of the CCN, then joins, and both see it', async () => {
    await attach('peer_1');
    expect(await attachmentsOf(platform, vpcId)).toEqual([
      expect.objectContaining({
        CcnId: ccnId,
        CcnUin: tencent.customer.accountId,
        InstanceId: vpcId,
        InstanceUin: tencent.platform.accountId,
        InstanceRegion: REGION,
        InstanceType: 'VPC',
        CidrBlock: ['10.11.0.0/16'],
        State: 'PENDING',
        Description: 'peer_1',
      }),
    ]);
    expect(await state(customer)).toBe('PENDING');
    expect(await routesOf(customer, ccnId)).toEqual({});
    await approve();
    expect(await state()).toBe('ATTACHING');
    pass(2);
    expect(await state()).toBe('ACTIVE');
    expect(await routesOf(customer, ccnId)).toEqual({ '10.11.0.0/16': true });
  });

  it('joins at once within one account', async () => {
    const own = await makeCcn(platform);
    await platform.AttachCcnInstances({ CcnId: own, Instances: [instance(vpcId)] });
    expect(await state()).toBe('ATTACHING');
    pass(2);
    expect(await state()).toBe('ACTIVE');
  });

  it('can be rejected, and asked for again', async () => {
    await attach('first');
    await reject();
    expect(await state()).toBe('REJECTED');
    expect(await codeOf(approve())).toBe('UnsupportedOperation.NotPendingCcnInstance');
    await reset();
    expect(await attachmentsOf(platform, vpcId)).toEqual([
      expect.objectContaining({ State: 'PENDING', Description: 'first' }),
    ]);
  });

  it('expires after seven days, from the latest application on', async () => {
    await attach();
    pass(7 * DAY - 1);
    expect(await state()).toBe('PENDING');
    expect(await codeOf(reset())).toBe('UnsupportedOperation');
    pass(1);
    expect(await state()).toBe('EXPIRED');
    expect(await codeOf(attach())).toBe('UnsupportedOperation.CcnAttached');
    await reset('second');
    pass(7 * DAY - 1);
    expect(await state()).toBe('PENDING');
    pass(1);
    expect(await state()).toBe('EXPIRED');
  });

  it('can be withdrawn while pending, after which nobody can approve it', async () => {
    await attach();
    await detach();
    expect(await state()).toBe('unseen');
    expect(await codeOf(approve())).toBe('UnsupportedOperation.CcnNotAttached');
    expect(await codeOf(detach())).toBe('UnsupportedOperation.CcnNotAttached');
  });

  it.each(['platform', 'customer'] as const)(
    'can be ended by the %s, and its routes go with it',
    async (side) => {
      await attach();
      await approve();
      expect(await codeOf(detach())).toBe('UnsupportedOperation.MutexOperationTaskRunning');
      pass(2);
      await detach(side === 'platform' ? platform : customer);
      expect(await state()).toBe('DETACHING');
      pass(2);
      expect(await state()).toBe('unseen');
      expect(await routesOf(customer, ccnId)).toEqual({});
    },
  );

  it.each(['FAILED', 'DETACHFAILED'])('is taken apart by force two hours after %s', async (failure) => {
    await attach();
    const set = { ccnId, instanceId: vpcId, state: failure };
    expect((await tencent.control('POST', '/_sim/tencent/set-attachment-state', set)).status).toBe(200);
    expect(await state()).toBe(failure);
    pass(2 * HOUR - 1);
    expect(await state()).toBe(failure);
    pass(1);
    expect(await state()).toBe('unseen');
  });

  it('puts a VPC into one CCN only', async () => {
    const other = await makeCcn(customer, 'other');
    const toOther = () =>
      platform.AttachCcnInstances({
        CcnId: other,
        CcnUin: tencent.customer.accountId,
        Instances: [instance(vpcId)],
      });
    await attach();
    expect(await codeOf(attach())).toBe('UnsupportedOperation.CcnAttached');
    expect(await codeOf(toOther())).toBe('LimitExceeded.CurrentInstanceAttachedCcnInstances');
    await reject();
    expect(await codeOf(toOther())).toBe('none');
  });

  it('says what is wrong with a request', async () => {
    const owner = tencent.customer.accountId;
    const Instances = [instance(vpcId)];
    const elsewhere = [{ ...instance(vpcId), InstanceRegion: 'ap-beijing' }];
    const customers = [instance(await makeVpc(customer, '172.16.0.0/16'))];
    const attempts: [string, Parameters<VpcClient['AttachCcnInstances']>[0]][] = [
      ['UnsupportedOperation.UinNotFound', { CcnId: ccnId, CcnUin: '100099999999', Instances }],
      ['ResourceNotFound', { CcnId: 'ccn-00000000', CcnUin: owner, Instances }],
      ['ResourceNotFound', { CcnId: ccnId, Instances }],
      ['ResourceNotFound', { CcnId: ccnId, CcnUin: owner, Instances: elsewhere }],
      ['ResourceNotFound', { CcnId: ccnId, CcnUin: owner, Instances: customers }],
      ['InvalidParameterValue.Malformed', { CcnId: 'pcx-1', CcnUin: owner, Instances }],
      [
        'InvalidParameterValue.Duplicate',
        { CcnId: ccnId, CcnUin: owner, Instances: [...Instances, ...Instances] },
      ],
      [
        'InvalidParameterValue.TooLong',
        { CcnId: ccnId, CcnUin: owner, Instances: [instance(vpcId, 'x'.repeat(101))] },
      ],
      ['MissingParameter', { CcnId: ccnId, CcnUin: owner, Instances: [] }],
      ['UnknownParameter', { CcnId: ccnId, CcnUin: owner, Instances, Nonsense: 1 } as never],
    ];
    for (const [code, input] of attempts)
      expect([code, await codeOf(platform.AttachCcnInstances(input))]).toEqual([code, code]);
    await tencent.control('POST', '/_sim/tencent/set-ccn-state', { ccnId, state: 'ISOLATED' });
    expect(await codeOf(attach())).toBe('UnsupportedOperation.InvalidState');
    expect(await state()).toBe('unseen');
  });

  it('leaves approval to the owner of the CCN, and what is not theirs unseen by others', async () => {
    await attach();
    expect(await codeOf(platform.AcceptAttachCcnInstances(named()))).toBe('ResourceNotFound');
    expect(await state()).toBe('PENDING');
    const stranger = tencent.vpc(tencent.simulators.putAccount('tencent', { name: 'stranger' }));
    expect(await attachmentsOf(stranger, vpcId)).toEqual([]);
    expect(await codeOf(stranger.DescribeCcnAttachedInstances({ CcnId: ccnId }))).toBe('ResourceNotFound');
    expect(await codeOf(stranger.DetachCcnInstances(named()))).toBe('UnsupportedOperation.CcnNotAttached');
    expect(await codeOf(stranger.DescribeCcnRoutes({ CcnId: ccnId }))).toBe('ResourceNotFound');
  });

  it('keeps what is in use, and forgets applications with their CCN', async () => {
    await attach();
    expect(await codeOf(platform.DeleteVpc({ VpcId: vpcId }))).toBe('ResourceInUse');
    await approve();
    pass(2);
    expect(await codeOf(customer.DeleteCcn({ CcnId: ccnId }))).toBe('ResourceInUse');
    await detach();
    pass(2);
    await attach();
    await customer.DeleteCcn({ CcnId: ccnId });
    expect(await state()).toBe('unseen');
    expect((await customer.DescribeCcns({})).TotalCount).toBe(0);
    await platform.DeleteVpc({ VpcId: vpcId });
    expect((await platform.DescribeVpcs({})).TotalCount).toBe(0);
  });

  it('changes descriptions, and lists by pages', async () => {
    await attach('old');
    await platform.ModifyCcnAttachedInstancesAttribute(named('new'));
    expect((await attachmentsOf(platform, vpcId))[0]?.Description).toBe('new');
    const seed = {
      instanceAccountId: tencent.platform.accountId,
      ccnAccountId: tencent.customer.accountId,
      region: REGION,
      count: 24,
      from: '172.16.0.0/12',
      prefixLength: 24,
    };
    await tencent.control('POST', '/_sim/tencent/seed-attachments', seed);
    const seen = new Set<string>();
    for (let Offset = 0; ; Offset += 10) {
      const { InstanceSet, TotalCount } = await platform.DescribeCcnAttachedInstances({ Offset, Limit: 10 });
      expect(TotalCount).toBe(25);
      if (InstanceSet!.length === 0) break;
      for (const { InstanceId } of InstanceSet!) seen.add(InstanceId!);
    }
    expect(seen.size).toBe(25);
    expect((await platform.DescribeCcnAttachedInstances({})).InstanceSet).toHaveLength(20);
    expect(await codeOf(platform.DescribeCcnAttachedInstances({ Limit: 101 }))).toBe(
      'InvalidParameterValue.Range',
    );
    const nonsense = [{ Name: 'colour', Values: ['red'] }];
    expect(await codeOf(platform.DescribeCcnAttachedInstances({ Filters: nonsense }))).toBe(
      'InvalidParameter',
    );
  });

  describe('routes', () => {
    async function join(client: VpcClient, id: string): Promise<void> {
      await client.AttachCcnInstances({
        CcnId: ccnId,
        CcnUin: tencent.customer.accountId,
        Instances: [instance(id)],
      });
      if (client === platform)
        await customer.AcceptAttachCcnInstances({ CcnId: ccnId, Instances: [instance(id)] });
      pass(2);
    }

    it('are learned from subnets unless the VPC publishes its blocks', async () => {
      const { Vpc } = await customer.CreateVpc({ VpcName: 'subnets', CidrBlock: '172.16.0.0/16' });
      const plain = Vpc!.VpcId!;
      await join(customer, plain);
      expect(await routesOf(customer, ccnId)).toEqual({});
      const subnet = { VpcId: plain, SubnetName: 's', Zone: 'ap-guangzhou-3' };
      await customer.CreateSubnet({ ...subnet, CidrBlock: '172.16.1.0/24' });
      expect(await routesOf(customer, ccnId)).toEqual({ '172.16.1.0/24': true });
      await customer.ModifyVpcAttribute({ VpcId: plain, EnableRouteVpcPublish: true });
      await customer.CreateAssistantCidr({ VpcId: plain, CidrBlocks: ['192.168.0.0/16'] });
      expect(await routesOf(customer, ccnId)).toEqual({ '172.16.0.0/16': true, '192.168.0.0/16': true });
    });

    it('that overlap an enabled one are disabled, and can be enabled only once that one is not', async () => {
      await join(customer, await makeVpc(customer, '10.11.128.0/20'));
      await join(platform, vpcId);
      expect(await routesOf(platform, ccnId)).toEqual({ '10.11.128.0/20': true, '10.11.0.0/16': false });
      const { RouteSet } = await customer.DescribeCcnRoutes({ CcnId: ccnId });
      const idOf = (cidr: string) => RouteSet!.find((route) => route.DestinationCidrBlock === cidr)!.RouteId!;
      const [ours, theirs] = [idOf('10.11.0.0/16'), idOf('10.11.128.0/20')];
      const enable = () => customer.EnableCcnRoutes({ CcnId: ccnId, RouteIds: [ours] });
      expect(await codeOf(enable())).toBe('UnsupportedOperation.Ecmp');
      expect(await codeOf(platform.EnableCcnRoutes({ CcnId: ccnId, RouteIds: [ours] }))).toBe(
        'ResourceNotFound',
      );
      await customer.DisableCcnRoutes({ CcnId: ccnId, RouteIds: [theirs] });
      await enable();
      expect(await routesOf(customer, ccnId)).toEqual({ '10.11.128.0/20': false, '10.11.0.0/16': true });
    });

    it('appear in the route tables of every VPC of the CCN', async () => {
      await join(customer, await makeVpc(customer, '172.16.0.0/16'));
      await join(platform, vpcId);
      const { RouteTableSet } = await platform.DescribeRouteTables({});
      expect(RouteTableSet![0]!.RouteSet).toEqual([
        expect.objectContaining({ DestinationCidrBlock: '10.11.0.0/16', GatewayType: 'LOCAL' }),
        expect.objectContaining({
          DestinationCidrBlock: '172.16.0.0/16',
          GatewayType: 'CCN',
          GatewayId: ccnId,
          RouteType: 'CCN',
          Enabled: true,
        }),
      ]);
    });

    it('can be kept from accounts that do not own the CCN', async () => {
      await join(platform, vpcId);
      expect(await routesOf(platform, ccnId)).toEqual({ '10.11.0.0/16': true });
      await tencent.control('POST', '/_sim/tencent/settings', { membersSeeRoutes: false });
      expect(await codeOf(routesOf(platform, ccnId))).toBe('ResourceNotFound');
      expect(await routesOf(customer, ccnId)).toEqual({ '10.11.0.0/16': true });
    });
  });
});
