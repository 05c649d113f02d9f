/**
 * Nothing is touched that a live connection owns, nor anything without evidence; and nothing before its time. Random
 * platform networks, full of things of ours, of customers and of strangers, with the oracles written the long way round.
 */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { CLOUD_IDS, type CloudId, type ObservedPeering, type ObservedRouteTable } from './cloud-port.js';
import { profileOf } from './clouds/profiles.js';
import { startAttempt } from './intents.js';
import {
  findOrphans,
  isOver,
  isOwned,
  isThere,
  judgeOrphan,
  orphanCheckAt,
  orphanKey,
  tracesIn,
  type OrphanSearch,
  type OrphanSighting,
  type OrphanStatus,
  type OrphanVerdict,
  type PastConnection,
} from './orphans.js';
import type { CloudAction, PeeringConnection, PlatformNetwork } from './peering-connection.js';

/** What stands for the clouds' ids here: few, so that everything collides with everything. */
const IDS = ['p-1', 'p-2', 'p-3', 'p-4', 'p-5'] as const;
const TABLES = ['t-1', 't-2'] as const;
const BLOCKS = ['172.16.0.0/16', '172.17.0.0/16', '192.168.0.0/24'] as const;
const LIVE = ['peer_live1', 'peer_live2'] as const;
const PAST = ['peer_past1', 'peer_past2'] as const;
/** Marks that another broker has left, and a human's scribble. */
const STRANGE = ['peer_strange', 'hands off'] as const;
const VPC = 'vpc-ours';
const ACCOUNT = '111122223333';

/** The value of a spec's field that names the request, by cloud. */
const DECLARED: Readonly<Record<CloudId, string>> = {
  aws: 'connectionId',
  alibaba: 'requesterInstanceId',
  huawei: 'connectionId',
  tencent: 'ccnId',
  outscale: 'netPeeringId',
};

const networkOf = (cloud: CloudId): PlatformNetwork => ({
  deploymentId: 'dep_1',
  cloud,
  region: 'r-1',
  accountId: ACCOUNT,
  vpcId: VPC,
  cidrs: ['10.128.0.0/16'],
  routeTableIds: null,
  driftPolicy: 'repair',
});

const anId = fc.constantFrom(...IDS);
const aRoute = fc.record({
  routeTableId: fc.constantFrom(...TABLES),
  destination: fc.constantFrom(...BLOCKS),
});
const aMark = fc.option(fc.constantFrom(...LIVE, ...PAST, ...PAST, ...STRANGE), { nil: undefined });

const anAction: fc.Arbitrary<CloudAction> = fc.oneof(
  fc.record({ kind: fc.constant('accept' as const), providerId: anId }),
  fc
    .tuple(anId, aRoute)
    .map(([providerId, route]) => ({ kind: 'ensure_route' as const, providerId, ...route })),
);

const aConnection = (cloud: CloudId, id: string): fc.Arbitrary<PeeringConnection> =>
  fc
    .record({
      declared: fc.option(anId, { nil: null }),
      providerId: fc.option(anId, { nil: null }),
      routes: fc.array(aRoute, { maxLength: 2 }),
      action: fc.option(anAction, { nil: null }),
      earlier: fc.option(anId, { nil: null, freq: 3 }),
    })
    .map(({ declared, providerId, routes, action, earlier }) => {
      const fields = declared === null ? {} : { [DECLARED[cloud]]: declared };
      const spec = { cloud: { kind: cloud, ...fields }, cidrs: [] };
      const intent = action && { action, token: 'token', firstAt: 0, lastAt: 0, attempts: 1, outcome: null };
      return {
        id,
        tenantId: 'ten_1',
        deploymentId: 'dep_1',
        cloud,
        createdAt: 0,
        desired: 'present' as const,
        locked: false,
        spec,
        status: {
          ...startAttempt(profileOf(cloud), spec, 0),
          providerId,
          routes,
          intent,
          earlier:
            earlier === null
              ? []
              : [{ cloud: { kind: cloud }, providerId: earlier, since: 0, missingSince: null }],
        },
      };
    });

const aPastConnection = (id: string): fc.Arbitrary<PastConnection> =>
  fc.record({
    id: fc.constant(id),
    retryable: fc.boolean(),
    held: fc.uniqueArray(anId, { maxLength: 2 }),
    routes: fc.array(
      fc.tuple(aRoute, anId).map(([route, target]) => ({ ...route, target })),
      { maxLength: 3 },
    ),
  });

