import { createHash, createHmac } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EC2Client } from '@aws-sdk/client-ec2';
import { CreateTagsCommand, CreateVpcCommand, DescribeVpcsCommand } from '@aws-sdk/client-ec2';
import {
  codeOf,
  REGION,
  startSimulatedAws,
  type SimulatedAws,
} from '../../../../test/support/simulated-aws.js';
import type { SimRequest } from '../cloud-simulator.js';
import { AwsError } from './aws-error.js';
import { readSignature, verifySignature } from './signature-v4.js';

/** The key and the requests of AWS's own Signature Version 4 test suite. */
const SUITE = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  accountId: '123456789012',
};

function suiteRequest(query: string, signature: string): SimRequest {
  return {
    method: 'GET',
    path: '/',
    query,
    headers: {
      host: 'example.amazonaws.com',
      'x-amz-date': '20150830T123600Z',
      authorization:
        'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, ' +
        `SignedHeaders=host;x-amz-date, Signature=${signature}`,
    },
    body: Buffer.alloc(0),
  };
}

function verifySuite(request: SimRequest, secondsLater = 0): string {
  const wallNow = Date.parse('2015-08-30T12:36:00Z') + secondsLater * 1000;
  try {
    verifySignature(request, readSignature(request), {
      credential: (id) => (id === SUITE.accessKeyId ? SUITE : undefined),
      wallNow,
      now: wallNow,
      service: 'service',
      isRegion: () => true,
    });
    return 'verified';
  } catch (error) {
    if (error instanceof AwsError) return error.code;
    throw error;
  }
}

describe('verifySignature', () => {
  const VANILLA = '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31';
  const ORDERED = 'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500';

  it.each([
    ['get-vanilla', '', VANILLA],
    ['get-vanilla-query-order-key-case', 'Param2=value2&Param1=value1', ORDERED],
  ])('agrees with the published test %s', (_, query, signature) => {
    expect(verifySuite(suiteRequest(query, signature))).toBe('verified');
  });

  it.each([
    ['another query', suiteRequest('Param1=other', VANILLA), 0, 'SignatureDoesNotMatch'],
    ['a signature that is not hexadecimal', suiteRequest('', 'zz'), 0, 'SignatureDoesNotMatch'],
    ['a clock five minutes ahead', suiteRequest('', VANILLA), 301, 'RequestExpired'],
    ['a clock five minutes behind', suiteRequest('', VANILLA), -301, 'RequestExpired'],
    ['a clock within five minutes', suiteRequest('', VANILLA), 299, 'verified'],
    [
      'no Authorization header',
      { ...suiteRequest('', VANILLA), headers: { host: 'example.amazonaws.com' } },
      0,
      'MissingAuthenticationToken',
    ],
  ])('judges %s', (_, request, secondsLater, expected) => {
    expect(verifySuite(request, secondsLater)).toBe(expected);
  });
});

