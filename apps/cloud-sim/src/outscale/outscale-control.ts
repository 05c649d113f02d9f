import type { Accounts } from '../accounts.js';
import { ControlError, controlOperation, type ControlOperation } from '../control-fields.js';
import { formatIpv4Block, isCanonicalIpv4Block, parseIpv4Block } from '../ipv4-block.js';
import { putNet, putRouteTable } from './net.operations.js';
import { requestPeering } from './net-peering.operations.js';
import { REGIONS } from './outscale-regions.js';
import type { Home, Net, NetPeering, OutscaleState, PeeringEnd } from './outscale-state.js';
import { enter, PEERING_STATES, stateAt } from './peering-lifecycle.js';
import { putVmInNet } from './vm.operations.js';

const MAX_SEED = 100_000;

/** What only a simulator of OUTSCALE can do. */
export function outscaleControlOperations(
  state: OutscaleState,
  accounts: Accounts,
): Record<string, ControlOperation> {
  return {
    settings: controlOperation(
      'Changes quotas, rate limits (0 for none), and what is not documented of the API; answers with all settings.',
      {
        vmsRequired: { type: 'boolean' },
        repeatedChanges: { type: 'string', values: ['refused', 'accepted'] },
        callsPerSecond: { type: 'integer', min: 0 },
        callsPerSecondOfOneAction: { type: 'integer', min: 0 },
        netsPerRegion: { type: 'integer', min: 0 },
        routesPerTable: { type: 'integer', min: 0 },
        rulesPerSecurityGroup: { type: 'integer', min: 0 },
      },
      (input) => {
        const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
        state.settings = { ...state.settings, ...given };
        return state.settings;
      },
    ),
    'put-net': controlOperation(
      'Makes a Net with a VM in it, under a chosen id when one is given; without the VM when `empty`.',
      {
        accountId: { type: 'string', required: true },
        region: { type: 'string', required: true },
        ipRange: { type: 'string', required: true },
        netId: { type: 'string' },
        empty: { type: 'boolean' },
      },
      ({ accountId, region, ipRange, netId, empty }) => {
        const home = requireHome(accounts, accountId, region);
        if (!isCanonicalIpv4Block(ipRange))
          throw new ControlError(400, `Field "ipRange" must be an IPv4 CIDR block, not "${ipRange}".`);
        if (netId !== undefined && !/^vpc-[0-9a-f]{8}$/.test(netId)) {
          throw new ControlError(
            400,
            `Field "netId" must be "vpc-" and 8 hexadecimal digits, not "${netId}".`,
          );
        }
        if (netId !== undefined && state.nets.has(netId))
          throw new ControlError(409, `There is a Net ${netId} already.`);
        const net = putNet(state, {
          ...home,
          ipRange,
          tenancy: 'default',
          ...(netId !== undefined && { id: netId }),
        });
        return { netId: net.id, vmId: empty === true ? null : putVmInNet(state, net).id };
      },
    ),
    'seed-vpcs': controlOperation(
      'Makes many Nets with a VM in each, one after another in `from`, each of `prefixLength`; answers with their ids.',
      {
        accountId: { type: 'string', required: true },
        region: { type: 'string', required: true },
        count: { type: 'integer', min: 1, max: MAX_SEED, required: true },
        from: { type: 'string', required: true },
        prefixLength: { type: 'integer', min: 16, max: 28, required: true },
      },
      ({ accountId, region, ...blocks }) => {
        const nets = seedNets(state, requireHome(accounts, accountId, region), blocks);
        return { vpcs: nets.map(({ id, ipRange }) => ({ vpcId: id, cidr: ipRange })) };
      },
    ),
    'seed-route-tables': controlOperation(
      'Makes many route tables in a Net at once; answers with their ids.',
      {
        netId: { type: 'string', required: true },
        count: { type: 'integer', min: 1, max: MAX_SEED, required: true },
      },
      ({ netId, count }) => {
        const net = requireNet(state, netId);
        return { routeTableIds: Array.from({ length: count }, () => putRouteTable(state, net).id) };
      },
    ),
    'put-vm': controlOperation(
      'Starts a VM in a Net, in a Subnet over all of it when it has none.',
      { netId: { type: 'string', required: true } },
      ({ netId }) => ({ vmId: putVmInNet(state, requireNet(state, netId)).id }),
    ),
    'request-peering': controlOperation(
      "Plays the customer: makes a Net with a VM in it, and asks for its peering with another's Net.",
      {
        sourceAccountId: { type: 'string', required: true },
        ipRange: { type: 'string', required: true },
        accepterNetId: { type: 'string', required: true },
      },
      ({ sourceAccountId, ipRange, accepterNetId }) => {
        const accepter = requireNet(state, accepterNetId);
        const home = requireHome(accounts, sourceAccountId, accepter.region);
        if (!isCanonicalIpv4Block(ipRange))
          throw new ControlError(400, `Field "ipRange" must be an IPv4 CIDR block, not "${ipRange}".`);
        const net = putNet(state, { ...home, ipRange, tenancy: 'default' });
        putVmInNet(state, net);
        return show(state, requestPeering(state, endOf(net), endOf(accepter)));
      },
    ),
    'set-peering-state': controlOperation(
      'Puts a Net peering into a state as of now, whatever it is in.',
      {
        netPeeringId: { type: 'string', required: true },
        state: { type: 'string', values: PEERING_STATES, required: true },
      },
      ({ netPeeringId, state: next }) => {
        const peering = state.peerings.get(netPeeringId);
        if (peering === undefined) throw new ControlError(404, `There is no Net peering ${netPeeringId}.`);
        return show(state, enter(state, peering, next));
      },
    ),
    'seed-peerings': controlOperation(
      'Requests `count` peerings with a Net, each from a new Net (with a VM) of the source in `from`, past the quotas; ' +
        'accepts them when `state` is active.',
      {
        accepterNetId: { type: 'string', required: true },
        sourceAccountId: { type: 'string', required: true },
        count: { type: 'integer', min: 1, max: MAX_SEED, required: true },
        from: { type: 'string', required: true },
        prefixLength: { type: 'integer', min: 16, max: 28, required: true },
        state: { type: 'string', values: ['pending-acceptance', 'active'] },
      },
      (input) => ({ peerings: seedPeerings(state, accounts, input) }),
    ),
  };
}

