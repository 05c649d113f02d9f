/** `npm start`: the whole broker on this machine, and a customer who connects to it. */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Broker } from './broker.js';
import { readConfiguration } from './configuration.js';
import { openDataFolder } from './data-folder.js';
import { displayPath } from './display-path.js';
import { requireFreePorts } from './free-ports.js';
import { LogFiles } from './log-files.js';
import { claimDataFolder } from './only-instance.js';
import { Parts } from './parts.js';
import { readSettings, USAGE, type Settings } from './settings.js';
import { StopReason } from './stop-reason.js';
import { Terminal } from './terminal.js';
import { welcome } from './welcome.js';

/** How long the parts have to end before the process ends without them. */
const STOP_LIMIT_MS = 8_000;
/** A signal this soon after the first is the same Ctrl-C: the terminal sends it, and npm passes it on. */
const SAME_SIGNAL_MS = 1_000;

const terminal = new Terminal(process.stdout, process.env);
const parts = new Parts();
const stopping = new AbortController();

try {
  const settings = readSettings(process.argv.slice(2), process.env);
  if (settings === null) process.stdout.write(USAGE);
  else await run(settings);
  // Whatever still starts while everything else has ended must not keep the process.
  process.exit(0);
} catch (error) {
  fail(error);
}

/** Starts, demonstrates, and waits until it is told to stop or cannot go on. */
async function run(settings: Settings): Promise<void> {
  const folder = await openDataFolder(settings.dataDir);
  const claim = await claimDataFolder(folder.path);
  parts.started('claim', claim, async () => {
    claim.release();
    await Promise.resolve();
  });
  await requirePorts(settings);
  const config = await readConfiguration(settings, folder, process.env);
  const logs = new LogFiles(folder.logs, config.logLevel);
  parts.started('logs', logs, () => logs.close());
  // Only now, since it takes a while to load.
  const { startBroker } = await import('./broker.js');

  const end = untilStopped();
  try {
    terminal.heading('Peering Broker');
    const started = performance.now();
    const work = startBroker(
      { settings, folder, config, logs },
      parts,
      (part, detail) => {
        terminal.row([[part, 12]], detail);
      },
      end.fail,
    ).then(async (broker) => {
      await present(broker, settings, started);
    });
    // Whatever happens first: told to stop, a part dies, or the start fails.
    await Promise.race([end.ended, work.then(() => end.ended)]);
    terminal.line();
    terminal.line('Stopping …');
  } finally {
    stopping.abort();
    await closeParts();
  }
  terminal.line(`Stopped. npm start goes on from ${displayPath(folder.path)}.`);
}

async function present(broker: Broker, settings: Settings, started: number): Promise<void> {
  terminal.row([['ready', 12]], `after ${((performance.now() - started) / 1000).toFixed(1)} s`);
  const peeringId = settings.demo ? await showDemo(broker) : null;
  welcome(terminal, broker, settings, peeringId);
}

/** @returns the id of the new connection; null when the demonstration came to nothing, which is told and stops nothing */
async function showDemo({ credentials }: Broker): Promise<string | null> {
  const { demonstrate } = await import('./demo/demonstrate.js');
  try {
    return await demonstrate(credentials, terminal, stopping.signal);
  } catch (error) {
    if (stopping.signal.aborted) throw error;
    const why = error instanceof Error ? error.message : String(error);
    terminal.line(`  ${terminal.style('red', 'The demonstration ends here:')} ${why}`);
    return null;
  }
}

async function requirePorts(settings: Settings): Promise<void> {
  const { simulatorPort } = settings;
  const simulators = ['the simulators', 'aws', 'alibaba', 'huawei', 'tencent', 'outscale'];
  await requireFreePorts(settings.host, [
    { port: settings.apiPort, purpose: 'the API', variable: 'API_PORT' },
    ...simulators.map((purpose, offset) => ({
      port: simulatorPort === 0 ? 0 : simulatorPort + offset,
      purpose,
      variable: 'SIM_PORT',
    })),
  ]);
}

/** Resolves on SIGINT or SIGTERM, rejects when `fail` is called. */
function untilStopped(): { readonly ended: Promise<void>; readonly fail: (why: StopReason) => void } {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  // It may be rejected while nobody waits for it yet.
  promise.catch(() => undefined);
  let firstAt: number | null = null;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (firstAt !== null && performance.now() - firstAt > SAME_SIGNAL_MS) process.exit(130);
      firstAt ??= performance.now();
      resolve(undefined);
    });
  }
  return { ended: promise, fail: reject };
}

/** Ends the parts in turn; gives up waiting after a while, so that a Ctrl-C always ends the process. */
async function closeParts(): Promise<void> {
  const giveUp = new AbortController();
  const closed = parts.close((name, error) => {
    process.stderr.write(
      `${name} did not stop in order: ${error instanceof Error ? error.message : String(error)}\n`,
    );
  });
  const late = sleep(STOP_LIMIT_MS, true, { signal: giveUp.signal, ref: false }).catch(() => false);
  const isLate = await Promise.race([closed.then(() => false), late]);
  giveUp.abort();
  if (isLate) process.stderr.write('Some parts did not stop in time; what they hold is safe on disk.\n');
}

function fail(error: unknown): never {
  if (error instanceof StopReason) process.stderr.write(`${error.message}\n`);
  else process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}
