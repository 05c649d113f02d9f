/** The broker's processes as they run in production, from the sources, for tests that do to them what happens there. */
import { startGuarded, type GuardedProcess } from './guarded-process.js';

export interface ApiProcess extends GuardedProcess {
  readonly url: string;
}

/** Starts a worker and waits until it is at work. */
export function spawnWorker(environment: Readonly<Record<string, string>>): Promise<GuardedProcess> {
  return spawnApp('worker', environment, 'the worker is at work');
}

/** Starts an API and waits until it listens. */
export async function spawnApi(environment: Readonly<Record<string, string>>): Promise<ApiProcess> {
  const api = await spawnApp('api', environment, '"msg":"listening"');
  const line =
    api
      .output()
      .split('\n')
      .find((each) => each.includes('"msg":"listening"')) ?? '{}';
  return Object.assign(api, { url: (JSON.parse(line) as { readonly url: string }).url });
}

function spawnApp(
  app: 'api' | 'worker',
  environment: Readonly<Record<string, string>>,
  ready: string,
): Promise<GuardedProcess> {
  return startGuarded({
    command: [process.execPath, '--import', './test/support/typescript-hooks.mjs', `apps/${app}/src/main.ts`],
    env: { ...environment, LOG_LEVEL: 'info' },
    ready,
  });
}
