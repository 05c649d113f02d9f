import { beforeEach, describe, expect, it } from '@jest/globals';
import { CloudError } from '#domain';
import type { Stage } from './stage.js';

/** What whoever paces calls may count on. */
export function describeAdmission(stage: Stage): void {
  const { cloud, operations } = stage.subject;

  describe('admission', () => {
    // What made the scene was not asked for through the port.
    beforeEach(() => stage.harness.simulators.cloud(cloud).calls.clear());

    it('is asked for before every call, by the call’s own name', async () => {
      const asked: string[] = [];
      const admit = (operation: string): Promise<void> => {
        // Nothing is made before it is admitted.
        expect(stage.calls().length).toBeLessThanOrEqual(asked.length);
        asked.push(operation);
        return Promise.resolve();
      };
      const port = stage.connect({ admit });
      await port.describeNetwork(stage.network);
      await port.observePeerings(stage.network);
      await port.observeRoutes(stage.network);
      expect(asked.sort()).toEqual(
        stage
          .calls()
          .map(({ operation }) => operation)
          .sort(),
      );
      expect(asked).toContain(operations.observePeerings);
    });

    it('takes none of the time that a call has', async () => {
      const admit = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 350));
      const port = stage.connect({ admit, timeoutMs: 300 });
      expect(await port.observePeerings(stage.network)).toEqual([]);
    });

    it('that is denied makes no call, and says why', async () => {
      const denied = new CloudError({
        category: 'throttled',
        code: 'Later',
        message: 'no',
        operation: 'any',
      });
      const port = stage.connect({ admit: () => Promise.reject(denied) });
      expect(await stage.refusal(port.observePeerings(stage.network))).toEqual(denied.info);
      expect(stage.calls()).toEqual([]);
    });
  });
}
