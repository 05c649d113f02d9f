import { describe, expect, it } from '@jest/globals';
import { CUSTOMER_CIDR, isOver, type Stage } from './stage.js';

/** Accepting and rejecting, where the customer asks. */
export function describeAnswering(stage: Stage): void {
  const { operations } = stage.subject;
  const accepting = operations.accept ?? '';

  describe('accepting', () => {
    const accept = (providerId: string, port = stage.port) =>
      port.acceptPeering(stage.network, providerId, stage.context({ providerId }));

    it('brings the connection up and gives the cloud’s request id', async () => {
      const request = await stage.ask();
      const { requestId } = await accept(request.providerId);
      expect(requestId).toMatch(/\S+/);
      expect(['in_progress', 'active']).toContain((await stage.observe(request))?.phase);
      await stage.untilPhase(request, 'active');
    });

    it('again is refused and changes nothing', async () => {
      const request = await stage.establish();
      const before = await stage.observe(request);
      const error = await stage.refusal(accept(request.providerId));
      expect(error).toMatchObject({ category: 'invalid_state', operation: accepting });
      expect(await stage.observe(request)).toEqual(before);
      expect(stage.effects(accepting)).toBe(1);
    });

    it('by two workers at once happens once', async () => {
      const { providerId } = await stage.ask();
      const outcomes = await Promise.allSettled([accept(providerId), accept(providerId, stage.connect())]);
      expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1);
      expect(stage.effects(accepting)).toBe(1);
    });

    it('what was rejected, or never was, is refused', async () => {
      const request = await stage.ask();
      await stage.port.rejectPeering(stage.network, request.providerId, stage.context(request));
      await stage.untilOver(request);
      for (const { providerId } of [request, stage.subject.unknown]) {
        const { category } = await stage.refusal(accept(providerId));
        expect(['invalid_state', 'not_found']).toContain(category);
      }
      expect(stage.effects(accepting)).toBe(0);
    });

    it('whose answer is lost is transient, and the effect is there to be seen', async () => {
      const request = await stage.ask();
      stage.fault({ kind: 'drop_after', operation: accepting });
      const error = await stage.refusal(accept(request.providerId));
      expect(error).toMatchObject({ category: 'transient', operation: accepting });
      expect(stage.calls(accepting)).toMatchObject([{ outcome: 'dropped', tookEffect: true }]);
      await stage.untilPhase(request, 'active');
    });

    it('that never arrives is transient, not repeated, and has no effect', async () => {
      const request = await stage.ask();
      stage.fault({ kind: 'drop_before', operation: accepting });
      const error = await stage.refusal(accept(request.providerId));
      expect(error.category).toBe('transient');
      expect(stage.calls(accepting)).toMatchObject([{ outcome: 'dropped', tookEffect: false }]);
      expect((await stage.observe(request))?.phase).toBe('pending_platform');
    });

    it('may look undone to a stale look that follows', async () => {
      const request = await stage.ask();
      await accept(request.providerId);
      stage.fault({ kind: 'stale_read', operation: operations.observePeerings });
      const [stale] = await stage.port.observePeerings(stage.network);
      expect(stale?.phase).toBe('pending_platform');
      expect((await stage.observe(request))?.phase).not.toBe('pending_platform');
    });
  });

  describe('rejecting', () => {
    const reject = (providerId: string) =>
      stage.port.rejectPeering(stage.network, providerId, stage.context({ providerId }));

    it('ends the request, however often it is done', async () => {
      const request = await stage.ask();
      await reject(request.providerId);
      const seen = await stage.untilOver(request);
      expect(seen === null || ['rejected', 'gone'].includes(seen.phase)).toBe(true);
      await reject(request.providerId);
      expect(stage.effects(operations.reject ?? '')).toBe(1);
    });

    it('succeeds when the customer was faster', async () => {
      const request = await stage.ask();
      await stage.harness.deleteAsCustomer(request);
      await stage.untilOver(request);
      await reject(request.providerId);
      await reject(stage.subject.unknown.providerId);
      expect(isOver(await stage.observe(request))).toBe(true);
    });

    it('never touches a connection that is up', async () => {
      const request = await stage.establish();
      const error = await stage.refusal(reject(request.providerId));
      expect(error.category).toBe('invalid_state');
      expect((await stage.observe(request))?.phase).toBe('active');
    });

    it('leaves the customer free to ask again', async () => {
      const first = await stage.ask();
      await reject(first.providerId);
      await stage.untilOver(first);
      const second = await stage.establish(CUSTOMER_CIDR);
      expect(second.providerId).not.toBe(first.providerId);
    });
  });

  describe('what only platforms that ask do', () => {
    it('is refused without a call', async () => {
      const { network, port } = stage;
      const target = { providerId: stage.subject.unknown.providerId, ownerAccountId: '1' };
      const before = stage.calls().length;
      for (const call of [
        port.requestAttachment(network, target, stage.context(target)),
        port.withdrawAttachment(network, target, stage.context(target)),
      ]) {
        expect((await stage.refusal(call)).category).toBe('precondition');
      }
      expect(stage.calls()).toHaveLength(before);
    });
  });
}
