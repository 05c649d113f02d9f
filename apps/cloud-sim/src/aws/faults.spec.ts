import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CreateVpcCommand, DescribeVpcsCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { codeOf, startSimulatedAws, type SimulatedAws } from '../../../../test/support/simulated-aws.js';

interface Call {
  readonly operation: string;
  readonly outcome: string;
  readonly errorCode: string | null;
  readonly tookEffect: boolean;
  readonly faults: readonly string[];
}

describe('faults on the way to AWS', () => {
  let aws: SimulatedAws;
  let client: EC2Client;

  beforeAll(async () => {
    aws = await startSimulatedAws();
    client = aws.ec2(aws.platform);
  });
  afterAll(() => aws.close());
  beforeEach(() => {
    aws.simulators.reset();
  });

  const inject = (fault: Record<string, unknown>) =>
    aws.control('POST', '/_sim/faults', { cloud: 'aws', ...fault });
  const create = (cidr: string, by = client) => by.send(new CreateVpcCommand({ CidrBlock: cidr }));
  const count = async () => (await client.send(new DescribeVpcsCommand({}))).Vpcs!.length;
  const calls = async (operation: string): Promise<Call[]> => {
    const { body } = await aws.control('GET', `/_sim/aws/calls?operation=${operation}`);
    return body['calls'] as Call[];
  };

  it.each([
    ['throttle', {}, 'RequestLimitExceeded'],
    ['server_error', {}, 'InternalError'],
    ['error', { code: 'VpcLimitExceeded', message: 'Enough.' }, 'VpcLimitExceeded'],
  ])('%s answers in place of the effect', async (kind, more, code) => {
    await inject({ kind, ...more, operation: 'CreateVpc', times: 1 });
    expect(await codeOf(create('10.0.0.0/16'))).toBe(code);
    expect(await count()).toBe(0);
    expect(await calls('CreateVpc')).toMatchObject([
      { outcome: 'error', errorCode: code, tookEffect: false, faults: [kind] },
    ]);
    expect(await codeOf(create('10.0.0.0/16'))).toBe('none');
  });

  it('is ridden out by a client that tries again', async () => {
    await inject({ kind: 'throttle', times: 2 });
    await create('10.0.0.0/16', aws.ec2(aws.platform, { maxAttempts: 3 }));
    expect((await calls('CreateVpc')).map((call) => call.outcome)).toEqual(['error', 'error', 'ok']);
  });

  it('drops the connection before the effect or after it', async () => {
    await inject({ kind: 'drop_before', operation: 'CreateVpc', times: 1 });
    expect(await codeOf(create('10.0.0.0/16'))).not.toBe('none');
    expect(await count()).toBe(0);
    await inject({ kind: 'drop_after', operation: 'CreateVpc', times: 1 });
    expect(await codeOf(create('10.0.0.0/16'))).not.toBe('none');
    expect(await count()).toBe(1);
    expect(await calls('CreateVpc')).toMatchObject([
      { outcome: 'dropped', tookEffect: false },
      { outcome: 'dropped', tookEffect: true },
    ]);
  });

  it('answers reads, and only reads, from before the latest change', async () => {
    await create('10.0.0.0/16');
    await inject({ kind: 'stale_read', times: 1 });
    await create('10.1.0.0/16');
    expect(await count()).toBe(1);
    expect(await count()).toBe(2);
  });

  it('answers reads from some time ago', async () => {
    aws.simulators.clock.freeze();
    await create('10.0.0.0/16');
    aws.simulators.clock.advance(1000);
    await create('10.1.0.0/16');
    await inject({ kind: 'stale_read', ms: 1500, times: 1 });
    aws.simulators.clock.advance(1000);
    expect(await count()).toBe(1);
    await inject({ kind: 'stale_read', ms: 500, times: 1 });
    expect(await count()).toBe(2);
  });

  it('delays by real time', async () => {
    await inject({ kind: 'latency', ms: 150, operation: 'Describe*', times: 1 });
    const before = performance.now();
    await count();
    expect(performance.now() - before).toBeGreaterThanOrEqual(145);
  });

  it('strikes one account and not the other', async () => {
    await inject({ kind: 'throttle', accountId: aws.platform.accountId });
    expect(await codeOf(create('10.0.0.0/16'))).toBe('RequestLimitExceeded');
    expect(await codeOf(create('10.0.0.0/16', aws.ec2(aws.customer)))).toBe('none');
  });

  it('strikes by chance, the same way for the same seed', async () => {
    const struck = async () => {
      await inject({ kind: 'throttle', operation: 'CreateVpc', probability: 0.5, seed: 7 });
      const outcomes: string[] = [];
      for (let index = 0; index < 12; index++) outcomes.push(await codeOf(create('10.0.0.0/16')));
      await aws.control('DELETE', '/_sim/faults');
      return outcomes;
    };
    const first = await struck();
    expect(new Set(first)).toEqual(new Set(['none', 'RequestLimitExceeded']));
    expect(await struck()).toEqual(first);
  });

  it('does not hide what EC2 itself would refuse', async () => {
    const post = (body: string) => fetch(aws.endpoint, { method: 'POST', body });
    const unsigned = await post('Action=DescribeVpcs&Version=2016-11-15');
    expect(unsigned.status).toBe(403);
    expect(await unsigned.text()).toContain('<Code>MissingAuthenticationToken</Code>');
  });
});
