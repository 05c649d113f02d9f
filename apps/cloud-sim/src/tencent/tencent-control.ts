import type { Accounts } from '../accounts.js';
import { ControlError, controlOperation, type ControlOperation } from '../control-fields.js';
import { formatIpv4Block, isCanonicalIpv4Block, parseIpv4Block } from '../ipv4-block.js';
import { enter, removeAttachment } from './attachment-lifecycle.js';
import {
  attachmentId,
  ATTACHMENT_STATES,
  newId,
  type Attachment,
  type Ccn,
  type TencentState,
  type Vpc,
} from './tencent-state.js';

const MAX_SEED = 100_000;

/** What only a simulator of Tencent Cloud can do. */
export function tencentControlOperations(
  state: TencentState,
  accounts: Accounts,
): Record<string, ControlOperation> {
  return {
    settings: controlOperation(
      'Changes times (seconds), quotas, rate limits, and who may list routes; answers with all settings.',
      {
        attachingSeconds: { type: 'number', min: 0 },
        detachingSeconds: { type: 'number', min: 0 },
        applicationExpirySeconds: { type: 'number', min: 0 },
        membersSeeRoutes: { type: 'boolean' },
        rateLimits: { type: 'boolean' },
        instancesPerCcn: { type: 'integer', min: 0 },
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
        state.roles.put({ accountId, name: roleName, trustedAccountIds, externalId });
        return { roleArn: `qcs::cam::uin/${accountId}:roleName/${roleName}` };
      },
    ),
    'put-vpc': controlOperation(
      'Makes a VPC that publishes its own blocks to CCNs, under a chosen id when one is given.',
      {
        accountId: { type: 'string', required: true },
        region: { type: 'string', required: true },
        cidrs: { type: 'strings', required: true },
        vpcId: { type: 'string' },
        name: { type: 'string' },
      },
      ({ accountId, region, cidrs, vpcId, name }) => {
        requireAccount(accounts, accountId);
        const wrong = cidrs.find((cidr) => !isCanonicalIpv4Block(cidr));
        if (cidrs.length === 0 || wrong !== undefined)
          throw new ControlError(400, `Field "cidrs" must list IPv4 CIDR blocks, not "${wrong ?? ''}".`);
        return putVpc(state, { accountId, region, cidrs, id: vpcId, name });
      },
    ),
    'seed-vpcs': controlOperation(
      'Makes many VPCs at once, one after another in `from`, each of `prefixLength`; answers with their ids.',
      {
        accountId: { type: 'string', required: true },
        region: { type: 'string', required: true },
        count: { type: 'integer', min: 1, max: MAX_SEED, required: true },
        from: { type: 'string', required: true },
        prefixLength: { type: 'integer', min: 12, max: 28, required: true },
      },
      (input) => {
        requireAccount(accounts, input.accountId);
        return { vpcs: seedVpcs(state, input).map(({ id, cidr }) => ({ vpcId: id, cidr })) };
      },
    ),
    'seed-attachments': controlOperation(
      'Makes `count` VPCs of one account and as many CCNs of another, and attaches each VPC to its CCN in `state`.',
      {
        instanceAccountId: { type: 'string', required: true },
        ccnAccountId: { type: 'string', required: true },
        region: { type: 'string', required: true },
        count: { type: 'integer', min: 1, max: MAX_SEED, required: true },
        from: { type: 'string', required: true },
        prefixLength: { type: 'integer', min: 12, max: 28, required: true },
        state: { type: 'string', values: ATTACHMENT_STATES },
        description: { type: 'string' },
      },
      (input) => {
        requireAccount(accounts, input.instanceAccountId);
        requireAccount(accounts, input.ccnAccountId);
        return { attachments: seedAttachments(state, input) };
      },
    ),
    'set-attachment-state': controlOperation(
      'Puts an attachment into a state, whatever it is in; DELETED takes it out of the list.',
      {
        ccnId: { type: 'string', required: true },
        instanceId: { type: 'string', required: true },
        state: { type: 'string', values: [...ATTACHMENT_STATES, 'DELETED'], required: true },
      },
      ({ ccnId, instanceId, state: next }) => {
        const attachment = requireAttachment(state, ccnId, instanceId);
        if (next === 'DELETED') removeAttachment(state, attachment);
        else enter(state, attachment, next);
        return {};
      },
    ),
    'answer-application': controlOperation(
      "Approves or rejects an application in the CCN owner's place.",
      {
        ccnId: { type: 'string', required: true },
        instanceId: { type: 'string', required: true },
        answer: { type: 'string', values: ['approve', 'reject'], required: true },
      },
      ({ ccnId, instanceId, answer }) => {
        const attachment = requireAttachment(state, ccnId, instanceId);
        if (attachment.state !== 'PENDING')
          throw new ControlError(409, `The attachment of ${instanceId} is ${attachment.state}, not PENDING.`);
        enter(state, attachment, answer === 'approve' ? 'ATTACHING' : 'REJECTED');
        return {};
      },
    ),
    'set-ccn-state': controlOperation(
      'Isolates a CCN as for unpaid bills, or makes it available again.',
      {
        ccnId: { type: 'string', required: true },
        state: { type: 'string', values: ['AVAILABLE', 'ISOLATED'], required: true },
      },
      ({ ccnId, state: next }) => {
        if (!state.ccns.has(ccnId)) throw new ControlError(404, `There is no CCN ${ccnId}.`);
        state.ccns.update(ccnId, { state: next });
        return {};
      },
    ),
  };
}

