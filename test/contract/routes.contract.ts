import { describe, expect, it } from '@jest/globals';
import type { RouteRef } from '#domain';
import { CUSTOMER_CIDR, type Stage } from './stage.js';

/** The platform's routes, where the platform writes them. */
export function describeRoutes(stage: Stage): void {
  const { subject } = stage;
  const { ensureRoute: adding = '', removeRoute: removing = '', observeRoutes: looking } = subject.operations;

  const tables = () => stage.harness.tables!;

  /** An established connection and the route that it needs. */
  const prepare = async () => {
    const request = await stage.establish();
    const [routeTableId = ''] = await stage.routeTableIds();
    const route: RouteRef = { routeTableId, destination: CUSTOMER_CIDR, target: request.providerId };
    return { request, route };
  };
  const ensure = (route: RouteRef, port = stage.port) =>
    port.ensureRoute(stage.network, route, stage.context({ providerId: route.target }));
  const remove = (route: RouteRef) =>
    stage.port.removeRoute(stage.network, route, stage.context({ providerId: route.target }));
  const entryOf = ({ routeTableId, destination }: RouteRef) => stage.routeAt(routeTableId, destination);

  describe('route tables', () => {
    it('are all seen, one of them as the main one', async () => {
      const added = await tables().create(stage.network);
      const seen = await stage.port.observeRoutes(stage.network);
      expect(seen.filter((table) => table.main)).toHaveLength(1);
      expect(seen.find((table) => table.routeTableId === added)).toMatchObject({ main: false });
    });

    const { beyondOnePageOfTables: many } = subject;
    if (many !== undefined) {
      it('are all seen, over as many pages as it takes', async () => {
        const added: string[] = [];
        for (let index = 1; index < many; index++) {
          added.push(await tables().create(stage.network));
        }
        const seen = (await stage.port.observeRoutes(stage.network)).map((table) => table.routeTableId);
        expect(seen).toHaveLength(many);
        expect(seen).toEqual(expect.arrayContaining(added));
        expect([...(await stage.routeTableIds())].sort()).toEqual([...seen].sort());
      });
    }
  });

  describe('ensuring a route', () => {
    it('makes it, in the named table only', async () => {
      const other = await tables().create(stage.network);
      const { route } = await prepare();
      const { requestId } = await ensure(route);
      expect(requestId).toMatch(/\S+/);
      expect(await entryOf(route)).toMatchObject({
        destination: route.destination,
        target: route.target,
        state: 'active',
      });
      const untouched = [route.routeTableId, other].find((id) => id !== route.routeTableId) ?? other;
      expect(await stage.routeAt(untouched, route.destination)).toBeUndefined();
    });

    it('again succeeds and changes nothing', async () => {
      const { route } = await prepare();
      await ensure(route);
      const before = await entryOf(route);
      await ensure(route);
      expect(await entryOf(route)).toEqual(before);
      expect(stage.effects(adding)).toBe(1);
    });

    it('by two workers at once makes one entry', async () => {
      const { route } = await prepare();
      await Promise.all([ensure(route), ensure(route, stage.connect())]);
      expect(await entryOf(route)).toMatchObject({ target: route.target });
      expect(stage.effects(adding)).toBe(1);
    });

    it('never touches an entry that leads elsewhere', async () => {
      const { route } = await prepare();
      const foreign = await tables().putForeignRoute(stage.network, route.routeTableId, route.destination);
      const before = await entryOf(route);
      const error = await stage.refusal(ensure(route));
      expect(error.category).toBe('conflict');
      expect(error.message).toContain(foreign);
      expect(await entryOf(route)).toEqual(before);
      expect(before?.target).toBe(foreign);
    });

    it('never touches it even when the look is stale', async () => {
      const { route } = await prepare();
      const { network } = stage;
      const foreign = await tables().putForeignRoute(network, route.routeTableId, route.destination);
      stage.fault({ kind: 'stale_read', operation: looking });
      await stage.refusal(ensure(route));
      expect(await entryOf(route)).toMatchObject({ target: foreign });
    });

    it('to what is gone is refused', async () => {
      const { request, route } = await prepare();
      await stage.harness.deleteAsCustomer(request);
      await stage.untilOver(request);
      const { category } = await stage.refusal(ensure(route));
      expect(['not_found', 'invalid_state', 'precondition']).toContain(category);
      expect(await entryOf(route)).toBeUndefined();
    });

    it('whose answer is lost is transient, and can be repeated', async () => {
      const { route } = await prepare();
      stage.fault({ kind: 'drop_after', operation: adding });
      expect(await stage.refusal(ensure(route))).toMatchObject({ category: 'transient' });
      expect(await entryOf(route)).toMatchObject({ target: route.target });
      await ensure(route);
      expect(stage.effects(adding)).toBe(1);
    });

    it('that never arrives is transient and has no effect', async () => {
      const { route } = await prepare();
      stage.fault({ kind: 'drop_before', operation: adding });
      expect(await stage.refusal(ensure(route))).toMatchObject({ category: 'transient' });
      expect(await entryOf(route)).toBeUndefined();
    });
  });

  describe('removing a route', () => {
    it('removes it and nothing else, however often it is done', async () => {
      const { route } = await prepare();
      const others = await stage.port.observeRoutes(stage.network);
      await ensure(route);
      // One call may serve for both adding and removing.
      const before = stage.effects(removing);
      await remove(route);
      await remove(route);
      expect(await stage.port.observeRoutes(stage.network)).toEqual(others);
      expect(stage.effects(removing)).toBe(before + 1);
    });

    it('leaves an entry alone that leads elsewhere', async () => {
      const { route } = await prepare();
      const foreign = await tables().putForeignRoute(stage.network, route.routeTableId, route.destination);
      await remove(route);
      expect(await entryOf(route)).toMatchObject({ target: foreign });
    });

    it('in a table that is gone succeeds', async () => {
      const { route } = await prepare();
      await remove({ ...route, routeTableId: subject.unknown.routeTableId });
    });

    it('leaves nothing behind of a connection that the customer has deleted', async () => {
      const { request, route } = await prepare();
      await ensure(route);
      await stage.harness.deleteAsCustomer(request);
      await stage.untilOver(request);
      const left = await entryOf(route);
      expect(left === undefined || left.state === 'blackhole').toBe(true);
      await remove(route);
      expect(await entryOf(route)).toBeUndefined();
    });

    it('whose answer is lost is transient, and can be repeated', async () => {
      const { route } = await prepare();
      await ensure(route);
      stage.fault({ kind: 'drop_after', operation: removing });
      expect(await stage.refusal(remove(route))).toMatchObject({ category: 'transient' });
      await remove(route);
      expect(await entryOf(route)).toBeUndefined();
    });
  });
}
