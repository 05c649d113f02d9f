import { conflictOf } from './ccn-routes.js';
import { isJoined, removeAttachment } from './attachment-lifecycle.js';
import { invalidValue, missingParameter, resourceNotFound, TencentError } from './tencent-error.js';
import { reads, writes, type TencentCall, type TencentOperations } from './tencent-operation.js';
import { applyFilters, cutPage } from './tencent-parameters.js';
import { formatTime, newId, type Ccn, type CcnRoute } from './tencent-state.js';

const PAGE = ['Filters', 'Offset', 'Limit'] as const;

/** Makes, shows and removes CCNs, and shows and switches the routes that they learn. */
export const CCN_OPERATIONS: TencentOperations = {
  CreateCcn: writes(
    ['CcnName', 'CcnDescription', 'QosLevel', 'InstanceChargeType', 'BandwidthLimitType'],
    (call) => {
      const { parameters, state } = call;
      parameters.limitBytes('CcnName', 60);
      parameters.limitBytes('CcnDescription', 100);
      const ccn = state.ccns.put({
        id: newId('ccn'),
        accountId: call.accountId,
        name: parameters.require('CcnName'),
        description: parameters.get('CcnDescription') ?? '',
        qosLevel: choice(call, 'QosLevel', ['AU', 'PT', 'AG']),
        instanceChargeType: choice(call, 'InstanceChargeType', ['POSTPAID', 'PREPAID']),
        bandwidthLimitType: choice(call, 'BandwidthLimitType', ['OUTER_REGION_LIMIT', 'INTER_REGION_LIMIT']),
        state: 'AVAILABLE',
        createdAt: call.now,
      });
      return { Ccn: renderCcn(call, ccn) };
    },
    10,
  ),
  DescribeCcns: reads(['CcnIds', ...PAGE, 'OrderField', 'OrderDirection'], (call) => {
    const { parameters, state } = call;
    const ids = parameters.strings('CcnIds');
    if (ids.length > 100) throw invalidValue('CcnIds', `${ids.length} ids`, 'Range');
    const candidates =
      ids.length > 0 ? ids.map((id) => ownCcn(call, id)) : state.ccns.by('account', call.accountId);
    const found = applyFilters(parameters, candidates, {
      'ccn-id': (ccn) => ccn.id,
      'ccn-name': (ccn) => ccn.name,
      'ccn-description': (ccn) => ccn.description,
      state: (ccn) => ccn.state,
    });
    return {
      TotalCount: found.length,
      CcnSet: cutPage(parameters, found).map((ccn) => renderCcn(call, ccn)),
    };
  }),
  DeleteCcn: writes(['CcnId'], (call) => {
    const { state } = call;
    const ccn = ownCcn(call, call.parameters.require('CcnId'));
    const attachments = state.attachments.by('ccn', ccn.id);
    if (attachments.some(isJoined)) {
      throw new TencentError('ResourceInUse', `The CCN \`${ccn.id}\` still has network instances in it.`);
    }
    for (const attachment of attachments) removeAttachment(state, attachment);
    state.ccns.remove(ccn.id);
    return {};
  }),
  DescribeCcnRoutes: reads(['CcnId', 'RouteIds', ...PAGE], (call) => {
    const { parameters, state } = call;
    const ccnId = parameters.require('CcnId');
    if (!maySeeRoutes(call, ccnId)) throw resourceNotFound(ccnId);
    const ids = parameters.strings('RouteIds');
    const all = state.routes.by('ccn', ccnId);
    const found = applyFilters(parameters, ids.length > 0 ? all.filter(({ id }) => ids.includes(id)) : all, {
      'route-id': (route) => route.id,
      'cidr-block': (route) => route.cidr,
      'instance-type': () => 'VPC',
      'instance-region': (route) => route.region,
      'instance-id': (route) => route.vpcId,
      'route-table-id': (route) => routeTableOf(route.ccnId),
    });
    return { TotalCount: found.length, RouteSet: cutPage(parameters, found).map(renderRoute) };
  }),
  EnableCcnRoutes: writes(['CcnId', 'RouteIds'], (call) => {
    for (const route of ownRoutes(call)) {
      const conflict = conflictOf(call.state, route);
      if (conflict) {
        throw new TencentError(
          'UnsupportedOperation.Ecmp',
          `The route \`${route.id}\` (${route.cidr}) conflicts with the enabled route \`${conflict.id}\` (${conflict.cidr}).`,
        );
      }
      call.state.routes.update(route.id, { enabled: true, updatedAt: call.now });
    }
    return {};
  }),
  DisableCcnRoutes: writes(['CcnId', 'RouteIds'], (call) => {
    for (const route of ownRoutes(call))
      call.state.routes.update(route.id, { enabled: false, updatedAt: call.now });
    return {};
  }),
};

