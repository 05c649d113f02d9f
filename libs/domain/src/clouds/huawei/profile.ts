/**
 * Huawei Cloud VPC peering: the customer requests, the platform accepts. Facts: VPC API reference, "VPC Peering
 * Connection".
 *
 * Peerings carry no address blocks, so the customer declares theirs, and name projects in place of accounts. The
 * platform's account id is therefore the id of its project in the region: it is what customers type as peer project id.
 */
import type { CloudProfile } from '../../cloud-profile.js';
import { compareSides } from '../compare-sides.js';
import { huaweiInstructions } from './instructions.js';

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';

export const huaweiProfile: CloudProfile = {
  cloud: 'huawei',
  capabilities: {
    initiator: 'customer',
    approvalWindow: false,
    cidrVisibleWhilePending: false,
    cidrObservable: false,
    routing: 'platform',
    maxLivePerNetwork: null,
    takeBackPending: 'reject',
    // Either side may delete in any state; what was rejected or has expired stays listed until then.
    removableIn: ['pending_platform', 'active', 'rejected', 'expired'],
    consistencyMs: 2_000,
    writesExclude: 'route_table',
    // Requests expire, but the vendor does not say when.
    requestExpiryMs: null,
  },
  // The vendor publishes no limits of these calls: careful guesses.
  callLimits: {
    parallel: 16,
    families: [
      {
        name: 'read',
        operations: /^(Keystone)?(List|Show)/,
        perSecond: 10,
        burst: 1,
        counted: 'by_operation',
        scope: 'account',
      },
      { name: 'write', operations: /^/, perSecond: 5, burst: 1, counted: 'by_operation', scope: 'account' },
    ],
  },
  platformAccount: {
    pattern: '^[0-9a-f]{32}$',
    example: '05a1b2c3d4e5f60718293a4b5c6d7e8f',
    title: { en: 'a Huawei Cloud project ID (32 hexadecimal digits)', zh: '华为云项目 ID（32 位十六进制）' },
    help: {
      en: 'Give the ID of the project that the deployments’ VPCs are in, which customers type as peer project ID (My Credentials > API Credentials); each region has a project, and so an account here, of its own.',
      zh: '请填写部署的 VPC 所属项目的 ID，即客户填写的对端项目 ID（我的凭证 > API 凭证）；每个区域有各自的项目，需分别添加账号。',
    },
  },
  fields: [
    {
      name: 'connectionId',
      required: true,
      pattern: `^${UUID}$`,
      example: '22b76469-08e3-4937-8c1d-7aad34892be1',
      title: { en: 'Peering connection ID', zh: '对等连接 ID' },
      help: {
        en: 'VPC console > VPC Peering Connections, the ID of the connection that you created.',
        zh: '虚拟私有云控制台 > 对等连接，所创建对等连接的 ID。',
      },
    },
    {
      name: 'vpcId',
      required: true,
      pattern: `^${UUID}$`,
      example: '9daeac7c-a98f-430f-8e38-67f9c044e299',
      title: { en: 'Your VPC ID', zh: '您的 VPC ID' },
      help: { en: 'The VPC that you selected as local VPC.', zh: '作为本端的 VPC。' },
    },
    {
      name: 'userId',
      required: true,
      pattern: '^[0-9a-f]{32}$',
      example: '7116d09f88fa41908676fdd4b039e95b',
      title: { en: 'Your IAM user ID', zh: '您的 IAM 用户 ID' },
      help: {
        en: 'My Credentials > API Credentials, the IAM user ID of whoever created the connection.',
        zh: '我的凭证 > API 凭证，创建对等连接的 IAM 用户 ID。',
      },
    },
    {
      name: 'projectId',
      required: false,
      pattern: '^[0-9a-f]{32}$',
      example: 'f65e9ebced5d418ba9319a723718ba4e',
      title: { en: 'Your project ID', zh: '您的项目 ID' },
      help: {
        en: 'My Credentials > API Credentials, the project of the region. When given, nothing is accepted from another project.',
        zh: '我的凭证 > API 凭证，所属区域的项目 ID。填写后，将不会接受来自其他项目的请求。',
      },
    },
  ],
  cidrsRequired: true,
  peerKey: (spec) => spec['vpcId'] ?? null,
  declaredProviderId: (spec) => spec['connectionId'] ?? null,
  attachmentOwner: () => null,
  find: (spec, peerings) => peerings.find((peering) => peering.providerId === spec['connectionId']) ?? null,
  mismatches: (spec, network, observed) => {
    const projectId = spec['projectId'];
    return [
      ...compareSides('requester', observed.requester, [
        ['vpcId', 'vpcId', spec['vpcId']],
        ...(projectId === undefined ? [] : ([['projectId', 'projectId', projectId]] as const)),
        ['region', 'region', network.region],
      ]),
      ...compareSides('accepter', observed.accepter, [
        ['accountId', 'accountId', network.accountId],
        ['vpcId', 'vpcId', network.vpcId],
        ['region', 'region', network.region],
      ]),
    ];
  },
  instructions: huaweiInstructions,
};
