import { createHash, createHmac } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  codeOf,
  REGION,
  startSimulatedOutscale,
  type OapiFailure,
  type SimulatedOutscale,
} from '../../../../test/support/simulated-outscale.js';

const MINUTE_MS = 60_000;

describe('a call of OAPI', () => {
  let outscale: SimulatedOutscale;
  beforeAll(async () => {
    outscale = await startSimulatedOutscale();
  });
  afterAll(() => outscale.close());
  beforeEach(() => {
    outscale.simulators.reset();
    outscale.simulators.clock.freeze();
  });

  const wrongKey = () => outscale.oapi({ ...outscale.platform, secretAccessKey: 'wrong' });

  describe('that is signed', () => {
    it.each([
      ['with the right key', () => outscale.oapi(outscale.platform), 'none'],
      ['with a wrong secret', wrongKey, '1'],
      [
        'with a key that nobody has',
        () => outscale.oapi({ ...outscale.platform, accessKeyId: 'NOBODYHASTHISKEY0000' }),
        '4120',
      ],
      ['for another service', () => outscale.oapi(outscale.platform, { service: 'ec2' }), '1'],
      ['for a region that is not there', () => outscale.oapi(outscale.platform, { region: 'mars-1' }), '1'],
      ['a day ago', () => outscale.oapi(outscale.platform, { signedAt: Date.now() - 86_400_000 }), '15'],
      [
        'ten minutes ago',
        () => outscale.oapi(outscale.platform, { signedAt: Date.now() - 10 * MINUTE_MS }),
        'none',
      ],
    ] as const)('%s', async (_, client, expected) => {
      expect(await codeOf(client()('ReadNets'))).toBe(expected);
    });

    it.each([
      ['OSC4', 'x-osc-date', 'osc4_request'],
      ['AWS4', 'x-amz-date', 'aws4_request'],
    ])('in the dialect of %s, by hand', async (prefix, dateHeader, terminator) => {
      const { host } = new URL(outscale.endpoint);
      const date = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
      const scope = `${date.slice(0, 8)}/${REGION}/api/${terminator}`;
      const body = '{"Filters":{"NetIds":["vpc-12345678"]}}';
      const hash = (data: string) => createHash('sha256').update(data).digest('hex');
      const canonical = [
        'POST',
        '/api/v1/ReadNets',
        '',
        `host:${host}`,
        `${dateHeader}:${date}`,
        '',
        `host;${dateHeader}`,
        hash(body),
      ];
      const toSign = [`${prefix}-HMAC-SHA256`, date, scope, hash(canonical.join('\n'))].join('\n');
      let key: Buffer | string = `${prefix}${outscale.customer.secretAccessKey}`;
      for (const part of scope.split('/')) key = createHmac('sha256', key).update(part).digest();
      const signature = createHmac('sha256', key).update(toSign).digest('hex');
      const credential = `${outscale.customer.accessKeyId}/${scope}`;
      const response = await fetch(`${outscale.endpoint}/api/v1/ReadNets`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          [dateHeader]: date,
          authorization: `${prefix}-HMAC-SHA256 Credential=${credential}, SignedHeaders=host;${dateHeader}, Signature=${signature}`,
        },
        body,
      });
      expect(await response.json()).toMatchObject({ Nets: [] });
    });

    it('is refused when its body was changed on the way', async () => {
      const { url, headers } = await outscale.sign(outscale.platform, 'ReadNets', '{}');
      const send = (body: string) => fetch(url, { method: 'POST', headers, body });
      expect((await send('{}')).status).toBe(200);
      expect((await send('{"DryRun":true}')).status).toBe(401);
    });
  });

  it('that is not signed is refused', async () => {
    const response = await fetch(`${outscale.endpoint}/api/v1/ReadNets`, { method: 'POST', body: '{}' });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({
      Errors: [{ Code: '1', Type: 'AccessDenied' }],
      ResponseContext: { RequestId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
    });
  });

  it('that its account may not make says AccessDenied with HTTP 403', async () => {
    const denial = { accountId: outscale.platform.accountId, operation: 'ReadNets' };
    await outscale.control('POST', '/_sim/outscale/permissions', denial);
    const client = outscale.oapi(outscale.platform);
    const failure = await client('ReadNets').catch((error: unknown) => error as OapiFailure);
    expect(failure).toMatchObject({ status: 403, code: '4', type: 'AccessDenied' });
    await client('ReadSubnets');
  });

  describe('after four bad signatures in a row', () => {
    const fail = async (times: number) => {
      for (let count = 0; count < times; count++) await codeOf(wrongKey()('ReadNets'));
    };
    const look = () => codeOf(outscale.oapi(outscale.platform)('ReadNets'));

    it('is refused for a minute, however well it is signed', async () => {
      await fail(3);
      await fail(1);
      expect(await look()).toBe('11');
      outscale.simulators.clock.advance(MINUTE_MS - 1);
      expect(await look()).toBe('11');
      outscale.simulators.clock.advance(1);
      expect(await look()).toBe('none');
    });

    it('is let in when one of the four was good', async () => {
      await fail(3);
      expect(await look()).toBe('none');
      await fail(3);
      expect(await look()).toBe('none');
    });

    it('is refused a minute longer after each four more, up to ten', async () => {
      for (let minutes = 1; minutes <= 12; minutes++) {
        await fail(4);
        const expected = Math.min(minutes, 10);
        outscale.simulators.clock.advance(expected * MINUTE_MS - 1);
        expect(await look()).toBe('11');
        outscale.simulators.clock.advance(1);
      }
      expect(await look()).toBe('none');
    });

    it('only with the key that failed', async () => {
      await fail(4);
      expect(await codeOf(outscale.oapi(outscale.customer)('ReadNets'))).toBe('none');
    });
  });

  describe('that comes too often', () => {
    it.each([
      ['account', { callsPerSecond: 3 }, ['none', 'none', 'none', '24', '24', '24']],
      ['action', { callsPerSecondOfOneAction: 2 }, ['none', 'none', '25', '25', 'none', 'none']],
    ])('is refused for the %s, until the second is over', async (_, settings, expected) => {
      await outscale.control('POST', '/_sim/outscale/settings', settings);
      const client = outscale.oapi(outscale.platform);
      const burst = async () => {
        const codes: string[] = [];
        for (const action of ['ReadNets', 'ReadNets', 'ReadNets', 'ReadNets', 'ReadVms', 'ReadVms'])
          codes.push(await codeOf(client(action)));
        return codes;
      };
      expect(await burst()).toEqual(expected);
      outscale.simulators.clock.advance(1_000);
      expect(await burst()).toEqual(expected);
      expect(await codeOf(outscale.oapi(outscale.customer)('ReadNets'))).toBe('none');
    });

    it.each([
      ['6', 503],
      ['24', 429],
      ['25', 429],
    ])('with the code %s and HTTP %i, says AccessDenied all the same', async (code, status) => {
      await outscale.control('POST', '/_sim/faults', { cloud: 'outscale', kind: 'throttle', code, times: 1 });
      const call = outscale.oapi(outscale.platform)('ReadNets');
      const failure = await call.catch((error: unknown) => error as OapiFailure);
      expect(failure).toMatchObject({ status, code, type: 'AccessDenied' });
    });
  });

  describe('that is not well formed', () => {
    it.each([
      ['an action that is not there', 'MakeCoffee', {}, '12000'],
      ['a parameter that is not there', 'ReadNets', { Milk: true }, '3001'],
      ['a filter that is not there', 'ReadNets', { Filters: { Milk: ['x'] } }, '3001'],
      ['a parameter of another type', 'ReadNets', { ResultsPerPage: '10' }, '4110'],
      ['a page that is too large', 'ReadNets', { ResultsPerPage: 1001 }, '4047'],
      ['a token that is none', 'ReadNets', { NextPageToken: 'x' }, '4047'],
      ['nothing of what it needs', 'AcceptNetPeering', {}, '7000'],
      ['an id of another kind', 'AcceptNetPeering', { NetPeeringId: 'foo' }, '4104'],
      ['an id of another length', 'AcceptNetPeering', { NetPeeringId: 'pcx-1234567' }, '4105'],
      ['an id that is nobody’s', 'AcceptNetPeering', { NetPeeringId: 'pcx-12345678' }, '5035'],
    ])('for %s', async (_, action, body, expected) => {
      expect(await codeOf(outscale.oapi(outscale.platform)(action, body))).toBe(expected);
    });

    it.each([
      ['its method', 'PUT', '{}', 'application/json', '12000'],
      ['its content type', 'POST', '{}', 'text/plain', '3010'],
      ['a body that is no JSON', 'POST', '{', 'application/json', '3002'],
      ['a body that is no object', 'POST', '[]', 'application/json', '3002'],
    ])('for %s', async (_, method, body, contentType, expected) => {
      const { url, headers } = await outscale.sign(outscale.platform, 'ReadNets', body, { contentType });
      const response = await fetch(url, { method, headers, body });
      expect(await response.json()).toMatchObject({ Errors: [{ Code: expected }] });
    });
  });

  it('that is a dry run changes nothing', async () => {
    const client = outscale.oapi(outscale.platform);
    const { ResponseContext, ...rest } = await client('CreateNet', { IpRange: '10.0.0.0/16', DryRun: true });
    expect(ResponseContext.RequestId).toMatch(/\S/);
    expect(rest).toEqual({});
    expect((await client('ReadNets')).Nets).toEqual([]);
    expect(await codeOf(client('CreateNet', { DryRun: true }))).toBe('7000');
  });
});
