import type { Accounts } from '../accounts.js';
import { ControlError, controlOperation, type ControlOperation } from '../control-fields.js';
import { consecutiveBlocks, type BlockSeed } from '../seed-blocks.js';
import { isRegion } from './alibaba-regions.js';
import { newId, type AlibabaState, type Peering, type PeeringSide } from './alibaba-state.js';
import { REQUEST_LIFETIME_MS, statusAt } from './peering-lifecycle.js';
import { makeVpc } from './vpc.operations.js';
import { endPeering } from './vpc-peer.operations.js';

const MAX_SEED = 100_000;

/** The states that a peering can be put into at once. */
const FORCIBLE = ['Accepting', 'Activated', 'Rejected', 'Expired', 'Deleted'] as const;

/** What only a simulator of Alibaba Cloud can do. */
export function alibabaControlOperations(
  state: AlibabaState,
  accounts: Accounts,
): Record<string, ControlOperation> {
  return {
    settings: controlOperation(
      'Changes times (seconds), quotas, and what client tokens remember; answers with all settings.',
      {
        peeringCreatingSeconds: { type: 'number', min: 0 },
        peeringUpdatingSeconds: { type: 'number', min: 0 },
        peeringDeletingSeconds: { type: 'number', min: 0 },
        deletedVisibleSeconds: { type: 'number', min: 0 },
        routeEntrySeconds: { type: 'number', min: 0 },
        vpcPendingSeconds: { type: 'number', min: 0 },
        tokensRememberRefusals: { type: 'boolean' },
        peeringsPerVpc: { type: 'integer', min: 0 },
        routesPerTable: { type: 'integer', min: 0 },
      },
      (input) => {
        const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
        state.settings = { ...state.settings, ...given };
        return state.settings;
      },
    ),
    cdt: controlOperation(
      'Activates or deactivates Cloud Data Transfer (CDT) for an account; it is active from the start.',
      { accountId: { type: 'string', required: true }, opened: { type: 'boolean', required: true } },
      ({ accountId, opened }) => {
        requireAccount(accounts, accountId);
        if (opened) state.cdtNotOpened.remove(accountId);
        else state.cdtNotOpened.put({ accountId });
        return { accountId, opened };
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
        state.roles.put({ accountId, name: roleName, trustedAccountIds, externalId });
        return { roleArn: `acs:ram::${accountId}:role/${roleName}` };
      },
    ),
    'force-status': controlOperation(
      'Puts a peering into a state at once, whatever the rules say.',
      {
        instanceId: { type: 'string', required: true },
        status: { type: 'string', values: FORCIBLE, required: true },
      },
      ({ instanceId, status }) => {
        const peering = state.peerings.get(instanceId);
        if (peering === undefined) throw new ControlError(404, `There is no peering ${instanceId}.`);
        forceStatus(state, peering, status);
        return { instanceId, status };
      },
    ),
    'seed-vpcs': controlOperation(
      'Makes many VPCs at once, one after another in `from`, each of `prefixLength`; answers with their ids.',
      {
        accountId: { type: 'string', required: true },
        region: { type: 'string', required: true },
        count: { type: 'integer', min: 1, max: MAX_SEED, required: true },
        from: { type: 'string', required: true },
        prefixLength: { type: 'integer', min: 8, max: 28, required: true },
      },
      (input) => {
        requireAccount(accounts, input.accountId);
        if (!isRegion(input.region))
          throw new ControlError(
            400,
            `Field "region" must be an Alibaba Cloud region, not "${input.region}".`,
          );
        return { vpcs: seedVpcs(state, input) };
      },
    ),
    'seed-peerings': controlOperation(
      'Requests `count` peerings with a VPC, each from a new VPC of the requester in `from`, past the quotas; ' +
        'accepts them when `status` is Activated.',
      {
        accepterVpcId: { type: 'string', required: true },
        requesterAccountId: { type: 'string', required: true },
        count: { type: 'integer', min: 1, max: MAX_SEED, required: true },
        from: { type: 'string', required: true },
        prefixLength: { type: 'integer', min: 8, max: 28, required: true },
        status: { type: 'string', values: ['Accepting', 'Activated'] },
      },
      (input) => {
        requireAccount(accounts, input.requesterAccountId);
        return { peerings: seedPeerings(state, input) };
      },
    ),
  };
}

/** A peering without the events that decide its present status. */
function unanswered(peering: Peering): Peering {
  const { id, requester, accepter, name, description, bandwidth, createdAt, readyAt, expiresAt, modifiedAt } =
    peering;
  return { id, requester, accepter, name, description, bandwidth, createdAt, readyAt, expiresAt, modifiedAt };
}

function forceStatus(state: AlibabaState, peering: Peering, status: (typeof FORCIBLE)[number]): void {
  const now = state.clock.now();
  if (statusAt(peering, now) === status) return;
  const fresh = { ...unanswered(peering), readyAt: Math.min(peering.readyAt, now), modifiedAt: now };
  switch (status) {
    case 'Accepting':
      state.peerings.put({ ...fresh, expiresAt: Math.max(peering.expiresAt, now + REQUEST_LIFETIME_MS) });
      return;
    case 'Activated':
      state.peerings.put({ ...fresh, acceptedAt: now, activeAt: now });
      return;
    case 'Rejected':
      state.peerings.put({ ...fresh, rejectedAt: now });
      return;
    case 'Expired':
      state.peerings.put({ ...fresh, expiresAt: now });
      return;
    case 'Deleted':
      endPeering(state, peering, now);
  }
}

interface VpcSeed extends BlockSeed {
  readonly accountId: string;
  readonly region: string;
}

function seedVpcs(state: AlibabaState, seed: VpcSeed): { vpcId: string; cidr: string }[] {
  const { accountId, region } = seed;
  return consecutiveBlocks(seed).map((cidr) => ({
    vpcId: makeVpc(state, { accountId, region, cidr }).vpc.id,
    cidr,
  }));
}

interface PeeringSeed extends BlockSeed {
  readonly accepterVpcId: string;
  readonly requesterAccountId: string;
  readonly status?: 'Accepting' | 'Activated' | undefined;
}

function seedPeerings(
  state: AlibabaState,
  seed: PeeringSeed,
): { instanceId: string; requesterVpcId: string; cidr: string }[] {
  const vpc = state.vpcs.get(seed.accepterVpcId);
  if (vpc === undefined) throw new ControlError(404, `There is no VPC ${seed.accepterVpcId}.`);
  const { accountId, region } = vpc;
  const accepter: PeeringSide = { accountId, region, vpcId: vpc.id };
  const now = state.clock.now();
  const { count, from, prefixLength } = seed;
  const home = { accountId: seed.requesterAccountId, region };
  return seedVpcs(state, { ...home, count, from, prefixLength }).map(({ vpcId, cidr }) => {
    const peering = state.peerings.put({
      id: newId('pcc'),
      requester: { ...home, vpcId },
      accepter,
      name: '',
      description: '',
      bandwidth: -1,
      createdAt: now,
      readyAt: now,
      modifiedAt: now,
      expiresAt: now + REQUEST_LIFETIME_MS,
      ...(seed.status === 'Activated' ? { acceptedAt: now, activeAt: now } : {}),
    });
    return { instanceId: peering.id, requesterVpcId: vpcId, cidr };
  });
}

function requireAccount(accounts: Accounts, accountId: string): void {
  if (!accounts.get(accountId))
    throw new ControlError(404, `There is no account ${accountId}: POST /_sim/accounts makes one.`);
}
