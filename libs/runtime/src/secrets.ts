/** API secrets: 256 random bits each, so that a plain hash is enough to store them safely. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const SECRET_BYTES = 32;

/** A new secret of 256 random bits as 43 characters of base64url. Shown once, never stored. */
export function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

/** The SHA-256 of a secret: 32 bytes, what is stored in its place. */
export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret, 'utf8').digest();
}

/** Whether a secret is the one that was stored as `hash`, in a time that tells nothing about either. */
export function secretMatches(secret: string, hash: Uint8Array): boolean {
  const given = hashSecret(secret);
  return given.length === hash.length && timingSafeEqual(given, hash);
}
