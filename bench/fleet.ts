/** Thousands of connections, in the books of a simulated cloud and in the database, as if they had been there for long. */
import pg from 'pg';

import { startAttempt, profileOf, type CloudId, type CloudSpec, type PeeringStatus } from '#domain';
import { newId } from '#runtime';

import type { Simulators } from '../apps/cloud-sim/src/running-simulators.js';
import type { BenchTenant } from './bench-database.js';

/** A platform network in the cloud, with the connections that it has there. */
export interface FleetNetwork {
  /** The row of the platform account that the network belongs to; that of the tenant when absent. */
  readonly platformAccountId?: string;
  readonly vpcId: string;
  readonly cidr: string;
  readonly connections: readonly {
    readonly spec: CloudSpec;
    readonly providerId: string;
    readonly cidr: string;
  }[];
}

/** How a cloud's simulator is filled; sizes are chosen so that no two blocks around one network overlap. */
interface Seeder {
  readonly region: string;
  /** `endpoints` of the platform account, by service. */
  readonly services: readonly string[];
  networks(control: Control, accountId: string, count: number): Promise<{ vpcId: string; cidr: string }[]>;
  connections(
    control: Control,
    accounts: { readonly platform: string; readonly customer: string },
    networks: readonly { readonly vpcId: string; readonly cidr: string }[],
    each: number,
  ): Promise<FleetNetwork[]>;
}

/** Calls a control operation of the simulator. */
export type Control = <Answer>(operation: string, body: unknown) => Promise<Answer>;

const PLATFORM_BLOCKS = { from: '10.10.0.0/15', prefixLength: 28 } as const;
const CUSTOMER_BLOCKS = { from: '172.16.0.0/12', prefixLength: 24 } as const;

/** What seeding answers with; the name of the connection's id is the cloud's. */
interface SeededPeering {
  readonly peeringId: string;
  readonly instanceId: string;
  readonly requesterVpcId: string;
  readonly cidr: string;
}

/** Clouds where connections are seeded network by network. */
function networkByNetwork(
  names: {
    readonly network: string;
    readonly customer: string;
    readonly state: Readonly<Record<string, string>>;
  },
  read: (peering: SeededPeering, customer: string) => FleetNetwork['connections'][number],
): Seeder['connections'] {
  return async (control, { customer }, networks, each) => {
    const fleet: FleetNetwork[] = [];
    for (const network of networks) {
      const { peerings } = await control<{ peerings: SeededPeering[] }>('seed-peerings', {
        [names.network]: network.vpcId,
        [names.customer]: customer,
        count: each,
        ...CUSTOMER_BLOCKS,
        ...names.state,
      });
      fleet.push({ ...network, connections: peerings.map((peering) => read(peering, customer)) });
    }
    return fleet;
  };
}

async function seedVpcs(region: string | null, control: Control, accountId: string, count: number) {
  const { vpcs } = await control<{ vpcs: { vpcId: string; cidr: string }[] }>('seed-vpcs', {
    accountId,
    ...(region === null ? {} : { region }),
    count,
    ...PLATFORM_BLOCKS,
  });
  return vpcs;
}

