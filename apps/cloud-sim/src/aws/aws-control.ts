import { ControlError, controlOperation, type ControlOperation } from '../control-fields.js';
import type { Accounts } from '../accounts.js';
import { formatIpv4Block, parseIpv4Block } from '../ipv4-block.js';
import { isRegion } from './aws-regions.js';
import { newId, type AwsState, type Vpc } from './aws-state.js';
import { forgetAfter, REQUEST_LIFETIME_MS } from './peering-lifecycle.js';
import { makeDefaults } from './vpc.operations.js';

const MAX_SEED = 100_000;

/** What only a simulator of AWS can do. */
export function awsControlOperations(state: AwsState, accounts: Accounts): Record<string, ControlOperation> {
  return {
    settings: controlOperation(
      'Changes times (seconds), quotas, and which CIDR blocks pending peerings show; answers with all settings.',
      {
        peeringInitiatingSeconds: { type: 'number', min: 0 },
        peeringProvisioningSeconds: { type: 'number', min: 0 },
        peeringDeletingSeconds: { type: 'number', min: 0 },
        cidrsWhilePending: { type: 'string', values: ['none', 'requester', 'both'] },
        activePeeringsPerVpc: { type: 'integer', min: 0 },
        outstandingPeeringRequests: { type: 'integer', min: 0 },
        routesPerTable: { type: 'integer', min: 0 },
        rulesPerSecurityGroup: { type: 'integer', min: 0 },
        vpcsPerRegion: { type: 'integer', min: 0 },
      },
      (input) => {
        const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
        state.settings = { ...state.settings, ...given };
        return state.settings;
      },
    ),
    'put-role': controlOperation(
      'Lets other accounts assume a role of an account, with an external id when one is given.',
      {
        accountId: { type: 'string', required: true },
        roleName: { type: 'string', required: true },
        trustedAccountIds: { type: 'strings', required: true },
        externalId: { type: 'string' },
      },
      ({ accountId, roleName, trustedAccountIds, externalId }) => {
        requireAccount(accounts, accountId);
        state.roles.set(`${accountId}/${roleName}`, {
          accountId,
          name: roleName,
          trustedAccountIds,
          externalId,
        });
        return { roleArn: `arn:aws:iam::${accountId}:role/${roleName}` };
      },
    ),
    'break-route': controlOperation(
      'Makes a route lead nowhere, until it is replaced.',
      {
        routeTableId: { type: 'string', required: true },
        destination: { type: 'string', required: true },
      },
      ({ routeTableId, destination }) => {
        const table = state.routeTables.get(routeTableId);
        if (!table?.routes.some((route) => route.destination === destination)) {
          throw new ControlError(404, `There is no route to ${destination} in ${routeTableId}.`);
        }
        const routes = table.routes.map((route) =>
          route.destination === destination ? { ...route, broken: true } : route,
        );
        state.routeTables.update(table.id, { routes });
        return { routeTableId, destination };
      },
    ),
    'seed-vpcs': controlOperation(
      'Makes many VPCs at once, one after another in `from`, each of `prefixLength`; answers with their ids.',
      {
        accountId: { type: 'string', required: true },
        region: { type: 'string', required: true },
        count: { type: 'integer', min: 1, max: MAX_SEED, required: true },
        from: { type: 'string', required: true },
        prefixLength: { type: 'integer', min: 16, max: 28, required: true },
      },
      ({ accountId, region, count, from, prefixLength }) => {
        requireAccount(accounts, accountId);
        requireRegion(region);
        return { vpcs: seedVpcs(state, { accountId, region, count, from, prefixLength }) };
      },
    ),
    'seed-peerings': controlOperation(
      'Requests `count` peerings with a VPC, each from a new VPC of the requester in `from`, past the quotas; ' +
        'accepts them when `state` is active.',
      {
        accepterVpcId: { type: 'string', required: true },
        requesterAccountId: { type: 'string', required: true },
        count: { type: 'integer', min: 1, max: MAX_SEED, required: true },
        from: { type: 'string', required: true },
        prefixLength: { type: 'integer', min: 16, max: 28, required: true },
        state: { type: 'string', values: ['pending-acceptance', 'active'] },
      },
      (input) => {
        requireAccount(accounts, input.requesterAccountId);
        return { peerings: seedPeerings(state, input) };
      },
    ),
  };
}

interface VpcSeed {
  readonly accountId: string;
  readonly region: string;
  readonly count: number;
  readonly from: string;
  readonly prefixLength: number;
}

function seedVpcs(state: AwsState, seed: VpcSeed): { vpcId: string; cidr: string }[] {
  const { accountId, region, count, from, prefixLength } = seed;
  const range = parseIpv4Block(from);
  const size = 2 ** (32 - prefixLength);
  if (range === undefined)
    throw new ControlError(400, `Field "from" must be an IPv4 CIDR block, not "${from}".`);
  if (range.first + size * count - 1 > range.last) {
    throw new ControlError(400, `${from} does not hold ${count} blocks of /${prefixLength}.`);
  }
  return Array.from({ length: count }, (_, index) => {
    const first = range.first + size * index;
    const cidr = formatIpv4Block({ first, last: first + size - 1, prefixLength });
    const vpc: Vpc = {
      accountId,
      region,
      id: newId('vpc'),
      cidrs: [{ associationId: newId('vpc-cidr-assoc'), cidr }],
      instanceTenancy: 'default',
      enableDnsSupport: true,
      enableDnsHostnames: false,
      enableNetworkAddressUsageMetrics: false,
      networkAclId: newId('acl'),
    };
    state.vpcs.put(vpc);
    makeDefaults({ state }, vpc);
    return { vpcId: vpc.id, cidr };
  });
}

interface PeeringSeed {
  readonly accepterVpcId: string;
  readonly requesterAccountId: string;
  readonly count: number;
  readonly from: string;
  readonly prefixLength: number;
  readonly state?: 'pending-acceptance' | 'active' | undefined;
}

function seedPeerings(
  state: AwsState,
  seed: PeeringSeed,
): { peeringId: string; requesterVpcId: string; cidr: string }[] {
  const vpc = state.vpcs.get(seed.accepterVpcId);
  if (vpc === undefined) throw new ControlError(404, `There is no VPC ${seed.accepterVpcId}.`);
  const { accountId, region } = vpc;
  const requesterHome = { accountId: seed.requesterAccountId, region };
  const now = state.clock.now();
  return seedVpcs(state, {
    ...requesterHome,
    count: seed.count,
    from: seed.from,
    prefixLength: seed.prefixLength,
  }).map(({ vpcId, cidr }) => {
    const peering = state.peerings.put({
      id: newId('pcx'),
      requester: { ...requesterHome, vpcId, allowDnsResolutionFromRemoteVpc: false },
      accepter: { accountId, region, vpcId: vpc.id, allowDnsResolutionFromRemoteVpc: false },
      createdAt: now,
      pendingAt: now,
      expiresAt: now + REQUEST_LIFETIME_MS,
      ...(seed.state === 'active' ? { acceptedAt: now, activeAt: now } : {}),
    });
    if (seed.state !== 'active') forgetAfter(state, peering.id, peering.expiresAt);
    return { peeringId: peering.id, requesterVpcId: vpcId, cidr };
  });
}

function requireAccount(accounts: Accounts, accountId: string): void {
  if (!accounts.get(accountId))
    throw new ControlError(404, `There is no account ${accountId}: POST /_sim/accounts makes one.`);
}

function requireRegion(region: string): void {
  if (!isRegion(region))
    throw new ControlError(400, `Field "region" must be an AWS region, not "${region}".`);
}
