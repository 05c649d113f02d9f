import { randomUUID } from 'node:crypto';
import type { Account, Accounts } from '../accounts.js';
import { ControlError, controlOperation, type ControlOperation } from '../control-fields.js';
import { consecutiveBlocks, type BlockSeed } from '../seed-blocks.js';
import { projectOf, projectsOf } from './huawei-projects.js';
import type { HuaweiState, Peering } from './huawei-state.js';
import { statusAt } from './peering-lifecycle.js';
import { endPeering } from './peering.operations.js';
import { makeVpc } from './vpc.operations.js';

const MAX_SEED = 100_000;

/** The states that a peering can be put into at once. */
const FORCIBLE = ['PENDING_ACCEPTANCE', 'ACTIVE', 'REJECTED', 'EXPIRED', 'DELETED'] as const;

/** What only a simulator of Huawei Cloud can do. */
export function huaweiControlOperations(
  state: HuaweiState,
  accounts: Accounts,
): Record<string, ControlOperation> {
  return {
    settings: controlOperation(
      'Changes times (seconds), quotas, and what deleting a peering does to routes; answers with all settings.',
      {
        requestLifetimeSeconds: { type: 'number', min: 0 },
        deletedVisibleSeconds: { type: 'number', min: 0 },
        deletionRemovesRoutes: { type: 'boolean' },
        peeringsPerProject: { type: 'integer', min: 0 },
        routesPerTable: { type: 'integer', min: 0 },
      },
      (input) => {
        const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
        state.settings = { ...state.settings, ...given };
        return state.settings;
      },
    ),
    'put-agency': controlOperation(
      'Lets other accounts assume an agency of an account, with an external id when one is given.',
      {
        accountId: { type: 'string', required: true },
        agencyName: { type: 'string', required: true },
        trustedAccountIds: { type: 'strings', required: true },
        externalId: { type: 'string' },
      },
      ({ accountId, agencyName, trustedAccountIds, externalId }) => {
        const account = requireAccount(accounts, accountId);
        const urn = `iam::${account.attributes['domainId'] ?? ''}:agency:${agencyName}`;
        state.agencies.put({ urn, accountId, trustedAccountIds, externalId });
        return { agencyUrn: urn };
      },
    ),
    'force-status': controlOperation(
      'Puts a peering into a state at once, whatever the rules say.',
      {
        peeringId: { type: 'string', required: true },
        status: { type: 'string', values: FORCIBLE, required: true },
      },
      ({ peeringId, status }) => {
        const peering = state.peerings.get(peeringId);
        if (peering === undefined) throw new ControlError(404, `There is no peering ${peeringId}.`);
        forceStatus(state, peering, status);
        return { peeringId, status };
      },
    ),
    projects: controlOperation(
      'Lists the projects of an account: one in each region.',
      { accountId: { type: 'string', required: true } },
      ({ accountId }) => ({ projects: projectsOf(requireAccount(accounts, accountId)) }),
    ),
    'seed-vpcs': controlOperation(
      'Makes many VPCs at once, one after another in `from`, each of `prefixLength`; answers with their ids.',
      {
        accountId: { type: 'string', required: true },
        projectId: { type: 'string' },
        count: { type: 'integer', min: 1, max: MAX_SEED, required: true },
        from: { type: 'string', required: true },
        prefixLength: { type: 'integer', min: 8, max: 28, required: true },
      },
      ({ accountId, projectId, count, from, prefixLength }) => {
        const project = requireProject(accounts, accountId, projectId);
        return { vpcs: seedVpcs(state, { projectId: project, count, from, prefixLength }) };
      },
    ),
    'seed-peerings': controlOperation(
      'Requests `count` peerings with a VPC, each from a new VPC of the requester in `from`, past the quotas; ' +
        'accepts them when `status` is ACTIVE.',
      {
        accepterVpcId: { type: 'string', required: true },
        requesterAccountId: { type: 'string', required: true },
        requesterProjectId: { type: 'string' },
        count: { type: 'integer', min: 1, max: MAX_SEED, required: true },
        from: { type: 'string', required: true },
        prefixLength: { type: 'integer', min: 8, max: 28, required: true },
        status: { type: 'string', values: ['PENDING_ACCEPTANCE', 'ACTIVE'] },
      },
      ({ accepterVpcId, requesterAccountId, requesterProjectId, count, from, prefixLength, status }) => {
        const projectId = requireProject(accounts, requesterAccountId, requesterProjectId);
        const vpcs = { projectId, count, from, prefixLength };
        return { peerings: seedPeerings(state, accepterVpcId, vpcs, status === 'ACTIVE') };
      },
    ),
  };
}

/** A peering without the events that decide its present status. */
function unanswered(peering: Peering): Peering {
  const { id, name, description, requester, accepter, createdAt, updatedAt, expiresAt } = peering;
  return { id, name, description, requester, accepter, createdAt, updatedAt, expiresAt };
}

function forceStatus(state: HuaweiState, peering: Peering, status: (typeof FORCIBLE)[number]): void {
  const now = state.clock.now();
  if (statusAt(peering, now) === status) return;
  const fresh = { ...unanswered(peering), updatedAt: now };
  switch (status) {
    case 'PENDING_ACCEPTANCE':
      state.peerings.put({ ...fresh, expiresAt: now + state.settings.requestLifetimeSeconds * 1000 });
      return;
    case 'ACTIVE':
      state.peerings.put({ ...fresh, acceptedAt: now });
      return;
    case 'REJECTED':
      state.peerings.put({ ...fresh, rejectedAt: now });
      return;
    case 'EXPIRED':
      state.peerings.put({ ...fresh, expiresAt: now });
      return;
    case 'DELETED':
      endPeering(state, peering);
  }
}

interface VpcSeed extends BlockSeed {
  readonly projectId: string;
}

function seedVpcs(state: HuaweiState, seed: VpcSeed): { vpcId: string; cidr: string }[] {
  const { projectId } = seed;
  return consecutiveBlocks(seed).map((cidr) => ({ vpcId: makeVpc(state, { projectId, cidr }).vpc.id, cidr }));
}

function seedPeerings(
  state: HuaweiState,
  accepterVpcId: string,
  requesters: VpcSeed,
  isActive: boolean,
): { peeringId: string; requesterVpcId: string; cidr: string }[] {
  const vpc = state.vpcs.get(accepterVpcId);
  if (vpc === undefined) throw new ControlError(404, `There is no VPC ${accepterVpcId}.`);
  const now = state.clock.now();
  return seedVpcs(state, requesters).map(({ vpcId, cidr }) => {
    const peering = state.peerings.put({
      id: randomUUID(),
      name: '',
      description: '',
      requester: { vpcId, projectId: requesters.projectId },
      accepter: { vpcId: vpc.id, projectId: vpc.projectId },
      createdAt: now,
      updatedAt: now,
      expiresAt: now + state.settings.requestLifetimeSeconds * 1000,
      ...(isActive ? { acceptedAt: now } : {}),
    });
    return { peeringId: peering.id, requesterVpcId: vpcId, cidr };
  });
}

function requireAccount(accounts: Accounts, accountId: string): Account {
  const account = accounts.get(accountId);
  if (!account)
    throw new ControlError(404, `There is no account ${accountId}: POST /_sim/accounts makes one.`);
  return account;
}

function requireProject(accounts: Accounts, accountId: string, projectId: string | undefined): string {
  const account = requireAccount(accounts, accountId);
  const project = projectOf(account, projectId ?? accountId);
  if (project === undefined)
    throw new ControlError(404, `Account ${accountId} has no project ${projectId ?? ''}.`);
  return project.id;
}
