import { describe, expect, it } from '@jest/globals';
import type { AddressPlan } from '../address-plan.js';
import type { CloudErrorInfo, ObservedPeering, ObservedRouteTable } from '../cloud-port.js';
import { profileOf } from '../clouds/profiles.js';
import { startAttempt, startDeletion } from '../intents.js';
import { nextActions } from '../next-actions.js';
import type { PeeringConnection, PeeringStatus, PlatformNetwork } from '../peering-connection.js';
import { decide, decideUnseen, recordOutcome } from './decide.js';
import { DEFAULT_ENGINE_SETTINGS as settings, type Decision } from './decision.js';

const T0 = 1_700_000_000_000;
const profile = profileOf('aws');
const spec = {
  cloud: {
    kind: 'aws',
    connectionId: 'pcx-00000001',
    accountId: '210987654321',
    vpcId: 'vpc-00000001',
  } as const,
  cidrs: [],
};
const network: PlatformNetwork = {
  deploymentId: 'dep_1',
  cloud: 'aws',
  region: 'eu-west-1',
  accountId: '123456789012',
  vpcId: 'vpc-0000000a',
  cidrs: ['10.11.0.0/16'],
  routeTableIds: null,
  driftPolicy: 'repair',
};
const plan: AddressPlan = {
  reserved: [{ id: 'rsv_1', from: '10.10.0.0', to: '10.64.255.255', version: 1 }],
  deploymentCidrs: ['10.11.0.0/16'],
  peers: [{ connectionId: 'peer_other', cidrs: ['192.168.0.0/16'] }],
};

function peering(
  overrides: Partial<ObservedPeering> = {},
  cidrs: readonly string[] = ['172.16.0.0/16'],
): ObservedPeering {
  return {
    providerId: 'pcx-00000001',
    phase: 'pending_platform',
    providerState: 'pending-acceptance',
    requester: { accountId: '210987654321', vpcId: 'vpc-00000001', region: 'eu-west-1', cidrs },
    accepter: {
      accountId: '123456789012',
      vpcId: 'vpc-0000000a',
      region: 'eu-west-1',
      cidrs: ['10.11.0.0/16'],
    },
    ...overrides,
  };
}
const active = (cidrs?: readonly string[]): ObservedPeering =>
  peering({ phase: 'active', providerState: 'active' }, cidrs);

function tables(...routes: ObservedRouteTable['routes']): ObservedRouteTable[] {
  return [{ routeTableId: 'rtb-1', main: true, routes }];
}
const ours = { destination: '172.16.0.0/16', target: 'pcx-00000001', state: 'active' } as const;

function connection(
  status: Partial<PeeringStatus> = {},
  rest: Partial<PeeringConnection> = {},
): PeeringConnection {
  return {
    id: 'peer_1',
    tenantId: 'ten_1',
    deploymentId: 'dep_1',
    cloud: 'aws',
    createdAt: T0,
    desired: 'present',
    spec,
    locked: false,
    ...rest,
    status: { ...startAttempt(profile, spec, T0), ...status },
  };
}
const running = (): PeeringConnection =>
  connection({
    state: 'running',
    verified: true,
    established: true,
    marked: true,
    lastSeen: { peering: active(), since: T0 },
    admittedCidrs: ['172.16.0.0/16'],
    routes: [{ routeTableId: 'rtb-1', destination: '172.16.0.0/16' }],
  });

/** A connection that runs, of which the cloud has shown this for a while. */
const runningAs = (seen: ObservedPeering): PeeringConnection => {
  const of = running();
  return {
    ...of,
    status: { ...of.status, lastSeen: { peering: seen, since: T0 - settings.missingConfirmMs } },
  };
};
const isWell: PeeringStatus['conditions'] = [
  { type: 'RoutesProgrammed', status: 'True', reason: 'programmed', lastTransitionAt: T0 },
];

interface Look {
  readonly of?: PeeringConnection;
  readonly seen: ObservedPeering | null;
  readonly routeTables?: ObservedRouteTable[] | null;
  readonly after?: number;
  readonly on?: Partial<PlatformNetwork>;
  readonly holders?: ReadonlyMap<string, string>;
}