describe('a signed call of EC2', () => {
  let aws: SimulatedAws;
  beforeAll(async () => {
    aws = await startSimulatedAws();
  });
  afterAll(() => aws.close());
  beforeEach(() => {
    aws.simulators.reset();
    aws.simulators.clock.freeze();
  });

  const list = (client: EC2Client) => client.send(new DescribeVpcsCommand({}));

  it.each([
    ['a wrong secret', () => aws.ec2({ ...aws.platform, secretAccessKey: 'wrong' }), 'SignatureDoesNotMatch'],
    [
      'an unknown key',
      () => aws.ec2({ ...aws.platform, accessKeyId: 'AKIAUNKNOWN' }),
      'InvalidClientTokenId',
    ],
    [
      'a region that is not there',
      () => aws.ec2(aws.platform, { region: 'mars-north-1' }),
      'SignatureDoesNotMatch',
    ],
    [
      'a clock an hour slow',
      () => aws.ec2(aws.platform, { systemClockOffset: -3_600_000 }),
      'RequestExpired',
    ],
    ['the right key', () => aws.ec2(aws.platform), 'none'],
  ])('with %s', async (_, client, expected) => {
    expect(await codeOf(list(client()))).toBe(expected);
  });

  it('is refused from the moment that its key is revoked', async () => {
    const client = aws.ec2(aws.platform);
    await list(client);
    await aws.control('POST', '/_sim/aws/revoke-key', { accessKeyId: aws.platform.accessKeyId });
    expect(await codeOf(list(client))).toBe('InvalidClientTokenId');
  });

  it('is refused the operations that are denied to its account, and only those', async () => {
    const client = aws.ec2(aws.platform);
    const denial = { accountId: aws.platform.accountId, operation: 'DescribeVpcs' };
    await aws.control('POST', '/_sim/aws/permissions', denial);
    expect(await codeOf(list(client))).toBe('UnauthorizedOperation');
    await client.send(new CreateVpcCommand({ CidrBlock: '10.0.0.0/16' }));
    await aws.control('POST', '/_sim/aws/permissions', { ...denial, denied: false });
    expect((await list(client)).Vpcs).toHaveLength(1);
  });

  it('is verified over values that need every kind of escaping', async () => {
    const client = aws.ec2(aws.platform);
    const { Vpc } = await client.send(new CreateVpcCommand({ CidrBlock: '10.0.0.0/16' }));
    const Value = `a+b c/d=e&f'(g)*h!~ü<"网络">`;
    await client.send(new CreateTagsCommand({ Resources: [Vpc!.VpcId!], Tags: [{ Key: 'Name', Value }] }));
    const { Vpcs } = await list(client);
    expect(Vpcs?.[0]?.Tags).toEqual([{ Key: 'Name', Value }]);
  });

  it('works as GET, signed in the header or in the query', async () => {
    const host = new URL(aws.endpoint).host;
    const date = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
    const scope = `${date.slice(0, 8)}/${REGION}/ec2/aws4_request`;
    const hash = (data: string) => createHash('sha256').update(data).digest('hex');
    const sign = (query: string, headers: string, names: string): string => {
      const canonical = ['GET', '/', query, headers, names, hash('')].join('\n');
      const toSign = ['AWS4-HMAC-SHA256', date, scope, hash(canonical)].join('\n');
      let key: Buffer | string = `AWS4${aws.customer.secretAccessKey}`;
      for (const part of scope.split('/')) key = createHmac('sha256', key).update(part).digest();
      return createHmac('sha256', key).update(toSign).digest('hex');
    };
    const query = 'Action=DescribeRegions&Version=2016-11-15';
    const credential = `${aws.customer.accessKeyId}/${scope}`;

    const signature = sign(query, `host:${host}\nx-amz-date:${date}\n`, 'host;x-amz-date');
    const inHeader = await fetch(`${aws.endpoint}/?${query}`, {
      headers: {
        'x-amz-date': date,
        authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host;x-amz-date, Signature=${signature}`,
      },
    });
    expect(inHeader.status).toBe(200);
    expect(await inHeader.text()).toContain('<regionName>eu-central-1</regionName>');

    const presigned = [
      query,
      'X-Amz-Algorithm=AWS4-HMAC-SHA256',
      `X-Amz-Credential=${encodeURIComponent(credential)}`,
      `X-Amz-Date=${date}`,
      'X-Amz-Expires=60',
      'X-Amz-SignedHeaders=host',
    ];
    const sorted = presigned.join('&').split('&').sort().join('&');
    const inQuery = `${aws.endpoint}/?${sorted}&X-Amz-Signature=${sign(sorted, `host:${host}\n`, 'host')}`;
    expect((await fetch(inQuery)).status).toBe(200);
    expect((await fetch(inQuery.replace('DescribeRegions', 'DescribeVpcs'))).status).toBe(403);
  });
});