interface BlockSeed {
  readonly count: number;
  readonly from: string;
  readonly prefixLength: number;
}

function seedNets(state: OutscaleState, home: Home, { count, from, prefixLength }: BlockSeed): Net[] {
  const range = parseIpv4Block(from);
  const size = 2 ** (32 - prefixLength);
  if (range === undefined)
    throw new ControlError(400, `Field "from" must be an IPv4 CIDR block, not "${from}".`);
  if (range.first + size * count - 1 > range.last)
    throw new ControlError(400, `${from} does not hold ${count} blocks of /${prefixLength}.`);
  return Array.from({ length: count }, (_, index) => {
    const first = range.first + size * index;
    const ipRange = formatIpv4Block({ first, last: first + size - 1, prefixLength });
    const net = putNet(state, { ...home, ipRange, tenancy: 'default' });
    putVmInNet(state, net);
    return net;
  });
}

interface PeeringSeed extends BlockSeed {
  readonly accepterNetId: string;
  readonly sourceAccountId: string;
  readonly state?: 'pending-acceptance' | 'active' | undefined;
}

function seedPeerings(state: OutscaleState, accounts: Accounts, seed: PeeringSeed) {
  const accepter = requireNet(state, seed.accepterNetId);
  const home = requireHome(accounts, seed.sourceAccountId, accepter.region);
  return seedNets(state, home, seed).map((net) => {
    const peering = requestPeering(state, endOf(net), endOf(accepter));
    return show(state, seed.state === 'active' ? enter(state, peering, 'active') : peering);
  });
}

function show(state: OutscaleState, peering: NetPeering) {
  const { id, source } = peering;
  return {
    netPeeringId: id,
    sourceNetId: source.netId,
    ipRange: source.ipRange,
    state: stateAt(peering, state.clock.now()),
  };
}

function endOf({ accountId, region, id, ipRange }: Net): PeeringEnd {
  return { accountId, region, netId: id, ipRange };
}

function requireNet(state: OutscaleState, netId: string): Net {
  const net = state.nets.get(netId);
  if (net === undefined) throw new ControlError(404, `There is no Net ${netId}.`);
  return net;
}

function requireHome(accounts: Accounts, accountId: string, region: string): Home {
  if (!accounts.get(accountId))
    throw new ControlError(404, `There is no account ${accountId}: POST /_sim/accounts makes one.`);
  if (!REGIONS.includes(region))
    throw new ControlError(400, `Field "region" must be one of ${REGIONS.join(', ')}, not "${region}".`);
  return { accountId, region };
}
