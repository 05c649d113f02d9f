/**
 * OUTSCALE Net peering: the customer requests, the platform accepts. Facts: OUTSCALE API reference, "NetPeering";
 * OUTSCALE user guide, "About Net Peerings".
 */
import type { CloudProfile } from '../../cloud-profile.js';
import { compareSides } from '../compare-sides.js';
import { outscaleInstructions } from './instructions.js';

const DAY_MS = 86_400_000;

export const outscaleProfile: CloudProfile = {
  cloud: 'outscale',
  capabilities: {
    initiator: 'customer',
    approvalWindow: false,
    cidrVisibleWhilePending: true,
    cidrObservable: true,
    routing: 'platform',
    maxLivePerNetwork: null,
    takeBackPending: 'reject',
    // A pending request may be deleted by its requester only, so the accepter rejects it; rejected, failed and expired
    // ones can be neither accepted nor deleted and disappear after an hour.
    removableIn: ['pending_platform', 'active'],
    consistencyMs: 2_000,
    writesExclude: 'route_table',
    requestExpiryMs: 7 * DAY_MS,
  },
  // What the vendor's own SDKs keep to: five calls a second, three at a time. But a key is locked out after four bad
  // signatures in a row, so only one call is ever under way; answered within a fifth of a second, it is no slower.
  callLimits: {
    parallel: 1,
    families: [
      { name: 'all', operations: /^/, perSecond: 5, burst: 1, counted: 'together', scope: 'account' },
    ],
  },
  platformAccount: {
    pattern: '^\\d{12}$',
    example: '123456789012',
    title: { en: 'a 12-digit OUTSCALE account ID', zh: '12 位 OUTSCALE 账号 ID' },
    help: {
      en: 'Give the ID of the account that owns the deployments’ Nets (Cockpit > Profile).',
      zh: '请填写部署的 Net 所属账号的 ID（Cockpit > Profile）。',
    },
  },
  fields: [
    {
      name: 'netPeeringId',
      required: true,
      pattern: '^pcx-[0-9a-f]{8}$',
      example: 'pcx-1a2b3c4d',
      title: { en: 'Net peering ID', zh: 'Net 对等连接 ID' },
      help: {
        en: 'Cockpit > Net Peerings, the ID of the request that you created (pcx-…).',
        zh: 'Cockpit > Net Peerings，所创建请求的 ID（pcx-…）。',
      },
    },
    {
      name: 'accountId',
      required: true,
      pattern: '^\\d{12}$',
      example: '210987654321',
      title: { en: 'Your OUTSCALE account ID', zh: '您的 OUTSCALE 账号 ID' },
      help: {
        en: 'The 12-digit ID of the account that owns your Net (Cockpit > Profile).',
        zh: 'Net 所属账号的 12 位 ID（Cockpit > Profile）。',
      },
    },
    {
      name: 'netId',
      required: true,
      pattern: '^vpc-[0-9a-f]{8}$',
      example: 'vpc-5e6f7a8b',
      title: { en: 'Your Net ID', zh: '您的 Net ID' },
      help: {
        en: 'The Net that you selected as source (vpc-…). It must hold at least one VM.',
        zh: '作为源（Source）的 Net 的 ID（vpc-…），其中须至少有一台虚拟机。',
      },
    },
  ],
  cidrsRequired: false,
  peerKey: (spec) => spec['netId'] ?? null,
  declaredProviderId: (spec) => spec['netPeeringId'] ?? null,
  attachmentOwner: () => null,
  find: (spec, peerings) => peerings.find((peering) => peering.providerId === spec['netPeeringId']) ?? null,
  // A peering lies within one region, which it therefore does not name: it is the one that was asked.
  mismatches: (spec, network, observed) => [
    ...compareSides('requester', observed.requester, [
      ['accountId', 'accountId', spec['accountId']],
      ['netId', 'vpcId', spec['netId']],
    ]),
    ...compareSides('accepter', observed.accepter, [
      ['accountId', 'accountId', network.accountId],
      ['netId', 'vpcId', network.vpcId],
    ]),
  ],
  instructions: outscaleInstructions,
};
