import { beforeEach, describe, expect, test } from '@jest/globals';

import type { ApiKeyCredential } from '#database';
import { hashSecret, newId, newSecret } from '#runtime';

import { KeyRing, readAuthorization } from './key-ring.js';

describe('the Authorization header', () => {
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

  test.each([
    [basic('key_1:s3cret'), { keyId: 'key_1', secret: 's3cret' }],
    [basic('key_1:with:colons'), { keyId: 'key_1', secret: 'with:colons' }],
    ['Bearer key_1:s3cret', { keyId: 'key_1', secret: 's3cret' }],
    ['bearer   key_1:s3cret', { keyId: 'key_1', secret: 's3cret' }],
    [basic('key_1:'), { keyId: 'key_1', secret: '' }],
  ])('%s names a key', (header, expected) => {
    expect(readAuthorization(header)).toEqual(expected);
  });

  test.each([
    undefined,
    '',
    'Basic',
    'Basic !!!',
    basic('nocolon'),
    basic(':s'),
    'Digest a:b',
    'Bearer a b:c',
  ])('%s names none', (header) => {
    expect(readAuthorization(header)).toBeNull();
  });
});

describe('a key ring', () => {
  let now: number;
  let stored: Map<string, ApiKeyCredential>;
  let lookUps: number;
  let ring: KeyRing;
  const secret = newSecret();

  function store(changes: Partial<ApiKeyCredential> = {}): ApiKeyCredential {
    const key: ApiKeyCredential = {
      id: newId('key'),
      tenantId: newId('ten'),
      role: 'project_user',
      projectIds: [newId('prj')],
      displayName: '',
      createdAt: 0,
      expiresAt: null,
      revokedAt: null,
      secretHash: hashSecret(secret),
      ...changes,
    };
    stored.set(key.id, key);
    return key;
  }

  beforeEach(() => {
    now = 1_000_000;
    stored = new Map();
    lookUps = 0;
    ring = new KeyRing(
      (keyId) => {
        lookUps += 1;
        return Promise.resolve(stored.get(keyId) ?? null);
      },
      { now: () => now },
    );
  });

  test('knows a customer by their key', async () => {
    const key = store();
    await expect(ring.identify({ keyId: key.id, secret })).resolves.toEqual({
      kind: 'customer',
      keyId: key.id,
      tenantId: key.tenantId,
      role: 'project_user',
      projectIds: key.projectIds,
    });
  });

  test('knows an operator by theirs', async () => {
    const key = store({ role: 'operator', tenantId: null, projectIds: null });
    await expect(ring.identify({ keyId: key.id, secret })).resolves.toEqual({
      kind: 'operator',
      keyId: key.id,
    });
  });

  test.each<[string, Partial<ApiKeyCredential>, string]>([
    ['another secret', {}, newSecret()],
    ['no secret', {}, ''],
    ['a revoked key', { revokedAt: 1 }, secret],
    ['an expired key', { expiresAt: 1_000_000 }, secret],
  ])('does not know %s', async (_, changes, presented) => {
    const key = store(changes);
    await expect(ring.identify({ keyId: key.id, secret: presented })).resolves.toBeNull();
  });

  test('asks nobody about what is no key id', async () => {
    await expect(ring.identify({ keyId: "x' OR 1=1", secret })).resolves.toBeNull();
    expect(lookUps).toBe(0);
  });

  test('asks once for many requests, and again after two seconds', async () => {
    const key = store();
    await Promise.all(Array.from({ length: 20 }, () => ring.identify({ keyId: key.id, secret })));
    expect(lookUps).toBe(1);
    stored.set(key.id, { ...key, revokedAt: now });
    now += 1_999;
    await expect(ring.identify({ keyId: key.id, secret })).resolves.not.toBeNull();
    now += 1;
    await expect(ring.identify({ keyId: key.id, secret })).resolves.toBeNull();
  });

  test('expires a remembered key on time', async () => {
    const key = store({ expiresAt: 1_000_500 });
    await expect(ring.identify({ keyId: key.id, secret })).resolves.not.toBeNull();
    now += 500;
    await expect(ring.identify({ keyId: key.id, secret })).resolves.toBeNull();
  });

  test('forgets a key at once when told to', async () => {
    const key = store();
    await ring.identify({ keyId: key.id, secret });
    stored.set(key.id, { ...key, revokedAt: now });
    ring.forget(key.id);
    await expect(ring.identify({ keyId: key.id, secret })).resolves.toBeNull();
  });

  test('does not remember that the database was away', async () => {
    const key = store();
    let away = true;
    ring = new KeyRing(
      (keyId) => (away ? Promise.reject(new Error('away')) : Promise.resolve(stored.get(keyId) ?? null)),
      { now: () => now },
    );
    await expect(ring.identify({ keyId: key.id, secret })).rejects.toThrow('away');
    away = false;
    await expect(ring.identify({ keyId: key.id, secret })).resolves.not.toBeNull();
  });
});
