import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

import { CLOUD_IDS } from '#domain';

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A key of the bench's own, for ENCRYPTION_KEYS. */
export function newEncryptionKeys(): string {
  return `bench:${randomBytes(32).toString('base64')}`;
}

/** For a worker whose own speed is measured, and not the pace that a cloud allows. */
export const UNPACED = {
  CLOUD_CALLS_PER_SECOND: CLOUD_IDS.map((cloud) => `${cloud}=1000000`).join(','),
} as const;

/** What `npm run worker` tells Node: a worker makes much that lives briefly, and has no need of much room for it. */
export const WORKER_FLAGS = ['--max-semi-space-size=4'] as const;
