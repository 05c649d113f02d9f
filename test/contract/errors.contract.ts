import { describe, expect, it } from '@jest/globals';
import { vocabularies } from '#clouds';
import type { CloudCredentials } from '#domain';
import { CUSTOMER_CIDR, type Stage } from './stage.js';

/** A port of the machine that nothing listens on: connections to it are refused. */
const NOBODY = 'http://127.0.0.1:1';

/** What every failure is turned into. */
export function describeErrors(stage: Stage): void {
  const { subject } = stage;
  const { observePeerings: operation } = subject.operations;
  const look = (port = stage.port) => port.observePeerings(stage.network);

  describe('error codes', () => {
    const known = Object.entries(vocabularies[subject.cloud]?.errors ?? {});

    it.each(known)('%s', async (code, { category, reason }) => {
      stage.fault({ kind: 'error', operation, code });
      const error = await stage.refusal(look());
      expect(error).toMatchObject({ category, code, operation, ...(reason && { reason }) });
      expect(error.requestId).toMatch(/\S+/);
      expect(stage.calls(operation)).toHaveLength(1);
    });

    it('that nobody knows are unknown, and kept', async () => {
      const code = subject.unknownErrorCode;
      stage.fault({ kind: 'error', operation, code, message: 'Something new.' });
      const error = await stage.refusal(look());
      expect(error).toMatchObject({ category: 'unknown', code, operation });
      expect(error.message).toContain('Something new.');
      expect(error.requestId).toMatch(/\S+/);
    });
  });

  describe('a cloud in trouble', () => {
    it('that throttles is throttled, and is not asked again', async () => {
      stage.fault({ kind: 'throttle', operation, times: 10 });
      expect((await stage.refusal(look())).category).toBe('throttled');
      expect(stage.calls(operation)).toHaveLength(1);
    });

    it('that fails is transient, and is not asked again', async () => {
      stage.fault({ kind: 'server_error', operation, times: 10 });
      expect((await stage.refusal(look())).category).toBe('transient');
      expect(stage.calls(operation)).toHaveLength(1);
    });

    it('that closes the connection is transient', async () => {
      stage.fault({ kind: 'drop_before', operation });
      const error = await stage.refusal(look());
      expect(error).toMatchObject({ category: 'transient', operation });
      expect(await look()).toEqual([]);
    });

    it('that does not answer in time is transient, soon after the deadline', async () => {
      const slow = 5_000;
      stage.fault({ kind: 'latency', operation, ms: slow });
      const port = stage.connect({ timeoutMs: 200 });
      const startedAt = performance.now();
      const error = await stage.refusal(look(port));
      expect(error).toMatchObject({ category: 'transient', operation });
      const took = performance.now() - startedAt;
      expect(took).toBeGreaterThanOrEqual(190);
      expect(took).toBeLessThan(slow / 2);
    });

    it('that cannot be reached is transient', async () => {
      const { endpoints } = stage.harness.options();
      const nowhere = Object.fromEntries(Object.keys(endpoints).map((service) => [service, NOBODY]));
      const error = await stage.refusal(look(stage.connect({ endpoints: nowhere })));
      expect(error.category).toBe('transient');
    });
  });

  describe('credentials', () => {
    const withCredentials = (change: (given: CloudCredentials) => CloudCredentials) =>
      stage.connect({ credentials: change(stage.harness.options().credentials) });

    it('with a wrong secret are refused', async () => {
      const secretAccessKey = 'not-the-secret-of-this-access-key-00000';
      const port = withCredentials((given) => ({ ...given, secretAccessKey }));
      const error = await stage.refusal(look(port), secretAccessKey);
      expect(error.category).toBe('auth');
      expect(stage.calls(operation)).toHaveLength(1);
    });

    it('that nobody has are refused', async () => {
      const accessKeyId = 'AKIANOBODYHASTHISKEY';
      const port = withCredentials((given) => ({ ...given, accessKeyId }));
      expect((await stage.refusal(look(port), accessKeyId)).category).toBe('auth');
    });

    it('that were revoked are refused from then on', async () => {
      await look();
      const { accessKeyId } = stage.harness.options().credentials;
      stage.harness.simulators.cloud(subject.cloud).simulator.accounts.revokeKey(accessKeyId);
      expect((await stage.refusal(look())).category).toBe('auth');
    });

    it('that lack a permission are refused, and the message names the operation', async () => {
      const { accountId } = stage.harness.options();
      const { accounts } = stage.harness.simulators.cloud(subject.cloud).simulator;
      accounts.setDenied(accountId, operation, true);
      const error = await stage.refusal(look());
      expect(error.category).toBe('auth');
      expect(`${error.operation} ${error.message}`).toContain(operation);
    });

    it('never show in an error, even when the cloud repeats them', async () => {
      for (const secret of stage.harness.secrets()) {
        const code = subject.unknownErrorCode;
        stage.fault({ kind: 'error', operation, code, message: `Refused: ${secret} is not good.` });
        const { message } = await stage.refusal(look());
        expect(message).toContain('Refused: ');
      }
    });
  });

  describe('a closed port', () => {
    it('refuses calls, and can be closed again', async () => {
      const request = await stage.ask(CUSTOMER_CIDR);
      stage.port.close();
      stage.port.close();
      const before = stage.calls().length;
      expect((await stage.refusal(look())).category).toBe('transient');
      expect((await stage.refusal(stage.observe(request))).category).toBe('transient');
      expect(stage.calls()).toHaveLength(before);
    });
  });
}
