import { enter, isJoined, isSpent, removeAttachment } from './attachment-lifecycle.js';
import { ownCcn, routeTableOf } from './ccn.operations.js';
import { invalidValue, missingParameter, resourceNotFound, TencentError } from './tencent-error.js';
import { reads, writes, type TencentCall, type TencentOperations } from './tencent-operation.js';
import { applyFilters, cutPage, filterValues, type TencentParameters } from './tencent-parameters.js';
import { attachmentId, formatTime, type Attachment, type Ccn, type Vpc } from './tencent-state.js';

const INSTANCES = ['CcnId', 'Instances'] as const;

/** Puts VPCs into CCNs, across accounts only with the CCN owner's consent, takes them out, and shows them. */
export const ATTACHMENT_OPERATIONS: TencentOperations = {
  AttachCcnInstances: writes([...INSTANCES, 'CcnUin'], attach),
  ResetAttachCcnInstances: writes([...INSTANCES, 'CcnUin'], reset, 20),
  DetachCcnInstances: writes(INSTANCES, detach),
  AcceptAttachCcnInstances: writes(INSTANCES, (call) => answer(call, 'ATTACHING'), 20),
  RejectAttachCcnInstances: writes(INSTANCES, (call) => answer(call, 'REJECTED'), 20),
  ModifyCcnAttachedInstancesAttribute: writes(INSTANCES, modify),
  DescribeCcnAttachedInstances: reads(
    ['CcnId', 'Filters', 'Offset', 'Limit', 'OrderField', 'OrderDirection'],
    describe,
  ),
};

function attach(call: TencentCall): Readonly<Record<string, unknown>> {
  const { state, now } = call;
  const ccn = ccnToJoin(call);
  const instances = readInstances(call);
  const vpcs = instances.map((instance) => ownVpc(call, instance));
  if (new Set(vpcs).size < vpcs.length)
    throw invalidValue('Instances', 'the same instance twice', 'Duplicate');
  for (const vpc of vpcs) checkFree(call, vpc, ccn);
  const joined = state.attachments.by('ccn', ccn.id).filter((attachment) => !isSpent(attachment));
  if (joined.length + vpcs.length > state.settings.instancesPerCcn) {
    throw new TencentError(
      'LimitExceeded',
      `The CCN \`${ccn.id}\` holds at most ${state.settings.instancesPerCcn} instances.`,
    );
  }
  instances.forEach((instance, index) => {
    const vpc = vpcs[index] as Vpc;
    const attachment: Attachment = {
      ccnId: ccn.id,
      ccnUin: ccn.accountId,
      vpcId: vpc.id,
      instanceUin: vpc.accountId,
      region: vpc.region,
      state: 'PENDING',
      description: instance.get('Description') ?? '',
      attachedAt: now,
      changesAt: undefined,
    };
    enter(state, attachment, ccn.accountId === vpc.accountId ? 'ATTACHING' : 'PENDING');
  });
  return {};
}

/** The CCN that a request to join names, of the account that it names. */
function ccnToJoin(call: TencentCall): Ccn {
  const { parameters, state } = call;
  const ccnId = parameters.require('CcnId');
  const owner = parameters.get('CcnUin') ?? call.accountId;
  if (!/^ccn-[a-z0-9]{8}$/.test(ccnId)) throw invalidValue('CcnId', ccnId);
  if (!call.isAccount(owner)) {
    throw new TencentError(
      'UnsupportedOperation.UinNotFound',
      `The account UIN \`${owner}\` does not exist.`,
    );
  }
  const ccn = state.ccns.get(ccnId);
  if (ccn?.accountId !== owner) throw resourceNotFound(ccnId);
  if (ccn.state === 'ISOLATED') {
    throw new TencentError('UnsupportedOperation.InvalidState', `The CCN \`${ccnId}\` is isolated.`);
  }
  return ccn;
}

/** A VPC joins one CCN only, and asks to join one only. */
function checkFree(call: TencentCall, vpc: Vpc, ccn: Ccn): void {
  for (const other of call.state.attachments.by('vpc', vpc.id)) {
    if (other.ccnId === ccn.id) {
      throw new TencentError(
        'UnsupportedOperation.CcnAttached',
        `The instance \`${vpc.id}\` is already attached to \`${ccn.id}\`.`,
      );
    }
    if (!isSpent(other)) {
      throw new TencentError(
        'LimitExceeded.CurrentInstanceAttachedCcnInstances',
        `The instance \`${vpc.id}\` is already attached to the CCN \`${other.ccnId}\`.`,
      );
    }
  }
}

