/**
 * 10,000 approval windows that close within the same second, on one worker, with 5 ms a call: how late each request was
 * withdrawn and its connection failed. The floor is the same look, withdrawal and look again, made by a bare loop that
 * remembers nothing. Bench, cloud, worker and database are processes of their own.
 */
import pg from 'pg';

import { connectors } from '#clouds';
import { CredentialCipher } from '#runtime';

import { addPlatformAccounts, seedTenant, startBenchDatabase, type BenchAccount } from './bench-database.js';
import { startProgram } from './child-process.js';
import { freePort, newEncryptionKeys, UNPACED, WORKER_FLAGS } from './environment.js';
import { fleetHome, seedAttachments, writeFleet, type FleetNetwork } from './fleet.js';
import { quantile, type Measurement } from './report.js';
import { startSimulatorProcess, type SimulatedAccount, type SimulatorProcess } from './simulator-process.js';

const WINDOWS = 10_000;
/** The cloud limits each account to 100 calls a second of an operation: so many windows are in many accounts. */
const ACCOUNTS = 100;
const CALL_MS = 5;
const WORKERS_AT_A_TIME = 64;
/** Between the writing of the fleet and the closing of its windows: the worker is up by then. */
const AHEAD_MS = 15_000;
const LIMIT_MS = 300_000;

/** A network with the account that it is in. */
interface Held {
  readonly account: SimulatedAccount;
  readonly network: FleetNetwork;
}

export async function benchApprovalWindows(): Promise<Measurement[]> {
  const simulator = await startSimulatorProcess('tencent');
  const database = await startBenchDatabase();
  try {
    // The cloud detaches at once and sets no pace of its own: what remains is ours.
    await simulator.control('settings', { detachingSeconds: 0, rateLimits: false, instancesPerCcn: 0 });
    const accounts: SimulatedAccount[] = [];
    for (let nth = 0; nth < ACCOUNTS; nth += 1) accounts.push(await simulator.addAccount(`platform ${nth}`));
    const toDo = await seedWindows(simulator, accounts);
    await simulator.setLatency(CALL_MS);
    const { lateness: floor, seconds: floorSeconds } = await byHand(simulator, toDo);

    const keys = newEncryptionKeys();
    const cipher = CredentialCipher.fromKeys(keys);
    const asBench = (account: SimulatedAccount): BenchAccount => ({
      cloud: 'tencent',
      ...account,
      endpoints: endpointsOf(simulator),
    });
    const { region } = fleetHome('tencent');
    const customer = asBench(await simulator.account('platform'));
    const tenant = await seedTenant(database.url, cipher, customer, region, []);
    const rows = await addPlatformAccounts(database.url, cipher, accounts.map(asBench));
    const rowOf = new Map(accounts.map(({ accountId }, nth) => [accountId, rows[nth] ?? '']));
    const fleet = (await seedWindows(simulator, accounts)).map(({ account, network }) => ({
      ...network,
      platformAccountId: rowOf.get(account.accountId) ?? '',
    }));
    const closing = Date.now() + AHEAD_MS;
    const deadlineOf = (nth: number): number => closing + Math.floor((nth * 1_000) / WINDOWS);
    const ids = await writeFleet(database.url, 'tencent', tenant, fleet, (nth) => ({
      status: {
        state: 'awaiting_approval',
        verified: true,
        deadline: { kind: 'customer_approval', at: deadlineOf(nth) },
      },
      dueAt: deadlineOf(nth),
    }));
    const port = await freePort();
    const worker = await startProgram(
      'apps/worker/src/main.js',
      {
        DATABASE_URL: database.url,
        ENCRYPTION_KEYS: keys,
        HOST: '127.0.0.1',
        WORKER_PORT: String(port),
        WORKER_CONCURRENCY: String(WORKERS_AT_A_TIME),
        DATABASE_POOL_SIZE: '20',
        LOG_LEVEL: 'error',
        ...UNPACED,
      },
      `http://127.0.0.1:${port}/healthz`,
      WORKER_FLAGS,
    );
    let failedAt: Map<string, number>;
    try {
      failedAt = await untilFailed(database.url, ids.length);
    } finally {
      await worker.stop();
    }
    if ((await simulator.books()).includes('"PENDING"')) throw new Error('Requests were left in the cloud.');
    const lateness = ids.map((id, nth) => (failedAt.get(id) ?? Infinity) - deadlineOf(nth));
    const [p50, p99] = [quantile(lateness, 0.5), quantile(lateness, 0.99)];
    const floorP99 = quantile(floor, 0.99);
    const ourSeconds = (Math.max(...failedAt.values()) - closing) / 1_000;
    const ratio = floorSeconds / ourSeconds;
    const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
    return [
      {
        name: `${WINDOWS} windows that close at once: closed a second`,
        ours: `${(WINDOWS / ourSeconds).toFixed(0)}/s`,
        floor: `${(WINDOWS / floorSeconds).toFixed(0)}/s`,
        ratio,
        aim: { text: '>= 0.6', met: ratio >= 0.6 },
      },
      {
        name: `  and how late (p50 ${seconds(p50)}, floor ${seconds(quantile(floor, 0.5))}), p99`,
        ours: seconds(p99),
        floor: seconds(floorP99),
        ratio: p99 / floorP99,
        aim: { text: 'p99 < 2 s', met: p99 < 2_000 },
      },
    ];
  } finally {
    await database.stop();
    await simulator.stop();
  }
}

