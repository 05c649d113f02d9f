import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import vpcV2 from '@huaweicloud/huaweicloud-sdk-vpc/v2/public-api.js';
import vpcV3 from '@huaweicloud/huaweicloud-sdk-vpc/v3/public-api.js';
import { startSimulatedHuawei, type SimulatedHuawei } from '../../../../test/support/simulated-huawei.js';

interface ShownTable {
  readonly routetable: { readonly id: string; readonly routes: readonly Record<string, unknown>[] };
}

describe('VPCs, routes and security groups on Huawei Cloud', () => {
  let huawei: SimulatedHuawei;
  let project: string;
  let platformVpc: string;
  let peering: string;
  let routeTable: string;

  beforeAll(async () => {
    huawei = await startSimulatedHuawei();
  });
  afterAll(() => huawei.close());

  beforeEach(async () => {
    huawei.simulators.reset();
    huawei.simulators.clock.freeze();
    project = huawei.platform.accountId;
    const made = await asPlatform('POST', `/v3/${project}/vpc/vpcs`, {
      vpc: { name: 'deployment', cidr: '10.11.0.0/16' },
    });
    platformVpc = (made.body as { vpc: { id: string } }).vpc.id;
    peering = await seedPeering('172.16.0.0/16');
    const listed = await huawei
      .v2(huawei.platform)
      .listRouteTables(new vpcV2.ListRouteTablesRequest().withVpcId(platformVpc));
    routeTable = listed.routetables![0]!.id!;
  });

  const asPlatform = (method: string, path: string, body?: unknown) =>
    huawei.raw(huawei.platform, method, path, body);

  async function seedPeering(from: string): Promise<string> {
    const { body } = await huawei.control('POST', '/_sim/huawei/seed-peerings', {
      accepterVpcId: platformVpc,
      requesterAccountId: huawei.customer.accountId,
      count: 1,
      from,
      prefixLength: 16,
      status: 'ACTIVE',
    });
    return (body['peerings'] as { peeringId: string }[])[0]!.peeringId;
  }

  const change = (routes: Record<string, unknown>) =>
    asPlatform('PUT', `/v1/${project}/routetables/${routeTable}`, { routetable: { routes } });
  const add = (destination: string, nexthop = peering) =>
    change({ add: [{ type: 'peering', destination, nexthop, description: 'peer_1' }] });

  async function routes(): Promise<unknown[]> {
    const { body } = await asPlatform('GET', `/v1/${project}/routetables/${routeTable}`);
    return (body as ShownTable).routetable.routes.map((route) => [route['destination'], route['nexthop']]);
  }

  it('shows later blocks in version 3 only', async () => {
    await huawei
      .v3(huawei.platform)
      .addVpcExtendCidr(
        new vpcV3.AddVpcExtendCidrRequest()
          .withVpcId(platformVpc)
          .withBody(
            new vpcV3.AddVpcExtendCidrRequestBody().withVpc(
              new vpcV3.AddExtendCidrOption().withExtendCidrs(['10.13.0.0/16']),
            ),
          ),
      );
    const v3 = await huawei.v3(huawei.platform).showVpc(new vpcV3.ShowVpcRequest().withVpcId(platformVpc));
    expect(v3.vpc).toMatchObject({ cidr: '10.11.0.0/16', extend_cidrs: ['10.13.0.0/16'], status: 'ACTIVE' });
    const v1 = await huawei.v2(huawei.platform).showVpc(new vpcV2.ShowVpcRequest().withVpcId(platformVpc));
    expect(JSON.stringify(v1.vpc)).not.toContain('10.13.0.0/16');
  });

  it('changes routes by changing their table, all or nothing', async () => {
    expect(await add('172.16.0.0/16')).toMatchObject({
      status: 200,
      body: {
        routetable: {
          default: true,
          routes: [
            { type: 'peering', destination: '172.16.0.0/16', nexthop: peering, description: 'peer_1' },
          ],
        },
      },
    });
    expect(await add('172.16.0.0/16')).toMatchObject({ status: 409, body: { code: 'VPC.2606' } });
    const other = await seedPeering('172.17.0.0/16');
    const half = await change({
      add: [
        { type: 'peering', destination: '172.17.0.0/16', nexthop: other },
        { type: 'peering', destination: '172.18.0.0/16', nexthop: 'none' },
      ],
    });
    expect(half).toMatchObject({ status: 404, body: { code: 'VPC.2607' } });
    expect(await routes()).toEqual([['172.16.0.0/16', peering]]);
    await change({ mod: [{ type: 'peering', destination: '172.16.0.0/16', nexthop: other }] });
    expect(await routes()).toEqual([['172.16.0.0/16', other]]);
    await change({ del: [{ destination: '172.16.0.0/16' }] });
    expect(await routes()).toEqual([]);
    expect(await change({ del: [{ destination: '172.16.0.0/16' }] })).toMatchObject({
      status: 404,
      body: { code: 'VPC.2605' },
    });
  });

  it('refuses routes that cannot be', async () => {
    expect((await add('10.11.3.0/24')).status).toBe(400);
    expect((await add('172.16.0.1/16')).status).toBe(400);
    await huawei.control('POST', '/_sim/huawei/force-status', { peeringId: peering, status: 'REJECTED' });
    expect((await add('172.16.0.0/16')).status).toBe(409);
  });

  it.each([
    [false, [['172.16.0.0/16', 'the peering']]],
    [true, []],
  ])('with deletionRemovesRoutes %s, a deleted peering leaves %j', async (deletionRemovesRoutes, left) => {
    await huawei.control('POST', '/_sim/huawei/settings', { deletionRemovesRoutes });
    await add('172.16.0.0/16');
    await huawei.raw(huawei.customer, 'DELETE', `/v2.0/vpc/peerings/${peering}`);
    expect(await routes()).toEqual(left.map(([destination]) => [destination, peering]));
  });

  it('leaves routes out of the list of tables', async () => {
    await add('172.16.0.0/16');
    const { body } = await asPlatform('GET', `/v1/${project}/routetables?vpc_id=${platformVpc}`);
    const [table] = (body as { routetables: Record<string, unknown>[] }).routetables;
    expect(table).toMatchObject({ id: routeTable, default: true, vpc_id: platformVpc, tenant_id: project });
    expect(table).not.toHaveProperty('routes');
  });

  it('keeps each project to itself', async () => {
    const foreign = `/v1/${project}/routetables/${routeTable}`;
    expect(await huawei.raw(huawei.customer, 'GET', foreign)).toMatchObject({
      status: 400,
      body: { code: 'VPC.0007', message: 'urlTenantId is not equal tokenTenantId' },
    });
    const own = `/v1/${huawei.customer.accountId}/routetables/${routeTable}`;
    expect((await huawei.raw(huawei.customer, 'GET', own)).status).toBe(404);
    const { body } = await huawei.control('POST', '/_sim/huawei/projects', {
      accountId: huawei.platform.accountId,
    });
    const elsewhere = (body['projects'] as { id: string; region: string }[]).find(
      ({ region }) => region === 'ap-southeast-3',
    )!;
    const there = { ...huawei.platform, accountId: elsewhere.id };
    expect((await huawei.raw(there, 'GET', `/v3/${elsewhere.id}/vpc/vpcs`)).body).toMatchObject({ vpcs: [] });
  });

  it('keeps a VPC that a peering depends on', async () => {
    const path = `/v1/${project}/vpcs/${platformVpc}`;
    expect((await asPlatform('DELETE', path)).status).toBe(409);
    await asPlatform('DELETE', `/v2.0/vpc/peerings/${peering}`);
    expect((await asPlatform('DELETE', path)).status).toBe(204);
    expect(await asPlatform('GET', path)).toMatchObject({ status: 404, body: { code: 'VPC.0003' } });
  });

  it('opens a security group for the other side', async () => {
    const v3 = huawei.v3(huawei.platform);
    const group = await v3.createSecurityGroup(
      new vpcV3.CreateSecurityGroupRequest().withBody(
        new vpcV3.CreateSecurityGroupRequestBody().withSecurityGroup(
          new vpcV3.CreateSecurityGroupOption().withName('mqtt'),
        ),
      ),
    );
    // The SDK's types promise camel case here; what it returns is the parsed body.
    const securityGroup = (group as unknown as { security_group: { id: string } }).security_group;
    const rule = new vpcV3.CreateSecurityGroupRuleOption()
      .withSecurityGroupId(securityGroup.id)
      .withDirection('ingress')
      .withProtocol('tcp')
      .withMultiport('1883')
      .withRemoteIpPrefix('172.16.0.0/16');
    const request = new vpcV3.CreateSecurityGroupRuleRequest().withBody(
      new vpcV3.CreateSecurityGroupRuleRequestBody().withSecurityGroupRule(rule),
    );
    await v3.createSecurityGroupRule(request);
    const listed = await asPlatform('GET', `/v3/${project}/vpc/security-group-rules`);
    expect(listed.body).toMatchObject({
      security_group_rules: [{ direction: 'ingress', multiport: '1883', remote_ip_prefix: '172.16.0.0/16' }],
    });
  });
});
