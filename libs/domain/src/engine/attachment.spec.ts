/** The way of a connection where the platform asks and the customer approves within a window. */
import { describe, expect, it } from '@jest/globals';
import type { AddressPlan } from '../address-plan.js';
import type { CloudErrorInfo, ObservedPeering, ObservedRouteTable, ProviderPhase } from '../cloud-port.js';
import { tencentProfile as profile } from '../clouds/tencent/profile.js';
import { startAttempt, startDeletion } from '../intents.js';
import { nextActions } from '../next-actions.js';
import type { PeeringConnection, PlatformNetwork } from '../peering-connection.js';
import { decide, recordOutcome } from './decide.js';
import { DEFAULT_ENGINE_SETTINGS as settings, type Decision } from './decision.js';

const T0 = 1_700_000_000_000;
const WINDOW = settings.approvalWindowMs;
const CCN = 'ccn-f49l6u0z';
const spec = {
  cloud: { kind: 'tencent', ccnId: CCN, ccnOwnerUin: '100033334444' } as const,
  cidrs: [],
};
const network: PlatformNetwork = {
  deploymentId: 'dep_1',
  cloud: 'tencent',
  region: 'ap-guangzhou',
  accountId: '100011112222',
  vpcId: 'vpc-azd4dt1c',
  cidrs: ['10.11.0.0/16'],
  routeTableIds: null,
  driftPolicy: 'repair',
};
const plan: AddressPlan = {
  reserved: [{ id: 'rsv_1', from: '10.10.0.0', to: '10.64.255.255', version: 1 }],
  deploymentCidrs: ['10.11.0.0/16'],
  peers: [],
};

function attachment(phase: ProviderPhase, rest: Partial<ObservedPeering> = {}): ObservedPeering {
  return {
    providerId: CCN,
    phase,
    providerState: phase,
    requester: {
      accountId: network.accountId,
      vpcId: network.vpcId,
      region: network.region,
      cidrs: network.cidrs,
    },
    accepter: {
      accountId: '100033334444',
      vpcId: CCN,
      cidrs: phase === 'active' ? ['172.16.0.0/16'] : [],
    },
    mark: 'peer_1',
    ...rest,
  };
}

function ccnRoutes(ours: 'active' | 'disabled' = 'active'): ObservedRouteTable[] {
  const routes = [
    { destination: '172.16.0.0/16', target: CCN, state: 'active' },
    { destination: '10.11.0.0/16', target: CCN, state: ours },
  ] as const;
  return [{ routeTableId: CCN, main: true, routes }];
}

const refusal = (info: Partial<CloudErrorInfo>): CloudErrorInfo => ({
  category: 'unknown',
  code: 'Some.Code',
  message: 'says the cloud',
  operation: 'AttachCcnInstances',
  ...info,
});

/** A connection with the engine around it; times are milliseconds since it was submitted. */
class Story {
  connection: PeeringConnection = {
    id: 'peer_1',
    tenantId: 'ten_1',
    deploymentId: 'dep_1',
    cloud: 'tencent',
    createdAt: T0,
    desired: 'present',
    spec,
    locked: false,
    status: startAttempt(profile, spec, T0),
  };

  /** One look, and what the engine makes of it. */
  look(after: number, peering: ObservedPeering | null, routes: ObservedRouteTable[] | null = null): Decision {
    const decision = decide({
      connection: this.connection,
      network,
      profile,
      plan,
      sighting: { at: T0 + after, peering, routeTables: routes },
      settings,
      now: T0 + after,
    });
    this.connection = { ...this.connection, status: decision.status };
    return decision;
  }

  /** How the change that was just decided on ended. */
  outcome(after: number, error: CloudErrorInfo | null = null): void {
    const status = recordOutcome(this.connection.status, error, settings, T0 + after);
    this.connection = { ...this.connection, status };
  }

  /** The request was taken at 100 ms and was seen pending. */
  static awaitingApproval(): Story {
    const story = new Story();
    story.look(0, null);
    story.outcome(100);
    story.look(200, attachment('pending_customer'));
    return story;
  }

  delete(after: number): void {
    const status = startDeletion(this.connection.status, T0 + after);
    this.connection = { ...this.connection, desired: 'absent', status };
  }

  retry(after: number): void {
    this.connection = { ...this.connection, status: startAttempt(profile, spec, T0 + after) };
  }
}

/** What the customer reads, in short. */
const shown = ({ status, action }: Decision) => ({
  state: status.state,
  reason: status.reason.code,
  action: action?.kind ?? null,
});

