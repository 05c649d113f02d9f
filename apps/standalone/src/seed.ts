import { connectors } from '#clouds';
import { CLOUD_IDS, type CloudId } from '#domain';
import type { Database } from '#database';

import type { Simulators } from '../../cloud-sim/src/simulator.js';
import { ApiClient } from './api-client.js';
import { readCredentials, writeCredentials, type CloudAccount, type Credentials } from './credentials.js';
import type { DataFolder } from './data-folder.js';
import { createOperatorKey, type ApiKey } from './database-setup.js';
import {
  hasResource,
  makePlatformNetwork,
  PLATFORM_NETWORKS,
  type PlatformNetworkPlan,
} from './platform-networks.js';

/** Where everything is made. */
export interface Surroundings {
  readonly database: Database;
  readonly folder: DataFolder;
  readonly apiUrl: string;
  readonly simulators: Simulators;
}

const TENANT_NAME = 'Example customer';
const PROJECT_NAME = 'Default';

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

/** Whose a deployment is, and which one an earlier run has left. */
interface DeploymentOwner {
  readonly tenantId: string;
  readonly projectId: string;
  readonly earlierId: string | undefined;
}

/**
 * Makes what an operator would: a tenant with a project and a key, and in each cloud a platform account and a deployment.
 * What an earlier run has made is found again. Everything but the first operator's key is made through the API.
 * @returns what was written to `credentials.json`
 */
export async function seed({ database, folder, apiUrl, simulators }: Surroundings): Promise<Credentials> {
  const before = await readCredentials(folder);
  const operator = await operatorKey(database, apiUrl, before?.operator);
  const api = new ApiClient(apiUrl, operator);

  const tenants = await api.all<Named>('/admin/v1/tenants');
  const tenant =
    tenants.find(({ id }) => id === before?.tenants[0]?.id) ??
    tenants.find(({ name }) => name === TENANT_NAME) ??
    (await api.post<Named>('/admin/v1/tenants', { name: TENANT_NAME }));
  const earlier = before?.tenants.find(({ id }) => id === tenant.id);
  const projects = await api.all<Named & { readonly tenantId: string }>('/admin/v1/projects');
  const project =
    projects.find(({ tenantId, name }) => tenantId === tenant.id && name === PROJECT_NAME) ??
    (await api.post<Named>('/admin/v1/projects', { tenantId: tenant.id, name: PROJECT_NAME }));
  const key = await tenantKey(api, tenant.id, earlier);

  const deployments: Partial<Record<CloudId, string>> = {};
  for (const cloud of CLOUD_IDS) {
    const plan = PLATFORM_NETWORKS[cloud];
    if (connectors[cloud] === undefined || !simulators.clouds.has(cloud)) continue;
    const owner = { tenantId: tenant.id, projectId: project.id, earlierId: earlier?.deployments[cloud] };
    const deployment = await platformNetwork(api, simulators, cloud, plan, owner);
    deployments[cloud] = deployment.id;
  }

  const credentials: Credentials = {
    apiUrl,
    simulatorUrl: simulators.controlUrl,
    operator,
    tenants: [{ id: tenant.id, ...key, deployments }],
    clouds: Object.fromEntries(
      [...simulators.clouds].map(([cloud, { endpoint }]) => [
        cloud,
        {
          endpoint,
          platform: accountOf(simulators, cloud, 'platform'),
          customer: accountOf(simulators, cloud, 'customer'),
        },
      ]),
    ),
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

/** The deployment of the earlier run while the simulator has its VPC, else a new one in a new VPC. */
async function platformNetwork(
  api: ApiClient,
  simulators: Simulators,
  cloud: CloudId,
  plan: PlatformNetworkPlan,
  { earlierId, ...owner }: DeploymentOwner,
): Promise<Deployment> {
  const platform = accountOf(simulators, cloud, 'platform');
  const account = await platformAccount(api, cloud, platform, plan, simulators.endpoints[cloud]);
  const name = `${cloud}-cluster`;
  const deployments = await api.all<Deployment>('/admin/v1/deployments');
  const known =
    deployments.find(({ id }) => id === earlierId) ??
    deployments.find((deployment) => deployment.cloud === cloud && deployment.name === name);
  if (known && (await hasResource(simulators.controlUrl, cloud, known.vpc.id))) return known;
  const vpcId = await makePlatformNetwork(simulators.controlUrl, cloud, plan, platform.accountId);
  return api.post<Deployment>('/admin/v1/deployments', {
    ...owner,
    platformAccountId: account.id,
    name,
    cloud,
    region: plan.region,
    edition: 'dedicated_professional',
    vpc: { id: vpcId, cidrs: [plan.cidr] },
  });
}

/** The platform's account in a cloud, with the endpoint at which the simulator listens in this run. */
async function platformAccount(
  api: ApiClient,
  cloud: CloudId,
  { accountId, accessKeyId, secretAccessKey }: CloudAccount,
  { services }: PlatformNetworkPlan,
  endpoint: string,
): Promise<PlatformAccount> {
  const settings = {
    credentials: { kind: 'static', accessKeyId, secretAccessKey },
    endpoints: Object.fromEntries(services.map((service) => [service, endpoint])),
  };
  const accounts = await api.all<PlatformAccount>('/admin/v1/platform-accounts');
  const known = accounts.find((account) => account.cloud === cloud && account.accountId === accountId);
  if (known) return api.patch<PlatformAccount>(`/admin/v1/platform-accounts/${known.id}`, settings);
  return api.post<PlatformAccount>('/admin/v1/platform-accounts', {
    cloud,
    accountId,
    displayName: 'Simulated platform account',
    ...settings,
  });
}

function accountOf(simulators: Simulators, cloud: CloudId, role: 'platform' | 'customer'): CloudAccount {
  const { accountId, accessKeyId, secretAccessKey, attributes } = simulators.account(cloud, role);
  return { ...attributes, accountId, accessKeyId, secretAccessKey };
}
