import { createServer } from 'node:net';

import { StopReason, systemCode } from './stop-reason.js';

/** A port that is wanted, what for, and which variable moves it. */
export interface WantedPort {
  readonly port: number;
  readonly purpose: string;
  readonly variable: string;
}

/**
 * Finds out, before anything is started, whether the ports can be had.
 * @throws StopReason for the first that cannot
 */
export async function requireFreePorts(host: string, wanted: readonly WantedPort[]): Promise<void> {
  for (const { port, purpose, variable } of wanted) {
    if (port === 0) continue;
    const problem = await tryPort(host, port);
    if (problem === null) continue;
    throw new StopReason(
      problem === 'EADDRINUSE'
        ? `Port ${String(port)} on ${host}, wanted for ${purpose}, is in use: set ${variable} to a free one.`
        : `Cannot listen on ${host}:${String(port)} for ${purpose} (${problem}).`,
    );
  }
}

async function tryPort(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => {
      resolve(systemCode(error));
    });
    server.listen({ host, port, exclusive: true }, () => {
      server.close(() => {
        resolve(null);
      });
    });
  });
}
