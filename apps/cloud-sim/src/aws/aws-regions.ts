/** Regions enabled by default in each partition. */
const REGIONS = {
  aws: [
    'us-east-1',
    'us-east-2',
    'us-west-1',
    'us-west-2',
    'ca-central-1',
    'sa-east-1',
    'eu-central-1',
    'eu-west-1',
    'eu-west-2',
    'eu-west-3',
    'eu-north-1',
    'ap-east-1',
    'ap-south-1',
    'ap-northeast-1',
    'ap-northeast-2',
    'ap-northeast-3',
    'ap-southeast-1',
    'ap-southeast-2',
    'ap-southeast-3',
    'me-south-1',
    'af-south-1',
  ],
  'aws-cn': ['cn-north-1', 'cn-northwest-1'],
} as const;

/** The first part of every ARN: regions of different partitions cannot reach each other. */
export type Partition = keyof typeof REGIONS;

const PARTITION_OF: ReadonlyMap<string, Partition> = new Map(
  (Object.keys(REGIONS) as Partition[]).flatMap((partition) =>
    REGIONS[partition].map((region) => [region, partition] as const),
  ),
);

/** Whether the region exists in either partition. */
export function isRegion(region: string): boolean {
  return PARTITION_OF.has(region);
}

/** The partition of a region; `aws` for an unknown one. */
export function partitionOf(region: string): Partition {
  return PARTITION_OF.get(region) ?? 'aws';
}

/** Every region of a partition. */
export function regionsOf(partition: Partition): readonly string[] {
  return REGIONS[partition];
}

/** Where EC2 answers for a region. */
export function ec2Host(region: string): string {
  return `ec2.${region}.amazonaws.com${partitionOf(region) === 'aws-cn' ? '.cn' : ''}`;
}

/** Zones of a region. Ids are short and fixed, whereas which letter names which id differs between real accounts. */
export function zonesOf(region: string): readonly { readonly name: string; readonly id: string }[] {
  const [area = '', direction = '', number = ''] = region.split('-');
  const short = direction
    .replace('north', 'n')
    .replace('south', 's')
    .replace('east', 'e')
    .replace('west', 'w')
    .replace('central', 'c');
  return ['a', 'b', 'c'].map((letter, index) => ({
    name: `${region}${letter}`,
    id: `${area}${short}${number}-az${index + 1}`,
  }));
}