interface NewVpc {
  readonly accountId: string;
  readonly region: string;
  readonly cidrs: readonly string[];
  readonly id?: string | undefined;
  readonly name?: string | undefined;
}

function putVpc(state: TencentState, { accountId, region, cidrs, id, name }: NewVpc): Vpc {
  const [cidr = '', ...assistantCidrs] = cidrs;
  const known = id === undefined ? undefined : state.vpcs.get(id);
  return state.vpcs.put({
    id: id ?? newId('vpc'),
    accountId,
    region,
    name: name ?? known?.name ?? 'made by the control API',
    cidr,
    assistantCidrs,
    publishesCidr: true,
    routeTableId: known?.routeTableId ?? newId('rtb'),
    createdAt: known?.createdAt ?? state.clock.now(),
  });
}

interface VpcSeed {
  readonly accountId: string;
  readonly region: string;
  readonly count: number;
  readonly from: string;
  readonly prefixLength: number;
}

function seedVpcs(state: TencentState, { accountId, region, count, from, prefixLength }: VpcSeed): Vpc[] {
  const range = parseIpv4Block(from);
  const size = 2 ** (32 - prefixLength);
  if (range === undefined)
    throw new ControlError(400, `Field "from" must be an IPv4 CIDR block, not "${from}".`);
  if (range.first + size * count - 1 > range.last)
    throw new ControlError(400, `${from} does not hold ${count} blocks of /${prefixLength}.`);
  return Array.from({ length: count }, (_, index) => {
    const first = range.first + size * index;
    const cidr = formatIpv4Block({ first, last: first + size - 1, prefixLength });
    return putVpc(state, { accountId, region, cidrs: [cidr], name: `seeded ${index}` });
  });
}

interface AttachmentSeed extends Omit<VpcSeed, 'accountId'> {
  readonly instanceAccountId: string;
  readonly ccnAccountId: string;
  readonly state: (typeof ATTACHMENT_STATES)[number] | undefined;
  readonly description: string | undefined;
}

function seedAttachments(
  state: TencentState,
  seed: AttachmentSeed,
): { ccnId: string; instanceId: string; cidr: string }[] {
  const now = state.clock.now();
  return seedVpcs(state, { ...seed, accountId: seed.instanceAccountId }).map((vpc) => {
    const ccn: Ccn = state.ccns.put({
      id: newId('ccn'),
      accountId: seed.ccnAccountId,
      name: vpc.name,
      description: '',
      qosLevel: 'AU',
      instanceChargeType: 'POSTPAID',
      bandwidthLimitType: 'OUTER_REGION_LIMIT',
      state: 'AVAILABLE',
      createdAt: now,
    });
    const attachment: Attachment = {
      ccnId: ccn.id,
      ccnUin: ccn.accountId,
      vpcId: vpc.id,
      instanceUin: vpc.accountId,
      region: vpc.region,
      state: 'PENDING',
      description: seed.description ?? '',
      attachedAt: now,
      changesAt: undefined,
    };
    enter(state, attachment, seed.state ?? 'ACTIVE');
    return { ccnId: ccn.id, instanceId: vpc.id, cidr: vpc.cidr };
  });
}

function requireAttachment(state: TencentState, ccnId: string, vpcId: string): Attachment {
  const attachment = state.attachments.get(attachmentId({ ccnId, vpcId }));
  if (attachment === undefined)
    throw new ControlError(404, `${vpcId} is not attached to ${ccnId}, nor has it asked to be.`);
  return attachment;
}

function requireAccount(accounts: Accounts, accountId: string): void {
  if (!accounts.get(accountId))
    throw new ControlError(404, `There is no account ${accountId}: POST /_sim/accounts makes one.`);
}
