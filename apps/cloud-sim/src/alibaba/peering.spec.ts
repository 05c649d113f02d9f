import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import vpcSdk from '@alicloud/vpc20160428';
import {
  codeOf,
  REGION,
  startSimulatedAlibaba,
  type Keys,
  type SimulatedAlibaba,
} from '../../../../test/support/simulated-alibaba.js';

const DAY = 86_400;

describe('VPC peering on Alibaba Cloud', () => {
  let alibaba: SimulatedAlibaba;
  let platformVpc: string;
  let customerVpc: string;

  beforeAll(async () => {
    alibaba = await startSimulatedAlibaba();
  });
  afterAll(() => alibaba.close());

  beforeEach(async () => {
    alibaba.simulators.reset();
    alibaba.simulators.clock.freeze();
    platformVpc = await makeVpc(alibaba.platform, '10.11.0.0/16');
    customerVpc = await makeVpc(alibaba.customer, '172.16.0.0/16');
  });

  async function makeVpc(keys: Keys, cidrBlock: string): Promise<string> {
    const { body } = await alibaba
      .vpc(keys)
      .createVpc(new vpcSdk.CreateVpcRequest({ regionId: REGION, cidrBlock }));
    return body!.vpcId!;
  }

  async function request(more: Record<string, unknown> = {}): Promise<string> {
    const answer = await alibaba.call(alibaba.customer, 'VpcPeer', 'CreateVpcPeerConnection', {
      VpcId: customerVpc,
      AcceptingAliUid: alibaba.platform.accountId,
      AcceptingRegionId: REGION,
      AcceptingVpcId: platformVpc,
      ...more,
    });
    return String(answer['InstanceId']);
  }

  const act = (action: string, id: string, by: Keys = alibaba.platform, more: Record<string, unknown> = {}) =>
    alibaba.call(by, 'VpcPeer', `${action}VpcPeerConnection`, { InstanceId: id, ...more });
  const look = (id: string, by: Keys = alibaba.platform) =>
    alibaba.call(by, 'VpcPeer', 'GetVpcPeerConnectionAttribute', { InstanceId: id });
  const status = async (id: string) => String((await look(id))['Status']);
  const pass = (seconds: number) => alibaba.simulators.clock.advance(seconds * 1000);
  const list = (parameters: Record<string, unknown> = {}, by: Keys = alibaba.platform) =>
    alibaba.call(by, 'VpcPeer', 'ListVpcPeerConnections', parameters);

  /** An established peering. */
  async function established(): Promise<string> {
    const id = await request();
    await act('Accept', id);
    pass(1);
    return id;
  }

  it('shows both sides while pending, with account ids that a double cannot hold', async () => {
    const id = await request({ Name: 'prod' });
    const text = await alibaba.text(alibaba.platform, 'VpcPeer', 'GetVpcPeerConnectionAttribute', {
      InstanceId: id,
    });
    expect(text).toContain('"OwnerId":253460731706911258,');
    expect(text).toContain('"AcceptingOwnerUid":283117732402483989,');
    expect(JSON.parse(text)).toMatchObject({
      OwnerId: 253460731706911260,
      Status: 'Accepting',
      BizStatus: 'Normal',
      Name: 'prod',
      RegionId: REGION,
      Vpc: { VpcId: customerVpc, Ipv4Cidrs: ['172.16.0.0/16'] },
      AcceptingVpc: { VpcId: platformVpc, Ipv4Cidrs: ['10.11.0.0/16'] },
      Tags: [],
    });
  });

  it('is accepted asynchronously', async () => {
    const id = await request();
    expect((await look(id))['GmtExpired']).not.toBeNull();
    await act('Accept', id);
    expect(await status(id)).toBe('Updating');
    pass(1);
    expect(await status(id)).toBe('Activated');
    expect((await look(id))['GmtExpired']).toBeNull();
    expect(await codeOf(act('Accept', id))).toBe('IncorrectStatus.VpcPeer');
  });

  it('may be answered by its accepter only, and seen by its sides only', async () => {
    const stranger = alibaba.simulators.putAccount('alibaba', { name: 'stranger' });
    const id = await request();
    expect(await codeOf(act('Accept', id, alibaba.customer))).toBe('Forbidden.NoPermission');
    expect(await codeOf(act('Reject', id, alibaba.customer))).toBe('Forbidden.NoPermission');
    expect(await codeOf(look(id, stranger))).toBe('ResourceNotFound.InstanceId');
    expect(await codeOf(act('Accept', id, stranger))).toBe('ResourceNotFound.InstanceId');
    await act('Reject', id);
    expect(await status(id)).toBe('Rejected');
    expect(await codeOf(act('Accept', id))).toBe('IncorrectStatus.VpcPeer');
  });

  it('expires after seven days and can then only be deleted', async () => {
    const id = await request();
    pass(7 * DAY - 1);
    expect(await status(id)).toBe('Accepting');
    pass(1);
    expect(await status(id)).toBe('Expired');
    expect((await look(id))['GmtExpired']).not.toBeNull();
    expect(await codeOf(act('Accept', id))).toBe('IncorrectStatus.VpcPeer');
    await act('Delete', id, alibaba.customer);
    expect(await status(id)).toBe('Deleting');
  });

  it('is deleted asynchronously by either side, stays visible for a while and is then forgotten', async () => {
    const id = await established();
    await act('Delete', id, alibaba.customer);
    expect(await status(id)).toBe('Deleting');
    expect(await codeOf(act('Delete', id))).toBe('IncorrectStatus.VpcPeer');
    pass(1);
    expect(await status(id)).toBe('Deleted');
    pass(120);
    expect(await codeOf(look(id))).toBe('ResourceNotFound.InstanceId');
    expect(await codeOf(act('Delete', id))).toBe('ResourceNotFound.InstanceId');
    expect((await list())['TotalCount']).toBe(0);
  });

  it('is taken back by its requester only while it is pending', async () => {
    const id = await request();
    expect(await codeOf(act('Delete', id, alibaba.platform))).toBe('IncorrectStatus.VpcPeer');
    expect(await codeOf(act('Delete', id, alibaba.customer))).toBe('none');
  });

  it('refuses to delete while routes of the caller lead to it, unless forced', async () => {
    const id = await established();
    const { body } = await alibaba
      .vpc(alibaba.platform)
      .describeRouteTableList(
        new vpcSdk.DescribeRouteTableListRequest({ regionId: REGION, vpcId: platformVpc }),
      );
    const routeTableId = body!.routerTableList!.routerTableListType![0]!.routeTableId!;
    await alibaba.vpc(alibaba.platform).createRouteEntry(
      new vpcSdk.CreateRouteEntryRequest({
        regionId: REGION,
        routeTableId,
        destinationCidrBlock: '172.16.0.0/16',
        nextHopType: 'VpcPeer',
        nextHopId: id,
      }),
    );
    pass(1);
    expect(await codeOf(act('Delete', id))).toBe('OperationDenied.RouteEntryExist');
    expect(await codeOf(act('Delete', id, alibaba.platform, { Force: true, DryRun: true }))).toBe(
      'DryRunOperation',
    );
    expect(await status(id)).toBe('Activated');
    await act('Delete', id, alibaba.platform, { Force: true });
    expect(alibaba.simulators.cloud('alibaba').simulator.books()['routeEntries']).toEqual([]);
  });

  it('lets one change at a time touch a VPC', async () => {
    const first = await request();
    const other = await makeVpc(alibaba.customer, '172.17.0.0/16');
    const second = await request({ VpcId: other });
    await act('Accept', first);
    expect(await codeOf(act('Accept', second))).toBe('Conflict.Operation');
    pass(1);
    expect(await codeOf(act('Accept', second))).toBe('none');
  });

  it('needs Cloud Data Transfer on both accounts', async () => {
    const cdt = (accountId: string, opened: boolean) =>
      alibaba.control('POST', '/_sim/alibaba/cdt', { accountId, opened });
    await cdt(alibaba.customer.accountId, false);
    expect(await codeOf(request())).toBe('OperationFailed.CdtNotOpened');
    await cdt(alibaba.customer.accountId, true);
    await cdt(alibaba.platform.accountId, false);
    expect(await codeOf(request())).toBe('OperationFailed.AcceptUserCdtNotOpened');
    await cdt(alibaba.platform.accountId, true);
    const id = await request();
    await cdt(alibaba.platform.accountId, false);
    expect(await codeOf(act('Accept', id))).toBe('OperationFailed.CdtNotOpened');
    await cdt(alibaba.platform.accountId, true);
    expect(await codeOf(act('Accept', id))).toBe('none');
  });

  it('exists once between two VPCs, does not mind overlapping blocks, and needs both VPCs', async () => {
    await request();
    expect(await codeOf(request())).toBe('ResourceAlreadyExist.VpcPeer');
    const overlapping = await makeVpc(alibaba.customer, '10.11.0.0/16');
    expect(await codeOf(request({ VpcId: overlapping }))).toBe('none');
    expect(await codeOf(request({ AcceptingVpcId: 'vpc-none' }))).toBe('ResourceNotFound.AcceptingVpcId');
    expect(await codeOf(request({ VpcId: platformVpc }))).toBe('ResourceNotFound.VpcId');
    expect(await codeOf(request({ AcceptingVpcId: '' }))).toBe('MissingAcceptingVpcId');
  });

  it('repeats the answer to a client token, a refusal too, and only to the same request', async () => {
    const one = await request({ ClientToken: 'token-1' });
    expect(await request({ ClientToken: 'token-1' })).toBe(one);
    expect(await codeOf(request({ ClientToken: 'token-1', Name: 'x' }))).toBe('IdempotentParameterMismatch');
    await act('Accept', one, alibaba.platform, { ClientToken: 'token-2' });
    pass(1);
    expect(await codeOf(act('Accept', one, alibaba.platform, { ClientToken: 'token-2' }))).toBe('none');
    expect(await codeOf(act('Accept', one, alibaba.platform, { ClientToken: 'token-3' }))).toBe(
      'IncorrectStatus.VpcPeer',
    );
    await act('Delete', one);
    pass(1);
    const two = await request({ ClientToken: 'token-4' });
    await alibaba.control('POST', '/_sim/alibaba/cdt', {
      accountId: alibaba.platform.accountId,
      opened: false,
    });
    const refused = () => codeOf(act('Accept', two, alibaba.platform, { ClientToken: 'token-5' }));
    expect(await refused()).toBe('OperationFailed.CdtNotOpened');
    await alibaba.control('POST', '/_sim/alibaba/cdt', {
      accountId: alibaba.platform.accountId,
      opened: true,
    });
    expect(await refused()).toBe('OperationFailed.CdtNotOpened');
    expect(await codeOf(act('Accept', two, alibaba.platform, { ClientToken: 'x'.repeat(65) }))).toBe(
      'InvalidClientToken',
    );
    const { body } = await alibaba.control('GET', '/_sim/alibaba/calls?operation=AcceptVpcPeerConnection');
    const effects = (body['calls'] as { tookEffect: boolean }[]).map((call) => call.tookEffect);
    expect(effects).toEqual([true, false, false, false, false, false]);
  });

  it('lists by VPC in pages, in each region for the side that lies there', async () => {
    const { body } = await alibaba.control('POST', '/_sim/alibaba/seed-peerings', {
      accepterVpcId: platformVpc,
      requesterAccountId: alibaba.customer.accountId,
      count: 250,
      from: '192.168.0.0/16',
      prefixLength: 24,
      status: 'Activated',
    });
    expect(body['peerings']).toHaveLength(250);
    const ids: unknown[] = [];
    let token: unknown;
    do {
      const page = await list({
        VpcId: JSON.stringify([platformVpc]),
        MaxResults: 100,
        ...(token === undefined ? {} : { NextToken: token }),
      });
      expect(page['TotalCount']).toBe(250);
      ids.push(...(page['VpcPeerConnects'] as Record<string, unknown>[]).map((each) => each['InstanceId']));
      token = page['NextToken'];
    } while (token !== undefined);
    expect(ids).toEqual((body['peerings'] as { instanceId: string }[]).map((each) => each.instanceId));
    expect((await list({ RegionId: 'cn-beijing' }))['TotalCount']).toBe(0);
    expect((await list({}, alibaba.customer))['VpcPeerConnects']).toHaveLength(20);
    expect((await list({ InstanceId: ids[7] }))['TotalCount']).toBe(1);
    expect(await codeOf(list({ MaxResults: 101 }))).toBe('IllegalParam.MaxResults');
    expect(await codeOf(list({ NextToken: 'made-up' }))).toBe('IllegalParam.NextToken');
  });

  it('crosses regions and keeps the region of each side', async () => {
    const { body } = await alibaba
      .vpc(alibaba.customer)
      .createVpc(new vpcSdk.CreateVpcRequest({ regionId: 'cn-beijing', cidrBlock: '172.18.0.0/16' }));
    const id = await request({ RegionId: 'cn-beijing', VpcId: body!.vpcId });
    expect(await look(id)).toMatchObject({
      RegionId: 'cn-beijing',
      AcceptingRegionId: REGION,
      Bandwidth: 1024,
    });
    expect((await list({ VpcId: JSON.stringify([platformVpc]) }))['TotalCount']).toBe(1);
  });

  it('is activated without an answer within one account', async () => {
    const other = await makeVpc(alibaba.platform, '10.12.0.0/16');
    const answer = await alibaba.call(alibaba.platform, 'VpcPeer', 'CreateVpcPeerConnection', {
      VpcId: other,
      AcceptingRegionId: REGION,
      AcceptingVpcId: platformVpc,
    });
    expect(await status(String(answer['InstanceId']))).toBe('Activated');
  });

  it('carries tags that only their maker sees', async () => {
    const id = await request();
    const tag = (by: Keys) =>
      alibaba.call(
        by,
        'VpcPeer',
        'TagResources',
        { ResourceType: 'PeerConnection', ResourceId: [id], Tag: [{ Key: 'owner', Value: 'broker' }] },
        { place: 'query' },
      );
    await tag(alibaba.platform);
    expect((await look(id))['Tags']).toEqual([{ Key: 'owner', Value: 'broker' }]);
    expect((await look(id, alibaba.customer))['Tags']).toEqual([]);
    const stranger = alibaba.simulators.putAccount('alibaba', { name: 'stranger' });
    expect(await codeOf(tag(stranger))).toBe('ResourceNotFound.ResourceId');
  });

  it.each(['Accepting', 'Activated', 'Rejected', 'Expired', 'Deleted'])(
    'can be forced to be %s',
    async (wanted) => {
      const id = await request();
      await alibaba.control('POST', '/_sim/alibaba/force-status', { instanceId: id, status: wanted });
      expect(await status(id)).toBe(wanted);
    },
  );
});
