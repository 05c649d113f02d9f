/** What the engine needs of the world around it; everything that it does goes through these. */
import type { ReconcileStore } from '#database';

import type { CloudAccess, StoredAccount } from '../accounts/account-pool.js';

/** The memory of the engine. Every method may throw while it is out of reach. */
export type Store = Pick<
  ReconcileStore,
  | 'leaseDeployment'
  | 'renew'
  | 'release'
  | 'loadNetwork'
  | 'saveStatus'
  | 'touch'
  | 'nextDue'
  | 'saveVpcCheck'
>;

/** The way to the clouds. */
export interface CloudAccounts {
  /** @throws Error when the account cannot be spoken for at all */
  access(account: StoredAccount, region: string): CloudAccess;
}

/** Asks for a deployment to be worked on; never rejects, and may be lost. */
export interface Wake {
  /** @param tenantId on whose account: who has woken much lately stands behind those who have not */
  wake(deploymentId: string, delayMs?: number, tenantId?: string): Promise<void>;
}

/** Time that passes. */
export interface Timers {
  sleep(ms: number): Promise<void>;
  /** Calls `beat` every `ms` until the returned function is called; never two at once. */
  every(ms: number, beat: () => Promise<void>): () => void;
}

/** The machine's timers. */
export const systemTimers: Timers = {
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  every(ms, beat) {
    let stopped = false;
    let timer = setTimeout(next, ms);
    function next(): void {
      void beat().finally(() => {
        if (!stopped) timer = setTimeout(next, ms);
      });
    }
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  },
};
