/**
 * Runs before every npm script: installs the dependencies when node_modules does not match package-lock.json, and
 * compiles to dist/ when a source has changed. It depends on nothing but Node (18 or newer), because on a fresh clone
 * there is nothing else yet; everything after it runs on the Node that package.json pins, which the install brings.
 *
 *   node scripts/ensure.mjs            install and compile
 *   node scripts/ensure.mjs --install  install only
 *
 * Says nothing when there is nothing to do. Commands started at the same time wait for each other.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const MODULES = path.join(ROOT, 'node_modules');
const DIST = path.join(ROOT, 'dist');
const PROJECT_NODE = path.join(MODULES, 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
const FINGERPRINT = path.join(DIST, '.sources');
const SOURCE_FOLDERS = ['apps', 'libs', 'bench'];
const BUILD_SETTINGS = ['.swcrc', 'nest-cli.json', 'package-lock.json'];

const LOCK = path.join(ROOT, '.ensure.lock');
const LOCK_TOUCH_MS = 1_000;
/** A lock that nobody has touched for this long belongs to a process that was killed. */
const LOCK_STALE_MS = 10_000;

const SIGNALS = ['SIGINT', 'SIGTERM'];
/** The exit code of a command that was told to stop. */
const INTERRUPTED = 130;

/** The program that is being run now. */
let running = null;
let isInterrupted = false;

// npm undoes what it has begun before it ends, so nothing else may begin until it has ended.
for (const signal of SIGNALS) {
  process.on(signal, () => {
    isInterrupted = true;
    if (running === null) process.exit(INTERRUPTED);
    else running.kill(signal);
  });
}

/** Something that the person at the terminal can act on; everything else is a defect and keeps its stack. */
class EnsureError extends Error {}

/** Why node_modules cannot be used as it is; null when it can. */
function whyInstall() {
  const wanted = packagesOf(path.join(ROOT, 'package-lock.json'));
  if (wanted === null) throw new EnsureError('package-lock.json is missing or damaged: restore it from git.');
  if (!fs.existsSync(MODULES)) return 'node_modules is missing';
  // npm writes this file last, so an interrupted install has none.
  const installed = packagesOf(path.join(MODULES, '.package-lock.json'));
  if (installed === null) return 'the last install did not finish';
  for (const [place, { version, integrity, optional, devOptional }] of Object.entries(wanted)) {
    if (place === '') continue;
    const found = installed[place];
    if (found === undefined && (optional || devOptional)) continue;
    if (found === undefined || found.version !== version || found.integrity !== integrity)
      return `${place} is not what package-lock.json says`;
  }
  for (const place of Object.keys(installed)) {
    if (wanted[place] === undefined) return `${place} is not in package-lock.json`;
  }
  if (isProjectNode(process.execPath)) return null;
  const { status } = spawnSync(PROJECT_NODE, ['--version'], { stdio: 'ignore' });
  return status === 0 ? null : 'its Node does not run on this machine';
}

/** The `packages` of a lock file by place; null when the file is absent or unreadable. */
function packagesOf(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')).packages ?? null;
  } catch {
    return null;
  }
}

function isProjectNode(executable) {
  try {
    return fs.realpathSync(executable) === fs.realpathSync(PROJECT_NODE);
  } catch {
    return false;
  }
}

async function install(reason) {
  say(`Installing dependencies with npm ci, because ${reason} …`);
  const started = Date.now();
  // The machine's own Node must do this: npm ci deletes node_modules, and the project's Node with it.
  const searchPath = (process.env.PATH ?? '')
    .split(path.delimiter)
    .filter((folder) => !path.resolve(folder).startsWith(MODULES));
  // Development dependencies hold the compiler and Node itself, so NODE_ENV=production must not leave them out.
  const settings = ['--include=dev', '--engine-strict=false', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status } = await run('npm', ['ci', ...settings], { PATH: searchPath.join(path.delimiter) });
  if (status === 127)
    throw new EnsureError('npm was not found: install Node.js 18 or newer, which brings npm.');
  if (status !== 0) throw new EnsureError(`npm ci failed with exit code ${status}; what it said is above.`);
  const left = whyInstall();
  if (left !== null) {
    throw new EnsureError(
      `npm ci succeeded, but ${left}. Check that install scripts may run: npm config get ignore-scripts.`,
    );
  }
  say(`Installed in ${seconds(started)}.`);
}

