/** Processes of a test's own, which end with this process however that ends. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

export interface GuardedProcess {
  readonly pid: number;
  /** Everything that it has written. */
  readonly output: () => string;
  /** Resolves with the exit code when it has ended, whoever ended it. */
  readonly gone: Promise<number>;
  readonly hasGone: () => boolean;
  /** kill -9: nothing is finished, nothing is given back. */
  kill(): Promise<void>;
  /** SIGTERM: finishes what it is at. Answers with the exit code. */
  terminate(): Promise<number>;
  /** SIGSTOP: it stands still, as in a machine that is paused, and knows nothing of it. */
  suspend(): void;
  /** SIGCONT: it goes on, as if no time had passed. */
  resume(): void;
  /** Sends a signal as others would. */
  signal(name: NodeJS.Signals): void;
}

export interface ProgramToRun {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What it writes when it is ready. */
  readonly ready: string;
}

/**
 * The shell ends the program when the pipe from this process closes, and ends itself when the program has ended. A
 * program that is stopped is ended all the same.
 */
const GUARD = `
  "$@" <&- 3<&- & child=$!
  echo "$child"
  ( cat >/dev/null; kill -9 "$child" 2>/dev/null ) <&3 >/dev/null 2>&1 & guard=$!
  wait "$child"; code=$?
  kill "$guard" 2>/dev/null
  exit "$code"`;

/** Starts a program and waits until it is ready. @throws Error with what it wrote when it ends before that */
export async function startGuarded({ command, env, ready }: ProgramToRun): Promise<GuardedProcess> {
  const child = spawn('/bin/sh', ['-c', `exec 3<&0; ${GUARD}`, 'guard', ...command], {
    cwd: PROJECT,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const chunks: string[] = [];
  const output = (): string => chunks.join('');
  let hasGone = false;
  const gone = new Promise<number>((resolve) => {
    child.once('exit', (code) => {
      hasGone = true;
      resolve(code ?? 1);
    });
  });
  child.stdin.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    let isReady = false;
    const hear = (chunk: Buffer): void => {
      chunks.push(chunk.toString());
      if (isReady || !output().includes(ready)) return;
      isReady = true;
      resolve();
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    void gone.then((code) => reject(new Error(`${command.join(' ')} ended with ${code}:\n${output()}`)));
  });
  const pid = Number(/^\d+/.exec(output())?.[0]);
  const signal = (name: NodeJS.Signals): void => {
    if (!hasGone) process.kill(pid, name);
  };
  return {
    pid,
    output,
    gone,
    hasGone: () => hasGone,
    signal,
    kill: async () => {
      child.stdin.end();
      await gone;
    },
    terminate: () => {
      signal('SIGTERM');
      return gone;
    },
    suspend: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
  };
}
