import { beforeEach, describe, expect, it } from '@jest/globals';

import {
  CIRCUIT_SETTINGS,
  closedCircuit,
  CloudError,
  type Circuit,
  type CircuitKind,
  type CloudErrorInfo,
} from '#domain';
import type { NetworkSnapshot } from '#database';

import { AccountGate, DEFAULT_GATE_SETTINGS } from '../accounts/account-gate.js';
import { CloudBreaker } from './cloud-breaker.js';

const NOW = 1_000_000;
const REFUSED: CloudErrorInfo = {
  category: 'auth',
  code: 'SignatureDoesNotMatch',
  message: 'no',
  operation: 'DescribeVpcs',
};

describe('the trial of a region that did not answer', () => {
  let circuits: Record<CircuitKind, Circuit>;
  let gate: AccountGate;
  let breaker: CloudBreaker;

  beforeEach(() => {
    const clock = { now: () => NOW };
    const open = { ...closedCircuit(0), state: 'open', openings: 3, nextAttemptAt: NOW } as const;
    circuits = { credentials: closedCircuit(0), outage: open };
    gate = new AccountGate({ ...DEFAULT_GATE_SETTINGS, parallelCalls: 3 }, clock, () => undefined);
    const nothing = (): void => undefined;
    breaker = new CloudBreaker({
      circuits: {
        change: ({ kind }, _account, next) => {
          const before = circuits[kind];
          circuits[kind] = next(before) ?? before;
          return Promise.resolve({ before, after: circuits[kind] });
        },
      },
      clock,
      random: () => 0,
      log: { info: nothing, warn: nothing, error: nothing },
      monitor: { circuitMoved: nothing },
    });
  });

  /** What a look is answered that consists of this one call. */
  const look = async (call: () => Promise<string>): Promise<void> => {
    const account = { id: 'acct_1', cloud: 'aws', updatedAt: 0 };
    const snapshot = { account, network: { region: 'r' }, circuits } as unknown as NetworkSnapshot;
    const passage = await breaker.admit(snapshot);
    if (passage.kind === 'wait') throw new Error('It was not let through.');
    const error = await gate.pass('observePeerings', call).then(
      () => null,
      (thrown: unknown) => (thrown as CloudError).info,
    );
    await breaker.looked(snapshot, passage, error);
  };
  const refuse = (): Promise<string> => Promise.reject(new CloudError(REFUSED));

  it('has ended well when the cloud has answered, be it that it refuses the account', async () => {
    await look(refuse);
    expect(circuits.outage.state).toBe('closed');
    expect(circuits.credentials.state).toBe('open');
  });

  it('has told nothing when a refusal from elsewhere has kept the cloud from being asked', async () => {
    await gate.pass('elsewhere', refuse).catch(() => undefined);
    await look(() => Promise.reject(new Error('It was asked.')));
    expect(circuits.outage).toMatchObject({
      state: 'open',
      openings: 3,
      nextAttemptAt: NOW + 4 * CIRCUIT_SETTINGS.outage.firstWaitMs,
    });
    expect(circuits.credentials).toMatchObject({ state: 'open', cause: { code: REFUSED.code } });
  });

  it('has told nothing when the refusal came while it waited for its turn', async () => {
    const elsewhere = Promise.withResolvers<string>();
    const first = gate.pass('elsewhere', () => elsewhere.promise).catch(() => undefined);
    const looked = look(() => Promise.reject(new Error('It was asked.')));
    await new Promise((resolve) => setImmediate(resolve));
    elsewhere.reject(new CloudError(REFUSED));
    await Promise.all([first, looked]);
    expect(circuits.outage).toMatchObject({ state: 'open', openings: 3 });
  });
});