/** Stands for the sources as they are: changes with every edit, addition and removal. */
function fingerprint() {
  const hash = createHash('sha256');
  for (const file of [...BUILD_SETTINGS, ...sources()]) {
    const { size, mtimeMs } = fs.statSync(path.join(ROOT, file));
    hash.update(`${file}\0${size}\0${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

/** Every file that is compiled, relative to the root, in a fixed order. */
function sources() {
  return SOURCE_FOLDERS.flatMap((folder) => filesBelow(path.join(ROOT, folder)))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'))
    .map((file) => path.relative(ROOT, file))
    .sort();
}

function filesBelow(folder) {
  if (!fs.existsSync(folder)) return [];
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const place = path.join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(place) : [place];
  });
}

function whyBuild() {
  if (!fs.existsSync(FINGERPRINT)) return 'dist is missing';
  return fs.readFileSync(FINGERPRINT, 'utf8') === fingerprint() ? null : 'sources have changed';
}

async function build(reason) {
  say(`Compiling, because ${reason} …`);
  const started = Date.now();
  const before = fingerprint();
  fs.rmSync(FINGERPRINT, { force: true });
  const compiler = path.join(MODULES, '@nestjs', 'cli', 'bin', 'nest.js');
  const { status, said } = await run(PROJECT_NODE, [compiler, 'build'], {}, 'quietly');
  if (status !== 0) {
    process.stderr.write(said);
    throw new EnsureError('The sources do not compile; what the compiler said is above.');
  }
  const compiled = new Set(sources().map((file) => path.join(DIST, file.replace(/\.ts$/, '.js'))));
  for (const file of filesBelow(DIST)) {
    if (!compiled.has(file.replace(/\.map$/, ''))) fs.rmSync(file);
  }
  fs.writeFileSync(FINGERPRINT, before);
  say(`Compiled in ${seconds(started)}.`);
}

/**
 * Runs a program in the root and resolves to its exit code (127 when there is no such program) and, where it is run
 * quietly, to what it said.
 */
function run(program, args, environment, quietly) {
  return new Promise((resolve) => {
    const output = quietly ? 'pipe' : 'inherit';
    const child = spawn(program, args, {
      cwd: ROOT,
      env: { ...process.env, ...environment },
      stdio: ['ignore', output, output],
      shell: process.platform === 'win32' && program === 'npm',
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (said += text));
    running = child;
    const end = (status) => {
      running = null;
      if (isInterrupted) process.exit(INTERRUPTED);
      resolve({ status, said });
    };
    child.once('error', () => end(127));
    child.once('close', (code) => end(code ?? INTERRUPTED));
  });
}

/** Does `work` while no other process is doing it in this folder. */
async function alone(work) {
  let isWaiting = false;
  while (!tryLock()) {
    if (!isWaiting) say('Waiting for another command that is installing or compiling here …');
    isWaiting = true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const unlock = () => fs.rmSync(LOCK, { force: true });
  const touching = setInterval(() => {
    const now = new Date();
    // Gone when this process was suspended for so long that another took it for dead.
    if (fs.existsSync(LOCK)) fs.utimesSync(LOCK, now, now);
  }, LOCK_TOUCH_MS);
  process.once('exit', unlock);
  try {
    await work();
  } finally {
    clearInterval(touching);
    unlock();
    process.off('exit', unlock);
  }
}

function tryLock() {
  try {
    fs.writeFileSync(LOCK, `${process.pid}\n`, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST')
      throw new EnsureError(`Cannot write in ${ROOT} (${error.code}): check its owner.`);
  }
  const held = fs.statSync(LOCK, { throwIfNoEntry: false });
  if (held !== undefined && Date.now() - held.mtimeMs > LOCK_STALE_MS) fs.rmSync(LOCK, { force: true });
  return false;
}

function seconds(since) {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}

function say(line) {
  process.stderr.write(`${line}\n`);
}

const installOnly = process.argv.includes('--install');
try {
  if (whyInstall() !== null || (!installOnly && whyBuild() !== null)) {
    await alone(async () => {
      const missing = whyInstall();
      if (missing !== null) await install(missing);
      if (installOnly) return;
      const changed = whyBuild();
      if (changed !== null) await build(changed);
    });
  }
} catch (error) {
  if (!(error instanceof EnsureError)) throw error;
  say(error.message);
  process.exitCode = 1;
}
