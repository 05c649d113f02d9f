import { createHash, createHmac } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  startSimulatedHuawei,
  type Keys,
  type SimulatedHuawei,
} from '../../../../test/support/simulated-huawei.js';

const gatewayError = (message: string) => ({
  status: 401,
  body: { error_code: 'APIGW.0301', error_msg: `Incorrect IAM authentication information: ${message}` },
});

describe('signatures of Huawei Cloud', () => {
  let huawei: SimulatedHuawei;

  beforeAll(async () => {
    huawei = await startSimulatedHuawei();
  });
  afterAll(() => huawei.close());
  beforeEach(() => {
    huawei.simulators.reset();
    huawei.simulators.clock.freeze();
  });

  const list = (keys: Keys, query = '') => huawei.raw(keys, 'GET', `/v2.0/vpc/peerings${query}`);

  /** A signature of one's own, any part of which can be wrong. */
  async function send(wrong: { date?: string; signed?: string; path?: string; scheme?: string } = {}) {
    const date = wrong.date ?? new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
    const signed = wrong.signed ?? 'host;x-sdk-date';
    const { host } = new URL(huawei.endpoint);
    const values: Record<string, string> = { host, 'x-sdk-date': date };
    const canonical = [
      'GET',
      wrong.path ?? '/v2.0/vpc/peerings/',
      '',
      signed
        .split(';')
        .map((name) => `${name}:${values[name] ?? ''}\n`)
        .join(''),
      signed,
      createHash('sha256').digest('hex'),
    ].join('\n');
    const toSign = `SDK-HMAC-SHA256\n${date}\n${createHash('sha256').update(canonical).digest('hex')}`;
    const signature = createHmac('sha256', huawei.platform.secretAccessKey).update(toSign).digest('hex');
    const { accessKeyId } = huawei.platform;
    const authorization = `${wrong.scheme ?? 'SDK-HMAC-SHA256'} Access=${accessKeyId}, SignedHeaders=${signed}, Signature=${signature}`;
    const response = await fetch(`${huawei.endpoint}/v2.0/vpc/peerings`, {
      headers: { authorization, 'x-sdk-date': date },
    });
    return { status: response.status, body: await response.json() };
  }

  it('takes the vendor signer, with anything in the query', async () => {
    expect((await list(huawei.platform, `?name=${encodeURIComponent("a b+c*'()~é/")}&limit=5`)).status).toBe(
      200,
    );
  });

  it('wants the canonical path to end with a slash, and host and date to be signed', async () => {
    expect((await send()).status).toBe(200);
    expect(await send({ path: '/v2.0/vpc/peerings' })).toMatchObject(
      gatewayError('verify aksk signature fail'),
    );
    expect(await send({ signed: 'host' })).toMatchObject(gatewayError('header x-sdk-date is not signed'));
    expect(await send({ date: '20200101T000000Z' })).toMatchObject(gatewayError('signature expired'));
    expect(await send({ date: 'yesterday' })).toMatchObject(gatewayError('x-sdk-date is malformed'));
    expect(await send({ scheme: 'Basic' })).toMatchObject(gatewayError('token is null'));
  });

  it('tells a wrong secret from an unknown key and a foreign project', async () => {
    expect(await list({ ...huawei.platform, secretAccessKey: 'wrong' })).toMatchObject(
      gatewayError('verify aksk signature fail'),
    );
    expect(await list({ ...huawei.platform, accessKeyId: 'NOBODY' })).toMatchObject(
      gatewayError('ak NOBODY not exist'),
    );
    expect(await list({ ...huawei.platform, accountId: huawei.customer.accountId })).toMatchObject(
      gatewayError('the project id does not belong to the access key'),
    );
  });

  it('issues temporary keys of an agency to trusted accounts, until they expire', async () => {
    const { body } = await huawei.control('POST', '/_sim/huawei/put-agency', {
      accountId: huawei.platform.accountId,
      agencyName: 'broker',
      trustedAccountIds: [huawei.customer.accountId],
      externalId: 'handshake',
    });
    const assume = (more: Record<string, unknown>, by: Keys = huawei.customer) =>
      huawei.raw(by, 'POST', '/v5/agencies/assume', {
        agency_urn: body['agencyUrn'],
        agency_session_name: 'broker',
        ...more,
      });
    expect((await assume({})).status).toBe(403);
    expect((await assume({ external_id: 'handshake' }, huawei.platform)).status).toBe(403);
    expect((await assume({ external_id: 'handshake', duration_seconds: 5 })).status).toBe(400);
    const answer = await assume({ external_id: 'handshake', duration_seconds: 900 });
    const given = (answer.body as { credentials: Record<string, string> }).credentials;
    const keys = {
      accountId: huawei.platform.accountId,
      accessKeyId: given['access_key_id']!,
      secretAccessKey: given['secret_access_key']!,
    };
    const securityToken = given['security_token']!;
    expect((await list({ ...keys, securityToken })).status).toBe(200);
    expect(await list(keys)).toMatchObject(gatewayError('decrypt token fail'));
    huawei.simulators.clock.advance(901_000);
    expect(await list({ ...keys, securityToken })).toMatchObject(gatewayError('token expires'));
    const { body: log } = await huawei.control('GET', '/_sim/huawei/calls?operation=AssumeAgency');
    expect(JSON.stringify(log)).not.toContain('handshake');
  });

  it('lists the projects of the caller, one in each region', async () => {
    const { body } = await huawei.raw(huawei.platform, 'GET', '/v3/projects?name=cn-north-4');
    expect(body).toMatchObject({
      projects: [
        {
          id: huawei.platform.accountId,
          name: 'cn-north-4',
          domain_id: huawei.platform.attributes['domainId'],
        },
      ],
    });
  });

  it('refuses in the envelope of the API that was called', async () => {
    const accountId = huawei.platform.accountId;
    await huawei.control('POST', '/_sim/huawei/permissions', { accountId, operation: '*' });
    expect(await list(huawei.platform)).toMatchObject({
      status: 403,
      body: { NeutronError: { type: 'PolicyNotAuthorized' } },
    });
    expect(await huawei.raw(huawei.platform, 'GET', `/v1/${accountId}/routetables`)).toMatchObject({
      status: 403,
      body: { code: 'VPC.2201' },
    });
    expect(await huawei.raw(huawei.platform, 'GET', `/v3/${accountId}/vpc/vpcs`)).toMatchObject({
      status: 403,
      body: { error_code: 'VPC.2201' },
    });
    expect(await huawei.raw(huawei.platform, 'GET', '/v3/projects')).toMatchObject({
      status: 403,
      body: { error: { title: 'VPC.2201' } },
    });
    expect(await huawei.raw(huawei.platform, 'GET', '/v9/nothing')).toMatchObject({
      status: 404,
      body: { error_code: 'APIGW.0101' },
    });
  });

  it.each([
    ['throttle', {}, { status: 429, body: { error_code: 'APIGW.0308' } }],
    ['server_error', {}, { status: 503, body: { error_code: 'APIGW.0202' } }],
    ['error', { code: 'Busy', status: 409 }, { status: 409, body: { NeutronError: { type: 'Busy' } } }],
  ])('answers an injected %s in its own form', async (kind, more, answer) => {
    await huawei.control('POST', '/_sim/faults', { cloud: 'huawei', kind, ...more, times: 1 });
    expect(await list(huawei.platform)).toMatchObject(answer);
    expect((await list(huawei.platform)).status).toBe(200);
  });
});
