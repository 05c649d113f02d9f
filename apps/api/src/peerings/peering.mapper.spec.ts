import { describe, expect, test } from '@jest/globals';

import type { PeeringRecord } from '#database';
import {
  PEERING_STATES,
  profileOf,
  REASONS,
  SERVED_CLOUDS,
  startAttempt,
  type CloudId,
  type ReasonCode,
} from '#domain';

import { exampleCloudSpec } from './cloud-spec-schema.js';
import { peeringView } from './peering.mapper.js';

const NOW = Date.parse('2026-11-20T12:00:00.000Z');

function record(cloud: CloudId, changes: Partial<PeeringRecord> = {}): PeeringRecord {
  const profile = profileOf(cloud);
  const spec = {
    cloud: exampleCloudSpec(profile) as PeeringRecord['spec']['cloud'],
    cidrs: ['172.16.0.0/16'],
  };
  return {
    id: 'peer_1',
    tenantId: 'ten_1',
    projectId: 'prj_1',
    deploymentId: 'dep_1',
    cloud,
    region: 'r-1',
    displayName: 'prod',
    desired: 'present',
    spec,
    locked: false,
    lockedNote: null,
    status: startAttempt(profile, spec, NOW),
    dueAt: NOW,
    lastObservedAt: null,
    version: 7,
    createdAt: NOW,
    updatedAt: NOW,
    deletedAt: null,
    network: {
      deploymentId: 'dep_1',
      cloud,
      region: 'r-1',
      accountId: '123456789012',
      vpcId: 'vpc-1',
      cidrs: ['10.11.0.0/16'],
      routeTableIds: null,
      driftPolicy: 'repair',
    },
    ...changes,
  };
}

describe.each(SERVED_CLOUDS)('a connection on %s', (cloud) => {
  test.each(PEERING_STATES)('is shown in state %s, for every reason, in both languages', (state) => {
    for (const code of Object.keys(REASONS) as ReasonCode[]) {
      const before = record(cloud);
      const reason = { code, params: {}, since: NOW };
      const shown = record(cloud, { status: { ...before.status, state, reason } });
      for (const locale of ['en', 'zh'] as const) {
        const view = peeringView(shown, locale, NOW);
        expect(view.status).toMatchObject({ state, ready: state === 'running', reason: { code } });
        expect(JSON.stringify(view)).not.toContain('undefined');
      }
    }
  });

  test('shows nothing that is not for its reader', () => {
    const text = JSON.stringify(
      peeringView(record(cloud, { lockedNote: 'internal', locked: true }), 'en', NOW),
    );
    for (const hidden of ['ten_1', 'internal', 'intent', 'missingSince', 'marked'])
      expect(text).not.toContain(hidden);
  });
});

describe('a deadline', () => {
  const deadline = { kind: 'customer_approval', at: NOW + 431_200 } as const;
  const { status } = record('aws');

  test.each([
    [NOW, 432],
    [NOW + 431_200, 0],
    [NOW + 999_000, 0],
  ])('at %d has %d seconds left', (now, remainingSeconds) => {
    const view = peeringView(record('aws', { status: { ...status, deadline } }), 'en', now);
    expect(view.status.deadline).toEqual({
      kind: 'customer_approval',
      at: '2026-11-20T12:07:11.200Z',
      remainingSeconds,
    });
  });
});
