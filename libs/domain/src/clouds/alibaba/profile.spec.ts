import { describe, expect, it } from '@jest/globals';
import type { ObservedPeering, ObservedRouteTable } from '../../cloud-port.js';
import type { InstructionContext } from '../../cloud-profile.js';
import type { CloudSpec } from '../../cloud-spec.js';
import { decide, recordOutcome } from '../../engine/decide.js';
import { DEFAULT_ENGINE_SETTINGS } from '../../engine/decision.js';
import { startAttempt } from '../../intents.js';
import type { PeeringConnection, PlatformNetwork } from '../../peering-connection.js';
import { reasonMessage } from '../../reason.js';
import { alibabaProfile } from './profile.js';

const byConnection: CloudSpec = { kind: 'alibaba', requesterInstanceId: 'pcc-lnk0m24khwvtkm5x1y' };
const byVpc: CloudSpec = {
  kind: 'alibaba',
  requesterInstanceId: 'vpc-bp1gsk7h12ew7oegk0001',
  accountId: '253460731706911258',
};
const network: PlatformNetwork = {
  deploymentId: 'dep_1',
  cloud: 'alibaba',
  region: 'cn-hangzhou',
  accountId: '283117732402483989',
  vpcId: 'vpc-bp1vzjkp2q1xgnind0001',
  cidrs: ['10.11.0.0/16', '10.12.0.0/16'],
  routeTableIds: null,
  driftPolicy: 'repair',
};
const request: ObservedPeering = {
  providerId: 'pcc-lnk0m24khwvtkm5x1y',
  phase: 'pending_platform',
  providerState: 'Accepting',
  requester: {
    accountId: '253460731706911258',
    vpcId: 'vpc-bp1gsk7h12ew7oegk0001',
    region: 'cn-hangzhou',
    cidrs: ['172.16.0.0/16'],
  },
  accepter: {
    accountId: '283117732402483989',
    vpcId: 'vpc-bp1vzjkp2q1xgnind0001',
    region: 'cn-hangzhou',
    cidrs: ['10.11.0.0/16', '10.12.0.0/16'],
  },
};
const another: ObservedPeering = { ...request, providerId: 'pcc-00000000000000000a' };

describe('the profile of Alibaba Cloud', () => {
  it.each([
    ['requesterInstanceId', 'pcc-lnk0m24khwvtkm5x1y', true],
    ['requesterInstanceId', 'vpc-bp1gsk7h12ew7oegk0001', true],
    ['requesterInstanceId', 'vpc-BP1GSK7H12EW7', false],
    ['requesterInstanceId', 'pcx-0a1b2c3d4e5f60718', false],
    ['accountId', '253460731706911258', true],
    ['accountId', '1210123456123456', true],
    ['accountId', '0210123456123456', false],
    ['accountId', '12101', false],
  ])('takes for %s the value %s: %s', (name, value, fits) => {
    const field = alibabaProfile.fields.find((each) => each.name === name)!;
    expect(new RegExp(field.pattern).test(value)).toBe(fits);
    expect(new RegExp(field.pattern).test(field.example)).toBe(true);
  });

  it('finds a connection by its id, whatever has become of it', () => {
    const over: ObservedPeering = { ...request, phase: 'rejected' };
    expect(alibabaProfile.find(byConnection, [another, over], null)).toBe(over);
    expect(alibabaProfile.find(byConnection, [another], null)).toBeNull();
  });

  it('finds what a VPC asks for, not what it asked for before', () => {
    const over = { ...another, phase: 'expired' } as const;
    const foreign = { ...another, requester: { ...another.requester, vpcId: 'vpc-other' } };
    expect(alibabaProfile.find(byVpc, [foreign, over, request], null)).toBe(request);
    expect(alibabaProfile.find(byVpc, [foreign, over], null)).toBeNull();
  });

  it('stays with the connection that it was tied to', () => {
    const tied: ObservedPeering = { ...request, phase: 'gone' };
    expect(alibabaProfile.find(byVpc, [another, tied], tied.providerId)).toBe(tied);
    expect(alibabaProfile.find(byVpc, [another], tied.providerId)).toBeNull();
  });

  it('takes a request that matches for what was declared', () => {
    for (const spec of [byConnection, byVpc]) {
      expect(alibabaProfile.mismatches(spec, network, request)).toEqual([]);
    }
  });

  it.each<[string, CloudSpec, ObservedPeering, string]>([
    [
      'accountId',
      byVpc,
      { ...request, requester: { ...request.requester, accountId: '253460731706911260' } },
      'requester',
    ],
    [
      'requesterInstanceId',
      byVpc,
      { ...request, requester: { ...request.requester, vpcId: 'vpc-x' } },
      'requester',
    ],
    ['region', byVpc, { ...request, requester: { ...request.requester, region: 'cn-beijing' } }, 'requester'],
    [
      'accountId',
      byConnection,
      { ...request, accepter: { ...request.accepter, accountId: '1' } },
      'accepter',
    ],
    ['vpcId', byConnection, { ...request, accepter: { ...request.accepter, vpcId: 'vpc-x' } }, 'accepter'],
    [
      'region',
      byConnection,
      { ...request, accepter: { ...request.accepter, region: 'cn-beijing' } },
      'accepter',
    ],
  ])('names another %s', (field, spec, observed, side) => {
    expect(alibabaProfile.mismatches(spec, network, observed)).toMatchObject([{ side, field }]);
  });

  it.each(['en', 'zh'] as const)('tells what to do, filled in, in %s', (locale) => {
    const context: InstructionContext = {
      network,
      spec: byVpc,
      providerId: 'pcc-lnk0m24khwvtkm5x1y',
      customerCidrs: ['172.16.0.0/16'],
      locale,
    };
    const { instructions } = alibabaProfile;
    const request = instructions.createRequest(context);
    const route = instructions.addRoute(context);
    const rule = instructions.allowTraffic(context);
    for (const value of [network.accountId, network.vpcId, network.region, 'vpc-bp1gsk7h12ew7oegk0001']) {
      expect(JSON.stringify(request)).toContain(value);
    }
    for (const cidr of network.cidrs) {
      expect(route?.artifacts.cli).toContain(`--DestinationCidrBlock ${cidr}`);
      expect(route?.artifacts.terraform).toContain(`"${cidr}"`);
      expect(rule?.artifacts.cli).toContain(`--Permissions.1.SourceCidrIp ${cidr}`);
    }
    expect(route?.artifacts.terraform).toContain('"pcc-lnk0m24khwvtkm5x1y"');
    expect(instructions.addRoute({ ...context, providerId: null })).toBeNull();
    expect(instructions.approve(context)).toBeNull();
    for (const action of [request, route, rule]) {
      expect(Object.keys(action?.artifacts ?? {}).sort()).toEqual(['cli', 'console', 'terraform']);
      expect(/[\u4e00-\u9fff]/.test(action?.title ?? '')).toBe(locale === 'zh');
      expect(JSON.stringify(action)).not.toContain('undefined');
    }
  });
});

