import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { StopReason, systemCode } from './stop-reason.js';

/** Where everything that outlives the process is kept. */
export interface DataFolder {
  readonly path: string;
  readonly postgres: string;
  readonly simulators: string;
  readonly credentials: string;
  readonly encryptionKey: string;
  readonly logs: string;
}

/**
 * Makes the folder where it is missing and finds out whether it can be written to.
 * @throws StopReason when it cannot
 */
export async function openDataFolder(path: string): Promise<DataFolder> {
  const folder: DataFolder = {
    path,
    postgres: join(path, 'postgres'),
    simulators: join(path, 'simulators.bin'),
    credentials: join(path, 'credentials.json'),
    encryptionKey: join(path, 'encryption-key'),
    logs: join(path, 'logs'),
  };
  try {
    await makeFolder(folder.logs);
    const probe = join(path, `.writable-${String(process.pid)}`);
    await writeFile(probe, '');
    await rm(probe);
  } catch (error) {
    throw new StopReason(
      `Cannot write to ${path} (${systemCode(error)}): make it writable, or name another folder in DATA_DIR.`,
      { cause: error },
    );
  }
  return folder;
}

/** As `mkdir -p`. Node's own goes round in circles where the system refuses with ENOENT, as under /proc. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    if (await stat(dirname(path)).catch(() => null)) throw error;
    await makeFolder(dirname(path));
    await mkdir(path, { mode: 0o700 });
  }
}

/**
 * The key that cloud credentials are encrypted with, as ENCRYPTION_KEYS takes it; made on the first start.
 * @throws StopReason when the file is there but cannot be read
 */
export async function encryptionKeyOf(folder: DataFolder): Promise<string> {
  try {
    const [key, { mode }] = await Promise.all([
      readFile(folder.encryptionKey, 'utf8'),
      stat(folder.encryptionKey),
    ]);
    if ((mode & 0o077) !== 0) await chmod(folder.encryptionKey, 0o600);
    return key.trim();
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') {
      throw new StopReason(`Cannot read ${folder.encryptionKey} (${systemCode(error)}): check its owner.`, {
        cause: error,
      });
    }
  }
  const key = `local:${randomBytes(32).toString('base64')}`;
  await writePrivateFile(folder.encryptionKey, `${key}\n`);
  return key;
}

/** Replaces a file in one move, readable by its owner only. */
export async function writePrivateFile(path: string, content: string): Promise<void> {
  await rm(`${path}.new`, { force: true });
  await writeFile(`${path}.new`, content, { mode: 0o600, flag: 'wx' });
  await rename(`${path}.new`, path);
}
