import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  AcceptVpcPeeringConnectionCommand,
  AssociateVpcCidrBlockCommand,
  CreateVpcCommand,
  CreateVpcPeeringConnectionCommand,
  DeleteVpcCommand,
  DeleteVpcPeeringConnectionCommand,
  DescribeVpcPeeringConnectionsCommand,
  ModifyVpcPeeringConnectionOptionsCommand,
  RejectVpcPeeringConnectionCommand,
  type EC2Client,
  type VpcPeeringConnection,
} from '@aws-sdk/client-ec2';
import {
  codeOf,
  messageOf,
  startSimulatedAws,
  type SimulatedAws,
} from '../../../../test/support/simulated-aws.js';

const HOUR = 3600;
const DAY = 24 * HOUR;

describe('VPC peering on AWS', () => {
  let aws: SimulatedAws;
  let platform: EC2Client;
  let customer: EC2Client;
  let platformVpc: string;
  let customerVpc: string;

  beforeAll(async () => {
    aws = await startSimulatedAws();
    platform = aws.ec2(aws.platform);
    customer = aws.ec2(aws.customer);
  });
  afterAll(() => aws.close());

  beforeEach(async () => {
    aws.simulators.reset();
    aws.simulators.clock.freeze();
    platformVpc = await makeVpc(platform, '10.11.0.0/16');
    customerVpc = await makeVpc(customer, '172.16.0.0/16');
  });

  async function makeVpc(client: EC2Client, cidr: string): Promise<string> {
    const { Vpc } = await client.send(new CreateVpcCommand({ CidrBlock: cidr }));
    return Vpc!.VpcId!;
  }

  async function request(vpcId = customerVpc, peerVpcId = platformVpc): Promise<VpcPeeringConnection> {
    const { VpcPeeringConnection } = await customer.send(
      new CreateVpcPeeringConnectionCommand({
        VpcId: vpcId,
        PeerVpcId: peerVpcId,
        PeerOwnerId: aws.platform.accountId,
      }),
    );
    return VpcPeeringConnection!;
  }

  const byId = (id: string) => ({ VpcPeeringConnectionId: id });
  const accept = (id: string, client = platform) =>
    client.send(new AcceptVpcPeeringConnectionCommand(byId(id)));
  const reject = (id: string, client = platform) =>
    client.send(new RejectVpcPeeringConnectionCommand(byId(id)));
  const remove = (id: string, client: EC2Client) =>
    client.send(new DeleteVpcPeeringConnectionCommand(byId(id)));
  const pass = (seconds: number) => aws.simulators.clock.advance(seconds * 1000);

  async function requestId(): Promise<string> {
    return (await request()).VpcPeeringConnectionId!;
  }

  /** The status that each side sees; `unseen` when the filter finds nothing. */
  async function seen(id: string): Promise<{ requester: string; accepter: string }> {
    const look = async (client: EC2Client): Promise<string> => {
      const filter = { Name: 'vpc-peering-connection-id', Values: [id] };
      const answer = await client.send(new DescribeVpcPeeringConnectionsCommand({ Filters: [filter] }));
      return answer.VpcPeeringConnections?.[0]?.Status?.Code ?? 'unseen';
    };
    return { requester: await look(customer), accepter: await look(platform) };
  }

  it('goes from a request over its acceptance to active, with the CIDR blocks shown only then', async () => {
    const made = await request();
    expect(made.Status?.Code).toBe('initiating-request');
    const id = made.VpcPeeringConnectionId!;
    expect(await seen(id)).toEqual({ requester: 'pending-acceptance', accepter: 'pending-acceptance' });

    const pending = await platform.send(
      new DescribeVpcPeeringConnectionsCommand({ VpcPeeringConnectionIds: [id] }),
    );
    expect(pending.VpcPeeringConnections).toMatchObject([
      {
        RequesterVpcInfo: { OwnerId: aws.customer.accountId, VpcId: customerVpc, Region: 'us-east-1' },
        AccepterVpcInfo: { OwnerId: aws.platform.accountId, VpcId: platformVpc, Region: 'us-east-1' },
        Status: { Message: `Pending Acceptance by ${aws.platform.accountId}` },
        ExpirationTime: new Date(aws.simulators.clock.now() + 7 * DAY * 1000),
      },
    ]);
    expect(pending.VpcPeeringConnections?.[0]?.RequesterVpcInfo?.CidrBlock).toBeUndefined();

    const accepted = await accept(id);
    expect(accepted.VpcPeeringConnection?.Status?.Code).toBe('provisioning');
    pass(1);
    const active = await platform.send(
      new DescribeVpcPeeringConnectionsCommand({ VpcPeeringConnectionIds: [id] }),
    );
    expect(active.VpcPeeringConnections?.[0]).toMatchObject({
      Status: { Code: 'active', Message: 'Active' },
      RequesterVpcInfo: { CidrBlock: '172.16.0.0/16', CidrBlockSet: [{ CidrBlock: '172.16.0.0/16' }] },
      AccepterVpcInfo: {
        CidrBlock: '10.11.0.0/16',
        PeeringOptions: { AllowDnsResolutionFromRemoteVpc: false },
      },
    });
    expect(active.VpcPeeringConnections?.[0]?.ExpirationTime).toBeUndefined();
  });

  it('shows the requester its CIDR block while pending when told to', async () => {
    await aws.control('POST', '/_sim/aws/settings', { cidrsWhilePending: 'requester' });
    const id = await requestId();
    const { VpcPeeringConnections } = await platform.send(
      new DescribeVpcPeeringConnectionsCommand({ VpcPeeringConnectionIds: [id] }),
    );
    expect(VpcPeeringConnections?.[0]?.RequesterVpcInfo?.CidrBlock).toBe('172.16.0.0/16');
    expect(VpcPeeringConnections?.[0]?.AccepterVpcInfo?.CidrBlock).toBeUndefined();
  });

  it('answers the same request with the connection that there is, pending or active', async () => {
    const id = await requestId();
    expect(await requestId()).toBe(id);
    await accept(id);
    pass(1);
    expect(await requestId()).toBe(id);
    await remove(id, customer);
    expect(await requestId()).not.toBe(id);
  });

  it('makes a second request in the other direction, which cannot be accepted beside the first', async () => {
    const first = await requestId();
    await accept(first);
    const { VpcPeeringConnection } = await platform.send(
      new CreateVpcPeeringConnectionCommand({
        VpcId: platformVpc,
        PeerVpcId: customerVpc,
        PeerOwnerId: aws.customer.accountId,
      }),
    );
    const second = VpcPeeringConnection!.VpcPeeringConnectionId!;
    expect(second).not.toBe(first);
    expect(await messageOf(accept(second, customer))).toBe(
      `The vpc peering connection identified by ${second} already exists.`,
    );
    expect(await codeOf(accept(second, customer))).toBe('VpcPeeringConnectionAlreadyExists');
  });

  describe('fails at once', () => {
    it.each([
      ['an overlapping CIDR block', async () => request(await makeVpc(customer, '10.11.128.0/17'))],
      ['a VPC that is not there', async () => request(customerVpc, 'vpc-0123456789abcdef0')],
      [
        'a VPC of the wrong account',
        async () => request(customerVpc, await makeVpc(customer, '192.168.0.0/16')),
      ],
    ])('for %s, seen by the requester alone for two hours', async (_, ask) => {
      const failed = await ask();
      const id = failed.VpcPeeringConnectionId!;
      expect(failed.Status).toEqual({
        Code: 'failed',
        Message: 'Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range',
      });
      expect(await seen(id)).toEqual({ requester: 'failed', accepter: 'unseen' });
      expect(await messageOf(remove(id, customer))).toBe(
        `Invalid state transition for ${id}, attempted to transition from failed to deleting`,
      );
      expect(await codeOf(accept(id))).toBe('InvalidVpcPeeringConnectionID.NotFound');
      pass(2 * HOUR);
      expect(await seen(id)).toEqual({ requester: 'unseen', accepter: 'unseen' });
    });
  });

  it('expires after seven days, is seen by both for two more, and is then past accepting and deleting', async () => {
    const id = await requestId();
    pass(7 * DAY - 1);
    expect((await seen(id)).accepter).toBe('pending-acceptance');
    pass(1);
    expect(await seen(id)).toEqual({ requester: 'expired', accepter: 'expired' });
    expect(await codeOf(accept(id))).toBe('InvalidStateTransition');
    expect(await codeOf(remove(id, customer))).toBe('InvalidStateTransition');
    pass(2 * DAY);
    expect(await seen(id)).toEqual({ requester: 'unseen', accepter: 'unseen' });
    expect(aws.simulators.cloud('aws').simulator.books()['peerings']).toEqual([]);
  });

  it('is seen as rejected for two hours by its accepter and two days by its requester', async () => {
    const id = await requestId();
    await reject(id);
    expect(await seen(id)).toEqual({ requester: 'rejected', accepter: 'rejected' });
    expect(await codeOf(accept(id))).toBe('InvalidStateTransition');
    pass(2 * HOUR);
    expect(await seen(id)).toEqual({ requester: 'rejected', accepter: 'unseen' });
    expect(await codeOf(reject(id))).toBe('InvalidVpcPeeringConnectionID.NotFound');
    pass(2 * DAY);
    expect(await seen(id)).toEqual({ requester: 'unseen', accepter: 'unseen' });
  });

  it.each([
    ['requester', () => customer, { requester: 'unseen', accepter: 'deleted' }],
    ['accepter', () => platform, { requester: 'deleted', accepter: 'unseen' }],
  ])('is deleted when active by its %s, who loses sight of it first', async (_, client, afterTwoHours) => {
    const id = await requestId();
    await accept(id);
    pass(1);
    await remove(id, client());
    expect(await seen(id)).toEqual({ requester: 'deleted', accepter: 'deleted' });
    expect(await codeOf(remove(id, customer))).toBe('InvalidStateTransition');
    pass(2 * HOUR);
    expect(await seen(id)).toEqual(afterTwoHours);
  });

  it('passes through deleting when told to take its time', async () => {
    await aws.control('POST', '/_sim/aws/settings', { peeringDeletingSeconds: 30 });
    const id = await requestId();
    await remove(id, customer);
    expect(await seen(id)).toEqual({ requester: 'deleting', accepter: 'deleting' });
    pass(30);
    expect(await seen(id)).toEqual({ requester: 'deleted', accepter: 'deleted' });
  });

  it('lets only the accepter answer, in its own region, and only the requester withdraw', async () => {
    const id = await requestId();
    expect(await messageOf(accept(id, customer))).toBe(
      `User ${aws.customer.accountId} cannot accept peering ${id}`,
    );
    expect(await codeOf(reject(id, customer))).toBe('OperationNotPermitted');
    expect(await codeOf(remove(id, platform))).toBe('OperationNotPermitted');
    const elsewhere = aws.ec2(aws.platform, { region: 'eu-west-1' });
    expect(await messageOf(accept(id, elsewhere))).toBe(
      `Incorrect region (eu-west-1) specified for this request. VPC peering connection ${id} must be accepted in region us-east-1`,
    );
    const stranger = aws.ec2(aws.simulators.putAccount('aws', {}));
    expect(await codeOf(accept(id, stranger))).toBe('InvalidVpcPeeringConnectionID.NotFound');
    expect(await codeOf(accept('pcx-nonsense'))).toBe('InvalidVpcPeeringConnectionId.Malformed');
    expect(await seen(id)).toEqual({ requester: 'pending-acceptance', accepter: 'pending-acceptance' });
  });

  it('joins regions of one partition, seen in both, and never those of two', async () => {
    const east = aws.ec2(aws.platform, { region: 'cn-north-1' });
    const west = aws.ec2(aws.customer, { region: 'cn-northwest-1' });
    const [accepterVpc, requesterVpc] = [
      await makeVpc(east, '10.11.0.0/16'),
      await makeVpc(west, '172.16.0.0/16'),
    ];
    const ask = (client: EC2Client, vpcId: string) =>
      client.send(
        new CreateVpcPeeringConnectionCommand({
          VpcId: vpcId,
          PeerVpcId: accepterVpc,
          PeerOwnerId: aws.platform.accountId,
          PeerRegion: 'cn-north-1',
        }),
      );
    const { VpcPeeringConnection } = await ask(west, requesterVpc);
    const id = VpcPeeringConnection!.VpcPeeringConnectionId!;
    await accept(id, east);
    pass(1);
    for (const client of [east, west]) {
      const answer = await client.send(new DescribeVpcPeeringConnectionsCommand({}));
      expect(answer.VpcPeeringConnections?.map((one) => one.Status?.Code)).toEqual(['active']);
    }
    expect((await platform.send(new DescribeVpcPeeringConnectionsCommand({}))).VpcPeeringConnections).toEqual(
      [],
    );
    expect((await ask(customer, customerVpc)).VpcPeeringConnection?.Status?.Code).toBe('failed');
  });

  it('holds the quotas', async () => {
    await aws.control('POST', '/_sim/aws/settings', {
      outstandingPeeringRequests: 1,
      activePeeringsPerVpc: 1,
    });
    const id = await requestId();
    const other = await makeVpc(customer, '172.17.0.0/16');
    expect(await codeOf(request(other))).toBe('OutstandingVpcPeeringConnectionLimitExceeded');
    await accept(id);
    const second = (await request(other)).VpcPeeringConnectionId!;
    expect(await codeOf(accept(second))).toBe('ActiveVpcPeeringConnectionPerVpcLimitExceeded');
    const peerVpc = await makeVpc(platform, '10.12.0.0/16');
    await remove(second, customer);
    expect(await codeOf(request(customerVpc, peerVpc))).toBe('VpcPeeringConnectionsPerVpcLimitExceeded');
  });

  it('keeps DNS options for each side to set on its own, once active', async () => {
    const id = await requestId();
    const options = { AllowDnsResolutionFromRemoteVpc: true };
    const modify = (client: EC2Client, side: 'Requester' | 'Accepter') =>
      client.send(
        new ModifyVpcPeeringConnectionOptionsCommand({
          ...byId(id),
          [`${side}PeeringConnectionOptions`]: options,
        }),
      );
    expect(await messageOf(modify(customer, 'Requester'))).toBe(
      `Peering ${id} is not active. Peering options can be added only to active peerings.`,
    );
    await accept(id);
    pass(1);
    expect(await codeOf(modify(customer, 'Accepter'))).toBe('OperationNotPermitted');
    await modify(customer, 'Requester');
    const { VpcPeeringConnections } = await platform.send(new DescribeVpcPeeringConnectionsCommand({}));
    expect(VpcPeeringConnections?.[0]).toMatchObject({
      RequesterVpcInfo: { PeeringOptions: options },
      AccepterVpcInfo: { PeeringOptions: { AllowDnsResolutionFromRemoteVpc: false } },
    });
  });

  it('goes when its VPC goes, unless somebody else still waits for an answer', async () => {
    const id = await requestId();
    expect(await codeOf(platform.send(new DeleteVpcCommand({ VpcId: platformVpc })))).toBe(
      'DependencyViolation',
    );
    await customer.send(new DeleteVpcCommand({ VpcId: customerVpc }));
    expect(await seen(id)).toEqual({ requester: 'deleted', accepter: 'deleted' });
    await platform.send(new DeleteVpcCommand({ VpcId: platformVpc }));
  });

  it('holds further CIDR blocks to the rules of peered VPCs', async () => {
    const id = await requestId();
    const add = (client: EC2Client, vpcId: string, cidr: string) =>
      client.send(new AssociateVpcCidrBlockCommand({ VpcId: vpcId, CidrBlock: cidr }));
    expect(await codeOf(add(customer, customerVpc, '172.20.0.0/16'))).toBe('OperationNotPermitted');
    await accept(id);
    pass(1);
    expect(await codeOf(add(customer, customerVpc, '10.11.0.0/20'))).toBe('InvalidVpc.Range');
    await add(customer, customerVpc, '172.20.0.0/16');
    await remove(id, customer);

    const next = await requestId();
    await add(platform, platformVpc, '172.20.128.0/17');
    expect((await seen(next)).requester).toBe('failed');
  });

  it('finds by filters what it finds by id, but does not fail for an unknown one', async () => {
    const id = await requestId();
    const find = async (name: string, ...values: string[]) => {
      const Filters = [{ Name: name, Values: values }];
      const { VpcPeeringConnections } = await platform.send(
        new DescribeVpcPeeringConnectionsCommand({ Filters }),
      );
      return VpcPeeringConnections?.map((one) => one.VpcPeeringConnectionId);
    };
    const unknown = 'pcx-0123456789abcdef0';
    expect(await find('vpc-peering-connection-id', id, unknown)).toEqual([id]);
    expect(await find('accepter-vpc-info.vpc-id', platformVpc)).toEqual([id]);
    expect(await find('accepter-vpc-info.vpc-id', `${platformVpc.slice(0, 8)}*`)).toEqual([id]);
    expect(await find('requester-vpc-info.owner-id', aws.customer.accountId)).toEqual([id]);
    expect(await find('requester-vpc-info.owner-id', aws.platform.accountId)).toEqual([]);
    expect(await find('status-code', 'active', 'pending-acceptance')).toEqual([id]);
    expect(await codeOf(find('colour', 'blue'))).toBe('InvalidParameterValue');
    const both = new DescribeVpcPeeringConnectionsCommand({ VpcPeeringConnectionIds: [id, unknown] });
    expect(await codeOf(platform.send(both))).toBe('InvalidVpcPeeringConnectionID.NotFound');
  });

  it('pages through many, seeded at once', async () => {
    const seeded = await aws.control('POST', '/_sim/aws/seed-peerings', {
      accepterVpcId: platformVpc,
      requesterAccountId: aws.customer.accountId,
      count: 12,
      from: '192.168.0.0/16',
      prefixLength: 24,
      state: 'active',
    });
    expect(seeded.status).toBe(200);
    const Filters = [{ Name: 'accepter-vpc-info.vpc-id', Values: [platformVpc] }];
    const sizes: number[] = [];
    const ids = new Set<string | undefined>();
    let NextToken: string | undefined;
    do {
      const page = await platform.send(
        new DescribeVpcPeeringConnectionsCommand({
          Filters,
          MaxResults: 5,
          ...(NextToken ? { NextToken } : {}),
        }),
      );
      sizes.push(page.VpcPeeringConnections!.length);
      for (const one of page.VpcPeeringConnections!) ids.add(one.VpcPeeringConnectionId);
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
    expect(sizes).toEqual([5, 5, 2]);
    expect(ids.size).toBe(12);
    const tooFew = new DescribeVpcPeeringConnectionsCommand({ MaxResults: 4 });
    expect(await codeOf(platform.send(tooFew))).toBe('InvalidParameterValue');
  });
});
