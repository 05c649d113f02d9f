import { CODES, invalidValue, missingParameter, OutscaleError } from './outscale-error.js';
import {
  checkId,
  kindOf,
  notFound,
  own,
  reads,
  writes,
  type IdKind,
  type OapiAnswer,
  type OapiCall,
  type OapiOperations,
} from './oapi-operation.js';
import { homeKey, type Tag } from './outscale-state.js';
import { isVisible } from './peering-lifecycle.js';
import { readPage } from './read-options.js';

/** Resource types by the prefix of their ids, as ReadTags calls them. */
const RESOURCE_TYPES: Readonly<Record<IdKind, string>> = {
  vpc: 'vpc',
  subnet: 'subnet',
  i: 'instance',
  pcx: 'vpc-peering-connection',
  rtb: 'route-table',
  sg: 'security-group',
};

const MOST_KEY_LENGTH = 255;
const MOST_VALUE_LENGTH = 255;

/** Puts, takes away and lists tags. */
export const TAG_OPERATIONS: OapiOperations = {
  CreateTags: writes(['ResourceIds', 'Tags'], createTags),
  DeleteTags: writes(['ResourceIds', 'Tags'], deleteTags),
  ReadTags: reads(readTags),
};

/** Forgets the caller's tags on a resource that is gone. */
export function removeTags(call: OapiCall, resourceId: string): void {
  for (const tag of call.state.tags.by('resource', `${homeKey(call)}/${resourceId}`))
    call.state.tags.remove(idOf(tag));
}

function createTags(call: OapiCall): OapiAnswer {
  const { state, accountId, region } = call;
  const tags = (call.parameters.objects('Tags') ?? []).map((tag) => {
    tag.allow(new Set(['Key', 'Value']));
    return { key: readKey(tag.requireText('Key')), value: readValue(tag.requireText('Value')) };
  });
  if (tags.length === 0) throw missingParameter('Tags');
  for (const resourceId of resourceIds(call)) {
    for (const { key, value } of tags) state.tags.put({ accountId, region, resourceId, key, value });
  }
  return {};
}

/** A tag without a value goes whatever it is; one with a value only when it has that value. */
function deleteTags(call: OapiCall): OapiAnswer {
  const { state } = call;
  const tags = call.parameters.objects('Tags') ?? [];
  if (tags.length === 0) throw missingParameter('Tags');
  for (const resourceId of resourceIds(call)) {
    for (const tag of tags) {
      const value = tag.get('Value');
      const known = state.tags.get(`${homeKey(call)}/${resourceId}/${tag.require('Key')}`);
      if (known !== undefined && (value === undefined || value === known.value))
        state.tags.remove(idOf(known));
    }
  }
  return {};
}

function readTags(call: OapiCall): OapiAnswer {
  const { state } = call;
  const { page, next } = readPage(call, state.tags.by('home', homeKey(call)), {
    idOf,
    sequenceOf: (id) => state.tags.sequenceOf(id),
    filters: {
      Keys: ({ key }) => [key],
      ResourceIds: ({ resourceId }) => [resourceId],
      ResourceTypes: (tag) => [typeOf(tag)],
      Values: ({ value }) => [value],
    },
  });
  const shown = page.map((tag) => ({
    ResourceId: tag.resourceId,
    ResourceType: typeOf(tag),
    Key: tag.key,
    Value: tag.value,
  }));
  return { Tags: shown, ...next };
}

function readKey(key: string): string {
  if (key === '') throw new OutscaleError(CODES.tagKeyEmpty, 'The key of a tag cannot be empty.');
  if (key.length > MOST_KEY_LENGTH) throw invalidValue('Key', key, `At most ${MOST_KEY_LENGTH} characters.`);
  return key;
}

function readValue(value: string): string {
  if (value.length > MOST_VALUE_LENGTH)
    throw invalidValue('Value', value, `At most ${MOST_VALUE_LENGTH} characters.`);
  return value;
}

function resourceIds(call: OapiCall): readonly string[] {
  const ids = call.parameters.requireStrings('ResourceIds');
  for (const id of ids) checkTaggable(call, id);
  return ids;
}

/** The resource must be the caller's to see; of a peering, either end may tag. */
function checkTaggable(call: OapiCall, id: string): void {
  const { state } = call;
  const kind = kindOf(id);
  switch (kind) {
    case 'vpc':
      own(call, kind, state.nets, id);
      return;
    case 'subnet':
      own(call, kind, state.subnets, id);
      return;
    case 'i':
      own(call, kind, state.vms, id);
      return;
    case 'rtb':
      own(call, kind, state.routeTables, id);
      return;
    case 'sg':
      own(call, kind, state.securityGroups, id);
      return;
    case 'pcx': {
      checkId(kind, id);
      const peering = state.peerings.get(id);
      if (peering === undefined || !isVisible(peering, call, call.now)) throw notFound(kind, id);
      return;
    }
    case undefined:
      throw new OutscaleError(CODES.wrongPrefix, `The provided id '${id}' has an invalid prefix.`);
  }
}

function idOf(tag: Tag): string {
  return `${homeKey(tag)}/${tag.resourceId}/${tag.key}`;
}

function typeOf({ resourceId }: Tag): string {
  const kind = kindOf(resourceId);
  return kind === undefined ? 'unknown' : RESOURCE_TYPES[kind];
}
