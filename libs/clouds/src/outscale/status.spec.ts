import { describe, expect, it } from '@jest/globals';
import type { ProviderPhase } from '#domain';
import type { OUTSCALE_STATES } from './status.js';
import { phaseOf, routedPeerings, toObservedPeering, toObservedRouteTable, type Route } from './status.js';

describe('States of a Net peering', () => {
  const phases: Record<keyof typeof OUTSCALE_STATES, ProviderPhase> = {
    'pending-acceptance': 'pending_platform',
    active: 'active',
    rejected: 'rejected',
    failed: 'failed',
    expired: 'expired',
    deleted: 'gone',
  };

  it.each(Object.entries(phases))('%s means %s', (state, phase) => expect(phaseOf(state)).toBe(phase));

  it.each(['provisioning', 'constructor', ''])(
    'that nobody documented (%p) lead to nothing but looking',
    (state) => expect(phaseOf(state)).toBe('in_progress'),
  );
});

describe('A Net peering', () => {
  it('shows everything that OAPI tells', () => {
    expect(
      toObservedPeering({
        NetPeeringId: 'pcx-12345678',
        State: { Name: 'pending-acceptance', Message: 'Pending acceptance by 111122223333' },
        SourceNet: { AccountId: '012345678901', NetId: 'vpc-0000000c', IpRange: '172.16.0.0/16' },
        AccepterNet: { AccountId: '111122223333', NetId: 'vpc-0000000a', IpRange: '10.0.0.0/16' },
        ExpirationDate: '2026-11-27T10:00:00.000Z',
        Tags: [
          { Key: 'Name', Value: 'x' },
          { Key: 'peering-broker:connection', Value: 'peer_1' },
        ],
      }),
    ).toEqual({
      providerId: 'pcx-12345678',
      phase: 'pending_platform',
      providerState: 'pending-acceptance',
      providerMessage: 'Pending acceptance by 111122223333',
      requester: { accountId: '012345678901', vpcId: 'vpc-0000000c', cidrs: ['172.16.0.0/16'] },
      accepter: { accountId: '111122223333', vpcId: 'vpc-0000000a', cidrs: ['10.0.0.0/16'] },
      expiresAt: Date.UTC(2026, 10, 27, 10),
      mark: 'peer_1',
    });
  });

  it('invents nothing that OAPI leaves out', () => {
    const NetPeeringId = 'pcx-12345678';
    const State = { Name: 'active' };
    const bare = {
      providerId: NetPeeringId,
      phase: 'active',
      providerState: 'active',
      requester: { cidrs: [] },
      accepter: { cidrs: [] },
    };
    expect(toObservedPeering({ NetPeeringId, State })).toEqual(bare);
    const empty = { NetPeeringId, State, ExpirationDate: null, AccepterNet: { IpRange: '' }, Tags: [] };
    expect(toObservedPeering(empty)).toEqual(bare);
    expect(toObservedPeering({ NetPeeringId })).toBeNull();
    expect(toObservedPeering({ State })).toBeNull();
  });
});

describe('A route table', () => {
  const shown = (route: Route, ...active: string[]) =>
    toObservedRouteTable({ RouteTableId: 'rtb-1', Routes: [route] }, new Set(active))?.routes[0];

  it('is the main one when it says so', () => {
    const links = [{ Main: false }, { Main: true }];
    expect(toObservedRouteTable({ RouteTableId: 'rtb-1', LinkRouteTables: links }, new Set())).toEqual({
      routeTableId: 'rtb-1',
      main: true,
      routes: [],
    });
    expect(toObservedRouteTable({ RouteTableId: 'rtb-1' }, new Set())?.main).toBe(false);
    expect(toObservedRouteTable({}, new Set())).toBeNull();
  });

  it.each([
    ['a Net peering', { NetPeeringId: 'pcx-1' }, 'pcx-1'],
    ['the Net itself', { CreationMethod: 'CreateRouteTable' }, 'local'],
    ['a gateway', { GatewayId: 'igw-1' }, 'igw-1'],
    ['a NAT service', { NatServiceId: 'nat-1' }, 'nat-1'],
    ['a Net access point', { NetAccessPointId: 'vpce-1', CreationMethod: 'CreateRoute' }, 'vpce-1'],
    ['a VM', { VmId: 'i-1', NicId: 'eni-1' }, 'i-1'],
    ['a network interface', { NicId: 'eni-1' }, 'eni-1'],
    ['nothing that is named', { CreationMethod: 'CreateRoute' }, ''],
  ])('shows a route to %s', (_what, target, expected) => {
    const route = { DestinationIpRange: '172.16.0.0/16', State: 'active', ...target };
    expect(shown(route, 'pcx-1')).toEqual({
      destination: '172.16.0.0/16',
      target: expected,
      state: 'active',
    });
  });

  it('shows what a route is worth, whatever OAPI calls it', () => {
    const route = { DestinationIpRange: '0.0.0.0/0', NetPeeringId: 'pcx-1', State: 'active' };
    expect(shown(route, 'pcx-1')?.state).toBe('active');
    expect(shown(route, 'pcx-2')?.state).toBe('blackhole');
    expect(shown({ ...route, State: 'blackhole' }, 'pcx-1')?.state).toBe('blackhole');
  });

  it('shows routes to services by the service', () => {
    expect(shown({ DestinationServiceId: 'pl-1', GatewayId: 'vpce-1' })?.destination).toBe('pl-1');
    expect(shown({})).toEqual({ destination: '', target: '', state: 'active' });
  });

  it('names the peerings that its routes lead to, each once', () => {
    const Routes = [{ NetPeeringId: 'pcx-1' }, { NetPeeringId: 'pcx-2' }, { GatewayId: 'igw-1' }];
    expect(routedPeerings([{ Routes }, { Routes: [{ NetPeeringId: 'pcx-1' }] }, {}])).toEqual([
      'pcx-1',
      'pcx-2',
    ]);
  });
});