/** The caller's own CCN. Throws Malformed and ResourceNotFound. */
export function ownCcn(call: TencentCall, id: string): Ccn {
  if (!/^ccn-[a-z0-9]{8}$/.test(id)) throw invalidValue('CcnId', id);
  const ccn = call.state.ccns.get(id);
  if (ccn?.accountId !== call.accountId) throw resourceNotFound(id);
  return ccn;
}

function maySeeRoutes({ state, accountId }: TencentCall, ccnId: string): boolean {
  if (state.ccns.get(ccnId)?.accountId === accountId) return true;
  const isMember = state.attachments
    .by('ccn', ccnId)
    .some((attachment) => attachment.instanceUin === accountId && isJoined(attachment));
  return isMember && state.settings.membersSeeRoutes;
}

function ownRoutes(call: TencentCall): readonly CcnRoute[] {
  const ccn = ownCcn(call, call.parameters.require('CcnId'));
  const ids = call.parameters.strings('RouteIds');
  if (ids.length === 0) throw missingParameter('RouteIds');
  return ids.map((id) => {
    const route = call.state.routes.get(id);
    if (route?.ccnId !== ccn.id) throw resourceNotFound(id);
    return route;
  });
}

function choice(call: TencentCall, name: string, values: readonly [string, ...string[]]): string {
  const value = call.parameters.get(name) ?? values[0];
  if (!values.includes(value)) throw invalidValue(name, value);
  return value;
}

function renderCcn({ state }: TencentCall, ccn: Ccn): Readonly<Record<string, unknown>> {
  return {
    CcnId: ccn.id,
    CcnName: ccn.name,
    CcnDescription: ccn.description,
    InstanceCount: state.attachments.by('ccn', ccn.id).filter(isJoined).length,
    CreateTime: formatTime(ccn.createdAt),
    State: ccn.state,
    QosLevel: ccn.qosLevel,
    InstanceChargeType: ccn.instanceChargeType,
    BandwidthLimitType: ccn.bandwidthLimitType,
    TagSet: [],
    RoutePriorityFlag: false,
    RouteTableCount: 1,
    RouteTableFlag: false,
    IsSecurityLock: false,
    RouteBroadcastPolicyFlag: false,
    RouteECMPFlag: false,
    RouteOverlapFlag: false,
  };
}

/** A CCN has one route table unless its owner asked for more; its id follows from the CCN's. */
export function routeTableOf(ccnId: string): string {
  return ccnId.replace(/^ccn-/, 'ccntr-');
}

function renderRoute(route: CcnRoute): Readonly<Record<string, unknown>> {
  return {
    RouteId: route.id,
    DestinationCidrBlock: route.cidr,
    InstanceType: 'VPC',
    InstanceId: route.vpcId,
    InstanceName: '',
    InstanceRegion: route.region,
    InstanceUin: route.instanceUin,
    UpdateTime: formatTime(route.updatedAt),
    Enabled: route.enabled,
    ExtraState: 'Normal',
    IsBgp: false,
    RoutePriority: 0,
    RouteTableId: routeTableOf(route.ccnId),
  };
}
