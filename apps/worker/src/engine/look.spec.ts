import { describe, expect, it } from '@jest/globals';

import { profileOf, startAttempt, type ObservedPeering, type PeeringConnection } from '#domain';

import { holdersIn, isToBeLookedUp, type Look } from './look.js';

const profile = profileOf('alibaba');
const VPC = 'vpc-bp1000001';

function peering(providerId: string): ObservedPeering {
  return {
    providerId,
    phase: 'pending_platform',
    providerState: 'Accepting',
    requester: { accountId: '1210123456123456', vpcId: VPC, region: 'cn-hangzhou', cidrs: [] },
    accepter: { accountId: '1310123456123456', vpcId: 'vpc-bp1000002', region: 'cn-hangzhou', cidrs: [] },
  };
}

function connection(
  id: string,
  requesterInstanceId: string,
): Pick<PeeringConnection, 'id' | 'spec' | 'status'> {
  const spec = { cloud: { kind: 'alibaba', requesterInstanceId }, cidrs: [] } as const;
  return { id, spec, status: startAttempt(profile, spec, 0) };
}

function seen(...peerings: readonly ObservedPeering[]): Look {
  return { at: 0, peerings, routeTables: null, elsewhere: new Map() };
}

describe('who holds what', () => {
  it('is whoever named it', () => {
    const holders = holdersIn(seen(), [connection('peer_1', 'pcc-000001')], profile);
    expect(holders).toEqual(new Map([['pcc-000001', 'peer_1']]));
  });

  it('is whoever finds it by the network that was named', () => {
    const look = seen(peering('pcc-000001'));
    expect(holdersIn(look, [connection('peer_1', VPC)], profile)).toEqual(
      new Map([['pcc-000001', 'peer_1']]),
    );
  });

  it('is the one that named it, when another one finds it', () => {
    const both = [connection('peer_1', VPC), connection('peer_2', 'pcc-000001')];
    expect(holdersIn(seen(peering('pcc-000001')), both, profile)).toEqual(
      new Map([['pcc-000001', 'peer_2']]),
    );
  });

  it('is nobody whose connection has ended', () => {
    const over = connection('peer_1', 'pcc-000001');
    const ended = { ...over, status: { ...over.status, state: 'failed' as const } };
    expect(holdersIn(seen(peering('pcc-000001')), [ended], profile)).toEqual(new Map());
  });
});

describe('a request that the listing does not show', () => {
  const declared = { ...connection('peer_1', 'pcc-000001'), desired: 'present' } as const;
  const { status } = declared;
  const lastSeen = { peering: peering('pcc-000001'), since: 0 };
  const isLookedUp = (more: Partial<PeeringConnection['status']>): boolean =>
    isToBeLookedUp({ ...declared, status: { ...status, ...more } } as PeeringConnection, profile, []);

  it('is looked up until it was verified, even when it was seen elsewhere before', () => {
    expect(isLookedUp({})).toBe(true);
    expect(isLookedUp({ lastSeen })).toBe(true);
    expect(isLookedUp({ lastSeen, verified: true })).toBe(false);
  });
});
