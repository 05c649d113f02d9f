import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A program of this repository that runs beside the bench, so that neither takes the other's processor time unseen. */
export interface RunningProgram {
  /** The number of its process. */
  readonly pid: number;
  stop(): Promise<void>;
}

/**
 * Starts a compiled program and waits until it answers at `readyUrl`.
 * @param program path from the root of the compiled tree, such as `apps/api/src/main.js`
 * @param nodeFlags what Node itself is told
 * @throws Error with the program's last words when it ends, or does not answer within half a minute
 */
export async function startProgram(
  program: string,
  environment: Readonly<Record<string, string>>,
  readyUrl: string,
  nodeFlags: readonly string[] = [],
): Promise<RunningProgram> {
  const path = fileURLToPath(new URL(`../${program}`, import.meta.url));
  const child = fork(path, {
    env: { ...process.env, ...environment },
    execArgv: [...nodeFlags],
    silent: true,
  });
  let said = '';
  const listen = (chunk: Buffer): void => {
    said = (said + chunk.toString()).slice(-4_000);
  };
  child.stdout?.on('data', listen);
  child.stderr?.on('data', listen);
  const end = AbortSignal.timeout(30_000);
  while (!(await answers(readyUrl))) {
    if (child.exitCode !== null || end.aborted) {
      child.kill('SIGKILL');
      throw new Error(`${program} did not come up:\n${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { pid: child.pid ?? 0, stop: () => stop(child) };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await gone;
  clearTimeout(timer);
}