function look({
  of = connection(),
  seen,
  routeTables = null,
  after = 1_000,
  on = {},
  holders = new Map(),
}: Look): Decision {
  return decide({
    connection: of,
    network: { ...network, ...on },
    profile,
    plan,
    sighting: { at: T0 + after, peering: seen, routeTables },
    holders,
    settings,
    now: T0 + after,
  });
}

/** What the customer reads, in short. */
const shown = ({ status, action }: Decision) => ({
  state: status.state,
  reason: status.reason.code,
  action: action?.kind ?? null,
});

describe('a request', () => {
  it.each<[string, Look, ReturnType<typeof shown>]>([
    [
      'is accepted when it matches',
      { seen: peering() },
      { state: 'accepting', reason: 'accept_in_progress', action: 'accept' },
    ],
    [
      'is looked for while the cloud may not show it yet',
      { seen: null },
      { state: 'verifying', reason: 'looking_for_request', action: null },
    ],
    [
      'is reported missing after a few seconds',
      { seen: null, after: 6_000 },
      { state: 'verifying', reason: 'request_not_found', action: null },
    ],
    [
      'fails when it never shows',
      { seen: null, after: settings.requestVisibleWithinMs },
      { state: 'failed', reason: 'request_not_found', action: null },
    ],
    [
      'of another account is left alone',
      { seen: peering({ requester: { ...peering().requester, accountId: '999999999999' } }) },
      { state: 'failed', reason: 'requester_mismatch', action: null },
    ],
    [
      'of another VPC is left alone',
      { seen: peering({ requester: { ...peering().requester, vpcId: 'vpc-0000beef' } }) },
      { state: 'failed', reason: 'requester_mismatch', action: null },
    ],
    [
      'from another region is left alone',
      { seen: peering({ requester: { ...peering().requester, region: 'us-east-1' } }) },
      { state: 'failed', reason: 'requester_mismatch', action: null },
    ],
    [
      'whose requester the cloud does not name is left alone',
      { seen: peering({ requester: { vpcId: 'vpc-00000001', region: 'eu-west-1', cidrs: [] } }) },
      { state: 'failed', reason: 'requester_mismatch', action: null },
    ],
    [
      'for another VPC of the platform is left alone',
      { seen: peering({ accepter: { ...peering().accepter, vpcId: 'vpc-0000000b' } }) },
      { state: 'failed', reason: 'accepter_mismatch', action: null },
    ],
    [
      'with a reserved block is not accepted',
      { seen: peering({}, ['10.10.0.0/24']) },
      { state: 'failed', reason: 'cidr_reserved', action: null },
    ],
    [
      'that overlaps another connection is not accepted',
      { seen: peering({}, ['192.168.4.0/24']) },
      { state: 'failed', reason: 'cidr_overlaps_peering', action: null },
    ],
    [
      'is set up by the cloud',
      { seen: peering({ phase: 'in_progress' }) },
      { state: 'provisioning', reason: 'provider_provisioning', action: null },
    ],
    [
      'that was rejected says so',
      { seen: peering({ phase: 'rejected' }) },
      { state: 'rejected', reason: 'rejected_by_platform', action: null },
    ],
    [
      'that expired says so',
      { seen: peering({ phase: 'expired' }) },
      { state: 'expired', reason: 'request_expired', action: null },
    ],
    [
      'that failed repeats what the cloud says',
      { seen: peering({ phase: 'failed' }) },
      { state: 'failed', reason: 'provider_failed', action: null },
    ],
    [
      'that the customer deleted says so',
      { seen: peering({ phase: 'gone' }) },
      { state: 'failed', reason: 'request_withdrawn', action: null },
    ],
  ])('%s', (_, input, expected) => {
    const decision = look(input);
    expect(shown(decision)).toEqual(expected);
    if (decision.status.state === 'failed') {
      const advice = nextActions({ ...connection(), status: decision.status }, network, profile, 'en');
      expect(advice.length).toBeGreaterThan(0);
    }
  });

  it('that turns out to carry a reserved block once it is active is taken down again', () => {
    const accepted = connection({ state: 'accepting', verified: true });
    const first = look({ of: accepted, seen: active(['10.12.0.0/16']), routeTables: tables() });
    expect(shown(first)).toEqual({ state: 'accepting', reason: 'removing_connection', action: 'delete' });
    const removed = { ...accepted, status: recordOutcome(first.status, null, settings, T0 + 1_100) };
    const second = look({
      of: removed,
      seen: peering({ phase: 'gone' }),
      routeTables: tables(),
      after: 1_200,
    });
    expect(shown(second)).toEqual({ state: 'failed', reason: 'cidr_reserved', action: null });
    expect(second.status).toMatchObject({ ending: null, routes: [], admittedCidrs: [] });
  });
});

