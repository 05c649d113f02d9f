import { formatIpv4Block, parseIpv4Block } from '../ipv4-block.js';
import { CODES, invalidValue, missingParameter, OutscaleError } from './outscale-error.js';
import {
  checkId,
  own,
  reads,
  writes,
  type OapiAnswer,
  type OapiCall,
  type OapiOperations,
} from './oapi-operation.js';
import { homeKey, newId, type Net, type OutscaleState, type Subnet, type Vm } from './outscale-state.js';
import { putSubnet } from './net.operations.js';
import { readPage, tagsOf } from './read-options.js';

/** OUTSCALE keeps the first four addresses of each Subnet for itself (user guide, "About Nets"). */
const RESERVED_ADDRESSES = 4;

/** A deleted VM stays visible for about an hour (API reference, ReadVms). */
const VISIBILITY_MS = 3_600_000;
const FORGET_VM = 'forget a VM';

/**
 * Makes, shows and deletes VMs, as much as Net peerings need: a VM runs at once, in a Subnet, with one private address.
 * The rest of what a VM can be made with is accepted and ignored.
 */
export const VM_OPERATIONS: OapiOperations = {
  CreateVms: writes(
    [
      'ImageId',
      'SubnetId',
      'VmType',
      'MinVmsCount',
      'MaxVmsCount',
      'SecurityGroupIds',
      'SecurityGroups',
      'KeypairName',
      'Placement',
      'Performance',
      'UserData',
      'BootOnCreation',
      'DeletionProtection',
      'VmInitiatedShutdownBehavior',
      'ClientToken',
      'BlockDeviceMappings',
    ],
    create,
  ),
  ReadVms: reads(read),
  DeleteVms: writes(['VmIds'], remove),
};

/** A running VM. */
export function putVm(
  state: OutscaleState,
  subnet: Subnet,
  imageId = 'ami-00000000',
  vmType = 't2.small',
): Vm {
  const { accountId, region, netId } = subnet;
  const block = parseIpv4Block(subnet.ipRange);
  const address = (block?.first ?? 0) + RESERVED_ADDRESSES + state.vms.countBy('subnet', subnet.id);
  const [privateIp = ''] = formatIpv4Block({ first: address, last: address, prefixLength: 32 }).split('/');
  return state.vms.put({
    accountId,
    region,
    id: newId('i'),
    netId,
    subnetId: subnet.id,
    imageId,
    vmType,
    privateIp,
    createdAt: state.clock.now(),
  });
}

/** A running VM in a Net, in a Subnet over all of the Net when it has none. */
export function putVmInNet(state: OutscaleState, net: Net): Vm {
  const [subnet = putSubnet(state, net, net.ipRange)] = state.subnets.by('net', net.id);
  return putVm(state, subnet);
}

/** Whether a Net holds at least one VM. */
export function holdsVm(state: OutscaleState, netId: string): boolean {
  return state.vms.countBy('net', netId) > 0;
}

/** Teaches the agenda to forget what {@link VM_OPERATIONS} delete. */
export function forgetVmsWhenPlanned(state: OutscaleState): void {
  state.store.agenda.on(FORGET_VM, (id) => {
    state.vms.remove(id);
  });
}

function create(call: OapiCall): OapiAnswer {
  const { state, parameters } = call;
  const imageId = parameters.require('ImageId');
  const subnetId = parameters.get('SubnetId');
  if (subnetId === undefined) throw missingParameter('SubnetId');
  const subnet = own(call, 'subnet', state.subnets, subnetId);
  const least = parameters.integer('MinVmsCount') ?? 1;
  const most = parameters.integer('MaxVmsCount') ?? least;
  if (least < 1 || most < least) throw invalidValue('MaxVmsCount', String(most));
  const vms = Array.from({ length: most }, () => putVm(state, subnet, imageId, parameters.get('VmType')));
  return { Vms: vms.map((vm) => ({ ...render(call, vm), State: 'pending' })) };
}

function read(call: OapiCall): OapiAnswer {
  const { state } = call;
  const { page, next } = readPage(call, state.vms.by('home', homeKey(call)), {
    idOf: ({ id }) => id,
    sequenceOf: (id) => state.vms.sequenceOf(id),
    filters: {
      ImageIds: ({ imageId }) => [imageId],
      NetIds: ({ netId }) => [netId],
      PrivateIps: ({ privateIp }) => [privateIp],
      SubnetIds: ({ subnetId }) => [subnetId],
      VmIds: ({ id }) => [id],
      VmStateNames: (vm) => [stateOf(vm)],
      VmTypes: ({ vmType }) => [vmType],
    },
    hasTags: true,
  });
  return { Vms: page.map((vm) => render(call, vm)), ...next };
}

/** However often it is done (API reference, DeleteVms). */
function remove(call: OapiCall): OapiAnswer {
  const { state, parameters, now } = call;
  const ids = parameters.requireStrings('VmIds');
  for (const id of ids) checkId('i', id);
  const vms = ids.map((id) => own(call, 'i', state.vms, id));
  for (const vm of vms) {
    if (vm.terminatedAt !== undefined) continue;
    refuseWhileRouted(state, vm);
    state.vms.update(vm.id, { terminatedAt: now });
    state.store.agenda.plan(now + VISIBILITY_MS, FORGET_VM, vm.id);
  }
  return {
    Vms: vms.map((vm) => ({ VmId: vm.id, PreviousState: stateOf(vm), CurrentState: 'terminated' })),
  };
}

/** Nothing documents what becomes of routes to a VM that is deleted, so here it is not. */
function refuseWhileRouted(state: OutscaleState, vm: Vm): void {
  const isUsed = state.routeTables
    .by('net', vm.netId)
    .some((table) => table.routes.some(({ target }) => target.kind === 'vm' && target.id === vm.id));
  if (isUsed) throw new OutscaleError(CODES.inUse, `The VM '${vm.id}' is the target of a route.`);
}

function stateOf(vm: Vm): 'running' | 'terminated' {
  return vm.terminatedAt === undefined ? 'running' : 'terminated';
}

function render(call: OapiCall, vm: Vm) {
  return {
    VmId: vm.id,
    State: stateOf(vm),
    StateReason: '',
    ImageId: vm.imageId,
    VmType: vm.vmType,
    NetId: vm.netId,
    SubnetId: vm.subnetId,
    PrivateIp: vm.privateIp,
    CreationDate: new Date(vm.createdAt).toISOString(),
    Placement: { Tenancy: 'default', SubregionName: call.state.subnets.get(vm.subnetId)?.subregion ?? '' },
    Tags: tagsOf(call, vm.id),
  };
}
