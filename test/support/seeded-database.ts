/** A database of a spec's own, with what every connection needs around it. */
import { profileOf, startAttempt, type CloudId, type CloudSpec, type PeeringStatus } from '#domain';
import {
  deployments,
  openDatabase,
  peerings,
  platformAccounts,
  projects,
  tenants,
  type Database,
  type DeploymentRecord,
  type NewPeering,
  type PeeringRecord,
  type PlatformAccountRecord,
  type ProjectRecord,
  type TenantRecord,
} from '#database';

import { createTestDatabase } from './postgres.js';

export interface SeededDatabase {
  readonly database: Database;
  readonly url: string;
  close(): Promise<void>;
}

export async function openSeededDatabase(poolSize = 10): Promise<SeededDatabase> {
  const place = await createTestDatabase();
  const { url } = place;
  const database = await openDatabase({ url, poolSize, applicationName: 'spec' });
  return {
    database,
    url,
    async close() {
      await database.close();
      await place.drop();
    },
  };
}

/** A tenant with one project and one AWS deployment in an account of its own. */
export interface Tenancy {
  readonly tenant: TenantRecord;
  readonly project: ProjectRecord;
  readonly account: PlatformAccountRecord;
  readonly deployment: DeploymentRecord;
}

let serial = 0;

export async function seedTenancy(database: Database, cloud: CloudId = 'aws'): Promise<Tenancy> {
  serial += 1;
  const name = `tenancy ${String(serial)}`;
  const number = String(100_000_000_000 + serial);
  return database.asOperator(async (scope) => {
    const tenant = await tenants.create(scope, { name });
    const project = await projects.create(scope, { tenantId: tenant.id, name: 'default' });
    const account = await platformAccounts.create(scope, {
      cloud,
      accountId: number,
      displayName: name,
      credentials: Buffer.from('sealed'),
      credentialsKind: 'static',
      endpoints: {},
    });
    const deployment = await deployments.create(scope, {
      tenantId: tenant.id,
      projectId: project.id,
      name,
      cloud,
      region: 'us-east-1',
      edition: 'dedicated_professional',
      platformAccountId: account.id,
      vpcId: `vpc-${serial.toString(16).padStart(17, '0')}`,
      cidrs: ['10.11.0.0/16'],
    });
    return { tenant, project, account, deployment };
  });
}

/** A request on AWS from the customer's VPC with this number, bringing these blocks. */
export function awsRequest(
  deployment: DeploymentRecord,
  network: number,
  cidrs: readonly string[],
  now = Date.now(),
): NewPeering {
  const hex = network.toString(16).padStart(17, '0');
  const cloud: CloudSpec = {
    kind: 'aws',
    connectionId: `pcx-${hex}`,
    accountId: '210987654321',
    vpcId: `vpc-${hex}`,
  };
  const spec = { cloud, cidrs };
  return {
    deployment,
    displayName: `network ${String(network)}`,
    spec,
    status: startAttempt(profileOf('aws'), spec, now),
    dueAt: now,
    events: [{ type: 'peering.created', actor: 'key_1', data: {} }],
    now,
  };
}

export async function seedPeering(
  database: Database,
  deployment: DeploymentRecord,
  network: number,
  cidrs: readonly string[],
): Promise<PeeringRecord> {
  return database.asOperator((scope) => peerings.insert(scope, awsRequest(deployment, network, cidrs)));
}

/** The status of a connection that has ended and is fully taken back. */
export function failedStatus(status: PeeringStatus, now = Date.now()): PeeringStatus {
  return {
    ...status,
    state: 'failed',
    stateSince: now,
    reason: { code: 'request_not_found', params: {}, since: now },
    admittedCidrs: [],
  };
}
