import { AwsError, missingParameter } from './aws-error.js';
import { homeKey, type Tag } from './aws-state.js';
import { describePage, readFilters } from './describe-options.js';
import {
  checkId,
  DESCRIBE_PARAMETERS,
  notFound,
  own,
  reads,
  writes,
  type Ec2Call,
  type Ec2Operations,
  type IdKind,
} from './ec2-operation.js';
import { isVisible } from './peering-lifecycle.js';
import type { QueryParameters } from './query-parameters.js';
import type { XmlChildren } from './xml-document.js';

/** Resource types by the prefix of their ids, as tag specifications and DescribeTags call them. */
const RESOURCE_TYPES: Readonly<Record<IdKind, string>> = {
  vpc: 'vpc',
  subnet: 'subnet',
  rtb: 'route-table',
  pcx: 'vpc-peering-connection',
  sg: 'security-group',
  sgr: 'security-group-rule',
};

const MAX_TAGS_PER_RESOURCE = 50;

/** A key and its value, which may be empty. */
export interface TagPair {
  readonly key: string;
  readonly value: string;
}

/** Puts, takes away and lists tags, which are each account's own, on other accounts' peerings too. */
export const TAG_OPERATIONS: Ec2Operations = {
  CreateTags: writes(['ResourceId', 'Tag'], (call) => {
    const ids = resourceIds(call);
    const tags = readTags(call.parameters);
    if (tags.length === 0) throw missingParameter('tagSet');
    for (const id of ids) putTags(call, id, tags);
    return { return: true };
  }),
  DeleteTags: writes(['ResourceId', 'Tag'], (call) => {
    for (const id of resourceIds(call)) deleteTags(call, id);
    return { return: true };
  }),
  DescribeTags: reads([...DESCRIBE_PARAMETERS], describe),
};

/** The tags of TagSpecification.N for a resource of this type. Throws for one of another type. */
export function readTagSpecifications(parameters: QueryParameters, resourceType: string): TagPair[] {
  return parameters.structures('TagSpecification').flatMap((specification) => {
    const type = specification.get('ResourceType');
    if (type === undefined) {
      throw new AwsError('MissingParameter', 'Tag specification resource type must have a value');
    }
    if (type !== resourceType) {
      throw new AwsError(
        'InvalidParameterValue',
        `'${type}' is not a valid taggable resource type for this operation.`,
      );
    }
    return readTags(specification);
  });
}

/** Puts tags on a resource on the caller's behalf. Throws TagLimitExceeded. */
export function putTags(call: Ec2Call, resourceId: string, tags: readonly TagPair[]): void {
  const { accountId, region } = call;
  for (const { key, value } of tags) call.state.tags.put({ accountId, region, resourceId, key, value });
  if (call.state.tags.countBy('resource', `${homeKey(call)}/${resourceId}`) > MAX_TAGS_PER_RESOURCE) {
    throw new AwsError('TagLimitExceeded', `More than ${MAX_TAGS_PER_RESOURCE} tags specified`);
  }
}

/** Forgets the owner's tags on a resource that is gone. */
export function removeAllTags(call: Ec2Call, resourceId: string): void {
  for (const tag of call.state.tags.by('resource', `${homeKey(call)}/${resourceId}`)) {
    call.state.tags.remove(`${homeKey(tag)}/${resourceId}/${tag.key}`);
  }
}

function readTags(parameters: QueryParameters): TagPair[] {
  return parameters.structures('Tag').map((tag) => {
    const key = tag.require('Key');
    const value = tag.getRaw('Value') ?? '';
    if (key.toLowerCase().startsWith('aws:')) {
      throw new AwsError(
        'InvalidParameterValue',
        `Tag keys starting with 'aws:' are reserved for internal use`,
      );
    }
    if (key.length > 128)
      throw new AwsError('InvalidParameterValue', 'Tag key exceeds the maximum length of 128 characters');
    if (value.length > 256) {
      throw new AwsError('InvalidParameterValue', 'Tag value exceeds the maximum length of 256 characters');
    }
    return { key, value };
  });
}

function resourceIds(call: Ec2Call): string[] {
  const ids = call.parameters.list('ResourceId');
  if (ids.length === 0) throw missingParameter('resourceIdSet');
  for (const id of ids) checkTaggable(call, id);
  return ids;
}

function checkTaggable(call: Ec2Call, id: string): void {
  const { state } = call;
  const kind = kindOf(id);
  switch (kind) {
    case 'vpc':
      own(call, kind, state.vpcs, id);
      return;
    case 'subnet':
      own(call, kind, state.subnets, id);
      return;
    case 'rtb':
      own(call, kind, state.routeTables, id);
      return;
    case 'sg':
      own(call, kind, state.securityGroups, id);
      return;
    case 'sgr':
      own(call, kind, state.securityGroupRules, id);
      return;
    case 'pcx': {
      checkId(kind, id);
      const peering = state.peerings.get(id);
      if (peering === undefined || !isVisible(peering, call, call.now)) throw notFound(kind, id);
      return;
    }
    case undefined:
      throw new AwsError('InvalidID', `The ID '${id}' is not valid`);
  }
}

function kindOf(id: string): IdKind | undefined {
  const prefix = id.split('-', 1)[0] ?? '';
  return Object.hasOwn(RESOURCE_TYPES, prefix) ? (prefix as IdKind) : undefined;
}

/** Without tags, all go; a tag without a value goes whatever it is; one with a value only when it has that value. */
function deleteTags(call: Ec2Call, resourceId: string): void {
  const named = call.parameters
    .structures('Tag')
    .map((tag) => ({ key: tag.require('Key'), value: tag.getRaw('Value') }));
  if (named.length === 0) {
    removeAllTags(call, resourceId);
    return;
  }
  for (const { key, value } of named) {
    const id = `${homeKey(call)}/${resourceId}/${key}`;
    if (value === undefined || call.state.tags.get(id)?.value === value) call.state.tags.remove(id);
  }
}

function describe(call: Ec2Call): XmlChildren {
  const { state } = call;
  const idOf = (tag: Tag): string => `${homeKey(tag)}/${tag.resourceId}/${tag.key}`;
  const typeOf = (tag: Tag): string => RESOURCE_TYPES[kindOf(tag.resourceId) ?? 'vpc'];
  const filters = readFilters(call.parameters);
  const { page, nextToken } = describePage(call, state.tags.by('home', homeKey(call)), filters, {
    idOf,
    sequenceOf: (id) => state.tags.sequenceOf(id),
    filters: {
      key: ({ key }) => [key],
      value: ({ value }) => [value],
      'resource-id': ({ resourceId }) => [resourceId],
      'resource-type': (tag) => [typeOf(tag)],
    },
    idParameter: 'ResourceId',
  });
  const tagSet = page.map((tag) => ({
    resourceId: tag.resourceId,
    resourceType: typeOf(tag),
    key: tag.key,
    value: tag.value,
  }));
  return { tagSet, nextToken };
}