describe('an active connection', () => {
  it('does not run before the cloud has brought its route about', () => {
    const accepted = connection({
      state: 'provisioning',
      verified: true,
      established: true,
      admittedCidrs: ['172.16.0.0/16'],
    });
    const pending = tables({ ...ours, state: 'pending' });
    expect(shown(look({ of: accepted, seen: active(), routeTables: pending }))).toMatchObject({
      state: 'provisioning',
      action: null,
    });
    expect(shown(look({ of: running(), seen: active(), routeTables: pending })).state).toBe('running');
  });

  it('gets its route, written down before the cloud is asked, and then runs', () => {
    const accepted = connection({ state: 'accepting', verified: true });
    const first = look({ of: accepted, seen: active(), routeTables: tables() });
    expect(shown(first)).toEqual({
      state: 'provisioning',
      reason: 'programming_routes',
      action: 'ensure_route',
    });
    expect(first.status.routes).toEqual([{ routeTableId: 'rtb-1', destination: '172.16.0.0/16' }]);
    const routed = { ...accepted, status: recordOutcome(first.status, null, settings, T0 + 1_100) };
    expect(shown(look({ of: routed, seen: active(), routeTables: tables(ours), after: 1_200 }))).toEqual({
      state: 'running',
      reason: 'ready',
      action: 'mark',
    });
  });

  it.each<[string, Look, ReturnType<typeof shown>]>([
    [
      'runs while all is well',
      { of: running(), seen: active(), routeTables: tables(ours) },
      { state: 'running', reason: 'ready', action: null },
    ],
    [
      'gets a lost route back',
      { of: running(), seen: active(), routeTables: tables() },
      { state: 'degraded', reason: 'route_missing', action: 'ensure_route' },
    ],
    [
      'gets a dead route replaced',
      { of: running(), seen: active(), routeTables: tables({ ...ours, state: 'blackhole' }) },
      { state: 'degraded', reason: 'route_blackhole', action: 'ensure_route' },
    ],
    [
      'only reports a lost route where the deployment wants that',
      { of: running(), seen: active(), routeTables: tables(), on: { driftPolicy: 'report' } },
      { state: 'degraded', reason: 'route_missing', action: null },
    ],
    [
      'never overwrites a foreign route',
      { of: running(), seen: active(), routeTables: tables({ ...ours, target: 'nat-1' }) },
      { state: 'degraded', reason: 'route_conflict', action: null },
    ],
    [
      'does not route a new block that collides',
      {
        of: runningAs(active(['172.16.0.0/16', '10.20.0.0/16'])),
        seen: active(['172.16.0.0/16', '10.20.0.0/16']),
        routeTables: tables(ours),
      },
      { state: 'degraded', reason: 'peer_cidr_conflict', action: null },
    ],
    [
      'routes a new block that does not',
      {
        of: runningAs(active(['172.16.0.0/16', '172.20.0.0/16'])),
        seen: active(['172.16.0.0/16', '172.20.0.0/16']),
        routeTables: tables(ours),
      },
      { state: 'degraded', reason: 'route_missing', action: 'ensure_route' },
    ],
    [
      'loses the route of a block that the peer dropped',
      {
        of: runningAs(active(['172.20.0.0/16'])),
        seen: active(['172.20.0.0/16']),
        routeTables: tables(ours, { ...ours, destination: '172.20.0.0/16' }),
      },
      { state: 'running', reason: 'ready', action: 'remove_route' },
    ],
    [
      'that the peer deleted fails, and its route goes',
      {
        of: runningAs(peering({ phase: 'gone' })),
        seen: peering({ phase: 'gone' }),
        routeTables: tables({ ...ours, state: 'blackhole' }),
      },
      { state: 'failed', reason: 'deleted_by_peer', action: 'remove_route' },
    ],
    [
      'that one look misses keeps running',
      { of: running(), seen: null, routeTables: tables(ours) },
      { state: 'running', reason: 'looking_for_request', action: null },
    ],
  ])('%s', (_, input, expected) => {
    expect(shown(look(input))).toEqual(expected);
  });

  it('that stays missing counts as deleted by the peer, and is never asked for again', () => {
    const missing = {
      ...running(),
      status: look({ of: running(), seen: null, routeTables: tables() }).status,
    };
    const later = look({
      of: missing,
      seen: null,
      routeTables: tables(),
      after: 1_000 + settings.missingConfirmMs,
    });
    expect(shown(later)).toEqual({ state: 'failed', reason: 'deleted_by_peer', action: null });
    expect(later.recheckInMs).toBeNull();
  });

  describe('of which one look says otherwise', () => {
    const well = running();
    const of = { ...well, status: { ...well.status, conditions: isWell } };
    const before = look({ of, seen: active(), routeTables: tables(ours), after: 500 });

    it.each<[string, Omit<Look, 'of'>]>([
      ['that it is gone', { seen: null, routeTables: tables(ours) }],
      ['that it is being deleted', { seen: peering({ phase: 'deleting' }), routeTables: tables(ours) }],
      ['that it was rejected', { seen: peering({ phase: 'rejected' }), routeTables: tables(ours) }],
      ['that it is pending', { seen: peering(), routeTables: tables(ours) }],
      [
        'that it is somebody else’s',
        { seen: { ...active(), requester: peering().accepter }, routeTables: tables(ours) },
      ],
      ['that it has other blocks', { seen: active(['172.20.0.0/16']), routeTables: tables(ours) }],
      ['that a block collides', { seen: active(['10.20.0.0/16']), routeTables: tables(ours) }],
      ['that its route is missing', { seen: active(), routeTables: tables() }],
      [
        'that its route leads nowhere',
        { seen: active(), routeTables: tables({ ...ours, state: 'blackhole' }) },
      ],
      [
        'that its route leads elsewhere',
        { seen: active(), routeTables: tables({ ...ours, target: 'nat-1' }) },
      ],
    ])('%s, it stays what it is, and is looked at again soon', (_, odd) => {
      const doubted = look({ ...odd, of: { ...of, status: before.status } });
      expect(shown(doubted)).toEqual(shown({ ...before, action: null }));
      expect(doubted.recheckInMs).toBeGreaterThan(0);
      expect(doubted.recheckInMs).toBeLessThanOrEqual(settings.missingConfirmMs);
      const again = look({
        of: { ...of, status: doubted.status },
        seen: active(),
        routeTables: tables(ours),
        after: 1_000 + (doubted.recheckInMs ?? 0),
      });
      expect(shown(again)).toEqual(shown({ ...before, action: null }));
      const settled = look({
        of: { ...of, status: again.status },
        seen: active(),
        routeTables: tables(ours),
        after: 60_000,
      });
      expect(settled.recheckInMs).toBe(settings.steadyMs);
      expect(settled.status.conditions).toContainEqual(
        expect.objectContaining({ type: 'RoutesProgrammed', status: 'True' }),
      );
    });

    it('that there are no route tables, its routes are not forgotten', () => {
      const blind = look({ of, seen: active(), routeTables: [] });
      expect(shown(blind)).toEqual({ state: 'running', reason: 'ready', action: null });
      const unwanted = {
        ...of,
        desired: 'absent' as const,
        status: startDeletion(blind.status, T0 + 2_000),
      };
      const deletion = look({ of: unwanted, seen: active(), routeTables: tables(ours), after: 2_000 });
      expect(shown(deletion).action).toBe('remove_route');
    });

    it('counts when the next ones say the same', () => {
      const doubted = look({ of, seen: active(), routeTables: tables() });
      const sure = look({
        of: { ...of, status: doubted.status },
        seen: active(),
        routeTables: tables(),
        after: 1_000 + settings.missingConfirmMs,
      });
      expect(shown(sure)).toEqual({ state: 'degraded', reason: 'route_missing', action: 'ensure_route' });
    });

    it('is not believed that a route is back which nobody has put back', () => {
      const on = { driftPolicy: 'report' } as const;
      const doubted = look({ of, seen: active(), routeTables: tables(), on });
      const later = 1_000 + settings.missingConfirmMs;
      const lost = look({
        of: { ...of, status: doubted.status },
        seen: active(),
        routeTables: tables(),
        on,
        after: later,
      });
      expect(shown(lost)).toEqual({ state: 'degraded', reason: 'route_missing', action: null });
      const old = look({
        of: { ...of, status: lost.status },
        seen: active(),
        routeTables: tables(ours),
        on,
        after: later + 60_000,
      });
      expect(shown(old)).toEqual({ state: 'degraded', reason: 'route_missing', action: null });
      const back = look({
        of: { ...of, status: old.status },
        seen: active(),
        routeTables: tables(ours),
        on,
        after: later + 60_000 + settings.missingConfirmMs,
      });
      expect(shown(back)).toEqual({ state: 'running', reason: 'ready', action: null });
    });
  });

  describe('where a repair is asked about', () => {
    const on = { driftPolicy: 'ask' } as const;
    const broken = look({ of: running(), seen: active(), routeTables: tables(), on });

    it('waits for a yes, and does it then', () => {
      expect(shown(broken)).toEqual({ state: 'degraded', reason: 'route_missing', action: null });
      const of = { ...running(), status: { ...broken.status, repairGranted: true } };
      const repaired = look({ of, seen: active(), routeTables: tables(), on, after: 2_000 });
      expect(shown(repaired).action).toBe('ensure_route');
      const done = {
        ...of,
        status: recordOutcome(repaired.status, null, settings, T0 + 2_000),
      };
      const well = look({ of: done, seen: active(), routeTables: tables(ours), on, after: 3_000 });
      expect(shown(well)).toEqual({ state: 'running', reason: 'ready', action: null });
      expect(well.status.repairGranted).toBe(false);
    });

    it('routes a new block without being told', () => {
      const seen = active(['172.16.0.0/16', '172.20.0.0/16']);
      const added = look({ of: runningAs(seen), seen, routeTables: tables(), on });
      expect(added.action).toMatchObject({ kind: 'ensure_route', destination: '172.20.0.0/16' });
    });
  });

  it('that is locked is watched but not changed', () => {
    const locked = look({ of: { ...running(), locked: true }, seen: active(), routeTables: tables() });
    expect(shown(locked)).toEqual({ state: 'degraded', reason: 'route_missing', action: null });
  });
});

