/** A worker as a process of its own, from the sources, for tests that kill it. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

export interface WorkerProcess {
  /** Everything that it has written. */
  readonly output: () => string;
  /** kill -9: nothing is finished, nothing is given back. */
  kill(): Promise<void>;
  /** SIGTERM: finishes what it is at. Answers with the exit code. */
  terminate(): Promise<number>;
}

/** The shell kills the worker when the pipe from this process closes, however this process ends. */
const GUARD =
  '"$@" <&- & child=$!; echo "$child"; cat >/dev/null; kill -9 "$child" 2>/dev/null; wait "$child"';

/** Starts a worker and waits until it is at work. */
export async function spawnWorker(environment: Readonly<Record<string, string>>): Promise<WorkerProcess> {
  const program = [
    process.execPath,
    '--import',
    './test/support/typescript-hooks.mjs',
    'apps/worker/src/main.ts',
  ];
  const child = spawn('/bin/sh', ['-c', GUARD, 'worker-guard', ...program], {
    cwd: PROJECT,
    env: { PATH: process.env['PATH'], ...environment, LOG_LEVEL: 'info' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let output = '';
  const gone = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
  const ready = new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      output += chunk.toString();
      if (output.includes('the worker is at work')) resolve();
      if (output.includes('the worker cannot start')) reject(new Error(output));
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    void gone.then((code) => reject(new Error(`The worker ended with ${code}:\n${output}`)));
  });
  child.stdin.on('error', () => undefined);
  await ready;
  const pid = Number(/^\d+/.exec(output)?.[0]);
  return {
    output: () => output,
    kill: async () => {
      child.stdin.end();
      await gone;
    },
    terminate: async () => {
      process.kill(pid, 'SIGTERM');
      while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
      child.stdin.end();
      return gone;
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