describe('an attachment', () => {
  it('is asked for, waits for approval, and runs', () => {
    const story = new Story();
    expect(shown(story.look(0, null))).toEqual({
      state: 'requesting',
      reason: 'attach_in_progress',
      action: 'request_attachment',
    });
    story.outcome(100);
    const waiting = story.look(200, attachment('pending_customer'));
    expect(shown(waiting)).toEqual({
      state: 'awaiting_approval',
      reason: 'approval_required',
      action: null,
    });
    expect(waiting.status.deadline).toEqual({ kind: 'customer_approval', at: T0 + 100 + WINDOW });
    expect(nextActions(story.connection, network, profile, 'en')[0]?.code).toBe('approve_ccn_attachment');
    const joining = story.look(60_000, attachment('in_progress'));
    expect(shown(joining)).toMatchObject({ state: 'provisioning', action: null });
    expect(joining.status.deadline).toBeNull();
    story.look(61_000, attachment('active'));
    expect(shown(story.look(61_100, attachment('active'), ccnRoutes()))).toEqual({
      state: 'running',
      reason: 'ready',
      action: null,
    });
    expect(story.connection.status.admittedCidrs).toEqual(['172.16.0.0/16']);
  });

  it('whose answer was lost counts the window from when it was asked for', () => {
    const story = new Story();
    story.look(0, null);
    story.outcome(9_000, refusal({ category: 'transient', code: 'ECONNRESET' }));
    const { status } = story.look(9_100, attachment('pending_customer'));
    expect(status.deadline).toEqual({ kind: 'customer_approval', at: T0 + WINDOW });
  });

  it('that carries another mark is left alone', () => {
    const story = new Story();
    const decision = story.look(0, attachment('pending_customer', { mark: 'peer_of_somebody_else' }));
    expect(shown(decision)).toEqual({ state: 'failed', reason: 'attachment_exists', action: null });
  });

  it('that is there after all is not failed because a repeated request was refused', () => {
    const story = new Story();
    story.look(0, null);
    story.outcome(500, refusal({ category: 'transient', code: 'ECONNRESET' }));
    // This look comes from before the first request took effect.
    expect(story.look(2_000, null).action?.kind).toBe('request_attachment');
    story.outcome(2_100, refusal({ category: 'conflict', reason: 'attachment_exists' }));
    expect(shown(story.look(2_200, attachment('pending_customer')))).toEqual({
      state: 'awaiting_approval',
      reason: 'approval_required',
      action: null,
    });
  });

  it.each([
    ['attachment_exists', 'conflict'],
    ['unknown_peer_account', 'not_found'],
    ['peer_network_not_found', 'not_found'],
  ] as const)('that the cloud refuses with %s fails and says what to do', (reason, category) => {
    const story = new Story();
    story.look(0, null);
    story.outcome(100, refusal({ category, reason }));
    let decision = story.look(200, null);
    for (let after = 200; decision.recheckInMs !== null && after < 60_000;) {
      after += decision.recheckInMs;
      decision = story.look(after, null);
    }
    expect(shown(decision)).toEqual({ state: 'failed', reason, action: null });
    expect(decision.status.reason.params).toMatchObject({ providerId: CCN, vpcId: network.vpcId });
    expect(nextActions(story.connection, network, profile, 'en')).not.toEqual([]);
  });

  it('that never shows, although the cloud took the request, fails', () => {
    const story = new Story();
    story.look(0, null);
    story.outcome(100);
    expect(shown(story.look(200, null))).toMatchObject({ state: 'requesting', action: null });
    expect(shown(story.look(200 + settings.missingConfirmMs, null))).toEqual({
      state: 'failed',
      reason: 'request_withdrawn',
      action: null,
    });
  });

  it('that was rejected says so, and is asked for again in place', () => {
    const story = Story.awaitingApproval();
    const rejected = attachment('rejected');
    expect(shown(story.look(30_000, rejected))).toEqual({
      state: 'rejected',
      reason: 'rejected_by_peer',
      action: null,
    });
    story.retry(40_000);
    expect(shown(story.look(40_100, rejected)).action).toBe('request_attachment');
    story.outcome(40_200);
    // The cloud may still show the application that ended before.
    expect(shown(story.look(40_300, rejected))).toMatchObject({ state: 'requesting', action: null });
    expect(shown(story.look(41_000, attachment('pending_customer'))).state).toBe('awaiting_approval');
    // A read from a replica that lags behind.
    expect(shown(story.look(42_000, rejected)).state).toBe('awaiting_approval');
    expect(shown(story.look(40_200 + settings.missingConfirmMs, rejected))).toMatchObject({
      state: 'rejected',
      reason: 'rejected_by_peer',
    });
  });

  it('is asked for again even if the look still shows the one before', () => {
    const story = Story.awaitingApproval();
    story.look(30_000, attachment('rejected'));
    story.retry(31_000);
    expect(story.look(31_100, attachment('pending_customer')).action?.kind).toBe('request_attachment');
  });

  it('with a disabled route is degraded', () => {
    const story = Story.awaitingApproval();
    story.look(1_000, attachment('active'));
    story.look(1_100, attachment('active'), ccnRoutes('disabled'));
    expect(shown(story.look(1_200, attachment('active'), ccnRoutes('disabled')))).toEqual({
      state: 'degraded',
      reason: 'route_disabled',
      action: null,
    });
  });

  it('that brings a reserved block is taken back', () => {
    const story = Story.awaitingApproval();
    const reserved = attachment('active', {
      accepter: { ...attachment('active').accepter, cidrs: ['10.20.0.0/16'] },
    });
    expect(story.look(1_000, reserved).action?.kind).toBe('withdraw_attachment');
    story.outcome(1_100);
    story.look(1_200, attachment('deleting'));
    expect(shown(story.look(3_000, null))).toEqual({
      state: 'failed',
      reason: 'cidr_reserved',
      action: null,
    });
  });

  it('that the customer detached fails and is not asked for again', () => {
    const story = Story.awaitingApproval();
    story.look(1_000, attachment('active'), ccnRoutes());
    story.look(1_100, attachment('active'), ccnRoutes());
    story.look(50_000, attachment('deleting'), ccnRoutes());
    story.look(52_000, null, []);
    expect(shown(story.look(52_000 + settings.missingConfirmMs, null, []))).toEqual({
      state: 'failed',
      reason: 'deleted_by_peer',
      action: null,
    });
  });
});