describe('a change that the cloud refuses', () => {
  const refused: CloudErrorInfo = {
    category: 'quota',
    code: 'ActiveVpcPeeringConnectionPerVpcLimitExceeded',
    message: 'limit reached',
    operation: 'AcceptVpcPeeringConnection',
    requestId: 'req-1',
  };

  it('is shown as the reason and repeated with growing distance', () => {
    let of = connection();
    const waits: number[] = [];
    for (let after = 1_000; waits.length < 4;) {
      const decision = look({ of, seen: peering(), after });
      of = {
        ...of,
        status: decision.action
          ? recordOutcome(decision.status, refused, settings, T0 + after)
          : decision.status,
      };
      if (decision.action) continue;
      expect(shown(decision)).toMatchObject({ state: 'accepting', reason: 'provider_quota' });
      waits.push(decision.recheckInMs ?? 0);
      after += decision.recheckInMs ?? 0;
    }
    expect(waits).toEqual([500, 1_000, 2_000, 4_000]);
  });

  it('is looked at every minute while it waits for longer to be repeated', () => {
    const first = look({ seen: peering() });
    const failed = recordOutcome(first.status, refused, settings, T0 + 1_000);
    const often = { ...failed, intent: { ...failed.intent!, attempts: 20 } };
    const waiting = look({ of: { ...connection(), status: often }, seen: peering(), after: 2_000 });
    expect(waiting).toMatchObject({ action: null, recheckInMs: settings.inFlightMs });
    const soon = 1_000 + settings.retryMaxMs;
    const again = look({ of: { ...connection(), status: waiting.status }, seen: peering(), after: soon });
    expect(again.action).toEqual(first.action);
  });

  it('carries one token through all attempts of one change', () => {
    const first = look({ seen: peering() });
    const failed = { ...connection(), status: recordOutcome(first.status, refused, settings, T0 + 1_000) };
    const second = look({ of: failed, seen: peering(), after: 60_000 });
    expect(second.action).toEqual(first.action);
    expect(second.status.intent).toMatchObject({ token: first.status.intent?.token, attempts: 2 });
  });

  it('that was made and is needed again carries another token: the cloud would answer the old one without doing it', () => {
    const first = look({ seen: peering() });
    const made = { ...connection(), status: recordOutcome(first.status, null, settings, T0 + 1_000) };
    const again = look({ of: made, seen: peering(), after: 60_000 });
    expect(again.action).toEqual(first.action);
    expect(again.status.intent).toMatchObject({ attempts: 1 });
    expect(again.status.intent?.token).not.toBe(first.status.intent?.token);
  });

  it('whose answer was lost is not repeated before the cloud can show its effect', () => {
    const first = look({ seen: peering() });
    const lost: CloudErrorInfo = { ...refused, category: 'transient', code: 'ECONNRESET' };
    const unsure = { ...connection(), status: first.status };
    expect(shown(look({ of: unsure, seen: peering(), after: 1_100 })).action).toBeNull();
    const failed = { ...connection(), status: recordOutcome(first.status, lost, settings, T0 + 1_050) };
    expect(shown(look({ of: failed, seen: peering(), after: 1_100 }))).toMatchObject({
      reason: 'accept_in_progress',
      action: null,
    });
  });
});

