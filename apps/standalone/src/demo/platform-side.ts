import { connectors } from '#clouds';
import type { CloudId, ObservedRoute } from '#domain';

import { ApiClient } from '../api-client.js';
import type { Credentials } from '../credentials.js';
import { hasResource, makePlatformNetwork, PLATFORM_NETWORKS } from '../platform-networks.js';

const CALL_TIMEOUT_MS = 5_000;

interface OperatedDeployment {
  readonly id: string;
  readonly name: string;
  readonly cloud: CloudId;
  readonly region: string;
  readonly edition: string;
  readonly tenantId: string;
  readonly projectId: string;
  readonly platformAccountId: string;
  readonly vpc: { readonly id: string };
}

/**
 * A deployment of this name beside the one that `seeded` names, in a VPC of its own, with nothing connected: where a VPC
 * takes part in one network at most, each play needs its own. One that an earlier run has left is emptied first.
 * @returns its id
 */
export async function separateDeployment(
  credentials: Credentials,
  tenant: ApiClient,
  seeded: string,
  name: string,
): Promise<string> {
  const operator = new ApiClient(credentials.apiUrl, credentials.operator);
  const model = await operator.get<OperatedDeployment>(`/admin/v1/deployments/${seeded}`);
  const { cloud, region, edition, tenantId, projectId, platformAccountId } = model;
  const all = await operator.all<OperatedDeployment>('/admin/v1/deployments');
  const known = all.find((each) => each.cloud === cloud && each.name === name);
  if (known && (await hasResource(credentials.simulatorUrl, cloud, known.vpc.id))) {
    await disconnect(tenant, known.id);
    return known.id;
  }
  const plan = PLATFORM_NETWORKS[cloud];
  const accountId = credentials.clouds[cloud]?.platform.accountId;
  if (accountId === undefined) throw new Error(`There is no platform account on ${cloud}.`);
  const made = await operator.post<OperatedDeployment>('/admin/v1/deployments', {
    tenantId,
    projectId,
    platformAccountId,
    name,
    cloud,
    region,
    edition,
    vpc: {
      id: await makePlatformNetwork(credentials.simulatorUrl, cloud, plan, accountId),
      cidrs: [plan.cidr],
    },
  });
  return made.id;
}

/** A route of a platform network through a connection, as the cloud shows it to the platform's account. */
export interface PlatformRoute extends ObservedRoute {
  readonly routeTableId: string;
}

/** The routes of a platform network that lead through a connection. */
export async function routesThrough(
  { clouds }: Credentials,
  cloud: CloudId,
  network: { readonly vpcId: string; readonly region: string },
  providerId: string,
): Promise<PlatformRoute[]> {
  const [account, connect] = [clouds[cloud], connectors[cloud]];
  if (!account || !connect) return [];
  const { accountId, accessKeyId, secretAccessKey } = account.platform;
  const port = connect({
    region: network.region,
    accountId,
    credentials: { kind: 'static', accessKeyId, secretAccessKey },
    endpoints: Object.fromEntries(
      PLATFORM_NETWORKS[cloud].services.map((service) => [service, account.endpoint]),
    ),
    timeoutMs: CALL_TIMEOUT_MS,
  });
  try {
    const tables = await port.observeRoutes(network);
    return tables.flatMap(({ routeTableId, routes }) =>
      routes.filter(({ target }) => target === providerId).map((route) => ({ ...route, routeTableId })),
    );
  } finally {
    port.close();
  }
}

/** Deletes every connection of a deployment, and waits until nothing is left of them in the cloud. */
async function disconnect(api: ApiClient, deploymentId: string): Promise<void> {
  const peerings = await api.all<{ id: string; status: { state: string } }>(
    `/v1/deployments/${deploymentId}/peerings`,
  );
  for (const { id, status } of peerings) {
    if (status.state === 'deleted') continue;
    await api.delete(`/v1/peerings/${id}`);
    await api.get(`/v1/peerings/${id}?wait=deleted&timeout=20s`);
  }
}