const SEEDERS: Readonly<Record<CloudId, Seeder>> = {
  aws: {
    region: 'eu-west-1',
    services: ['ec2', 'sts'],
    networks: (control, accountId, count) => seedVpcs('eu-west-1', control, accountId, count),
    connections: networkByNetwork(
      { network: 'accepterVpcId', customer: 'requesterAccountId', state: { state: 'active' } },
      ({ peeringId, requesterVpcId, cidr }, accountId) => ({
        spec: { kind: 'aws', connectionId: peeringId, accountId, vpcId: requesterVpcId },
        providerId: peeringId,
        cidr,
      }),
    ),
  },
  alibaba: {
    region: 'cn-hangzhou',
    services: ['vpcpeer', 'vpc'],
    networks: (control, accountId, count) => seedVpcs('cn-hangzhou', control, accountId, count),
    connections: networkByNetwork(
      { network: 'accepterVpcId', customer: 'requesterAccountId', state: { status: 'Activated' } },
      ({ instanceId, cidr }, accountId) => ({
        spec: { kind: 'alibaba', requesterInstanceId: instanceId, accountId },
        providerId: instanceId,
        cidr,
      }),
    ),
  },
  huawei: {
    region: 'cn-north-4',
    services: ['vpc', 'iam'],
    networks: (control, accountId, count) => seedVpcs(null, control, accountId, count),
    connections: networkByNetwork(
      { network: 'accepterVpcId', customer: 'requesterAccountId', state: { status: 'ACTIVE' } },
      ({ peeringId, requesterVpcId, cidr }, userId) => ({
        spec: { kind: 'huawei', connectionId: peeringId, vpcId: requesterVpcId, userId },
        providerId: peeringId,
        cidr,
      }),
    ),
  },
  outscale: {
    region: 'eu-west-2',
    services: ['api'],
    networks: async (control, accountId, count) => {
      // The cloud's own pace would be all that is measured.
      await control('settings', { callsPerSecond: 0, callsPerSecondOfOneAction: 0 });
      return seedVpcs('eu-west-2', control, accountId, count);
    },
    connections: async (control, { customer }, networks, each) => {
      const fleet: FleetNetwork[] = [];
      for (const network of networks) {
        const { peerings } = await control<{
          peerings: { netPeeringId: string; sourceNetId: string; ipRange: string }[];
        }>('seed-peerings', {
          accepterNetId: network.vpcId,
          sourceAccountId: customer,
          count: each,
          ...CUSTOMER_BLOCKS,
          state: 'active',
        });
        fleet.push({
          ...network,
          connections: peerings.map(({ netPeeringId, sourceNetId, ipRange }) => ({
            spec: { kind: 'outscale', netPeeringId, accountId: customer, netId: sourceNetId },
            providerId: netPeeringId,
            cidr: ipRange,
          })),
        });
      }
      return fleet;
    },
  },
  tencent: {
    region: 'ap-guangzhou',
    services: ['vpc', 'sts'],
    networks: () => Promise.resolve([]),
    // A VPC joins at most one CCN, and one seeding makes both.
    connections: async (control, accounts, _networks, each) => {
      // The cloud's own pace would be all that is measured.
      await control('settings', { rateLimits: false });
      return seedAttachments(control, accounts, each, 'ACTIVE');
    },
  },
};

/** Tencent: `count` VPCs, each attached to a CCN of its own in this state. */
export async function seedAttachments(
  control: Control,
  { platform, customer }: { readonly platform: string; readonly customer: string },
  count: number,
  state: 'PENDING' | 'ACTIVE',
): Promise<FleetNetwork[]> {
  const { attachments } = await control<{
    attachments: { ccnId: string; instanceId: string; cidr: string }[];
  }>('seed-attachments', {
    instanceAccountId: platform,
    ccnAccountId: customer,
    region: 'ap-guangzhou',
    count,
    from: '172.16.0.0/12',
    prefixLength: 26,
    state,
  });
  return attachments.map(({ ccnId, instanceId, cidr }) => ({
    vpcId: instanceId,
    cidr,
    connections: [
      { spec: { kind: 'tencent', ccnId, ccnOwnerUin: customer }, providerId: ccnId, cidr: '192.168.0.0/24' },
    ],
  }));
}

/** The clouds that can be filled. */
export const FLEET_CLOUDS = Object.keys(SEEDERS) as CloudId[];

/** @throws Error when the simulator refuses */
export function controlOf(simulators: Pick<Simulators, 'controlUrl'>, cloud: CloudId): Control {
  return async <Answer>(operation: string, body: unknown): Promise<Answer> => {
    const answer = await fetch(`${simulators.controlUrl}/_sim/${cloud}/${operation}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${operation} of ${cloud} was refused: ${await answer.text()}`);
    return (await answer.json()) as Answer;
  };
}

