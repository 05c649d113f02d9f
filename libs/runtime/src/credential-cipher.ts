/**
 * Encryption of cloud credentials at rest: AES-256-GCM. The envelope names its key, so that keys can be rotated: the
 * first key encrypts, every key decrypts.
 *
 * Envelope: version (1 byte, 1) · length of the key id (1 byte) · key id · nonce (12 bytes) · tag (16 bytes) ·
 * ciphertext. Everything before the nonce is authenticated with the ciphertext.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const VERSION = 1;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What is wrong with a list of keys, or with an envelope. Never contains a key or a plaintext. */
export class CredentialCipherError extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'CredentialCipherError';
  }
}

export class CredentialCipher {
  private constructor(
    private readonly currentId: string,
    private readonly keys: ReadonlyMap<string, Buffer>,
  ) {}

  /**
   * @param keys `id:base64[,id2:base64…]`, each key 32 bytes; the first one encrypts
   * @throws CredentialCipherError naming the entry that is wrong
   */
  static fromKeys(keys: string): CredentialCipher {
    const byId = new Map<string, Buffer>();
    const entries = keys
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== '');
    entries.forEach((entry, index) => {
      const place = `entry ${String(index + 1)} of the encryption keys`;
      const colon = entry.indexOf(':');
      const id = entry.slice(0, Math.max(colon, 0));
      if (!/^[A-Za-z0-9._-]{1,64}$/.test(id)) {
        throw new CredentialCipherError(
          `${place} must look like id:base64, with an id of 1 to 64 letters, digits, dots, dashes or underscores.`,
        );
      }
      if (byId.has(id)) throw new CredentialCipherError(`${place} repeats the id "${id}".`);
      const text = entry.slice(colon + 1);
      const key = Buffer.from(text, 'base64');
      if (key.length !== KEY_BYTES || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) {
        throw new CredentialCipherError(
          `${place} ("${id}") must be ${String(KEY_BYTES)} bytes in base64; make one with: openssl rand -base64 32`,
        );
      }
      byId.set(id, key);
    });
    const [first] = byId.keys();
    if (first === undefined) {
      throw new CredentialCipherError(
        'there is no encryption key; make one with: echo "k1:$(openssl rand -base64 32)"',
      );
    }
    return new CredentialCipher(first, byId);
  }

  /** The envelope of a JSON value, under the first key. */
  encrypt(value: unknown): Buffer {
    const header = Buffer.concat([
      Buffer.from([VERSION, this.currentId.length]),
      Buffer.from(this.currentId),
    ]);
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.key(this.currentId), nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(header);
    const sealed = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()]);
    return Buffer.concat([header, nonce, cipher.getAuthTag(), sealed]);
  }

  /** @throws CredentialCipherError when the envelope is damaged or its key is not among the given ones */
  decrypt(envelope: Buffer): unknown {
    const { id, header, rest } = open(envelope);
    const nonce = rest.subarray(0, NONCE_BYTES);
    const tag = rest.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
    const decipher = createDecipheriv(ALGORITHM, this.key(id), nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(header);
    decipher.setAuthTag(tag);
    try {
      const sealed = rest.subarray(NONCE_BYTES + TAG_BYTES);
      const plain = Buffer.concat([decipher.update(sealed), decipher.final()]);
      return JSON.parse(plain.toString('utf8'));
    } catch (cause) {
      throw new CredentialCipherError(
        `the encrypted value does not open with the key "${id}": it was changed, or that key is another one.`,
        { cause },
      );
    }
  }

  /** Whether an envelope was made with the first key; if not, encrypting it anew lets the older key be retired. */
  isCurrent(envelope: Buffer): boolean {
    return open(envelope).id === this.currentId;
  }

  private key(id: string): Buffer {
    const key = this.keys.get(id);
    if (key === undefined) {
      throw new CredentialCipherError(
        `the encryption key "${id}" is not among the configured ones; add it after the first.`,
      );
    }
    return key;
  }
}

function open(envelope: Buffer): { readonly id: string; readonly header: Buffer; readonly rest: Buffer } {
  const headerLength = 2 + (envelope[1] ?? 0);
  if (envelope[0] !== VERSION || envelope.length < headerLength + NONCE_BYTES + TAG_BYTES) {
    throw new CredentialCipherError('the encrypted value is not an envelope of this version.');
  }
  const header = envelope.subarray(0, headerLength);
  return { id: header.subarray(2).toString('utf8'), header, rest: envelope.subarray(headerLength) };
}
