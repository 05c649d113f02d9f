import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  AssociateVpcCidrBlockCommand,
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  CreateSubnetCommand,
  CreateTagsCommand,
  CreateVpcCommand,
  CreateVpcPeeringConnectionCommand,
  DeleteSecurityGroupCommand,
  DeleteTagsCommand,
  DeleteVpcCommand,
  DescribeAvailabilityZonesCommand,
  DescribeNetworkAclsCommand,
  DescribeRegionsCommand,
  DescribeSecurityGroupRulesCommand,
  DescribeSecurityGroupsCommand,
  DescribeTagsCommand,
  DescribeVpcAttributeCommand,
  DescribeVpcPeeringConnectionsCommand,
  DescribeVpcsCommand,
  DisassociateVpcCidrBlockCommand,
  ModifyVpcAttributeCommand,
  RevokeSecurityGroupIngressCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import {
  codeOf,
  messageOf,
  startSimulatedAws,
  type SimulatedAws,
} from '../../../../test/support/simulated-aws.js';

describe('resources on AWS', () => {
  let aws: SimulatedAws;
  let client: EC2Client;
  let vpcId: string;

  beforeAll(async () => {
    aws = await startSimulatedAws();
    client = aws.ec2(aws.platform);
  });
  afterAll(() => aws.close());
  beforeEach(async () => {
    aws.simulators.reset();
    vpcId = (await client.send(new CreateVpcCommand({ CidrBlock: '10.11.0.0/16' }))).Vpc!.VpcId!;
  });

  const books = () => aws.simulators.cloud('aws').simulator.books() as Record<string, unknown[]>;

  describe('a VPC', () => {
    it('belongs to one account in one region', async () => {
      const find = async (other: EC2Client) =>
        codeOf(other.send(new DescribeVpcsCommand({ VpcIds: [vpcId] })));
      expect(await find(client)).toBe('none');
      expect(await find(aws.ec2(aws.customer))).toBe('InvalidVpcID.NotFound');
      expect(await find(aws.ec2(aws.platform, { region: 'eu-west-1' }))).toBe('InvalidVpcID.NotFound');
    });

    it('comes with its network ACL and default group, and takes everything of its own with it', async () => {
      const inVpc = [{ Name: 'vpc-id', Values: [vpcId] }];
      const acls = await client.send(
        new DescribeNetworkAclsCommand({ Filters: [{ Name: 'default', Values: ['true'] }, ...inVpc] }),
      );
      expect(acls.NetworkAcls).toHaveLength(1);
      const groups = await client.send(new DescribeSecurityGroupsCommand({ Filters: inVpc }));
      expect(groups.SecurityGroups?.map((group) => group.GroupName)).toEqual(['default']);
      await client.send(new DeleteVpcCommand({ VpcId: vpcId }));
      expect(Object.values(books()).flat()).toEqual([]);
    });

    it('stays while something depends on it', async () => {
      await client.send(new CreateSubnetCommand({ VpcId: vpcId, CidrBlock: '10.11.1.0/24' }));
      const subnet = new CreateSubnetCommand({ VpcId: vpcId, CidrBlock: '10.11.1.128/25' });
      expect(await codeOf(client.send(subnet))).toBe('InvalidSubnet.Conflict');
      expect(await messageOf(client.send(new DeleteVpcCommand({ VpcId: vpcId })))).toBe(
        `The vpc '${vpcId}' has dependencies and cannot be deleted.`,
      );
    });

    it.each([
      ['10.0.0.0/8', 'InvalidVpc.Range'],
      ['10.0.0.0/29', 'InvalidVpc.Range'],
      ['10.0.0.0', 'InvalidParameterValue'],
      ['', 'MissingParameter'],
    ])('is not made of %p', async (cidr, code) => {
      expect(await codeOf(client.send(new CreateVpcCommand({ CidrBlock: cidr })))).toBe(code);
    });

    it('has up to five blocks, of which the first stays', async () => {
      const add = (cidr: string) =>
        client.send(new AssociateVpcCidrBlockCommand({ VpcId: vpcId, CidrBlock: cidr }));
      const first = await add('10.12.0.0/16');
      expect(await codeOf(add('10.12.128.0/17'))).toBe('InvalidVpc.Range');
      for (const cidr of ['10.13.0.0/16', '10.14.0.0/16', '10.15.0.0/16']) await add(cidr);
      expect(await codeOf(add('10.16.0.0/16'))).toBe('CidrLimitExceeded');
      const { Vpcs } = await client.send(new DescribeVpcsCommand({ VpcIds: [vpcId] }));
      const blocks = Vpcs![0]!.CidrBlockAssociationSet!;
      expect(blocks.map((one) => [one.CidrBlock, one.CidrBlockState?.State])).toContainEqual([
        '10.12.0.0/16',
        'associated',
      ]);
      const drop = (id: string) => client.send(new DisassociateVpcCidrBlockCommand({ AssociationId: id }));
      await drop(first.CidrBlockAssociation!.AssociationId!);
      expect(await codeOf(drop(blocks[0]!.AssociationId!))).toBe('OperationNotPermitted');
    });

    it('keeps its attributes', async () => {
      const hostnames = async () => {
        const query = { VpcId: vpcId, Attribute: 'enableDnsHostnames' } as const;
        return (await client.send(new DescribeVpcAttributeCommand(query))).EnableDnsHostnames?.Value;
      };
      expect(await hostnames()).toBe(false);
      await client.send(new ModifyVpcAttributeCommand({ VpcId: vpcId, EnableDnsHostnames: { Value: true } }));
      expect(await hostnames()).toBe(true);
    });
  });

  describe('a dry run', () => {
    it('makes every check and no change', async () => {
      const dry = (CidrBlock: string) => client.send(new CreateVpcCommand({ CidrBlock, DryRun: true }));
      expect(await codeOf(dry('10.12.0.0/16'))).toBe('DryRunOperation');
      expect(await codeOf(dry('10.0.0.0/8'))).toBe('InvalidVpc.Range');
      expect(await codeOf(client.send(new DescribeVpcsCommand({ DryRun: true })))).toBe('DryRunOperation');
      expect(books()['vpcs']).toHaveLength(1);
    });
  });

  describe('tags', () => {
    it("are each account's own, on one peering", async () => {
      const customer = aws.ec2(aws.customer);
      const mine = (await customer.send(new CreateVpcCommand({ CidrBlock: '172.16.0.0/16' }))).Vpc!.VpcId!;
      const made = await customer.send(
        new CreateVpcPeeringConnectionCommand({
          VpcId: mine,
          PeerVpcId: vpcId,
          PeerOwnerId: aws.platform.accountId,
          TagSpecifications: [
            { ResourceType: 'vpc-peering-connection', Tags: [{ Key: 'Owner', Value: 'customer' }] },
          ],
        }),
      );
      const id = made.VpcPeeringConnection!.VpcPeeringConnectionId!;
      await client.send(
        new CreateTagsCommand({ Resources: [id], Tags: [{ Key: 'Owner', Value: 'platform' }] }),
      );
      const seen = async (by: EC2Client) => {
        const Filters = [{ Name: 'tag:Owner', Values: ['*'] }];
        return (await by.send(new DescribeVpcPeeringConnectionsCommand({ Filters })))
          .VpcPeeringConnections?.[0]?.Tags;
      };
      expect(await seen(customer)).toEqual([{ Key: 'Owner', Value: 'customer' }]);
      expect(await seen(client)).toEqual([{ Key: 'Owner', Value: 'platform' }]);
      await client.send(new DeleteTagsCommand({ Resources: [id], Tags: [{ Key: 'Owner', Value: 'other' }] }));
      expect(await seen(client)).toHaveLength(1);
      await client.send(new DeleteTagsCommand({ Resources: [id], Tags: [{ Key: 'Owner' }] }));
      expect(await seen(client)).toBeUndefined();
      expect(await seen(customer)).toHaveLength(1);
    });

    it('are listed by resource, and refused beyond what EC2 takes, all or none', async () => {
      const tag = (...Tags: { Key: string; Value: string }[]) =>
        client.send(new CreateTagsCommand({ Resources: [vpcId], Tags }));
      const many = Array.from({ length: 51 }, (_, index) => ({ Key: `k${index}`, Value: '' }));
      expect(await codeOf(tag(...many))).toBe('TagLimitExceeded');
      expect(await codeOf(tag({ Key: 'aws:own', Value: '' }))).toBe('InvalidParameterValue');
      expect(books()['tags']).toEqual([]);
      await tag({ Key: 'Name', Value: 'broker' });
      const { Tags } = await client.send(
        new DescribeTagsCommand({ Filters: [{ Name: 'resource-id', Values: [vpcId] }] }),
      );
      expect(Tags).toEqual([{ ResourceId: vpcId, ResourceType: 'vpc', Key: 'Name', Value: 'broker' }]);
      const unknown = new CreateTagsCommand({ Resources: ['nonsense'], Tags: [{ Key: 'a', Value: 'b' }] });
      expect(await codeOf(client.send(unknown))).toBe('InvalidID');
    });
  });

  describe('a security group', () => {
    const mqtt = {
      IpProtocol: 'tcp',
      FromPort: 1883,
      ToPort: 1883,
      IpRanges: [{ CidrIp: '172.16.0.0/16', Description: 'devices' }],
    };
    let groupId: string;

    beforeEach(async () => {
      const command = new CreateSecurityGroupCommand({
        VpcId: vpcId,
        GroupName: 'mqtt',
        Description: 'MQTT',
      });
      groupId = (await client.send(command)).GroupId!;
    });

    const authorize = (...IpPermissions: (typeof mqtt)[]) =>
      client.send(new AuthorizeSecurityGroupIngressCommand({ GroupId: groupId, IpPermissions }));

    it('lets in what it is told to, once', async () => {
      const { SecurityGroupRules } = await authorize(mqtt);
      expect(SecurityGroupRules).toMatchObject([
        { GroupId: groupId, CidrIpv4: '172.16.0.0/16', IsEgress: false },
      ]);
      expect(await messageOf(authorize(mqtt))).toBe(
        'the specified rule "peer: 172.16.0.0/16, TCP, from port: 1883, to port: 1883, ALLOW" already exists',
      );
      await authorize({ ...mqtt, IpRanges: [{ CidrIp: '172.17.0.0/16', Description: 'more' }] });
      const { SecurityGroups } = await client.send(
        new DescribeSecurityGroupsCommand({ GroupIds: [groupId] }),
      );
      expect(SecurityGroups?.[0]?.IpPermissions).toMatchObject([
        {
          IpProtocol: 'tcp',
          FromPort: 1883,
          IpRanges: [{ CidrIp: '172.16.0.0/16' }, { CidrIp: '172.17.0.0/16' }],
        },
      ]);
      expect(SecurityGroups?.[0]?.IpPermissionsEgress).toMatchObject([{ IpProtocol: '-1' }]);
    });

    it('adds all of a request or nothing of it', async () => {
      await authorize(mqtt);
      const before = books()['securityGroupRules'];
      expect(await codeOf(authorize({ ...mqtt, FromPort: 8883, ToPort: 8883 }, mqtt))).toBe(
        'InvalidPermission.Duplicate',
      );
      expect(books()['securityGroupRules']).toEqual(before);
    });

    it('takes a rule back by what it says or by its id', async () => {
      const revoke = (by: { IpPermissions?: (typeof mqtt)[]; SecurityGroupRuleIds?: string[] }) =>
        client.send(new RevokeSecurityGroupIngressCommand({ GroupId: groupId, ...by }));
      await authorize(mqtt);
      await revoke({ IpPermissions: [mqtt] });
      expect(await codeOf(revoke({ IpPermissions: [mqtt] }))).toBe('InvalidPermission.NotFound');
      const [rule] = (await authorize(mqtt)).SecurityGroupRules!;
      await revoke({ SecurityGroupRuleIds: [rule!.SecurityGroupRuleId!] });
      const Filters = [{ Name: 'group-id', Values: [groupId] }];
      const { SecurityGroupRules } = await client.send(new DescribeSecurityGroupRulesCommand({ Filters }));
      expect(SecurityGroupRules?.map((one) => one.IsEgress)).toEqual([true]);
    });

    it('goes unless it is the default one or another refers to it', async () => {
      const drop = (id: string) => client.send(new DeleteSecurityGroupCommand({ GroupId: id }));
      const { SecurityGroups } = await client.send(
        new DescribeSecurityGroupsCommand({ GroupNames: ['default'] }),
      );
      const defaultId = SecurityGroups![0]!.GroupId!;
      expect(await codeOf(drop(defaultId))).toBe('CannotDelete');
      const fromGroup = { IpProtocol: '-1', UserIdGroupPairs: [{ GroupId: groupId }] };
      const rule = { GroupId: defaultId, IpPermissions: [fromGroup] };
      await client.send(new AuthorizeSecurityGroupIngressCommand(rule));
      expect(await codeOf(drop(groupId))).toBe('DependencyViolation');
      await client.send(new RevokeSecurityGroupIngressCommand(rule));
      await drop(groupId);
      expect(await codeOf(drop(groupId))).toBe('InvalidGroup.NotFound');
    });
  });

  it('shows the regions of the partition that is asked, and the zones of the region', async () => {
    const china = aws.ec2(aws.platform, { region: 'cn-northwest-1' });
    const { Regions } = await china.send(new DescribeRegionsCommand({}));
    expect(Regions?.map((region) => region.RegionName)).toEqual(['cn-north-1', 'cn-northwest-1']);
    const { AvailabilityZones } = await china.send(new DescribeAvailabilityZonesCommand({}));
    expect(AvailabilityZones?.map((zone) => [zone.ZoneName, zone.ZoneId])).toContainEqual([
      'cn-northwest-1a',
      'cnnw1-az1',
    ]);
  });
});
