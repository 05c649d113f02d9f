import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import vpcV2 from '@huaweicloud/huaweicloud-sdk-vpc/v2/public-api.js';
import {
  startSimulatedHuawei,
  type Keys,
  type SimulatedHuawei,
} from '../../../../test/support/simulated-huawei.js';

const DAY = 86_400;

describe('VPC peering on Huawei Cloud', () => {
  let huawei: SimulatedHuawei;
  let platformVpc: string;
  let customerVpc: string;

  beforeAll(async () => {
    huawei = await startSimulatedHuawei();
  });
  afterAll(() => huawei.close());

  beforeEach(async () => {
    huawei.simulators.reset();
    huawei.simulators.clock.freeze();
    platformVpc = await makeVpc(huawei.platform, '10.11.0.0/16');
    customerVpc = await makeVpc(huawei.customer, '172.16.0.0/16');
  });

  async function makeVpc(keys: Keys, cidr: string): Promise<string> {
    const vpc = new vpcV2.CreateVpcOption().withName('net').withCidr(cidr);
    const body = new vpcV2.CreateVpcRequestBody().withVpc(vpc);
    const answer = await huawei.v2(keys).createVpc(new vpcV2.CreateVpcRequest().withBody(body));
    return answer.vpc!.id!;
  }

  async function request(vpcId = customerVpc, peerVpcId = platformVpc): Promise<string> {
    const option = new vpcV2.CreateVpcPeeringOption()
      .withName('prod')
      .withRequestVpcInfo(new vpcV2.VpcInfo().withVpcId(vpcId))
      .withAcceptVpcInfo(new vpcV2.VpcInfo().withVpcId(peerVpcId).withTenantId(huawei.platform.accountId));
    const answer = await huawei
      .v2(huawei.customer)
      .createVpcPeering(
        new vpcV2.CreateVpcPeeringRequest().withBody(
          new vpcV2.CreateVpcPeeringRequestBody().withPeering(option),
        ),
      );
    return answer.peering!.id!;
  }

  const answerRequest = (verb: 'accept' | 'reject', id: string, by: Keys = huawei.platform) =>
    huawei.raw(by, 'PUT', `/v2.0/vpc/peerings/${id}/${verb}`);
  const remove = (id: string, by: Keys = huawei.platform) =>
    huawei.raw(by, 'DELETE', `/v2.0/vpc/peerings/${id}`);
  const show = (id: string, by: Keys = huawei.platform) => huawei.raw(by, 'GET', `/v2.0/vpc/peerings/${id}`);
  const list = (query: string, by: Keys = huawei.platform) =>
    huawei.raw(by, 'GET', `/v2.0/vpc/peerings?${query}`);
  const pass = (seconds: number) => huawei.simulators.clock.advance(seconds * 1000);

  async function status(id: string): Promise<string> {
    const { body } = await show(id);
    return (body as { peering: { status: string } }).peering.status;
  }

  const neutronError = (status: number, type: string) => ({ status, body: { NeutronError: { type } } });

  it('shows project ids and no address blocks', async () => {
    const id = await request();
    const { body } = await show(id);
    expect(body).toEqual({
      peering: {
        id,
        name: 'prod',
        description: '',
        status: 'PENDING_ACCEPTANCE',
        request_vpc_info: { vpc_id: customerVpc, tenant_id: huawei.customer.accountId },
        accept_vpc_info: { vpc_id: platformVpc, tenant_id: huawei.platform.accountId },
        created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/),
        updated_at: expect.anything(),
      },
    });
  });

  it('answers an acceptance with the peering itself, without an envelope', async () => {
    const id = await request();
    const accepted = await huawei
      .v2(huawei.platform)
      .acceptVpcPeering(new vpcV2.AcceptVpcPeeringRequest().withPeeringId(id));
    expect(accepted).toMatchObject({ id, status: 'ACTIVE' });
    expect(await status(id)).toBe('ACTIVE');
    expect(await answerRequest('accept', id)).toMatchObject(neutronError(409, 'PeeringStatusConflict'));
  });

  it('may be answered by its accepter only, and seen by its sides only', async () => {
    const stranger = huawei.simulators.putAccount('huawei', { name: 'stranger' });
    const id = await request();
    expect(await answerRequest('accept', id, huawei.customer)).toMatchObject(
      neutronError(403, 'PolicyNotAuthorized'),
    );
    expect(await show(id, stranger)).toMatchObject(neutronError(404, 'PeeringNotFound'));
    expect(await answerRequest('accept', id, stranger)).toMatchObject(neutronError(404, 'PeeringNotFound'));
    expect((await answerRequest('reject', id)).body).toMatchObject({ id, status: 'REJECTED' });
    expect(await answerRequest('accept', id)).toMatchObject(neutronError(409, 'PeeringStatusConflict'));
  });

  it('expires', async () => {
    const id = await request();
    pass(7 * DAY - 1);
    expect(await status(id)).toBe('PENDING_ACCEPTANCE');
    pass(1);
    expect(await status(id)).toBe('EXPIRED');
    expect(await answerRequest('accept', id)).toMatchObject(neutronError(409, 'PeeringStatusConflict'));
  });

  it.each(['PENDING_ACCEPTANCE', 'ACTIVE', 'REJECTED', 'EXPIRED'])(
    'is deleted at once by either side while %s',
    async (state) => {
      for (const by of [huawei.platform, huawei.customer]) {
        const id = await request();
        await huawei.control('POST', '/_sim/huawei/force-status', { peeringId: id, status: state });
        expect(await status(id)).toBe(state);
        expect(await remove(id, by)).toMatchObject({ status: 204, body: undefined });
        expect(await show(id)).toMatchObject(neutronError(404, 'PeeringNotFound'));
        expect(await remove(id, by)).toMatchObject(neutronError(404, 'PeeringNotFound'));
      }
    },
  );

  it('stays visible as DELETED for as long as it is told to', async () => {
    await huawei.control('POST', '/_sim/huawei/settings', { deletedVisibleSeconds: 60 });
    const id = await request();
    await remove(id);
    expect(await status(id)).toBe('DELETED');
    pass(61);
    expect((await show(id)).status).toBe(404);
  });

  it('exists once between two VPCs, does not mind overlapping blocks, and needs both VPCs', async () => {
    await request();
    const again = (vpcId: string, peer: string, by: Keys = huawei.customer) =>
      huawei.raw(by, 'POST', '/v2.0/vpc/peerings', {
        peering: {
          name: 'x',
          request_vpc_info: { vpc_id: vpcId },
          accept_vpc_info: { vpc_id: peer, tenant_id: huawei.platform.accountId },
        },
      });
    expect(await again(customerVpc, platformVpc)).toMatchObject(neutronError(409, 'PeeringConflict'));
    expect(await again(customerVpc, 'none')).toMatchObject(neutronError(404, 'RouterNotFound'));
    expect(await again(platformVpc, customerVpc)).toMatchObject(neutronError(404, 'RouterNotFound'));
    const overlapping = await makeVpc(huawei.customer, '10.11.0.0/16');
    expect((await again(overlapping, platformVpc)).status).toBe(201);
    const own = await makeVpc(huawei.platform, '10.12.0.0/16');
    expect(await again(own, platformVpc, huawei.platform)).toMatchObject({
      status: 201,
      body: { peering: { status: 'ACTIVE' } },
    });
  });

  it('takes a name and a description from either side', async () => {
    const id = await request();
    const rename = (name: string) =>
      huawei.raw(huawei.platform, 'PUT', `/v2.0/vpc/peerings/${id}`, {
        peering: { name, description: 'peer_1' },
      });
    expect(await rename('broker')).toMatchObject({
      status: 200,
      body: { peering: { name: 'broker', description: 'peer_1' } },
    });
    expect(await rename('x'.repeat(65))).toMatchObject(neutronError(400, 'HTTPBadRequest'));
  });

  it('lists by VPC in pages behind a marker', async () => {
    const { body } = await huawei.control('POST', '/_sim/huawei/seed-peerings', {
      accepterVpcId: platformVpc,
      requesterAccountId: huawei.customer.accountId,
      count: 25,
      from: '192.168.0.0/16',
      prefixLength: 24,
      status: 'ACTIVE',
    });
    await makeVpc(huawei.platform, '10.12.0.0/16');
    const seeded = (body['peerings'] as { peeringId: string }[]).map((each) => each.peeringId);
    const ids: string[] = [];
    let path: string | undefined = `/v2.0/vpc/peerings?vpc_id=${platformVpc}&limit=10`;
    while (path !== undefined) {
      const { body: page } = await huawei.raw(huawei.platform, 'GET', path);
      const { peerings, peerings_links: links } = page as {
        peerings: { id: string }[];
        peerings_links: { rel: string; href: string }[];
      };
      ids.push(...peerings.map((each) => each.id));
      const next = links.find((link) => link.rel === 'next');
      path = next && next.href.slice(huawei.endpoint.length);
    }
    expect(ids).toEqual(seeded);
    expect((await list('status=PENDING_ACCEPTANCE')).body).toMatchObject({ peerings: [] });
    expect((await list(`id=${seeded[3]!}`, huawei.customer)).body).toMatchObject({
      peerings: [{ id: seeded[3] }],
    });
    expect((await list('limit=many')).status).toBe(400);
    expect((await list('marker=none')).status).toBe(400);
  });
});
