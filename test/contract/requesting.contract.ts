import { describe, expect, it } from '@jest/globals';
import type { AttachmentRequest } from '#domain';
import type { CustomerRequest } from './cloud-harness.js';
import { CUSTOMER_CIDR, isOver, type Stage } from './stage.js';

/** Asking and taking back, where the platform asks. */
export function describeRequesting(stage: Stage): void {
  const { operations, unknown } = stage.subject;
  const asking = operations.request ?? '';
  const withdrawing = operations.withdraw ?? '';

  const answer = () => stage.harness.answer!;
  const targetOf = ({ providerId, customer }: CustomerRequest): AttachmentRequest => ({
    providerId,
    ownerAccountId: customer.accountId ?? '',
  });
  const prepare = () => stage.harness.createRequest(stage.network, CUSTOMER_CIDR);
  const ask = (request: CustomerRequest, port = stage.port) =>
    port.requestAttachment(stage.network, targetOf(request), stage.context(request));
  const withdraw = (request: CustomerRequest) =>
    stage.port.withdrawAttachment(stage.network, targetOf(request), stage.context(request));

  describe('asking', () => {
    it('leaves a request that waits for the customer and carries the mark', async () => {
      const request = await prepare();
      expect(await stage.observe(request)).toBeNull();
      const { requestId } = await ask(request);
      expect(requestId).toMatch(/\S+/);
      expect(await stage.observe(request)).toMatchObject({
        phase: 'pending_customer',
        mark: stage.context(request).mark,
      });
    });

    it('again succeeds and changes nothing, whether it is answered or not', async () => {
      const request = await prepare();
      await ask(request);
      await ask(request);
      await answer().approve(request);
      await ask(request);
      await stage.untilPhase(request, 'active');
      const before = await stage.observe(request);
      await ask(request);
      expect(await stage.observe(request)).toEqual(before);
      expect(stage.effects(asking)).toBe(1);
    });

    it('by two workers at once leaves one request', async () => {
      const request = await prepare();
      await Promise.all([ask(request), ask(request, stage.connect())]);
      expect(await stage.port.observePeerings(stage.network)).toHaveLength(1);
      expect(stage.effects(asking)).toBe(1);
    });

    it('again succeeds even when the look before it is stale', async () => {
      const request = await prepare();
      await ask(request);
      stage.fault({ kind: 'stale_read', operation: operations.observePeerings });
      await ask(request);
      expect(stage.effects(asking)).toBe(1);
    });

    it('what asks already for another connection is a conflict, and changes nothing', async () => {
      const request = await prepare();
      await ask(request);
      const before = await stage.observe(request);
      const other = { ...stage.context(request), mark: 'peer_of_somebody_else' };
      const error = await stage.refusal(
        stage.port.requestAttachment(stage.network, targetOf(request), other),
      );
      expect(error).toMatchObject({ category: 'conflict', reason: 'attachment_exists' });
      expect(await stage.observe(request)).toEqual(before);
    });

    it('to join what does not exist says so', async () => {
      const request = await prepare();
      const error = await stage.refusal(ask({ ...request, providerId: unknown.providerId }));
      expect(error).toMatchObject({
        category: 'not_found',
        reason: 'peer_network_not_found',
        operation: asking,
      });
      expect(error.message).toContain(unknown.providerId);
    });

    it('to join what belongs to another account says so', async () => {
      const { accountId } = stage.harness.options();
      const { customer, ...request } = await prepare();
      const error = await stage.refusal(ask({ ...request, customer: { ...customer, accountId } }));
      expect(error).toMatchObject({ category: 'not_found', reason: 'peer_network_not_found' });
    });

    it('an account that nobody has says so', async () => {
      const { customer, ...request } = await prepare();
      const error = await stage.refusal(
        ask({ ...request, customer: { ...customer, accountId: '100099990000' } }),
      );
      expect(error).toMatchObject({ category: 'not_found', reason: 'unknown_peer_account' });
    });

    it('for a network that the platform does not have does not blame the customer', async () => {
      const request = await prepare();
      const network = { ...stage.network, vpcId: unknown.vpcId };
      const error = await stage.refusal(
        stage.port.requestAttachment(network, targetOf(request), stage.context(request)),
      );
      expect(error.category).toBe('not_found');
      expect(error.reason).toBeUndefined();
    });

    it('whose answer is lost is transient, and the request is there to be seen', async () => {
      const request = await prepare();
      stage.fault({ kind: 'drop_after', operation: asking });
      const error = await stage.refusal(ask(request));
      expect(error).toMatchObject({ category: 'transient', operation: asking });
      expect((await stage.observe(request))?.phase).toBe('pending_customer');
      await ask(request);
      expect(stage.effects(asking)).toBe(1);
    });

    it('that never arrives is transient, not repeated, and has no effect', async () => {
      const request = await prepare();
      stage.fault({ kind: 'drop_before', operation: asking });
      expect((await stage.refusal(ask(request))).category).toBe('transient');
      expect(stage.calls(asking)).toHaveLength(1);
      expect(await stage.observe(request)).toBeNull();
    });
  });

  describe('the customer’s answer', () => {
    it('brings the connection up', async () => {
      const request = await stage.ask();
      await answer().approve(request);
      expect(['in_progress', 'active']).toContain((await stage.observe(request))?.phase);
      await stage.untilPhase(request, 'active');
    });

    it('can be no, and the platform can ask again', async () => {
      const request = await stage.ask();
      await answer().refuse(request);
      expect(await stage.observe(request)).toMatchObject({
        phase: 'rejected',
        mark: stage.context(request).mark,
      });
      await ask(request);
      expect((await stage.observe(request))?.phase).toBe('pending_customer');
      await answer().approve(request);
      await stage.untilPhase(request, 'active');
    });

    it('of no to an earlier connection does not keep a later one from asking', async () => {
      const request = await stage.ask();
      await answer().refuse(request);
      const later = { mark: 'peer_later', token: 'token-later' };
      await stage.port.requestAttachment(stage.network, targetOf(request), later);
      expect(await stage.port.observePeerings(stage.network)).toMatchObject([
        { phase: 'pending_customer', mark: 'peer_later' },
      ]);
    });
  });

  describe('taking back', () => {
    it('a request leaves nothing that could be approved', async () => {
      const request = await stage.ask();
      await withdraw(request);
      await stage.untilOver(request);
      await withdraw(request);
      await expect(answer().approve(request)).rejects.toThrow();
      expect(isOver(await stage.observe(request))).toBe(true);
      expect(stage.effects(withdrawing)).toBe(1);
    });

    it('what the customer has refused takes it off the list', async () => {
      const request = await stage.ask();
      await answer().refuse(request);
      await withdraw(request);
      expect(await stage.port.observePeerings(stage.network)).toEqual([]);
    });

    it('waits while the cloud is still setting it up', async () => {
      const request = await stage.ask();
      await answer().approve(request);
      const seen = await stage.observe(request);
      if (seen?.phase === 'in_progress') {
        expect((await stage.refusal(withdraw(request))).category).toBe('conflict');
      }
      await stage.untilPhase(request, 'active');
      await withdraw(request);
      await stage.untilOver(request);
    });

    it('leaves the platform free to ask again', async () => {
      const request = await stage.ask();
      await withdraw(request);
      await stage.untilOver(request);
      await ask(request);
      expect((await stage.observe(request))?.phase).toBe('pending_customer');
    });
  });

  describe('what only platforms that are asked do', () => {
    it('is refused without a call', async () => {
      const { network, port } = stage;
      const context = stage.context(unknown);
      const before = stage.calls().length;
      for (const call of [
        port.acceptPeering(network, unknown.providerId, context),
        port.rejectPeering(network, unknown.providerId, context),
        port.deletePeering(network, unknown.providerId, context),
      ]) {
        expect((await stage.refusal(call)).category).toBe('precondition');
      }
      expect(stage.calls()).toHaveLength(before);
    });
  });
}