describe('a connection that was declared by its VPC', () => {
  const T0 = 1_700_000_000_000;
  const settings = DEFAULT_ENGINE_SETTINGS;
  const spec = { cloud: byVpc, cidrs: [] };
  let now = T0;

  /** Looks and decides, carrying out what is decided, until nothing is left to do at once. */
  function settle(
    start: PeeringConnection,
    peerings: readonly ObservedPeering[],
    tables: readonly ObservedRouteTable[] = [{ routeTableId: 'vtb-1', main: true, routes: [] }],
  ): { connection: PeeringConnection; actions: string[] } {
    let connection = start;
    const actions: string[] = [];
    for (let step = 0; step < 5; step++) {
      const peering = alibabaProfile.find(byVpc, peerings, connection.status.providerId);
      const sighting = { at: now, peering, routeTables: tables };
      const plan = { reserved: [], deploymentCidrs: network.cidrs, peers: [] };
      const input = { connection, network, profile: alibabaProfile, plan, sighting, settings, now };
      const { status, action, recheckInMs } = decide(input);
      connection = { ...connection, status };
      if (action === null && recheckInMs !== 0) break;
      if (action === null) continue;
      actions.push(`${action.kind} ${action.providerId}`);
      connection = { ...connection, status: recordOutcome(status, null, settings, now) };
    }
    return { connection, actions };
  }

  const fresh = (): PeeringConnection => ({
    id: 'peer_1',
    tenantId: 'ten_1',
    deploymentId: 'dep_1',
    cloud: 'alibaba',
    createdAt: T0,
    desired: 'present',
    spec,
    locked: false,
    status: startAttempt(alibabaProfile, spec, T0),
  });
  const routed: ObservedRouteTable[] = [
    {
      routeTableId: 'vtb-1',
      main: true,
      routes: [{ destination: '172.16.0.0/16', target: request.providerId, state: 'active' }],
    },
  ];

  it('says what it looks for while there is nothing', () => {
    now = T0;
    const { connection } = settle(fresh(), []);
    expect(connection.status.providerId).toBeNull();
    expect(reasonMessage(connection.status.reason, 'en')).toContain('vpc-bp1gsk7h12ew7oegk0001');
    now = T0 + settings.missingConfirmMs;
    const later = settle(connection, []).connection;
    expect(later.status).toMatchObject({ state: 'verifying', reason: { code: 'request_not_found' } });
    expect(reasonMessage(later.status.reason, 'en')).toContain('vpc-bp1gsk7h12ew7oegk0001');
  });

  it('is tied to what it finds first, and accepts nothing else in its place', () => {
    now = T0;
    const found = settle(fresh(), [request]);
    expect(found.actions).toEqual([`accept ${request.providerId}`]);
    now += 10_000;
    const up = settle(
      found.connection,
      [{ ...request, phase: 'active', providerState: 'Activated' }],
      routed,
    );
    expect(up.connection.status).toMatchObject({ state: 'running', providerId: request.providerId });

    // The customer deletes it and asks anew from the same VPC: that is another connection.
    now += 10_000;
    const gone: ObservedPeering = { ...request, phase: 'gone', providerState: 'Deleted' };
    const unrouted = [{ ...routed[0]!, routes: [] }];
    const doubted = settle(up.connection, [gone, another], unrouted);
    expect(doubted.connection.status).toMatchObject({ state: 'running', providerId: request.providerId });
    now += settings.missingConfirmMs;
    const ended = settle(doubted.connection, [gone, another], unrouted);
    expect(ended.actions).toEqual([]);
    expect(ended.connection.status).toMatchObject({ state: 'failed', reason: { code: 'deleted_by_peer' } });
  });

  it('removes its own routes and leaves alone what the VPC has asked for since', () => {
    now = T0;
    const found = settle(fresh(), [request]);
    now += 10_000;
    const programming = settle(found.connection, [
      { ...request, phase: 'active', providerState: 'Activated' },
    ]);
    expect(programming.actions[0]).toBe(`ensure_route ${request.providerId}`);
    now += 10_000;
    const gone: ObservedPeering = { ...request, phase: 'gone', providerState: 'Deleted' };
    const ending = settle(programming.connection, [gone, another], routed);
    expect(ending.actions[0]).toBe(`remove_route ${request.providerId}`);
  });
});
