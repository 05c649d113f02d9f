import { describe, expect, it } from '@jest/globals';
import { VpcPeeringConnectionStateReasonCode, type Route } from '@aws-sdk/client-ec2';
import type { ObservedRoute, ProviderPhase } from '#domain';
import { AWS_STATES, phaseOf, toObservedPeering, toObservedRouteTable, vpcCidrs } from './status.js';

describe('Status codes', () => {
  const phases: Record<VpcPeeringConnectionStateReasonCode, ProviderPhase> = {
    'initiating-request': 'pending_platform',
    'pending-acceptance': 'pending_platform',
    provisioning: 'in_progress',
    active: 'active',
    rejected: 'rejected',
    expired: 'expired',
    failed: 'failed',
    deleting: 'deleting',
    deleted: 'gone',
  };

  it.each(Object.entries(phases))('%s means %s', (code, phase) => expect(phaseOf(code)).toBe(phase));

  it('are all that the SDK knows', () => {
    expect(Object.keys(AWS_STATES).sort()).toEqual(Object.values(VpcPeeringConnectionStateReasonCode).sort());
  });

  it.each(['quarantined', 'constructor', ''])(
    'that nobody documented (%p) lead to nothing but looking',
    (code) => expect(phaseOf(code)).toBe('in_progress'),
  );
});

describe('A peering connection', () => {
  it('shows everything that EC2 tells', () => {
    const expiration = new Date('2026-11-27T10:00:00Z');
    expect(
      toObservedPeering({
        VpcPeeringConnectionId: 'pcx-1',
        Status: { Code: 'active', Message: 'Active' },
        ExpirationTime: expiration,
        RequesterVpcInfo: {
          OwnerId: '012345678901',
          VpcId: 'vpc-c',
          Region: 'eu-west-1',
          CidrBlock: '172.16.0.0/16',
          CidrBlockSet: [{ CidrBlock: '172.20.0.0/16' }, { CidrBlock: '172.16.0.0/16' }],
        },
        AccepterVpcInfo: { OwnerId: '111122223333', VpcId: 'vpc-p', Region: 'eu-west-1' },
        Tags: [
          { Key: 'Name', Value: 'x' },
          { Key: 'peering-broker:connection', Value: 'peer_1' },
        ],
      }),
    ).toEqual({
      providerId: 'pcx-1',
      phase: 'active',
      providerState: 'active',
      providerMessage: 'Active',
      requester: {
        accountId: '012345678901',
        vpcId: 'vpc-c',
        region: 'eu-west-1',
        cidrs: ['172.16.0.0/16', '172.20.0.0/16'],
      },
      accepter: { accountId: '111122223333', vpcId: 'vpc-p', region: 'eu-west-1', cidrs: [] },
      expiresAt: expiration.getTime(),
      mark: 'peer_1',
    });
  });

  it('invents nothing that EC2 leaves out', () => {
    expect(toObservedPeering({ VpcPeeringConnectionId: 'pcx-1', Status: { Code: 'deleted' } })).toEqual({
      providerId: 'pcx-1',
      phase: 'gone',
      providerState: 'deleted',
      requester: { cidrs: [] },
      accepter: { cidrs: [] },
    });
    expect(toObservedPeering({ VpcPeeringConnectionId: 'pcx-1' })).toBeNull();
  });

  it('is the same whatever the order of its blocks', () => {
    const withBlocks = (...blocks: string[]) =>
      toObservedPeering({
        VpcPeeringConnectionId: 'pcx-1',
        Status: { Code: 'active' },
        RequesterVpcInfo: { CidrBlockSet: blocks.map((CidrBlock) => ({ CidrBlock })) },
      });
    expect(withBlocks('10.0.0.0/16', '10.1.0.0/16')).toEqual(withBlocks('10.1.0.0/16', '10.0.0.0/16'));
  });
});

describe('A VPC', () => {
  it('has the blocks that are, or are about to be, in use', () => {
    const block = (cidr: string, State: 'associated' | 'associating' | 'disassociated' | 'failed') => ({
      CidrBlock: cidr,
      CidrBlockState: { State },
    });
    expect(
      vpcCidrs({
        CidrBlock: '10.1.0.0/16',
        CidrBlockAssociationSet: [
          block('10.1.0.0/16', 'associated'),
          block('10.2.0.0/16', 'associating'),
          block('10.3.0.0/16', 'disassociated'),
          block('10.4.0.0/16', 'failed'),
        ],
      }),
    ).toEqual(['10.1.0.0/16', '10.2.0.0/16']);
  });
});

describe('A route table', () => {
  const shown = (route: Route): ObservedRoute | undefined =>
    toObservedRouteTable({ RouteTableId: 'rtb-1', Routes: [route] })?.routes[0];

  it('says whether it is the main one', () => {
    expect(toObservedRouteTable({ RouteTableId: 'rtb-1', Associations: [{ Main: true }] })).toEqual({
      routeTableId: 'rtb-1',
      main: true,
      routes: [],
    });
    expect(toObservedRouteTable({ RouteTableId: 'rtb-1' })?.main).toBe(false);
    expect(toObservedRouteTable({})).toBeNull();
  });

  it.each([
    ['a peering', { VpcPeeringConnectionId: 'pcx-1' }, 'pcx-1'],
    ['the VPC itself', { GatewayId: 'local' }, 'local'],
    ['an internet gateway', { GatewayId: 'igw-1' }, 'igw-1'],
    ['a NAT gateway', { NatGatewayId: 'nat-1' }, 'nat-1'],
    ['a transit gateway', { TransitGatewayId: 'tgw-1' }, 'tgw-1'],
    ['an instance', { InstanceId: 'i-1', NetworkInterfaceId: 'eni-1' }, 'i-1'],
    ['an interface', { NetworkInterfaceId: 'eni-1' }, 'eni-1'],
    ['an egress-only gateway', { EgressOnlyInternetGatewayId: 'eigw-1' }, 'eigw-1'],
    ['a local gateway', { LocalGatewayId: 'lgw-1' }, 'lgw-1'],
    ['a carrier gateway', { CarrierGatewayId: 'cagw-1' }, 'cagw-1'],
    ['a core network', { CoreNetworkArn: 'arn:aws:networkmanager::1:core-network/c' }, /core-network/],
    ['nothing that is named', {}, ''],
  ] as const)('shows a route to %s', (_what, target, expected) => {
    const route = shown({ DestinationCidrBlock: '172.16.0.0/16', State: 'active', ...target });
    expect(route?.target).toMatch(expected === '' ? /^$/ : expected);
  });

  it.each([
    ['active', 'active'],
    ['blackhole', 'blackhole'],
    ['filtered', 'disabled'],
    [undefined, 'active'],
  ] as const)('shows a route that is %s as %s', (State, state) => {
    expect(shown({ DestinationCidrBlock: '0.0.0.0/0', ...(State && { State }) })?.state).toBe(state);
  });

  it.each([
    [{ DestinationCidrBlock: '172.16.0.0/16' }, '172.16.0.0/16'],
    [{ DestinationIpv6CidrBlock: '2001:db8::/32' }, '2001:db8::/32'],
    [{ DestinationPrefixListId: 'pl-1' }, 'pl-1'],
  ])('shows %p', (route, destination) => expect(shown(route)?.destination).toBe(destination));
});
