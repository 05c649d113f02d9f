/** Looks that come too early, show an end for a moment only, or show what has come to the place since. */
import { describe, expect, it } from '@jest/globals';
import type { ObservedPeering, ObservedRoute } from '../cloud-port.js';
import { profileOf } from '../clouds/profiles.js';
import { startAttempt, startDeletion } from '../intents.js';
import type { Intent, PeeringConnection, PeeringStatus, PlatformNetwork } from '../peering-connection.js';
import { decide } from './decide.js';
import { DEFAULT_ENGINE_SETTINGS, type Decision } from './decision.js';

const NOW = 1_000_000_000;
const TABLE = 'rtb-1';

const network: PlatformNetwork = {
  deploymentId: 'dep_1',
  cloud: 'aws',
  region: 'eu-west-1',
  accountId: '123456789012',
  vpcId: 'vpc-0000000a',
  cidrs: ['10.11.0.0/16'],
  routeTableIds: [TABLE],
  driftPolicy: 'repair',
};
const SPEC = {
  kind: 'aws',
  connectionId: 'pcx-00000001',
  accountId: '210987654321',
  vpcId: 'vpc-00000001',
} as const;
const CCN = { kind: 'tencent', ccnId: 'ccn-00000001', ccnOwnerUin: '210987654321' } as const;

function active(cidrs: readonly string[]): ObservedPeering {
  return {
    providerId: SPEC.connectionId,
    phase: 'active',
    providerState: 'active',
    requester: { accountId: SPEC.accountId, vpcId: SPEC.vpcId, region: network.region, cidrs },
    accepter: { accountId: network.accountId, vpcId: network.vpcId, region: network.region, cidrs: [] },
  };
}

function routeTo(destination: string): ObservedRoute {
  return { destination, target: SPEC.connectionId, state: 'active' };
}

/** A connection that runs with these blocks routed. */
function running(cidrs: readonly string[], more: Partial<PeeringStatus> = {}): PeeringConnection {
  const spec = { cloud: SPEC, cidrs: [] };
  const status: PeeringStatus = {
    ...startAttempt(profileOf('aws'), spec, NOW - 600_000),
    state: 'running',
    reason: { code: 'ready', params: { cidrs: cidrs.join(', ') }, since: NOW - 500_000 },
    lastSeen: { peering: active(cidrs), since: NOW - 500_000 },
    conditions: [
      { type: 'RoutesProgrammed', status: 'True', reason: 'programmed', lastTransitionAt: NOW - 500_000 },
    ],
    verified: true,
    established: true,
    marked: true,
    admittedCidrs: cidrs,
    routes: cidrs.map((destination) => ({ routeTableId: TABLE, destination })),
    ...more,
  };
  return {
    id: 'peer_1',
    tenantId: 'ten_1',
    deploymentId: network.deploymentId,
    cloud: 'aws',
    createdAt: NOW - 600_000,
    desired: 'present',
    locked: false,
    spec,
    status,
  };
}

function made(destination: string, at: number): Intent {
  return {
    action: { kind: 'ensure_route', providerId: SPEC.connectionId, routeTableId: TABLE, destination },
    token: 'token',
    firstAt: at,
    lastAt: at,
    attempts: 1,
    outcome: { ok: true, at },
  };
}

function look(
  connection: PeeringConnection,
  peering: ObservedPeering | null,
  routes: readonly ObservedRoute[],
  now: number,
  at = now,
): Decision {
  return decide({
    connection,
    network: { ...network, cloud: connection.cloud },
    profile: profileOf(connection.cloud),
    plan: { reserved: [], deploymentCidrs: network.cidrs, peers: [] },
    sighting: { at, peering, routeTables: [{ routeTableId: TABLE, main: true, routes }] },
    settings: DEFAULT_ENGINE_SETTINGS,
    now,
  });
}

