import { AwsError } from './aws-error.js';
import { ec2Host, regionsOf, zonesOf } from './aws-regions.js';
import { describePage, readFilters } from './describe-options.js';
import { DESCRIBE_PARAMETERS, reads, type Ec2Call, type Ec2Operations } from './ec2-operation.js';
import type { XmlChildren } from './xml-document.js';

/** Shows regions, zones and what an account may have. */
export const REGION_OPERATIONS: Ec2Operations = {
  DescribeRegions: reads(['RegionName', 'AllRegions', 'Filter'], describeRegions),
  DescribeAvailabilityZones: reads(
    ['ZoneName', 'ZoneId', 'AllAvailabilityZones', ...DESCRIBE_PARAMETERS],
    describeZones,
  ),
  DescribeAccountAttributes: reads(['AttributeName'], describeAccountAttributes),
};

function describeRegions(call: Ec2Call): XmlChildren {
  const names = call.parameters.list('RegionName');
  const regions = regionsOf(call.partition);
  const unknown = names.find((name) => !regions.includes(name));
  if (unknown !== undefined) {
    throw new AwsError('InvalidParameterValue', `Invalid region '${unknown}' provided for this operation.`);
  }
  const { page } = describePage(call, names.length > 0 ? names : regions, readFilters(call.parameters), {
    idOf: (region) => region,
    sequenceOf: (region) => regions.indexOf(region),
    filters: {
      endpoint: (region) => [ec2Host(region)],
      'opt-in-status': () => ['opt-in-not-required'],
      'region-name': (region) => [region],
    },
    idParameter: 'RegionName',
  });
  const regionInfo = page.map((regionName) => ({
    regionName,
    regionEndpoint: ec2Host(regionName),
    optInStatus: 'opt-in-not-required',
  }));
  return { regionInfo };
}

function describeZones(call: Ec2Call): XmlChildren {
  const { region, parameters } = call;
  const [names, ids] = [parameters.list('ZoneName'), parameters.list('ZoneId')];
  const zones = zonesOf(region);
  const unknown = names.find((name) => !zones.some((zone) => zone.name === name));
  if (unknown !== undefined) {
    throw new AwsError('InvalidParameterValue', `Invalid availability zone: [${unknown}]`);
  }
  const wanted = zones.filter(
    ({ name, id }) => (names.length === 0 || names.includes(name)) && (ids.length === 0 || ids.includes(id)),
  );
  const { page } = describePage(call, wanted, readFilters(parameters), {
    idOf: ({ id }) => id,
    sequenceOf: (id) => zones.findIndex((zone) => zone.id === id),
    filters: {
      'group-name': () => [region],
      'opt-in-status': () => ['opt-in-not-required'],
      'region-name': () => [region],
      state: () => ['available'],
      'zone-id': ({ id }) => [id],
      'zone-name': ({ name }) => [name],
      'zone-type': () => ['availability-zone'],
    },
    idParameter: 'ZoneName',
  });
  const availabilityZoneInfo = page.map(({ name, id }) => ({
    zoneName: name,
    zoneId: id,
    zoneState: 'available',
    zoneType: 'availability-zone',
    regionName: region,
    groupName: region,
    networkBorderGroup: region,
    optInStatus: 'opt-in-not-required',
    messageSet: [],
  }));
  return { availabilityZoneInfo };
}

function describeAccountAttributes(call: Ec2Call): XmlChildren {
  const attributes = {
    'supported-platforms': 'VPC',
    'default-vpc': 'none',
    'vpc-max-security-groups-per-interface': '5',
    'max-instances': '20',
    'max-elastic-ips': '5',
    'vpc-max-elastic-ips': '5',
  };
  const wanted = new Set(call.parameters.list('AttributeName'));
  const accountAttributeSet = Object.entries(attributes)
    .filter(([name]) => wanted.size === 0 || wanted.has(name))
    .map(([attributeName, value]) => ({ attributeName, attributeValueSet: [{ attributeValue: value }] }));
  return { accountAttributeSet };
}