const aPeering = (cloud: CloudId, providerId: string): fc.Arbitrary<ObservedPeering> =>
  fc
    .record({
      phase: fc.constantFrom(
        'pending_platform' as const,
        'pending_customer' as const,
        'in_progress' as const,
        'active' as const,
        'rejected' as const,
        'expired' as const,
        'failed' as const,
        'deleting' as const,
        'gone' as const,
      ),
      mark: aMark,
      vpcId: fc.constantFrom(VPC, VPC, VPC, 'vpc-theirs'),
      accountId: fc.constantFrom(ACCOUNT, ACCOUNT, '999900001111'),
    })
    .map(({ phase, mark, vpcId, accountId }) => {
      const ours = { vpcId, accountId, cidrs: [] };
      const theirs = { vpcId: 'vpc-customer', accountId: '444455556666', cidrs: [] };
      const asks = profileOf(cloud).capabilities.initiator === 'platform';
      return {
        providerId,
        phase,
        providerState: phase,
        requester: asks ? ours : theirs,
        accepter: asks ? theirs : ours,
        ...(mark === undefined ? {} : { mark }),
      };
    });

const aTable = (routeTableId: string): fc.Arbitrary<ObservedRouteTable> =>
  fc
    .uniqueArray(
      fc.record({
        destination: fc.constantFrom(...BLOCKS),
        target: fc.constantFrom(...IDS, 'local', 'igw-1', ''),
        state: fc.constantFrom('active' as const, 'blackhole' as const, 'pending' as const),
        mark: aMark,
      }),
      { selector: ({ destination }) => destination, maxLength: 3 },
    )
    .map((routes) => ({
      routeTableId,
      main: false,
      routes: routes.map(({ mark, ...route }) => (mark === undefined ? route : { ...route, mark })),
    }));

const aSearch: fc.Arbitrary<OrphanSearch> = fc.constantFrom(...CLOUD_IDS).chain((cloud) =>
  fc
    .record({
      connections: fc.tuple(...LIVE.map((id) => fc.option(aConnection(cloud, id), { nil: null, freq: 2 }))),
      past: fc.tuple(...PAST.map((id) => fc.option(aPastConnection(id), { nil: null }))),
      peerings: fc.tuple(...IDS.map((id) => fc.option(aPeering(cloud, id), { nil: null }))),
      routeTables: fc.tuple(...TABLES.map(aTable)),
    })
    .map(({ connections, past, peerings, routeTables }) => ({
      profile: profileOf(cloud),
      network: networkOf(cloud),
      connections: connections.filter((each) => each !== null),
      past: past.filter((each) => each !== null),
      peerings: peerings.filter((each) => each !== null),
      routeTables,
    })),
);

const RUNS = { numRuns: 1_000 };

/** Checks every orphan of a random network; fails when the networks are too dull to tell anything. */
function everyOrphan(check: (orphan: OrphanSighting, search: OrphanSearch) => void): void {
  let seen = 0;
  fc.assert(
    fc.property(aSearch, (search) => {
      for (const orphan of findOrphans(search)) {
        seen += 1;
        check(orphan, search);
      }
    }),
    RUNS,
  );
  expect(seen).toBeGreaterThan(200);
}

