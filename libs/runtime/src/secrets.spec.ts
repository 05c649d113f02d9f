import { describe, expect, test } from '@jest/globals';

import { hashSecret, newSecret, secretMatches } from './secrets.js';

describe('a secret', () => {
  test('has 256 random bits and is known by its hash alone', () => {
    const [one, two] = [newSecret(), newSecret()];
    expect(Buffer.from(one, 'base64url')).toHaveLength(32);
    expect(one).not.toBe(two);
    expect(secretMatches(one, hashSecret(one))).toBe(true);
    expect(secretMatches(two, hashSecret(one))).toBe(false);
    expect(secretMatches('', hashSecret(one))).toBe(false);
    expect(secretMatches(one, Buffer.alloc(0))).toBe(false);
    expect(hashSecret('abc').toString('hex')).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });
});