function endpointsOf({ endpoint }: SimulatorProcess): Record<string, string> {
  return Object.fromEntries(fleetHome('tencent').services.map((service) => [service, endpoint]));
}

/** As many windows in each account, one account's beside the other's. */
async function seedWindows(
  simulator: SimulatorProcess,
  accounts: readonly SimulatedAccount[],
): Promise<Held[]> {
  const customer = (await simulator.account('customer')).accountId;
  const each: FleetNetwork[][] = [];
  for (const { accountId } of accounts) {
    const sides = { platform: accountId, customer };
    each.push(await seedAttachments(simulator.control, sides, WINDOWS / ACCOUNTS, 'PENDING'));
  }
  return Array.from({ length: WINDOWS }, (_, nth) => {
    const [account, network] = [accounts[nth % ACCOUNTS], each[nth % ACCOUNTS]?.[Math.floor(nth / ACCOUNTS)]];
    if (account === undefined || network === undefined) throw new Error('The cloud made fewer networks.');
    return { account, network };
  });
}

/** Looks, withdraws and looks again for every request, as many at a time as the worker does. */
async function byHand(
  simulator: SimulatorProcess,
  toDo: readonly Held[],
): Promise<{ lateness: number[]; seconds: number }> {
  const { region } = fleetHome('tencent');
  const ports = new Map(
    [...new Set(toDo.map(({ account }) => account))].map((account) => {
      const { accountId, accessKeyId, secretAccessKey } = account;
      const port = connectors.tencent?.({
        region,
        accountId,
        credentials: { kind: 'static', accessKeyId, secretAccessKey },
        endpoints: endpointsOf(simulator),
        timeoutMs: 10_000,
      });
      if (port === undefined) throw new Error('Tencent Cloud cannot be spoken to.');
      return [account, port] as const;
    }),
  );
  const waiting = toDo.entries();
  const lateness: number[] = [];
  const began = performance.now();
  await Promise.all(
    Array.from({ length: WORKERS_AT_A_TIME }, async () => {
      for (const [nth, { account, network }] of waiting) {
        const { vpcId, connections } = network;
        const [{ providerId, spec } = { providerId: '', spec: null }] = connections;
        const ref = { vpcId, region };
        const port = ports.get(account);
        await port?.observePeerings(ref);
        const ownerAccountId = spec?.['ccnOwnerUin'] ?? '';
        await port?.withdrawAttachment(ref, { providerId, ownerAccountId }, { mark: 'bench', token: vpcId });
        await port?.observePeerings(ref);
        lateness[nth] = performance.now() - began - (nth * 1_000) / WINDOWS;
      }
    }),
  );
  const seconds = (performance.now() - began) / 1_000;
  for (const port of ports.values()) port.close();
  return { lateness, seconds };
}

/** When each connection failed because its window had closed, in epoch milliseconds. */
async function untilFailed(url: string, count: number): Promise<Map<string, number>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const end = Date.now() + LIMIT_MS;
    for (;;) {
      const { rows } = await client.query<{ count: number }>(
        `SELECT count(*)::int AS count FROM peering_connections WHERE state = 'failed'`,
      );
      if ((rows[0]?.count ?? 0) >= count) break;
      if (Date.now() > end) throw new Error(`Only ${rows[0]?.count ?? 0} of ${count} have failed in time.`);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    const { rows } = await client.query<{ id: string; at: string; reason: string }>(
      `SELECT id, status->>'stateSince' AS at, reason_code AS reason FROM peering_connections`,
    );
    const other = rows.find(({ reason }) => reason !== 'approval_window_elapsed');
    if (other) throw new Error(`A connection failed for another reason: ${other.reason}`);
    return new Map(rows.map(({ id, at }) => [id, Number(at)]));
  } finally {
    await client.end();
  }
}
