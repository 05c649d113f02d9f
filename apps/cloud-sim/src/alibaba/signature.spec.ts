import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  codeOf,
  REGION,
  startSimulatedAlibaba,
  type Keys,
  type SimulatedAlibaba,
} from '../../../../test/support/simulated-alibaba.js';

describe('signatures of Alibaba Cloud', () => {
  let alibaba: SimulatedAlibaba;

  beforeAll(async () => {
    alibaba = await startSimulatedAlibaba();
  });
  afterAll(() => alibaba.close());
  beforeEach(() => {
    alibaba.simulators.reset();
    alibaba.simulators.clock.freeze();
  });

  const list = (keys: Keys, sending = {}) =>
    alibaba.call(keys, 'VpcPeer', 'ListVpcPeerConnections', { Name: "a b+c*'()~é" }, sending);

  it.each([{ place: 'query' }, { place: 'form' }] as const)(
    'takes the vendor SDK, with parameters in the $place',
    async (sending) => {
      expect(await list(alibaba.platform, sending)).toMatchObject({ TotalCount: 0 });
    },
  );

  it('takes the older signature too', async () => {
    expect(await list(alibaba.platform, { signatureAlgorithm: 'v2' })).toMatchObject({ TotalCount: 0 });
    const wrong = { ...alibaba.platform, secretAccessKey: 'wrong' };
    expect(await codeOf(list(wrong, { signatureAlgorithm: 'v2' }))).toBe('SignatureDoesNotMatch');
  });

  it('tells a wrong secret from an unknown key', async () => {
    expect(await codeOf(list({ ...alibaba.platform, secretAccessKey: 'wrong' }))).toBe(
      'SignatureDoesNotMatch',
    );
    expect(await codeOf(list({ ...alibaba.platform, accessKeyId: 'LTAInobody' }))).toBe(
      'InvalidAccessKeyId.NotFound',
    );
    await alibaba.control('POST', '/_sim/alibaba/revoke-key', { accessKeyId: alibaba.platform.accessKeyId });
    expect(await codeOf(list(alibaba.platform))).toBe('InvalidAccessKeyId.NotFound');
  });

  /** One signed request, captured from the vendor's SDK, to be changed and sent again. */
  async function captured(): Promise<{ headers: Record<string, string>; body: string }> {
    const { createServer } = await import('node:http');
    const server = createServer();
    const got = new Promise<{ headers: Record<string, string>; body: string }>((resolve) => {
      server.once('request', (message, reply) => {
        let body = '';
        message.setEncoding('utf8').on('data', (part: string) => (body += part));
        message.once('end', () => {
          reply.writeHead(200, { connection: 'close' }).end('{}');
          resolve({ headers: message.headers as Record<string, string>, body });
        });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const openapi = (await import('@alicloud/openapi-core')).default;
    const client = new openapi.default(
      new openapi.$OpenApiUtil.Config({
        accessKeyId: alibaba.platform.accessKeyId,
        accessKeySecret: alibaba.platform.secretAccessKey,
        endpoint: `127.0.0.1:${String(port)}`,
        protocol: 'http',
      }),
    );
    const params = new openapi.$OpenApiUtil.Params({
      action: 'ListVpcPeerConnections',
      version: '2022-01-01',
      pathname: '/',
      method: 'POST',
      authType: 'AK',
      style: 'RPC',
      reqBodyType: 'formData',
      bodyType: 'string',
    });
    const request = new openapi.$OpenApiUtil.OpenApiRequest({ body: { RegionId: REGION } });
    await client.callApi(params, request, {} as never);
    server.close();
    return got;
  }

  async function send(request: { headers: Record<string, string>; body: string }): Promise<string> {
    const { request: open } = await import('node:http');
    const text = await new Promise<string>((resolve, reject) => {
      const sent = open(alibaba.endpoint, { method: 'POST', headers: request.headers }, (reply) => {
        let body = '';
        reply.setEncoding('utf8').on('data', (part: string) => (body += part));
        reply.once('end', () => resolve(body));
      });
      sent.once('error', reject).end(request.body);
    });
    return (JSON.parse(text) as { Code?: string }).Code ?? 'none';
  }

  it('covers every header that matters and the body, and holds for one use', async () => {
    const good = await captured();
    expect(await send(good)).toBe('none');
    expect(await send(good)).toBe('SignatureNonceUsed');
    const changed = (headers: Record<string, string>) =>
      send({ ...good, headers: { ...good.headers, ...headers } });
    expect(await send({ ...good, body: 'RegionId=cn-beijin2' })).toBe('SignatureDoesNotMatch');
    expect(await changed({ 'x-acs-action': 'DeleteVpcPeerConnection' })).toBe('SignatureDoesNotMatch');
    expect(await changed({ 'x-acs-date': '2020-01-01T00:00:00Z' })).toBe('InvalidTimeStamp.Expired');
    expect(await changed({ 'x-acs-date': 'yesterday' })).toBe('InvalidTimeStamp.Format');
    expect(await changed({ 'x-acs-security-token': 'x' })).toBe('InvalidSecurityToken.Malformed');
    expect(await changed({ authorization: 'Basic x' })).toBe('IncompleteSignature');
    expect(
      await changed({ authorization: (good.headers['authorization'] ?? '').replace('x-acs-action;', '') }),
    ).toBe('IncompleteSignature');
  });

  it('names what is wrong with the action or its version', async () => {
    expect(await codeOf(alibaba.call(alibaba.platform, 'Vpc', 'ListVpcPeerConnections', {}))).toBe(
      'InvalidAction.NotFound',
    );
  });

  it('issues temporary keys to trusted accounts, until they expire', async () => {
    const { body } = await alibaba.control('POST', '/_sim/alibaba/put-role', {
      accountId: alibaba.platform.accountId,
      roleName: 'Broker',
      trustedAccountIds: [alibaba.customer.accountId],
      externalId: 'secret-handshake',
    });
    const assume = (more: Record<string, unknown>, by: Keys = alibaba.customer) =>
      alibaba.call(by, 'Sts', 'AssumeRole', { RoleArn: body['roleArn'], RoleSessionName: 'broker', ...more });
    expect(await codeOf(assume({}))).toBe('NoPermission');
    expect(await codeOf(assume({ ExternalId: 'secret-handshake' }, alibaba.platform))).toBe('NoPermission');
    expect(await codeOf(assume({ RoleArn: 'acs:ram::1:role/none' }))).toBe('EntityNotExist.Role');
    expect(await codeOf(assume({ DurationSeconds: 60 }))).toBe('InvalidParameter.DurationSeconds');
    const answer = await assume({ ExternalId: 'secret-handshake', DurationSeconds: 900 });
    const { AccessKeyId, AccessKeySecret, SecurityToken } = answer['Credentials'] as Record<string, string>;
    const keys = {
      accessKeyId: AccessKeyId!,
      secretAccessKey: AccessKeySecret!,
      securityToken: SecurityToken!,
    };
    expect(await alibaba.call(keys, 'Sts', 'GetCallerIdentity', {})).toMatchObject({
      AccountId: alibaba.platform.accountId,
      IdentityType: 'AssumedRoleUser',
    });
    expect(await codeOf(list({ accessKeyId: AccessKeyId!, secretAccessKey: AccessKeySecret! }))).toBe(
      'MissingSecurityToken',
    );
    alibaba.simulators.clock.advance(901_000);
    expect(await codeOf(list(keys))).toBe('InvalidSecurityToken.Expired');
  });

  it('refuses what the account may not do, in the words of the product', async () => {
    const deny = (operation: string) =>
      alibaba.control('POST', '/_sim/alibaba/permissions', {
        accountId: alibaba.platform.accountId,
        operation,
      });
    await deny('ListVpcPeerConnections');
    await deny('DescribeVpcs');
    expect(await codeOf(list(alibaba.platform))).toBe('Forbidden.NoPermission');
    expect(await codeOf(alibaba.call(alibaba.platform, 'Vpc', 'DescribeVpcs', {}))).toBe('Forbidden.RAM');
  });

  it.each([
    ['throttle', {}, 'Throttling.User'],
    ['server_error', {}, 'ServiceUnavailable'],
    ['error', { code: 'SystemBusy' }, 'SystemBusy'],
  ])('answers an injected %s in its own form', async (kind, more, code) => {
    await alibaba.control('POST', '/_sim/faults', { cloud: 'alibaba', kind, ...more, times: 1 });
    expect(await codeOf(list(alibaba.platform))).toBe(code);
    expect(await codeOf(list(alibaba.platform))).toBe('none');
  });
});
