import { describe, expect, it } from '@jest/globals';
import { parseLossless } from './client.js';
import {
  markedDescription,
  phaseOf,
  toObservedPeering,
  toObservedRoute,
  vpcCidrs,
  type RouteEntry,
  type VpcPeerConnection,
} from './status.js';

describe('JSON of the API', () => {
  it('keeps the digits that a double does not hold', () => {
    expect(parseLossless('{"OwnerId":253460731706911258,"Uid":1210123456123456,"List":[1,-2,0.5]}')).toEqual({
      OwnerId: '253460731706911258',
      Uid: 1210123456123456,
      List: [1, -2, 0.5],
    });
  });

  it('is refused when it is cut short', () => {
    expect(() => parseLossless('{"OwnerId":2534')).toThrow(SyntaxError);
  });
});

describe('A peering connection', () => {
  const shown = `{
    "InstanceId":"pcc-1","Status":"Activated","BizStatus":"Normal","OwnerId":253460731706911258,
    "RegionId":"cn-hangzhou","Vpc":{"VpcId":"vpc-c","Ipv4Cidrs":["172.20.0.0/16","172.16.0.0/16"]},
    "AcceptingOwnerUid":1210123456123456,"AcceptingRegionId":"cn-hangzhou","AcceptingVpc":{"VpcId":"vpc-p"},
    "GmtCreate":"2026-11-20T10:00:00Z","GmtExpired":null,
    "Tags":[{"Key":"x","Value":"y"},{"Key":"peering-broker:connection","Value":"peer_1"}]}`;

  it('shows everything that the cloud tells', () => {
    expect(toObservedPeering(parseLossless(shown) as VpcPeerConnection)).toEqual({
      providerId: 'pcc-1',
      phase: 'active',
      providerState: 'Activated',
      requester: {
        accountId: '253460731706911258',
        vpcId: 'vpc-c',
        region: 'cn-hangzhou',
        cidrs: ['172.16.0.0/16', '172.20.0.0/16'],
      },
      accepter: { accountId: '1210123456123456', vpcId: 'vpc-p', region: 'cn-hangzhou', cidrs: [] },
      requestedAt: Date.parse('2026-11-20T10:00:00Z'),
      mark: 'peer_1',
    });
  });

  it('tells when it expires, and that it is locked for overdue payments', () => {
    expect(
      toObservedPeering({
        InstanceId: 'pcc-1',
        Status: 'Accepting',
        BizStatus: 'FinancialLocked',
        GmtExpired: '2026-11-27T10:00:00Z',
      }),
    ).toMatchObject({ providerMessage: 'FinancialLocked', expiresAt: Date.parse('2026-11-27T10:00:00Z') });
  });

  it('invents nothing that the cloud leaves out', () => {
    expect(toObservedPeering({ InstanceId: 'pcc-1', Status: 'Deleted' })).toEqual({
      providerId: 'pcc-1',
      phase: 'gone',
      providerState: 'Deleted',
      requester: { cidrs: [] },
      accepter: { cidrs: [] },
    });
    expect(toObservedPeering({ InstanceId: 'pcc-1' })).toBeNull();
    expect(
      toObservedPeering({ InstanceId: 'pcc-1', Status: 'Deleted', GmtExpired: '' })?.expiresAt,
    ).toBeUndefined();
  });

  it.each(['Frozen', 'constructor', ''])(
    'in a state that nobody documented (%p) is only looked at',
    (status) => expect(phaseOf(status)).toBe('in_progress'),
  );
});

describe('A route entry', () => {
  const hop = (NextHopId: string, Enabled = 1) => ({ NextHopType: 'VpcPeer', NextHopId, Enabled });
  const entry = (more: RouteEntry) => toObservedRoute({ DestinationCidrBlock: '172.16.0.0/16', ...more });

  it('shows where it leads, its handle and the mark', () => {
    expect(
      entry({
        RouteEntryId: 'rte-1',
        Status: 'Available',
        Description: markedDescription('peer_1'),
        NextHops: { NextHop: [hop('pcc-1')] },
      }),
    ).toEqual({
      destination: '172.16.0.0/16',
      target: 'pcc-1',
      state: 'active',
      routeId: 'rte-1',
      mark: 'peer_1',
    });
  });

  it.each([
    ['Available', [hop('pcc-1')], 'active'],
    ['Available', [hop('pcc-1', 0)], 'blackhole'],
    ['Available', [hop('pcc-1', 0), hop('pcc-2')], 'active'],
    ['Pending', [hop('pcc-1')], 'pending'],
    ['Modifying', [hop('pcc-1')], 'pending'],
    [undefined, [hop('pcc-1')], 'active'],
  ] as const)('that is %s with %j is %s', (Status, NextHop, state) => {
    expect(entry({ ...(Status && { Status }), NextHops: { NextHop } }).state).toBe(state);
  });

  it('is never taken for one of ours when it has several hops, or none that is named', () => {
    expect(entry({ NextHops: { NextHop: [hop('pcc-1'), hop('pcc-2')] } }).target).toBe('pcc-1,pcc-2');
    expect(entry({ NextHops: { NextHop: [{ NextHopType: 'service', NextHopId: '' }] } }).target).toBe(
      'service',
    );
    expect(entry({})).toMatchObject({ target: '', state: 'active' });
    expect(entry({ Description: 'by hand' }).mark).toBeUndefined();
  });
});

describe('A VPC', () => {
  it('has its first block and those that were added', () => {
    expect(
      vpcCidrs({ CidrBlock: '10.1.0.0/16', SecondaryCidrBlocks: { SecondaryCidrBlock: ['10.2.0.0/16'] } }),
    ).toEqual(['10.1.0.0/16', '10.2.0.0/16']);
    expect(vpcCidrs({})).toEqual([]);
  });
});
