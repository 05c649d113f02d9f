/**
 * 10,000 approval windows that close within the same second, on one worker, with 5 ms a call: how late each request was
 * withdrawn and its connection failed. The floor is the same look, withdrawal and look again, made by a bare loop.
 */
import pg from 'pg';

import { connectors } from '#clouds';
import { CredentialCipher } from '#runtime';

import type { Simulators } from '../apps/cloud-sim/src/running-simulators.js';
import { startSimulators } from '../apps/cloud-sim/src/simulator.js';
import { seedTenant, startBenchDatabase } from './bench-database.js';
import { startProgram } from './child-process.js';
import { freePort, newEncryptionKeys } from './environment.js';
import { controlOf, fleetHome, seedAttachments, writeFleet, type FleetNetwork } from './fleet.js';
import type { Measurement } from './report.js';

const WINDOWS = 10_000;
const CALL_MS = 5;
const WORKERS_AT_A_TIME = 64;
/** Between the writing of the fleet and the closing of its windows: the worker is up by then. */
const AHEAD_MS = 15_000;
const LIMIT_MS = 300_000;

export async function benchApprovalWindows(): Promise<Measurement[]> {
  const simulators = await startSimulators({ ports: 'ephemeral', clouds: ['tencent'] });
  const database = await startBenchDatabase();
  try {
    const control = controlOf(simulators, 'tencent');
    // The cloud detaches at once and sets no pace of its own: what remains is ours.
    await control('settings', { detachingSeconds: 0, rateLimits: false, instancesPerCcn: 0 });
    const platform = simulators.account('tencent', 'platform');
    const accounts = {
      platform: platform.accountId,
      customer: simulators.account('tencent', 'customer').accountId,
    };
    const keys = newEncryptionKeys();
    const { region, services } = fleetHome('tencent');
    const endpoints = Object.fromEntries(services.map((service) => [service, simulators.endpoints.tencent]));
    const tenant = await seedTenant(
      database.url,
      CredentialCipher.fromKeys(keys),
      { cloud: 'tencent', endpoints, ...platform },
      region,
      [],
    );
    const floorMs = await byHand(
      simulators,
      endpoints,
      await seedAttachments(control, accounts, WINDOWS, 'PENDING'),
    );
    const fleet = await seedAttachments(control, accounts, WINDOWS, 'PENDING');
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
    simulators.faults.add({ kind: 'latency', ms: CALL_MS });
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
      },
      `http://127.0.0.1:${port}/healthz`,
    );
    let failedAt: Map<string, number>;
    try {
      failedAt = await untilFailed(database.url, ids.length);
    } finally {
      await worker.stop();
    }
    const left = simulators.cloud('tencent').simulator.books();
    if (JSON.stringify(left).includes('"PENDING"')) throw new Error('Requests were left in the cloud.');
    const late = ids.map((id, nth) => (failedAt.get(id) ?? Infinity) - deadlineOf(nth)).sort((a, b) => a - b);
    const [p50, p99, last] = [0.5, 0.99, 1].map(
      (share) => late[Math.ceil(share * late.length) - 1] ?? Infinity,
    );
    const seconds = (ms = Infinity): string => `${(ms / 1_000).toFixed(1)} s`;
    return [
      {
        name: `${WINDOWS} windows that close at once: lateness (p50 ${seconds(p50)}, last ${seconds(last)}), p99`,
        ours: seconds(p99),
        floor: seconds(floorMs),
        ratio: (p99 ?? Infinity) / floorMs,
        aim: { text: 'p99 < 2 s', met: (p99 ?? Infinity) < 2_000 },
      },
    ];
  } finally {
    await database.stop();
    await simulators.close();
  }
}

/** Looks, withdraws and looks again for every request, as many at a time as the worker does; in milliseconds. */
async function byHand(
  simulators: Simulators,
  endpoints: Readonly<Record<string, string>>,
  fleet: readonly FleetNetwork[],
): Promise<number> {
  const { accountId, accessKeyId, secretAccessKey } = simulators.account('tencent', 'platform');
  const { region } = fleetHome('tencent');
  const cloud = connectors.tencent?.({
    region,
    accountId,
    credentials: { kind: 'static', accessKeyId, secretAccessKey },
    endpoints,
    timeoutMs: 10_000,
  });
  if (cloud === undefined) throw new Error('Tencent Cloud cannot be spoken to.');
  const fault = simulators.faults.add({ kind: 'latency', ms: CALL_MS });
  const waiting = fleet.values();
  const began = performance.now();
  await Promise.all(
    Array.from({ length: WORKERS_AT_A_TIME }, async () => {
      for (const { vpcId, connections } of waiting) {
        const [{ providerId, spec } = { providerId: '', spec: null }] = connections;
        const network = { vpcId, region };
        await cloud.observePeerings(network);
        const ownerAccountId = spec?.['ccnOwnerUin'] ?? '';
        await cloud.withdrawAttachment(
          network,
          { providerId, ownerAccountId },
          { mark: 'bench', token: vpcId },
        );
        await cloud.observePeerings(network);
      }
    }),
  );
  const elapsedMs = performance.now() - began;
  simulators.faults.remove(fault.id);
  cloud.close();
  return elapsedMs;
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
