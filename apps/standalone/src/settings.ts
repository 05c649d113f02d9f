import { resolve } from 'node:path';

import { StopReason } from './stop-reason.js';

/** What can be chosen on the command line and in the environment. */
export interface Settings {
  /** Absolute path of the folder that holds everything that outlives the process. */
  readonly dataDir: string;
  /** Address that the API and the simulators listen on. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly apiPort: number;
  /** The control port of the simulators, followed by one port for each cloud; 0 lets the system choose all. */
  readonly simulatorPort: number;
  /** Whether to make a connection and show its way to running. */
  readonly demo: boolean;
}

export const USAGE = `Usage: npm start [-- --no-demo]

Starts the whole broker on this machine: an embedded PostgreSQL, the API, the worker and simulators of the clouds.
Then simulated customers of each cloud connect their networks, and what becomes of each is shown on a line of its own.

  --no-demo    start everything, connect nothing
  --help       this text

  API_PORT     port of the API                                  3000
  SIM_PORT     control port of the simulators, clouds after it  4000
  HOST         address to listen on                             127.0.0.1
  DATA_DIR     folder for the database, keys, logs and state    .data
  APPROVAL_WINDOW_SECONDS  how long a customer has to approve   12 (600 in production)
`;

/** Most ports that follow the simulators' control port. */
const CLOUD_PORTS = 5;
const LAST_PORT = 65_535;

/**
 * @returns null when only the usage was asked for
 * @throws StopReason naming what cannot be understood
 */
export function readSettings(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Settings | null {
  let demo = true;
  for (const argument of args) {
    if (argument === '--help' || argument === '-h') return null;
    if (argument !== '--no-demo') {
      throw new StopReason(`There is no option ${argument}: npm start -- --help shows those that there are.`);
    }
    demo = false;
  }
  return {
    demo,
    dataDir: resolve(text(env, 'DATA_DIR', '.data')),
    host: text(env, 'HOST', '127.0.0.1'),
    apiPort: port(env, 'API_PORT', 3000, LAST_PORT),
    simulatorPort: port(env, 'SIM_PORT', 4000, LAST_PORT - CLOUD_PORTS),
  };
}

function text(env: Readonly<Record<string, string | undefined>>, name: string, fallback: string): string {
  const value = env[name];
  return value === undefined || value === '' ? fallback : value;
}

function port(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  fallback: number,
  most: number,
): number {
  const value = text(env, name, String(fallback));
  if (!/^\d+$/.test(value) || Number(value) > most) {
    throw new StopReason(`${name} must be a port from 0 to ${String(most)}, not "${value}".`);
  }
  return Number(value);
}
