import { describe, expect, it } from '@jest/globals';
import type { ObservedPeering } from '../cloud-port.js';
import type { CloudSpec } from '../cloud-spec.js';
import { profileOf } from '../clouds/profiles.js';
import { mayDeclare, startAttempt } from '../intents.js';
import type { PeeringConnection, PlatformNetwork } from '../peering-connection.js';
import { decide, isAtRest, recordOutcome } from './decide.js';
import { DEFAULT_ENGINE_SETTINGS as settings, type Decision } from './decision.js';

const T0 = 1_700_000_000_000;
const profile = profileOf('aws');
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

const declared = (name: string, accountId = '210987654321'): CloudSpec => ({
  kind: 'aws',
  connectionId: `pcx-0000000${name}`,
  accountId,
  vpcId: `vpc-0000000${name}`,
});

const pending = (name: string): ObservedPeering => ({
  providerId: `pcx-0000000${name}`,
  phase: 'pending_platform',
  providerState: 'pending-acceptance',
  requester: { accountId: '210987654321', vpcId: `vpc-0000000${name}`, region: 'eu-west-1', cidrs: [] },
  accepter: { accountId: network.accountId, vpcId: network.vpcId, region: 'eu-west-1', cidrs: network.cidrs },
});

/** A connection that was declared as `first`, and at T0 as `second`. */
function changed(first: CloudSpec, second: CloudSpec): PeeringConnection {
  const before = { cloud: first, cidrs: [] };
  const spec = { cloud: second, cidrs: [] };
  const status = startAttempt(profile, before, T0 - 1_000);
  return {
    id: 'peer_1',
    tenantId: 'ten_1',
    deploymentId: 'dep_1',
    cloud: 'aws',
    createdAt: T0 - 1_000,
    desired: 'present',
    spec,
    locked: false,
    status: startAttempt(profile, spec, T0, { spec: before, status }),
  };
}

function look(
  connection: PeeringConnection,
  listed: readonly ObservedPeering[],
  { after = 100, holders = new Map<string, string>() } = {},
): Decision {
  const find = (cloud: CloudSpec, tiedTo: string | null) => profile.find(cloud, listed, tiedTo);
  const { status, spec } = connection;
  return decide({
    connection,
    network,
    profile,
    plan: { reserved: [], deploymentCidrs: network.cidrs, peers: [] },
    sighting: {
      at: T0 + after,
      peering: find(spec.cloud, status.providerId),
      routeTables: null,
      earlier: (status.earlier ?? []).map(({ cloud, providerId }) => find(cloud, providerId)),
    },
    holders,
    settings,
    now: T0 + after,
  });
}

describe('a request that another one was declared in place of', () => {
  const connection = changed(declared('1'), declared('2'));

  it('is rejected first, and told', () => {
    const first = look(connection, [pending('1'), pending('2')]);
    expect(first).toMatchObject({
      action: { kind: 'reject', providerId: 'pcx-00000001' },
      status: {
        state: 'verifying',
        reason: { code: 'removing_connection', params: { providerId: 'pcx-00000001' } },
      },
    });
    const rejected = recordOutcome(first.status, null, settings, T0 + 200);
    const over = { ...pending('1'), phase: 'rejected', providerState: 'rejected' } as const;
    const next = look({ ...connection, status: rejected }, [over, pending('2')], { after: 300 });
    expect(next).toMatchObject({ action: { kind: 'accept', providerId: 'pcx-00000002' } });
    expect(next.status.earlier).toEqual([]);
  });

  it('holds nothing up while it does not show, and is looked for as long as a request may stay invisible', () => {
    const unseen = look(connection, [pending('2')]);
    expect(unseen).toMatchObject({ action: { kind: 'accept' } });
    expect(unseen.status.earlier).toHaveLength(1);
    const later = look({ ...connection, status: unseen.status }, [pending('2')], {
      after: settings.requestVisibleWithinMs,
    });
    expect(later.status.earlier).toEqual([]);
  });

  it('is left alone where another connection of the deployment has it by now', () => {
    const holders = new Map([['pcx-00000001', 'peer_2']]);
    const next = look(connection, [pending('1'), pending('2')], { holders });
    expect(next).toMatchObject({ action: { kind: 'accept', providerId: 'pcx-00000002' } });
    expect(next.status.earlier).toEqual([]);
  });

  it('is left alone where it is not what was declared of it', () => {
    const mistyped = changed(declared('1', '999999999999'), declared('2'));
    const next = look(mistyped, [pending('1'), pending('2')]);
    expect(next).toMatchObject({ action: { kind: 'accept', providerId: 'pcx-00000002' } });
    expect(next.status.earlier).toEqual([]);
  });

  it('is none where only a detail of the same request was corrected', () => {
    expect(changed(declared('1', '999999999999'), declared('1')).status.earlier).toBeUndefined();
  });

  it('is none where what was declared was never complete', () => {
    const draft: CloudSpec = { kind: 'aws', connectionId: 'pcx-00000001' };
    expect(changed(draft, declared('2')).status.earlier).toBeUndefined();
  });

  it('keeps a draft from resting until it is taken back, and the draft stays one', () => {
    const draft = changed(declared('1'), { kind: 'aws' });
    expect(isAtRest(draft)).toBe(false);
    const decision = look(draft, [pending('1')]);
    expect(decision).toMatchObject({
      action: { kind: 'reject' },
      status: { state: 'awaiting_request', reason: { code: 'request_details_missing' } },
    });
  });

  it('cannot be declared again once the cloud may have been told, and can before', () => {
    expect(mayDeclare(profile, connection.status, declared('1'))).toBe(true);
    const { status } = look(connection, [pending('1'), pending('2')]);
    expect(mayDeclare(profile, status, declared('1'))).toBe(false);
    expect(mayDeclare(profile, status, declared('3'))).toBe(true);
  });

  it('is forgotten where it is declared again before that', () => {
    const { spec, status } = connection;
    const again = startAttempt(profile, { cloud: declared('1'), cidrs: [] }, T0 + 100, { spec, status });
    expect(again.earlier?.map(({ providerId }) => providerId)).toEqual(['pcx-00000002']);
  });

  it('is not touched while the connection is locked', () => {
    expect(look({ ...connection, locked: true }, [pending('1'), pending('2')]).action).toBeNull();
  });
});
