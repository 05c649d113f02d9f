import type { Account, AccountAttributes } from './accounts.js';
import type { CallLog } from './call-log.js';
import type { CloudId, CloudSimulator } from './cloud-simulator.js';
import type { FaultBook } from './faults.js';
import type { VirtualClock } from './virtual-clock.js';

/** One cloud of a running simulator. */
export interface RunningCloud {
  readonly simulator: CloudSimulator;
  readonly calls: CallLog;
  readonly endpoint: string;
}

/** The simulators, listening. */
export interface Simulators {
  /** Base of the control API, without a trailing slash: `http://127.0.0.1:4000`. */
  readonly controlUrl: string;
  /** Base URL of each started cloud; reading that of another throws. */
  readonly endpoints: Readonly<Record<CloudId, string>>;
  readonly clock: VirtualClock;
  readonly faults: FaultBook;
  readonly clouds: ReadonlyMap<CloudId, RunningCloud>;
  /** The started cloud; throws for one that was not started. */
  cloud(id: CloudId): RunningCloud;
  /** The account made by default for the platform or its customer in a cloud. */
  account(cloud: CloudId, role: 'platform' | 'customer'): Account;
  /** Adds or changes an account; see `POST /_sim/accounts`. */
  putAccount(cloud: CloudId, given: AccountAttributes): Account;
  /** Everything as just started: resources, accounts, faults, call logs, clock. */
  reset(): void;
  /** Stops listening and drops open connections. */
  close(): Promise<void>;
}
