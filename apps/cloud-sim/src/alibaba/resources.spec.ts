import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import vpcSdk from '@alicloud/vpc20160428';
import {
  codeOf,
  REGION,
  startSimulatedAlibaba,
  type Keys,
  type SimulatedAlibaba,
} from '../../../../test/support/simulated-alibaba.js';

describe('VPCs, routes and security groups on Alibaba Cloud', () => {
  let alibaba: SimulatedAlibaba;
  let platformVpc: string;
  let routeTableId: string;
  let peering: string;

  beforeAll(async () => {
    alibaba = await startSimulatedAlibaba();
  });
  afterAll(() => alibaba.close());

  beforeEach(async () => {
    alibaba.simulators.reset();
    alibaba.simulators.clock.freeze();
    const made = await makeVpc(alibaba.platform, '10.11.0.0/16');
    platformVpc = made.vpcId!;
    routeTableId = made.routeTableId!;
    const customerVpc = (await makeVpc(alibaba.customer, '172.16.0.0/16')).vpcId!;
    peering = await peer(customerVpc);
  });

  async function makeVpc(keys: Keys, cidrBlock: string) {
    const request = new vpcSdk.CreateVpcRequest({ regionId: REGION, cidrBlock });
    return (await alibaba.vpc(keys).createVpc(request)).body!;
  }

  async function peer(customerVpc: string): Promise<string> {
    const answer = await alibaba.call(alibaba.customer, 'VpcPeer', 'CreateVpcPeerConnection', {
      VpcId: customerVpc,
      AcceptingAliUid: alibaba.platform.accountId,
      AcceptingRegionId: REGION,
      AcceptingVpcId: platformVpc,
    });
    const id = String(answer['InstanceId']);
    await alibaba.call(alibaba.platform, 'VpcPeer', 'AcceptVpcPeerConnection', { InstanceId: id });
    pass(1);
    return id;
  }

  const pass = (seconds: number) => alibaba.simulators.clock.advance(seconds * 1000);

  function addRoute(destinationCidrBlock: string, more: Record<string, unknown> = {}) {
    const fields = {
      regionId: REGION,
      routeTableId,
      destinationCidrBlock,
      nextHopType: 'VpcPeer',
      nextHopId: peering,
    };
    return alibaba
      .vpc(alibaba.platform)
      .createRouteEntry(new vpcSdk.CreateRouteEntryRequest({ ...fields, ...more }));
  }

  function removeRoute(fields: Record<string, unknown>) {
    const request = new vpcSdk.DeleteRouteEntryRequest({ regionId: REGION, routeTableId, ...fields });
    return alibaba.vpc(alibaba.platform).deleteRouteEntry(request);
  }

  async function routes(fields: Record<string, unknown> = {}) {
    const request = new vpcSdk.DescribeRouteEntryListRequest({
      regionId: REGION,
      routeTableId,
      routeEntryType: 'Custom',
      ...fields,
    });
    const { body } = await alibaba.vpc(alibaba.platform).describeRouteEntryList(request);
    return body!;
  }

  const entries = async () =>
    (await routes()).routeEntrys!.routeEntry!.map((entry) => [
      entry.destinationCidrBlock,
      entry.nextHops!.nextHop![0]!.nextHopId,
      entry.status,
    ]);

  it('describes a VPC with all of its blocks', async () => {
    const client = alibaba.vpc(alibaba.platform);
    await client.associateVpcCidrBlock(
      new vpcSdk.AssociateVpcCidrBlockRequest({
        regionId: REGION,
        vpcId: platformVpc,
        secondaryCidrBlock: '10.13.0.0/16',
      }),
    );
    const describeIt = (keys: Keys, regionId = REGION) =>
      alibaba
        .vpc(keys)
        .describeVpcAttribute(new vpcSdk.DescribeVpcAttributeRequest({ regionId, vpcId: platformVpc }));
    const { body } = await describeIt(alibaba.platform);
    expect(body).toMatchObject({ cidrBlock: '10.11.0.0/16', status: 'Available', vpcId: platformVpc });
    expect(body!.secondaryCidrBlocks!.secondaryCidrBlock).toEqual(['10.13.0.0/16']);
    expect(await codeOf(describeIt(alibaba.customer))).toBe('InvalidVpcID.NotFound');
    expect(await codeOf(describeIt(alibaba.platform, 'cn-beijing'))).toBe('InvalidVpcID.NotFound');
    expect(await codeOf(describeIt(alibaba.platform, 'cn-atlantis'))).toBe('InvalidRegionId.NotFound');
  });

  it('adds and removes route entries asynchronously, one at a time in each table', async () => {
    const { body } = await addRoute('172.16.0.0/16', { routeEntryName: 'peer_1' });
    expect(await entries()).toEqual([['172.16.0.0/16', peering, 'Pending']]);
    expect(await codeOf(addRoute('172.17.0.0/16'))).toBe('TaskConflict');
    pass(1);
    expect(await entries()).toEqual([['172.16.0.0/16', peering, 'Available']]);
    await addRoute('172.17.0.0/16');
    expect(await codeOf(removeRoute({ routeEntryId: body!.routeEntryId }))).toBe('TaskConflict');
    pass(1);
    await removeRoute({ routeEntryId: body!.routeEntryId });
    expect(await entries()).toEqual([
      ['172.16.0.0/16', peering, 'Deleting'],
      ['172.17.0.0/16', peering, 'Available'],
    ]);
    pass(1);
    await removeRoute({ destinationCidrBlock: '172.17.0.0/16', nextHopId: peering });
    pass(1);
    expect(await entries()).toEqual([]);
    expect(await codeOf(removeRoute({ routeEntryId: body!.routeEntryId }))).toBe(
      'InvalidRouteEntry.NotFound',
    );
  });

  it('refuses routes that cannot be', async () => {
    await addRoute('172.16.0.0/16');
    pass(1);
    expect(await codeOf(addRoute('172.16.0.0/16'))).toBe('Duplicated.VpcNextHop');
    const other = await peer((await makeVpc(alibaba.customer, '172.20.0.0/16')).vpcId!);
    expect(await codeOf(addRoute('172.16.0.0/16', { nextHopId: other }))).toBe(
      'RouterEntryConflict.Duplicated',
    );
    expect(await codeOf(addRoute('172.21.0.0/16', { nextHopId: 'pcc-none' }))).toBe(
      'ResourceNotFound.VpcPeer',
    );
    expect(await codeOf(addRoute('172.21.0.1/16'))).toBe('InvalidCIDRBlock.Malformed');
    expect(await codeOf(addRoute('172.21.0.0/16', { routeTableId: 'vtb-none' }))).toBe(
      'InvalidRouteTableId.NotFound',
    );
    await alibaba.call(alibaba.customer, 'VpcPeer', 'DeleteVpcPeerConnection', { InstanceId: other });
    expect(await codeOf(addRoute('172.20.0.0/16', { nextHopId: other }))).toBe('IncorrectStatus.VpcPeer');
  });

  it('keeps a route whose connection the other side has deleted, and says that it leads nowhere', async () => {
    await addRoute('172.16.0.0/16');
    pass(1);
    const enabled = async () =>
      (await routes()).routeEntrys!.routeEntry!.map((entry) => entry.nextHops!.nextHop![0]!.enabled);
    expect(await enabled()).toEqual([1]);
    await alibaba.call(alibaba.customer, 'VpcPeer', 'DeleteVpcPeerConnection', { InstanceId: peering });
    expect(await enabled()).toEqual([0]);
    pass(3600);
    expect(await entries()).toEqual([['172.16.0.0/16', peering, 'Available']]);
    expect(await enabled()).toEqual([0]);
  });

  it('makes a route once for one client token', async () => {
    const first = await addRoute('172.16.0.0/16', { clientToken: 'token' });
    const again = await addRoute('172.16.0.0/16', { clientToken: 'token' });
    expect(again.body!.routeEntryId).toBe(first.body!.routeEntryId);
    expect(await entries()).toHaveLength(1);
  });

  it('pages through route tables by number and through entries by token', async () => {
    await alibaba.control('POST', '/_sim/alibaba/settings', { routeEntrySeconds: 0 });
    for (let index = 0; index < 12; index++) await addRoute(`172.16.${String(index)}.0/24`);
    const first = await routes({ maxResult: 5 });
    const second = await routes({ maxResult: 5, nextToken: first.nextToken });
    const third = await routes({ maxResult: 5, nextToken: second.nextToken });
    expect(
      [first, second, third].map((page) =>
        page.routeEntrys!.routeEntry!.map((entry) => entry.destinationCidrBlock),
      ),
    ).toEqual([
      [0, 1, 2, 3, 4].map((index) => `172.16.${String(index)}.0/24`),
      [5, 6, 7, 8, 9].map((index) => `172.16.${String(index)}.0/24`),
      [10, 11].map((index) => `172.16.${String(index)}.0/24`),
    ]);
    expect(third.nextToken).toBeUndefined();
    const all = await routes({ routeEntryType: undefined, maxResult: 100 });
    expect(all.routeEntrys!.routeEntry![0]).toMatchObject({
      destinationCidrBlock: '100.64.0.0/10',
      type: 'System',
    });

    const client = alibaba.vpc(alibaba.platform);
    const tableRequest = new vpcSdk.CreateRouteTableRequest({ regionId: REGION, vpcId: platformVpc });
    await client.createRouteTable(tableRequest);
    const list = async (pageNumber: number) =>
      (
        await client.describeRouteTableList(
          new vpcSdk.DescribeRouteTableListRequest({
            regionId: REGION,
            vpcId: platformVpc,
            pageNumber,
            pageSize: 1,
          }),
        )
      ).body!;
    const types = [await list(1), await list(2), await list(3)].map((page) => [
      page.totalCount,
      ...page.routerTableList!.routerTableListType!.map((table) => table.routeTableType),
    ]);
    expect(types).toEqual([[2, 'System'], [2, 'Custom'], [2]]);
  });

  it('keeps a VPC that something depends on', async () => {
    const remove = () =>
      alibaba
        .vpc(alibaba.platform)
        .deleteVpc(new vpcSdk.DeleteVpcRequest({ regionId: REGION, vpcId: platformVpc }));
    expect(await codeOf(remove())).toBe('DependencyViolation.VpcPeer');
    await alibaba.call(alibaba.platform, 'VpcPeer', 'DeleteVpcPeerConnection', { InstanceId: peering });
    expect(await codeOf(remove())).toBe('none');
  });

  it('opens a security group for the other side', async () => {
    const { SecurityGroupId } = await alibaba.call(alibaba.platform, 'Ecs', 'CreateSecurityGroup', {
      VpcId: platformVpc,
    });
    const authorize = () =>
      alibaba.call(
        alibaba.platform,
        'Ecs',
        'AuthorizeSecurityGroup',
        {
          SecurityGroupId,
          Permissions: [
            { IpProtocol: 'TCP', PortRange: '1883/1883', SourceCidrIp: '172.16.0.0/16', Policy: 'accept' },
          ],
        },
        { place: 'query' },
      );
    await authorize();
    await authorize();
    const shown = await alibaba.call(alibaba.platform, 'Ecs', 'DescribeSecurityGroupAttribute', {
      SecurityGroupId,
    });
    expect(shown['Permissions']).toMatchObject({
      Permission: [
        { IpProtocol: 'TCP', PortRange: '1883/1883', SourceCidrIp: '172.16.0.0/16', Policy: 'Accept' },
      ],
    });
  });
});