function reset(call: TencentCall): Readonly<Record<string, unknown>> {
  const { state, now } = call;
  call.parameters.require('CcnUin');
  const ccn = ccnToJoin(call);
  for (const instance of readInstances(call)) {
    const vpc = ownVpc(call, instance);
    const attachment = state.attachments.get(attachmentId({ ccnId: ccn.id, vpcId: vpc.id }));
    if (attachment === undefined) throw resourceNotFound(vpc.id);
    if (!isSpent(attachment)) {
      throw new TencentError('UnsupportedOperation', `The application of \`${vpc.id}\` has not expired.`);
    }
    const description = instance.get('Description') ?? attachment.description;
    enter(state, { ...attachment, description, attachedAt: now }, 'PENDING');
  }
  return {};
}

function detach(call: TencentCall): Readonly<Record<string, unknown>> {
  const { state, accountId } = call;
  const attachments = namedAttachments(call, ({ ccnUin, instanceUin }) =>
    [ccnUin, instanceUin].includes(accountId),
  );
  for (const attachment of attachments) {
    if (attachment.state === 'ATTACHING' || attachment.state === 'DETACHING') {
      throw new TencentError(
        'UnsupportedOperation.MutexOperationTaskRunning',
        `Another task is running on \`${attachment.vpcId}\`. Try again later.`,
      );
    }
  }
  for (const attachment of attachments) {
    if (attachment.state === 'PENDING' || isSpent(attachment)) removeAttachment(state, attachment);
    else enter(state, attachment, 'DETACHING');
  }
  return {};
}

function answer(call: TencentCall, next: 'ATTACHING' | 'REJECTED'): Readonly<Record<string, unknown>> {
  const ccn = ownCcn(call, call.parameters.require('CcnId'));
  const attachments = namedAttachments(call, ({ ccnId }) => ccnId === ccn.id);
  for (const { state, vpcId } of attachments) {
    if (state !== 'PENDING') {
      throw new TencentError(
        'UnsupportedOperation.NotPendingCcnInstance',
        `The instance \`${vpcId}\` is not applying to join \`${ccn.id}\`.`,
      );
    }
  }
  for (const attachment of attachments) enter(call.state, attachment, next);
  return {};
}

function modify(call: TencentCall): Readonly<Record<string, unknown>> {
  const { state, accountId } = call;
  namedAttachments(call, ({ ccnUin, instanceUin }) => [ccnUin, instanceUin].includes(accountId));
  for (const instance of readInstances(call)) {
    const id = attachmentId({
      ccnId: call.parameters.require('CcnId'),
      vpcId: instance.require('InstanceId'),
    });
    state.attachments.update(id, { description: instance.get('Description') ?? '' });
  }
  return {};
}

/** The attachments that a call names. Throws CcnNotAttached for one that is not there or not the caller's to change. */
function namedAttachments(
  call: TencentCall,
  isAllowed: (attachment: Attachment) => boolean,
): readonly Attachment[] {
  const ccnId = call.parameters.require('CcnId');
  if (!/^ccn-[a-z0-9]{8}$/.test(ccnId)) throw invalidValue('CcnId', ccnId);
  return readInstances(call).map((instance) => {
    const vpcId = instance.require('InstanceId');
    const attachment = call.state.attachments.get(attachmentId({ ccnId, vpcId }));
    if (attachment === undefined || !isAllowed(attachment)) {
      throw new TencentError(
        'UnsupportedOperation.CcnNotAttached',
        `The instance \`${vpcId}\` is not attached to \`${ccnId}\`.`,
      );
    }
    if (attachment.region !== instance.require('InstanceRegion')) {
      throw invalidValue('InstanceRegion', instance.require('InstanceRegion'), 'ParameterMismatch');
    }
    return attachment;
  });
}

function readInstances(call: TencentCall): readonly TencentParameters[] {
  const instances = call.parameters.objects('Instances');
  if (instances.length === 0) throw missingParameter('Instances');
  for (const instance of instances) {
    instance.allow([
      'InstanceId',
      'InstanceRegion',
      'InstanceType',
      'Description',
      'RouteTableId',
      'OrderType',
    ]);
    instance.require('InstanceRegion');
    instance.limitBytes('Description', 100);
    const type = instance.require('InstanceType');
    if (type !== 'VPC') throw invalidValue('InstanceType', type);
  }
  return instances;
}

