import { createHash } from 'node:crypto';
import { realpathSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { StopReason, systemCode } from './stop-reason.js';

/**
 * Claims a data folder for this process, for as long as it lives. The claim is a local socket named after the folder,
 * which the system drops with the process however it ends, so that no stale claim can be left behind.
 * @throws StopReason naming the process that has it
 */
export async function claimDataFolder(path: string): Promise<{ release(): void }> {
  const name = `peering-broker-${createHash('sha256').update(realpathSync(path)).digest('hex').slice(0, 24)}`;
  // Linux has names that are no files; elsewhere a file is left by a process that was killed.
  const address = process.platform === 'linux' ? `\0${name}` : join(tmpdir(), `${name}.sock`);
  let server = await listen(address);
  if (server === null) {
    const holder = await askHolder(address);
    if (holder !== null) {
      throw new StopReason(
        `Another instance (process ${holder}) is using ${path}: stop it, or name another folder in DATA_DIR.`,
      );
    }
    if (process.platform !== 'linux') rmSync(address, { force: true });
    server = await listen(address);
  }
  if (server === null) throw new StopReason(`Another instance is starting in ${path}.`);
  const claim = server;
  return { release: () => claim.close() };
}

/** A server that tells whoever connects which process holds the claim; null when the address is taken. */
async function listen(address: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.end(String(process.pid));
    });
    server.once('error', (error) => {
      if (systemCode(error) === 'EADDRINUSE') resolve(null);
      else reject(error);
    });
    server.listen(address, () => {
      server.unref();
      resolve(server);
    });
  });
}

/** The process that answers at the address; null when none does. */
async function askHolder(address: string): Promise<string | null> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(address);
    socket.setTimeout(2000, () => socket.destroy());
    socket.on('data', (text) => (answer += text.toString()));
    socket.on('error', () => {
      resolve(null);
    });
    socket.on('close', () => {
      resolve(answer === '' ? null : answer);
    });
  });
}