describe('a route that a look does not show yet', () => {
  const [before, after] = ['172.16.0.0/16', '172.17.0.0/16'] as const;
  const changed = { lastSeen: { peering: active([after]), since: NOW - 60_000 } };

  it('stays on record although its block is gone, and is removed once it shows', () => {
    const connection = running([before], { ...changed, intent: made(before, NOW - 100) });
    const early = look(connection, active([after]), [], NOW);
    expect(early.status.routes).toContainEqual({ routeTableId: TABLE, destination: before });

    const later = look(
      { ...connection, status: early.status },
      active([after]),
      [routeTo(before)],
      NOW + 10_000,
    );
    expect(later.action).toMatchObject({ kind: 'remove_route', destination: before });
  });

  it('is looked for soon when nothing else is to be done', () => {
    const routes = [before, after].map((destination) => ({ routeTableId: TABLE, destination }));
    const connection = running([after], { ...changed, routes, intent: made(before, NOW - 100) });
    const { recheckInMs, status } = look(connection, active([after]), [routeTo(after)], NOW);
    expect(status.state).toBe('running');
    expect(recheckInMs).toBe(profileOf('aws').capabilities.consistencyMs - 100);
  });

  it('is let go when it does not show after the time that it takes', () => {
    const routes = [before, after].map((destination) => ({ routeTableId: TABLE, destination }));
    const connection = running([after], { ...changed, routes, intent: made(before, NOW - 10_000) });
    const { status } = look(connection, active([after]), [routeTo(after)], NOW);
    expect(status.routes).toEqual([{ routeTableId: TABLE, destination: after }]);
  });

  it('keeps a deletion waiting, whatever was changed last', () => {
    const mark: Intent = {
      ...made(before, NOW - 100),
      action: { kind: 'mark', providerId: SPEC.connectionId },
    };
    const present = running([before], { intent: mark });
    const connection: PeeringConnection = {
      ...present,
      desired: 'absent',
      status: startDeletion(present.status, NOW),
    };
    const { action, status } = look(connection, active([before]), [], NOW);
    expect(action).toBeNull();
    expect(status.routes).toEqual([{ routeTableId: TABLE, destination: before }]);
  });
});

describe('a look that comes too early for our acceptance', () => {
  const accepted: Intent = {
    ...made('', NOW - 100),
    action: { kind: 'accept', providerId: SPEC.connectionId },
  };
  const pending: ObservedPeering = {
    ...active(['10.11.0.0/24']),
    phase: 'pending_platform',
    providerState: 'pending-acceptance',
  };
  const connection = running([], {
    state: 'accepting',
    established: false,
    intent: accepted,
    conditions: [],
  });

  it('ends nothing as if nothing had been accepted', () => {
    const early = look(connection, pending, [], NOW);
    expect(early.status.ending).toMatchObject({
      state: 'failed',
      reason: { code: 'cidr_overlaps_deployment' },
    });
    expect(early.status.state).toBe('accepting');

    const up = { ...pending, phase: 'active' } as const;
    const later = look({ ...connection, status: early.status }, up, [], NOW + 5_000);
    expect(later.action).toEqual({ kind: 'delete', providerId: SPEC.connectionId });
  });
});

describe('a look that took long', () => {
  it('counts from when it began: what it missed may have come since', () => {
    const connection = running([], { missingSince: NOW - 10_000 });
    const slow = look(connection, null, [], NOW, NOW - 9_000);
    expect(slow.status.state).toBe('running');
    const quick = look(connection, null, [], NOW);
    expect(quick.status.state).toBe('failed');
  });
});

describe('an application whose answer was lost after a long wait', () => {
  it('leaves the customer the window from when it can have been made', () => {
    const spec = { cloud: CCN, cidrs: [] };
    const status = startAttempt(profileOf('tencent'), spec, NOW - 40_000);
    const action = {
      kind: 'request_attachment',
      providerId: CCN.ccnId,
      ownerAccountId: CCN.ccnOwnerUin,
    } as const;
    const error = { category: 'transient', code: 'ECONNRESET', message: '', operation: '' } as const;
    const outcome = { ok: false, at: NOW - 100, error } as const;
    const intent: Intent = { ...made('', NOW - 30_000), action, outcome };
    const connection = { ...running([]), cloud: 'tencent', spec, status: { ...status, intent } } as const;
    const pending: ObservedPeering = {
      providerId: CCN.ccnId,
      phase: 'pending_customer',
      providerState: 'PENDING',
      requester: { accountId: network.accountId, vpcId: network.vpcId, region: network.region, cidrs: [] },
      accepter: { accountId: CCN.ccnOwnerUin, vpcId: CCN.ccnId, cidrs: [] },
      mark: connection.id,
    };
    const { deadline } = look(connection, pending, [], NOW).status;
    expect(deadline?.at).toBe(NOW - 10_100 + DEFAULT_ENGINE_SETTINGS.approvalWindowMs);
  });
});

