import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { isId, newId } from './ids.js';

const T0 = Date.UTC(2026, 10, 20);

/** The UUID inside an id, as 32 hexadecimal digits. */
function uuidOf(id: string): string {
  const digits = id.slice(id.indexOf('_') + 1);
  const value = Array.from(digits).reduce(
    (sum, digit) => sum * 32n + BigInt('0123456789abcdefghjkmnpqrstvwxyz'.indexOf(digit)),
    0n,
  );
  return value.toString(16).padStart(32, '0');
}

describe('an id', () => {
  test('is its prefix and a UUIDv7 in 26 characters', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), (now) => {
        const id = newId('peer', now);
        expect(id).toMatch(/^peer_[0-7][0-9a-hjkmnp-tv-z]{25}$/);
        const uuid = uuidOf(id);
        expect(parseInt(uuid.slice(0, 12), 16)).toBe(now);
        expect(uuid.charAt(12)).toBe('7');
        expect('89ab').toContain(uuid.charAt(16));
      }),
    );
  });

  test('sorts by its time', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 47), fc.integer({ min: 1, max: 2 ** 40 }), (now, later) => {
        expect(newId('dep', now) < newId('dep', now + later)).toBe(true);
      }),
    );
  });

  test('of the same millisecond sorts in the order of making, and is never made twice', () => {
    const ids = Array.from({ length: 50_000 }, () => newId('evt', T0));
    expect(new Set(ids).size).toBe(ids.length);
    expect([...ids].sort()).toEqual(ids);
  });

  test('is recognised by its form', () => {
    const id = newId('ten', T0);
    expect(isId('ten', id)).toBe(true);
    expect(isId('dep', id)).toBe(false);
    for (const other of [
      'ten_',
      'ten_x',
      `${id}0`,
      id.toUpperCase(),
      id.replace('_', '-'),
      `ten_8${id.slice(5)}`,
      '',
    ]) {
      expect(isId('ten', other)).toBe(false);
    }
  });
});
