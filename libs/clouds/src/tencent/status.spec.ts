import { describe, expect, it } from '@jest/globals';
import {
  phaseOf,
  toDeliveredRoute,
  toLearnedRoute,
  toObservedPeering,
  toObservedRouteTable,
  vpcCidrs,
  type LearnedRoute,
} from './status.js';

const own = { vpcId: 'vpc-platform', accountId: '100011112222' };
const attachment = {
  CcnId: 'ccn-f49l6u0z',
  CcnUin: '100033334444',
  InstanceId: 'vpc-platform',
  InstanceUin: '100011112222',
  InstanceRegion: 'ap-guangzhou',
  CidrBlock: ['10.11.0.0/16'],
  State: 'ACTIVE',
  Description: 'peer_1',
};
const route = (destination: string, more: Partial<LearnedRoute> = {}): LearnedRoute => ({
  destination,
  enabled: true,
  origin: 'customer',
  ...more,
});

describe('an attachment', () => {
  it('is asked for by the platform and accepted by the CCN', () => {
    expect(toObservedPeering(attachment, [route('172.16.0.0/16')])).toEqual({
      providerId: 'ccn-f49l6u0z',
      phase: 'active',
      providerState: 'ACTIVE',
      requester: {
        accountId: '100011112222',
        vpcId: 'vpc-platform',
        region: 'ap-guangzhou',
        cidrs: ['10.11.0.0/16'],
      },
      accepter: { accountId: '100033334444', vpcId: 'ccn-f49l6u0z', cidrs: ['172.16.0.0/16'] },
      mark: 'peer_1',
    });
  });

  it('leaves out what the cloud does not report', () => {
    const bare = { CcnId: 'ccn-f49l6u0z', InstanceId: 'vpc-platform', State: 'PENDING', Description: '' };
    expect(toObservedPeering(bare, [])).toEqual({
      providerId: 'ccn-f49l6u0z',
      phase: 'pending_customer',
      providerState: 'PENDING',
      requester: { vpcId: 'vpc-platform', cidrs: [] },
      accepter: { vpcId: 'ccn-f49l6u0z', cidrs: [] },
    });
  });

  it.each(['CcnId', 'InstanceId', 'State'] as const)('without %s is none', (field) => {
    const rest = Object.entries(attachment).filter(([name]) => name !== field);
    expect(toObservedPeering(Object.fromEntries(rest), [])).toBeNull();
  });

  it('in a state that is not documented is only watched', () => {
    expect(phaseOf('SOMETHING_NEW')).toBe('in_progress');
    expect(phaseOf('toString')).toBe('in_progress');
  });
});

describe('the customer’s blocks', () => {
  it.each<[string, LearnedRoute[], string[]]>([
    [
      'are sorted and named once',
      [route('192.168.0.0/16'), route('172.16.0.0/16'), route('192.168.0.0/16')],
      ['172.16.0.0/16', '192.168.0.0/16'],
    ],
    ['are the widest of what nests', [route('172.16.4.0/24'), route('172.16.0.0/12')], ['172.16.0.0/12']],
    ['are those with an enabled route', [route('172.16.0.0/16', { enabled: false })], []],
    [
      'are not the platform’s',
      [route('10.11.0.0/16', { origin: 'network' }), route('10.12.0.0/16', { origin: 'platform' })],
      [],
    ],
  ])('%s', (_, routes, cidrs) => {
    expect(toObservedPeering(attachment, routes)?.accepter.cidrs).toEqual(cidrs);
  });
});

describe('a route of the CCN', () => {
  const learned = { DestinationCidrBlock: '172.16.0.0/16', Enabled: false, RouteId: 'ccnr-1' };

  it.each([
    [{ InstanceId: 'vpc-platform', InstanceUin: '100011112222' }, 'network'],
    [{ InstanceId: 'vpc-another', InstanceUin: '100011112222' }, 'platform'],
    [{ InstanceId: 'vpc-customer', InstanceUin: '100033334444' }, 'customer'],
    [{ InstanceId: 'vpc-customer' }, 'customer'],
  ])('to %j is from the %s', (instance, origin) => {
    expect(toLearnedRoute({ ...learned, ...instance }, own)).toEqual({
      destination: '172.16.0.0/16',
      enabled: false,
      origin,
      routeId: 'ccnr-1',
    });
  });

  it('that is not IPv4 is none', () => {
    expect(toLearnedRoute({ ...learned, DestinationCidrBlock: '2402:4e00::/64' }, own)).toBeNull();
    expect(toLearnedRoute({ ...learned, DestinationCidrBlock: '' }, own)).toBeNull();
    expect(toLearnedRoute({}, own)).toBeNull();
  });

  it('in the VPC’s own table is told from others', () => {
    const delivered = {
      DestinationCidrBlock: '172.16.0.0/16',
      GatewayType: 'CCN',
      GatewayId: 'ccn-f49l6u0z',
      Enabled: true,
    };
    expect(toDeliveredRoute(delivered, 'ccn-f49l6u0z')).toEqual(route('172.16.0.0/16'));
    expect(toDeliveredRoute(delivered, 'ccn-00000000')).toBeNull();
    expect(toDeliveredRoute({ ...delivered, GatewayType: 'NAT' }, 'ccn-f49l6u0z')).toBeNull();
  });
});

describe('the table of an attachment', () => {
  it('tells the disabled one of two routes to one destination, whichever comes first', () => {
    const pair = [route('172.16.0.0/16'), route('172.16.0.0/16', { enabled: false })];
    for (const routes of [pair, pair.toReversed()]) {
      expect(toObservedRouteTable('ccn-f49l6u0z', routes).routes).toEqual([
        { destination: '172.16.0.0/16', target: 'ccn-f49l6u0z', state: 'disabled' },
      ]);
    }
  });
});

describe('a VPC', () => {
  it('has its block and its assistant blocks', () => {
    const assistant = [{ CidrBlock: '192.168.0.0/16' }, { CidrBlock: '10.11.0.0/16' }];
    expect(vpcCidrs({ CidrBlock: '10.11.0.0/16', AssistantCidrSet: assistant })).toEqual([
      '10.11.0.0/16',
      '192.168.0.0/16',
    ]);
    expect(vpcCidrs({})).toEqual([]);
  });
});
