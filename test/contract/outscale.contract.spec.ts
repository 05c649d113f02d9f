import { describe, expect, it } from '@jest/globals';
import type { CloudCredentials } from '#domain';
import type { OapiClient } from '../support/simulated-outscale.js';
import { defineCloudContract } from './cloud-contract.js';
import { outscaleSubject } from './outscale.harness.js';
import { CUSTOMER_CIDR } from './stage.js';

const HOUR_MS = 3_600_000;

defineCloudContract('OUTSCALE', outscaleSubject, (stage) => {
  describe('a connection that is over', () => {
    it.each(['rejected', 'failed', 'expired', 'deleted'] as const)(
      'and is %s disappears after an hour',
      async (state) => {
        const recipe = outscaleSubject.states[state];
        if (recipe === undefined || 'hidden' in recipe) throw new Error(`There is no way to ${state}.`);
        const providerId = await recipe.reach(stage);
        const { clock } = stage.harness.simulators;
        clock.advance(HOUR_MS - 1);
        expect(await stage.observe({ providerId })).toMatchObject({ providerState: state });
        clock.advance(1);
        expect(await stage.observe({ providerId })).toBeNull();
        expect(await stage.port.observePeerings(stage.network)).toEqual([]);
      },
    );

    it.each(['failed', 'expired', 'rejected'] as const)(
      'and is %s needs no removing, though OUTSCALE refuses it',
      async (state) => {
        const recipe = outscaleSubject.states[state];
        if (recipe === undefined || 'hidden' in recipe) throw new Error(`There is no way to ${state}.`);
        const providerId = await recipe.reach(stage);
        const context = stage.context({ providerId });
        for (const end of ['deletePeering', 'rejectPeering'] as const) {
          expect((await stage.port[end](stage.network, providerId, context)).requestId).toMatch(/\S+/);
        }
        expect(stage.effects('DeleteNetPeering')).toBe(0);
      },
    );
  });

  describe('what OUTSCALE may answer to a repetition', () => {
    it('can be agreement: then nothing happens twice either', async () => {
      await stage.harness.control('settings', { repeatedChanges: 'accepted' });
      const request = await stage.establish();
      const context = stage.context(request);
      await stage.port.acceptPeering(stage.network, request.providerId, context);
      expect(stage.effects('AcceptNetPeering')).toBe(1);
      await stage.port.deletePeering(stage.network, request.providerId, context);
      await stage.port.deletePeering(stage.network, request.providerId, context);
      expect(stage.effects('DeleteNetPeering')).toBe(1);
    });
  });

  describe('a request the other way round', () => {
    it('is none of ours, and goes when the customer’s is accepted', async () => {
      const { harness, network, port } = stage;
      const { providerId, customer } = await stage.ask();
      const { NetPeering } = await harness.platform('CreateNetPeering', {
        SourceNetId: network.vpcId,
        AccepterNetId: customer.vpcId,
        AccepterOwnerId: customer.accountId,
      });
      const back = { providerId: NetPeering.NetPeeringId };
      expect((await port.observePeerings(network)).map((peering) => peering.providerId)).toEqual([
        providerId,
      ]);
      await port.acceptPeering(network, providerId, stage.context({ providerId }));
      expect(await stage.observe(back)).toMatchObject({ phase: 'rejected' });
    });
  });

  describe('an id', () => {
    it('that cannot be one is not found', async () => {
      for (const providerId of ['pcx-none', 'none', 'pcx-0a1b2c3d4e5f60718']) {
        expect(await stage.observe({ providerId })).toBeNull();
        const call = stage.port.acceptPeering(stage.network, providerId, stage.context({ providerId }));
        expect((await stage.refusal(call)).category).toBe('not_found');
        await stage.port.deletePeering(stage.network, providerId, stage.context({ providerId }));
      }
    });
  });

  describe('the mark', () => {
    const tagsOf = async (client: OapiClient, id: string) => {
      const { Tags } = await client('ReadTags', { Filters: { ResourceIds: [id] } });
      return Object.fromEntries(Tags.map((tag) => [tag.Key, tag.Value])) as Record<string, string>;
    };
    const tag = (client: OapiClient, id: string, Key: string, Value: string) =>
      client('CreateTags', { ResourceIds: [id], Tags: [{ Key, Value }] });

    it('comes with a name for people who look at Cockpit', async () => {
      const { platform, customer } = stage.harness;
      const { providerId } = await stage.ask();
      await tag(customer, providerId, 'Name', 'theirs');
      const context = stage.context({ providerId });
      await stage.port.markPeering(stage.network, providerId, context);
      expect(await tagsOf(platform, providerId)).toEqual({
        'peering-broker:connection': context.mark,
        Name: context.mark,
      });
      expect(await tagsOf(customer, providerId)).toEqual({ Name: 'theirs' });
    });

    it('leaves a name that is there', async () => {
      const { platform } = stage.harness;
      const { providerId } = await stage.ask();
      await tag(platform, providerId, 'Name', 'chosen by an operator');
      await stage.port.markPeering(stage.network, providerId, stage.context({ providerId }));
      expect(await tagsOf(platform, providerId)).toMatchObject({ Name: 'chosen by an operator' });
    });

    it('of another account is not seen', async () => {
      const { providerId } = await stage.ask();
      await tag(stage.harness.customer, providerId, 'peering-broker:connection', 'peer_forged');
      expect((await stage.observe({ providerId }))?.mark).toBeUndefined();
    });
  });

  describe('a route that OUTSCALE calls active', () => {
    it('leads nowhere before its peering is active, and after', async () => {
      const request = await stage.ask();
      const { providerId } = request;
      const [routeTableId = ''] = await stage.routeTableIds();
      const route = { routeTableId, destination: CUSTOMER_CIDR, target: providerId };
      const entry = () => stage.routeAt(routeTableId, CUSTOMER_CIDR);
      await stage.port.ensureRoute(stage.network, route, stage.context(request));
      expect(await entry()).toEqual({ destination: CUSTOMER_CIDR, target: providerId, state: 'blackhole' });
      await stage.port.acceptPeering(stage.network, providerId, stage.context(request));
      expect(await entry()).toMatchObject({ state: 'active' });
      await stage.harness.deleteAsCustomer(request);
      expect(await entry()).toMatchObject({ state: 'blackhole' });
      stage.harness.simulators.clock.advance(2 * HOUR_MS);
      expect(await entry()).toMatchObject({ state: 'blackhole' });
      await stage.port.removeRoute(stage.network, route, stage.context(request));
      expect(await entry()).toBeUndefined();
    });

    it('to the Net itself is local', async () => {
      const [table] = await stage.port.observeRoutes(stage.network);
      expect(table?.routes).toEqual([{ destination: '10.128.0.0/16', target: 'local', state: 'active' }]);
    });

    it('costs no look at peerings where there is none to a peering', async () => {
      await stage.port.observeRoutes(stage.network);
      expect(stage.calls('ReadNetPeerings')).toEqual([]);
    });

    it('costs none either where the peerings are being looked at, or just were', async () => {
      const { network, port } = stage;
      const request = await stage.establish();
      const [routeTableId = ''] = await stage.routeTableIds();
      const route = { routeTableId, destination: CUSTOMER_CIDR, target: request.providerId };
      await port.ensureRoute(network, route, stage.context(request));
      const before = stage.calls('ReadNetPeerings').length;
      stage.fault({ kind: 'latency', operation: 'ReadNetPeerings', ms: 50 });
      await Promise.all([port.observePeerings(network), port.observeRoutes(network)]);
      const [table] = await port.observeRoutes(network);
      expect(stage.calls('ReadNetPeerings')).toHaveLength(before + 1);
      expect(table?.routes).toContainEqual(expect.objectContaining({ state: 'active' }));
    });

    it('is judged anew once a look has shown otherwise', async () => {
      const { network, port } = stage;
      const request = await stage.establish();
      const [routeTableId = ''] = await stage.routeTableIds();
      const route = { routeTableId, destination: CUSTOMER_CIDR, target: request.providerId };
      await port.ensureRoute(network, route, stage.context(request));
      await stage.harness.deleteAsCustomer(request);
      await port.observePeerings(network);
      expect(await stage.routeAt(routeTableId, CUSTOMER_CIDR)).toMatchObject({ state: 'blackhole' });
    });
  });

  describe('route tables', () => {
    it('are all seen, over as many pages as it takes', async () => {
      const { vpcId: netId } = stage.network;
      const { routeTableIds } = await stage.harness.control('seed-route-tables', { netId, count: 1_000 });
      const seen = (await stage.port.observeRoutes(stage.network)).map((table) => table.routeTableId);
      expect(seen).toHaveLength(1_001);
      expect(seen).toEqual(expect.arrayContaining(routeTableIds as string[]));
      expect(stage.calls('ReadRouteTables')).toHaveLength(2);
      expect([...(await stage.routeTableIds())].sort()).toEqual([...seen].sort());
    });
  });

  describe('what is missing first', () => {
    it('is a prerequisite', async () => {
      stage.fault({
        kind: 'error',
        operation: 'AcceptNetPeering',
        code: '1004',
        message: 'No VM in the Net.',
      });
      const { providerId } = await stage.ask();
      const call = stage.port.acceptPeering(stage.network, providerId, stage.context({ providerId }));
      expect(await stage.refusal(call)).toMatchObject({
        category: 'precondition',
        reason: 'prerequisite_missing',
        message: expect.stringContaining('No VM in the Net.'),
      });
    });
  });

  describe('a key that does not sign well', () => {
    const wrong = () =>
      stage.connect({
        credentials: { ...stage.harness.options().credentials, secretAccessKey: 'wrong-secret-key' },
      });
    const look = (port = stage.port) => port.observePeerings(stage.network);

    it('costs one failure for each question, so that it is not locked out by one', async () => {
      const port = wrong();
      const { network } = stage;
      const failures = () => stage.calls().filter(({ outcome }) => outcome === 'error');
      const questions = [
        () => look(port),
        () => port.observePeering(network, outscaleSubject.unknown.providerId),
        () => port.observeRoutes(network),
        () => port.describeNetwork(network),
        () =>
          port.acceptPeering(network, outscaleSubject.unknown.providerId, stage.context({ providerId: 'x' })),
        () =>
          port.deletePeering(network, outscaleSubject.unknown.providerId, stage.context({ providerId: 'x' })),
      ];
      for (const ask of questions) {
        const before = failures().length;
        expect(await stage.refusal(ask())).toMatchObject({ category: 'auth', code: '1' });
        expect(failures()).toHaveLength(before + 1);
        await look();
      }
    });

    it('is refused while it is locked out, and good again afterwards', async () => {
      const port = wrong();
      for (let attempt = 0; attempt < 4; attempt++) await stage.refusal(look(port));
      expect(await stage.refusal(look())).toMatchObject({ category: 'auth', code: '11' });
      stage.harness.simulators.clock.advance(60_000);
      expect(await look()).toEqual([]);
    });
  });

  describe('throttling', () => {
    it.each(['6', '24', '25'])(
      'by code %s is told from a refusal, though its type is the same',
      async (code) => {
        stage.fault({ kind: 'throttle', operation: 'ReadNetPeerings', code });
        expect(await stage.refusal(stage.port.observePeerings(stage.network))).toMatchObject({
          category: 'throttled',
          code,
          message: expect.stringContaining('AccessDenied'),
        });
      },
    );
  });

  describe('credentials that OUTSCALE does not know', () => {
    it('are refused without a call', async () => {
      const { accessKeyId, secretAccessKey } = stage.harness.options().credentials;
      const credentials: CloudCredentials = {
        kind: 'assume_role',
        accessKeyId,
        secretAccessKey,
        roleArn: 'arn:aws:iam::1:role/x',
      };
      const before = stage.calls().length;
      const port = stage.connect({ credentials });
      expect(await stage.refusal(port.observePeerings(stage.network))).toMatchObject({
        category: 'auth',
        message: expect.stringContaining('access key'),
      });
      expect(stage.calls()).toHaveLength(before);
    });
  });

  describe('an endpoint', () => {
    it.each(['/', '/api', '/api/v1', '/api/v1/'])('may end in %p', async (path) => {
      const { api } = stage.harness.options().endpoints;
      const port = stage.connect({ endpoints: { api: `${api}${path}` } });
      expect(await port.observePeerings(stage.network)).toEqual([]);
    });
  });
});
