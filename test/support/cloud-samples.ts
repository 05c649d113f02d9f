import fc from 'fast-check';
import {
  profileOf,
  type CloudId,
  type CloudSpec,
  type ObservedPeering,
  type PeerSide,
  type PlatformNetwork,
} from '#domain';

/** What a cloud shows of the request that a complete declaration is about, addressed to the platform network. */
type Show = (spec: CloudSpec, network: PlatformNetwork) => Pick<ObservedPeering, 'providerId'> & Sides;

interface Sides {
  readonly requester: PeerSide;
  readonly accepter: PeerSide;
}

interface CloudSample {
  readonly network: Pick<PlatformNetwork, 'region' | 'accountId' | 'vpcId'>;
  readonly show: Show;
}

const CUSTOMER_CIDRS = ['172.16.0.0/16'];

const platformSide = ({ accountId, vpcId, region, cidrs }: PlatformNetwork): PeerSide => ({
  accountId,
  vpcId,
  region,
  cidrs,
});

const startsWith = (value: string | undefined, prefix: string): string | undefined =>
  value?.startsWith(prefix) === true ? value : undefined;

const SAMPLES: Readonly<Record<CloudId, CloudSample>> = {
  aws: {
    network: { region: 'eu-central-1', accountId: '111122223333', vpcId: 'vpc-0a1b2c3d4e5f60718' },
    show: ({ connectionId = '', accountId, vpcId }, network) => ({
      providerId: connectionId,
      requester: { accountId, vpcId, region: network.region, cidrs: CUSTOMER_CIDRS } as PeerSide,
      accepter: platformSide(network),
    }),
  },
  alibaba: {
    network: { region: 'cn-hangzhou', accountId: '283117732402483989', vpcId: 'vpc-bp1vzjkp2q1xgnind0001' },
    show: ({ requesterInstanceId, accountId = '253460731706911258' }, network) => ({
      providerId: startsWith(requesterInstanceId, 'pcc-') ?? 'pcc-lnk0m24khwvtkm5x1y',
      requester: {
        accountId,
        vpcId: startsWith(requesterInstanceId, 'vpc-') ?? 'vpc-bp1gsk7h12ew7oegk0001',
        region: network.region,
        cidrs: CUSTOMER_CIDRS,
      },
      accepter: platformSide(network),
    }),
  },
  huawei: {
    network: {
      region: 'cn-north-4',
      accountId: '05d4ab87f200f5612f4bc00ae4ce9f3c',
      vpcId: '3d42a0d4-a980-4613-ae76-a2cddecff054',
    },
    show: ({ connectionId = '', vpcId, projectId = '75534b6b3d1d4a8f9b3bb1f3f6a2a3c1' }, network) => ({
      providerId: connectionId,
      requester: { projectId, vpcId, region: network.region, cidrs: [] } as PeerSide,
      accepter: { ...platformSide(network), cidrs: [] },
    }),
  },
  tencent: {
    network: { region: 'ap-guangzhou', accountId: '100011112222', vpcId: 'vpc-azd4dt1c' },
    show: ({ ccnId = '', ccnOwnerUin }, network) => ({
      providerId: ccnId,
      requester: platformSide(network),
      accepter: { accountId: ccnOwnerUin, vpcId: ccnId, cidrs: [] } as PeerSide,
    }),
  },
  outscale: {
    network: { region: 'eu-west-2', accountId: '339215505907', vpcId: 'vpc-e2a3c1b4' },
    // Both Nets are in the region that was asked, which is not named.
    show: ({ netPeeringId = '', accountId, netId }, network) => ({
      providerId: netPeeringId,
      requester: { accountId, vpcId: netId, cidrs: CUSTOMER_CIDRS } as PeerSide,
      accepter: { accountId: network.accountId, vpcId: network.vpcId, cidrs: network.cidrs },
    }),
  },
};

/** A deployment's network on a cloud, with two blocks. */
export function sampleNetwork(cloud: CloudId): PlatformNetwork {
  return {
    deploymentId: 'dep_01k5j9y2c3e4f5g6h7j8k9m0n1',
    cloud,
    ...SAMPLES[cloud].network,
    cidrs: ['10.11.0.0/16', '10.12.0.0/16'],
    routeTableIds: null,
    driftPolicy: 'repair',
  };
}

/** A declaration with every field's example. */
export function sampleSpec(cloud: CloudId): CloudSpec {
  const fields = profileOf(cloud).fields.map(({ name, example }) => [name, example]);
  return { kind: cloud, ...(Object.fromEntries(fields) as Record<string, string>) };
}

/** Complete declarations, with and without what is optional; values as the fields' patterns allow. */
export function completeSpecs(cloud: CloudId): fc.Arbitrary<CloudSpec> {
  const { fields } = profileOf(cloud);
  const values = fields.map(({ name, pattern }) => [name, fc.stringMatching(new RegExp(pattern))] as const);
  const requiredKeys = fields.filter(({ required }) => required).map(({ name }) => name);
  return fc
    .record(Object.fromEntries(values), { requiredKeys })
    .map((declared) => ({ kind: cloud, ...(declared as Record<string, string>) }));
}

/** The request that a declaration is about, as the cloud shows it while it waits to be answered. */
export function requestOf(spec: CloudSpec, network: PlatformNetwork): ObservedPeering {
  const { capabilities } = profileOf(spec.kind);
  return {
    phase: capabilities.initiator === 'customer' ? 'pending_platform' : 'pending_customer',
    providerState: 'PENDING',
    ...SAMPLES[spec.kind].show(spec, network),
  };
}
