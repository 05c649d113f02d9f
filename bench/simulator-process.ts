import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import type { CloudId } from '#domain';

import { controlOf, type Control } from './fleet.js';

/** An account of a simulated cloud, with its key. */
export interface SimulatedAccount {
  readonly accountId: string;
  readonly name: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** One simulated cloud in a process of its own, so that what it costs is not counted as the caller's. */
export interface SimulatorProcess {
  readonly endpoint: string;
  readonly control: Control;
  /** The account that is there from the start. */
  account(role: 'platform' | 'customer'): Promise<SimulatedAccount>;
  addAccount(name: string): Promise<SimulatedAccount>;
  /** Every answer of the cloud takes so long from now on; zero: as long as it takes. */
  setLatency(ms: number): Promise<void>;
  /** Every resource that the cloud knows, as JSON. */
  books(): Promise<string>;
  stop(): Promise<void>;
}

export async function startSimulatorProcess(cloud: CloudId): Promise<SimulatorProcess> {
  const child = fork(fileURLToPath(new URL('simulator-program.js', import.meta.url)), [cloud]);
  const [{ controlUrl, endpoints }] = (await once(child, 'message')) as [
    { readonly controlUrl: string; readonly endpoints: Readonly<Record<string, string>> },
  ];
  const root = `${controlUrl}/_sim`;
  return {
    endpoint: endpoints[cloud] ?? '',
    control: controlOf({ controlUrl }, cloud),
    account: async (role) => {
      const { accounts } = (await ask(`${root}/accounts?cloud=${cloud}`)) as { accounts: SimulatedAccount[] };
      const found = accounts.find(({ name }) => name === role);
      if (found === undefined) throw new Error(`The simulator of ${cloud} has no account "${role}".`);
      return found;
    },
    addAccount: async (name) => (await ask(`${root}/accounts`, 'POST', { cloud, name })) as SimulatedAccount,
    setLatency: async (ms) => {
      await ask(`${root}/faults`, 'DELETE');
      if (ms > 0) await ask(`${root}/faults`, 'POST', { kind: 'latency', ms });
    },
    books: async () => JSON.stringify(await ask(`${root}/${cloud}/books`)),
    stop: async () => {
      if (child.exitCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    },
  };
}

async function ask(url: string, method = 'GET', body?: unknown): Promise<unknown> {
  const answer = await fetch(url, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${method} ${url} was refused: ${await answer.text()}`);
  return answer.json();
}
