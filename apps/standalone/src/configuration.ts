import { ConfigError, loadConfig, type Config } from '#runtime';

import { encryptionKeyOf, type DataFolder } from './data-folder.js';
import type { Settings } from './settings.js';
import { StopReason } from './stop-reason.js';

/** Stands where the URL of the embedded database will be known later. */
const URL_TO_COME = 'postgres://127.0.0.1/';

/** Nobody who tries it out wants to wait ten minutes for a request that nobody approves. */
const SHORT_APPROVAL_WINDOW = '12';

/**
 * The configuration of API and worker: from the environment, save where they are found and what they are given here.
 * @throws StopReason naming every variable that is wrong
 */
export async function readConfiguration(
  settings: Settings,
  folder: DataFolder,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Config> {
  const encryptionKeys = await encryptionKeyOf(folder);
  try {
    return loadConfig({
      APPROVAL_WINDOW_SECONDS: SHORT_APPROVAL_WINDOW,
      ...env,
      DATABASE_URL: URL_TO_COME,
      DATABASE_URL_FILE: '',
      REDIS_URL: '',
      REDIS_URL_FILE: '',
      ENCRYPTION_KEYS: encryptionKeys,
      ENCRYPTION_KEYS_FILE: '',
      WORKER_PORT: '',
      HOST: settings.host,
      API_PORT: String(settings.apiPort),
    });
  } catch (error) {
    if (error instanceof ConfigError) throw new StopReason(error.problems.join('; '), { cause: error });
    throw error;
  }
}
