/** The regions of the public cloud and of the one for public services (OUTSCALE API 1.40, `servers`). */
export const REGIONS: readonly string[] = [
  'ap-northeast-1',
  'cloudgouv-eu-west-1',
  'eu-west-2',
  'us-east-2',
  'us-west-1',
];
