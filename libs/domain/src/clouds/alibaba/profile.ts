/**
 * Alibaba Cloud VPC peering: the customer requests, the platform accepts. Facts: API reference of VpcPeer 2022-01-01;
 * VPC documentation, "VPC peering connection overview".
 */
import type { ObservedPeering } from '../../cloud-port.js';
import type { CloudProfile } from '../../cloud-profile.js';
import type { CloudSpec } from '../../cloud-spec.js';
import { compareSides } from '../compare-sides.js';
import { alibabaInstructions } from './instructions.js';

const DAY_MS = 86_400_000;

/** The customer's VPC, where they named it in place of the connection. */
function declaredVpc(spec: CloudSpec): string | null {
  const id = spec['requesterInstanceId'];
  return id?.startsWith('vpc-') ? id : null;
}

/** The connection, where the customer named it. */
function declaredConnection(spec: CloudSpec): string | null {
  const id = spec['requesterInstanceId'];
  return id?.startsWith('pcc-') ? id : null;
}

/** Phases in which what a VPC has asked for can still be meant; others are left from before. */
const MEANT: readonly ObservedPeering['phase'][] = ['pending_platform', 'in_progress', 'active'];

/**
 * A connection named by its id is that one. A VPC may have had several with this deployment: the one that this
 * connection is tied to, else the one that is not over (the cloud allows one at a time between two VPCs).
 */
function find(
  spec: CloudSpec,
  peerings: readonly ObservedPeering[],
  tiedTo: string | null,
): ObservedPeering | null {
  const id = declaredConnection(spec) ?? tiedTo;
  if (id !== null) return peerings.find((peering) => peering.providerId === id) ?? null;
  const vpcId = declaredVpc(spec);
  return (
    peerings.find((peering) => peering.requester.vpcId === vpcId && MEANT.includes(peering.phase)) ?? null
  );
}

export const alibabaProfile: CloudProfile = {
  cloud: 'alibaba',
  capabilities: {
    initiator: 'customer',
    approvalWindow: false,
    cidrVisibleWhilePending: true,
    cidrObservable: true,
    routing: 'platform',
    maxLivePerNetwork: null,
    takeBackPending: 'reject',
    // A pending request may be deleted by its requester only, so the accepter rejects it; one that was rejected or has
    // expired stays listed until it is deleted. Nothing can be changed while a change is under way.
    removableIn: ['pending_platform', 'active', 'rejected', 'expired'],
    consistencyMs: 2_000,
    // A change that comes while another one of the account is under way is refused with Conflict.Operation.
    writesExclude: 'account',
    requestExpiryMs: 7 * DAY_MS,
  },
  // Limits are those of each action ("OpenAPI throttling and quota management"); those of these actions are not
  // published, only shown in each account's quota center. Careful guesses.
  callLimits: {
    parallel: 16,
    families: [
      {
        name: 'read',
        operations: /^(Describe|Get|List)/,
        perSecond: 10,
        burst: 1,
        counted: 'by_operation',
        scope: 'account',
      },
      { name: 'write', operations: /^/, perSecond: 5, burst: 1, counted: 'by_operation', scope: 'account' },
    ],
  },
  platformAccount: {
    pattern: '^[1-9]\\d{14,19}$',
    example: '1210123456123456',
    title: { en: 'an Alibaba Cloud account UID', zh: '阿里云账号 UID' },
    help: {
      en: 'Give the UID of the main account that owns the deployments’ VPCs, not of a RAM user.',
      zh: '请填写部署的 VPC 所属主账号的 UID，而非 RAM 用户的 UID。',
    },
  },
  fields: [
    {
      name: 'requesterInstanceId',
      required: true,
      pattern: '^(pcc|vpc)-[0-9a-z]{6,32}$',
      example: 'pcc-lnk0m24khwvtkm5x1y',
      title: { en: 'Requester instance', zh: '发起端实例' },
      help: {
        en: 'VPC console > VPC Peering Connection, the ID of the connection that you created (pcc-…); or the ID of the VPC that you selected as requester (vpc-…).',
        zh: '专有网络控制台 > VPC 对等连接，所创建对等连接的 ID（pcc-…）；或作为发起端的 VPC 的 ID（vpc-…）。',
      },
    },
    {
      name: 'accountId',
      required: false,
      pattern: '^[1-9]\\d{14,19}$',
      example: '1210123456123456',
      title: { en: 'Your Alibaba Cloud account UID', zh: '您的阿里云账号 UID' },
      help: {
        en: 'The UID of the main account that owns your VPC. When given, nothing is accepted from another account.',
        zh: 'VPC 所属主账号的 UID。填写后，将不会接受来自其他账号的请求。',
      },
    },
  ],
  cidrsRequired: false,
  peerKey: (spec) => spec['requesterInstanceId'] ?? null,
  declaredProviderId: declaredConnection,
  attachmentOwner: () => null,
  find,
  mismatches: (spec, network, observed) => {
    const vpcId = declaredVpc(spec);
    const accountId = spec['accountId'];
    return [
      ...compareSides('requester', observed.requester, [
        ...(accountId === undefined ? [] : ([['accountId', 'accountId', accountId]] as const)),
        ...(vpcId === null ? [] : ([['requesterInstanceId', 'vpcId', vpcId]] as const)),
        ['region', 'region', network.region],
      ]),
      ...compareSides('accepter', observed.accepter, [
        ['accountId', 'accountId', network.accountId],
        ['vpcId', 'vpcId', network.vpcId],
        ['region', 'region', network.region],
      ]),
    ];
  },
  instructions: alibabaInstructions,
};
