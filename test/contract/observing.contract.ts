import { describe, expect, it } from '@jest/globals';
import { vocabularies } from '#clouds';
import { CUSTOMER_CIDR, PLATFORM_CIDR, type Stage } from './stage.js';

const MINUTE_MS = 60_000;

/** Looking at the network and its connections. */
export function describeObserving(stage: Stage): void {
  const { capabilities, subject } = stage;

  describe('the network', () => {
    it('is described with its owner, its blocks and its route tables', async () => {
      const { accountId } = stage.harness.options();
      const described = await stage.port.describeNetwork(stage.network);
      const tables = await stage.port.observeRoutes(stage.network);
      expect(described).toMatchObject({ vpcId: stage.network.vpcId, cidrs: [PLATFORM_CIDR] });
      expect(described.accountId ?? accountId).toBe(accountId);
      expect([...described.routeTableIds].sort()).toEqual(tables.map((table) => table.routeTableId).sort());
    });

    it('that the account does not have is not found', async () => {
      const { vpcId } = subject.unknown;
      const error = await stage.refusal(stage.port.describeNetwork({ ...stage.network, vpcId }));
      expect(error.category).toBe('not_found');
    });
  });

  describe('a connection', () => {
    it('is seen with both sides while it waits', async () => {
      const { customer, ...request } = await stage.ask();
      const seen = await stage.observe(request);
      const [mine, theirs] =
        capabilities.initiator === 'customer'
          ? [seen?.accepter, seen?.requester]
          : [seen?.requester, seen?.accepter];
      const phase = capabilities.initiator === 'customer' ? 'pending_platform' : 'pending_customer';
      const { cidrs, ...identity } = customer;
      expect(seen).toMatchObject({ providerId: request.providerId, phase });
      expect(mine?.vpcId).toBe(stage.network.vpcId);
      expect(theirs).toMatchObject(identity);
      if (capabilities.cidrVisibleWhilePending) expect(theirs?.cidrs).toEqual(cidrs);
    });

    const { requestExpiryMs } = capabilities;
    if (requestExpiryMs !== null) {
      it('tells when the cloud will drop it unanswered', async () => {
        const askedAt = stage.harness.simulators.clock.now();
        const seen = await stage.observe(await stage.ask());
        expect(Math.abs((seen?.expiresAt ?? 0) - askedAt - requestExpiryMs)).toBeLessThan(MINUTE_MS);
      });
    }

    it('shows the customer’s blocks once it is up, where the cloud reports them', async () => {
      const { customer, ...request } = await stage.establish();
      const seen = await stage.observe(request);
      const theirs = capabilities.initiator === 'customer' ? seen?.requester : seen?.accepter;
      expect(theirs?.cidrs).toEqual(capabilities.cidrObservable ? customer.cidrs : []);
    });

    it('that the cloud does not show is null', async () => {
      expect(await stage.observe(subject.unknown)).toBeNull();
    });

    it('carries the broker’s mark, however often it is left', async () => {
      const request = await stage.establish();
      const context = stage.context(request);
      await stage.port.markPeering(stage.network, request.providerId, context);
      await stage.port.markPeering(stage.network, request.providerId, context);
      expect((await stage.observe(request))?.mark).toBe(context.mark);
      expect((await stage.port.observePeerings(stage.network))[0]?.mark).toBe(context.mark);
    });

    it('reads the same in the listing as by its id', async () => {
      const request = await stage.establish();
      const [listed] = await stage.port.observePeerings(stage.network);
      expect(listed).toEqual(await stage.observe(request));
    });
  });

  describe('the connections of a network', () => {
    it('are none at first', async () => {
      expect(await stage.port.observePeerings(stage.network)).toEqual([]);
    });

    it('are its own only', async () => {
      const other = await stage.harness.createNetwork('10.129.0.0/16');
      const here = await stage.ask();
      const there = await stage.ask('172.20.0.0/16', other);
      const ids = async (network: typeof other) =>
        (await stage.port.observePeerings(network)).map((peering) => peering.providerId);
      expect(await ids(stage.network)).toEqual([here.providerId]);
      expect(await ids(other)).toEqual([there.providerId]);
    });

    const { beyondTwoPages: many } = subject;
    if (many !== undefined) {
      it('are all there, over as many pages as it takes', async () => {
        const wanted = await stage.harness.seedRequests!(stage.network, many);
        const seen = await stage.port.observePeerings(stage.network);
        expect(seen.map((peering) => peering.providerId).sort()).toEqual([...wanted].sort());
        expect(stage.calls(subject.operations.observePeerings)).toHaveLength(3);
      });
    }

    it('can be looked at by many at once', async () => {
      const request = await stage.ask();
      const looks = await Promise.all(
        Array.from({ length: 30 }, () => stage.port.observePeerings(stage.network)),
      );
      for (const look of looks) expect(look[0]?.providerId).toBe(request.providerId);
    });
  });

  describe('the cloud’s states', () => {
    const states = Object.entries(subject.states);

    it('are all those that the adapter knows, with the same meaning', () => {
      const meant = Object.fromEntries(states.map(([state, { phase }]) => [state, phase]));
      expect(vocabularies[subject.cloud]?.states).toEqual(meant);
    });

    for (const [state, recipe] of states) {
      if ('hidden' in recipe) continue;
      it(`${state} is ${recipe.phase}`, async () => {
        const providerId = await recipe.reach(stage);
        expect(await stage.observe({ providerId })).toMatchObject({
          providerId,
          providerState: state,
          phase: recipe.phase,
        });
      });
    }
  });

  describe('a stale look', () => {
    it('shows what was, and nothing of it is kept', async () => {
      const request = await stage.ask();
      await stage.harness.deleteAsCustomer(request);
      await stage.untilOver(request);
      const again = await stage.ask(CUSTOMER_CIDR);
      stage.fault({ kind: 'stale_read', operation: subject.operations.observePeerings });
      const stale = await stage.port.observePeerings(stage.network);
      const fresh = await stage.port.observePeerings(stage.network);
      expect(stale.map((peering) => peering.providerId)).not.toContain(again.providerId);
      expect(fresh.map((peering) => peering.providerId)).toContain(again.providerId);
    });
  });
}
