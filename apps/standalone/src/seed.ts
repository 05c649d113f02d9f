import type { Database } from '#database';

import type { Simulators } from '../../cloud-sim/src/simulator.js';
import { ApiClient } from './api-client.js';
import { readCredentials, writeCredentials, type CloudAccount, type Credentials } from './credentials.js';
import type { DataFolder } from './data-folder.js';
import { createOperatorKey, type ApiKey } from './database-setup.js';
import { AwsSide } from './simulated-aws.js';

/** Where everything is made. */
export interface Surroundings {
  readonly database: Database;
  readonly folder: DataFolder;
  readonly apiUrl: string;
  readonly simulators: Simulators;
}

const CLOUD = 'aws';
const REGION = 'us-east-1';
const TENANT_NAME = 'Example customer';
const PROJECT_NAME = 'Default';
const DEPLOYMENT_NAME = 'mqtt-cluster';
const DEPLOYMENT_CIDR = '10.11.0.0/16';

interface Named {
  readonly id: string;
  readonly name: string;
}

interface Deployment extends Named {
  readonly cloud: string;
  readonly vpc: { readonly id: string };
}

interface PlatformAccount {
  readonly id: string;
  readonly cloud: string;
  readonly accountId: string;
}

/**
 * Makes what an operator would: a tenant with a project and a key, a platform account and a deployment. What an earlier
 * run has made is found again. Everything but the first operator's key is made through the API.
 * @returns what was written to `credentials.json`
 */
export async function seed(surroundings: Surroundings): Promise<Credentials> {
  const { database, folder, apiUrl, simulators } = surroundings;
  const before = await readCredentials(folder);

  const operator = await operatorKey(database, apiUrl, before?.operator);
  const api = new ApiClient(apiUrl, operator);

  const tenants = await api.all<Named>('/admin/v1/tenants');
  const known = tenants.find(({ id }) => id === before?.tenants[0]?.id);
  const tenant =
    known ??
    tenants.find(({ name }) => name === TENANT_NAME) ??
    (await api.post<Named>('/admin/v1/tenants', { name: TENANT_NAME }));
  const project = await findOrMake<Named & { tenantId: string }>(
    api,
    '/admin/v1/projects',
    ({ tenantId, name }) => tenantId === tenant.id && name === PROJECT_NAME,
    { tenantId: tenant.id, name: PROJECT_NAME },
  );
  const key = await tenantKey(
    api,
    tenant.id,
    before?.tenants.find(({ id }) => id === tenant.id),
  );

  const platform = accountOf(simulators, 'platform');
  const account = await platformAccount(api, platform, simulators.endpoints[CLOUD]);
  const deployment = await platformNetwork(api, surroundings, {
    tenantId: tenant.id,
    projectId: project.id,
    platformAccountId: account.id,
    earlierId: before?.tenants[0]?.deployments[CLOUD],
  });

  const credentials: Credentials = {
    apiUrl,
    simulatorUrl: simulators.controlUrl,
    operator,
    tenants: [{ id: tenant.id, ...key, deployments: { [CLOUD]: deployment.id } }],
    clouds: {
      [CLOUD]: {
        endpoint: simulators.endpoints[CLOUD],
        platform,
        customer: accountOf(simulators, 'customer'),
      },
    },
  };
  await writeCredentials(folder, credentials);
  return credentials;
}

/** The key of the earlier run where it is still accepted, else a new one. */
async function operatorKey(database: Database, apiUrl: string, earlier: ApiKey | undefined): Promise<ApiKey> {
  if (earlier && (await new ApiClient(apiUrl, earlier).isAccepted('/admin/v1/tenants?limit=1')))
    return earlier;
  return createOperatorKey(database, 'npm start');
}

async function tenantKey(api: ApiClient, tenantId: string, earlier: ApiKey | undefined): Promise<ApiKey> {
  if (earlier) {
    const { keyId, secret } = earlier;
    const key = { keyId, secret };
    if (await new ApiClient(api.baseUrl, key).isAccepted('/v1/deployments?limit=1')) return key;
  }
  const { keyId, secret } = await api.post<ApiKey>('/admin/v1/api-keys', {
    tenantId,
    role: 'administrator',
    displayName: 'npm start',
  });
  return { keyId, secret };
}

/** The platform's account, with the endpoint at which the simulator listens in this run. */
async function platformAccount(
  api: ApiClient,
  { accountId, accessKeyId, secretAccessKey }: CloudAccount,
  endpoint: string,
): Promise<PlatformAccount> {
  const settings = {
    credentials: { kind: 'static', accessKeyId, secretAccessKey },
    endpoints: { ec2: endpoint, sts: endpoint },
  };
  const accounts = await api.all<PlatformAccount>('/admin/v1/platform-accounts');
  const known = accounts.find((account) => account.cloud === CLOUD && account.accountId === accountId);
  if (known) return api.patch<PlatformAccount>(`/admin/v1/platform-accounts/${known.id}`, settings);
  return api.post<PlatformAccount>('/admin/v1/platform-accounts', {
    cloud: CLOUD,
    accountId,
    displayName: 'Simulated platform account',
    ...settings,
  });
}

/** The deployment of the earlier run while the simulator has its VPC, else a new one in a new VPC. */
async function platformNetwork(
  api: ApiClient,
  { simulators }: Surroundings,
  owner: { tenantId: string; projectId: string; platformAccountId: string; earlierId: string | undefined },
): Promise<Deployment> {
  const { earlierId, ...ids } = owner;
  const aws = new AwsSide(simulators.endpoints[CLOUD], accountOf(simulators, 'platform'), REGION);
  try {
    const deployments = await api.all<Deployment & { tenantId?: string }>('/admin/v1/deployments');
    const known =
      deployments.find(({ id }) => id === earlierId) ??
      deployments.find(({ cloud, name }) => cloud === CLOUD && name === DEPLOYMENT_NAME);
    if (known && (await aws.hasVpc(known.vpc.id))) return known;
    const vpcId = await aws.createVpc(DEPLOYMENT_CIDR, DEPLOYMENT_NAME);
    return await api.post<Deployment>('/admin/v1/deployments', {
      ...ids,
      name: DEPLOYMENT_NAME,
      cloud: CLOUD,
      region: REGION,
      edition: 'dedicated_professional',
      vpc: { id: vpcId, cidrs: [DEPLOYMENT_CIDR] },
    });
  } finally {
    aws.close();
  }
}

async function findOrMake<T>(
  api: ApiClient,
  path: string,
  isIt: (item: T) => boolean,
  body: unknown,
): Promise<T> {
  return (await api.all<T>(path)).find(isIt) ?? (await api.post<T>(path, body));
}

function accountOf(simulators: Simulators, role: 'platform' | 'customer'): CloudAccount {
  const { accountId, accessKeyId, secretAccessKey, attributes } = simulators.account(CLOUD, role);
  return { ...attributes, accountId, accessKeyId, secretAccessKey };
}