describe('the approval window', () => {
  const deadline = 100 + WINDOW;

  it('closes with a last look, and the request is withdrawn', () => {
    const story = Story.awaitingApproval();
    expect(story.look(deadline - 1, attachment('pending_customer')).action).toBeNull();
    expect(shown(story.look(deadline, attachment('pending_customer')))).toEqual({
      state: 'awaiting_approval',
      reason: 'withdrawing_request',
      action: 'withdraw_attachment',
    });
    story.outcome(deadline + 100);
    expect(shown(story.look(deadline + 200, null))).toEqual({
      state: 'failed',
      reason: 'approval_window_elapsed',
      action: null,
    });
  });

  it.each(['in_progress', 'active'] as const)('counts %s at the last look as approved', (phase) => {
    const story = Story.awaitingApproval();
    expect(story.look(deadline + 5_000, attachment(phase))).toMatchObject({
      action: null,
      status: { state: 'provisioning', ending: null },
    });
  });

  it('takes a late approval back', () => {
    const story = Story.awaitingApproval();
    story.look(deadline, attachment('pending_customer'));
    story.outcome(deadline + 100, refusal({ category: 'transient', code: 'ECONNRESET' }));
    const joining = story.look(deadline + 1_000, attachment('in_progress'));
    expect(joining.action).toBeNull();
    expect(joining.recheckInMs).toBeLessThanOrEqual(1_000);
    expect(story.look(deadline + 3_000, attachment('active')).action?.kind).toBe('withdraw_attachment');
    story.outcome(deadline + 3_100);
    story.look(deadline + 3_200, attachment('deleting'));
    expect(shown(story.look(deadline + 5_000, null))).toEqual({
      state: 'failed',
      reason: 'approval_window_elapsed',
      action: null,
    });
  });
});

describe('deletion of an attachment', () => {
  it.each(['pending_customer', 'active', 'rejected', 'expired', 'failed'] as const)(
    'takes back what is %s',
    (phase) => {
      const story = Story.awaitingApproval();
      story.delete(1_000);
      expect(story.look(1_100, attachment(phase)).action).toMatchObject({
        kind: 'withdraw_attachment',
        providerId: CCN,
        ownerAccountId: '100033334444',
      });
      story.outcome(1_200);
      expect(story.look(1_300, null).status.state).toBe('deleted');
    },
  );

  it('waits until what is being attached can be detached', () => {
    const story = Story.awaitingApproval();
    story.delete(1_000);
    expect(shown(story.look(1_100, attachment('in_progress')))).toMatchObject({
      state: 'deleting',
      action: null,
    });
    expect(story.look(2_000, attachment('active')).action?.kind).toBe('withdraw_attachment');
  });

  it('doubts that a request which no look has shown is not there', () => {
    const story = new Story();
    story.look(0, null);
    story.outcome(100);
    story.delete(200);
    expect(story.look(300, null).status.state).toBe('deleting');
    expect(story.look(400, attachment('pending_customer')).action?.kind).toBe('withdraw_attachment');
  });

  it.each(['rejected', 'expired'] as const)(
    'does not insist where the cloud keeps a %s application, which nobody can approve any more',
    (phase) => {
      const story = Story.awaitingApproval();
      story.delete(1_000);
      story.look(1_100, attachment(phase));
      story.outcome(1_200, refusal({ category: 'invalid_state', code: 'UnsupportedOperation' }));
      story.look(1_300, attachment(phase));
      expect(story.look(1_400, attachment(phase))).toMatchObject({
        action: null,
        status: { state: 'deleted' },
      });
    },
  );
});
