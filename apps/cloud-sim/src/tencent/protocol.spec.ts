import { createHash, createHmac } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CommonClient } from 'tencentcloud-sdk-nodejs/tencentcloud/common/common_client.js';
import {
  attachmentsOf,
  codeOf,
  instance,
  makeCcn,
  makeVpc,
  REGION,
  startSimulatedTencent,
  type SimulatedTencent,
  type TencentKey,
} from '../../../../test/support/simulated-tencent.js';

describe('the wire protocol of Tencent Cloud', () => {
  let tencent: SimulatedTencent;

  beforeAll(async () => {
    tencent = await startSimulatedTencent();
  });
  afterAll(() => tencent.close());
  beforeEach(() => {
    tencent.simulators.reset();
    tencent.simulators.clock.freeze();
  });

  /** Signs by the published rules: service `vpc`, and the Host header as it stands. */
  async function call(
    overrides: { timestamp?: number; action?: string; version?: string; body?: string } = {},
  ) {
    const {
      timestamp = Math.floor(Date.now() / 1000),
      action = 'DescribeVpcs',
      version = '2017-03-12',
    } = overrides;
    const body = overrides.body ?? '{}';
    const date = new Date(timestamp * 1000).toISOString().slice(0, 10);
    const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
    const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
    const canonical = `POST\n/\n\ncontent-type:application/json\nhost:${tencent.host}\n\ncontent-type;host\n${sha256(body)}`;
    const toSign = `TC3-HMAC-SHA256\n${timestamp}\n${date}/vpc/tc3_request\n${sha256(canonical)}`;
    const key = hmac(hmac(hmac(`TC3${tencent.platform.secretAccessKey}`, date), 'vpc'), 'tc3_request');
    const response = await fetch(`http://${tencent.host}/`, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'x-tc-action': action,
        'x-tc-version': version,
        'x-tc-region': REGION,
        'x-tc-timestamp': String(timestamp),
        authorization:
          `TC3-HMAC-SHA256 Credential=${tencent.platform.accessKeyId}/${date}/vpc/tc3_request, ` +
          `SignedHeaders=content-type;host, Signature=${hmac(key, toSign).toString('hex')}`,
      },
    });
    const { Response } = (await response.json()) as {
      Response: { Error?: { Code: string; Message: string }; RequestId: string; TotalCount?: number };
    };
    return { status: response.status, ...Response };
  }

  it('takes a signature made by the published rules', async () => {
    expect(await call()).toMatchObject({ status: 200, TotalCount: 0, RequestId: expect.any(String) });
  });

  it('answers errors with HTTP status 200 and a request id', async () => {
    const stale = await call({ timestamp: Math.floor(Date.now() / 1000) - 301 });
    expect(stale).toMatchObject({ status: 200, Error: { Code: 'AuthFailure.SignatureExpire' } });
    expect(stale.RequestId).toMatch(/^[0-9a-f-]{36}$/);
    expect((await call({ action: 'Nonsense' })).Error?.Code).toBe('InvalidAction');
    expect((await call({ version: '2000-01-01' })).Error?.Code).toBe('NoSuchVersion');
    expect((await call({ body: '[' })).Error?.Code).toBe('InvalidRequest');
    expect((await call({ body: '{"Offset":{}}' })).Error?.Code).toBe('InvalidParameter');
  });

  it.each<[string, (key: TencentKey) => TencentKey]>([
    ['AuthFailure.SecretIdNotFound', (key) => ({ ...key, accessKeyId: 'AKIDunknown' })],
    ['AuthFailure.SignatureFailure', (key) => ({ ...key, secretAccessKey: 'wrong' })],
    ['AuthFailure.TokenFailure', (key) => ({ ...key, sessionToken: 'made up' })],
  ])('refuses credentials with %s', async (code, change) => {
    const client = tencent.vpc(change(tencent.platform));
    expect(await codeOf(client.DescribeVpcs({}))).toBe(code);
  });

  it('refuses what an account may not do, and what nobody signed', async () => {
    const denied = { accountId: tencent.platform.accountId, operation: 'DescribeVpcs' };
    await tencent.control('POST', '/_sim/tencent/permissions', denied);
    expect(await codeOf(tencent.vpc(tencent.platform).DescribeVpcs({}))).toBe(
      'AuthFailure.UnauthorizedOperation',
    );
    const unsigned = await fetch(`http://${tencent.host}/`, {
      method: 'POST',
      body: '{}',
      headers: { 'x-tc-action': 'DescribeVpcs', 'x-tc-version': '2017-03-12' },
    });
    expect(await unsigned.json()).toMatchObject({
      Response: { Error: { Code: 'AuthFailure.InvalidAuthorization' } },
    });
  });

  it('lends roles for a time', async () => {
    const role = {
      accountId: tencent.platform.accountId,
      roleName: 'broker',
      trustedAccountIds: [tencent.customer.accountId],
      externalId: 'shared',
    };
    const { body } = await tencent.control('POST', '/_sim/tencent/put-role', role);
    const { accessKeyId: secretId, secretAccessKey: secretKey } = tencent.customer;
    const sts = new CommonClient('sts.tencentcloudapi.com', '2018-08-13', {
      region: REGION,
      credential: { secretId, secretKey },
      profile: { httpProfile: { endpoint: tencent.host, protocol: 'http://' } },
    });
    const assume = (ExternalId?: string) =>
      sts.request('AssumeRole', {
        RoleArn: body['roleArn'],
        RoleSessionName: 'session',
        DurationSeconds: 900,
        ...(ExternalId === undefined ? {} : { ExternalId }),
      });
    expect(await codeOf(assume())).toBe('UnauthorizedOperation');
    const { Credentials } = (await assume('shared')) as {
      Credentials: { TmpSecretId: string; TmpSecretKey: string; Token: string };
    };
    const lent = tencent.vpc({
      accessKeyId: Credentials.TmpSecretId,
      secretAccessKey: Credentials.TmpSecretKey,
      sessionToken: Credentials.Token,
    });
    await makeVpc(lent, '10.11.0.0/16');
    expect((await tencent.vpc(tencent.platform).DescribeVpcs({})).TotalCount).toBe(1);
    tencent.simulators.clock.advance(900_000);
    expect(await codeOf(lent.DescribeVpcs({}))).toBe('AuthFailure.TokenFailure');
  });

  it('limits how often an account calls an action', async () => {
    const customer = tencent.vpc(tencent.customer);
    const reject = { CcnId: await makeCcn(customer), Instances: [instance('vpc-00000000')] };
    const codes = await Promise.all(
      Array.from({ length: 150 }, () => codeOf(customer.RejectAttachCcnInstances(reject))),
    );
    expect(new Set(codes)).toEqual(new Set(['UnsupportedOperation.CcnNotAttached', 'RequestLimitExceeded']));
    await tencent.control('POST', '/_sim/tencent/settings', { rateLimits: false });
    expect(await codeOf(customer.RejectAttachCcnInstances(reject))).toBe(
      'UnsupportedOperation.CcnNotAttached',
    );
  });

  it('fails as it is told to', async () => {
    const client = tencent.vpc(tencent.platform);
    const fault = (rule: object) => tencent.control('POST', '/_sim/faults', { ...rule, times: 1 });
    await fault({ kind: 'throttle' });
    expect(await codeOf(client.DescribeVpcs({}))).toBe('RequestLimitExceeded');
    await fault({ kind: 'server_error' });
    expect(await codeOf(client.DescribeVpcs({}))).toBe('HTTP 502');
    await fault({ kind: 'error', code: 'ResourceUnavailable' });
    expect(await codeOf(client.DescribeVpcs({}))).toBe('ResourceUnavailable');
    await fault({ kind: 'drop_after', operation: 'CreateVpc' });
    expect(await codeOf(makeVpc(client, '10.11.0.0/16'))).toBe('HTTP failed');
    expect((await client.DescribeVpcs({})).TotalCount).toBe(1);
  });

  it('answers reads from before the latest change when told to', async () => {
    const [platform, customer] = [tencent.vpc(tencent.platform), tencent.vpc(tencent.customer)];
    const vpcId = await makeVpc(platform, '10.11.0.0/16');
    const [CcnId, CcnUin] = [await makeCcn(customer), tencent.customer.accountId];
    await platform.AttachCcnInstances({ CcnId, CcnUin, Instances: [instance(vpcId)] });
    await tencent.control('POST', '/_sim/faults', { kind: 'stale_read', times: 1 });
    expect(await attachmentsOf(platform, vpcId)).toEqual([]);
    expect(await attachmentsOf(platform, vpcId)).toHaveLength(1);
  });

  it('seeds thousands at once and still finds one by its VPC', async () => {
    const seed = {
      instanceAccountId: tencent.platform.accountId,
      ccnAccountId: tencent.customer.accountId,
      region: REGION,
      count: 5000,
      from: '10.0.0.0/8',
      prefixLength: 24,
      state: 'PENDING',
      description: 'seeded',
    };
    const { body } = await tencent.control('POST', '/_sim/tencent/seed-attachments', seed);
    const { ccnId, instanceId } = (body['attachments'] as { ccnId: string; instanceId: string }[])[4321]!;
    await tencent.control('POST', '/_sim/tencent/answer-application', {
      ccnId,
      instanceId,
      answer: 'approve',
    });
    tencent.simulators.clock.advance(1000);
    expect(await attachmentsOf(tencent.vpc(tencent.platform), instanceId)).toEqual([
      expect.objectContaining({ CcnId: ccnId, State: 'ACTIVE', Description: 'seeded' }),
    ]);
  });
});