describe('what is found', () => {
  it('is never held, declared, being acted on, or marked by a live connection', () => {
    everyOrphan(({ providerId, mark, route }, { profile, connections }) => {
      for (const { id, spec, status } of connections) {
        expect(mark).not.toBe(id);
        expect(status.providerId).not.toBe(providerId);
        expect(status.intent?.action.providerId).not.toBe(providerId);
        expect(profile.declaredProviderId(spec.cloud)).not.toBe(providerId);
        expect(status.earlier?.map((request) => request.providerId)).not.toContain(providerId);
        if (route !== null && status.providerId === null) expect(status.routes).not.toContainEqual(route);
      }
    });
  });

  it('always has evidence: a mark that this network gave out, a history, or a marked target', () => {
    everyOrphan((orphan, { past, peerings, routeTables }) => {
      const { providerId, route, mark, evidence, connectionId } = orphan;
      const whose = past.find(({ id }) => id === connectionId);
      expect(whose).toBeDefined();
      const peering = peerings.find((each) => each.providerId === providerId);
      const entry = routeTables
        ?.find(({ routeTableId }) => routeTableId === route?.routeTableId)
        ?.routes.find(({ destination }) => destination === route?.destination);
      const shownMark = route === null ? peering?.mark : entry?.mark;
      expect(mark ?? undefined).toBe(shownMark);
      switch (evidence) {
        case 'mark':
          expect(shownMark).toBe(connectionId);
          // An entry that was pointed elsewhere since is not the broker's any more.
          if (route !== null)
            expect([...whose!.held, ...whose!.routes.map(({ target }) => target)]).toContain(providerId);
          break;
        case 'history':
          expect(shownMark).toBeUndefined();
          if (route === null) expect(whose?.held).toContain(providerId);
          else expect(whose?.routes).toContainEqual({ ...route, target: providerId });
          break;
        case 'target':
          expect(route).not.toBeNull();
          expect(shownMark).toBeUndefined();
          expect(peering?.mark).toBe(connectionId);
      }
    });
  });

  it('is the same when no more is known of the past than what the look names', () => {
    fc.assert(
      fc.property(aSearch, (search) => {
        const { providerIds, marks } = tracesIn(search);
        const past = search.past.filter(
          ({ id, held, routes }) =>
            marks.includes(id) ||
            [...held, ...routes.map(({ target }) => target)].some((target) => providerIds.includes(target)),
        );
        expect(findOrphans({ ...search, past })).toEqual(findOrphans(search));
      }),
      RUNS,
    );
  });

  it('is there: what was looked at shows it, and it leads where it is said to lead', () => {
    everyOrphan((orphan, search) => expect(isThere(orphan, search)).toBe(true));
  });

  it('is never a request that a customer made and nobody accepted, nor of another network', () => {
    everyOrphan(({ kind, providerId }, { peerings, profile }) => {
      if (kind === 'route') return;
      const peering = peerings.find((each) => each.providerId === providerId)!;
      const asks = profile.capabilities.initiator === 'platform';
      expect((asks ? peering.requester : peering.accepter).vpcId).toBe(VPC);
      expect((asks ? peering.requester : peering.accepter).accountId).toBe(ACCOUNT);
      if (!asks) expect(['active', 'in_progress', 'deleting']).toContain(peering.phase);
    });
  });

  it('is not removable while routes lead to it, or where the cloud would not remove it', () => {
    everyOrphan(({ kind, providerId, obstacle }, { peerings, profile, routeTables }) => {
      if (kind === 'route' || obstacle !== null) return;
      const { phase } = peerings.find((each) => each.providerId === providerId)!;
      expect(profile.capabilities.removableIn).toContain(phase);
      const targets = (routeTables ?? []).flatMap(({ routes }) => routes.map(({ target }) => target));
      expect(targets).not.toContain(providerId);
    });
  });

  it('names each thing once', () => {
    fc.assert(
      fc.property(aSearch, (search) => {
        const keys = findOrphans(search).map(orphanKey);
        expect(new Set(keys).size).toBe(keys.length);
      }),
      RUNS,
    );
  });

  it('becomes somebody’s as soon as a live connection turns up for it', () => {
    everyOrphan((orphan, search) => {
      expect(isOwned(orphan, orphan.mark, search)).toBe(false);
      const { cloud } = search.network;
      const spec = { cloud: { kind: cloud, [DECLARED[cloud]]: orphan.providerId }, cidrs: [] };
      const status = { ...startAttempt(search.profile, spec, 0), providerId: orphan.providerId };
      const newcomer: PeeringConnection = {
        id: 'peer_new',
        tenantId: 'ten_1',
        deploymentId: 'dep_1',
        cloud,
        createdAt: 0,
        desired: 'present',
        locked: false,
        spec,
        status,
      };
      const then = { ...search, connections: [...search.connections, newcomer] };
      expect(isOwned(orphan, orphan.mark, then)).toBe(true);
      expect(findOrphans(then).map(orphanKey)).not.toContain(orphanKey(orphan));
    });
  });

  it('is nothing where nothing has ever been', () => {
    fc.assert(
      fc.property(aSearch, (search) => {
        expect(findOrphans({ ...search, past: [] })).toEqual([]);
      }),
      RUNS,
    );
  });
});

const settings = { graceMs: 86_400_000, consistencyMs: 2_000, absenceMs: 90 * 86_400_000 };
const CLEAR = { obstacle: null } as const;

/** One look at one thing, some time after the one before; an operator may have said something in between. */
const aLook = fc.record({
  afterMs: fc.oneof(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 2 * settings.graceMs })),
  seen: fc.oneof(
    { weight: 8, arbitrary: fc.constant(CLEAR) },
    fc.constant(null),
    fc.constant('disowned' as const),
    fc.constantFrom(
      { obstacle: 'routes' as const },
      { obstacle: 'phase' as const },
      { obstacle: 'leaving' as const },
    ),
  ),
  operator: fc.option(fc.constantFrom('keep' as const, 'remove' as const), { freq: 6, nil: null }),
});