describe('an end that is shown once, and then nothing', () => {
  it('is one all the same', () => {
    const cidrs = ['172.16.0.0/16'];
    const connection = running(cidrs);
    const gone: ObservedPeering = { ...active([]), phase: 'gone', providerState: 'deleted' };
    let { status } = look(connection, gone, [routeTo('172.16.0.0/16')], NOW);
    for (let at = NOW + 4_500; at < NOW + 40_000; at += 4_500) {
      ({ status } = look({ ...connection, status }, null, [], at));
    }
    expect(status.state).toBe('failed');
    expect(status.reason.code).toBe('deleted_by_peer');
  });
});

describe('a request whose end was seen while an earlier one was taken back', () => {
  it('is over once it is gone, too', () => {
    const deleted: ObservedPeering = { ...active([]), phase: 'gone', providerState: 'deleted' };
    const lastSeen = { peering: deleted, since: NOW - 1_000 };
    const early = {
      state: 'verifying',
      verified: false,
      established: false,
      conditions: [],
      lastSeen,
    } as const;
    const connection = running([], early);
    let { status } = connection;
    for (let at = NOW; at < NOW + 40_000; at += 4_500) {
      ({ status } = look({ ...connection, status }, null, [], at));
    }
    expect(status).toMatchObject({ state: 'failed', reason: { code: 'request_withdrawn' } });
  });
});

describe('what somebody else has put in the place of our attachment', () => {
  const spec = { cloud: CCN, cidrs: [] };
  const attachment = (incarnation: string, mark?: string): ObservedPeering => ({
    providerId: CCN.ccnId,
    phase: 'active',
    providerState: 'ACTIVE',
    requester: { accountId: network.accountId, vpcId: network.vpcId, region: network.region, cidrs: [] },
    accepter: { accountId: CCN.ccnOwnerUin, vpcId: CCN.ccnId, cidrs: ['172.16.0.0/16'] },
    incarnation,
    ...(mark === undefined ? {} : { mark }),
  });
  const foreign = attachment('2');
  const attached = (more: Partial<PeeringStatus>): PeeringConnection => ({
    ...running([]),
    cloud: 'tencent',
    spec,
    status: { ...startAttempt(profileOf('tencent'), spec, NOW - 600_000), verified: true, ...more },
  });
  const deleted = (connection: PeeringConnection): PeeringConnection => ({
    ...connection,
    desired: 'absent',
    status: startDeletion(connection.status, NOW),
  });

  it('is not taken away with a connection that was over before', () => {
    const { action, status } = look(deleted(attached({ state: 'expired' })), foreign, [], NOW + 1_000);
    expect(action).toBeNull();
    expect(status.state).toBe('deleted');
  });

  it('is not taken away with a connection that was up when it was last looked at', () => {
    const lastSeen = { peering: attachment('1', 'peer_1'), since: NOW - 400_000 };
    const up = attached({ state: 'running', established: true, lastSeen });
    const { action, status } = look(deleted(up), foreign, [], NOW + 1_000);
    expect(action).toBeNull();
    expect(status.state).toBe('deleted');
  });

  it('ends a connection that is wanted as what its owner has removed', () => {
    const lastSeen = { peering: attachment('1', 'peer_1'), since: NOW - 400_000 };
    const connection = attached({ state: 'running', established: true, lastSeen });
    const first = look(connection, foreign, [], NOW);
    const { action, status } = look({ ...connection, status: first.status }, foreign, [], NOW + 10_000);
    expect(action).toBeNull();
    expect(status).toMatchObject({ state: 'failed', reason: { code: 'deleted_by_peer' } });
  });

  it('is still ours when it has only lost its mark', () => {
    const lastSeen = { peering: attachment('1', 'peer_1'), since: NOW - 400_000 };
    const up = attached({ state: 'running', established: true, lastSeen });
    const { action } = look(deleted(up), attachment('1'), [], NOW + 1_000);
    expect(action).toMatchObject({ kind: 'withdraw_attachment', providerId: CCN.ccnId });
  });

  it('is no reason to give up when it was only left from an earlier application', () => {
    const lastSeen = {
      peering: { ...attachment('1', 'peer_1'), phase: 'rejected' } as const,
      since: NOW - 20_000,
    };
    const connection = attached({ state: 'requesting', verified: false, lastSeen });
    const { action } = look(connection, null, [], NOW);
    expect(action).toMatchObject({ kind: 'request_attachment', providerId: CCN.ccnId });
  });
});
