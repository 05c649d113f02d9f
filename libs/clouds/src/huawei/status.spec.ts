import { describe, expect, it } from '@jest/globals';
import {
  markedDescription,
  markIn,
  phaseOf,
  toObservedPeering,
  toObservedRoute,
  vpcCidrs,
} from './status.js';

const VIEW = { region: 'cn-north-4', accountId: 'the-account', projectId: 'the-project' };

describe('A peering connection', () => {
  it('shows everything that the cloud tells', () => {
    expect(
      toObservedPeering(
        {
          id: '22b76469',
          name: 'prod',
          description: 'by hand [peering-broker:connection=peer_1]',
          status: 'ACTIVE',
          request_vpc_info: { vpc_id: 'vpc-c', tenant_id: 'their-project' },
          accept_vpc_info: { vpc_id: 'vpc-p', tenant_id: 'the-project' },
          created_at: '2026-11-20T10:00:00',
        },
        VIEW,
      ),
    ).toEqual({
      providerId: '22b76469',
      phase: 'active',
      providerState: 'ACTIVE',
      requester: { projectId: 'their-project', vpcId: 'vpc-c', region: 'cn-north-4', cidrs: [] },
      accepter: {
        accountId: 'the-account',
        projectId: 'the-project',
        vpcId: 'vpc-p',
        region: 'cn-north-4',
        cidrs: [],
      },
      requestedAt: Date.parse('2026-11-20T10:00:00Z'),
      mark: 'peer_1',
    });
  });

  it('invents nothing that the cloud leaves out', () => {
    const side = { region: 'cn-north-4', cidrs: [] };
    expect(toObservedPeering({ id: 'x', status: 'DELETED', created_at: 'once' }, VIEW)).toEqual({
      providerId: 'x',
      phase: 'gone',
      providerState: 'DELETED',
      requester: side,
      accepter: side,
    });
    expect(toObservedPeering({ id: 'x' }, VIEW)).toBeNull();
    expect(toObservedPeering({ status: 'ACTIVE' }, VIEW)).toBeNull();
  });

  it.each(['FROZEN', 'constructor', ''])(
    'in a state that nobody documented (%p) is only looked at',
    (status) => expect(phaseOf(status)).toBe('in_progress'),
  );
});

describe('The mark in a description', () => {
  it('is found where it was left, and replaced', () => {
    for (const before of [undefined, null, '', 'by hand', 'a [b] c']) {
      const first = markedDescription(before, 'peer_1');
      expect(markIn(first)).toBe('peer_1');
      expect(first.startsWith(before ?? '')).toBe(true);
      expect(markedDescription(first, 'peer_1')).toBe(first);
      expect(markIn(markedDescription(first, 'peer_2'))).toBe('peer_2');
      expect(markedDescription(first, 'peer_2')).not.toContain('peer_1');
    }
  });

  it('fits, at the cost of what stood there', () => {
    const marked = markedDescription('x'.repeat(255), 'peer_1');
    expect(marked.length).toBeLessThanOrEqual(255);
    expect(markIn(marked)).toBe('peer_1');
  });

  it.each([undefined, null, '', 'peering-broker', 'connection=peer_1'])('is not in %p', (text) =>
    expect(markIn(text)).toBeUndefined(),
  );
});

describe('A route', () => {
  const up = new Set(['peering-1']);
  it.each([
    [{ type: 'peering', nexthop: 'peering-1' }, 'peering-1', 'active'],
    [{ type: 'peering', nexthop: 'peering-2' }, 'peering-2', 'blackhole'],
    [{ type: 'ecs', nexthop: 'server-1' }, 'server-1', 'active'],
    [{ type: 'local' }, 'local', 'active'],
    [{ type: 'local', nexthop: '' }, 'local', 'active'],
    [{}, '', 'active'],
  ] as const)('%j leads to %p and is %s', (route, target, state) => {
    expect(toObservedRoute({ destination: '172.16.0.0/16', ...route }, up)).toEqual({
      destination: '172.16.0.0/16',
      target,
      state,
    });
  });
});

describe('A VPC', () => {
  it('has its first block and those that were added', () => {
    expect(vpcCidrs({ cidr: '10.1.0.0/16', extend_cidrs: ['10.2.0.0/16'] })).toEqual([
      '10.1.0.0/16',
      '10.2.0.0/16',
    ]);
    expect(vpcCidrs({})).toEqual([]);
  });
});
