import { EC2Client, type EC2ClientConfig } from '@aws-sdk/client-ec2';
import { startSimulators, type Simulators } from '../../apps/cloud-sim/src/simulator.js';
import type { Account } from '../../apps/cloud-sim/src/accounts.js';

/** What the control API answered. */
export interface ControlAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** A simulated AWS of a test's own, with clients that sign as its accounts. */
export interface SimulatedAws {
  readonly simulators: Simulators;
  readonly endpoint: string;
  readonly platform: Account;
  readonly customer: Account;
  /** A client of an account; one attempt per call unless told otherwise. Closed with the simulator. */
  ec2(account: Pick<Account, 'accessKeyId' | 'secretAccessKey'>, config?: EC2ClientConfig): EC2Client;
  control(method: string, path: string, body?: unknown): Promise<ControlAnswer>;
  close(): Promise<void>;
}

/** The region of clients that name none. */
export const REGION = 'us-east-1';

/** Starts AWS alone, on ports of the system's choice, with simulated time standing still. */
export async function startSimulatedAws(): Promise<SimulatedAws> {
  const simulators = await startSimulators({ ports: 'ephemeral', clouds: ['aws'] });
  simulators.clock.freeze();
  const endpoint = simulators.endpoints.aws;
  const clients: EC2Client[] = [];
  return {
    simulators,
    endpoint,
    platform: simulators.account('aws', 'platform'),
    customer: simulators.account('aws', 'customer'),
    ec2({ accessKeyId, secretAccessKey }, config = {}) {
      const credentials = { accessKeyId, secretAccessKey };
      const client = new EC2Client({ endpoint, region: REGION, credentials, maxAttempts: 1, ...config });
      clients.push(client);
      return client;
    },
    async control(method, path, body) {
      const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
      const response = await fetch(`${simulators.controlUrl}${path}`, init);
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    },
    async close() {
      for (const client of clients) client.destroy();
      await simulators.close();
    },
  };
}

/** The error code that a call fails with; `none` when it succeeds. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'none';
  } catch (error) {
    return (error as Error).name;
  }
}

/** The message that a call fails with; `none` when it succeeds. */
export async function messageOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'none';
  } catch (error) {
    return (error as Error).message;
  }
}
