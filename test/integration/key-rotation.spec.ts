import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { platformAccounts } from '#database';
import { CredentialCipher } from '#runtime';

import { renewCredentials } from '../../apps/standalone/src/database-setup.js';
import { openSeededDatabase, seedTenancy, type SeededDatabase } from '../support/seeded-database.js';

const key = (id: string, fill: number): string => `${id}:${Buffer.alloc(32, fill).toString('base64')}`;
const OLD = key('old', 1);
const NEW = key('new', 2);
const SECRET = { kind: 'static', accessKeyId: 'AKIA', secretAccessKey: 'secret' };

describe('a change of the encryption key', () => {
  let place: SeededDatabase;
  beforeAll(async () => {
    place = await openSeededDatabase(2);
  });
  afterAll(() => place.close());

  /** An account whose credentials are encrypted with the first of these keys; its deployment's id. */
  const account = async (keys: string): Promise<{ readonly id: string; readonly deploymentId: string }> => {
    const { account: made, deployment } = await seedTenancy(place.database);
    const envelope = CredentialCipher.fromKeys(keys).encrypt(SECRET);
    await place.database.asOperator((scope) =>
      platformAccounts.update(scope, made.id, { credentials: { envelope, kind: 'static' } }),
    );
    return { id: made.id, deploymentId: deployment.id };
  };
  /** What a worker reads of an account's credentials. */
  const stored = async (deploymentId: string): Promise<Buffer> => {
    const { reconcile } = place.database;
    const lease = await reconcile.leaseDeployment(deploymentId, 'spec', Date.now(), 10_000);
    const snapshot = await reconcile.loadNetwork(lease!);
    await reconcile.release(lease!);
    return snapshot!.account.credentials;
  };

  it('encrypts with the new one what the old one has encrypted, once, and leaves what no key opens', async () => {
    const [old, current, foreign] = [await account(OLD), await account(NEW), await account(key('lost', 3))];
    const before = await Promise.all([stored(current.deploymentId), stored(foreign.deploymentId)]);
    expect(await renewCredentials(place.url, `${NEW},${OLD}`)).toEqual({ renewed: 1, unreadable: 1 });
    expect(CredentialCipher.fromKeys(NEW).decrypt(await stored(old.deploymentId))).toEqual(SECRET);
    expect(await Promise.all([stored(current.deploymentId), stored(foreign.deploymentId)])).toEqual(before);
    expect(await renewCredentials(place.url, NEW)).toEqual({ renewed: 0, unreadable: 1 });
  });
});
