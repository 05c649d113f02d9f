/**
 * Tencent Cloud CCN (cloud connect network): the platform asks to join the customer's CCN, the customer approves, and
 * the CCN spreads routes by itself. Facts: API reference of VPC 2017-03-12, "CCN APIs"; SDK, CcnAttachedInstance.
 */
import type { CloudProfile } from '../../cloud-profile.js';
import { compareSides } from '../compare-sides.js';
import { tencentInstructions } from './instructions.js';

export const tencentProfile: CloudProfile = {
  cloud: 'tencent',
  capabilities: {
    initiator: 'platform',
    approvalWindow: true,
    // What else is in the CCN shows in its routes, which only its members see.
    cidrVisibleWhilePending: false,
    cidrObservable: true,
    routing: 'cloud',
    // A VPC joins one CCN only.
    maxLivePerNetwork: 1,
    takeBackPending: 'withdraw',
    // Nothing can be detached while it is being attached. Applications that were rejected or have expired stay listed
    // until their owner takes them back.
    removableIn: ['pending_customer', 'active', 'rejected', 'expired', 'failed'],
    consistencyMs: 3_000,
    writesExclude: 'route_table',
    // Applications expire (that is what ResetAttachCcnInstances is for), but the vendor does not say when.
    requestExpiryMs: null,
  },
  // API reference of each action, "Maximum request frequency", counted by account and action.
  callLimits: {
    parallel: 48,
    families: [
      {
        name: 'application',
        operations: /^(Accept|Reject|Reset)AttachCcnInstances$/,
        perSecond: 20,
        burst: 1,
        counted: 'by_operation',
        scope: 'account',
      },
      { name: 'vpc', operations: /^/, perSecond: 100, burst: 1, counted: 'by_operation', scope: 'account' },
    ],
  },
  platformAccount: {
    pattern: '^[1-9]\\d{4,17}$',
    example: '100012345678',
    title: { en: 'a Tencent Cloud account ID (UIN)', zh: '腾讯云账号 ID（UIN）' },
    help: {
      en: 'Give the account ID of the root account that owns the deployments’ VPCs (Account Center > Account Information).',
      zh: '请填写部署的 VPC 所属主账号的账号 ID（账号中心 > 账号信息）。',
    },
  },
  fields: [
    {
      name: 'ccnId',
      required: true,
      pattern: '^ccn-[a-z0-9]{8}$',
      example: 'ccn-f49l6u0z',
      title: { en: 'CCN ID', zh: '云联网 ID' },
      help: {
        en: 'VPC console > Cloud Connect Network, the ID of the CCN that the deployment is to join (ccn-…).',
        zh: '私有网络控制台 > 云联网，部署要加入的云联网实例 ID（ccn-…）。',
      },
    },
    {
      name: 'ccnOwnerUin',
      required: true,
      pattern: '^[1-9]\\d{4,17}$',
      example: '100012345678',
      title: { en: 'Account ID (UIN) of the CCN owner', zh: '云联网所属账号 ID（UIN）' },
      help: {
        en: 'Account Center > Account Information, the account ID of the root account that owns the CCN.',
        zh: '账号中心 > 账号信息，云联网所属主账号的账号 ID。',
      },
    },
  ],
  cidrsRequired: false,
  peerKey: (spec) => spec['ccnId'] ?? null,
  declaredProviderId: (spec) => spec['ccnId'] ?? null,
  attachmentOwner: (spec) => spec['ccnOwnerUin'] ?? null,
  find: (spec, peerings) => peerings.find((peering) => peering.providerId === spec['ccnId']) ?? null,
  // The platform is the one that asks: what the customer declared is the side that accepts.
  mismatches: (spec, network, observed) => [
    ...compareSides('requester', observed.accepter, [
      ['ccnOwnerUin', 'accountId', spec['ccnOwnerUin']],
      ['ccnId', 'vpcId', spec['ccnId']],
    ]),
    ...compareSides('accepter', observed.requester, [
      ['accountId', 'accountId', network.accountId],
      ['vpcId', 'vpcId', network.vpcId],
      ['region', 'region', network.region],
    ]),
  ],
  instructions: tencentInstructions,
};