describe('a thing that was found', () => {
  it('is removed only after its grace, seen twice, unobstructed, and not when an operator keeps it', () => {
    let removals = 0;
    fc.assert(
      fc.property(fc.array(aLook, { minLength: 1, maxLength: 12 }), (looks) => {
        let status = null as OrphanStatus | null;
        let at = 1_000_000;
        let released = Infinity;
        let sightings = 0;
        for (const { afterMs, seen, operator } of looks) {
          if (status !== null && !isOver(status)) {
            if (operator === 'keep') status = { ...status, state: 'kept' };
            if (operator === 'remove') {
              status = { ...status, state: 'found', removeAfter: Math.min(status.removeAfter, at) };
              released = at;
            }
          }
          at += afterMs;
          const before: OrphanStatus | null = status;
          const verdict: OrphanVerdict | null = judgeOrphan(before, seen, settings, at);
          if (verdict === null) continue;
          if (before === null) [sightings, released] = [0, Infinity];
          if (seen !== null && seen !== 'disowned') sightings += 1;
          status = verdict.status;
          if (verdict.remove) {
            removals += 1;
            expect(before?.state === 'found' || before?.state === 'removing').toBe(true);
            expect(seen).toEqual(CLEAR);
            expect(sightings).toBeGreaterThanOrEqual(2);
            expect(at).toBeGreaterThanOrEqual(Math.min(before!.firstSeenAt + settings.graceMs, released));
            expect(status).toMatchObject({ state: 'removing', attemptedAt: at });
          }
          if (isOver(status)) expect(status.endedAt).not.toBeNull();
          if (status.state === 'removed' && before?.state !== 'removed') {
            expect(seen).toBeNull();
            expect(at - before!.attemptedAt!).toBeGreaterThanOrEqual(settings.consistencyMs);
          }
        }
      }),
      RUNS,
    );
    expect(removals).toBeGreaterThan(200);
  });

  it('is gone in the end, whatever the removals come to, if only the cloud removes it at last', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 8 }), (failures) => {
        let { status } = judgeOrphan(null, CLEAR, settings, 0)!;
        let isThereStill = true;
        let left = failures;
        let looks = 0;
        for (let at = 0; !isOver(status); looks += 1) {
          expect(looks).toBeLessThan(100);
          at = Math.max(at + 1, orphanCheckAt(status, settings)!);
          const verdict = judgeOrphan(status, isThereStill ? CLEAR : null, settings, at)!;
          status = verdict.status;
          if (!verdict.remove) continue;
          if (left === 0) isThereStill = false;
          left -= 1;
        }
        expect(status).toMatchObject({ state: 'removed', attempts: failures + 1 });
      }),
    );
  });

  it('is not looked for again and again while something stands in its way', () => {
    const { status: found } = judgeOrphan(null, CLEAR, settings, 0)!;
    const obstructed = judgeOrphan(found, { obstacle: 'routes' }, settings, settings.graceMs)!;
    expect(obstructed).toMatchObject({ remove: false, status: { state: 'found' } });
    expect(obstructed.status.lastError).toContain('Routes');
    expect(orphanCheckAt(obstructed.status, settings)).toBeNull();
  });

  it('that vanishes by itself, or finds an owner, is gone and not removed', () => {
    const { status: found } = judgeOrphan(null, CLEAR, settings, 0)!;
    for (const seen of [null, 'disowned'] as const) {
      expect(judgeOrphan(found, seen, settings, 1)!.status).toMatchObject({ state: 'gone', endedAt: 1 });
    }
  });

  it('that is kept stays kept whatever looks show, but for a long absence', () => {
    const { status: found } = judgeOrphan(null, CLEAR, settings, 0)!;
    const gap = fc.integer({ min: 1, max: settings.absenceMs - 1 });
    const seen = fc.constantFrom(CLEAR, null, 'disowned' as const, { obstacle: 'leaving' as const });
    fc.assert(
      fc.property(fc.array(fc.tuple(gap, seen), { minLength: 1, maxLength: 8 }), (looks) => {
        let status: OrphanStatus = { ...found, state: 'kept' };
        for (const [afterMs, shown] of looks) {
          const at = status.lastSeenAt + afterMs;
          const verdict = judgeOrphan(status, shown, settings, at)!;
          expect(verdict.remove).toBe(false);
          expect(verdict.status).toMatchObject({ state: 'kept', endedAt: null });
          expect(verdict.status.lastSeenAt).toBe(shown === null ? status.lastSeenAt : at);
          status = verdict.status;
        }
        const at = status.lastSeenAt + settings.absenceMs;
        expect(judgeOrphan(status, null, settings, at)!.status).toMatchObject({ state: 'gone', endedAt: at });
      }),
    );
  });

  it('that is on its way out when it is first seen is not worth a word', () => {
    expect(judgeOrphan(null, { obstacle: 'leaving' }, settings, 0)).toBeNull();
  });
});