describe('a look that fails', () => {
  const outage: CloudErrorInfo = {
    category: 'transient',
    code: 'ECONNREFUSED',
    message: '',
    operation: 'Describe',
  };

  it('changes nothing at first and marks the connection stale later', () => {
    const { status } = running();
    expect(decideUnseen(status, T0, outage, settings, T0 + settings.staleAfterMs - 1)).toBe(status);
    const stale = decideUnseen(status, T0, outage, settings, T0 + settings.staleAfterMs);
    expect(stale.state).toBe('running');
    expect(stale.conditions.find((condition) => condition.type === 'Fresh')).toMatchObject({
      status: 'Unknown',
    });
  });

  it("names a refusal of the platform's own account at once, and keeps the state", () => {
    const { status } = running();
    const refused = { ...outage, category: 'auth', code: 'AuthFailure' } as const;
    expect(decideUnseen(status, T0, refused, settings, T0 + 1)).toMatchObject({
      state: 'running',
      reason: { code: 'platform_access_denied' },
    });
  });
});

describe('deletion', () => {
  const unwanted = (of: PeeringConnection): PeeringConnection => ({
    ...of,
    desired: 'absent',
    status: startDeletion(of.status, T0),
  });

  it.each<[string, Look, ReturnType<typeof shown>]>([
    [
      'takes the route first',
      { of: unwanted(running()), seen: active(), routeTables: tables(ours) },
      { state: 'deleting', reason: 'removing_routes', action: 'remove_route' },
    ],
    [
      'then the connection',
      { of: unwanted(running()), seen: active(), routeTables: tables() },
      { state: 'deleting', reason: 'removing_connection', action: 'delete' },
    ],
    [
      'rejects a request that is still pending',
      { of: unwanted(connection()), seen: peering() },
      { state: 'deleting', reason: 'removing_connection', action: 'reject' },
    ],
    [
      'leaves a request of somebody else alone',
      {
        of: unwanted(connection()),
        seen: peering({ requester: { ...peering().requester, accountId: '999999999999' } }),
      },
      { state: 'deleted', reason: 'removed', action: null },
    ],
    [
      'leaves a route of somebody else alone',
      {
        of: unwanted(running()),
        seen: peering({ phase: 'gone' }),
        routeTables: tables({ ...ours, target: 'nat-1' }),
      },
      { state: 'deleted', reason: 'removed', action: null },
    ],
    [
      'has nothing to do for a failed request',
      { of: unwanted(connection()), seen: peering({ phase: 'failed' }) },
      { state: 'deleted', reason: 'removed', action: null },
    ],
    [
      'waits while the cloud is deleting',
      { of: unwanted(running()), seen: peering({ phase: 'deleting' }), routeTables: tables() },
      { state: 'deleting', reason: 'removing_connection', action: null },
    ],
  ])('%s', (_, input, expected) => {
    expect(shown(look(input))).toEqual(expected);
  });

  it('of a draft is immediate', () => {
    const draft = { cloud: { kind: 'aws' } as const, cidrs: [] };
    const of = connection({}, { spec: draft });
    const gone = look({
      of: { ...unwanted({ ...of, status: startAttempt(profile, draft, T0) }) },
      seen: null,
    });
    expect(shown(gone)).toEqual({ state: 'deleted', reason: 'removed', action: null });
  });
});

