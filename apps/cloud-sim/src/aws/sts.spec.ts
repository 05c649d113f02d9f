import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CreateVpcCommand, DescribeVpcsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import {
  codeOf,
  REGION,
  startSimulatedAws,
  type SimulatedAws,
} from '../../../../test/support/simulated-aws.js';

describe('temporary credentials on AWS', () => {
  let aws: SimulatedAws;
  const clients: EC2Client[] = [];

  beforeAll(async () => {
    aws = await startSimulatedAws();
  });
  afterAll(async () => {
    for (const client of clients) client.destroy();
    await aws.close();
  });
  beforeEach(() => {
    aws.simulators.reset();
  });

  const putRole = (externalId?: string) =>
    aws.control('POST', '/_sim/aws/put-role', {
      accountId: aws.customer.accountId,
      roleName: 'broker',
      trustedAccountIds: [aws.platform.accountId],
      ...(externalId === undefined ? {} : { externalId }),
    });

  /** A client of the platform that assumes the customer's role, as the SDK does it. */
  function assume(options: { externalId?: string; roleName?: string } = {}): EC2Client {
    const { accessKeyId, secretAccessKey } = aws.platform;
    const client = new EC2Client({
      endpoint: aws.endpoint,
      region: REGION,
      maxAttempts: 1,
      credentials: fromTemporaryCredentials({
        masterCredentials: { accessKeyId, secretAccessKey },
        params: {
          RoleArn: `arn:aws:iam::${aws.customer.accountId}:role/${options.roleName ?? 'broker'}`,
          RoleSessionName: 'peering-broker',
          DurationSeconds: 900,
          ...(options.externalId === undefined ? {} : { ExternalId: options.externalId }),
        },
        clientConfig: { endpoint: aws.endpoint, region: REGION, maxAttempts: 1 },
      }),
    });
    clients.push(client);
    return client;
  }

  const list = (client: EC2Client) => client.send(new DescribeVpcsCommand({}));

  it('act for the account whose role is assumed', async () => {
    await putRole();
    await assume().send(new CreateVpcCommand({ CidrBlock: '172.16.0.0/16' }));
    expect((await list(aws.ec2(aws.customer))).Vpcs).toHaveLength(1);
    expect((await list(aws.ec2(aws.platform))).Vpcs).toEqual([]);
  });

  it('are refused for a role that is not there, or with the wrong external id', async () => {
    expect(await codeOf(list(assume({ roleName: 'other' })))).toBe('AccessDenied');
    await putRole('secret-handshake');
    expect(await codeOf(list(assume()))).toBe('AccessDenied');
    expect(await codeOf(list(assume({ externalId: 'guess' })))).toBe('AccessDenied');
    expect(await codeOf(list(assume({ externalId: 'secret-handshake' })))).toBe('none');
  });

  it('expire when simulated time has passed', async () => {
    await putRole();
    const client = assume();
    await list(client);
    aws.simulators.clock.advance(899_000);
    await list(client);
    aws.simulators.clock.advance(1000);
    expect(await codeOf(list(client))).toBe('RequestExpired');
  });

  it('are nothing without their session token', async () => {
    await putRole();
    const { accessKeyId, secretAccessKey } = await assume().config.credentials();
    expect(await codeOf(list(aws.ec2({ accessKeyId, secretAccessKey })))).toBe('InvalidClientTokenId');
  });
});
