import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  AcceptVpcPeeringConnectionCommand,
  CreateRouteCommand,
  CreateRouteTableCommand,
  CreateVpcCommand,
  CreateVpcPeeringConnectionCommand,
  DeleteRouteCommand,
  DeleteRouteTableCommand,
  DeleteVpcPeeringConnectionCommand,
  DescribeRouteTablesCommand,
  ReplaceRouteCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import {
  codeOf,
  messageOf,
  startSimulatedAws,
  type SimulatedAws,
} from '../../../../test/support/simulated-aws.js';

describe('route tables on AWS', () => {
  let aws: SimulatedAws;
  let client: EC2Client;
  let vpcId: string;
  let peerVpcId: string;
  let tableId: string;
  let peeringId: string;

  beforeAll(async () => {
    aws = await startSimulatedAws();
    client = aws.ec2(aws.platform);
  });
  afterAll(() => aws.close());

  beforeEach(async () => {
    aws.simulators.reset();
    aws.simulators.clock.freeze();
    vpcId = await makeVpc('10.11.0.0/16');
    peerVpcId = await makeVpc('172.16.0.0/16');
    peeringId = await peer(vpcId, peerVpcId);
    tableId = (await tables('vpc-id', vpcId))[0]!.RouteTableId!;
  });

  async function makeVpc(cidr: string): Promise<string> {
    return (await client.send(new CreateVpcCommand({ CidrBlock: cidr }))).Vpc!.VpcId!;
  }

  async function peer(VpcId: string, PeerVpcId: string): Promise<string> {
    const made = await client.send(new CreateVpcPeeringConnectionCommand({ VpcId, PeerVpcId }));
    return made.VpcPeeringConnection!.VpcPeeringConnectionId!;
  }

  async function tables(name: string, ...values: string[]) {
    const answer = await client.send(
      new DescribeRouteTablesCommand({ Filters: [{ Name: name, Values: values }] }),
    );
    return answer.RouteTables!;
  }

  const target = (destination: string, id = peeringId) => ({
    RouteTableId: tableId,
    DestinationCidrBlock: destination,
    VpcPeeringConnectionId: id,
  });
  const create = (destination: string, id = peeringId) =>
    client.send(new CreateRouteCommand(target(destination, id)));
  const remove = (destination: string) =>
    client.send(new DeleteRouteCommand({ RouteTableId: tableId, DestinationCidrBlock: destination }));

  async function routes(): Promise<(string | undefined)[][]> {
    const [table] = await tables('route-table-id', tableId);
    return table!.Routes!.map((route) => [
      route.DestinationCidrBlock,
      route.GatewayId ?? route.VpcPeeringConnectionId,
      route.State,
    ]);
  }

  it('has the local route, and routes that are a blackhole unless their peering is active', async () => {
    const local = ['10.11.0.0/16', 'local', 'active'];
    expect(await routes()).toEqual([local]);
    await create('172.16.0.0/16');
    expect(await routes()).toEqual([local, ['172.16.0.0/16', peeringId, 'blackhole']]);
    await client.send(new AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId: peeringId }));
    aws.simulators.clock.advance(1000);
    expect(await routes()).toEqual([local, ['172.16.0.0/16', peeringId, 'active']]);
    expect(await tables('route.vpc-peering-connection-id', peeringId)).toHaveLength(1);
    await client.send(new DeleteVpcPeeringConnectionCommand({ VpcPeeringConnectionId: peeringId }));
    expect(await routes()).toEqual([local, ['172.16.0.0/16', peeringId, 'blackhole']]);
    expect((await tables('route.state', 'blackhole')).map((table) => table.RouteTableId)).toEqual([tableId]);
    aws.simulators.clock.advance(30 * 24 * 3_600_000);
    expect(await routes()).toEqual([local, ['172.16.0.0/16', peeringId, 'blackhole']]);
    await remove('172.16.0.0/16');
    expect(await routes()).toEqual([local]);
  });

  it('drops the host bits of a destination', async () => {
    await create('172.16.5.9/16');
    expect((await routes())[1]?.[0]).toBe('172.16.0.0/16');
    expect(await messageOf(create('172.16.0.0/16'))).toBe(
      'The route identified by 172.16.0.0/16 already exists.',
    );
    await remove('172.16.200.0/16');
    expect(await codeOf(remove('172.16.0.0/16'))).toBe('InvalidRoute.NotFound');
  });

  it.each([
    ['the local destination', '10.11.0.0/16', 'RouteAlreadyExists'],
    ['a part of the VPC', '10.11.5.0/24', 'InvalidParameterValue'],
    ['more than the VPC', '10.0.0.0/8', 'none'],
    ['what is no CIDR block', '172.16.0.0/40', 'InvalidParameterValue'],
  ])('takes or refuses a route to %s', async (_, destination, expected) => {
    expect(await codeOf(create(destination))).toBe(expected);
  });

  it('refuses targets that are unknown, ended, of other VPCs or of other kinds', async () => {
    expect(await codeOf(create('172.16.0.0/16', 'pcx-0123456789abcdef0'))).toBe(
      'InvalidVpcPeeringConnectionID.NotFound',
    );
    const third = await makeVpc('172.17.0.0/16');
    const foreign = await peer(peerVpcId, third);
    expect(await messageOf(create('172.17.0.0/16', foreign))).toBe(
      `route table ${tableId} and network gateway ${foreign} belong to different networks`,
    );
    await client.send(new DeleteVpcPeeringConnectionCommand({ VpcPeeringConnectionId: peeringId }));
    expect(await codeOf(create('172.16.0.0/16'))).toBe('InvalidVpcPeeringConnectionID.NotFound');
    const other = { RouteTableId: tableId, DestinationCidrBlock: '0.0.0.0/0' };
    expect(await codeOf(client.send(new CreateRouteCommand({ ...other, GatewayId: 'igw-1' })))).toBe(
      'InvalidGatewayID.NotFound',
    );
    expect(await codeOf(client.send(new CreateRouteCommand(other)))).toBe('MissingParameter');
  });

  it('never loses the local route', async () => {
    expect(await messageOf(remove('10.11.0.0/16'))).toBe(
      `cannot remove local route 10.11.0.0/16 in route table ${tableId}`,
    );
  });

  it('replaces a route that there is, and no other', async () => {
    const replace = (destination: string) => client.send(new ReplaceRouteCommand(target(destination)));
    expect(await messageOf(replace('172.16.0.0/16'))).toBe(
      "There is no route defined for '172.16.0.0/16' in the route table. Use CreateRoute instead.",
    );
    await create('172.16.0.0/16');
    await replace('172.16.0.0/16');
    expect(await routes()).toHaveLength(2);
  });

  it('takes 50 routes, or as many as told', async () => {
    for (let index = 0; index < 50; index++) await create(`172.16.${index}.0/24`);
    expect(await codeOf(create('172.16.50.0/24'))).toBe('RouteLimitExceeded');
    await aws.control('POST', '/_sim/aws/settings', { routesPerTable: 51 });
    await create('172.16.50.0/24');
  });

  it('makes one table for one client token, and keeps the main one', async () => {
    const make = () => client.send(new CreateRouteTableCommand({ VpcId: vpcId, ClientToken: 'once' }));
    const first = (await make()).RouteTable!.RouteTableId!;
    expect((await make()).RouteTable!.RouteTableId).toBe(first);
    expect(await tables('vpc-id', vpcId)).toHaveLength(2);
    expect((await tables('association.main', 'true')).map((table) => table.RouteTableId)).toContain(tableId);
    await client.send(new DeleteRouteTableCommand({ RouteTableId: first }));
    expect(await codeOf(client.send(new DeleteRouteTableCommand({ RouteTableId: tableId })))).toBe(
      'DependencyViolation',
    );
  });
});