/** Fills a simulated cloud with `count` networks of `each` established connections. */
export async function seedFleet(
  simulators: Simulators,
  cloud: CloudId,
  count: number,
  each: number,
): Promise<FleetNetwork[]> {
  const seeder = SEEDERS[cloud];
  const control = controlOf(simulators, cloud);
  const platform = simulators.account(cloud, 'platform').accountId;
  const customer = simulators.account(cloud, 'customer').accountId;
  const networks = await seeder.networks(control, platform, count);
  return seeder.connections(control, { platform, customer }, networks, networks.length > 0 ? each : count);
}

/** Where a fleet is, and how its platform account is spoken for. */
export function fleetHome(cloud: CloudId): Pick<Seeder, 'region' | 'services'> {
  return SEEDERS[cloud];
}

/** How a connection of the fleet stands in the database. */
export interface Standing {
  readonly status: Partial<PeeringStatus>;
  /** Epoch milliseconds. */
  readonly dueAt: number;
}

/**
 * Writes a fleet into the database, past the API. VPCs count as compared with the cloud, and no route table is the
 * broker's to write: what runs is as it should be.
 * @returns the ids of the connections, in the order of the fleet
 */
export async function writeFleet(
  url: string,
  cloud: CloudId,
  { tenantId, projectId, platformAccountId }: BenchTenant,
  fleet: readonly FleetNetwork[],
  standing: (nth: number, connection: FleetNetwork['connections'][number]) => Standing,
): Promise<string[]> {
  const { region } = fleetHome(cloud);
  const profile = profileOf(cloud);
  const now = Date.now();
  const deployments = fleet.map(({ vpcId, cidr, platformAccountId: account = platformAccountId }) => ({
    id: newId('dep', now),
    vpc_id: vpcId,
    cidr,
    account,
  }));
  const connections = fleet.flatMap(({ connections: each }, network) =>
    each.map((connection) => ({ connection, deployment_id: deployments[network]?.id ?? '' })),
  );
  const rows = connections.map(({ connection, deployment_id }, nth) => {
    const { spec: declared, providerId, cidr } = connection;
    const spec = { cloud: declared, cidrs: profile.cidrsRequired ? [cidr] : [] };
    const { status: given, dueAt } = standing(nth, connection);
    const status: PeeringStatus = { ...startAttempt(profile, spec, now), providerId, ...given };
    return {
      id: newId('peer', now),
      deployment_id,
      spec,
      status,
      state: status.state,
      reason_code: status.reason.code,
      provider_id: providerId,
      peer_key: profile.peerKey(declared),
      due_at: new Date(dueAt),
      deadline_at: status.deadline === null ? null : new Date(status.deadline.at),
    };
  });
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(
      `INSERT INTO deployments (id, tenant_id, project_id, name, cloud, region, edition, platform_account_id, vpc_id,
         drift_policy, route_table_ids, vpc_check_due_at)
       SELECT id, $1, $2, id, $3, $4, 'dedicated_professional', account, vpc_id, 'report', '{}', NULL
       FROM json_to_recordset($5) AS each (id text, vpc_id text, account text)`,
      [tenantId, projectId, cloud, region, JSON.stringify(deployments)],
    );
    await client.query(
      `INSERT INTO address_claims (deployment_id, tenant_id, block)
       SELECT id, $1, cidr FROM json_to_recordset($2) AS each (id text, cidr inet)`,
      [tenantId, JSON.stringify(deployments)],
    );
    await client.query(
      `INSERT INTO peering_connections (id, tenant_id, project_id, deployment_id, cloud, region, spec, state,
         reason_code, status, provider_id, peer_key, due_at, deadline_at)
       SELECT id, $1, $2, deployment_id, $3, $4, spec, state, reason_code, status, provider_id, peer_key, due_at,
         deadline_at
       FROM json_to_recordset($5) AS each (id text, deployment_id text, spec json, state text, reason_code text,
         status json, provider_id text, peer_key text, due_at timestamptz, deadline_at timestamptz)`,
      [tenantId, projectId, cloud, region, JSON.stringify(rows)],
    );
    await client.query('ANALYZE');
  } finally {
    await client.end();
  }
  return rows.map(({ id }) => id);
}
