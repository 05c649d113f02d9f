import { beforeEach, describe, expect, it } from '@jest/globals';

import { CloudError, type CloudConnectionOptions, type CloudPort } from '#domain';
import { CredentialCipher } from '#runtime';

import { systemTimers } from '../engine/reconcile-ports.js';
import { AccountPool, type StoredAccount } from './account-pool.js';

const cipher = CredentialCipher.fromKeys(`k1:${Buffer.alloc(32, 3).toString('base64')}`);
const keys = (secretAccessKey: string): Buffer =>
  cipher.encrypt({ kind: 'static', accessKeyId: 'AKIA', secretAccessKey });

const ACCOUNT: StoredAccount = {
  id: 'acct_01k00000000000000000000000',
  cloud: 'aws',
  accountId: '111122223333',
  credentials: keys('first'),
  endpoints: { ec2: 'http://127.0.0.1:1' },
  updatedAt: 1,
};

describe('the pool of platform accounts', () => {
  let opened: CloudConnectionOptions[];
  let closed: number;
  let pool: AccountPool;

  beforeEach(() => {
    opened = [];
    closed = 0;
    const connect = (options: CloudConnectionOptions): CloudPort => {
      opened.push(options);
      return { cloud: 'aws', close: () => (closed += 1) } as unknown as CloudPort;
    };
    pool = new AccountPool({
      connectors: { aws: connect, outscale: connect },
      decrypt: (envelope) => cipher.decrypt(envelope),
      clock: { now: () => 0 },
      random: () => 0,
      callTimeoutMs: 1_000,
      observer: { called: () => undefined, waited: () => undefined, paced: () => undefined },
      paces: {
        reserve: () => Promise.reject(new Error('away')),
        slow: () => Promise.reject(new Error('away')),
      },
      timers: systemTimers,
      slots: 4,
      callsPerSecond: { aws: 1_000 },
    });
  });

  const secrets = (): unknown[] => opened.map(({ credentials }) => credentials);

  it('opens one port for each region, and one gate for all of them', () => {
    const first = pool.access(ACCOUNT, 'us-east-1');
    expect(pool.access({ ...ACCOUNT }, 'us-east-1').port).toBe(first.port);
    const elsewhere = pool.access(ACCOUNT, 'eu-west-1');
    expect(elsewhere.port).not.toBe(first.port);
    expect(elsewhere.gate).toBe(first.gate);
    expect(opened).toMatchObject([
      { region: 'us-east-1', accountId: '111122223333', timeoutMs: 1_000, endpoints: ACCOUNT.endpoints },
      { region: 'eu-west-1' },
    ]);
    expect(first.appointment()).toBeNull();
  });

  it('opens anew when an operator has changed the credentials, and closes what is old', () => {
    const old = pool.access(ACCOUNT, 'us-east-1');
    const changed = pool.access({ ...ACCOUNT, credentials: keys('second'), updatedAt: 2 }, 'us-east-1');
    expect(changed.gate).not.toBe(old.gate);
    expect(secrets()).toMatchObject([{ secretAccessKey: 'first' }, { secretAccessKey: 'second' }]);
    expect(closed).toBe(1);
  });

  it('lets one call alone of OUTSCALE fail, however many are wanted of keys that have worked', async () => {
    const { gate } = pool.access({ ...ACCOUNT, cloud: 'outscale' }, 'eu-west-2');
    await gate.pass('ask', () => Promise.resolve('ok'));
    let asked = 0;
    const refuse = async (): Promise<never> => {
      asked += 1;
      await new Promise((resolve) => setImmediate(resolve));
      throw new CloudError({ category: 'auth', code: '1', message: 'no', operation: 'ReadNets' });
    };
    await Promise.allSettled(Array.from({ length: 5 }, () => gate.pass('ask', refuse)));
    expect(asked).toBe(1);
  });

  it('keeps what it has when something else of the account has changed', () => {
    const old = pool.access(ACCOUNT, 'us-east-1');
    const { gate, port } = pool.access({ ...ACCOUNT, updatedAt: 2 }, 'us-east-1');
    expect([gate, port]).toEqual([old.gate, old.port]);
    expect(opened).toHaveLength(1);
  });

  it('never goes back to the credentials that a late reader still has', () => {
    const changed = { ...ACCOUNT, credentials: keys('second'), updatedAt: 2 };
    const current = pool.access(changed, 'us-east-1');
    expect(pool.access(ACCOUNT, 'us-east-1').gate).toBe(current.gate);
    pool.access(ACCOUNT, 'eu-west-1');
    expect(secrets()).toMatchObject([{ secretAccessKey: 'second' }, { secretAccessKey: 'second' }]);
  });

  it('says which cloud it cannot speak to, and which key is missing', () => {
    expect(() => pool.access({ ...ACCOUNT, cloud: 'huawei' }, 'cn-north-4')).toThrow('no adapter for huawei');
    const other = CredentialCipher.fromKeys(`k2:${Buffer.alloc(32, 4).toString('base64')}`);
    const foreign = { ...ACCOUNT, credentials: other.encrypt({ kind: 'static' }) };
    expect(() => pool.access(foreign, 'us-east-1')).toThrow('k2');
  });

  it('closes every port', () => {
    pool.access(ACCOUNT, 'us-east-1');
    pool.access(ACCOUNT, 'eu-west-1');
    pool.close();
    expect(closed).toBe(2);
  });
});
