import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import type { Account, AccountAttributes } from './accounts.js';
import { CallLog } from './call-log.js';
import { CLOUD_IDS, type CloudId, type CloudSimulator } from './cloud-simulator.js';
import { createCloudServer } from './cloud-server.js';
import { createControlServer } from './control-api.js';
import { FaultBook } from './faults.js';
import type { RunningCloud, Simulators } from './running-simulators.js';
import { SIMULATORS } from './simulator-registry.js';
import { readStateFile, StateFile, type SimulatorsSnapshot } from './state-file.js';
import { VirtualClock } from './virtual-clock.js';

export { StateFileError } from './state-file.js';

export type { Simulators } from './running-simulators.js';

/** How to start the simulators. */
export interface SimulatorOptions {
  /**
   * `ephemeral` lets the system choose; a number is the control port, followed by one port for each of
   * {@link CLOUD_IDS} in order, whether or not that cloud is started.
   */
  readonly ports?: 'ephemeral' | number;
  /** Address to listen on; 127.0.0.1 when absent. */
  readonly host?: string;
  /** Which clouds to start; all when absent. */
  readonly clouds?: readonly CloudId[];
  /**
   * Where resources, accounts and the clock are kept from one run to the next; nowhere when absent. Written with
   * every change and when the simulators are closed.
   */
  readonly stateFile?: string;
}

/** Another process has the port. The message says which cloud wanted it and how to move them all. */
export class PortInUseError extends Error {}

/** The names of the two accounts that exist in every cloud from the start. */
export const DEFAULT_ACCOUNTS = ['platform', 'customer'] as const;

/**
 * Starts the simulators in this process. Throws {@link PortInUseError} or {@link StateFileError}; nothing is left
 * listening then.
 */
export async function startSimulators(options: SimulatorOptions = {}): Promise<Simulators> {
  const host = options.host ?? '127.0.0.1';
  const saved = options.stateFile === undefined ? undefined : readStateFile(options.stateFile);
  const clock = new VirtualClock();
  if (saved) clock.restore(saved.clock);
  const faults = new FaultBook();
  const servers: Server[] = [];
  const clouds = new Map<CloudId, RunningCloud>();
  const endpoints = {} as Record<CloudId, string>;

  const listen = async (server: Server, offset: number, purpose: string): Promise<string> => {
    const port = options.ports === undefined || options.ports === 'ephemeral' ? 0 : options.ports + offset;
    const url = await listenOn(server, host, port, purpose);
    servers.push(server);
    return url;
  };
  const stateFile =
    options.stateFile === undefined
      ? undefined
      : new StateFile(
          options.stateFile,
          () => revisionOf(clock, clouds),
          () => snapshotOf(clock, clouds),
        );
  const onPerformed = (): void => stateFile?.keep();
  const close = async (): Promise<void> => {
    await Promise.all(servers.map(closeServer));
    stateFile?.close();
  };

  const simulators: Simulators = {
    controlUrl: '',
    endpoints,
    clock,
    faults,
    clouds,
    cloud: (id) => clouds.get(id) ?? notStarted(id),
    account: (id, role) => {
      const account = simulators.cloud(id).simulator.accounts.named(role);
      if (!account) throw new Error(`The ${role} account of ${id} was renamed.`);
      return account;
    },
    putAccount: (id, given) => putAccount(simulators.cloud(id).simulator, given),
    reset: () => {
      clock.reset();
      faults.clear();
      for (const { simulator, calls } of clouds.values()) {
        calls.clear();
        resetCloud(simulator);
      }
    },
    close,
  };

  try {
    for (const [index, id] of CLOUD_IDS.entries()) {
      const factory = SIMULATORS[id];
      if (!(options.clouds?.includes(id) ?? factory !== undefined)) {
        Object.defineProperty(endpoints, id, { get: () => notStarted(id), enumerable: false });
        continue;
      }
      if (factory === undefined) throw new Error(`There is no simulator of ${id}.`);
      const simulator = factory({ clock });
      resetCloud(simulator);
      const before = saved?.clouds[id];
      if (before) {
        simulator.accounts.restore(before.accounts);
        simulator.store.restore(before.store);
      }
      const calls = new CallLog();
      const server = createCloudServer(simulator, { clock, faults, calls, onPerformed });
      const endpoint = await listen(server, index + 1, id);
      endpoints[id] = endpoint;
      clouds.set(id, { simulator, calls, endpoint });
    }
    const controlUrl = await listen(createControlServer(simulators, onPerformed), 0, 'the control API');
    return Object.assign(simulators, { controlUrl });
  } catch (error) {
    await Promise.all(servers.map(closeServer));
    throw error;
  }
}

function snapshotOf(clock: VirtualClock, clouds: ReadonlyMap<CloudId, RunningCloud>): SimulatorsSnapshot {
  const saved = [...clouds].map(
    ([
      id,
      {
        simulator: { accounts, store },
      },
    ]) => [id, { accounts: accounts.snapshot(), store: store.snapshot() }],
  );
  return { clock: clock.snapshot(), clouds: Object.fromEntries(saved) as SimulatorsSnapshot['clouds'] };
}

/** Differs whenever the snapshot would. */
function revisionOf(clock: VirtualClock, clouds: ReadonlyMap<CloudId, RunningCloud>): number {
  let revision = clock.changeCount;
  for (const { simulator } of clouds.values()) {
    revision += simulator.store.changeCount + simulator.accounts.changeCount;
  }
  return revision;
}

/** Adds an account, or changes the one with this id or (when no id is given) this name. */
function putAccount(simulator: CloudSimulator, given: AccountAttributes): Account {
  const { accounts } = simulator;
  const known =
    given.accountId === undefined
      ? given.name === undefined
        ? undefined
        : accounts.named(given.name)
      : accounts.get(given.accountId);
  const complete = simulator.completeAccount({
    accountId: given.accountId ?? known?.accountId,
    name: given.name ?? known?.name,
    accessKeyId: given.accessKeyId ?? known?.accessKeyId,
    secretAccessKey: given.secretAccessKey ?? known?.secretAccessKey,
    attributes: { ...known?.attributes, ...given.attributes },
  });
  const { accountId, accessKeyId, secretAccessKey } = complete;
  if (accountId === undefined || accessKeyId === undefined || secretAccessKey === undefined) {
    throw new Error(`The simulator of ${simulator.id} left an account incomplete.`);
  }
  const name = complete.name ?? accountId;
  return accounts.put({
    accountId,
    name,
    accessKeyId,
    secretAccessKey,
    attributes: complete.attributes ?? {},
  });
}

function resetCloud(simulator: CloudSimulator): void {
  simulator.store.clear();
  simulator.accounts.clear();
  simulator.reset();
  for (const name of DEFAULT_ACCOUNTS) putAccount(simulator, { name });
}

function notStarted(id: CloudId): never {
  throw new Error(`The simulator of ${id} was not started: name it in startSimulators({ clouds }).`);
}

async function listenOn(server: Server, host: string, port: number, purpose: string): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const isTaken = error.code === 'EADDRINUSE';
      const message = `Port ${port} on ${host}, wanted for ${purpose}, is in use: set SIM_PORT to a free range of six ports.`;
      reject(isTaken ? new PortInUseError(message) : error);
    });
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  const reachable =
    host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
  return `http://${reachable}:${address.port}`;
}

async function closeServer(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}
