import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  apiKeys,
  deployments,
  openDatabase,
  platformAccounts,
  projects,
  quotas,
  tenants,
  type OperatorScope,
  type PlatformAccountRecord,
} from '#database';
import type { CloudId } from '#domain';
import { hashSecret, newSecret, type CredentialCipher } from '#runtime';

import { prepareDatabase } from '../apps/standalone/src/database-setup.js';
import { startEmbeddedPostgres } from '../apps/standalone/src/embedded-postgres.js';

/** A PostgreSQL of the bench's own, migrated; gone afterwards. */
export interface BenchDatabase {
  readonly url: string;
  stop(): Promise<void>;
}

/** Durability is on, as in production: what is measured includes the flush of each commit. */
export async function startBenchDatabase(): Promise<BenchDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'peering-broker-bench-'));
  const server = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), database: 'bench' });
  const stop = async (): Promise<void> => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await prepareDatabase(server.url, true);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: server.url, stop };
}

/** A platform account that a cloud knows. */
export interface BenchAccount {
  readonly cloud: CloudId;
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly endpoints: Readonly<Record<string, string>>;
}

export interface BenchTenant {
  readonly tenantId: string;
  readonly projectId: string;
  readonly platformAccountId: string;
  readonly deploymentIds: readonly string[];
  /** Value of the Authorization header of an administrator. */
  readonly authorization: string;
}

/** Platform accounts that hold networks; answers with their rows, in order. */
export async function addPlatformAccounts(
  url: string,
  cipher: CredentialCipher,
  accounts: readonly BenchAccount[],
): Promise<string[]> {
  const database = await openDatabase({ url, poolSize: 2, applicationName: 'bench' });
  try {
    return await database.asOperator(async (scope) => {
      const ids: string[] = [];
      for (const account of accounts) ids.push((await addPlatformAccount(scope, cipher, account)).id);
      return ids;
    });
  } finally {
    await database.close();
  }
}

function addPlatformAccount(
  scope: OperatorScope,
  cipher: CredentialCipher,
  { cloud, accountId, accessKeyId, secretAccessKey, endpoints }: BenchAccount,
): Promise<PlatformAccountRecord> {
  return platformAccounts.create(scope, {
    cloud,
    accountId,
    displayName: 'Bench',
    credentialsKind: 'static',
    credentials: cipher.encrypt({ kind: 'static', accessKeyId, secretAccessKey }),
    endpoints,
  });
}

/** A tenant with one deployment for each of the given VPCs, and a quota that is in nobody's way. */
export async function seedTenant(
  url: string,
  cipher: CredentialCipher,
  account: BenchAccount,
  region: string,
  vpcs: readonly { readonly id: string; readonly cidr: string }[],
): Promise<BenchTenant> {
  const database = await openDatabase({ url, poolSize: 2, applicationName: 'bench' });
  try {
    return await database.asOperator(async (scope) => {
      const tenant = await tenants.create(scope, { name: 'Bench' });
      const project = await projects.create(scope, { tenantId: tenant.id, name: 'Bench' });
      for (const name of ['peerings_per_deployment', 'peerings_per_tenant']) {
        await quotas.set(scope, { tenantId: tenant.id, name, value: 1_000_000 });
      }
      const platform = await addPlatformAccount(scope, cipher, account);
      const deploymentIds: string[] = [];
      for (const [index, vpc] of vpcs.entries()) {
        const { id } = await deployments.create(scope, {
          tenantId: tenant.id,
          projectId: project.id,
          name: `bench-${index}`,
          cloud: account.cloud,
          region,
          edition: 'dedicated_professional',
          platformAccountId: platform.id,
          vpcId: vpc.id,
          cidrs: [vpc.cidr],
        });
        deploymentIds.push(id);
      }
      const secret = newSecret();
      const key = await apiKeys.create(scope, {
        tenantId: tenant.id,
        role: 'administrator',
        projectIds: null,
        displayName: 'Bench',
        secretHash: hashSecret(secret),
        expiresAt: null,
      });
      const authorization = `Basic ${Buffer.from(`${key.id}:${secret}`).toString('base64')}`;
      return {
        tenantId: tenant.id,
        projectId: project.id,
        platformAccountId: platform.id,
        deploymentIds,
        authorization,
      };
    });
  } finally {
    await database.close();
  }
}
