import { execFile } from 'node:child_process';
import { env } from 'node:process';

/** How a program ended. */
export interface ProgramResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where and with which variables a program runs. */
export interface ProgramSetting {
  readonly cwd: string;
  /** Added to this process's own environment, of which every `AWS_`, `TF_` and proxy variable is left out. */
  readonly environment: Readonly<Record<string, string>>;
}

const MACHINE_SPECIFIC = /^(AWS_|TF_|https?_proxy$|all_proxy$)/i;

/** Runs a program to its end without blocking this process, which may be serving what it talks to. */
export function runProgram(
  path: string,
  args: readonly string[],
  setting: ProgramSetting,
): Promise<ProgramResult> {
  const inherited = Object.fromEntries(Object.entries(env).filter(([name]) => !MACHINE_SPECIFIC.test(name)));
  const options = {
    cwd: setting.cwd,
    env: { ...inherited, ...setting.environment },
    maxBuffer: 64 * 1024 * 1024,
  };
  return new Promise((resolve, reject) => {
    execFile(path, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === 'number') resolve({ exitCode: code, stdout, stderr });
      else reject(new Error(`${path} could not be run or was killed`, { cause: error }));
    });
  });
}
