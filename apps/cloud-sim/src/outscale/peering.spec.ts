import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  codeOf,
  makeEmptyNet,
  makeNet,
  peeringOf,
  startSimulatedOutscale,
  type OapiClient,
  type OapiPeering,
  type SimulatedOutscale,
} from '../../../../test/support/simulated-outscale.js';

const HOUR_MS = 3_600_000;
const WEEK_MS = 7 * 24 * HOUR_MS;

describe('a Net peering', () => {
  let outscale: SimulatedOutscale;
  let platform: OapiClient;
  let customer: OapiClient;
  let platformNet: string;
  let customerNet: string;

  beforeAll(async () => {
    outscale = await startSimulatedOutscale();
    platform = outscale.oapi(outscale.platform);
    customer = outscale.oapi(outscale.customer);
  });
  afterAll(() => outscale.close());
  beforeEach(async () => {
    outscale.simulators.reset();
    outscale.simulators.clock.freeze();
    platformNet = await makeNet(platform, '10.128.0.0/16');
    customerNet = await makeNet(customer, '172.16.0.0/16');
  });

  const request = async (
    client: OapiClient,
    SourceNetId: string,
    AccepterNetId: string,
    AccepterOwnerId: string,
  ): Promise<OapiPeering> =>
    (await client('CreateNetPeering', { SourceNetId, AccepterNetId, AccepterOwnerId })).NetPeering;
  const ask = () => request(customer, customerNet, platformNet, outscale.platform.accountId);
  const askBack = () => request(platform, platformNet, customerNet, outscale.customer.accountId);
  const act = (client: OapiClient, action: string, NetPeeringId: string) =>
    client(`${action}NetPeering`, { NetPeeringId });
  const stateOf = async (client: OapiClient, id: string) => (await peeringOf(client, id))?.State.Name;
  const settings = (changes: Record<string, unknown>) =>
    outscale.control('POST', '/_sim/outscale/settings', changes);

  describe('that was asked for', () => {
    it('waits, and shows both sides with their blocks to both', async () => {
      const askedAt = outscale.simulators.clock.now();
      const { NetPeeringId } = await ask();
      const expected = {
        NetPeeringId: expect.stringMatching(/^pcx-[0-9a-f]{8}$/),
        State: {
          Name: 'pending-acceptance',
          Message: `Pending acceptance by ${outscale.platform.accountId}`,
        },
        SourceNet: {
          AccountId: outscale.customer.accountId,
          NetId: customerNet,
          IpRange: '172.16.0.0/16',
        },
        AccepterNet: {
          AccountId: outscale.platform.accountId,
          NetId: platformNet,
          IpRange: '10.128.0.0/16',
        },
        ExpirationDate: new Date(askedAt + WEEK_MS).toISOString(),
        Tags: [],
      };
      expect(await peeringOf(customer, NetPeeringId)).toEqual(expected);
      expect(await peeringOf(platform, NetPeeringId)).toEqual(expected);
    });

    it('is not seen by others', async () => {
      const { NetPeeringId } = await ask();
      const other = outscale.oapi(outscale.simulators.putAccount('outscale', { name: 'other' }));
      expect(await peeringOf(other, NetPeeringId)).toBeUndefined();
      expect((await other('ReadNetPeerings')).NetPeerings).toEqual([]);
      for (const action of ['Accept', 'Reject', 'Delete'])
        expect(await codeOf(act(other, action, NetPeeringId))).toBe('5035');
    });

    it('is not seen from another region', async () => {
      const { NetPeeringId } = await ask();
      const elsewhere = outscale.oapi(outscale.platform, { region: 'us-east-2' });
      expect(await peeringOf(elsewhere, NetPeeringId)).toBeUndefined();
      expect(await codeOf(act(elsewhere, 'Accept', NetPeeringId))).toBe('5035');
    });

    it('twice is the same', async () => {
      expect((await ask()).NetPeeringId).toBe((await ask()).NetPeeringId);
    });

    it.each([
      ['filters of the accepter', () => ({ AccepterNetNetIds: [platformNet] })],
      ['filters of the source', () => ({ SourceNetAccountIds: [outscale.customer.accountId] })],
      ['filters of the state', () => ({ StateNames: ['pending-acceptance', 'active'] })],
      ['all filters at once', () => ({ SourceNetNetIds: [customerNet], StateNames: ['pending-acceptance'] })],
    ])('is found by %s', async (_, filters) => {
      await ask();
      expect((await platform('ReadNetPeerings', { Filters: filters() })).NetPeerings).toHaveLength(1);
    });

    it.each([{ StateNames: ['active'] }, { AccepterNetNetIds: ['vpc-12345678'] }, { TagKeys: ['x'] }])(
      'is not found by %j',
      async (Filters) => {
        await ask();
        expect((await platform('ReadNetPeerings', { Filters })).NetPeerings).toEqual([]);
      },
    );

    it('expires after a week, and is forgotten an hour later', async () => {
      const { NetPeeringId } = await ask();
      outscale.simulators.clock.advance(WEEK_MS - 1);
      expect(await stateOf(platform, NetPeeringId)).toBe('pending-acceptance');
      outscale.simulators.clock.advance(1);
      expect(await stateOf(platform, NetPeeringId)).toBe('expired');
      expect(await codeOf(act(platform, 'Accept', NetPeeringId))).toBe('6004');
      expect(await codeOf(act(customer, 'Delete', NetPeeringId))).toBe('6004');
      outscale.simulators.clock.advance(HOUR_MS);
      expect(await peeringOf(platform, NetPeeringId)).toBeUndefined();
      expect(await codeOf(act(platform, 'Accept', NetPeeringId))).toBe('5035');
    });

    it('is deleted by who asked only', async () => {
      const { NetPeeringId } = await ask();
      expect(await codeOf(act(platform, 'Delete', NetPeeringId))).toBe('8011');
      await act(customer, 'Delete', NetPeeringId);
      expect(await stateOf(platform, NetPeeringId)).toBe('deleted');
    });

    it('is answered by who was asked only', async () => {
      const { NetPeeringId } = await ask();
      expect(await codeOf(act(customer, 'Accept', NetPeeringId))).toBe('8011');
      expect(await codeOf(act(customer, 'Reject', NetPeeringId))).toBe('8011');
    });
  });

  describe('that fails', () => {
    const failed = async (peering: Promise<OapiPeering>) => {
      const { NetPeeringId, State } = await peering;
      expect(State).toEqual({
        Name: 'failed',
        Message: 'Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range',
      });
      return NetPeeringId;
    };

    it('does so for blocks that overlap, before the eyes of both', async () => {
      const overlapping = await makeNet(customer, '10.128.128.0/17');
      const id = await failed(request(customer, overlapping, platformNet, outscale.platform.accountId));
      expect(await stateOf(platform, id)).toBe('failed');
      for (const [client, action] of [
        [platform, 'Accept'],
        [platform, 'Reject'],
        [customer, 'Delete'],
      ] as const) {
        expect(await codeOf(act(client, action, id))).toBe('6004');
      }
      outscale.simulators.clock.advance(HOUR_MS);
      expect(await peeringOf(customer, id)).toBeUndefined();
    });

    it('does so for a Net that is not there, and for another owner, unseen by the other side', async () => {
      const accountId = outscale.platform.accountId;
      await failed(request(customer, customerNet, 'vpc-12345678', accountId));
      const { NetPeering } = await customer('CreateNetPeering', {
        SourceNetId: customerNet,
        AccepterNetId: platformNet,
      });
      await failed(Promise.resolve(NetPeering));
      expect((await platform('ReadNetPeerings')).NetPeerings).toEqual([]);
    });

    it('does so when the Nets are peered already', async () => {
      await act(platform, 'Accept', (await ask()).NetPeeringId);
      await failed(ask());
    });

    it('is never one of a Net without a VM, unless the settings say so', async () => {
      const empty = await makeEmptyNet(customer, '172.17.0.0/16');
      const asking = () => request(customer, empty, platformNet, outscale.platform.accountId);
      expect(await codeOf(asking())).toBe('1004');
      await settings({ vmsRequired: false });
      await act(customer, 'Delete', (await asking()).NetPeeringId);
      await settings({ vmsRequired: true });
      await outscale.control('POST', '/_sim/outscale/put-vm', { netId: empty });
      expect((await asking()).State.Name).toBe('pending-acceptance');
    });

    it('is never one of a Net with itself', async () => {
      expect(await codeOf(request(customer, customerNet, customerNet, outscale.customer.accountId))).toBe(
        '4045',
      );
    });

    it('is never one of another’s Net', async () => {
      expect(await codeOf(request(customer, platformNet, customerNet, outscale.customer.accountId))).toBe(
        '5065',
      );
    });
  });

  describe('that is accepted', () => {
    it('is active at once, and has no expiry any more', async () => {
      const { NetPeeringId } = await ask();
      const { NetPeering } = await act(platform, 'Accept', NetPeeringId);
      expect(NetPeering.State).toEqual({ Name: 'active', Message: 'Active' });
      outscale.simulators.clock.advance(2 * WEEK_MS);
      expect(await peeringOf(customer, NetPeeringId)).toMatchObject({
        State: { Name: 'active' },
        ExpirationDate: null,
      });
    });

    it('has what was asked the other way round rejected', async () => {
      const { NetPeeringId: back } = await askBack();
      await act(platform, 'Accept', (await ask()).NetPeeringId);
      expect(await stateOf(customer, back)).toBe('rejected');
      expect((await askBack()).State.Name).toBe('rejected');
    });

    it.each([
      ['refused', '6004'],
      ['accepted', 'none'],
    ])('again is %s, as the settings say', async (repeatedChanges, expected) => {
      await settings({ repeatedChanges });
      const { NetPeeringId } = await ask();
      await act(platform, 'Accept', NetPeeringId);
      expect(await codeOf(act(platform, 'Accept', NetPeeringId))).toBe(expected);
      expect(await codeOf(act(platform, 'Reject', NetPeeringId))).toBe('6004');
    });

    it.each(['platform', 'customer'] as const)('is deleted by the %s, and forgotten', async (who) => {
      const { NetPeeringId } = await ask();
      await act(platform, 'Accept', NetPeeringId);
      await act(who === 'platform' ? platform : customer, 'Delete', NetPeeringId);
      const message = `Deleted by ${outscale[who].accountId}`;
      expect((await peeringOf(platform, NetPeeringId))?.State).toEqual({
        Name: 'deleted',
        Message: message,
      });
      expect(await codeOf(act(platform, 'Delete', NetPeeringId))).toBe('6004');
      outscale.simulators.clock.advance(HOUR_MS - 1);
      expect(await stateOf(platform, NetPeeringId)).toBe('deleted');
      outscale.simulators.clock.advance(1);
      expect(await stateOf(platform, NetPeeringId)).toBeUndefined();
    });
  });

  describe('that is rejected', () => {
    it('stays so, can be asked for anew, and is forgotten', async () => {
      const { NetPeeringId } = await ask();
      await act(platform, 'Reject', NetPeeringId);
      expect((await peeringOf(customer, NetPeeringId))?.State).toEqual({
        Name: 'rejected',
        Message: `Rejected by ${outscale.platform.accountId}`,
      });
      for (const [client, action] of [
        [platform, 'Reject'],
        [platform, 'Accept'],
        [customer, 'Delete'],
      ] as const) {
        expect(await codeOf(act(client, action, NetPeeringId))).toBe('6004');
      }
      expect((await ask()).NetPeeringId).not.toBe(NetPeeringId);
      outscale.simulators.clock.advance(HOUR_MS);
      expect(await peeringOf(customer, NetPeeringId)).toBeUndefined();
    });
  });

  describe('by the control API', () => {
    const control = async (operation: string, body: unknown) =>
      (await outscale.control('POST', `/_sim/outscale/${operation}`, body)).body;

    it('is asked for in the customer’s place', async () => {
      const { accountId } = outscale.customer;
      const { netPeeringId } = await control('request-peering', {
        sourceAccountId: accountId,
        ipRange: '172.20.0.0/16',
        accepterNetId: platformNet,
      });
      await act(platform, 'Accept', String(netPeeringId));
    });

    it('is put into any state', async () => {
      const { NetPeeringId: netPeeringId } = await ask();
      for (const state of ['failed', 'active', 'expired', 'rejected', 'deleted', 'pending-acceptance']) {
        await control('set-peering-state', { netPeeringId, state });
        expect(await stateOf(platform, netPeeringId)).toBe(state);
      }
      await act(platform, 'Accept', netPeeringId);
    });

    it('has Nets that are made by the thousands', async () => {
      const home = { accountId: outscale.platform.accountId, region: 'us-east-2' };
      const seed = { ...home, count: 1000, from: '10.0.0.0/8', prefixLength: 24 };
      const vpcs = (await control('seed-vpcs', seed))['vpcs'] as { vpcId: string; cidr: string }[];
      expect(vpcs.at(-1)?.cidr).toBe('10.3.231.0/24');
      const elsewhere = outscale.oapi(outscale.platform, { region: 'us-east-2' });
      const { Nets } = await elsewhere('ReadNets');
      expect(Nets.map((net) => net.NetId)).toEqual(vpcs.map((vpc) => vpc.vpcId));
      const { error } = await control('seed-vpcs', { ...seed, from: '10.0.0.0/16' });
      expect(JSON.stringify(error)).toContain('does not hold 1000 blocks');
    });

    it('is made by the thousands, which pages show in order', async () => {
      const { peerings } = await control('seed-peerings', {
        accepterNetId: platformNet,
        sourceAccountId: outscale.customer.accountId,
        count: 2001,
        from: '192.168.0.0/16',
        prefixLength: 28,
        state: 'active',
      });
      const seen: string[] = [];
      let page = await platform('ReadNetPeerings', { ResultsPerPage: 900 });
      for (;;) {
        seen.push(...page.NetPeerings.map((peering) => peering.NetPeeringId));
        if (page.NextPageToken === undefined) break;
        page = await platform('ReadNetPeerings', { ResultsPerPage: 900, NextPageToken: page.NextPageToken });
      }
      expect(seen).toEqual((peerings as { netPeeringId: string }[]).map((peering) => peering.netPeeringId));
      expect((await platform('ReadNetPeerings')).NetPeerings).toHaveLength(1000);
    });
  });
});
