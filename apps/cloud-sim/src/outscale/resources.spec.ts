import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  codeOf,
  makeEmptyNet,
  makeNet,
  startSimulatedOutscale,
  type OapiClient,
  type SimulatedOutscale,
} from '../../../../test/support/simulated-outscale.js';

describe('what belongs to a Net of OUTSCALE', () => {
  let outscale: SimulatedOutscale;
  let platform: OapiClient;
  let customer: OapiClient;

  beforeAll(async () => {
    outscale = await startSimulatedOutscale();
    platform = outscale.oapi(outscale.platform);
    customer = outscale.oapi(outscale.customer);
  });
  afterAll(() => outscale.close());
  beforeEach(() => {
    outscale.simulators.reset();
    outscale.simulators.clock.freeze();
  });

  /** A Net of the platform that is peered with one of the customer's. */
  const peered = async () => {
    const netId = await makeNet(platform, '10.128.0.0/16');
    const { body } = await outscale.control('POST', '/_sim/outscale/request-peering', {
      sourceAccountId: outscale.customer.accountId,
      ipRange: '172.16.0.0/16',
      accepterNetId: netId,
    });
    const NetPeeringId = String(body['netPeeringId']);
    await platform('AcceptNetPeering', { NetPeeringId });
    const RouteTableId = await mainTableOf(platform, netId);
    return { netId, NetPeeringId, RouteTableId, target: { NetPeeringId, RouteTableId } };
  };
  const tablesOf = async (client: OapiClient, netId: string) =>
    (await client('ReadRouteTables', { Filters: { NetIds: [netId] } })).RouteTables;
  const mainTableOf = async (client: OapiClient, netId: string) =>
    (await tablesOf(client, netId)).find((table) => table.LinkRouteTables.some((link) => link.Main))!
      .RouteTableId;

  describe('the Net', () => {
    it('comes with a main route table and a default security group', async () => {
      const netId = await makeEmptyNet(platform, '10.0.0.0/16');
      expect((await platform('ReadNets', { Filters: { NetIds: [netId] } })).Nets).toMatchObject([
        { NetId: netId, IpRange: '10.0.0.0/16', State: 'available' },
      ]);
      expect(await tablesOf(platform, netId)).toMatchObject([
        {
          NetId: netId,
          Routes: [
            { DestinationIpRange: '10.0.0.0/16', CreationMethod: 'CreateRouteTable', State: 'active' },
          ],
          LinkRouteTables: [{ Main: true }],
        },
      ]);
      expect((await platform('ReadSecurityGroups')).SecurityGroups).toMatchObject([
        { SecurityGroupName: 'default' },
      ]);
    });

    it.each([
      ['10.0.0.0/15', '4014'],
      ['10.0.0.0/29', '4014'],
      ['10.0.0.0/33', '4047'],
      ['ten', '4047'],
      ['', '7000'],
    ])('cannot have the block %p', async (IpRange, expected) => {
      expect(await codeOf(platform('CreateNet', { IpRange }))).toBe(expected);
    });

    it('is nobody else’s', async () => {
      const netId = await makeEmptyNet(platform, '10.0.0.0/16');
      expect((await customer('ReadNets', { Filters: { NetIds: [netId] } })).Nets).toEqual([]);
      expect(await codeOf(customer('DeleteNet', { NetId: netId }))).toBe('5065');
      const elsewhere = outscale.oapi(outscale.platform, { region: 'us-west-1' });
      expect((await elsewhere('ReadNets')).Nets).toEqual([]);
    });

    it('is deleted once nothing is in it and nothing leads to it', async () => {
      const { netId, NetPeeringId } = await peered();
      const remove = () => codeOf(platform('DeleteNet', { NetId: netId }));
      expect(await remove()).toBe('9029');
      await platform('DeleteNetPeering', { NetPeeringId });
      expect(await remove()).toBe('9029');
      const [vm] = (await platform('ReadVms')).Vms;
      const [subnet] = (await platform('ReadSubnets')).Subnets;
      const removeSubnet = () => codeOf(platform('DeleteSubnet', { SubnetId: subnet!.SubnetId }));
      expect(await removeSubnet()).toBe('9029');
      await platform('DeleteVms', { VmIds: [vm!.VmId] });
      await platform('DeleteVms', { VmIds: [vm!.VmId] });
      expect(await removeSubnet()).toBe('none');
      expect(await remove()).toBe('none');
      expect((await platform('ReadNets')).Nets).toEqual([]);
      expect((await platform('ReadRouteTables')).RouteTables).toEqual([]);
    });

    it('has Subnets that are parts of it and do not overlap', async () => {
      const netId = await makeEmptyNet(platform, '10.0.0.0/16');
      const add = (IpRange: string) => platform('CreateSubnet', { NetId: netId, IpRange });
      expect((await add('10.0.1.0/24')).Subnet.AvailableIpsCount).toBe(251);
      expect(await codeOf(add('10.0.0.0/23'))).toBe('9058');
      expect(await codeOf(add('10.1.0.0/24'))).toBe('4047');
    });
  });

  describe('a route', () => {
    const route = (changes: object) => ({ DestinationIpRange: '172.16.0.0/16', ...changes });

    it('is made, led elsewhere and removed', async () => {
      const { netId, target } = await peered();
      const { RouteTable } = await platform('CreateRoute', route(target));
      expect(RouteTable.Routes[1]).toEqual({
        DestinationIpRange: '172.16.0.0/16',
        NetPeeringId: target.NetPeeringId,
        CreationMethod: 'CreateRoute',
        State: 'active',
      });
      const [vm] = (await platform('ReadVms')).Vms;
      const { RouteTableId } = target;
      await platform('UpdateRoute', route({ RouteTableId, VmId: vm!.VmId }));
      expect((await tablesOf(platform, netId))[0]?.Routes[1]).toMatchObject({ VmId: vm!.VmId });
      expect(await codeOf(platform('DeleteVms', { VmIds: [vm!.VmId] }))).toBe('9029');
      await platform('DeleteRoute', route({ RouteTableId }));
      expect((await tablesOf(platform, netId))[0]?.Routes).toHaveLength(1);
    });

    it.each([
      ['is there already', {}, '9080'],
      ['is the Net’s own', { DestinationIpRange: '10.128.0.0/16' }, '9080'],
      ['lies inside of the Net', { DestinationIpRange: '10.128.1.0/24' }, '4047'],
      ['is no block', { DestinationIpRange: 'x' }, '4047'],
      [
        'leads to a peering that is not there',
        { DestinationIpRange: '1.0.0.0/8', NetPeeringId: 'pcx-12345678' },
        '5035',
      ],
      ['leads to no gateway', { NetPeeringId: undefined, GatewayId: 'igw-12345678' }, '5001'],
      ['leads nowhere', { NetPeeringId: undefined }, '7000'],
      ['is in a table that is not there', { RouteTableId: 'rtb-12345678' }, '5046'],
    ])('is refused that %s', async (_, changes, expected) => {
      const { target } = await peered();
      await platform('CreateRoute', route(target));
      expect(await codeOf(platform('CreateRoute', route({ ...target, ...changes })))).toBe(expected);
    });

    it('is refused to a peering of another Net', async () => {
      const { NetPeeringId } = await peered();
      const other = await makeNet(platform, '10.129.0.0/16');
      const RouteTableId = await mainTableOf(platform, other);
      expect(await codeOf(platform('CreateRoute', route({ RouteTableId, NetPeeringId })))).toBe('4047');
    });

    it('that is not there is neither changed nor removed', async () => {
      const { target } = await peered();
      expect(await codeOf(platform('UpdateRoute', route(target)))).toBe('5081');
      const { RouteTableId } = target;
      expect(await codeOf(platform('DeleteRoute', route({ RouteTableId })))).toBe('5081');
      const local = { RouteTableId, DestinationIpRange: '10.128.0.0/16' };
      expect(await codeOf(platform('DeleteRoute', local))).toBe('5081');
    });

    it('stays, and says that it is active, when its peering is gone', async () => {
      const { netId, NetPeeringId, RouteTableId } = await peered();
      await platform('CreateRoute', route({ RouteTableId, NetPeeringId }));
      await customer('DeleteNetPeering', { NetPeeringId });
      outscale.simulators.clock.advance(2 * 3_600_000);
      expect((await tablesOf(platform, netId))[0]?.Routes[1]).toMatchObject({
        NetPeeringId,
        State: 'active',
      });
      expect(
        await codeOf(
          platform('CreateRoute', { RouteTableId, NetPeeringId, DestinationIpRange: '1.0.0.0/8' }),
        ),
      ).toBe('5035');
    });

    it('is limited in number', async () => {
      const { target } = await peered();
      await outscale.control('POST', '/_sim/outscale/settings', { routesPerTable: 1 });
      await platform('CreateRoute', route(target));
      const another = route({ ...target, DestinationIpRange: '172.17.0.0/16' });
      expect(await codeOf(platform('CreateRoute', another))).toBe('10001');
    });
  });

  describe('a route table', () => {
    it('is linked to Subnets, and removed once it is not', async () => {
      const netId = await makeNet(platform, '10.0.0.0/16');
      const [subnet] = (await platform('ReadSubnets')).Subnets;
      const { RouteTableId } = (await platform('CreateRouteTable', { NetId: netId })).RouteTable;
      const link = { RouteTableId, SubnetId: subnet!.SubnetId };
      const { LinkRouteTableId } = await platform('LinkRouteTable', link);
      expect(await codeOf(platform('LinkRouteTable', link))).toBe('9029');
      const remove = () => codeOf(platform('DeleteRouteTable', { RouteTableId }));
      expect(await remove()).toBe('9029');
      await platform('UnlinkRouteTable', { LinkRouteTableId });
      expect(await codeOf(platform('UnlinkRouteTable', { LinkRouteTableId }))).toBe('5080');
      expect(await remove()).toBe('none');
      expect(await remove()).toBe('5046');
    });

    it('that is the main one stays', async () => {
      const RouteTableId = await mainTableOf(platform, await makeEmptyNet(platform, '10.0.0.0/16'));
      expect(await codeOf(platform('DeleteRouteTable', { RouteTableId }))).toBe('9029');
    });
  });

  describe('a security group', () => {
    const makeGroup = async () => {
      const NetId = await makeEmptyNet(customer, '172.16.0.0/16');
      const given = { NetId, SecurityGroupName: 'clients', Description: 'Clients of the deployment.' };
      return (await customer('CreateSecurityGroup', given)).SecurityGroup.SecurityGroupId;
    };
    const mqtt = { Flow: 'Inbound', IpProtocol: 'tcp', FromPortRange: 1883, ToPortRange: 1883 };

    it('lets the platform in, and no more', async () => {
      const SecurityGroupId = await makeGroup();
      const rule = { SecurityGroupId, ...mqtt, IpRange: '10.128.0.0/16' };
      const { SecurityGroup } = await customer('CreateSecurityGroupRule', rule);
      expect(SecurityGroup.InboundRules).toMatchObject([
        { IpProtocol: 'tcp', FromPortRange: 1883, ToPortRange: 1883, IpRanges: ['10.128.0.0/16'] },
      ]);
      expect(await codeOf(customer('CreateSecurityGroupRule', rule))).toBe('9081');
      await customer('DeleteSecurityGroupRule', rule);
      expect(await codeOf(customer('DeleteSecurityGroupRule', rule))).toBe('5082');
    });

    it('takes many rules at once, and gives up a part of one', async () => {
      const SecurityGroupId = await makeGroup();
      const { Flow, ...ports } = mqtt;
      const rules = (...IpRanges: string[]) => ({ SecurityGroupId, Flow, Rules: [{ ...ports, IpRanges }] });
      await customer('CreateSecurityGroupRule', rules('10.1.0.0/16', '10.2.0.0/16'));
      const { SecurityGroup } = await customer('DeleteSecurityGroupRule', rules('10.1.0.0/16'));
      expect(SecurityGroup.InboundRules).toMatchObject([{ IpRanges: ['10.2.0.0/16'] }]);
    });

    it.each([
      [{ Flow: 'Sideways' }, '4047'],
      [{ IpProtocol: 'carrier-pigeon' }, '4047'],
      [{ FromPortRange: undefined }, '7000'],
      [{ IpRange: undefined }, '7000'],
      [{ Rules: [] }, '3002'],
    ])('refuses %j', async (changes, expected) => {
      const rule = { SecurityGroupId: await makeGroup(), ...mqtt, IpRange: '10.128.0.0/16', ...changes };
      expect(await codeOf(customer('CreateSecurityGroupRule', rule))).toBe(expected);
    });
  });

  describe('a tag', () => {
    it('is seen by who made it only, and replaced by its like', async () => {
      const { NetPeeringId } = await peered();
      const tag = (Value: string) => ({ ResourceIds: [NetPeeringId], Tags: [{ Key: 'Name', Value }] });
      await platform('CreateTags', tag('one'));
      await platform('CreateTags', tag('two'));
      const Filters = { Tags: ['Name=two'] };
      expect((await platform('ReadNetPeerings', { Filters })).NetPeerings[0]?.Tags).toEqual([
        { Key: 'Name', Value: 'two' },
      ]);
      expect((await customer('ReadNetPeerings', { Filters })).NetPeerings).toEqual([]);
      expect((await platform('ReadTags')).Tags).toEqual([
        { ResourceId: NetPeeringId, ResourceType: 'vpc-peering-connection', Key: 'Name', Value: 'two' },
      ]);
      await platform('DeleteTags', tag('one'));
      expect((await platform('ReadTags')).Tags).toHaveLength(1);
      await platform('DeleteTags', tag('two'));
      expect((await platform('ReadTags')).Tags).toEqual([]);
    });

    it.each([
      [{ Tags: [{ Key: '', Value: 'x' }] }, '4069'],
      [{ Tags: [{ Key: 'x' }] }, '7000'],
      [{ Tags: [{ Key: 'x', Value: '', Colour: 'red' }] }, '3001'],
      [{ ResourceIds: ['foo'] }, '4104'],
      [{ ResourceIds: ['pcx-12345678'] }, '5035'],
    ])('is refused as %j', async (changes, expected) => {
      const NetId = await makeEmptyNet(platform, '10.0.0.0/16');
      const body = { ResourceIds: [NetId], Tags: [{ Key: 'x', Value: '' }], ...changes };
      expect(await codeOf(platform('CreateTags', body))).toBe(expected);
    });
  });

  it('tells who asks, and where one can go', async () => {
    expect((await customer('ReadAccounts')).Accounts).toMatchObject([
      { AccountId: outscale.customer.accountId },
    ]);
    expect((await customer('ReadRegions')).Regions.map((region) => region.RegionName)).toContain('eu-west-2');
  });
});
