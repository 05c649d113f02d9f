/**
 * Ids that say what they name and sort by the time of their making: a prefix and a UUIDv7 (RFC 9562) in the base32
 * of TypeID (https://github.com/jetify-com/typeid, spec 0.3.0): `peer_01k9x7…`, 26 characters after the underscore.
 */
import { randomBytes } from 'node:crypto';

/** What ids are given to. */
export type IdPrefix =
  'peer' | 'pl' | 'dep' | 'ten' | 'prj' | 'key' | 'evt' | 'whk' | 'acct' | 'rsv' | 'res' | 'aud' | 'orph';

/** Crockford's alphabet in lower case: without i, l, o and u. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const ID = /^[a-z]{2,8}_[0-7][0-9a-hjkmnp-tv-z]{25}$/;

/** The counter fills rand_a and the 18 bits that follow the variant; a new millisecond starts it in its lower half. */
const COUNTER_BITS = 30;
const COUNTER_END = 2 ** COUNTER_BITS;

let lastMs = -1;
let counter = 0;

function tick(now: number, seed: number): number {
  if (now !== lastMs) {
    lastMs = now;
    counter = seed % (COUNTER_END / 2);
  } else if (counter < COUNTER_END - 1) {
    counter += 1;
  } else {
    throw new RangeError(`More than ${COUNTER_END / 2} ids were made in one millisecond.`);
  }
  return counter;
}

/**
 * A new id. Ids of one process made in the same millisecond sort in the order of their making; between processes they
 * differ in at least 44 random bits.
 * @param now epoch milliseconds
 */
export function newId(prefix: IdPrefix, now: number = Date.now()): string {
  const bytes = randomBytes(16);
  const count = tick(now, bytes.readUInt32BE(6));
  bytes.writeUIntBE(now, 0, 6);
  bytes.writeUInt16BE(0x7000 | (count >>> 18), 6);
  bytes[8] = 0x80 | ((count >>> 12) & 0x3f);
  bytes[9] = (count >>> 4) & 0xff;
  bytes[10] = ((count & 0x0f) << 4) | (bytes.readUInt8(10) & 0x0f);
  return `${prefix}_${encode(bytes)}`;
}

/** Whether a text has the form of an id with this prefix. */
export function isId(prefix: IdPrefix, text: string): boolean {
  return text.startsWith(`${prefix}_`) && ID.test(text);
}

/** 128 bits as 26 characters of five bits; the first character holds the top three. */
function encode(bytes: Buffer): string {
  let text = '';
  let pending = 0;
  let bits = 2;
  for (const byte of bytes) {
    pending = (pending << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET.charAt((pending >>> bits) & 31);
    }
    pending &= (1 << bits) - 1;
  }
  return text;
}
