/** Finds out who asks: keys are looked up once and remembered for a moment, since every request carries one. */
import type { ApiKeyCredential } from '#database';
import { isId, secretMatches, type Clock } from '#runtime';

import type { Principal } from './principal.js';

/** How long a key counts as it was read, in milliseconds: the time after which a revocation elsewhere takes effect. */
const REMEMBERED_MS = 2_000;

/** Keys that are remembered at once; beyond that the oldest are forgotten. */
const REMEMBERED_KEYS = 10_000;

/** A key id and its secret, as the caller sent them. */
export interface PresentedKey {
  readonly keyId: string;
  readonly secret: string;
}

/** Reads HTTP Basic, or the same pair as a Bearer token; null for anything else. */
export function readAuthorization(header: string | undefined): PresentedKey | null {
  const match = /^(basic|bearer) +(\S+)$/i.exec(header ?? '');
  if (match === null) return null;
  const [, scheme = '', value = ''] = match;
  const pair = scheme.toLowerCase() === 'basic' ? Buffer.from(value, 'base64').toString('utf8') : value;
  const colon = pair.indexOf(':');
  return colon > 0 ? { keyId: pair.slice(0, colon), secret: pair.slice(colon + 1) } : null;
}

interface Remembered {
  readonly credential: Promise<ApiKeyCredential | null>;
  readonly until: number;
}

export class KeyRing {
  private readonly remembered = new Map<string, Remembered>();

  constructor(
    private readonly find: (keyId: string) => Promise<ApiKeyCredential | null>,
    private readonly clock: Clock,
  ) {}

  /** Who presented this key; null when the key is unknown, wrong, expired or revoked. */
  async identify({ keyId, secret }: PresentedKey): Promise<Principal | null> {
    if (!isId('key', keyId)) return null;
    const credential = await this.lookUp(keyId);
    if (credential === null || !secretMatches(secret, credential.secretHash)) return null;
    if (credential.revokedAt !== null) return null;
    if (credential.expiresAt !== null && credential.expiresAt <= this.clock.now()) return null;
    const { id, tenantId, role, projectIds } = credential;
    if (role === 'operator') return { kind: 'operator', keyId: id };
    if (tenantId === null) return null;
    return { kind: 'customer', keyId: id, tenantId, role, projectIds };
  }

  /** Forgets a key, so that a change to it counts at once in this process. */
  forget(keyId: string): void {
    this.remembered.delete(keyId);
  }

  private lookUp(keyId: string): Promise<ApiKeyCredential | null> {
    const now = this.clock.now();
    const known = this.remembered.get(keyId);
    if (known !== undefined && known.until > now) return known.credential;
    const credential = this.find(keyId);
    this.remembered.delete(keyId);
    this.remembered.set(keyId, { credential, until: now + REMEMBERED_MS });
    credential.catch(() => this.forget(keyId));
    for (const oldest of this.remembered.keys()) {
      if (this.remembered.size <= REMEMBERED_KEYS) break;
      this.remembered.delete(oldest);
    }
    return credential;
  }
}
