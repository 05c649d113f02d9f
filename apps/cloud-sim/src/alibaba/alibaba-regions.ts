import { AlibabaError } from './alibaba-error.js';

/** Regions of the public cloud, mainland China first, as DescribeRegions lists them. */
export const REGIONS: readonly string[] = [
  'cn-qingdao',
  'cn-beijing',
  'cn-zhangjiakou',
  'cn-huhehaote',
  'cn-wulanchabu',
  'cn-hangzhou',
  'cn-shanghai',
  'cn-nanjing',
  'cn-shenzhen',
  'cn-heyuan',
  'cn-guangzhou',
  'cn-chengdu',
  'cn-hongkong',
  'ap-northeast-1',
  'ap-northeast-2',
  'ap-southeast-1',
  'ap-southeast-3',
  'ap-southeast-5',
  'ap-southeast-6',
  'ap-southeast-7',
  'us-east-1',
  'us-west-1',
  'na-south-1',
  'eu-west-1',
  'eu-central-1',
  'me-east-1',
  'me-central-1',
];

const KNOWN: ReadonlySet<string> = new Set(REGIONS);

/** Whether the region exists. */
export function isRegion(region: string): boolean {
  return KNOWN.has(region);
}

/** Returns the region; throws the Vpc and Ecs APIs' error for one that does not exist. */
export function existingRegion(region: string): string {
  if (isRegion(region)) return region;
  throw new AlibabaError('InvalidRegionId.NotFound', 'The specified RegionId does not exist.', 404);
}
