import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { CredentialCipher, CredentialCipherError } from './credential-cipher.js';

const keyOf = (byte: number): string => Buffer.alloc(32, byte).toString('base64');
const cipher = CredentialCipher.fromKeys(`k1:${keyOf(1)}`);
const SECRET = { kind: 'static', accessKeyId: 'AKID', secretAccessKey: 'wJalrXUtnFEMI', note: '密钥' };

describe('the cipher of credentials', () => {
  test('opens what it has closed', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(cipher.decrypt(cipher.encrypt(value))).toEqual(JSON.parse(text));
      }),
    );
  });

  test('shows nothing of the value, and never the same envelope twice', () => {
    const [one, two] = [cipher.encrypt(SECRET), cipher.encrypt(SECRET)];
    expect(one.equals(two)).toBe(false);
    expect(one.includes(SECRET.secretAccessKey)).toBe(false);
  });

  test('notices any bit that was changed', () => {
    const envelope = cipher.encrypt(SECRET);
    for (let bit = 0; bit < envelope.length * 8; bit += 1) {
      const changed = Buffer.from(envelope);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => cipher.decrypt(changed)).toThrow(CredentialCipherError);
    }
  });

  test('notices any byte that is missing', () => {
    const envelope = cipher.encrypt(SECRET);
    for (let length = 0; length < envelope.length; length += 1) {
      expect(() => cipher.decrypt(envelope.subarray(0, length))).toThrow(CredentialCipherError);
    }
  });

  test('changes keys: the first one closes, all of them open', () => {
    const old = cipher.encrypt(SECRET);
    const rotated = CredentialCipher.fromKeys(`k2:${keyOf(2)}, k1:${keyOf(1)}`);
    expect(rotated.decrypt(old)).toEqual(SECRET);
    expect(rotated.isCurrent(old)).toBe(false);
    const renewed = rotated.encrypt(rotated.decrypt(old));
    expect(rotated.isCurrent(renewed)).toBe(true);
    expect(CredentialCipher.fromKeys(`k2:${keyOf(2)}`).decrypt(renewed)).toEqual(SECRET);
    expect(() => CredentialCipher.fromKeys(`k2:${keyOf(2)}`).decrypt(old)).toThrow(
      'the encryption key "k1" is not among the configured ones',
    );
  });

  test('does not open with another key of the same name', () => {
    const other = CredentialCipher.fromKeys(`k1:${keyOf(9)}`);
    expect(() => other.decrypt(cipher.encrypt(SECRET))).toThrow(
      'does not open with the key "k1": it was changed, or that key is another one',
    );
  });

  test.each([
    { keys: '', says: 'there is no encryption key' },
    { keys: keyOf(1), says: 'entry 1 of the encryption keys must look like id:base64' },
    {
      keys: `k1:${keyOf(1)},k2:short`,
      says: 'entry 2 of the encryption keys ("k2") must be 32 bytes in base64',
    },
    { keys: `k1:${keyOf(1)},k1:${keyOf(2)}`, says: 'entry 2 of the encryption keys repeats the id "k1"' },
    { keys: `k 1:${keyOf(1)}`, says: 'must look like id:base64' },
  ])('refuses keys that are not: $says', ({ keys, says }) => {
    expect(() => CredentialCipher.fromKeys(keys)).toThrow(says);
    expect(() => CredentialCipher.fromKeys(keys)).not.toThrow(keyOf(1));
  });
});