describe('what another connection holds', () => {
  const holders = new Map([['pcx-00000001', 'peer_2']]);

  it('is not taken by a second one', () => {
    expect(shown(look({ seen: active(), holders }))).toEqual({
      state: 'failed',
      reason: 'request_in_use',
      action: null,
    });
  });

  it('is not removed when an ended one is deleted', () => {
    const seen = peering({ phase: 'failed' });
    const ended = connection({
      state: 'failed',
      lastSeen: { peering: seen, since: T0 },
      providerId: seen.providerId,
    });
    const of = { ...ended, desired: 'absent' as const, status: startDeletion(ended.status, T0) };
    expect(of.status.released).toBe(true);
    expect(shown(look({ of, seen: active(), holders }))).toEqual({
      state: 'deleted',
      reason: 'removed',
      action: null,
    });
  });
});

describe('a look that is older than the last change', () => {
  it('does not make a route that was just added be left behind', () => {
    const first = look({
      of: connection({ state: 'accepting', verified: true }),
      seen: active(),
      routeTables: tables(),
    });
    const made = recordOutcome(first.status, null, settings, T0 + 1_100);
    const of = { ...connection(), desired: 'absent' as const, status: startDeletion(made, T0 + 1_150) };
    const early = look({ of, seen: active(), routeTables: tables(), after: 1_200 });
    expect(early).toMatchObject({
      action: null,
      status: { state: 'deleting', routes: [{ routeTableId: 'rtb-1' }] },
    });
    const later = look({
      of: { ...of, status: early.status },
      seen: active(),
      routeTables: tables(ours),
      after: 4_000,
    });
    expect(later.action?.kind).toBe('remove_route');
  });
});

describe('a request that is addressed to another network', () => {
  it('is told as such, and nothing of whose it is', () => {
    const { status } = look({
      seen: peering({ accepter: { ...peering().accepter, vpcId: 'vpc-0000000b' } }, ['172.30.0.0/16']),
    });
    expect(status.reason.code).toBe('accepter_mismatch');
    expect(JSON.stringify({ ...status, reason: status.reason })).not.toMatch(
      /vpc-0000000b|210987654321|172\.30\./,
    );
  });
});
