import { beforeEach, describe, expect, it } from '@jest/globals';

import { CloudError, type CloudErrorCategory } from '#domain';

import { AccountGate, DEFAULT_GATE_SETTINGS, HELD_BACK, OPENING } from './account-gate.js';
import { currentUse, PortUse } from './port-use.js';

/** A call that the test ends when it likes. */
class Call {
  readonly #outcome = Promise.withResolvers<string>();
  #begun = false;

  readonly make = (): Promise<string> => {
    this.#begun = true;
    return this.#outcome.promise;
  };

  get begun(): boolean {
    return this.#begun;
  }

  succeed(): void {
    this.#outcome.resolve('ok');
  }

  fail(category: CloudErrorCategory): void {
    this.#outcome.reject(failure(category));
  }
}

function failure(category: CloudErrorCategory): CloudError {
  return new CloudError({ category, code: `A ${category} code`, message: 'no', operation: 'Operation' });
}

/** Until everything that can happen has happened. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the gate of an account', () => {
  let now: number;
  let gate: AccountGate;
  let told: string[];

  beforeEach(() => {
    now = 1_000_000;
    told = [];
    gate = new AccountGate(
      { ...DEFAULT_GATE_SETTINGS, parallelCalls: 3 },
      { now: () => now },
      (operation, outcome) => told.push(`${operation} ${outcome}`),
    );
  });

  const pass = (call: Call): Promise<string> => {
    const passed = gate.pass('ask', call.make);
    passed.catch(() => undefined);
    return passed;
  };
  const beginAll = (those: readonly Call[]): void => {
    for (const call of those) void pass(call);
  };
  const calls = (count: number): Call[] => Array.from({ length: count }, () => new Call());
  const begun = (those: readonly Call[]): boolean[] => those.map((call) => call.begun);
  const prove = async (): Promise<void> => {
    await gate.pass('prove', () => Promise.resolve('ok'));
  };
  const refusalOf = async (passed: Promise<unknown>): Promise<CloudError> => {
    const error: unknown = await passed.catch((thrown: unknown) => thrown);
    if (!(error instanceof CloudError)) throw new Error('It was let through.');
    return error;
  };

  it('tries credentials that were never accepted with one call alone', async () => {
    const those = calls(5);
    const passed = those.map(pass);
    await settle();
    expect(begun(those)).toEqual([true, false, false, false, false]);
    those[0]!.succeed();
    await settle();
    expect(begun(those)).toEqual([true, true, true, true, false]);
    for (const call of those) call.succeed();
    expect(await Promise.all(passed)).toEqual(those.map(() => 'ok'));
    expect(gate.idle).toBe(true);
  });

  it('lets nobody follow a call whose credentials were refused', async () => {
    const those = calls(4);
    const passed = those.map(pass);
    await settle();
    those[0]!.fail('auth');
    for (const each of passed) expect((await refusalOf(each)).info.category).toBe('auth');
    expect(begun(those)).toEqual([true, false, false, false]);
    const later = new Call();
    expect((await refusalOf(pass(later))).info).toMatchObject({ code: 'A auth code', operation: OPENING });
    expect(later.begun).toBe(false);
    expect(gate.refusal).toMatchObject({ at: now, error: { category: 'auth' } });
  });

  it('tells of each refusal once', async () => {
    expect(gate.takeRefusal()).toBe(false);
    await refusalOf(gate.pass('ask', () => Promise.reject(failure('auth'))));
    expect([gate.takeRefusal(), gate.takeRefusal()]).toEqual([true, false]);
    gate.reopen();
    await refusalOf(gate.pass('ask', () => Promise.reject(failure('auth'))));
    expect(gate.takeRefusal()).toBe(true);
  });

  it('tries refused credentials again with one call alone', async () => {
    await prove();
    await refusalOf(gate.pass('ask', () => Promise.reject(failure('auth'))));
    gate.reopen();
    const those = calls(2);
    beginAll(those);
    await settle();
    expect(begun(those)).toEqual([true, false]);
  });

  it('tries credentials alone again when they have not been accepted for a while', async () => {
    await prove();
    now += DEFAULT_GATE_SETTINGS.proofMs;
    const those = calls(2);
    beginAll(those);
    await settle();
    expect(begun(those)).toEqual([true, false]);
  });

  it.each(['not_found', 'conflict', 'quota', 'invalid_state', 'precondition', 'unknown'] as const)(
    'takes an answer of the kind %s as a proof that the credentials were accepted',
    async (category) => {
      await refusalOf(gate.pass('ask', () => Promise.reject(failure(category))));
      const those = calls(4);
      beginAll(those);
      await settle();
      expect(begun(those)).toEqual([true, true, true, false]);
    },
  );

  it.each(['transient', 'throttled'] as const)('takes no %s answer as a proof', async (category) => {
    await refusalOf(gate.pass('ask', () => Promise.reject(failure(category))));
    const those = calls(2);
    beginAll(those);
    await settle();
    expect(begun(those)).toEqual([true, false]);
  });

  it('has a throttled answer told where the call was admitted, and keeps nobody else waiting', async () => {
    await prove();
    const slowedDown: number[] = [];
    const admitted = { throttled: (sentAt: number) => Promise.resolve(void slowedDown.push(sentAt)) };
    const throttled = gate.pass('ask', () => {
      currentUse()?.admitted('Operation', admitted, now + 5, 5);
      return Promise.reject(failure('throttled'));
    });
    expect((await refusalOf(throttled)).info).toMatchObject({
      category: 'throttled',
      code: 'A throttled code',
    });
    expect(slowedDown).toEqual([now + 5]);
    expect(await gate.pass('ask', () => Promise.resolve('ok'))).toBe('ok');
  });

  it('takes what was held back for no answer: nothing is told, proved or slowed down', async () => {
    const heldBack = new CloudError({
      category: 'throttled',
      code: HELD_BACK,
      message: '',
      operation: 'Operation',
    });
    expect(await refusalOf(gate.pass('ask', () => Promise.reject(heldBack)))).toBe(heldBack);
    expect(told).toEqual([]);
    const those = calls(2);
    beginAll(those);
    await settle();
    expect(begun(those)).toEqual([true, false]);
  });

  it('lets a call ask whether it may still be made', async () => {
    let may = true;
    const asked = await gate.pass(
      'ask',
      () => {
        may = false;
        return Promise.resolve(currentUse()?.mayCall());
      },
      new PortUse('change', () => may),
    );
    expect(asked).toBe(false);
  });

  it('counts what was asked of the cloud, and not what was held back', async () => {
    await prove();
    await refusalOf(gate.pass('ask', () => Promise.reject(failure('auth'))));
    await refusalOf(gate.pass('ask', () => Promise.resolve('never')));
    await gate.pass('ask', () => Promise.reject(new TypeError('ours'))).catch(() => undefined);
    gate.reopen();
    await gate.pass('ask', () => Promise.reject(new TypeError('ours'))).catch(() => undefined);
    expect(told).toEqual(['prove ok', 'ask auth', 'ask defect']);
  });
});
