/** Runs PostgreSQL's programs as somebody who is not root and still reaches their files. */
import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, parse } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Why PostgreSQL cannot run here: one line for people. */
export class EmbeddedPostgresError extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'EmbeddedPostgresError';
  }
}

/** How to run a program so that it is not root and still reaches its files. */
export interface Runner {
  readonly ids: { readonly uid: number; readonly gid: number } | null;
  /** Before the program's own path. */
  readonly prefix: readonly string[];
}

/**
 * PostgreSQL refuses to run as root. As root it is run as the owner of the data, or for new data as whoever called
 * sudo, as `postgres`, or as `nobody`; where that user cannot reach the files (a clone in a directory of mode 0700),
 * it keeps the one capability of root that reads through closed directories.
 */
export async function chooseRunner(dataDir: string, binaries: string, fresh: boolean): Promise<Runner> {
  const own = process.getuid?.();
  if (own !== 0) {
    if (!fresh && own !== undefined) {
      const owner = (await stat(dataDir)).uid;
      if (owner !== own) {
        throw new EmbeddedPostgresError(
          `${dataDir} belongs to the user with id ${String(owner)}, and this is ${String(own)}: start as that user, or choose another directory.`,
        );
      }
    }
    return { ids: null, prefix: [] };
  }
  const ids = fresh ? await unprivilegedUser() : await ownerOf(dataDir);
  const reachable = (await canReach(binaries, ids)) && (await canReach(dirname(dataDir), ids));
  if (reachable) return { ids, prefix: [] };
  const prefix = [
    'setpriv',
    `--reuid=${String(ids.uid)}`,
    `--regid=${String(ids.gid)}`,
    '--clear-groups',
    // Else access(2) asks without the capability.
    '--securebits=+no_setuid_fixup',
    '--inh-caps=-all,+dac_override',
    '--ambient-caps=-all,+dac_override',
    '--bounding-set=-all,+dac_override',
  ];
  const runner = { ids, prefix };
  try {
    await runProgram(runner, join(binaries, 'bin', 'postgres'), ['--version']);
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `PostgreSQL may not run as root, and the user with id ${String(ids.uid)} cannot reach ${binaries} and ${dirname(dataDir)}: start as an ordinary user, or let others pass through the directories above them (chmod o+x).`,
      { cause },
    );
  }
  return runner;
}

async function ownerOf(dataDir: string): Promise<{ uid: number; gid: number }> {
  const { uid, gid } = await stat(dataDir);
  if (uid === 0) {
    throw new EmbeddedPostgresError(
      `${dataDir} belongs to root, as which PostgreSQL may not run; remove it or chown it.`,
    );
  }
  return { uid, gid };
}

async function unprivilegedUser(): Promise<{ uid: number; gid: number }> {
  const caller = Number(process.env['SUDO_UID']);
  if (caller > 0) return { uid: caller, gid: Number(process.env['SUDO_GID'] ?? caller) };
  const users = (await readFile('/etc/passwd', 'utf8').catch(() => ''))
    .split('\n')
    .map((line) => line.split(':'));
  for (const wanted of ['postgres', 'nobody']) {
    const [, , uid, gid] = users.find(([name]) => name === wanted) ?? [];
    if (Number(uid) > 0) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new EmbeddedPostgresError(
    'PostgreSQL may not run as root, and there is neither a user "postgres" nor "nobody": start as an ordinary user.',
  );
}

/** Whether a user may pass through every directory on the way to a path, and read it. */
async function canReach(path: string, ids: { readonly uid: number; readonly gid: number }): Promise<boolean> {
  const { root } = parse(path);
  for (let at = path; ; at = dirname(at)) {
    const { uid, gid, mode } = await stat(at);
    const shift = uid === ids.uid ? 6 : gid === ids.gid ? 3 : 0;
    const needed = at === path ? 0o5 : 0o1;
    if (((mode >> shift) & needed) !== needed) return false;
    if (at === root) return true;
  }
}

export function commandOf(runner: Runner, program: string, flags: readonly string[]): [string, string[]] {
  const [first = program, ...rest] = [...runner.prefix, program, ...flags];
  return [first, rest];
}

/** What `spawn` needs beside the command: the ids, unless the prefix changes them. */
export function idsOf(runner: Runner): { uid?: number; gid?: number } {
  return runner.ids !== null && runner.prefix.length === 0 ? runner.ids : {};
}

export async function runProgram(runner: Runner, program: string, flags: readonly string[]): Promise<void> {
  const [command, args] = commandOf(runner, program, flags);
  try {
    await run(command, args, { ...idsOf(runner), cwd: tmpdir(), env: environment() });
  } catch (error) {
    const said = (error as { readonly stderr?: string }).stderr?.trim() ?? '';
    throw new Error(said === '' ? messageOf(error) : lastLine(said), { cause: error });
  }
}

/** Nothing of ours reaches the server: PGDATA, PGPORT and the like would. */
export function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC', TMPDIR: tmpdir() };
}

export function codeOf(error: unknown): string | undefined {
  return (error as { readonly code?: string } | null)?.code;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
