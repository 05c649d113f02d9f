import { describe, expect, it } from '@jest/globals';
import type { ChangeReceipt } from '#domain';
import type { CustomerRequest } from './cloud-harness.js';
import { isOver, type Stage } from './stage.js';

/** Ending connections, from either side. */
export function describeRemoving(stage: Stage): void {
  const { capabilities, subject } = stage;
  const withdraws = capabilities.takeBackPending === 'withdraw';
  const operation = (withdraws ? subject.operations.withdraw : subject.operations.delete) ?? '';

  const remove = ({ providerId, customer }: CustomerRequest): Promise<ChangeReceipt> => {
    const { network, port } = stage;
    const context = stage.context({ providerId });
    const target = { providerId, ownerAccountId: customer.accountId ?? '' };
    return withdraws
      ? port.withdrawAttachment(network, target, context)
      : port.deletePeering(network, providerId, context);
  };

  describe('removing', () => {
    it('ends a connection that is up, however often it is done', async () => {
      const request = await stage.establish();
      const { requestId } = await remove(request);
      expect(requestId).toMatch(/\S+/);
      await remove(request);
      await stage.untilOver(request);
      await remove(request);
      expect(stage.effects(operation)).toBe(1);
    });

    if (capabilities.maxLivePerNetwork !== 1) {
      it('ends nothing else', async () => {
        const stays = await stage.establish('172.20.0.0/16');
        const goes = await stage.establish('172.21.0.0/16');
        await remove(goes);
        await stage.untilOver(goes);
        expect((await stage.observe(stays))?.phase).toBe('active');
      });
    }

    it('what is gone, or never was, succeeds', async () => {
      const request = await stage.establish();
      await stage.harness.deleteAsCustomer(request);
      await stage.untilOver(request);
      await remove(request);
      await remove({ ...request, providerId: subject.unknown.providerId });
      expect(stage.effects(operation)).toBe(0);
    });

    it('what still waits says truly whether it is gone', async () => {
      const request = await stage.ask();
      const succeeded = await remove(request).then(
        () => true,
        () => false,
      );
      if (succeeded) await stage.untilOver(request);
      expect(isOver(await stage.observe(request))).toBe(succeeded);
    });

    it('whose answer is lost is transient, and can be repeated', async () => {
      const request = await stage.establish();
      stage.fault({ kind: 'drop_after', operation });
      const error = await stage.refusal(remove(request));
      expect(error).toMatchObject({ category: 'transient', operation });
      await remove(request);
      await stage.untilOver(request);
      expect(stage.effects(operation)).toBe(1);
    });

    it('that never arrives is transient, not repeated, and has no effect', async () => {
      const request = await stage.establish();
      stage.fault({ kind: 'drop_before', operation });
      expect((await stage.refusal(remove(request))).category).toBe('transient');
      expect(stage.calls(operation)).toHaveLength(1);
      expect((await stage.observe(request))?.phase).toBe('active');
    });
  });

  describe('the customer', () => {
    it('ends a connection, and it is seen', async () => {
      const request = await stage.establish();
      await stage.harness.deleteAsCustomer(request);
      const seen = await stage.untilOver(request);
      expect(seen === null || seen.phase === 'gone').toBe(true);
    });

    it('takes a request back, and it is seen', async () => {
      const request = await stage.ask();
      await stage.harness.deleteAsCustomer(request);
      await stage.untilOver(request);
      const listed = await stage.port.observePeerings(stage.network);
      expect(listed.every(isOver)).toBe(true);
    });
  });
}
