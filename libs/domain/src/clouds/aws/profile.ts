/** AWS VPC peering: the customer requests, the platform accepts. Facts: EC2 API reference, "VPC peering". */
import type { CloudProfile } from '../../cloud-profile.js';
import { compareSides } from '../compare-sides.js';
import { awsInstructions } from './instructions.js';

const DAY_MS = 86_400_000;

export const awsProfile: CloudProfile = {
  cloud: 'aws',
  capabilities: {
    initiator: 'customer',
    approvalWindow: false,
    // EC2 documents the other side's CIDR information for active connections only.
    cidrVisibleWhilePending: false,
    cidrObservable: true,
    routing: 'platform',
    maxLivePerNetwork: null,
    takeBackPending: 'reject',
    // A pending request may be deleted by its requester only, so the accepter rejects it; failed, rejected and
    // expired ones can be neither accepted nor deleted and disappear by themselves.
    removableIn: ['pending_platform', 'active'],
    consistencyMs: 2_000,
    writesExclude: 'route_table',
    requestExpiryMs: 7 * DAY_MS,
  },
  // EC2 developer guide, "Request throttling for the Amazon EC2 API": a bucket for each account, region and action;
  // 100 calls refilled by 20 a second for reads with a filter, 50 refilled by 5 for the heaviest changes.
  callLimits: {
    parallel: 24,
    families: [
      {
        name: 'read',
        operations: /^Describe/,
        perSecond: 20,
        burst: 100,
        counted: 'by_operation',
        scope: 'region',
      },
      { name: 'write', operations: /^/, perSecond: 5, burst: 50, counted: 'by_operation', scope: 'region' },
    ],
  },
  platformAccount: {
    pattern: '^\\d{12}$',
    example: '123456789012',
    title: { en: 'a 12-digit AWS account ID', zh: '12 位 AWS 账户 ID' },
    help: {
      en: 'Give the ID of the account that owns the deployments’ VPCs (account menu of the console).',
      zh: '请填写部署的 VPC 所属账户的 ID（控制台右上角账户菜单）。',
    },
  },
  fields: [
    {
      name: 'connectionId',
      required: true,
      pattern: '^pcx-[0-9a-f]{8,17}$',
      example: 'pcx-0a1b2c3d4e5f60718',
      title: { en: 'Peering connection ID', zh: '对等连接 ID' },
      help: {
        en: 'VPC console > Peering connections, the ID of the request that you created (pcx-…).',
        zh: 'VPC 控制台 > 对等连接，所创建请求的 ID（pcx-…）。',
      },
    },
    {
      name: 'accountId',
      required: true,
      pattern: '^\\d{12}$',
      example: '210987654321',
      title: { en: 'Your AWS account ID', zh: '您的 AWS 账户 ID' },
      help: { en: 'The 12-digit id of the account that owns your VPC.', zh: 'VPC 所属账户的 12 位 ID。' },
    },
    {
      name: 'vpcId',
      required: true,
      pattern: '^vpc-[0-9a-f]{8,17}$',
      example: 'vpc-0f1e2d3c4b5a69788',
      title: { en: 'Your VPC ID', zh: '您的 VPC ID' },
      help: { en: 'The VPC that you selected as requester.', zh: '作为请求方的 VPC。' },
    },
  ],
  cidrsRequired: false,
  peerKey: (spec) => spec['vpcId'] ?? null,
  declaredProviderId: (spec) => spec['connectionId'] ?? null,
  attachmentOwner: () => null,
  find: (spec, peerings) => peerings.find((peering) => peering.providerId === spec['connectionId']) ?? null,
  mismatches: (spec, network, observed) => [
    ...compareSides('requester', observed.requester, [
      ['accountId', 'accountId', spec['accountId']],
      ['vpcId', 'vpcId', spec['vpcId']],
      ['region', 'region', network.region],
    ]),
    ...compareSides('accepter', observed.accepter, [
      ['accountId', 'accountId', network.accountId],
      ['vpcId', 'vpcId', network.vpcId],
      ['region', 'region', network.region],
    ]),
  ],
  instructions: awsInstructions,
};