function ownVpc(call: TencentCall, instance: TencentParameters): Vpc {
  const id = instance.require('InstanceId');
  const vpc = call.state.vpcs.get(id);
  if (vpc?.accountId !== call.accountId || vpc.region !== instance.require('InstanceRegion'))
    throw resourceNotFound(id);
  return vpc;
}

function describe(call: TencentCall): Readonly<Record<string, unknown>> {
  const { parameters, state, accountId } = call;
  const isVisible = ({ ccnUin, instanceUin }: Attachment): boolean =>
    ccnUin === accountId || instanceUin === accountId;
  const ccnId = parameters.get('CcnId');
  const visible = candidates(call, ccnId).filter(isVisible);
  if (ccnId !== undefined && visible.length === 0 && state.ccns.get(ccnId)?.accountId !== accountId) {
    throw resourceNotFound(ccnId);
  }
  const found = applyFilters(parameters, visible, {
    'ccn-id': (attachment) => attachment.ccnId,
    'instance-type': () => 'VPC',
    'instance-region': (attachment) => attachment.region,
    'instance-id': (attachment) => attachment.vpcId,
  });
  const ordered = order(call, found);
  return {
    TotalCount: found.length,
    InstanceSet: cutPage(parameters, ordered).map((attachment) => render(call, attachment)),
  };
}

/** The fewest attachments that an index yields and that surely hold all that the call asks for. */
function candidates(
  { parameters, state, accountId }: TencentCall,
  ccnId: string | undefined,
): readonly Attachment[] {
  if (ccnId !== undefined) return state.attachments.by('ccn', ccnId);
  for (const [filter, index] of [
    ['instance-id', 'vpc'],
    ['ccn-id', 'ccn'],
  ] as const) {
    const values = filterValues(parameters, filter);
    if (values) return [...new Set(values)].flatMap((value) => state.attachments.by(index, value));
  }
  return state.attachments.by('account', accountId);
}

const ORDERS: Readonly<Record<string, (attachment: Attachment) => string | number>> = {
  CcnId: ({ ccnId }) => ccnId,
  InstanceType: () => 'VPC',
  InstanceId: ({ vpcId }) => vpcId,
  InstanceName: () => '',
  InstanceRegion: ({ region }) => region,
  AttachedTime: ({ attachedAt }) => attachedAt,
  State: ({ state }) => state,
};

function order({ parameters, state }: TencentCall, found: readonly Attachment[]): readonly Attachment[] {
  const field = parameters.get('OrderField') ?? 'AttachedTime';
  const direction = parameters.get('OrderDirection') ?? 'ASC';
  const keyOf = Object.hasOwn(ORDERS, field) ? ORDERS[field] : undefined;
  if (keyOf === undefined) throw invalidValue('OrderField', field);
  if (direction !== 'ASC' && direction !== 'DESC') throw invalidValue('OrderDirection', direction);
  const sign = direction === 'ASC' ? 1 : -1;
  const sequence = (attachment: Attachment): number => state.attachments.sequenceOf(attachmentId(attachment));
  return [...found].sort((a, b) => {
    const [x, y] = [keyOf(a), keyOf(b)];
    return sign * (x < y ? -1 : x > y ? 1 : sequence(a) - sequence(b));
  });
}

function render({ state }: TencentCall, attachment: Attachment): Readonly<Record<string, unknown>> {
  const vpc = state.vpcs.get(attachment.vpcId);
  return {
    CcnId: attachment.ccnId,
    CcnUin: attachment.ccnUin,
    InstanceType: 'VPC',
    InstanceId: attachment.vpcId,
    InstanceName: vpc?.name ?? '',
    InstanceRegion: attachment.region,
    InstanceUin: attachment.instanceUin,
    InstanceArea: 'CHINA_MAINLAND',
    CidrBlock: vpc === undefined ? [] : [vpc.cidr, ...vpc.assistantCidrs],
    State: attachment.state,
    AttachedTime: formatTime(attachment.attachedAt),
    Description: attachment.description,
    RouteTableId: isJoined(attachment) ? routeTableOf(attachment.ccnId) : '',
    RouteTableName: isJoined(attachment) ? '_default_rtb' : '',
  };
}
